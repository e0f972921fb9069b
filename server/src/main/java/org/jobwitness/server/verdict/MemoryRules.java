package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.context;
import static org.jobwitness.server.verdict.FactBuilder.proof;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Unit;

/** Memory of which a run had too little, or far more than it used. */
final class MemoryRules {
    /** Their headline speaks of the OOM kills. */
    private static final Set<Cause> OUT_OF_MEMORY = EnumSet.of(Cause.OUT_OF_MEMORY, Cause.NODE_OUT_OF_MEMORY,
            Cause.COMPLETED_DESPITE_OOM);

    private MemoryRules() {
    }

    static Judgement killed(RunEvidence evidence, Cause cause) {
        long kills = evidence.oomKills();
        if (kills == 0 || OUT_OF_MEMORY.contains(cause)) {
            return Judgement.NONE;
        }
        Instant first = evidence.kills().isEmpty() ? null : evidence.kills().getFirst().timestamp();
        return Judgement.found(FindingRule.OOM_KILLED, Severity.CRITICAL,
                "The kernel killed " + kills + " of its processes for lack of memory, and the job went on without "
                        + (kills == 1 ? "it." : "them."))
                .advice("Check its results. " + Phrases.lostWork(kills) + " "
                        + MemoryEnds.orUseLess(evidence, "Ask for more memory."))
                .between(first, null)
                .by(proof(Source.AGENT, "Killed processes: " + kills + ".")
                        .quantity("oom_kills", (double) kills, Unit.COUNT).build());
    }

    static Judgement judge(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        Optional<NodeUsage> fullest = evidence.nodes().stream()
                .filter(on -> on.memoryPeak() > 0 && evidence.limit(on) > 0)
                .max(Comparator.comparingDouble(on -> on.memoryUsed() / evidence.limit(on)));
        return fullest.map(on -> judge(on, evidence, cause, thresholds))
                .orElseGet(() -> Judgement.skipped(FindingRule.MEMORY_OVERASKED,
                        "its memory limit or its use of memory is not known"));
    }

    private static Judgement judge(NodeUsage on, RunEvidence evidence, Cause cause, Thresholds thresholds) {
        double limit = evidence.limit(on);
        return on.memoryPeak() > limit * RunEvidence.BEYOND
                ? Judgement.skipped(FindingRule.MEMORY_OVERASKED, "its memory peak" + Phrases.on(on.node()) + ", "
                        + Phrases.bytes(on.memoryPeak()) + ", is above its limit of " + Phrases.bytes(limit)
                        + ", which was changed or is not enforced")
                : Judgement.of(overasked(on, evidence, cause, thresholds), nearLimit(on, evidence, thresholds));
    }

    private static Judgement overasked(NodeUsage on, RunEvidence evidence, Cause cause, Thresholds thresholds) {
        if (!evidence.run().hasEnded()) {
            return Judgement.skipped(FindingRule.MEMORY_OVERASKED, "it is still running and may need more");
        }
        if (OUT_OF_MEMORY.contains(cause)) {
            return Judgement.NONE;
        }
        if (cause != Cause.COMPLETED && cause != Cause.TIME_LIMIT) {
            return Judgement.skipped(FindingRule.MEMORY_OVERASKED, evidence.run().state() == JobState.COMPLETED
                    ? "it is not certain that it ran to its end"
                    : "it did not run to its end and might have needed more");
        }
        if (evidence.unreadNodes() > 0) {
            return Judgement.skipped(FindingRule.MEMORY_OVERASKED,
                    evidence.whatIsUnread() + ", and may have needed more than the others");
        }
        double limit = evidence.limit(on);
        if (100 * on.memoryUsed() >= thresholds.usedPercent() * limit
                || limit - on.memoryUsed() < Thresholds.MIN_UNUSED_MEMORY) {
            return Judgement.NONE;
        }
        return found(FindingRule.MEMORY_OVERASKED, Severity.WARNING,
                "It had " + Phrases.bytes(limit) + " of memory" + Phrases.on(on.node()) + " and used at most "
                        + Phrases.bytes(on.memoryUsed()) + " (" + Phrases.percent(100 * on.memoryUsed() / limit) + ").",
                "Ask for less: other jobs cannot use the memory that a job holds, and a smaller job starts sooner.",
                on, evidence);
    }

