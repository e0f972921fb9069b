package org.jobwitness.server.metrics;

import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.Figure;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.JobQueries;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/** The hpc_job_ and hpc_node_ families, as the database has them at the moment of the scrape. */
public final class JobMetrics {
    private final Database database;
    private final JobQueries jobs;
    private final SampleStore samples;
    private final NodeTable nodes;
    private final Clock clock;
    private final Map<String, LongAdder> begun = new ConcurrentHashMap<>();
    private final Map<String, Long> before = new ConcurrentHashMap<>();
    private boolean counted;

    public JobMetrics(Database database, JobQueries jobs, SampleStore samples, NodeTable nodes, Clock clock) {
        this.database = database;
        this.jobs = jobs;
        this.samples = samples;
        this.nodes = nodes;
        this.clock = clock;
    }

    /** Counts new runs; a listener of {@code JobTable}. */
    public void count(JobChange change) {
        if (change.before() == null) {
            begun.computeIfAbsent(change.run().identity().cluster(), _ -> new LongAdder()).increment();
        }
    }

    void write(Exposition out) {
        Instant now = clock.instant();
        database.snapshot("metrics", handle -> {
            Map<String, Map<JobState, Long>> states = jobs.countByState(handle);
            Exposition total = out.gauge("hpc_job_state_total", "Jobs by state; of each job id its newest run.",
                    "cluster", "state");
            states.forEach((cluster, counts) -> {
                for (JobState state : JobState.values()) {
                    total.sample(counts.getOrDefault(state, 0L), cluster, state.toString());
                }
            });

            Exposition runs = out.counter("hpc_job_total", "Runs of jobs that the service has come to know.",
                    "cluster");
            runsEver(handle).forEach((cluster, count) -> runs.sample(count, cluster));

            Exposition info = out.gauge("hpc_job_info",
                    "1 for each job that runs or ended less than 5 minutes ago, with what names it.", "cluster",
                    "job_id",
                    "user", "partition", "account", "name");
            jobs.eachRecent(handle, now, job -> info.sample(1, job.cluster(), job.jobId(), job.user(), job.partition(),
                    job.account(), job.name()));

            Exposition state = out.gauge("hpc_job_state",
                    "1 for the state and reason that a job has; jobs as in hpc_job_info.", "cluster", "job_id", "state",
                    "reason");
            jobs.eachRecent(handle, now,
                    job -> state.sample(1, job.cluster(), job.jobId(), job.state(), job.reason()));

            Exposition runtime = out.gauge("hpc_job_runtime_seconds", "How long a running job has been running.",
                    "cluster", "job_id", "user", "node");
            jobs.eachRunningOnNode(handle, now, job -> runtime.sample(job.runtimeSeconds(), job.cluster(), job.jobId(),
                    job.user(), job.node()));
            writeUsage(out, handle, now);
            writeNodes(out, handle, now);
            return null;
        });
        out.gauge("hpc_exporter_last_collect_timestamp_seconds", "When these figures were collected.")
                .sample(now.toEpochMilli() / 1e3);
    }

    private void writeUsage(Exposition out, Handle handle, Instant now) {
        usage(out, handle, now, "hpc_job_cpu_usage_percent", "Of the CPUs that the job has on the node.",
                Figure.CPU_USAGE_PERCENT);
        usage(out, handle, now, "hpc_job_memory_usage_bytes", "Memory of the job on the node.",
                Figure.MEMORY_USAGE_BYTES);
        usage(out, handle, now, "hpc_job_gpu_usage_percent", "Of the GPUs that the job has on the node.",
                Figure.GPU_USAGE_PERCENT);
        ofGpus(out, handle, now, "hpc_job_gpu_device_utilization_percent", "Use of a GPU that the job has.",
                Figure.UTILIZATION_PERCENT);
        ofGpus(out, handle, now, "hpc_job_gpu_device_memory_used_bytes", "Memory used on a GPU that the job has.",
                Figure.MEMORY_USED_BYTES);
        ofGpus(out, handle, now, "hpc_job_gpu_device_power_watts", "Power that a GPU of the job draws.",
                Figure.POWER_WATTS);
        ofGpus(out, handle, now, "hpc_job_gpu_device_temperature_celsius", "Temperature of a GPU of the job.",
                Figure.TEMPERATURE_CELSIUS);
    }

