package org.jobwitness.server.verdict;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.RunEvidence.OnGpu;
import org.jobwitness.server.verdict.RunEvidence.OnNode;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Finding;
import org.jobwitness.wire.Verdict.NotJudged;
import org.jobwitness.wire.Verdict.Quantity;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Strength;
import org.jobwitness.wire.Verdict.Unit;
import org.jspecify.annotations.Nullable;

/**
 * How a run used what it had. Each rule speaks of the run's own figures only, so that neighbours on a shared node cannot be
 * held against it; and it speaks only of what was measured often enough, or says why it does not.
 */
final class UseRules {
    private static final int MOST_FACTS = 8;
    /** Who had so much of its CPUs busy at a time can use them all. */
    private static final double NEARLY_ALL = 0.8;

    private final RunEvidence evidence;
    private final RunEvidence.Run run;
    private final Cause cause;
    private final Thresholds thresholds;
    private final List<Finding> findings = new ArrayList<>();
    private final List<NotJudged> notJudged = new ArrayList<>();

    private UseRules(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        this.evidence = evidence;
        this.run = evidence.run();
        this.cause = cause;
        this.thresholds = thresholds;
    }

    /** What was found, the gravest first, and what was not looked for. */
    record Use(List<Finding> findings, List<NotJudged> notJudged) {
        Use {
            findings = List.copyOf(findings);
            notJudged = List.copyOf(notJudged);
        }
    }

    static Use judge(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        UseRules rules = new UseRules(evidence, cause, thresholds);
        if (evidence.run().start() != null) {
            rules.all();
        }
        rules.findings.sort(Comparator.comparing(Finding::severity).reversed());
        return new Use(rules.findings, rules.notJudged);
    }

    private void all() {
        oomKilled();
        gpus();
        timeOverasked();
        shortJobs();
        lowCoverage();
        if (evidence.nodes().isEmpty()) {
            skip(FindingRule.CPU_IDLE, "no agent told what it used");
            skip(FindingRule.MEMORY_OVERASKED, "no agent told what it used");
        } else if (evidence.samples() < thresholds.minSamples()) {
            String few = "there are " + Phrases.count(evidence.samples(), "sample") + " of it; at least "
                    + thresholds.minSamples() + " are needed";
            skip(FindingRule.CPU_IDLE, few);
            skip(FindingRule.MEMORY_OVERASKED, few);
        } else {
            stalls();
            cpuIdle();
            cpuThrottled();
            nodeImbalance();
            memory();
        }
    }

    private void oomKilled() {
        boolean told = switch (cause) {
            case OUT_OF_MEMORY, NODE_OUT_OF_MEMORY, COMPLETED_DESPITE_OOM -> true;
            case PENDING, RUNNING, COMPLETED, TIME_LIMIT, CANCELLED, PREEMPTED, NODE_FAILURE, SIGNAL, EXIT_CODE,
                    LAUNCH_FAILURE, DEADLINE, REQUEUED, LOST, UNKNOWN ->
                false;
        };
        long kills = evidence.oomKills();
        if (told || kills == 0) {
            return;
        }
        Instant first = evidence.kills().isEmpty() ? null : evidence.kills().getFirst().timestamp();
        add(FindingRule.OOM_KILLED, Severity.CRITICAL,
                "The kernel killed " + Phrases.count(kills, "process", "processes")
                        + " of it for lack of memory, and the job went on without "
                        + (kills == 1 ? "it" : "them") + ".",
                "Check its results: what the killed process should have done may be missing. Ask for more memory.",
                first, null, List.of(fact(Source.AGENT, "Processes that were killed: " + kills + ".", null,
                        new Quantity("oom_kills", kills, Unit.COUNT))));
    }

    // ---- GPUs

