package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.proof;
import static org.jobwitness.server.verdict.FactBuilder.sign;
import static org.jobwitness.server.verdict.Phrases.after;
import static org.jobwitness.server.verdict.Phrases.job;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Unit;

/**
 * Errors that the driver of a GPU reported: NVIDIA's Xid, and uncorrectable memory errors. Those of the GPU itself come before the
 * program is blamed. And what slowed the GPU down.
 */
public final class GpuFaults {
    private static final Map<Integer, String> OF_GPU = Map.ofEntries(
            Map.entry(48, "an uncorrectable memory error"), Map.entry(62, "its internal processor halted"),
            Map.entry(63, "a part of its memory was replaced"),
            Map.entry(64, "a part of its memory could not be replaced"),
            Map.entry(74, "an NVLink error"), Map.entry(79, "it fell off the bus"),
            Map.entry(92, "many corrected memory errors"), Map.entry(94, "an uncorrectable memory error, contained"),
            Map.entry(95, "an uncorrectable memory error, not contained"),
            Map.entry(110, "a fault of its security processor"), Map.entry(119, "its system processor did not answer"),
            Map.entry(120, "its system processor failed"), Map.entry(121, "a corrected link error"),
            Map.entry(136, "a link error"), Map.entry(140, "an uncorrectable memory error"),
            Map.entry(143, "its initialization failed"));
    /** After these, the GPU works on, and no program is stopped. */
    private static final Set<Integer> HARMLESS = Set.of(63, 92, 121);

    private static final String ADVICE = "Submit it again, if possible on another node (sbatch --exclude). Report the node, the GPU and the error to your administrators.";
    private static final String OF_GPU_ADVICE = "This is a fault of the GPU, not of the program. Report the node, the GPU and the error to your administrators, and check the results.";
    private static final String XID_ADVICE = "NVIDIA's list of Xid errors has its meaning: many come from a bug in the program, such as access to memory that is not its own, some from the GPU. If the same program works elsewhere, report the node.";

    private GpuFaults() {
    }

    /** Errors that stop the work on the GPU. */
    public static Set<Integer> fatal() {
        return OF_GPU.keySet().stream().filter(GpuFaults::isFatal).collect(Collectors.toUnmodifiableSet());
    }

    /**
     * A GPU of it that failed while the run had it, or about when the run ended; not one of which it is unsure that the run had it.
     */
    static Optional<GpuUsage> failed(RunEvidence evidence) {
        return Stream.concat(faulty(evidence).stream().filter(GpuFaults::isFatal),
                evidence.gpus().stream().filter(gpu -> gpu.hold() != GpuHold.UNSURE)
                        .filter(gpu -> gpu.faults().possibleXids().stream().anyMatch(GpuFaults::isFatal)))
                .findFirst();
    }

    private static boolean isSure(GpuUsage gpu) {
        return gpu.hold() != GpuHold.UNSURE && isFatal(gpu);
    }

    private static boolean isFatal(GpuUsage gpu) {
        return gpu.faults().eccErrors() > 0 || gpu.faults().xids().stream().anyMatch(GpuFaults::isFatal);
    }

    private static boolean isFatal(Integer xid) {
        return OF_GPU.containsKey(xid) && !HARMLESS.contains(xid);
    }

    private static boolean isOfGpu(GpuUsage gpu) {
        return gpu.faults().eccErrors() > 0 || gpu.faults().xids().stream().anyMatch(OF_GPU::containsKey);
    }

    private static List<GpuUsage> faulty(RunEvidence evidence) {
        return evidence.gpus().stream().filter(gpu -> gpu.hold() != GpuHold.UNSURE)
                .filter(gpu -> !gpu.faults().xids().isEmpty() || gpu.faults().eccErrors() > 0).toList();
    }

