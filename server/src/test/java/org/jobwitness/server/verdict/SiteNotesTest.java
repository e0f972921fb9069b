package org.jobwitness.server.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which of the site's notes are shown, and what is wrong with a file of them. */
class SiteNotesTest {
    private static final Instant T = Instant.parse("2026-11-23T10:00:00Z");

    private Instant now = T;
    private final Clock clock = ((InstantSource) () -> now).withZone(ZoneOffset.UTC);

    private static RunEvidence evidence(@Nullable String partition, @Nullable String account) {
        RunEvidence.Run run = new RunEvidence.Run("7", 1, "alpha", "ada", null, List.of("n1"), JobState.FAILED,
                Reason.OUT_OF_MEMORY, true, null, T, T.plusSeconds(60), null, Double.NaN, Double.NaN, 1, 1, 0, null,
                RunEvidence.Terms.UNKNOWN, partition, account);
        return new RunEvidence(T.plusSeconds(3600), run, new RunEvidence.ReportedEnd(null, null, null, false, null,
                null, null, null, null, null, false, false, false, false, false, null), List.of(), List.of(), List.of(),
                List.of(), 0, List.of(), Double.NaN, List.of());
    }

    private static List<Verdict.Finding> findings() {
        return List.of(new Verdict.Finding(FindingRule.GPU_IDLE, Severity.CRITICAL, "Idle.", "Ask for fewer.",
                null, null, List.of(new Verdict.Fact(Verdict.Source.AGENT, Verdict.Strength.PROOF, "A fact.", null,
                        null, null, null)),
                null));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            cause = out_of_memory                        | true
            cause = time_limit                           | false
            cause = time_limit, out_of_memory            | true
            cause != time_limit                          | true
            cause = out_of_memory and partition = gpu    | true
            cause = out_of_memory and partition = long   | false
            partition = big                              | true
            partition != gpu                             | false
            finding = gpu_idle                           | true
            finding != gpu_idle                          | false
            finding != cpu_idle                          | true
            account = physics                            | false
            account != physics                           | false
            user = ada and cluster = alpha and state = failed and reason = out_of_memory | true
            """)
    void aConditionIsMetByWhatIsKnown(String condition, boolean isMet) {
        RunEvidence.Run run = evidence("gpu,big", null).run();
        assertThat(NoteCondition.parse(condition).isMet(run, Cause.OUT_OF_MEMORY, findings())).isEqualTo(isMet);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            when: caus = out_of_memory     | line 2: there is no field "caus"; fields are cause, state
            when: cause = oom              | line 2: there is no cause "oom"; it is one of pending, running
            when: cause                    | line 2: "cause" is no term such as: cause = out_of_memory
            when: cause = out_of_memory and | line 2: "out_of_memory and" is no name of a cause
            when: user = a; drop table job | line 2: "a; drop table job" is no name of a user
            when: user = ${x}              | line 2: "${x}" is no name of a user
            text: <b>bold</b>              | line 2: text: takes 1 to 500 characters, without
            link: javascript:alert(1)      | line 2: link: takes an address such as https://
            text: again                    | line 2: there are two lines text
            note: a                        | line 2: a line begins with when:, text:, link: or #
            """)
    void anErrorNamesItsLine(String line, String error) {
        assertThatThrownBy(() -> SiteNotes.parse("notes", "text: first\n" + line + "\n"))
                .isInstanceOf(SiteNotes.InvalidNotes.class).hasMessageStartingWith("notes, " + error);
    }

    @Test
    void aNoteWithoutATextIsAnError() {
        assertThatThrownBy(() -> SiteNotes.parse("notes", "link: https://a.example.org\n\ntext: b\n"))
                .hasMessage("notes, line 2: the note that ends here has no text:");
    }

    @Test
    void theFileIsReadAgainWhenItChangesAndAnErrorLeavesTheNotesAsTheyWere(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("notes");
        Files.writeString(file, """
                # For all
                text: Ask us.

                when: cause = out_of_memory
                text: More memory is on gpu01.
                link: https://hpc.example.org/memory

                when: cause = time_limit
                text: Not this one.
                """);
        SiteNotes notes = SiteNotes.of(Optional.of("Our words."), Optional.of(file), clock);
        RunEvidence evidence = evidence("gpu", "physics");
        String first = "Our words.\nAsk us.\nMore memory is on gpu01. https://hpc.example.org/memory";
        assertThat(notes.of(evidence, Cause.OUT_OF_MEMORY, List.of())).isEqualTo(first);

        Files.writeString(file, "text: Changed.\nwhen: nonsense\n");
        now = now.plusSeconds(10);
        assertThat(notes.of(evidence, Cause.OUT_OF_MEMORY, List.of())).isEqualTo(first);
        assertThat(notes.problem().orElseThrow()).contains("line 2: \"nonsense\" is no term");

        Files.delete(file);
        now = now.plusSeconds(10);
        assertThat(notes.problem().orElseThrow()).contains("cannot be read");
        assertThat(notes.of(evidence, Cause.OUT_OF_MEMORY, List.of())).isEqualTo(first);

        Files.writeString(file, "text: Mended, at last.\n");
        now = now.plusSeconds(10);
        assertThat(notes.problem()).isEmpty();
        assertThat(notes.of(evidence, Cause.OUT_OF_MEMORY, List.of())).isEqualTo("Our words.\nMended, at last.");
        assertThat(SiteNotes.NONE.of(evidence, Cause.OUT_OF_MEMORY, List.of())).isNull();
    }
}