    private void gpus() {
        List<OnGpu> gpus = evidence.gpus().stream().filter(gpu -> gpu.hold() == GpuHold.ALONE).toList();
        if (gpus.size() < evidence.gpus().size()) {
            skip(FindingRule.GPU_IDLE, "what a GPU does that several jobs may use cannot be told apart by job");
        }
        if (gpus.isEmpty()) {
            if (evidence.gpus().isEmpty() && run.gpus() > 0) {
                skip(FindingRule.GPU_IDLE, "no agent told what its GPUs did");
            }
            return;
        }
        long fewest = gpus.stream().mapToLong(gpu -> gpu.lastSample() == null ? 0 : gpu.samples()).min().orElse(0);
        if (fewest < thresholds.minSamples()) {
            skip(FindingRule.GPU_IDLE, "there are " + Phrases.count(fewest, "sample") + " of its GPUs; at least "
                    + thresholds.minSamples() + " are needed");
            return;
        }
        List<OnGpu> idle = gpus.stream().filter(this::isIdle).toList();
        if (!idle.isEmpty()) {
            gpusIdle(idle, gpus.size());
        }
        List<OnGpu> used = gpus.stream().filter(gpu -> !idle.contains(gpu)).toList();
        double percent = used.stream().mapToDouble(OnGpu::percent).average().orElse(Double.NaN);
        if (percent < thresholds.gpuLowPercent()) {
            add(FindingRule.GPU_LOW_USE, Severity.WARNING,
                    used.size() == 1
                            ? "Its GPU was used " + Phrases.percent(percent) + " on average."
                            : "Its " + used.size() + " GPUs" + (idle.isEmpty() ? "" : " that did anything")
                                    + " were used " + Phrases.percent(percent) + " on average.",
                    "A GPU that waits mostly waits for data: read and prepare them in parallel (more CPUs or loader processes), use larger pieces (batch size)"
                            + (gpus.size() > 1 ? ", or do with fewer GPUs." : ", or use a smaller GPU."),
                    run.start(), lastOf(used), facts(used));
        }
    }

    private boolean isIdle(OnGpu gpu) {
        return gpu.lastUsed() == null || !idleFor(gpu).minus(thresholds.gpuIdle()).isNegative();
    }

    private Duration idleFor(OnGpu gpu) {
        return gpu.lastSample() == null ? Duration.ZERO : ranBetween(idleSince(gpu), gpu.lastSample());
    }

    /** Without all time that it was suspended, whenever that was: rather too little than too much. */
    private Duration ranBetween(Instant from, Instant to) {
        Duration ran = Duration.between(from, to).minusMillis((long) (1e3 * evidence.suspendedSeconds()));
        return ran.isNegative() ? Duration.ZERO : ran;
    }

    private Instant idleSince(OnGpu gpu) {
        return gpu.lastUsed() == null ? gpu.heldFrom() : gpu.lastUsed();
    }

    private void gpusIdle(List<OnGpu> idle, int count) {
        boolean all = idle.size() == count;
        boolean never = idle.stream().allMatch(gpu -> gpu.lastUsed() == null);
        boolean noProcess = idle.stream().allMatch(gpu -> gpu.processes() == 0);
        Instant since = idle.stream().map(this::idleSince).max(Comparator.naturalOrder()).orElseThrow();
        Instant to = requireNonNull(lastOf(idle));
        String which = all
                ? idle.size() == 1 ? "Its GPU" : "Its " + idle.size() + " GPUs"
                : idle.size() + " of its " + count + " GPUs";
        String length = Phrases.time(ranBetween(since, to));
        String sentence = run.hasEnded()
                ? which + (never ? " did nothing at all" : " did nothing any more") + " for " + length
                        + (never ? ", from beginning to end." : ", from " + Phrases.moment(since) + " until its end.")
                : which + (idle.size() == 1 ? " has" : " have") + " done nothing for " + length
                        + (never ? ", since it began." : ", since " + Phrases.moment(since) + ".");
        int used = count - idle.size();
        String fewer = !never
                ? "If the rest of the work needs no GPU, do it in a job of its own that asks for none (sbatch --dependency)."
                : all
                        ? "Check that the program is made for GPUs and told to use them; if it is not, ask for none."
                        : "Ask for " + Phrases.count(used, "GPU")
                                + ", or start the program so that it uses all of them: most need an option or a launcher for more than one.";
        add(all ? FindingRule.GPU_IDLE : FindingRule.GPU_PARTLY_IDLE, all ? Severity.CRITICAL : Severity.WARNING,
                sentence + (noProcess
                        ? " No process of the job ever had " + (idle.size() == 1 ? "it" : "them") + " open."
                        : ""),
                fewer, since, to, facts(idle));
    }

    private List<Fact> facts(List<OnGpu> gpus) {
        return gpus.stream().limit(MOST_FACTS).map(UseRules::fact).toList();
    }

