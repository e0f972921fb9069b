package org.jobwitness.server.verdict;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;

/** The cause behind a run's state and reason, and whether it is beyond doubt. */
final class CauseRules {
    private static final int SIGKILL = 9;
    private static final int EXIT_CODE_OF_SIGKILL = 128 + SIGKILL;

    /** Reasons that an error of slurmd's own looks like, or goes with. */
    private static final Set<Reason> NOT_THE_SCRIPT = EnumSet.of(Reason.SIGNAL, Reason.EXIT_CODE, Reason.UNKNOWN,
            Reason.LAUNCH_FAILURE, Reason.REQUEUED);

    private CauseRules() {
    }

    static Cause cause(RunEvidence evidence) {
        RunEvidence.Run run = evidence.run();
        return switch (run.state()) {
            case PENDING -> Cause.PENDING;
            case RUNNING -> Cause.RUNNING;
            case COMPLETED -> completed(evidence);
            case FAILED, CANCELLED -> run.reason() == null ? Cause.UNKNOWN : ended(run.reason(), evidence);
        };
    }

    private static Cause completed(RunEvidence evidence) {
        if (evidence.run().reason() == Reason.LOST) {
            return orNodeFailure(Cause.LOST, evidence);
        }
        if (!evidence.run().isConfirmed()) {
            return Cause.UNKNOWN;
        }
        return evidence.oomKills() > 0 || evidence.hasOomMark() ? Cause.COMPLETED_DESPITE_OOM : Cause.COMPLETED;
    }

    private static Cause ended(Reason reason, RunEvidence evidence) {
        Optional<SlurmdError> ofSlurmd = NOT_THE_SCRIPT.contains(reason) ? SlurmdError.of(evidence) : Optional.empty();
        if (ofSlurmd.isPresent()) {
            return ofSlurmd.get() == SlurmdError.PROLOG ? Cause.PROLOG_FAILURE : Cause.LAUNCH_FAILURE;
        }
        return switch (reason) {
            case OUT_OF_MEMORY -> orNodeOutOfMemory(Cause.OUT_OF_MEMORY, evidence);
            case SIGNAL -> orNodeOutOfMemory(orFailure(Cause.SIGNAL, evidence), evidence);
            case EXIT_CODE -> orNodeOutOfMemory(orFailure(Cause.EXIT_CODE, evidence), evidence);
            case TIMEOUT -> Cause.TIME_LIMIT;
            case NODE_FAILURE -> Cause.NODE_FAILURE;
            case PREEMPTED -> Cause.PREEMPTED;
            case CANCELLED, CANCELLED_BY_USER, CANCELLED_BY_ADMIN -> Cause.CANCELLED;
            case REQUEUED -> Cause.REQUEUED;
            case REVOKED -> Cause.REVOKED;
            case LAUNCH_FAILURE -> Cause.LAUNCH_FAILURE;
            case DEADLINE -> Cause.DEADLINE;
            case LOST -> orNodeFailure(Cause.LOST, evidence);
            case UNKNOWN -> orNodeFailure(Cause.UNKNOWN, evidence);
        };
    }

    /** A stopped run, which signals 9 and 15 show, needs no failed GPU to end. */
    private static Cause orFailure(Cause cause, RunEvidence evidence) {
        return evidence.run().state() == JobState.FAILED && GpuFaults.failed(evidence).isPresent()
                ? Cause.GPU_FAILURE
                : orNodeFailure(cause, evidence);
    }

    private static Cause orNodeFailure(Cause cause, RunEvidence evidence) {
        boolean mayHaveFailed = evidence.run().state() == JobState.FAILED || evidence.run().reason() == Reason.LOST;
        return mayHaveFailed && NodeFaults.failed(evidence).isPresent() ? Cause.NODE_FAILURE : cause;
    }

    private static Cause orNodeOutOfMemory(Cause cause, RunEvidence evidence) {
        return evidence.onlyNodeMemoryRanOut() ? Cause.NODE_OUT_OF_MEMORY : cause;
    }

    /** That the node ran out of memory is certain; that the job ended because of it, only if its end looks like that. */
    static boolean isConfirmed(Cause cause, RunEvidence evidence) {
        return switch (cause) {
            case PENDING, RUNNING -> true;
            case LOST, UNKNOWN, GPU_FAILURE -> false;
            case NODE_FAILURE -> evidence.run().isConfirmed() && evidence.run().reason() == Reason.NODE_FAILURE;
            case NODE_OUT_OF_MEMORY -> evidence.run().isConfirmed() && looksKilled(evidence);
            case COMPLETED, COMPLETED_DESPITE_OOM, OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, PREEMPTED,
                    SIGNAL, EXIT_CODE, LAUNCH_FAILURE, PROLOG_FAILURE, DEADLINE, REQUEUED, REVOKED ->
                evidence.run().isConfirmed();
        };
    }

    private static boolean looksKilled(RunEvidence evidence) {
        RunEvidence.ReportedEnd end = evidence.reported();
        return Objects.equals(end.exitCode(), EXIT_CODE_OF_SIGKILL) || Objects.equals(end.signal(), SIGKILL)
                || "OUT_OF_MEMORY".equals(end.rawState())
                || evidence.hasOomMark();
    }
}
