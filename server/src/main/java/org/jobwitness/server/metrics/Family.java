package org.jobwitness.server.metrics;

import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jobwitness.server.batch.AgentQueueTable;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuReading;
import org.jspecify.annotations.Nullable;

/**
 * A family of series: one for each thing whose value is known. Those of figures come from the catalogue, {@code wire.Figure}.
 * docs/metrics.md documents all.
 *
 * @param name in the text format; a counter's ends in {@code _total}
 * @param value NaN if it is not known
 */
record Family<T>(String name, String help, ToDoubleFunction<T> value) {
    private static final Family<RunUse.NodeUsage> RUNTIME = new Family<>("hpc_job_runtime_seconds",
            "How long a running job has been running.", RunUse.NodeUsage::runtimeSeconds);
    private static final Family<RunUse.NodeUsage> ALLOCATED_CPUS = new Family<>("hpc_job_allocated_cpus",
            "CPUs that the job has on the node.", RunUse.NodeUsage::cpus);
    private static final Family<RunUse.FreshGpu> HELD = new Family<>("hpc_job_gpu_device_held_seconds",
            "How long the agent has read the GPU for the job.", RunUse.FreshGpu::heldSeconds);
    private static final Family<RunUse.FreshGpu> IDLE = new Family<>("hpc_job_gpu_device_idle_seconds",
            "How long the GPU has been idle for the job; 0 while it is used.", RunUse.FreshGpu::idleSeconds);

    /** Of a job on a node; labelled with cluster, job_id, user and node. */
    static final List<Family<RunUse.NodeUsage>> OF_JOB = Stream
            .concat(Stream.of(RUNTIME, ALLOCATED_CPUS), exported(Figure.Of.JOB, Family::ofJob)).toList();

    /** Of a GPU that a job has; labelled with cluster, job_id, node, gpu_vendor and gpu_id. */
    static final List<Family<RunUse.FreshGpu>> OF_GPU = Stream
            .concat(exported(Figure.Of.GPU, Family::ofGpu), Stream.of(HELD, IDLE)).toList();

    /** Of a GPU of a node, whether a job holds it or not; labelled with cluster, node, gpu_vendor and gpu_id. */
    static final List<Family<NodeTable.GpuSnapshot>> OF_NODE_GPU = List.of(
            ofNodeGpu("hpc_node_gpu_device_jobs", "Jobs that hold the GPU, or may hold it; 0 where it is free.",
                    GpuReading::holders),
            ofNodeGpu("hpc_node_gpu_device_utilization_percent", "Utilization of a GPU of the node.",
                    GpuReading::utilizationPercent),
            ofNodeGpu("hpc_node_gpu_device_memory_used_bytes", "Memory used on a GPU of the node.",
                    GpuReading::memoryUsedBytes),
            ofNodeGpu("hpc_node_gpu_device_memory_total_bytes", "Total memory of a GPU of the node.",
                    GpuReading::memoryTotalBytes),
            ofNodeGpu("hpc_node_gpu_device_power_watts", "Power draw of a GPU of the node.",
                    GpuReading::powerWatts),
            ofNodeGpu("hpc_node_gpu_device_temperature_celsius", "Temperature of a GPU of the node.",
                    GpuReading::temperatureCelsius),
            ofNodeGpu("hpc_node_gpu_device_energy_joules_total",
                    "Energy that a GPU of the node has used, by its own counter.", GpuReading::energyJoules),
            ofNodeGpu("hpc_node_gpu_device_ecc_errors_total",
                    "Uncorrectable memory errors of a GPU of the node.", GpuReading::eccErrors),
            ofNodeGpu("hpc_node_gpu_device_throttled", "1 while a GPU of the node is throttled, else 0.",
                    gpu -> gpu.throttled().isEmpty() ? 0 : 1));