    private static Fact fact(OnGpu gpu) {
        Instant lastUsed = gpu.lastUsed() == null ? null : Phrases.moment(gpu.lastUsed());
        Fact fact = new Fact(Source.AGENT, Strength.PROOF,
                "GPU " + Phrases.plain(gpu.gpu()) + at(gpu.node()) + ": " + Phrases.percent(gpu.percent())
                        + " on average, "
                        + Phrases.percent(gpu.maxPercent()) + " at most, in " + Phrases.count(gpu.samples(), "sample")
                        + (lastUsed == null ? "." : "; last used at " + lastUsed + "."),
                gpu.lastSample(), node(gpu.node()), null, new Quantity("avg_gpu_usage", gpu.percent(), Unit.PERCENT));
        return lastUsed == null ? fact : fact.withTimes(lastUsed);
    }

    private static @Nullable Instant lastOf(List<OnGpu> gpus) {
        return gpus.stream().map(OnGpu::lastSample).filter(at -> at != null).max(Comparator.naturalOrder())
                .orElse(null);
    }

    // ---- CPUs

    private void cpuIdle() {
        List<OnNode> known = evidence.nodes().stream().filter(on -> on.cpusUsed() >= 0).toList();
        double cpus = sum(known, OnNode::cpus);
        double used = sum(known, OnNode::cpusUsed);
        double most = sum(known, OnNode::cpusUsedAtMost);
        if (known.isEmpty()) {
            skip(FindingRule.CPU_IDLE, "how many CPUs it had is not known");
            return;
        }
        boolean hasGpus = run.gpus() > 0 || !evidence.gpus().isEmpty();
        // Beside GPUs, CPUs are there to feed them: by turns, and seldom all at once.
        double least = thresholds.usedPercent() * cpus / 100 * (hasGpus ? 0.5 : 1);
        if (cpus < 2 || used >= least) {
            return;
        }
        if (found(FindingRule.IO_STALLED) || found(FindingRule.MEMORY_STALLED)) {
            skip(FindingRule.CPU_IDLE, "its CPUs were idle because its programs waited, as another finding says");
            return;
        }
        boolean worked = most >= NEARLY_ALL * cpus;
        String last = sum(known, on -> on.cpus() * on.lastCpuPercent() / 100) < 0.1 * used
                ? " At last, it did next to nothing."
                : "";
        add(FindingRule.CPU_IDLE, hasGpus ? Severity.INFO : Severity.WARNING,
                "Of its " + Phrases.number(cpus) + " CPUs, " + Phrases.number(used)
                        + (used > 0.95 && used < 1.05 ? " was" : " were")
                        + " busy on average"
                        + (worked
                                ? ", though at times nearly all were." + last
                                : ", and never more than " + Phrases.number(most) + " at once."),
                worked
                        ? "For most of its time the program did little: see whether it waited for something, hung, or went on in one place only."
                        : "If the program cannot work on several CPUs at once, ask for fewer. If it can, tell it how many it has, such as by OMP_NUM_THREADS or an option of its own.",
                run.start(), evidence.lastSample(), nodeFacts(known, "avg_cpus_used", Unit.CPUS, OnNode::cpusUsed,
                        on -> Phrases.number(on.cpusUsed()) + " of " + Phrases.number(on.cpus())
                                + " CPUs were busy on average, " + Phrases.number(on.cpusUsedAtMost()) + " at most, in "
                                + Phrases.count(on.samples(), "sample")));
    }

    private void cpuThrottled() {
        List<OnNode> known = evidence.nodes().stream().filter(on -> on.throttledSeconds() >= 0 && on.cpus() > 0)
                .toList();
        double had = sum(known, on -> on.cpus() * secondsOn(on));
        double held = sum(known, OnNode::throttledSeconds);
        if (had > 0 && 100 * held >= thresholds.stallPercent() * had) {
            add(FindingRule.CPU_THROTTLED, Severity.WARNING,
                    "A limit on CPU time held its programs up for " + Phrases.time(held) + ", which is "
                            + Phrases.percent(100 * held / had) + " of the CPU time that it had.",
                    "It runs more threads than the CPU time it was given allows. Start as many as it has CPUs, or ask for more CPUs.",
                    run.start(), evidence.lastSample(), nodeFacts(known, "cpu_throttled", Unit.SECONDS,
                            OnNode::throttledSeconds, on -> "held up for " + Phrases.time(on.throttledSeconds())));
        }
    }

