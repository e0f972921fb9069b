package org.jobwitness.server.verdict;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Verdict.Resource;
import org.jobwitness.wire.Verdict.ResourceUse;
import org.jobwitness.wire.Verdict.Unit;
import org.jobwitness.wire.Verdict.Use;
import org.jspecify.annotations.Nullable;

/** What a run asked for, may use and used, of each resource: always, and whether or not a rule finds something about it. */
final class UseOverview {
    private static final String NO_AGENT = "no agent reported it";

    private final RunEvidence evidence;
    private final Run run;

    private UseOverview(RunEvidence evidence) {
        this.evidence = evidence;
        this.run = evidence.run();
    }

    static Use of(RunEvidence evidence) {
        UseOverview overview = new UseOverview(evidence);
        List<ResourceUse> resources = Stream.of(overview.time(), overview.cpus(), overview.memory(), overview.gpus())
                .flatMap(Optional::stream).toList();
        double coverage = evidence.coverage();
        return new Use(overview.sentence(resources), Double.isNaN(coverage) ? null : Double.valueOf(coverage),
                resources);
    }

    private Optional<ResourceUse> time() {
        double limit = evidence.timeLimitSeconds();
        double ran = run.start() == null ? Double.NaN : evidence.ranSeconds();
        return Optional.of(use(Resource.TIME, Unit.SECONDS, run.timeLimitSeconds(), ifStarted(limit),
                ran, evidence.mayHaveEnded() ? "its end was not reported" : "its start or end is not known"));
    }

    private Optional<ResourceUse> cpus() {
        List<NodeUsage> known = evidence.nodes().stream().filter(on -> on.cpusUsed() >= 0).toList();
        double asked = run.terms().cpus() > 0 ? run.terms().cpus() : run.cpus();
        double used = known.isEmpty() ? Double.NaN : sum(known, NodeUsage::cpusUsed);
        ResourceUse use = use(Resource.CPU, Unit.CPUS, asked, ifStarted(run.cpus()), used,
                evidence.nodes().isEmpty() ? NO_AGENT : "its number of CPUs is not known");
        double most = known.isEmpty() ? Double.NaN : sum(known, NodeUsage::cpusUsedAtMost);
        return Optional.of(new ResourceUse(use.resource(), use.unit(), use.asked(), use.allowed(), use.used(),
                orNull(most), known.isEmpty() ? null : ofSomeNodes(known.size()), use.absent()));
    }

    /** That figures which are added up are not of all nodes; null if they are. */
    private @Nullable String ofSomeNodes(int known) {
        return known < run.nodes().size() ? "on " + known + " of its " + run.nodes().size() + " nodes" : null;
    }

    /** Of the node where the most of its limit was used, as the limit applies to each. */
    private Optional<ResourceUse> memory() {
        double share = Math.max(run.nodes().size(), 1) / (double) (1 << 20);
        double asked = (run.terms().memoryMb() > 0 ? run.terms().memoryMb() : run.memoryMb()) / share;
        Optional<NodeUsage> fullest = evidence.nodes().stream().filter(on -> on.memoryUsed() > 0)
                .max(Comparator.comparingDouble(on -> on.memoryUsed()
                        / (evidence.limit(on) > 0 ? evidence.limit(on) : 1)));
        ResourceUse use = use(Resource.MEMORY, Unit.BYTES, asked,
                ifStarted(fullest.map(evidence::limit).orElse(run.memoryMb() / share)),
                fullest.map(NodeUsage::memoryUsed).orElse(Double.NaN), NO_AGENT);
        return Optional.of(new ResourceUse(use.resource(), use.unit(), use.asked(), use.allowed(), use.used(), null,
                fullest.filter(on -> evidence.nodes().size() > 1).map(on -> "on " + Phrases.plain(on.node())
                        + ", the fullest of " + evidence.nodes().size() + " nodes").orElse(null),
                use.absent()));
    }

    /** Empty if it is not known whether it has any. */
    private Optional<ResourceUse> gpus() {
        if (Double.isNaN(run.gpus()) && evidence.gpus().isEmpty()) {
            return Optional.empty();
        }
        List<GpuUsage> read = evidence.gpus().stream()
                .filter(gpu -> gpu.hold() == GpuHold.ALONE && gpu.percent() >= 0).toList();
        double asked = Double.isNaN(run.terms().gpuCount()) ? run.gpus() : run.terms().gpuCount();
        double has = Math.max(orZero(run.gpus()), evidence.gpus().size());
        if (asked == 0 && has > 0) {
            asked = Double.NaN; // a share of one: shards, MPS
        }
        ResourceUse use = use(Resource.GPU, Unit.GPUS, asked, ifStarted(has), used(read, has, asked),
                whyGpusAreNotKnown());
        return Optional.of(new ResourceUse(use.resource(), use.unit(), use.asked(), use.allowed(), use.used(), null,
                read.isEmpty() ? null : note(read, (int) has), use.absent()));
    }