    static Explanation explain(RunEvidence evidence) {
        GpuUsage gpu = failed(evidence).orElseThrow();
        if (!isSure(gpu)) {
            return Explanation.of(job(evidence) + " failed" + after(evidence)
                    + ", and " + its(gpu) + " failed at about that time" + Phrases.on(gpu.node()) + ": "
                    + named(gpu.faults().possibleXids()) + ".")
                    .meaning(
                            "This is a fault of the GPU or the node, most likely not of the program. " + when(gpu)
                                    + " So that it ended the job is likely, but not certain.")
                    .advice(ADVICE);
        }
        return Explanation.of(job(evidence) + " failed" + after(evidence) + ", and " + its(gpu) + " had failed"
                + Phrases.on(gpu.node()) + ": " + errors(gpu) + ".")
                .meaning(
                        "This is a fault of the GPU or the node, most likely not of the program. That it ended the job is likely, but not certain.")
                .advice(ADVICE);
    }

    /** {@code its GPU 2}, by the number of its device file, as {@code nvidia-smi} has it; the evidence names it in full. */
    private static String its(GpuUsage gpu) {
        return gpu.minor() == null ? "a GPU of it" : "its GPU " + gpu.minor();
    }

    static Fact factOfFailed(RunEvidence evidence) {
        GpuUsage gpu = failed(evidence).orElseThrow();
        return isSure(gpu) ? fact(gpu) : possibleFact(gpu);
    }

    /** How it is unsure that an error came while the run had the GPU. */
    private static String when(GpuUsage gpu) {
        return switch (gpu.hold()) {
            case SHARED -> "Other jobs shared the GPU.";
            case UNSURE -> "It is not known whether the job had this GPU.";
            default ->
                "The driver reported it between two readings, and the job began or ended between the same two.";
        };
    }

    static Judgement judge(RunEvidence evidence, Thresholds thresholds) {
        Judgement errors = errors(evidence);
        return Judgement.of(errors.findings().isEmpty() ? possibleErrors(evidence) : errors,
                slowdowns(evidence, thresholds));
    }

    private static Judgement possibleErrors(RunEvidence evidence) {
        List<GpuUsage> gpus = evidence.gpus().stream().filter(gpu -> !gpu.faults().possibleXids().isEmpty()).toList();
        if (gpus.isEmpty()) {
            return Judgement.NONE;
        }
        GpuUsage worst = gpus.stream().filter(gpu -> gpu.faults().possibleXids().stream().anyMatch(GpuFaults::isFatal))
                .findFirst().orElseGet(gpus::getFirst);
        List<Integer> xids = worst.faults().possibleXids();
        return Judgement.found(FindingRule.GPU_FAULT, Severity.WARNING,
                "The driver reported " + named(xids) + Phrases.on(worst.node()) + ", possibly of this job. "
                        + when(worst))
                .advice(xids.stream().anyMatch(OF_GPU::containsKey) ? OF_GPU_ADVICE : XID_ADVICE)
                .by(gpus.stream().limit(UsageFacts.MAX_FACTS).map(GpuFaults::possibleFact).toList());
    }

    private static Fact possibleFact(GpuUsage gpu) {
        List<Integer> xids = gpu.faults().possibleXids();
        return sign(Source.AGENT, "The driver reported " + named(xids) + " of " + Phrases.gpu(gpu) + ". " + when(gpu))
                .on(gpu.node())
                .quantity("xid", worst(xids), Unit.COUNT).build();
    }

    private static Judgement errors(RunEvidence evidence) {
        List<GpuUsage> gpus = faulty(evidence);
        if (gpus.isEmpty()) {
            return Judgement.NONE;
        }
        GpuUsage worst = gpus.stream().filter(GpuFaults::isFatal).findFirst()
                .orElseGet(() -> gpus.stream().filter(GpuFaults::isOfGpu).findFirst().orElseGet(gpus::getFirst));
        String sentence = "The driver reported " + errors(worst) + Phrases.on(worst.node()) + "."
                + (gpus.size() > 1 ? " It reported errors of " + gpus.size() + " of its GPUs." : "");
        return Judgement.found(FindingRule.GPU_FAULT, isFatal(worst) ? Severity.CRITICAL : Severity.WARNING, sentence)
                .advice(isOfGpu(worst) ? OF_GPU_ADVICE : XID_ADVICE)
                .by(gpus.stream().limit(UsageFacts.MAX_FACTS).map(GpuFaults::fact).toList());
    }

