package org.jobwitness.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class VerdictTest {
    private static final Verdict.Fact FACT = new Verdict.Fact(Verdict.Source.KERNEL, Verdict.Strength.PROOF,
            "it was killed", null, "n1", null, null);

    private static Verdict.Finding finding(String sentence, String advice, List<Verdict.Fact> evidence) {
        return new Verdict.Finding(FindingRule.GPU_IDLE, Severity.WARNING, sentence, advice, null, null, evidence,
                null);
    }

    @Test
    void aFindingRestsOnSomething() {
        assertThat(finding("idle", "release it", List.of(FACT)).evidence()).containsExactly(FACT);
        assertThatThrownBy(() -> finding("idle", "release it", List.of())).hasMessageStartingWith(
                "evidence must not be empty");
        assertThatThrownBy(() -> finding(" ", "release it", List.of(FACT))).hasMessageStartingWith("sentence must");
        assertThatThrownBy(() -> finding("idle", "", List.of(FACT))).hasMessageStartingWith("advice must");
    }

    @Test
    void whatWasJudgedCannotBeChanged() {
        List<Verdict.Fact> facts = new ArrayList<>(List.of(FACT));
        Verdict.Finding finding = finding("idle", "release it", facts);
        facts.clear();
        assertThat(finding.evidence()).hasSize(1).isUnmodifiable();
        Verdict.NextRequest next = new Verdict.NextRequest("as it is", 1, new ArrayList<>(), new ArrayList<>(),
                new ArrayList<>());
        assertThat(List.of(next.lines(), next.options(), next.notes())).allSatisfy(
                list -> assertThat(list).isUnmodifiable());
    }

    static Stream<Enum<?>> words() {
        return Stream.<Enum<?>[]>of(JobState.values(), Reason.values(), Cause.values(), FindingRule.values(),
                Severity.values(), RetryHow.values(), OomCause.values(), GpuVendor.values(), GpuHold.values(),
                Verdict.Source.values(),
                Verdict.Strength.values(), Verdict.Unit.values()).flatMap(Stream::of);
    }

    /** The names of constants are the API's words. */
    @ParameterizedTest
    @MethodSource("words")
    void aWordOfTheApiIsItsNameInLowerCase(Enum<?> word) {
        assertThat(word).hasToString(word.name().toLowerCase(Locale.ROOT));
    }

    @Test
    void anEndIsCompletedFailedOrCancelled() {
        assertThat(Stream.of(JobState.values()).filter(JobState::isFinal)).containsExactly(JobState.COMPLETED,
                JobState.FAILED, JobState.CANCELLED);
    }
}
