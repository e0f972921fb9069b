package org.jobwitness.server.verdict;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Verdict.Option;
import org.jobwitness.wire.Verdict.Unit;

/**
 * {@code --mem}: from the memory peak of the fullest node. Where memory was asked for by CPU, the fullest node is the one that used
 * most of what its CPUs brought, and fewer CPUs need more each.
 */
final class NextMemory {
    private static final double MEBIBYTE = 1 << 20;
    private static final double GIBIBYTE = 1 << 30;

    private final PastRuns runs;

    /** How many are suggested for each node; NaN if as many as before. */
    private final double fewerCpus;
    private final double peak;
    private final double limit;
    private final double needed;

    /** The most of both: without swap, the peak. */
    private final double used;

    private NextMemory(PastRuns runs, double fewerCpus) {
        List<Task> measured = runs.measured(runs.ended());
        this.runs = runs;
        this.fewerCpus = fewerCpus;
        this.limit = PastRuns.orUnknown(PastRuns.max(measured, Task::memoryLimit));
        this.peak = PastRuns.max(measured, task -> task.memoryPeak() * scale(task, limit));
        this.needed = PastRuns.max(measured, task -> task.needed() * scale(task, limit));
        this.used = needed > peak ? needed : peak;
    }

    /** By CPU, memory of a run with a smaller limit, and so fewer CPUs, counts for more. */
    private double scale(Task task, double most) {
        return isPerCpu(runs) && task.memoryLimit() > 0 && most > 0 ? most / task.memoryLimit() : 1;
    }

    private static boolean isPerCpu(PastRuns runs) {
        return runs.run().terms().memoryPerCpuMb() > 0;
    }

    /** @param cpus what is suggested for its CPUs */
    static Suggestion suggest(PastRuns runs, Suggestion cpus) {
        Optional<JobOomKill> ofStep = runs.evidence().kills().stream()
                .filter(kill -> reachedLimitOfStep(kill, runs.evidence())).findFirst();
        if (ofStep.isPresent()) {
            return note(Phrases.step(ofStep.get().step()) + " reached its own limit of "
                    + Phrases.bytes(requireNonNull(ofStep.get().limitBytes()))
                    + ", not the limit of the job. Give that step more memory (srun --mem).");
        }
        NextMemory memory = new NextMemory(runs,
                isPerCpu(runs)
                        ? cpus.options().stream().mapToDouble(Option::amount).min().orElse(Double.NaN)
                        : Double.NaN);
        return runs.ended().stream().anyMatch(Task::oomKilled) ? memory.afterOutOfMemory() : memory.byPeak();
    }

    private static boolean reachedLimitOfStep(JobOomKill kill, RunEvidence evidence) {
        return kill.cause() == OomCause.LIMIT && kill.limitBytes() != null && evidence.nodes().stream()
                .anyMatch(on -> on.node().equals(kill.node()) && kill.limitBytes() < on.memoryLimit());
    }

    private Suggestion afterOutOfMemory() {
        Optional<NodeUsage> changed = runs.evidence().nodes().stream()
                .filter(NodeUsage::hadSmallerLimit).findFirst();
        if (changed.isPresent()) {
            return note("it ran out of memory, and its limit" + Phrases.on(changed.get().node())
                    + " was changed while it ran, between " + Phrases.bytes(changed.get().minMemoryLimit()) + " and "
                    + Phrases.bytes(changed.get().memoryLimit())
                    + ". What it needs is not known, so nothing is suggested.");
        }
        Optional<NodeUsage> withRoom = runs.ended().getFirst().oomKilled() && runs.run().hasEnded()
                ? runs.evidence().withMemoryLeft()
                : Optional.empty();
        if (withRoom.isPresent() || runs.ended().stream().filter(Task::oomKilled).allMatch(Task::hadMemoryLeft)) {
            return note("it ran out of memory, but its peak"
                    + withRoom.map(on -> Phrases.on(on.node()) + " was " + Phrases.bytes(on.memoryUsed()) + " of "
                            + Phrases.bytes(runs.evidence().limit(on))).orElse(" was far below its limit")
                    + ". The two do not fit, so nothing is suggested; see why it ended.");
        }
        double most = PastRuns.max(runs.ended(), Task::memoryLimit);
        double known = Math.max(orZero(PastRuns.max(runs.ended(), task -> task.needed() * scale(task, most))),
                Math.max(orZero(PastRuns.max(runs.ended(), task -> task.memoryPeak() * scale(task, most))),
                        orZero(most)));
        if (known == 0) {
            return note("it ran out of memory, so ask for more; its memory limit is not known.");
        }
        return option(known * PastRuns.BEYOND_LIMIT, most,
                "It ran out of memory at " + Phrases.bytes(known)
                        + " on one node. How much it really needs is not known",
                "; this is 50 % more, and the next run will show more.");
    }

