package org.jobwitness.server.verdict;

import static java.util.Objects.requireNonNull;
import static org.jobwitness.server.verdict.FactBuilder.proof;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Unit;
import org.jspecify.annotations.Nullable;

/** GPUs that a run left idle or used little. */
final class GpuRules {
    private final RunEvidence evidence;
    private final Thresholds thresholds;
    /** Those that the run holds alone: the use of others cannot be attributed to it. */
    private final List<GpuUsage> gpus;
    private final List<GpuUsage> idle;

    private GpuRules(RunEvidence evidence, Thresholds thresholds) {
        this.evidence = evidence;
        this.thresholds = thresholds;
        this.gpus = evidence.gpus().stream().filter(gpu -> gpu.hold() == GpuHold.ALONE).toList();
        this.idle = gpus.stream().filter(this::isIdle).toList();
    }

    static Judgement judge(RunEvidence evidence, Thresholds thresholds) {
        GpuRules rules = new GpuRules(evidence, thresholds);
        return Judgement.of(rules.shared(), rules.held());
    }

    private Judgement shared() {
        if (gpus.size() == evidence.gpus().size()) {
            return Judgement.NONE;
        }
        int count = evidence.gpus().size() - gpus.size();
        boolean isShared = evidence.gpus().stream().noneMatch(gpu -> gpu.hold() == GpuHold.UNSURE);
        String which = count == 1 ? "this GPU" : count + " GPUs";
        String whose = count == 1 ? "its" : "their";
        return Judgement.skipped(FindingRule.GPU_IDLE,
                (isShared ? which + Phrases.were(count) + " shared" : "several jobs may have used " + which) + ", so "
                        + whose + " use cannot be attributed to one job");
    }

    private Judgement held() {
        if (gpus.isEmpty()) {
            return evidence.gpus().isEmpty() && evidence.run().gpus() > 0
                    ? Judgement.skipped(FindingRule.GPU_IDLE, "no agent reported the use of its GPUs")
                    : Judgement.NONE;
        }
        long samples = gpus.stream().mapToLong(gpu -> gpu.lastSample() == null ? 0 : gpu.samples()).min().orElse(0);
        if (samples < thresholds.minSamples()) {
            return Judgement.skipped(FindingRule.GPU_IDLE, thresholds.tooFew(samples));
        }
        return Judgement.of(idle.isEmpty() ? Judgement.NONE : idle(), lowUse());
    }

    private boolean isIdle(GpuUsage gpu) {
        return gpu.lastUsed() == null || idleTime(gpu).compareTo(thresholds.gpuIdle()) >= 0;
    }

    private Duration idleTime(GpuUsage gpu) {
        return gpu.lastSample() == null ? Duration.ZERO : runTime(idleSince(gpu), gpu.lastSample());
    }

    private static Instant idleSince(GpuUsage gpu) {
        return gpu.lastUsed() == null ? gpu.heldFrom() : gpu.lastUsed();
    }

    /** Without all time that it was suspended, whenever that was: rather too little than too much. */
    private Duration runTime(Instant from, Instant to) {
        Duration time = Duration.between(from, to).minusMillis((long) (1e3 * evidence.suspendedSeconds()));
        return time.isNegative() ? Duration.ZERO : time;
    }

    private Judgement idle() {
        boolean all = idle.size() == gpus.size() && unread() == 0;
        Instant since = idle.stream().map(GpuRules::idleSince).max(Comparator.naturalOrder()).orElseThrow();
        Instant to = requireNonNull(lastOf(idle));
        boolean neverOpen = idle.stream().allMatch(gpu -> gpu.processes() == 0);
        String sentence = subject(all) + wereIdle(Phrases.time(runTime(since, to)), since) + (neverOpen
                ? " No process of the job ever had " + (idle.size() == 1 ? "it" : "them") + " open."
                : "");
        return Judgement.found(all ? FindingRule.GPU_IDLE : FindingRule.GPU_PARTLY_IDLE,
                all ? Severity.CRITICAL : Severity.WARNING, sentence).advice(adviceOnIdle(all)).between(since, to)
                .by(facts(idle));
    }

