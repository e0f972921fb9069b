package org.jobwitness.server.verdict;

import java.util.List;
import java.util.Optional;
import org.jobwitness.server.node.NodeEventTable.Event;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Retry;
import org.jobwitness.wire.RetryHow;
import org.jobwitness.wire.Verdict.NextRequest;
import org.jobwitness.wire.Verdict.Option;
import org.jobwitness.wire.Verdict.OtherRun;
import org.jobwitness.wire.Verdict.Outcome;

/**
 * Whether to submit a job again, by the cause of its end. Programs act on it without a person, so where a cause is a guess, or the
 * numbers contradict it, that is not known.
 */
final class RetryRules {
    private final RunEvidence evidence;
    private final Outcome outcome;
    private final NextRequest next;

    private RetryRules(RunEvidence evidence, Outcome outcome, NextRequest next) {
        this.evidence = evidence;
        this.outcome = outcome;
        this.next = next;
    }

    static Retry judge(RunEvidence evidence, Outcome outcome, NextRequest next) {
        if (outcome.state().isFinal() && evidence.otherRuns().stream().anyMatch(OtherRun::later)) {
            return retry(RetryHow.NONE, "Slurm has run it again under the same id; look at the newest run.");
        }
        return new RetryRules(evidence, outcome, next).byCause();
    }

    private Retry byCause() {
        return switch (outcome.cause()) {
            case PENDING, RUNNING -> retry(RetryHow.NOT_KNOWN, "It has not ended.");
            case COMPLETED -> retry(RetryHow.NONE, "It completed.");
            case OUT_OF_MEMORY -> moreMemory("It ran out of memory");
            case COMPLETED_DESPITE_OOM ->
                moreMemory("Its exit code is 0, but processes of it were killed for lack of memory");
            case TIME_LIMIT -> moreTime();
            case NODE_OUT_OF_MEMORY -> otherNode("The node itself ran out of memory.", whereNodeRanOut());
            case NODE_FAILURE -> otherNode("A node of it failed.", failedNode());
            case GPU_FAILURE -> otherNode("A GPU of it failed.", failedGpu());
            case PREEMPTED -> retry(RetryHow.SAME, "It made room for a job with higher priority.");
            case LAUNCH_FAILURE -> launchFailure();
            case PROLOG_FAILURE -> otherNode("The prolog of its node failed.", evidence.run().nodes());
            case REQUEUED -> retry(RetryHow.NONE, "Slurm runs it again by itself.");
            case REVOKED -> retry(RetryHow.NONE, "Another cluster of the federation runs it.");
            case CANCELLED -> retry(RetryHow.NO_USE, "It was cancelled.");
            case DEADLINE -> retry(RetryHow.NO_USE, "Its deadline has passed.");
            case EXIT_CODE, SIGNAL -> ofProgram();
            case LOST, UNKNOWN -> retry(RetryHow.NOT_KNOWN, "Why it ended is not known.");
        };
    }

    private Retry moreMemory(String why) {
        List<Option> options = options("--mem");
        boolean contradicts = options.isEmpty() && (evidence.withMemoryLeft().isPresent()
                || evidence.nodes().stream().anyMatch(RunEvidence.NodeUsage::hadSmallerLimit));
        if (contradicts) {
            return retry(RetryHow.NOT_KNOWN, why + ", but its peak does not fit its limit.");
        }
        if (options.isEmpty() && evidence.hadLargestNode()) {
            return retry(RetryHow.NO_USE, why + ", and no node of its partition gives more memory to jobs.");
        }
        return new Retry(RetryHow.MORE_MEMORY, why + (options.isEmpty() ? "; how much it needs is not known." : "."),
                options, List.of());
    }

    private Retry moreTime() {
        return evidence.asTask().hadTimeLeft()
                ? retry(RetryHow.NOT_KNOWN, "It was stopped at a time limit, but its own had not passed.")
                : new Retry(RetryHow.MORE_TIME, "It reached its time limit.", options("--time"), List.of());
    }

    private List<Option> options(String prefix) {
        return next.options().stream().filter(option -> option.name().startsWith(prefix)).toList();
    }

    private Retry launchFailure() {
        Optional<SlurmdError> error = SlurmdError.of(evidence);
        return error.isPresent() && error.get().isOfFiles()
                ? retry(RetryHow.NO_USE, "Its node could not " + error.get().failed() + ".")
                : otherNode("Its node could not start it.", evidence.run().nodes());
    }

    private Retry ofProgram() {
        return outcome.confirmed()
                ? retry(RetryHow.NO_USE, "Its program failed; the same job will most likely fail again.")
                : retry(RetryHow.NOT_KNOWN, "Why its program ended is not certain.");
    }

    private List<String> whereNodeRanOut() {
        return evidence.kills().stream().filter(kill -> kill.cause() == OomCause.NODE).map(JobOomKill::node).distinct()
                .toList();
    }

    /** The one that is known to have failed; of a job of one node, that. */
    private List<String> failedNode() {
        List<String> known = NodeFaults.failed(evidence).map(Event::node).stream().toList();
        List<String> nodes = evidence.run().nodes();
        return known.isEmpty() && nodes.size() == 1 ? nodes : known;
    }

    private List<String> failedGpu() {
        return GpuFaults.failed(evidence).map(GpuUsage::node).stream().toList();
    }

    private static Retry otherNode(String why, List<String> nodes) {
        return new Retry(RetryHow.OTHER_NODE, why, List.of(), nodes);
    }

    private static Retry retry(RetryHow how, String why) {
        return new Retry(how, why, List.of(), List.of());
    }
}
