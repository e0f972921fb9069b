package org.jobwitness.server.verdict;

import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;

/**
 * How a run used what it had. Each rule looks at the run's own figures only, so that its neighbours on a shared node make no
 * difference; and it judges only what was measured often enough, or says why it does not.
 */
final class UseRules {
    private UseRules() {
    }

    static Judgement judge(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        if (evidence.run().start() == null) {
            return Judgement.NONE;
        }
        return Judgement.of(MemoryRules.killed(evidence, cause), NodeFaults.judge(evidence, cause),
                GpuFaults.judge(evidence, thresholds),
                GpuRules.judge(evidence, thresholds),
                TimeRules.judge(evidence, cause, thresholds), onNodes(evidence, cause, thresholds)).sorted();
    }

    private static Judgement onNodes(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        if (evidence.nodes().isEmpty()) {
            return notMeasured("no agent reported its usage");
        }
        if (evidence.samples() < thresholds.minSamples()) {
            return notMeasured(thresholds.tooFew(evidence.samples()));
        }
        Judgement stalls = StallRules.judge(evidence, thresholds);
        return Judgement.of(stalls, CpuRules.judge(evidence, !stalls.findings().isEmpty(), thresholds),
                MemoryRules.judge(evidence, cause, thresholds));
    }

    private static Judgement notMeasured(String why) {
        return Judgement.of(Judgement.skipped(FindingRule.CPU_IDLE, why),
                Judgement.skipped(FindingRule.MEMORY_OVERASKED, why));
    }
}
