package org.jobwitness.server.verdict;

import java.util.ArrayList;
import java.util.List;
import org.jobwitness.server.verdict.RunEvidence.ReportedEnd;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.Reason;

/** The evidence that would be needed to say more of how a run ended, and where to find it. */
final class MissingEvidence {
    private MissingEvidence() {
    }

    static List<String> of(Cause cause, boolean confirmed, RunEvidence evidence) {
        Run run = evidence.run();
        ReportedEnd end = evidence.reported();
        List<String> missing = new ArrayList<>();
        if (run.hasEnded() && !confirmed && !end.schedulerEnd()) {
            missing.add("Slurm's record of how it ended; sacct -j " + run.id() + " -o State,ExitCode shows it.");
        }
        if (run.hasEnded() && !end.startSeen() && end.endSeen()) {
            missing.add("No prolog reported its start, so the resources it asked for may not be known.");
        }
        if (run.start() != null && evidence.nodes().isEmpty()) {
            missing.add("No agent reported its usage, so its use of CPUs, memory and GPUs is not known.");
        }
        boolean oom = cause == Cause.OUT_OF_MEMORY || cause == Cause.COMPLETED_DESPITE_OOM;
        if (oom && evidence.kills().isEmpty()) {
            missing.add("No agent saw the moment of the kill, so node, step and limit may be missing here.");
        }
        if (cause == Cause.CANCELLED && end.cancelledBy() == null && run.reason() == Reason.CANCELLED) {
            missing.add("Who cancelled it; sacct -j " + run.id() + " -o State shows the user's number.");
        }
        return missing;
    }
}
