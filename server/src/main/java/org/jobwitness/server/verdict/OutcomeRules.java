package org.jobwitness.server.verdict;

import org.jobwitness.wire.Cause;
import org.jobwitness.wire.Verdict;

/**
 * How a run stands or ended. Its state, its reason and whether they are certain were decided when they were reported
 * ({@code job.Outcome}); this adds the cause behind them, the chain of evidence, and the words.
 */
final class OutcomeRules {
    private OutcomeRules() {
    }

    static Verdict.Outcome judge(RunEvidence evidence) {
        Cause cause = CauseRules.cause(evidence);
        boolean confirmed = CauseRules.isConfirmed(cause, evidence);
        Explanation words = explain(cause, confirmed, evidence);
        return new Verdict.Outcome(evidence.run().state(), cause, confirmed, words.headline(), words.meaning(),
                words.advice(), OutcomeFacts.of(cause, evidence),
                MissingEvidence.of(cause, confirmed, evidence),
                evidence.oomKills() > 0 || evidence.hasOomMark() ? MemoryEnds.outOfMemory(evidence) : null);
    }

    private static Explanation explain(Cause cause, boolean confirmed, RunEvidence evidence) {
        return switch (cause) {
            case PENDING -> OpenRuns.pending(evidence);
            case RUNNING -> OpenRuns.running(evidence);
            case COMPLETED -> ExitEnds.completed(evidence);
            case EXIT_CODE -> ExitEnds.exitCode(evidence);
            case SIGNAL -> ExitEnds.signal(evidence, confirmed);
            case COMPLETED_DESPITE_OOM -> MemoryEnds.completedDespiteOom(evidence);
            case OUT_OF_MEMORY -> MemoryEnds.jobOutOfMemory(evidence);
            case NODE_OUT_OF_MEMORY -> MemoryEnds.nodeOutOfMemory(evidence, confirmed);
            case TIME_LIMIT -> SchedulerEnds.timeLimit(evidence, confirmed);
            case CANCELLED -> SchedulerEnds.cancelled(evidence);
            case PREEMPTED -> SchedulerEnds.preempted(evidence);
            case NODE_FAILURE -> SchedulerEnds.nodeFailure(evidence);
            case LAUNCH_FAILURE -> SchedulerEnds.launchFailure(evidence);
            case PROLOG_FAILURE -> SchedulerEnds.prologFailure(evidence);
            case GPU_FAILURE -> GpuFaults.explain(evidence);
            case DEADLINE -> SchedulerEnds.deadline(evidence);
            case REQUEUED -> SchedulerEnds.requeued(evidence, confirmed);
            case REVOKED -> SchedulerEnds.revoked(evidence);
            case LOST -> UnknownEnds.lost(evidence);
            case UNKNOWN -> UnknownEnds.unknown(evidence);
        };
    }
}
