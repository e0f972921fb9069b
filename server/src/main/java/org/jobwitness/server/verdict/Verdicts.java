package org.jobwitness.server.verdict;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.node.NodeEventTable;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

/** Judges runs for callers, each within its scope. */
public final class Verdicts {
    private final EvidenceReader reader;
    private final Thresholds thresholds;
    private final SiteNotes siteNotes;

    /** @param siteNotes the site's own words, shown with the advice */
    public Verdicts(EvidenceReader reader, Thresholds thresholds, SiteNotes siteNotes) {
        this.reader = reader;
        this.thresholds = thresholds;
        this.siteNotes = siteNotes;
    }

    /**
     * A verdict, and what a page shows beside it.
     *
     * @param nodes that agents reported, by name
     * @param nodeEvents what happened to its nodes while it had them, the earliest first
     */
    public record Judged(Verdict verdict, List<NodeUse> nodes, List<NodeEventTable.Event> nodeEvents) {
        public Judged {
            nodes = List.copyOf(nodes);
            nodeEvents = List.copyOf(nodeEvents);
        }
    }

    /**
     * What a run used of one node. A number that is not known is NaN.
     *
     * @param node empty where figures are of the run as a whole
     * @param cpuPercent of its CPUs there, on average
     * @param gpuPercent of the GPUs that it holds alone there, on average
     */
    public record NodeUse(String node, double cpus, double cpuPercent, double memoryPeakBytes, double memoryLimitBytes,
            double oomKills, double gpuPercent, long samples, @Nullable Instant lastSample) {
    }

    /**
     * Of the newest run of a job id, or the one asked for; empty if there is none that the caller may see.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    public Optional<Judged> of(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run) {
        return reader.read(caller, jobId, cluster, run).map(
                evidence -> new Judged(VerdictRules.judge(evidence, thresholds, siteNotes), nodes(evidence),
                        evidence.nodeEvents()));
    }

    private static List<NodeUse> nodes(RunEvidence evidence) {
        return evidence.nodes().stream().map(on -> new NodeUse(on.node(), on.cpus(), on.cpuPercent(), on.memoryPeak(),
                on.memoryLimit(), on.oomKills(), gpuPercent(evidence, on.node()), on.samples(), on.lastSample()))
                .toList();
    }

    private static double gpuPercent(RunEvidence evidence, String node) {
        return evidence.gpus().stream().filter(gpu -> gpu.node().equals(node))
                .mapToDouble(RunEvidence.GpuUsage::percent).filter(percent -> !Double.isNaN(percent)).average()
                .orElse(Double.NaN);
    }
}
