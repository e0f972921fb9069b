package org.jobwitness.server.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What the case files cannot say yet: the scheduler's word. The rest of {@link Outcome} is told by them. */
class OutcomeTest {
    private static final Instant END = Instant.parse("2026-03-02T10:05:00Z");

    @ParameterizedTest
    @CsvSource(nullValues = "-", textBlock = """
            COMPLETED, -,                  COMPLETED
            CANCELLED, CANCELLED_BY_USER,  CANCELLED by 1000
            CANCELLED, PREEMPTED,          PREEMPTED
            FAILED,    TIMEOUT,            TIMEOUT
            FAILED,    NODE_FAILURE,       NODE_FAIL
            FAILED,    OUT_OF_MEMORY,      OUT_OF_MEMORY
            FAILED,    DEADLINE,           DEADLINE
            FAILED,    LAUNCH_FAILURE,     LAUNCH_FAILED
            FAILED,    EXIT_CODE,          FAILED
            """)
    void theSchedulersWordStandsAgainstAllElse(JobState state, Reason reason, String raw) {
        EndEvidence.SchedulerState word = new EndEvidence.SchedulerState(state, reason, raw);
        for (JobState claimed : List.of(JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)) {
            for (WaitStatus exit : List.of(new WaitStatus(0, 0), new WaitStatus(3, 0), new WaitStatus(0, 9))) {
                boolean wasRequeued = reason != Reason.NODE_FAILURE; // of which a requeue makes something else
                assertThat(Outcome.of(attributes(END), end(word, claimed, exit, 0, false, wasRequeued)))
                        .isEqualTo(new Outcome(state, reason, true));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Reason.class, names = {"EXIT_CODE", "SIGNAL"})
    void oomSeenElsewhereExplainsAFailureThatTheSchedulerDoesNotExplain(Reason reason) {
        EndEvidence.SchedulerState word = new EndEvidence.SchedulerState(JobState.FAILED, reason, "FAILED");
        Outcome outOfMemory = new Outcome(JobState.FAILED, Reason.OUT_OF_MEMORY, true);

        assertThat(Outcome.of(attributes(null), end(word, null, new WaitStatus(1, 0), 253, false, false)))
                .as("in a step").isEqualTo(outOfMemory);
        assertThat(Outcome.of(attributes(null), end(word, null, new WaitStatus(1, 0), 0, true, false)))
                .as("in a cgroup").isEqualTo(outOfMemory);
        assertThat(Outcome.of(attributes(null), end(word, null, WaitStatus.ofRaw(253), 0, false, false)))
                .as("in the batch script").isEqualTo(outOfMemory);
        assertThat(Outcome.of(attributes(null), end(word, null, new WaitStatus(1, 0), 256, false, false)))
                .as("nowhere").isEqualTo(new Outcome(JobState.FAILED, reason, true));
    }

    @Test
    void oomSeenElsewhereExplainsAFailureWithoutAReason() {
        EndEvidence.SchedulerState word = new EndEvidence.SchedulerState(JobState.FAILED, null, "FAILED");

        assertThat(Outcome.of(attributes(null), end(word, null, null, 253, false, false)))
                .isEqualTo(new Outcome(JobState.FAILED, Reason.OUT_OF_MEMORY, true));
    }

    @ParameterizedTest
    @EnumSource(value = Reason.class, names = {"TIMEOUT", "NODE_FAILURE", "DEADLINE", "LAUNCH_FAILURE"})
    void oomSeenElsewhereDoesNotUnmakeAnotherReasonOfTheScheduler(Reason reason) {
        EndEvidence.SchedulerState word = new EndEvidence.SchedulerState(JobState.FAILED, reason, reason.name());

        assertThat(Outcome.of(attributes(null), end(word, null, new WaitStatus(1, 0), 253, true, false)))
                .isEqualTo(new Outcome(JobState.FAILED, reason, true));
    }

    @Test
    void oomSeenElsewhereDoesNotUnmakeASuccessOrACancellationOfTheScheduler() {
        assertThat(Outcome.of(attributes(null),
                end(new EndEvidence.SchedulerState(JobState.COMPLETED, null, "COMPLETED"), null,
                        WaitStatus.ofRaw(253), 253, true, false)))
                .isEqualTo(new Outcome(JobState.COMPLETED, null, true));
        assertThat(Outcome.of(attributes(null), end(
                new EndEvidence.SchedulerState(JobState.CANCELLED, Reason.CANCELLED, "CANCELLED"), null,
                WaitStatus.ofRaw(253), 253, true, false)))
                .isEqualTo(new Outcome(JobState.CANCELLED, Reason.CANCELLED, true));
    }

    @Test
    void theSchedulersWordConfirmsARunOfWhichNoHookSawTheEnd() {
        EndEvidence end = new EndEvidence(false, null,
                new EndEvidence.SchedulerState(JobState.CANCELLED, Reason.CANCELLED, "CANCELLED"), null,
                null, null, null, false, false, false);

        assertThat(Outcome.of(attributes(null), end))
                .isEqualTo(new Outcome(JobState.CANCELLED, Reason.CANCELLED, true));
    }

    @Test
    void evidenceIsOrderedFromNothingToTheScheduler() {
        EndEvidence.SchedulerState word = new EndEvidence.SchedulerState(JobState.COMPLETED, null, "COMPLETED");
        List<EndEvidence> weakestFirst = List.of(EndEvidence.NONE, end(null, null, null, 253, true, false),
                end(null, null, new WaitStatus(3, 0), 0, false, false),
                end(null, null, WaitStatus.ofRaw(253), 0, false, false),
                end(null, JobState.FAILED, WaitStatus.ofRaw(253), 0, false, false),
                end(word, JobState.FAILED, WaitStatus.ofRaw(253), 0, false, false));

        assertThat(weakestFirst.stream().map(EndEvidence::strength)).containsExactly(EndEvidence.Strength.values());
    }

    private static JobAttributes attributes(Instant deadline) {
        return JobAttributes.of("alice", 1000L, List.of("n1")).withRun(null, 0, deadline);
    }

    private static EndEvidence end(EndEvidence.SchedulerState word, JobState finalState, WaitStatus exit, int derived,
            boolean oomKilled, boolean requeued) {
        return new EndEvidence(true, END, word, finalState, exit, derived, null, oomKilled, requeued, requeued);
    }
}