    private static double orZero(double value) {
        return Double.isNaN(value) ? 0 : value;
    }

    private Suggestion byPeak() {
        if (!(peak > 0)) {
            return note(runs.evidence().nodes().isEmpty()
                    ? "its use of memory is not known."
                    : "its use of memory is not known well enough: that takes "
                            + Phrases.count(runs.thresholds().minSamples(), "sample") + " and "
                            + runs.thresholds().coveragePercent() + " % of its time.");
        }
        if (peak > limit * RunEvidence.BEYOND) {
            return note("its peak on one node, " + Phrases.bytes(peak) + ", is above its limit of "
                    + Phrases.bytes(limit) + ", which was changed or is not enforced, so nothing is suggested.");
        }
        double near = runs.thresholds().memoryNearPercent() * limit;
        if (needed > limit && runs.evidence().nodes().stream().anyMatch(on -> on.swapMax() > 0)) {
            return option(runs.withMargin(used), limit, "Its processes needed " + Phrases.bytes(needed)
                    + " on one node, more than its limit of " + Phrases.bytes(limit) + ", so a part was in swap",
                    margin());
        }
        if (100 * needed >= near) {
            return option(runs.withMargin(used), limit, "Its processes used "
                    + Phrases.bytes(needed) + " of " + Phrases.bytes(limit)
                    + " on one node, so memory nearly ran out. Peak: " + Phrases.bytes(peak), margin());
        }
        if (100 * peak >= near && needed < peak / 2
                && runs.evidence().nodes().stream().anyMatch(NodeUsage::isMostlyCache)) {
            return note("most of its memory was page cache. Less may be enough, but files would be read more slowly. "
                    + "Its processes used at most " + Phrases.bytes(needed) + " on one node.");
        }
        if (runs.run().hasEnded() && runs.evidence().unreadNodes() > 0) {
            return note(runs.evidence().whatIsUnread()
                    + ", and may have needed more than the others, so no smaller value is suggested.");
        }
        return runs.done().isEmpty() ? note(runs.whyNoneIsDone()) : lessOrSame();
    }

    private Suggestion lessOrSame() {
        double ask = runs.withMargin(used);
        return Double.isNaN(fewerCpus) && rounded(ask) > PastRuns.WORTH_A_CHANGE * limit
                ? note("no change; the peak on one node was " + Phrases.bytes(used) + " of " + Phrases.bytes(limit)
                        + ".")
                : option(ask, limit, "Peak on one node: " + Phrases.bytes(used) + ", including cached files", margin());
    }

    private static Suggestion note(String text) {
        return Suggestion.note("--mem: " + text);
    }

    private String margin() {
        return "; " + runs.margin() + " added.";
    }