    private void nodeImbalance() {
        List<OnNode> byUse = evidence.nodes().stream().filter(on -> on.cpuPercent() >= 0)
                .sorted(Comparator.comparingDouble(OnNode::cpuPercent)).toList();
        if (byUse.size() < 2) {
            return;
        }
        OnNode busiest = byUse.getLast();
        List<OnNode> idle = byUse.stream()
                .filter(on -> 100 * on.cpuPercent() < thresholds.imbalancePercent() * busiest.cpuPercent()).toList();
        if (idle.isEmpty() || busiest.cpuPercent() < thresholds.usedPercent()) {
            return;
        }
        List<OnNode> cited = new ArrayList<>(idle);
        cited.add(busiest);
        add(FindingRule.NODE_IMBALANCE, Severity.WARNING,
                idle.size() + " of its " + byUse.size() + " nodes hardly worked: "
                        + Phrases.names(idle.stream().map(OnNode::node).toList()) + " used at most "
                        + Phrases.percent(idle.getLast().cpuPercent()) + " of "
                        + (idle.size() == 1 ? "its" : "their") + " CPUs, " + Phrases.plain(busiest.node()) + " "
                        + Phrases.percent(busiest.cpuPercent()) + ".",
                "A program runs on several nodes only if it is started there, as by srun or mpirun. If it is not made for that, ask for one node.",
                run.start(), evidence.lastSample(),
                nodeFacts(cited.reversed(), "avg_cpu_usage", Unit.PERCENT, OnNode::cpuPercent,
                        on -> Phrases.percent(on.cpuPercent()) + " of its CPUs were busy on average"));
    }

    // ---- Waiting

    private void stalls() {
        stall(FindingRule.MEMORY_STALLED, "memory_stall", OnNode::memoryStallSeconds, "memory",
                "It barely fits into its memory: the kernel keeps taking pages away and bringing them back. Ask for more memory.");
        if (found(FindingRule.MEMORY_STALLED)) {
            skip(FindingRule.IO_STALLED, "who waits for memory waits for disks, too");
            return;
        }
        stall(FindingRule.IO_STALLED, "io_stall", OnNode::ioStallSeconds, "files and disks",
                "Read and write fewer, larger pieces; copy what is read often to the node's own disk or memory first; and do it while something else computes.");
    }

    private void stall(FindingRule rule, String name, ToDoubleFunction<OnNode> stalled, String what, String advice) {
        Optional<OnNode> worst = evidence.nodes().stream()
                .filter(on -> stalled.applyAsDouble(on) >= 0 && secondsOn(on) > 0)
                .max(Comparator.comparingDouble(on -> stalled.applyAsDouble(on) / secondsOn(on)));
        worst.filter(on -> 100 * stalled.applyAsDouble(on) >= thresholds.stallPercent() * secondsOn(on))
                .ifPresent(on -> {
                    double seconds = stalled.applyAsDouble(on);
                    add(rule, Severity.WARNING,
                            "For " + Phrases.time(seconds) + at(on.node()) + ", which is "
                                    + Phrases.percent(Math.min(100, 100 * seconds / secondsOn(on)))
                                    + " of its time, all its programs waited for " + what + " at once.",
                            advice, run.start(), on.lastSample(), nodeFacts(List.of(on), name, Unit.SECONDS, stalled,
                                    at -> "all waited for " + what + " for "
                                            + Phrases.time(stalled.applyAsDouble(at))));
                });
    }

    /** The time for which the counters of a node count: they stand still while it is suspended. */
    private double secondsOn(OnNode on) {
        return on.lastSample() == null
                ? Double.NaN
                : Math.max(0, Duration.between(requireNonNull(run.start()), on.lastSample()).toMillis() / 1e3
                        - evidence.suspendedSeconds());
    }

    // ---- Memory

