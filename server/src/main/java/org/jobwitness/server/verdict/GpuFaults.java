package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.proof;
import static org.jobwitness.server.verdict.Phrases.after;
import static org.jobwitness.server.verdict.Phrases.job;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Unit;

/** Errors that the driver of a GPU reported (NVIDIA's Xid): those of the GPU itself come before the program is blamed. */
final class GpuFaults {
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

    private GpuFaults() {
    }

    /** A GPU of it that failed; not one of which it is unsure that the run had it. */
    static Optional<GpuUsage> failed(RunEvidence evidence) {
        return withXid(evidence).stream().filter(GpuFaults::isFatal).findFirst();
    }

    private static boolean isFatal(GpuUsage gpu) {
        return OF_GPU.containsKey(xid(gpu)) && !HARMLESS.contains(xid(gpu));
    }

    private static List<GpuUsage> withXid(RunEvidence evidence) {
        return evidence.gpus().stream().filter(gpu -> gpu.xid() != null && gpu.hold() != GpuHold.UNSURE).toList();
    }

    static Explanation explain(RunEvidence evidence) {
        GpuUsage gpu = failed(evidence).orElseThrow();
        return Explanation.of(job(evidence) + " failed" + after(evidence) + ", and a GPU of it had failed"
                + Phrases.on(gpu.node()) + ": " + error(gpu) + ".")
                .meaning(
                        "This is a fault of the GPU or the node, most likely not of the program. That it ended the job is likely, but not certain.")
                .advice("Submit it again, if possible on another node (sbatch --exclude). Report the node, the GPU and the Xid to your administrators.");
    }

    static Judgement judge(RunEvidence evidence) {
        List<GpuUsage> gpus = withXid(evidence);
        if (gpus.isEmpty()) {
            return Judgement.NONE;
        }
        GpuUsage worst = failed(evidence).orElseGet(gpus::getFirst);
        boolean ofGpu = OF_GPU.containsKey(xid(worst));
        String sentence = "The driver reported " + error(worst) + Phrases.on(worst.node()) + "."
                + (gpus.size() > 1 ? " It reported errors of " + gpus.size() + " of its GPUs." : "");
        return Judgement.found(FindingRule.GPU_FAULT, isFatal(worst) ? Severity.CRITICAL : Severity.WARNING, sentence)
                .advice(ofGpu
                        ? "This is a fault of the GPU, not of the program. Report the node, the GPU and the Xid to your administrators, and check the results."
                        : "NVIDIA's list of Xid errors has its meaning: many come from a bug in the program, such as access to memory that is not its own, some from the GPU. If the same program works elsewhere, report the node.")
                .by(gpus.stream().limit(UsageFacts.MAX_FACTS).map(GpuFaults::fact).toList());
    }

    /** 0 for none. */
    private static int xid(GpuUsage gpu) {
        Integer xid = gpu.xid();
        return xid == null ? 0 : xid;
    }

    private static String error(GpuUsage gpu) {
        String meaning = OF_GPU.get(xid(gpu));
        return "Xid " + xid(gpu) + (meaning == null ? "" : " (" + meaning + ")");
    }

    static Fact fact(GpuUsage gpu) {
        return proof(Source.AGENT, "The newest error that the driver reported of GPU " + Phrases.plain(gpu.gpu())
                + Phrases.on(gpu.node()) + " while the job had it: " + error(gpu) + ".").on(gpu.node())
                .quantity("xid", xid(gpu), Unit.COUNT).build();
    }
}