    /** GPUs that it had by all reports, and of which no agent reported anything. */
    private int unread() {
        double had = evidence.run().gpus();
        return had > evidence.gpus().size() ? (int) had - evidence.gpus().size() : 0;
    }

    private String subject(boolean all) {
        if (!all) {
            return idle.size() + " of its " + (gpus.size() + unread()) + " GPUs";
        }
        return idle.size() == 1 ? "Its GPU" : "Its " + idle.size() + " GPUs";
    }

    private boolean neverUsed() {
        return idle.stream().allMatch(gpu -> gpu.lastUsed() == null);
    }

    private String wereIdle(String time, Instant since) {
        boolean one = idle.size() == 1;
        if (evidence.run().hasEnded()) {
            return (one ? " was" : " were") + " idle for " + time
                    + (neverUsed() ? ", from start to end." : ", from " + Phrases.moment(since) + " until its end.");
        }
        return (one ? " has" : " have") + " been idle for " + time + ", since "
                + (neverUsed() ? "it started." : Phrases.moment(since) + ".");
    }

    private String adviceOnIdle(boolean all) {
        if (!neverUsed()) {
            return "If the rest of the work needs no GPU, move it to a job of its own without GPUs (sbatch --dependency).";
        }
        if (all) {
            return "Check that the program supports GPUs and is set up to use them; if not, ask for none.";
        }
        int unread = unread();
        return (unread == 0
                ? "Ask for " + Phrases.count(gpus.size() - idle.size(), "GPU")
                : "Whether it used the other " + (unread == 1 ? "one" : String.valueOf(unread))
                        + " is not known. Ask for fewer GPUs")
                + ", or start the program so that it uses all of them. Most programs need an option or a launcher for several GPUs.";
    }

    private Judgement lowUse() {
        List<GpuUsage> used = gpus.stream().filter(gpu -> !idle.contains(gpu)).toList();
        double percent = used.stream().mapToDouble(GpuUsage::percent).average().orElse(Double.NaN);
        if (!(percent < thresholds.gpuLowPercent())) {
            return Judgement.NONE;
        }
        String which = (used.size() == 1 ? "GPU" : used.size() + " GPUs") + (idle.isEmpty() ? "" : " in use");
        return Judgement.found(FindingRule.GPU_LOW_USE, Severity.WARNING,
                "The average utilization of its " + which + " was " + Phrases.percent(percent) + ".")
                .advice("A GPU that waits usually waits for data. Load and prepare data in parallel (more CPUs or loader processes), use larger batches, or use "
                        + (gpus.size() > 1 ? "fewer GPUs." : "a smaller GPU."))
                .between(evidence.run().start(), lastOf(used)).by(facts(used));
    }

    private static List<Fact> facts(List<GpuUsage> gpus) {
        return gpus.stream().limit(UsageFacts.MAX_FACTS)
                .map(GpuRules::fact).toList();
    }

    private static Fact fact(GpuUsage gpu) {
        Instant lastUsed = gpu.lastUsed() == null ? null : Phrases.moment(gpu.lastUsed());
        FactBuilder fact = proof(Source.AGENT,
                Phrases.gpu(gpu) + ": average utilization " + Phrases.percent(gpu.percent()) + ", maximum "
                        + Phrases.percent(gpu.maxPercent()) + ", in " + Phrases.count(gpu.samples(), "sample")
                        + (lastUsed == null ? "." : "; last used at " + lastUsed + "."))
                .at(gpu.lastSample()).on(gpu.node())
                .quantity("avg_gpu_usage", gpu.percent(), Unit.PERCENT);
        return (lastUsed == null ? fact : fact.times(lastUsed)).build();
    }

    private static @Nullable Instant lastOf(List<GpuUsage> gpus) {
        return gpus.stream().map(GpuUsage::lastSample).filter(Objects::nonNull).max(Comparator.naturalOrder())
                .orElse(null);
    }
}
