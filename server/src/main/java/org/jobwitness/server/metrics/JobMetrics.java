package org.jobwitness.server.metrics;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.batch.AgentsWaiting;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.JobQueries;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.server.verdict.JobFindings;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/**
 * The hpc_job_ and hpc_node_ families, as the database has them at the moment of the scrape. A family's lines must stand
 * together, but a row has values for many families: so all rows are read once, put aside as {@link Rows}, and then written family by
 * family. No transaction waits for a slow reader.
 */
public final class JobMetrics {
    private static final NodeReading.State[] NO_STATES = {};

    private final Database database;
    private final JobQueries jobs;
    private final SampleStore samples;
    private final NodeTable nodes;
    private final AgentsWaiting agentsWaiting;
    private final JobFindings findings;
    private final Path folder;
    private final Clock clock;
    private final Map<String, LongAdder> begun = new ConcurrentHashMap<>();
    private final Map<String, Long> before = new ConcurrentHashMap<>();
    private boolean counted;

    /**
     * Made with where it asks.
     *
     * @param folder for what is put aside during a scrape
     */
    public JobMetrics(Database database, JobQueries jobs, SampleStore samples, NodeTable nodes,
            AgentsWaiting agentsWaiting, JobFindings findings, Path folder, Clock clock) {
        this.database = database;
        this.jobs = jobs;
        this.samples = samples;
        this.nodes = nodes;
        this.agentsWaiting = agentsWaiting;
        this.findings = findings;
        this.folder = folder;
        this.clock = clock;
    }

    /** Counts new runs; a listener of {@code JobTable}. */
    public void count(JobChange change) {
        if (change.before() == null) {
            begun.computeIfAbsent(change.run().identity().cluster(), _ -> new LongAdder()).increment();
        }
    }

    /** All that one scrape tells of jobs and nodes. */
    final class Collected implements AutoCloseable {
        private final Instant at = clock.instant();
        private final Rows info = new Rows(folder, 1);
        private final Rows states = new Rows(folder, 1);
        private final Rows ofJobs = new Rows(folder, Family.OF_JOB.size());
        private final Rows ofGpus = new Rows(folder, Family.OF_GPU.size());
        private final Rows gpuInfo = new Rows(folder, 1);
        private final Rows ofNodeGpus = new Rows(folder, Family.OF_NODE_GPU.size());
        private final Rows ofNodes = new Rows(folder, Family.OF_NODE.size());
        private final Rows found = new Rows(folder, 1);
        private final Rows nodeStates = new Rows(folder, 1);
        private final Rows waiting = new Rows(folder, Family.OF_AGENT.size());
        private Map<String, Map<JobState, Long>> counts = Map.of();
        private Map<String, Long> runs = Map.of();

        private void read(Handle handle) {
            counts = jobs.countByState(handle);
            runs = runsEver(handle);
            try (Stream<JobQueries.Glance> recent = jobs.recent(handle, at)) {
                Labels ofInfo = new Labels("cluster", "job_id", "user", "partition", "account", "name");
                Labels ofState = new Labels("cluster", "job_id", "state", "reason");
                recent.forEach(job -> {
                    info.add(ofInfo.of(job.cluster(), job.jobId(), job.user(), job.partition(), job.account(),
                            job.name()), 1);
                    states.add(ofState.of(job.cluster(), job.jobId(), job.state(), job.reason()), 1);
                });
            }
            try (Stream<SampleStore.OnNode> onNodes = samples.onNodes(handle, at)) {
                Labels labels = new Labels("cluster", "job_id", "user", "node");
                add(ofJobs, Family.OF_JOB, onNodes,
                        job -> labels.of(job.cluster(), job.jobId(), job.user(), job.node()));
            }
            try (Stream<SampleStore.LatestGpu> gpus = samples.latestOfGpus(handle, at)) {
                Labels labels = new Labels("cluster", "job_id", "node", "gpu_vendor", "gpu_id");
                add(ofGpus, Family.OF_GPU, gpus,
                        gpu -> labels.of(gpu.cluster(), gpu.jobId(), gpu.node(), gpu.vendor(), gpu.gpu()));
            }
            readGpus(handle);
            Labels ofFinding = new Labels("cluster", "job_id", "user", "rule", "severity");
            findings.each(handle, at, finding -> found.add(ofFinding.of(finding.cluster(), finding.jobId(),
                    finding.user(), finding.rule().toString(), finding.severity().toString()), 1));
            try (Stream<NodeTable.Seen> seen = nodes.latest(handle, at)) {
                Labels labels = new Labels("cluster", "node");
                Labels ofState = new Labels("cluster", "node", "state");
                add(ofNodes, Family.OF_NODE, seen.peek(node -> {
                    NodeReading.State now = node.last() == null ? null : node.last().state();
                    for (NodeReading.State state : now == null ? NO_STATES : NodeReading.State.values()) {
                        nodeStates.add(ofState.of(node.cluster(), node.node(), state.toString()), state == now ? 1 : 0);
                    }
                }), node -> labels.of(node.cluster(), node.node()));
            }
            try (Stream<AgentsWaiting.Waiting> agents = agentsWaiting.latest(handle)) {
                Labels labels = new Labels("cluster", "node");
                add(waiting, Family.OF_AGENT, agents, agent -> labels.of(agent.cluster(), agent.node()));
            }
        }