    private static Judgement nearLimit(NodeUsage on, RunEvidence evidence, Thresholds thresholds) {
        if (!(on.needed() >= 0) || evidence.oomKills() > 0) {
            return Judgement.NONE;
        }
        String where = Phrases.on(on.node());
        String needed = Phrases.bytes(on.needed());
        String limit = Phrases.bytes(evidence.limit(on));
        double near = thresholds.memoryNearPercent() * evidence.limit(on);
        if (on.needed() > evidence.limit(on) && on.swapMax() > 0) {
            return found(FindingRule.MEMORY_NEAR_LIMIT, Severity.WARNING, "Its processes needed " + needed
                    + " of memory" + where + ", more than its limit of " + limit + ": up to "
                    + Phrases.bytes(on.swapMax()) + " were in swap.",
                    MemoryEnds.orUseLess(evidence, "Ask for more memory next time.")
                            + " A disk that stands in for memory makes a job many times slower.",
                    on, evidence);
        }
        if (100 * on.needed() >= near) {
            String advice = MemoryEnds.orUseLess(evidence, "Ask for more memory next time.");
            String memory = " of its " + limit + " of memory" + where + ". ";
            return evidence.run().hasEnded()
                    ? found(FindingRule.MEMORY_NEAR_LIMIT, Severity.WARNING, "Its processes used " + needed + memory
                            + "With a little more, the kernel would have killed one of them.", advice, on, evidence)
                    : found(FindingRule.MEMORY_NEAR_LIMIT, Severity.CRITICAL, "Its processes have used " + needed
                            + memory + "If they need a little more, the kernel will kill one of them.", advice, on,
                            evidence);
        }
        if (100 * on.memoryPeak() >= near && on.isMostlyCache()) {
            return found(FindingRule.MEMORY_IS_CACHE, Severity.INFO,
                    "Its memory" + where + " looks full (" + Phrases.bytes(on.memoryPeak()) + " of " + limit
                            + "), but its processes used at most " + needed
                            + ". The rest is page cache: copies of files that the kernel keeps as long as there is room.",
                    "This is no lack of memory. With less memory, the job would not fail, but might read files more slowly.",
                    on, evidence);
        }
        return Judgement.NONE;
    }

    private static Judgement found(FindingRule rule, Severity severity, String sentence, String advice, NodeUsage on,
            RunEvidence evidence) {
        return Judgement.found(rule, severity, sentence).advice(advice)
                .between(evidence.run().start(), on.lastSample()).by(facts(on, evidence.limit(on)));
    }

    private static List<Fact> facts(NodeUsage on, double limit) {
        String where = Phrases.on(on.node());
        List<Fact> facts = new ArrayList<>();
        facts.add(proof(Source.AGENT,
                "Memory peak" + where + ": " + Phrases.bytes(on.memoryPeak()) + ", including cached files.")
                .at(on.lastSample()).on(on.node()).quantity("max_memory", on.memoryPeak(), Unit.BYTES).build());
        if (on.needed() >= 0) {
            facts.add(proof(Source.AGENT, "Its processes alone used at most " + Phrases.bytes(on.needed()) + ", in "
                    + Phrases.count(on.samples(), "sample") + ".").at(on.lastSample()).on(on.node())
                    .quantity("max_needed_memory", on.needed(), Unit.BYTES).build());
        }
        if (on.swapMax() > 0) {
            facts.add(proof(Source.AGENT, "Swapped out of it, at most: " + Phrases.bytes(on.swapMax()) + ".")
                    .at(on.lastSample()).on(on.node()).quantity("max_swap", on.swapMax(), Unit.BYTES).build());
        }
        facts.add(context(Source.AGENT, "Memory limit" + where + ": " + Phrases.bytes(limit) + ".").on(on.node())
                .quantity("memory_limit", limit, Unit.BYTES).build());
        return facts;
    }
}
