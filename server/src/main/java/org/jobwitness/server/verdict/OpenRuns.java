package org.jobwitness.server.verdict;

import static java.util.Objects.requireNonNull;
import static org.jobwitness.server.verdict.Phrases.job;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Runs that are pending or running. */
final class OpenRuns {
    /** Reports of an end may be on their way for so long. */
    private static final Duration GRACE = Duration.ofMinutes(10);

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
        return Explanation.of(job(evidence) + " has been running for " + Phrases.time(seconds)
                + ofAtMost(run.start(), run.deadline()) + ".").meaning(isLate(evidence)
                        ? "Its time limit has passed, but no end has been reported. The report may be on its way, or lost."
                        : null);
    }

    private static String ofAtMost(@Nullable Instant start, @Nullable Instant deadline) {
        return deadline == null ? "" : " of at most " + Phrases.time(Duration.between(requireNonNull(start), deadline));
    }

    private static boolean isLate(RunEvidence evidence) {
        Instant deadline = evidence.run().deadline();
        return deadline != null && evidence.now().isAfter(deadline.plus(GRACE));
    }
}