    /** All of them, those of the GPU first: others often follow from them. */
    private static String errors(GpuUsage gpu) {
        List<String> errors = new ArrayList<>();
        if (gpu.faults().eccErrors() > 0) {
            errors.add(Phrases.count((long) gpu.faults().eccErrors(), "uncorrectable memory error"));
        }
        if (!gpu.faults().xids().isEmpty()) {
            errors.add(named(gpu.faults().xids()));
        }
        return String.join(", ", errors);
    }

    /** {@code Xid 79 (it fell off the bus), Xid 31}, fatal ones first. */
    public static String named(List<Integer> xids) {
        Map<Boolean, List<Integer>> byWeight = xids.stream().collect(Collectors.partitioningBy(GpuFaults::isFatal));
        return Stream.of(true, false).flatMap(fatal -> byWeight.getOrDefault(fatal, List.of()).stream())
                .map(xid -> "Xid " + xid + (OF_GPU.containsKey(xid) ? " (" + OF_GPU.get(xid) + ")" : ""))
                .collect(Collectors.joining(", "));
    }

    private static Fact fact(GpuUsage gpu) {
        double ecc = gpu.faults().eccErrors();
        return proof(Source.AGENT,
                "While the job had " + Phrases.gpu(gpu) + ", the driver reported " + errors(gpu) + ".").on(gpu.node())
                .quantity(ecc > 0 ? "ecc_errors" : "xid", ecc > 0 ? ecc : worst(gpu.faults().xids()), Unit.COUNT)
                .build();
    }

    private static int worst(List<Integer> xids) {
        return xids.stream().filter(GpuFaults::isFatal).findFirst().orElseGet(xids::getLast);
    }

    private static Judgement slowdowns(RunEvidence evidence, Thresholds thresholds) {
        List<GpuUsage> slowed = evidence.gpus().stream().filter(gpu -> gpu.hold() == GpuHold.ALONE
                && gpu.samples() >= thresholds.minSamples()
                && slowedPercent(gpu) >= thresholds.stallPercent()).toList();
        if (slowed.isEmpty()) {
            return Judgement.NONE;
        }
        GpuUsage worst = slowed.stream().max((one, other) -> Double.compare(slowedPercent(one), slowedPercent(other)))
                .orElseThrow();
        return Judgement.found(FindingRule.GPU_THROTTLED, Severity.WARNING,
                "Heat or the power supply slowed "
                        + (slowed.size() == 1 ? its(worst) : slowed.size() + " of its GPUs")
                        + " down" + Phrases.on(worst.node()) + ", in up to " + Phrases.percent(slowedPercent(worst))
                        + " of its samples.")
                .advice("This is a fault of the node's cooling or power, not of the program. Report the node and the GPU to your administrators.")
                .by(slowed.stream().limit(UsageFacts.MAX_FACTS).map(GpuFaults::slowdown).toList());
    }

    private static double slowedPercent(GpuUsage gpu) {
        return 100.0 * gpu.faults().slowed() / gpu.samples();
    }

    private static Fact slowdown(GpuUsage gpu) {
        return proof(Source.AGENT, Phrases.gpu(gpu) + " was slowed down in "
                + Phrases.count(gpu.faults().slowed(), "sample") + " of " + gpu.samples() + ": "
                + gpu.faults().slowedBy().stream().map(Phrases::plain).collect(Collectors.joining(", ")) + ".")
                .at(gpu.lastSample()).on(gpu.node())
                .quantity("slowed_samples", (double) gpu.faults().slowed(), Unit.COUNT).build();
    }
}