    private void memory() {
        Optional<OnNode> fullest = evidence.nodes().stream().filter(on -> on.memoryPeak() > 0 && evidence.limit(on) > 0)
                .max(Comparator.comparingDouble(on -> on.memoryPeak() / evidence.limit(on)));
        if (fullest.isEmpty()) {
            skip(FindingRule.MEMORY_OVERASKED, "how much memory it had, or used, is not known");
            return;
        }
        OnNode on = fullest.get();
        memoryOverasked(on);
        if (!(on.needed() >= 0) || evidence.oomKills() > 0) {
            return;
        }
        double near = thresholds.memoryNearPercent() * evidence.limit(on);
        if (100 * on.needed() >= near) {
            add(FindingRule.MEMORY_NEAR_LIMIT, run.hasEnded() ? Severity.WARNING : Severity.CRITICAL,
                    "Its programs " + (run.hasEnded() ? "took " : "have taken ") + Phrases.bytes(on.needed())
                            + " of the "
                            + Phrases.bytes(evidence.limit(on)) + " of memory that it may use" + at(on.node())
                            + ": a little more, and the kernel " + (run.hasEnded() ? "would have killed" : "will kill")
                            + " one of them.",
                    "Ask for more memory next time.", run.start(), on.lastSample(), memoryFacts(on));
        } else if (100 * on.memoryPeak() >= near && on.needed() < on.memoryPeak() / 2) {
            add(FindingRule.MEMORY_IS_CACHE, Severity.INFO,
                    "Its memory" + at(on.node()) + " looks full (" + Phrases.bytes(on.memoryPeak()) + " of "
                            + Phrases.bytes(evidence.limit(on)) + "), but its programs took at most "
                            + Phrases.bytes(on.needed())
                            + "; the rest is page cache: copies of files that the kernel keeps as long as there is room.",
                    "That is no lack of memory. With less, the job would not fail, but might read files more slowly.",
                    run.start(), on.lastSample(), memoryFacts(on));
        }
    }

    private void memoryOverasked(OnNode on) {
        if (!run.hasEnded()) {
            skip(FindingRule.MEMORY_OVERASKED, "it still runs, and may come to need more");
            return;
        }
        if (cause != Cause.COMPLETED && cause != Cause.TIME_LIMIT) {
            skip(FindingRule.MEMORY_OVERASKED, run.state() == JobState.COMPLETED
                    ? "whether it came to its end is not sure"
                    : "it did not come to its end, and might have needed more");
            return;
        }
        if (100 * on.memoryPeak() < thresholds.usedPercent() * evidence.limit(on)
                && evidence.limit(on) - on.memoryPeak() >= Thresholds.MEMORY_WORTH_SAYING) {
            add(FindingRule.MEMORY_OVERASKED, Severity.WARNING,
                    "It had " + Phrases.bytes(evidence.limit(on)) + " of memory" + at(on.node())
                            + " and needed at most "
                            + Phrases.bytes(on.memoryPeak()) + ", which is "
                            + Phrases.percent(100 * on.memoryPeak() / evidence.limit(on)) + ".",
                    "Ask for less: memory that a job holds is kept from others, and a smaller job begins sooner.",
                    run.start(), on.lastSample(), memoryFacts(on));
        }
    }

    private List<Fact> memoryFacts(OnNode on) {
        List<Fact> facts = new ArrayList<>();
        facts.add(new Fact(Source.AGENT, Strength.PROOF,
                "At most, it had " + Phrases.bytes(on.memoryPeak()) + " of memory" + at(on.node())
                        + ", copies of files (page cache) in it.",
                on.lastSample(), node(on.node()), null, new Quantity("max_memory", on.memoryPeak(), Unit.BYTES)));
        if (on.needed() >= 0) {
            facts.add(new Fact(Source.AGENT, Strength.PROOF,
                    "Its programs themselves took at most " + Phrases.bytes(on.needed()) + ", in "
                            + Phrases.count(on.samples(), "sample") + ".",
                    on.lastSample(), node(on.node()), null,
                    new Quantity("max_needed_memory", on.needed(), Unit.BYTES)));
        }
        facts.add(
                new Fact(Source.AGENT, Strength.CONTEXT, "It may use " + Phrases.bytes(evidence.limit(on)) + " there.",
                        null,
                        node(on.node()), null, new Quantity("memory_limit", evidence.limit(on), Unit.BYTES)));
        return facts;
    }

    // ---- Time, and how much was seen

