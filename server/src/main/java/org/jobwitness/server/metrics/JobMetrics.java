package org.jobwitness.server.metrics;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.batch.AgentQueueTable;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.node.GpuErrorTable;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.node.SeenJobs;
import org.jobwitness.server.query.JobLabels;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.server.verdict.JobFindings;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The hpc_job_ and hpc_node_ families, as the database has them at the moment of the scrape. A family's lines must stand
 * together, but a row has values for many families: so all rows are read once, put aside as {@link MetricRows}, and then written family by
 * family. No transaction waits for a slow reader.
 */
public final class JobMetrics {
    private static final NodeReading.State[] NO_STATES = {};
    private static final Duration ERRORS_SHOWN = Duration.ofDays(1);
    private static final Logger log = LoggerFactory.getLogger(JobMetrics.class);

    private final Database database;
    private final JobQueries jobs;
    private final NodeTable nodes;
    private final AgentQueueTable agentQueues;
    private final SeenJobs seenJobs;
    private final JobFindings findings;
    private final Path folder;
    private final long maxSeries;
    private final Clock clock;
    private volatile long leftOut;

    /**
     * Made with where it asks.
     *
     * @param folder for what is put aside during a scrape
     * @param maxSeries of one scrape
     */
    public JobMetrics(Database database, JobQueries jobs, NodeTable nodes, AgentQueueTable agentQueues,
            SeenJobs seenJobs, JobFindings findings, Path folder, long maxSeries, Clock clock) {
        this.database = database;
        this.jobs = jobs;
        this.nodes = nodes;
        this.agentQueues = agentQueues;
        this.seenJobs = seenJobs;
        this.findings = findings;
        this.folder = folder;
        this.maxSeries = maxSeries;
        this.clock = clock;
    }

    /** All that one scrape tells of jobs and nodes. */
    final class Collected implements AutoCloseable {
        private final Instant at = clock.instant();
        private final SeriesBudget budget = new SeriesBudget(maxSeries);
        private final MetricRows info = new MetricRows(folder, 1);
        private final MetricRows states = new MetricRows(folder, 1);
        private final FamilyRows<RunUse.NodeUsage> ofJobs = new FamilyRows<>(folder, Family.OF_JOB);
        private final FamilyRows<RunUse.FreshGpu> ofGpus = new FamilyRows<>(folder, Family.OF_GPU);
        private final MetricRows gpuInfo = new MetricRows(folder, 1);
        private final MetricRows gpuErrors = new MetricRows(folder, 1);
        private final FamilyRows<NodeTable.GpuSnapshot> ofNodeGpus = new FamilyRows<>(folder, Family.OF_NODE_GPU);
        private final FamilyRows<NodeTable.NodeSnapshot> ofNodes = new FamilyRows<>(folder, Family.OF_NODE);
        private final MetricRows found = new MetricRows(folder, 1);
        private final MetricRows nodeStates = new MetricRows(folder, 1);
        private final FamilyRows<AgentQueueTable.Queue> waiting = new FamilyRows<>(folder, Family.OF_AGENT);
        /** By cluster and partition. */
        private final Map<List<String>, Long> pending = new HashMap<>();
        private List<SeenJobs.Seen> seen = List.of();
        private JobQueries.Counts counts = new JobQueries.Counts(Map.of(), Map.of());

        private void read(Handle handle) {
            counts = jobs.count(handle);
            seen = seenJobs.all(handle);
            try (Stream<JobLabels> recent = jobs.recent(handle, at)) {
                Labels ofInfo = new Labels("cluster", "job_id", "user", "partition", "account", "name");
                Labels ofState = new Labels("cluster", "job_id", "state", "reason");
                recent.forEach(job -> {
                    countPending(job);
                    if (budget.admits(2)) {
                        info.add(ofInfo.of(job.cluster(), job.jobId(), job.user(), job.partition(), job.account(),
                                job.name()), 1);
                        states.add(ofState.of(job.cluster(), job.jobId(), job.state(), job.reason()), 1);
                    }
                });
            }
            readNodes(handle);
            readRuns(handle);
            readGpus(handle);
            readGpuErrors(handle);
            try (Stream<AgentQueueTable.Queue> agents = agentQueues.overdue(handle)) {
                Labels labels = new Labels("cluster", "node");
                agents.forEach(
                        agent -> waiting.add(labels.of(agent.cluster(), agent.node()), agent, budget::admits));
            }
        }

