package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.Phrases.job;

import java.util.Optional;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Verdict.OutOfMemory;
import org.jspecify.annotations.Nullable;

/** Runs of which the kernel killed processes because the job or its node ran out of memory. */
final class MemoryEnds {
    static final String USE_LESS = "Take a partition with larger nodes, spread the work over more nodes, or make the program use less: smaller pieces of data, or fewer tasks per node.";

    private static final String ASK_FOR_MORE = "Ask for more memory (--mem or --mem-per-cpu), or make the program use less: smaller pieces of data, or fewer tasks per node.";

    private static final String LOOK_AT_LIMITS = "Check the memory of its steps (srun --mem, --mem-per-cpu) and the last lines of the job's output before you ask for more.";

    private MemoryEnds() {
    }

    static Explanation completedDespiteOom(RunEvidence evidence) {
        return Explanation.of(job(evidence) + " completed, but the kernel killed " + killed(evidence) + ": the "
                + (evidence.onlyNodeMemoryRanOut() ? "node" : "job") + " ran out of memory.")
                .meaning("Its " + evidence.reported().program()
                        + " went on and ended with exit code 0, so Slurm counts it as completed. "
                        + Phrases.lostWork(evidence.oomKills()))
                .advice("Check its results. " + orUseLess(evidence, ASK_FOR_MORE));
    }

    static Explanation jobOutOfMemory(RunEvidence evidence) {
        OutOfMemory oom = outOfMemory(evidence);
        StringBuilder headline = new StringBuilder(job(evidence)).append(" ran out of memory");
        if (oom.node() != null) {
            headline.append(Phrases.on(oom.node()));
        }
        if (oom.step() != null) {
            headline.append(" (").append(Phrases.stepName(oom.step())).append(')');
        }
        Optional<NodeUsage> withRoom = evidence.withMemoryLeft();
        if (oom.limitBytes() != null && withRoom.isEmpty()) {
            headline.append(": its limit there was ").append(Phrases.bytes(oom.limitBytes()));
        }
        return Explanation.of(headline.append('.').toString())
                .meaning("When a job needs more memory than its limit, the kernel kills some of its processes"
                        + (oom.kills() == null ? "." : " (here: " + oom.kills() + ").")
                        + withRoom.map(on -> " " + unexplained(on, evidence)).orElse(""))
                .advice(withRoom.isEmpty() ? orUseLess(evidence, ASK_FOR_MORE) : LOOK_AT_LIMITS);
    }

    /** @param ask the advice where a node may have more */
    static String orUseLess(RunEvidence evidence, String ask) {
        return evidence.hadLargestNode() ? USE_LESS : ask;
    }

    /** That the numbers do not fit: no limit that is known was reached. */
    static String unexplained(NodeUsage on, RunEvidence evidence) {
        return "But the peak that was read" + Phrases.on(on.node()) + " is " + Phrases.bytes(on.memoryUsed())
                + " of its " + Phrases.bytes(evidence.limit(on))
                + ", so the job's limit does not explain it. A step may have had a smaller limit, the limit may have been changed, or it may have grown in the seconds after its last sample.";
    }

    static Explanation nodeOutOfMemory(RunEvidence evidence, boolean confirmed) {
        String node = evidence.kills().isEmpty()
                ? evidence.nodes().stream().filter(on -> on.oomKills() > 0).findFirst().orElseThrow().node()
                : evidence.kills().getFirst().node();
        return Explanation.of(job(evidence) + (confirmed ? " ended" : " failed") + " after the kernel killed "
                + killed(evidence) + " because " + (node.isEmpty() ? "its node" : "node " + Phrases.plain(node))
                + " itself ran out of memory.")
                .meaning(
                        "The job's own memory limit was not the cause. All jobs on the node together, or the system, used up its memory, and the kernel chose this process.")
                .advice("Submit it again. If the job used more memory than it asked for, ask for that much; otherwise report the node and the time to your administrators.");
    }

    private static String killed(RunEvidence evidence) {
        long kills = evidence.oomKills();
        return (kills == 0 ? "one" : kills) + " of its processes";
    }

    /** Where memory ran out, as far as that is known. */
    static OutOfMemory outOfMemory(RunEvidence evidence) {
        Optional<JobOomKill> first = firstKill(evidence);
        Optional<NodeUsage> node = first
                .flatMap(kill -> evidence.nodes().stream().filter(on -> on.node().equals(kill.node())).findFirst())
                .or(() -> evidence.nodes().stream().filter(on -> on.oomKills() > 0).findFirst());
        Long limit = first.map(JobOomKill::limitBytes)
                .orElseGet(() -> node.map(on -> wholeOrNull(evidence.limitOfKill(on))).orElse(null));
        OomCause cause = first.map(JobOomKill::cause)
                .orElseGet(() -> countedCause(evidence));
        boolean isMet = cause != OomCause.NODE
                && (first.map(JobOomKill::limitBytes).isPresent() || evidence.withMemoryLeft().isEmpty());
        return new OutOfMemory(cause, evidence.oomKills() == 0 ? null : Long.valueOf(evidence.oomKills()),
                first.map(JobOomKill::timestamp).orElse(null),
                first.map(JobOomKill::node).or(() -> node.map(NodeUsage::node)).orElse(null),
                first.map(JobOomKill::step).orElse(null), isMet ? limit : null,
                node.map(on -> wholeOrNull(on.memoryPeak())).orElse(null));
    }

    private static @Nullable OomCause countedCause(RunEvidence evidence) {
        if (evidence.onlyNodeMemoryRanOut()) {
            return OomCause.NODE;
        }
        return evidence.reported().oomCounted() ? OomCause.LIMIT : null;
    }

    /** At the job's own limit, if there is any; else of the node's memory. */
    private static Optional<JobOomKill> firstKill(RunEvidence evidence) {
        return evidence.kills().stream().filter(kill -> kill.cause() == OomCause.LIMIT).findFirst()
                .or(() -> evidence.kills().stream().findFirst());
    }

    private static @Nullable Long wholeOrNull(double value) {
        return Double.isNaN(value) ? null : Long.valueOf((long) value);
    }
}