        private void readGpus(Handle handle) {
            try (Stream<NodeTable.SeenGpu> gpus = nodes.gpus(handle, at)) {
                Labels labels = new Labels("cluster", "node", "gpu_vendor", "gpu_id");
                Labels ofInfo = new Labels("cluster", "node", "gpu_vendor", "gpu_id", "model", "pci_bus_id", "parent");
                add(ofNodeGpus, Family.OF_NODE_GPU, gpus.peek(seen -> {
                    GpuDevice device = seen.reading().device();
                    if (device != null) {
                        gpuInfo.add(ofInfo.of(seen.cluster(), seen.node(), vendor(seen), seen.reading().gpu(),
                                known(device.model()), known(device.pciBusId()), known(device.parent())), 1);
                    }
                }), seen -> labels.of(seen.cluster(), seen.node(), vendor(seen), seen.reading().gpu()));
            }
        }

        private static String vendor(NodeTable.SeenGpu seen) {
            GpuVendor vendor = seen.reading().vendor();
            return vendor == null ? "" : vendor.toString();
        }

        private static String known(@Nullable String text) {
            return text == null ? "" : text;
        }

        private static <T> void add(Rows rows, List<Family<T>> families, Stream<T> things, Function<T, Labels> labels) {
            double[] values = new double[families.size()];
            things.forEach(thing -> {
                Arrays.setAll(values, column -> families.get(column).value().applyAsDouble(thing));
                rows.add(labels.apply(thing), values);
            });
        }

        void write(Exposition out) {
            Exposition.Samples total = out.gauge("hpc_job_state_total", "Jobs by state; of each job id its newest run.",
                    "cluster", "state");
            counts.forEach((cluster, byState) -> {
                for (JobState state : JobState.values()) {
                    total.sample(byState.getOrDefault(state, 0L), cluster, state.toString());
                }
            });
            Exposition.Samples ever = out.counter("hpc_job_total", "Runs of jobs that the service has come to know.",
                    "cluster");
            runs.forEach((cluster, count) -> ever.sample(count, cluster));
            info.each(0, out.gauge("hpc_job_info",
                    "1 for each job that runs or ended less than 5 minutes ago, with what names it.")::sample);
            states.each(0, out.gauge("hpc_job_state",
                    "1 for the state and reason that a job has; jobs as in hpc_job_info.")::sample);
            write(out, Family.OF_JOB, ofJobs);
            write(out, Family.OF_GPU, ofGpus);
            gpuInfo.each(0, out.gauge("hpc_node_gpu_device_info",
                    "1 for each GPU of a node, with which device it is; parent is the GPU that it is a part of.")::sample);
            write(out, Family.OF_NODE_GPU, ofNodeGpus);
            found.each(0, out.gauge("hpc_job_findings",
                    "1 for each finding of a job that runs or ended less than 5 minutes ago, by rule and severity.")::sample);
            write(out, Family.OF_NODE, ofNodes);
            write(out, Family.OF_AGENT, waiting);
            nodeStates.each(0,
                    out.gauge("hpc_node_state", "1 for the state that the node is in, 0 for the others.")::sample);
            out.gauge("hpc_exporter_last_collect_timestamp_seconds", "When these figures were collected.")
                    .sample(at.toEpochMilli() / 1e3);
        }

        private static <T> void write(Exposition out, List<Family<T>> families, Rows rows) {
            for (int column = 0; column < families.size(); column++) {
                rows.each(column, families.get(column).begin(out)::sample);
            }
        }

        @Override
        public void close() {
            for (Rows rows : List.of(info, states, ofJobs, ofGpus, gpuInfo, ofNodeGpus, found, ofNodes, nodeStates,
                    waiting)) {
                rows.close();
            }
        }
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
            return collected;
        } finally {
            if (!complete) {
                collected.close();
            }
        }
    }

    /** A counter must not fall when old runs are deleted: what was there at first, and what has come since. */
    private synchronized Map<String, Long> runsEver(Handle handle) {
        if (!counted) {
            jobs.countRuns(handle).forEach((cluster, count) -> before.put(cluster,
                    Math.max(0, count - (begun.containsKey(cluster) ? begun.get(cluster).sum() : 0))));
            counted = true;
        }
        Map<String, Long> ever = new TreeMap<>(before);
        begun.forEach((cluster, count) -> ever.merge(cluster, count.sum(), Long::sum));
        return ever;
    }
}
