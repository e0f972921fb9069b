package org.jobwitness.server.verdict;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Unit;

/** Runs of which all processes waited at the same time: for memory or for I/O ({@code full} of the pressure files). */
final class StallRules {
    private static final UsageFacts MEMORY = new UsageFacts("memory_stall", Unit.SECONDS,
            NodeUsage::memoryStallSeconds);
    private static final UsageFacts IO = new UsageFacts("io_stall", Unit.SECONDS, NodeUsage::ioStallSeconds);

    private StallRules() {
    }

    static Judgement judge(RunEvidence evidence, Thresholds thresholds) {
        Judgement memory = stall(FindingRule.MEMORY_STALLED, MEMORY, "memory",
                "It barely fits into its memory: the kernel keeps evicting pages and reading them back. "
                        + MemoryEnds.orUseLess(evidence, "Ask for more memory."),
                evidence, thresholds);
        if (memory.hasFound(FindingRule.MEMORY_STALLED)) {
            return Judgement.of(memory, Judgement.skipped(FindingRule.IO_STALLED,
                    "memory shortage causes disk waits as well, so I/O was not judged separately"));
        }
        return stall(FindingRule.IO_STALLED, IO, "I/O",
                "Read and write fewer, larger pieces. Copy files that are read often to the node's local disk or memory first. Overlap I/O with computing.",
                evidence, thresholds);
    }

    private static Judgement stall(FindingRule rule, UsageFacts stalled, String resource, String advice,
            RunEvidence evidence, Thresholds thresholds) {
        Optional<NodeUsage> worst = evidence.nodes().stream()
                .filter(on -> stalled.value().applyAsDouble(on) >= 0 && evidence.secondsOn(on) > 0)
                .max(Comparator.comparingDouble(on -> stalled.value().applyAsDouble(on) / evidence.secondsOn(on)))
                .filter(on -> 100 * stalled.value().applyAsDouble(on) >= thresholds.stallPercent()
                        * evidence.secondsOn(on));
        return worst.map(on -> {
            double seconds = stalled.value().applyAsDouble(on);
            String time = Phrases.time(seconds);
            String part = Phrases.percent(Math.min(100, 100 * seconds / evidence.secondsOn(on)));
            return Judgement.found(rule, Severity.WARNING, "For " + time + Phrases.on(on.node()) + " (" + part
                    + " of its time), all of its processes were waiting for " + resource + " at the same time.")
                    .advice(advice).between(evidence.run().start(), on.lastSample())
                    .by(stalled.of(List.of(on), _ -> "all processes waited for " + resource + " for " + time));
        }).orElse(Judgement.NONE);
    }
}