        /** Before the jobs, since it shows which nodes are reported. */
        private void readNodes(Handle handle) {
            try (Stream<NodeTable.NodeSnapshot> seen = nodes.latest(handle, at)) {
                Labels labels = new Labels("cluster", "node");
                Labels ofState = new Labels("cluster", "node", "state");
                seen.forEach(node -> {
                    if (node.last() != null) {
                        budget.report(node.cluster(), node.node());
                    }
                    ofNodes.add(labels.of(node.cluster(), node.node()), node,
                            series -> budget.admitsNode(node.cluster(), node.node(), series));
                    NodeReading.State now = node.last() == null ? null : node.last().state();
                    for (NodeReading.State state : now == null ? NO_STATES : NodeReading.State.values()) {
                        if (!state.isCommon() && state != now) {
                            continue; // few nodes are ever in it
                        }
                        if (budget.admits(1)) {
                            nodeStates.add(ofState.of(node.cluster(), node.node(), state.toString()),
                                    state == now ? 1 : 0);
                        }
                    }
                });
            }
        }

        private void readRuns(Handle handle) {
            Labels ofJob = new Labels("cluster", "job_id", "user", "node");
            Labels ofGpu = new Labels("cluster", "job_id", "node", "gpu_vendor", "gpu_id");
            Labels ofFinding = new Labels("cluster", "job_id", "user", "rule", "severity");
            findings.each(handle, at, job -> {
                for (RunUse.NodeUsage on : job.onNodes()) {
                    ofJobs.add(ofJob.of(job.cluster(), job.jobId(), job.user(), on.node()), on,
                            series -> budget.admitsJob(job.cluster(), on.node(), series));
                }
                for (RunUse.GpuUsage gpu : job.gpus()) {
                    RunUse.FreshGpu fresh = gpu.fresh();
                    if (fresh != null) {
                        ofGpus.add(ofGpu.of(job.cluster(), job.jobId(), gpu.node(), fresh.vendor(), gpu.gpu()), fresh,
                                series -> budget.admitsJob(job.cluster(), gpu.node(), series));
                    }
                }
                for (Verdict.Finding finding : job.findings()) {
                    if (budget.admits(1)) {
                        found.add(ofFinding.of(job.cluster(), job.jobId(), job.user(), finding.rule().toString(),
                                finding.severity().toString()), 1);
                    }
                }
            });
        }

        private void readGpus(Handle handle) {
            try (Stream<NodeTable.GpuSnapshot> gpus = nodes.gpus(handle, at)) {
                Labels labels = new Labels("cluster", "node", "gpu_vendor", "gpu_id");
                Labels ofInfo = new Labels("cluster", "node", "gpu_vendor", "gpu_id", "model", "pci_bus_id", "parent");
                gpus.forEach(seen -> {
                    ofNodeGpus.add(labels.of(seen.cluster(), seen.node(), vendor(seen), seen.reading().gpu()), seen,
                            budget::admits);
                    GpuDevice device = seen.reading().device();
                    if (device != null && budget.admits(1)) {
                        gpuInfo.add(ofInfo.of(seen.cluster(), seen.node(), vendor(seen), seen.reading().gpu(),
                                known(device.model()), known(device.pciBusId()), known(device.parent())), 1);
                    }
                });
            }
        }

        private void readGpuErrors(Handle handle) {
            try (Stream<GpuErrorTable.GpuError> errors = GpuErrorTable.since(handle, at.minus(ERRORS_SHOWN))) {
                Labels labels = new Labels("cluster", "node", "gpu_vendor", "gpu_id", "xid");
                errors.filter(_ -> budget.admits(1))
                        .forEach(error -> gpuErrors.add(labels.of(error.cluster(), error.node(),
                                error.vendor(), error.gpu(), String.valueOf(error.xid())),
                                error.at().toEpochMilli() / 1e3));
            }
        }

        private void countPending(JobLabels job) {
            if (job.state().equals(JobState.PENDING.toString()) && !job.partition().isEmpty()) {
                for (String partition : job.partition().split(",", -1)) {
                    pending.merge(List.of(job.cluster(), partition), job.tasks(), Long::sum);
                }
            }
        }

        private static String vendor(NodeTable.GpuSnapshot seen) {
            GpuVendor vendor = seen.reading().vendor();
            return vendor == null ? "" : vendor.toString();
        }

        private static String known(@Nullable String text) {
            return text == null ? "" : text;
        }

