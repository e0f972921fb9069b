package org.jobwitness.server.verdict;

import static java.util.Objects.requireNonNull;
import static org.jobwitness.server.verdict.Phrases.job;

import java.time.Duration;
import java.time.Instant;

/** Runs that are pending or running. */
final class OpenRuns {
    private OpenRuns() {
    }

    static Explanation pending(RunEvidence evidence) {
        Instant submit = evidence.run().submit();
        RunEvidence.ReportedEnd reported = evidence.reported();
        String since = submit == null
                ? ""
                : ", " + Phrases.time(Duration.between(submit, evidence.now())) + " after it was submitted";
        return Explanation.of(job(evidence) + " is pending" + since + ".")
                .meaning(PendingReasons.meaning(reported.stateReason(), reported.stateDescription()));
    }

    static Explanation running(RunEvidence evidence) {
        RunEvidence.Run run = evidence.run();
        double seconds = run.seconds(evidence.now());
        if (Double.isNaN(seconds)) {
            return Explanation.of(job(evidence) + " is running.");
        }
        if (evidence.isSuspended()) {
            return Explanation.of(job(evidence) + " is suspended; it started " + Phrases.time(seconds) + " ago.")
                    .meaning(
                            "Slurm stopped its processes to let another job run first, or because an operator suspended it. They keep their memory, the time limit is paused, and the job continues where it stopped.");
        }
        if (evidence.mayHaveEnded()) {
            return Explanation.of(job(evidence) + " started " + Phrases.time(seconds) + " ago, and its time limit of "
                    + limit(run) + " has passed.")
                    .meaning(
                            "It has probably ended, but no end has been reported: the report may be on its way, or lost.");
        }
        return Explanation.of(job(evidence) + " has been running for " + Phrases.time(seconds)
                + (run.deadline() == null ? "" : " of at most " + limit(run)) + ".").meaning(evidence.isPastDeadline()
                        ? "Its time limit has passed, but it still runs: the limit may have been extended, or Slurm lets jobs exceed it (OverTimeLimit)."
                        : null);
    }

    private static String limit(RunEvidence.Run run) {
        return Phrases.time(Duration.between(requireNonNull(run.start()), requireNonNull(run.deadline())));
    }
}