    private void usage(Exposition out, Handle handle, Instant now, String name, String help,
            Figure figure) {
        Exposition family = out.gauge(name, help, "cluster", "job_id", "user", "node");
        try (Stream<SampleStore.Latest> latest = samples.latest(handle, now)) {
            latest.forEach(
                    job -> family.sampleIfKnown(job.figures().get(figure), job.cluster(), job.jobId(), job.user(),
                            job.node()));
        }
    }

    private void ofGpus(Exposition out, Handle handle, Instant now, String name, String help,
            Figure figure) {
        Exposition family = out.gauge(name, help, "cluster", "job_id", "node", "gpu_vendor", "gpu_id");
        try (Stream<SampleStore.LatestGpu> latest = samples.latestOfGpus(handle, now)) {
            latest.forEach(
                    gpu -> family.sampleIfKnown(gpu.figures().get(figure), gpu.cluster(), gpu.jobId(), gpu.node(),
                            gpu.vendor(), gpu.gpu()));
        }
    }

    private void writeNodes(Exposition out, Handle handle, Instant now) {
        ofNodes(out, handle, now, "hpc_node_cpu_usage_percent", "Of all CPUs of the node.",
                NodeReading::cpuUsagePercent);
        ofNodes(out, handle, now, "hpc_node_memory_usage_bytes", "Memory in use on the node.",
                NodeReading::memoryUsageBytes);
        ofNodes(out, handle, now, "hpc_node_gpu_usage_percent", "Of all GPUs of the node.",
                NodeReading::gpuUsagePercent);
        ofNodes(out, handle, now, "hpc_node_cpu_load", "Load average of the node over one minute.",
                NodeReading::cpuLoad);
        ofNodes(out, handle, now, "hpc_node_total_cpus", "CPUs of the node.", NodeReading::totalCpus);
        ofNodes(out, handle, now, "hpc_node_total_memory_bytes", "Memory of the node.",
                NodeReading::totalMemoryBytes);
        Exposition states = out.gauge("hpc_node_state", "1 for the state that the node is in, 0 for the others.",
                "cluster", "node", "state");
        try (Stream<NodeReading> latest = nodes.latest(handle, now)) {
            latest.filter(node -> node.state() != null).forEach(node -> {
                for (NodeReading.State state : NodeReading.State.values()) {
                    states.sample(state == node.state() ? 1 : 0, node.cluster(), node.node(), state.toString());
                }
            });
        }
        Exposition counts = out.gauge("hpc_node_job_count", "Running jobs that have the node.", "cluster", "node");
        Map<String, Map<String, Long>> jobsOf = jobs.countByNode(handle);
        try (Stream<NodeReading> known = nodes.latest(handle, now)) {
            known.forEach(node -> jobsOf.computeIfAbsent(node.cluster(), _ -> new TreeMap<>())
                    .putIfAbsent(node.node(), 0L));
        }
        jobsOf.forEach((cluster, ofNodes) -> ofNodes.forEach((node, count) -> counts.sample(count, cluster, node)));
    }

    private void ofNodes(Exposition out, Handle handle, Instant now, String name, String help,
            Function<NodeReading, @Nullable Number> figure) {
        Exposition family = out.gauge(name, help, "cluster", "node");
        try (Stream<NodeReading> latest = nodes.latest(handle, now)) {
            latest.forEach(node -> family.sampleIfKnown(figure.apply(node), node.cluster(), node.node()));
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