        void write(Exposition out) {
            Exposition.Samples total = out.gauge("hpc_job_state_total",
                    "Jobs by state; the newest run of each job id, and each task of an array.",
                    "cluster", "state");
            counts.newest().forEach((cluster, byState) -> {
                for (JobState state : JobState.values()) {
                    total.sample(byState.getOrDefault(state, 0L), cluster, state.toString());
                }
            });
            Exposition.Samples ever = out.counter("hpc_job_total", "Runs of jobs that the service has recorded.",
                    "cluster");
            counts.ever().forEach((cluster, count) -> ever.sample(count, cluster));
            Exposition.Samples queues = out.gauge("hpc_job_pending_by_partition",
                    "Pending jobs by partition; a job that may start in several counts in each.", "cluster",
                    "partition");
            pending.forEach((queue, count) -> queues.sample(count, queue.getFirst(), queue.getLast()));
            if (!seen.isEmpty()) {
                writeSeen(out);
            }
            info.each(0, out.gauge("hpc_job_info",
                    "1 for each job that runs or ended less than 5 minutes ago, with its labels.")::sample);
            states.each(0, out.gauge("hpc_job_state",
                    "1 for the state and reason that a job has; jobs as in hpc_job_info.")::sample);
            ofJobs.write(out);
            ofGpus.write(out);
            gpuInfo.each(0, out.gauge("hpc_node_gpu_device_info",
                    "1 for each GPU of a node, with its device; parent is the GPU that it is a part of.")::sample);
            ofNodeGpus.write(out);
            gpuErrors.each(0, out.gauge("hpc_node_gpu_device_xid_timestamp_seconds",
                    "When the driver of a GPU last reported an error, by NVIDIA's number of it; for a day.")::sample);
            found.each(0, out.gauge("hpc_job_findings",
                    "1 for each finding of a job that runs or ended less than 5 minutes ago, by rule and severity.")::sample);
            ofNodes.write(out);
            waiting.write(out);
            nodeStates.each(0,
                    out.gauge("hpc_node_state",
                            "1 for the state that the node is in, 0 for the common ones of the others.")::sample);
            out.gauge("jobwitness_metrics_series_left_out",
                    "Series of jobs and nodes that this scrape leaves out, because there are too many.")
                    .sample((double) budget.leftOut());
            out.gauge("hpc_exporter_last_collect_timestamp_seconds", "When these figures were collected.")
                    .sample(at.toEpochMilli() / 1e3);
        }

        private void writeSeen(Exposition out) {
            Exposition.Samples running = out.gauge("hpc_scheduler_jobs_running",
                    "Jobs that have run for 5 minutes by the scheduler's record.", "cluster");
            seen.forEach(one -> running.sample((double) one.running(), one.cluster()));
            Exposition.Samples read = out.gauge("hpc_scheduler_jobs_seen",
                    "Those of them that agents have read in the last 5 minutes.", "cluster");
            seen.forEach(one -> read.sample((double) one.seen(), one.cluster()));
            Exposition.Samples silent = out.gauge("hpc_scheduler_nodes_silent",
                    "Nodes of the running jobs whose agents have sent nothing in the last 5 minutes.", "cluster");
            seen.forEach(one -> silent.sample(one.silent().size(), one.cluster()));
        }

        @Override
        public void close() {
            for (MetricRows rows : List.of(info, states, gpuInfo, gpuErrors, found, nodeStates)) {
                rows.close();
            }
            for (FamilyRows<?> rows : List.of(ofJobs, ofGpus, ofNodeGpus, ofNodes, waiting)) {
                rows.close();
            }
        }
    }

    private synchronized void note(long leftOutNow) {
        if ((leftOut == 0) != (leftOutNow == 0)) {
            log.warn("metrics_series_left_out series={} max={} max_of_unreported_nodes={}", leftOutNow, maxSeries,
                    SeriesBudget.MAX_UNREPORTED);
        }
        leftOut = leftOutNow;
    }

    /** Why the newest scrape was not complete; empty if it was. */
    public Optional<String> problem() {
        long series = leftOut;
        return series == 0
                ? Optional.empty()
                : Optional.of(
                        "the newest scrape of /metrics leaves out " + series + " series: above METRICS_MAX_SERIES, or"
                                + " of more than " + SeriesBudget.MAX_UNREPORTED
                                + " nodes that neither an agent nor Slurm reports");
    }

    /** Reads everything, as of one moment; who asked closes it. */
    Collected collect() {
        Collected collected = new Collected();
        boolean complete = false;
        try {
            database.snapshot("metrics", handle -> {
                collected.read(handle);
                return true;
            });
            complete = true;
            note(collected.budget.leftOut());
            return collected;
        } finally {
            if (!complete) {
                collected.close();
            }
        }
    }
}
