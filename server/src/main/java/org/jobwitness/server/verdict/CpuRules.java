package org.jobwitness.server.verdict;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Unit;

/** CPUs and nodes that a run left idle, and CPU quotas that throttled it. */
final class CpuRules {
    /** A run that had so much of its CPUs busy at a time can use them all. */
    private static final double NEARLY_ALL = 0.8;
    /** Beside GPUs, CPUs are there to feed them: by turns, and seldom all at once. */
    private static final double BESIDE_GPUS = 0.5;
    private static final double ALMOST_IDLE = 0.1;
    private static final UsageFacts USED = new UsageFacts("avg_cpus_used", Unit.CPUS, NodeUsage::cpusUsed);
    private static final UsageFacts PERCENT = new UsageFacts("avg_cpu_usage", Unit.PERCENT, NodeUsage::cpuPercent);
    private static final UsageFacts THROTTLED = new UsageFacts("cpu_throttled", Unit.SECONDS,
            NodeUsage::throttledSeconds);

    private CpuRules() {
    }

    /** @param stalled whether its processes waited for memory or I/O, which explains idle CPUs */
    static Judgement judge(RunEvidence evidence, boolean stalled, Thresholds thresholds) {
        return Judgement.of(idle(evidence, stalled, thresholds), throttled(evidence, thresholds),
                imbalance(evidence, thresholds));
    }

    private static Judgement idle(RunEvidence evidence, boolean stalled, Thresholds thresholds) {
        List<NodeUsage> known = evidence.nodes().stream().filter(on -> on.cpusUsed() >= 0).toList();
        if (known.isEmpty()) {
            return Judgement.skipped(FindingRule.CPU_IDLE, "its number of CPUs is not known");
        }
        boolean hasGpus = evidence.run().gpus() > 0 || !evidence.gpus().isEmpty();
        double cpus = known.stream().mapToDouble(NodeUsage::cpus).sum();
        double asked = cpus * evidence.run().askedShare();
        double used = USED.sum(known);
        double threshold = thresholds.usedPercent() * asked / 100 * (hasGpus ? BESIDE_GPUS : 1);
        if (asked < 2 || used >= threshold) {
            return Judgement.NONE;
        }
        if (stalled) {
            return Judgement.skipped(FindingRule.CPU_IDLE,
                    "its CPUs were idle because its processes waited, see the other finding");
        }
        double max = known.stream().mapToDouble(NodeUsage::cpusUsedAtMost).sum();
        boolean worked = max >= NEARLY_ALL * asked;
        String busy = "Of its " + Phrases.number(cpus) + " CPUs"
                + (asked < cpus
                        ? " (it asked for " + Phrases.number(asked) + ", and got whole cores or nodes), "
                        : ", ")
                + Phrases.number(used) + Phrases.were(used)
                + " busy on average" + (worked
                        ? ", though at times nearly all were." + atTheEnd(known, used)
                        : ", and at most " + Phrases.number(max) + " at once.");
        return Judgement.found(FindingRule.CPU_IDLE, hasGpus ? Severity.INFO : Severity.WARNING, busy)
                .advice(worked
                        ? "The program did little for most of its time. Check whether it waited for something, hung, or continued in one process or thread only."
                        : "If the program cannot use several CPUs at once, ask for fewer. If it can, set how many it uses, for example with OMP_NUM_THREADS or an option of the program.")
                .between(evidence.run().start(), evidence.lastSample())
                .by(USED.of(known, on -> Phrases.number(on.cpusUsed()) + " of " + Phrases.number(on.cpus())
                        + " CPUs busy on average, " + Phrases.number(on.cpusUsedAtMost()) + " at most, in "
                        + Phrases.count(on.samples(), "sample")));
    }

    private static String atTheEnd(List<NodeUsage> nodes, double used) {
        double last = nodes.stream().mapToDouble(on -> on.cpus() * on.lastCpuPercent() / 100).sum();
        return last < ALMOST_IDLE * used ? " Towards the end it was almost idle." : "";
    }

    private static Judgement throttled(RunEvidence evidence, Thresholds thresholds) {
        List<NodeUsage> known = evidence.nodes().stream().filter(on -> on.throttledSeconds() >= 0 && on.cpus() > 0)
                .toList();
        double cpuSeconds = known.stream().mapToDouble(on -> on.cpus() * evidence.secondsOn(on)).sum();
        double throttled = THROTTLED.sum(known);
        if (!(cpuSeconds > 0 && 100 * throttled >= thresholds.stallPercent() * cpuSeconds)) {
            return Judgement.NONE;
        }
        return Judgement.found(FindingRule.CPU_THROTTLED, Severity.WARNING,
                "A CPU quota throttled its processes for " + Phrases.time(throttled) + ", which is "
                        + Phrases.percent(100 * throttled / cpuSeconds) + " of its CPU time.")
                .advice("It runs more threads than its CPU time allows. Start one thread for each CPU, or ask for more CPUs.")
                .between(evidence.run().start(), evidence.lastSample())
                .by(THROTTLED.of(known, on -> "throttled for " + Phrases.time(on.throttledSeconds())));
    }

    private static Judgement imbalance(RunEvidence evidence, Thresholds thresholds) {
        List<NodeUsage> byUse = evidence.nodes().stream().filter(on -> on.cpuPercent() >= 0)
                .sorted(Comparator.comparingDouble(NodeUsage::cpuPercent)).toList();
        if (byUse.size() < 2 || byUse.getLast().cpuPercent() < thresholds.usedPercent()) {
            return Judgement.NONE;
        }
        NodeUsage busiest = byUse.getLast();
        List<NodeUsage> idle = byUse.stream()
                .filter(on -> 100 * on.cpuPercent() < thresholds.imbalancePercent() * busiest.cpuPercent()).toList();
        if (idle.isEmpty()) {
            return Judgement.NONE;
        }
        List<NodeUsage> cited = new ArrayList<>(idle);
        cited.add(busiest);
        boolean one = idle.size() == 1;
        return Judgement.found(FindingRule.NODE_IMBALANCE, Severity.WARNING,
                idle.size() + " of its " + byUse.size() + " nodes" + Phrases.were(idle.size()) + " almost idle: "
                        + Phrases.names(idle.stream().map(NodeUsage::node).toList()) + " used at most "
                        + Phrases.percent(idle.getLast().cpuPercent()) + " of " + (one ? "its" : "their")
                        + " CPUs, while " + Phrases.plain(busiest.node()) + " used "
                        + Phrases.percent(busiest.cpuPercent()) + ".")
                .advice("A program runs on several nodes only if it is started on each, for example with srun or mpirun. If it cannot do that, ask for one node.")
                .between(evidence.run().start(), evidence.lastSample())
                .by(PERCENT.of(cited.reversed(),
                        on -> Phrases.percent(on.cpuPercent()) + " of its CPUs busy on average"));
    }
}
