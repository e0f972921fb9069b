package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.Phrases.after;
import static org.jobwitness.server.verdict.Phrases.job;

import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict.OtherRun;

/** Runs that Slurm itself ended: because of a limit, a person, another job, or a fault of the cluster. */
final class SchedulerEnds {
    private SchedulerEnds() {
    }

    static Explanation timeLimit(RunEvidence evidence, boolean confirmed) {
        double seconds = evidence.timeLimitSeconds();
        String limit = " its time limit" + (Double.isNaN(seconds) ? "" : " of " + Phrases.time(seconds));
        if (evidence.asTask().hadTimeLeft()) {
            return Explanation.of(job(evidence) + " was stopped at a time limit" + after(evidence) + ".")
                    .meaning("But" + limit + " had not passed. It may have been lowered while the job ran.")
                    .advice("Ask your administrators whether the time limit was changed.");
        }
        Explanation ended = confirmed
                ? Explanation.of(job(evidence) + " reached" + limit + ", so Slurm ended it.")
                : Explanation.of(job(evidence) + " ended when" + limit + " expired, which is the most likely cause.")
                        .meaning(
                                "Slurm's epilog gets no information about time limits, but an end at the limit is a strong sign.");
        return ended.advice(
                "Ask for more time (--time), or have the program save checkpoints, so that the next job can continue from the last one.");
    }

    static Explanation cancelled(RunEvidence evidence) {
        return Explanation.of(job(evidence) + " was cancelled" + byWhom(evidence)
                + (evidence.run().start() == null ? " before it started" : after(evidence)) + ".");
    }

    private static String byWhom(RunEvidence evidence) {
        String user = evidence.reported().cancelledBy();
        if (evidence.run().reason() == Reason.CANCELLED_BY_USER) {
            return " by its own user";
        }
        if (user != null) {
            return " by " + Phrases.quoted(user);
        }
        return evidence.run().reason() == Reason.CANCELLED_BY_ADMIN ? " by an administrator" : "";
    }

    static Explanation preempted(RunEvidence evidence) {
        return Explanation.of(job(evidence) + " was preempted" + after(evidence)
                + ": Slurm stopped it to make room for a job with higher priority.")
                .meaning("Preemption means that the cluster lets more urgent jobs take the place of others.")
                .advice("Nothing is wrong with the job. Submit it again, if possible in a partition or QOS that is not preempted. Save checkpoints, so that it can continue from the last one.");
    }

    static Explanation nodeFailure(RunEvidence evidence) {
        Run run = evidence.run();
        if (run.reason() != Reason.NODE_FAILURE) {
            return Explanation.of(job(evidence) + " ended" + after(evidence) + ", and "
                    + NodeFaults.phrase(NodeFaults.failed(evidence).orElseThrow()) + ".")
                    .meaning("This is most likely why it ended: a fault of the node, not of the program.")
                    .advice("Submit it again. Work since its last checkpoint is lost.");
        }
        String failed = run.nodes().size() == 1 ? run.nodes().getFirst() : evidence.reported().failedNode();
        return Explanation.of(job(evidence) + " ended" + after(evidence) + " because "
                + (failed == null ? "one of its nodes" : "its node " + Phrases.plain(failed))
                + " failed.")
                .meaning(
                        "The node stopped responding to Slurm. The usual cause is the hardware or the system there, not the job.")
                .advice((evidence.otherRuns().stream().anyMatch(OtherRun::later)
                        ? "Slurm has started the job again under the same id. "
                        : "Slurm queues the job again by itself (squeue shows it), unless it was submitted with --no-requeue or the cluster does not requeue. Only then, submit it again. ")
                        + "Work since its last checkpoint is lost.");
    }

    static Explanation launchFailure(RunEvidence evidence) {
        SlurmdError error = SlurmdError.of(evidence).orElse(null);
        if (error != null) {
            return notRun(error, evidence);
        }
        return Explanation.of("Slurm could not start job " + evidence.run().id() + ".")
                .meaning(
                        "Slurm gave the job its nodes, but the job did not start there. The usual cause is the cluster, not the job.")
                .advice("Submit it again. If it happens again, report the job id and the node to your administrators.");
    }

    /** Its script never ran: the number in place of its exit status is of slurmd. */
    private static Explanation notRun(SlurmdError error, RunEvidence evidence) {
        return Explanation
                .of(job(evidence) + " did not run: its node could not " + error.failed() + ".")
                .meaning("This is Slurm's error " + error.number
                        + ", no signal and no exit code of the script. The script did not start, so there is no output.")
                .advice(error.isOfFiles()
                        ? "Check --output, --error and --chdir: each folder must exist on the node, and you must be allowed to write there; the disk or your quota may be full. Slurm does not create folders."
                        : "Submit it again. If it happens again, report the job id and the node to your administrators.");
    }

    static Explanation prologFailure(RunEvidence evidence) {
        return Explanation.of(job(evidence) + " did not run: the prolog of its node failed.")
                .meaning(
                        "The prolog is a script of the administrators that runs before a job. Nothing is wrong with the job: Slurm drains the node and queues the job again, or holds it.")
                .advice("If the job is held (squeue shows it), release it with scontrol release, or submit it again. Report the node to your administrators.");
    }

    static Explanation deadline(RunEvidence evidence) {
        return Explanation.of(job(evidence) + " was removed because it could not finish before its deadline.")
                .meaning("The deadline is the one set with sbatch --deadline, not the time limit.")
                .advice("Set a later --deadline or a shorter --time.");
    }

    static Explanation revoked(RunEvidence evidence) {
        return Explanation
                .of(job(evidence) + " was withdrawn here, because another cluster of the federation started it.")
                .meaning(
                        "A federation gives a job to several clusters, and the first that can start it does. Nobody cancelled it.")
                .advice("Look for the job in the other clusters (squeue --federation).");
    }

    static Explanation requeued(RunEvidence evidence, boolean confirmed) {
        return Explanation.of(job(evidence) + " was requeued" + after(evidence)
                + (confirmed ? "." : ", as its restart count shows."))
                .meaning("This is one run of the job; the job started again under the same id, or will.")
                .advice(evidence.reported().replaced() ? "Look at the newest run of the job." : null);
    }
}
