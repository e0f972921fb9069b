package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.Phrases.after;
import static org.jobwitness.server.verdict.Phrases.job;

import java.util.Objects;
import org.jobwitness.wire.JobState;

/** Runs whose end was not seen, or is not explained by anything that is known. */
final class UnknownEnds {
    private UnknownEnds() {
    }

    static Explanation lost(RunEvidence evidence) {
        return Explanation.of(job(evidence) + " has ended, but its end was not recorded: "
                + (evidence.reported().replaced()
                        ? "its id was used again, or the job started again."
                        : "Slurm no longer lists it, and no agent has seen it recently."))
                .meaning(
                        "No epilog reported the end. This happens when a node fails, or where the epilog is not installed.");
    }

    static Explanation unknown(RunEvidence evidence) {
        JobState state = evidence.run().state();
        if (state == JobState.FAILED) {
            return Explanation.of(job(evidence) + " failed" + after(evidence) + "; the cause was not reported.")
                    .advice(ExitEnds.LOOK_AT_OUTPUT);
        }
        if (state == JobState.CANCELLED) {
            return Explanation.of(job(evidence) + " was stopped" + after(evidence)
                    + "; who stopped it, and why, was not reported.");
        }
        return Explanation.of(job(evidence) + " ended"
                + (evidence.oomKills() > 0 ? afterOomKills(evidence) : after(evidence))
                + "; only Slurm knows whether it finished or was stopped.")
                .meaning(Objects.equals(evidence.reported().exitCode(), 0)
                        ? "Slurm's epilog gets 0:0 both when a job finishes and when it is cancelled or requeued. So this may be a success, but it is not confirmed."
                        : "The exit code of its " + evidence.reported().program() + " was not reported.");
    }

    private static String afterOomKills(RunEvidence evidence) {
        return " after " + (evidence.onlyNodeMemoryRanOut() ? "its node" : "it") + " ran out of memory ("
                + Phrases.count(evidence.oomKills(), "process", "processes") + " killed)";
    }
}