    private static double used(List<GpuUsage> read, double has, double asked) {
        if (!(has > 0) && !(asked > 0)) {
            return 0;
        }
        return read.isEmpty() ? Double.NaN : read.stream().mapToDouble(gpu -> gpu.percent() / 100).sum();
    }

    private String whyGpusAreNotKnown() {
        if (evidence.gpus().stream().anyMatch(gpu -> gpu.hold() == GpuHold.SHARED)) {
            return "other jobs shared it, so its use cannot be attributed to one job";
        }
        return evidence.gpus().stream().anyMatch(gpu -> gpu.hold() == GpuHold.UNSURE)
                ? "several jobs may have used it"
                : NO_AGENT;
    }

    private static @Nullable String note(List<GpuUsage> read, int has) {
        long never = read.stream().filter(gpu -> gpu.lastUsed() == null && gpu.maxPercent() == 0).count();
        String notRead = read.size() < has ? read.size() + " of " + has + " could be read" : "";
        boolean isAll = never == read.size() && read.size() == has;
        String unused = never == 0 ? "" : (isAll ? "" : never + " ") + "never used";
        String both = String.join(", ", Stream.of(notRead, unused).filter(text -> !text.isEmpty()).toList());
        return both.isEmpty() ? null : both;
    }

    private double ifStarted(double value) {
        return hasStarted() ? value : Double.NaN;
    }

    private boolean hasStarted() {
        return run.start() != null || run.hasEnded();
    }

    private ResourceUse use(Resource resource, Unit unit, double asked, double allowed, double used, String absent) {
        String why = run.start() == null && !run.hasEnded() ? "it has not started" : absent;
        return new ResourceUse(resource, unit, positiveOrNull(asked, resource), positiveOrNull(allowed, resource),
                orNull(used), null, null, Double.isNaN(used) ? why : null);
    }

    /** 0 GPUs are none; but 0 of anything else is not known, or has no limit. */
    private static @Nullable Double positiveOrNull(double value, Resource resource) {
        return value > 0 || (value == 0 && resource == Resource.GPU) ? Double.valueOf(value) : null;
    }

    private static @Nullable Double orNull(double value) {
        return Double.isNaN(value) ? null : Double.valueOf(value);
    }

    private static double orZero(double value) {
        return Double.isNaN(value) ? 0 : value;
    }

    private static double sum(List<NodeUsage> nodes, ToDoubleFunction<NodeUsage> figure) {
        return nodes.stream().mapToDouble(figure).sum();
    }

    private String sentence(List<ResourceUse> resources) {
        if (!hasStarted()) {
            List<String> asked = resources.stream().filter(use -> use.asked() != null && use.asked() > 0)
                    .map(use -> amount(use, use.asked()) + of(use)).toList();
            return asked.isEmpty() ? "It has not started." : "It asked for " + Phrases.list(asked) + ".";
        }
        List<String> used = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (ResourceUse use : resources) {
            if (use.absent() != null) {
                unknown.add(name(use.resource()));
            } else if (use.allowed() == null || use.allowed() > 0) {
                used.add(share(use));
            }
        }
        boolean noGpus = resources.stream().anyMatch(
                use -> use.resource() == Resource.GPU && use.allowed() != null && use.allowed() == 0);
        List<String> sentences = new ArrayList<>();
        if (!used.isEmpty()) {
            sentences.add((run.hasEnded() ? "It used " : "So far, it used ") + Phrases.list(used) + ".");
        }
        if (noGpus) {
            sentences.add("It had no GPU.");
        }
        if (!unknown.isEmpty()) {
            sentences.add("Its use of " + Phrases.list(unknown) + " is not known.");
        }
        return String.join(" ", sentences);
    }

    /** {@code 3.8 of its 32 CPUs}. */
    private static String share(ResourceUse use) {
        String where = use.note() == null || use.resource() != Resource.MEMORY ? "" : " (" + use.note() + ")";
        double used = use.used() == null ? 0 : use.used();
        return amount(use, used) + (use.allowed() == null
                ? of(use)
                : " of its " + amount(use, use.allowed()) + of(use)) + where;
    }

    private static String amount(ResourceUse use, double value) {
        return switch (use.resource()) {
            case TIME -> Phrases.time(value);
            case MEMORY -> Phrases.bytes(value);
            case CPU, GPU -> Phrases.number(value);
        };
    }

    private static String of(ResourceUse use) {
        Double count = use.allowed() == null ? use.asked() : use.allowed();
        boolean one = count != null && count == 1;
        return switch (use.resource()) {
            case TIME -> "";
            case MEMORY -> " of memory";
            case CPU -> one ? " CPU" : " CPUs";
            case GPU -> one ? " GPU" : " GPUs";
        };
    }

    private static String name(Resource resource) {
        return switch (resource) {
            case TIME -> "time";
            case CPU -> "CPUs";
            case MEMORY -> "memory";
            case GPU -> "GPUs";
        };
    }
}