    /** @param margin what was added to what is known, the end of the sentence */
    private Suggestion option(double bytes, double before, String known, String margin) {
        RunEvidence.Terms terms = runs.run().terms();
        String why = known + margin;
        double largest = runs.evidence().largestNode();
        if (terms.memoryPerCpuMb() > 0) {
            return perCpu(bytes, before, known, margin);
        }
        if (rounded(bytes) > largest && runs.evidence().hadLargestNode()) {
            return note(noneIsLarger(known));
        }
        if (terms.isMemoryPerGpu()) {
            return note("it asked for memory per GPU, so change --mem-per-gpu: together, "
                    + (rounded(bytes) > largest
                            ? inSlurmForm(inMebibytes(largest)) + " on a node. " + allOfANode(known)
                            : inSlurmForm(rounded(bytes)) + " on a node. " + why));
        }
        if (rounded(bytes) > largest) {
            return perNode(inMebibytes(largest), before, allOfANode(known));
        }
        Suggestion perNode = perNode(rounded(bytes), before, why);
        return terms.memoryPerNodeMb() > 0
                ? perNode
                : Suggestion.of(perNode, note(
                        "if the script has --mem-per-cpu or --mem-per-gpu, remove that line: sbatch takes only one of them."));
    }

    /** Of more than any node has, Slurm would refuse a request, or the job would wait for ever. */
    private String noneIsLarger(String known) {
        return Character.toLowerCase(known.charAt(0)) + noNode(known).substring(1)
                + ", so it would never get more there. "
                + MemoryEnds.USE_LESS;
    }

    private String allOfANode(String known) {
        return noNode(known) + ", so this is all of it.";
    }

    private String noNode(String known) {
        return known + "; no node of its partition gives more than "
                + Phrases.bytes(inMebibytes(runs.evidence().largestNode())) + " to jobs";
    }

    private static double inMebibytes(double bytes) {
        return Math.floor(bytes / MEBIBYTE) * MEBIBYTE;
    }

    /** Slurm multiplies it by the CPUs of a node that it gave. */
    private Suggestion perCpu(double bytes, double before, String known, String margin) {
        double asked = runs.run().terms().memoryPerCpuMb() * MEBIBYTE;
        double cpus = before > 0 ? Math.round(before / asked) : PastRuns.max(runs.ended(), Task::cpus);
        if (!(cpus >= 1)) {
            return note("it asked for memory per CPU, and its number of CPUs is not known, so nothing is suggested.");
        }
        boolean isFewer = fewerCpus < cpus;
        double together = isFewer ? fewerCpus : cpus;
        double largest = runs.evidence().largestNode();
        double ask = rounded(bytes / together);
        String why = known + margin;
        if (ask * together > largest) { // several tasks might go to several nodes, but whether they can is not known
            if (runs.evidence().hadLargestNode() || inMebibytes(largest / together) <= asked) {
                return note(noneIsLarger(known));
            }
            ask = inMebibytes(largest / together);
            why = allOfANode(known);
        }
        return Suggestion.option("--mem-per-cpu", inSlurmForm(ask), ask, Unit.BYTES, inSlurmForm(asked),
                why + " That is for " + (isFewer
                        ? Phrases.count((long) fewerCpus, "CPU") + ", as suggested below."
                        : Phrases.number(cpus) + " CPUs of a node."));
    }

    private Suggestion perNode(double ask, double before, String why) {
        return Suggestion.option("--mem", inSlurmForm(ask), ask, Unit.BYTES,
                Double.isNaN(before) ? null : inSlurmForm(Math.ceil(before / MEBIBYTE) * MEBIBYTE),
                why + (runs.run().nodes().size() > 1 ? " --mem applies to each node." : ""));
    }

    /** Up to what people would write, and at least one step: Slurm reads 0 as all memory of the node. */
    private static double rounded(double bytes) {
        double step = GIBIBYTE;
        if (bytes < 8 * GIBIBYTE) {
            step = (bytes < GIBIBYTE ? 64 : 256) * MEBIBYTE;
        }
        return Math.max(1, Math.ceil(bytes / step)) * step;
    }

    private static String inSlurmForm(double bytes) {
        return bytes % GIBIBYTE == 0 ? (long) (bytes / GIBIBYTE) + "G" : (long) (bytes / MEBIBYTE) + "M";
    }
}