    private void timeOverasked() {
        double seconds = evidence.ranSeconds();
        double limit = run.timeLimitSeconds();
        if (cause == Cause.COMPLETED && limit > 0 && 100 * seconds < thresholds.usedPercent() * limit
                && limit - seconds >= Thresholds.TIME_WORTH_SAYING.toSeconds()) {
            add(FindingRule.TIME_OVERASKED, Severity.INFO,
                    "It asked for " + Phrases.time(limit) + " and took " + Phrases.time(seconds) + ".",
                    "Ask for less time: Slurm can fit a shorter job into gaps, so it begins sooner.", run.start(),
                    run.end(), List.of(
                            fact(Source.RECORDS, "It ran for " + Phrases.time(seconds) + ".", run.end(),
                                    new Quantity("runtime", seconds, Unit.SECONDS)),
                            fact(Source.RECORDS, "Its time limit was " + Phrases.time(limit) + ".", null,
                                    new Quantity("time_limit", limit, Unit.SECONDS))));
        }
    }

    private void shortJobs() {
        double seconds = run.seconds(evidence.now());
        if (run.hasEnded() && seconds < Thresholds.SHORT.toSeconds()
                && evidence.shortJobs() >= thresholds.shortJobs()) {
            add(FindingRule.SHORT_JOBS, Severity.WARNING,
                    "It took " + Phrases.time(seconds) + ", and is one of at least " + evidence.shortJobs()
                            + " jobs of the same user and name that began within a day and took less than "
                            + Phrases.time(Thresholds.SHORT) + ".",
                    run.arrayJobId() == null
                            ? "Do several pieces of work in one job, one after the other, or submit a job array (sbatch --array): each job costs the cluster time to begin and to end."
                            : "Let each task of the array do several pieces of work, one after the other: each task costs the cluster time to begin and to end.",
                    run.start(), run.end(), List.of(fact(Source.RECORDS,
                            "Short jobs of this user and name within a day: " + evidence.shortJobs() + ".", run.start(),
                            new Quantity("short_jobs", evidence.shortJobs(), Unit.COUNT))));
        }
    }

    private void lowCoverage() {
        double coverage = evidence.coverage();
        double seconds = run.seconds(evidence.now());
        if (100 * coverage < thresholds.coveragePercent() && seconds >= Thresholds.SHORT.toSeconds()) {
            add(FindingRule.LOW_COVERAGE, Severity.WARNING,
                    "Only " + Phrases.percent(100 * coverage)
                            + " of its time on its nodes was seen, so what is said of its use may be wrong.",
                    "See whether the agent runs on all of its nodes.", run.start(), evidence.lastSample(),
                    List.of(fact(Source.AGENT,
                            "The samples of " + Phrases.count(evidence.nodes().size(), "node") + " stand for "
                                    + Phrases.percent(100 * coverage) + " of the time.",
                            evidence.lastSample(), new Quantity("coverage", 100 * coverage, Unit.PERCENT))));
        }
    }

    // ---- What they are made of

    private void add(FindingRule rule, Severity severity, String sentence, String advice, @Nullable Instant from,
            @Nullable Instant to, List<Fact> facts) {
        List<Instant> times = Stream.of(from, to).filter(Objects::nonNull).map(Phrases::moment)
                .filter(time -> sentence.contains(time.toString())).toList();
        findings.add(new Finding(rule, severity, sentence, advice, from, to, facts, times));
    }

    private void skip(FindingRule rule, String why) {
        notJudged.add(new NotJudged(rule, why));
    }

    private boolean found(FindingRule rule) {
        return findings.stream().anyMatch(finding -> finding.rule() == rule);
    }

    private static double sum(List<OnNode> nodes, ToDoubleFunction<OnNode> value) {
        return nodes.stream().mapToDouble(value).sum();
    }

    private static String at(String node) {
        return node.isEmpty() ? "" : " on " + Phrases.plain(node);
    }

    /** The name of a node; none where figures are of the job as a whole. */
    private static @Nullable String node(String name) {
        return name.isEmpty() ? null : name;
    }

    private static Fact fact(Source source, String says, @Nullable Instant at, Quantity quantity) {
        return new Fact(source, Strength.PROOF, says, at, null, null, quantity);
    }

    private interface Telling {
        String of(OnNode on);
    }

    private static List<Fact> nodeFacts(List<OnNode> nodes, String name, Unit unit, ToDoubleFunction<OnNode> value,
            Telling telling) {
        return nodes.stream().limit(MOST_FACTS)
                .map(on -> new Fact(Source.AGENT, Strength.PROOF,
                        (on.node().isEmpty() ? "The job" : "Node " + Phrases.plain(on.node())) + ": " + telling.of(on)
                                + ".",
                        on.lastSample(), node(on.node()), null, new Quantity(name, value.applyAsDouble(on), unit)))
                .toList();
    }
}