    /** Of a node; labelled with cluster and node. */
    static final List<Family<NodeTable.NodeSnapshot>> OF_NODE = List.of(
            ofNode("hpc_node_cpu_usage_percent", "CPU use in percent of all CPUs of the node.",
                    NodeReading::cpuUsagePercent),
            ofNode("hpc_node_memory_usage_bytes", "Memory in use on the node.", NodeReading::memoryUsageBytes),
            ofNode("hpc_node_gpu_usage_percent", "GPU use in percent of all GPUs of the node.",
                    NodeReading::gpuUsagePercent),
            ofNode("hpc_node_cpu_load", "Load average of the node over one minute.", NodeReading::cpuLoad),
            ofNode("hpc_node_total_cpus", "CPUs of the node.", NodeReading::totalCpus),
            ofNode("hpc_node_total_memory_bytes", "Memory of the node.", NodeReading::totalMemoryBytes),
            ofNode("hpc_node_total_gpus", "GPUs of the node.", NodeReading::totalGpus),
            new Family<>("hpc_node_job_count", "Running jobs that have the node.", NodeTable.NodeSnapshot::jobs),
            new Family<>("hpc_node_agent_last_seen_timestamp_seconds",
                    "Time of the newest reading that the node's agent has sent.",
                    node -> node.agentSeen() == null ? Double.NaN : node.agentSeen().toEpochMilli() / 1e3));

    /** Of an agent with an overdue queue; labelled with cluster and node. */
    static final List<Family<AgentQueueTable.Queue>> OF_AGENT = List.of(
            new Family<>("hpc_node_agent_waiting_batches", "Batches of readings that wait in the agent's queue.",
                    AgentQueueTable.Queue::batches),
            new Family<>("hpc_node_agent_waiting_events", "Events of prolog and epilog that wait in the agent's queue.",
                    AgentQueueTable.Queue::events),
            new Family<>("hpc_node_agent_waiting_since_timestamp_seconds", "When the oldest of them was read.",
                    agent -> agent.since().toEpochMilli() / 1e3));

    /** The families of the catalogue. */
    private static <T> Stream<Family<T>> exported(Figure.Of of, Function<Figure, ToDoubleFunction<T>> value) {
        return Stream.of(Figure.values()).filter(figure -> figure.of() == of)
                .flatMap(figure -> figure.exported().stream()
                        .map(family -> new Family<>(family.name(), family.help(), value.apply(figure))));
    }

    private static ToDoubleFunction<RunUse.NodeUsage> ofJob(Figure figure) {
        return figure == Figure.OOM_KILLS
                ? RunUse.NodeUsage::oomKills
                : job -> inBaseUnit(figure, job.fresh().value(figure));
    }

    private static ToDoubleFunction<RunUse.FreshGpu> ofGpu(Figure figure) {
        return figure == Figure.ENERGY_JOULES
                ? RunUse.FreshGpu::energyJoules
                : gpu -> inBaseUnit(figure, gpu.figures().value(figure));
    }

    /** In seconds and hertz, as Prometheus wants them. */
    private static double inBaseUnit(Figure figure, double value) {
        return switch (figure.unit()) {
            case MICROSECONDS, CPU_MICROSECONDS -> value / 1e6;
            case MEGAHERTZ -> value * 1e6;
            default -> value;
        };
    }

    private static Family<NodeTable.GpuSnapshot> ofNodeGpu(String name, String help,
            Function<GpuReading, @Nullable Number> value) {
        return new Family<>(name, help, seen -> {
            Number number = value.apply(seen.reading());
            return number == null ? Double.NaN : number.doubleValue();
        });
    }

    /** A figure of a node's reading, which may be null. */
    private interface OfReading {
        @Nullable
        Number of(NodeReading reading);
    }

    private static Family<NodeTable.NodeSnapshot> ofNode(String name, String help, OfReading figure) {
        return new Family<>(name, help, node -> {
            Number value = node.last() == null ? null : figure.of(node.last());
            return value == null ? Double.NaN : value.doubleValue();
        });
    }

    /** Begins it; its samples follow. */
    Exposition.Samples begin(Exposition out) {
        return name.endsWith("_total") ? out.counter(name, help) : out.gauge(name, help);
    }
}
