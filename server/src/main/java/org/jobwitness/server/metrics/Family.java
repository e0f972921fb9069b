package org.jobwitness.server.metrics;

import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jobwitness.server.batch.AgentsWaiting;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuReading;
import org.jspecify.annotations.Nullable;

/**
 * A family of series: one of each thing of which its value is known. docs/metrics.md has them for people.
 *
 * @param name in the text format; a counter's ends in {@code _total}
 * @param value NaN if it is not known
 */
record Family<T>(String name, String help, ToDoubleFunction<T> value) {
    /** Of a job on a node; labelled with cluster, job_id, user and node. */
    static final List<Family<RunUse.OnNode>> OF_JOB = List.of(
            new Family<>("hpc_job_runtime_seconds", "How long a running job has been running.",
                    RunUse.OnNode::runtimeSeconds),
            new Family<>("hpc_job_allocated_cpus", "CPUs that the job has on the node.", RunUse.OnNode::cpus),
            ofJob("hpc_job_cpu_usage_percent", "Of the CPUs that the job has on the node.", Figure.CPU_USAGE_PERCENT),
            seconds("hpc_job_cpu_seconds_total", "CPU time that the job has used on the node.", Figure.CPU_USAGE_USEC),
            seconds("hpc_job_cpu_throttled_seconds_total", "Time in which the job was held back by its CPU limit.",
                    Figure.CPU_THROTTLED_USEC),
            seconds("hpc_job_cpu_pressure_seconds_total", "Time in which a task of the job waited for a CPU.",
                    Figure.CPU_PRESSURE_USEC),
            ofJob("hpc_job_memory_usage_bytes", "Memory of the job on the node, page cache among it.",
                    Figure.MEMORY_USAGE_BYTES),
            ofJob("hpc_job_memory_limit_bytes", "What the job may use on the node before it is out of memory.",
                    Figure.MEMORY_LIMIT_BYTES),
            ofJob("hpc_job_memory_peak_bytes", "The most that hpc_job_memory_usage_bytes has been.",
                    Figure.MEMORY_PEAK_BYTES),
            ofJob("hpc_job_memory_anon_bytes",
                    "Memory that the job's programs have asked for; only swap could free it.",
                    Figure.MEMORY_ANON_BYTES),
            ofJob("hpc_job_memory_cache_bytes", "Page cache of the job; the kernel may take most of it back.",
                    Figure.MEMORY_FILE_BYTES),
            ofJob("hpc_job_memory_swap_bytes", "Memory of the job that is swapped out.", Figure.MEMORY_SWAP_BYTES),
            seconds("hpc_job_memory_pressure_seconds_total", "Time in which a task of the job waited for memory.",
                    Figure.MEMORY_PRESSURE_USEC),
            seconds("hpc_job_memory_stall_seconds_total", "Time in which all tasks of the job waited for memory.",
                    Figure.MEMORY_STALL_USEC),
            new Family<>("hpc_job_oom_kills_total",
                    "Processes of the job that the kernel killed for memory; until 5 minutes after the job's end.",
                    RunUse.OnNode::oomKills),
            ofJob("hpc_job_processes", "Processes and threads of the job on the node.", Figure.PIDS),
            ofJob("hpc_job_io_read_bytes_total", "Read by the job from the node's block devices.",
                    Figure.IO_READ_BYTES),
            ofJob("hpc_job_io_write_bytes_total", "Written by the job to the node's block devices.",
                    Figure.IO_WRITE_BYTES),
            seconds("hpc_job_io_pressure_seconds_total", "Time in which a task of the job waited for I/O.",
                    Figure.IO_PRESSURE_USEC),
            seconds("hpc_job_io_stall_seconds_total", "Time in which all tasks of the job waited for I/O.",
                    Figure.IO_STALL_USEC),
            ofJob("hpc_job_gpu_usage_percent", "Of the GPUs that the job has on the node.", Figure.GPU_USAGE_PERCENT));

    /** Of a GPU that a job has; labelled with cluster, job_id, node, gpu_vendor and gpu_id. */
    static final List<Family<RunUse.FreshGpu>> OF_GPU = List.of(
            ofGpu("hpc_job_gpu_device_utilization_percent", "Use of a GPU that the job has.",
                    Figure.UTILIZATION_PERCENT),
            ofGpu("hpc_job_gpu_device_memory_used_bytes", "Memory used on a GPU that the job has.",
                    Figure.MEMORY_USED_BYTES),
            ofGpu("hpc_job_gpu_device_memory_total_bytes", "Memory that a GPU of the job has.",
                    Figure.MEMORY_TOTAL_BYTES),
            ofGpu("hpc_job_gpu_device_power_watts", "Power that a GPU of the job draws.", Figure.POWER_WATTS),
            ofGpu("hpc_job_gpu_device_temperature_celsius", "Temperature of a GPU of the job.",
                    Figure.TEMPERATURE_CELSIUS),
            new Family<>("hpc_job_gpu_device_clock_hertz", "Clock of the processors of a GPU of the job.",
                    gpu -> gpu.figures().value(Figure.CLOCK_MHZ) * 1e6),
            new Family<>("hpc_job_gpu_device_energy_joules_total",
                    "Energy that a GPU of the job has used since it was first read for the job.",
                    RunUse.FreshGpu::energyJoules),
            ofGpu("hpc_job_gpu_device_processes", "Processes of the job that have the GPU open.", Figure.PROCESSES),
            new Family<>("hpc_job_gpu_device_held_seconds", "For how long the GPU has been read for the job.",
                    RunUse.FreshGpu::heldSeconds),
            new Family<>("hpc_job_gpu_device_idle_seconds",
                    "For how long the GPU has done nothing for the job; 0 while it works.",
                    RunUse.FreshGpu::idleSeconds));

    /** Of a GPU of a node, whoever holds it; labelled with cluster, node, gpu_vendor and gpu_id. */
    static final List<Family<NodeTable.SeenGpu>> OF_NODE_GPU = List.of(
            ofNodeGpu("hpc_node_gpu_device_jobs", "Jobs that hold the GPU, or may hold it; 0 where it is free.",
                    GpuReading::holders),
            ofNodeGpu("hpc_node_gpu_device_utilization_percent", "Use of a GPU of the node.",
                    GpuReading::utilizationPercent),
            ofNodeGpu("hpc_node_gpu_device_memory_used_bytes", "Memory used on a GPU of the node.",
                    GpuReading::memoryUsedBytes),
            ofNodeGpu("hpc_node_gpu_device_memory_total_bytes", "Memory that a GPU of the node has.",
                    GpuReading::memoryTotalBytes),
            ofNodeGpu("hpc_node_gpu_device_power_watts", "Power that a GPU of the node draws.",
                    GpuReading::powerWatts),
            ofNodeGpu("hpc_node_gpu_device_temperature_celsius", "Temperature of a GPU of the node.",
                    GpuReading::temperatureCelsius),
            ofNodeGpu("hpc_node_gpu_device_energy_joules_total",
                    "Energy that a GPU of the node has used, by its own counter.", GpuReading::energyJoules),
            ofNodeGpu("hpc_node_gpu_device_ecc_errors_total",
                    "Memory errors of a GPU of the node that could not be put right.", GpuReading::eccErrors),
            ofNodeGpu("hpc_node_gpu_device_xid", "NVIDIA's number of an error that the driver has just told of.",
                    GpuReading::xid),
            ofNodeGpu("hpc_node_gpu_device_throttled", "1 while a GPU of the node runs slower than it could, else 0.",
                    gpu -> gpu.throttled().isEmpty() ? 0 : 1));

    /** Of a node; labelled with cluster and node. */
    static final List<Family<NodeTable.Seen>> OF_NODE = List.of(
            ofNode("hpc_node_cpu_usage_percent", "Of all CPUs of the node.", NodeReading::cpuUsagePercent),
            ofNode("hpc_node_memory_usage_bytes", "Memory in use on the node.", NodeReading::memoryUsageBytes),
            ofNode("hpc_node_gpu_usage_percent", "Of all GPUs of the node.", NodeReading::gpuUsagePercent),
            ofNode("hpc_node_cpu_load", "Load average of the node over one minute.", NodeReading::cpuLoad),
            ofNode("hpc_node_total_cpus", "CPUs of the node.", NodeReading::totalCpus),
            ofNode("hpc_node_total_memory_bytes", "Memory of the node.", NodeReading::totalMemoryBytes),
            ofNode("hpc_node_total_gpus", "GPUs of the node.", NodeReading::totalGpus),
            new Family<>("hpc_node_job_count", "Running jobs that have the node.", NodeTable.Seen::jobs),
            new Family<>("hpc_node_agent_last_seen_timestamp_seconds",
                    "When the node's agent read what it told last.",
                    node -> node.agentSeen() == null ? Double.NaN : node.agentSeen().toEpochMilli() / 1e3));

    /** Of an agent that has something which should have been sent long ago; labelled with cluster and node. */
    static final List<Family<AgentsWaiting.Waiting>> OF_AGENT = List.of(
            new Family<>("hpc_node_agent_waiting_batches", "Batches of readings that wait on the node.",
                    AgentsWaiting.Waiting::batches),
            new Family<>("hpc_node_agent_waiting_events", "Events of prolog and epilog that wait on the node.",
                    AgentsWaiting.Waiting::events),
            new Family<>("hpc_node_agent_waiting_since_timestamp_seconds", "When the oldest of them was read.",
                    agent -> agent.since().toEpochMilli() / 1e3));

    private static Family<RunUse.OnNode> ofJob(String name, String help, Figure figure) {
        return new Family<>(name, help, job -> job.fresh().value(figure));
    }

    private static Family<NodeTable.SeenGpu> ofNodeGpu(String name, String help,
            Function<GpuReading, @Nullable Number> value) {
        return new Family<>(name, help, seen -> {
            Number number = value.apply(seen.reading());
            return number == null ? Double.NaN : number.doubleValue();
        });
    }

    private static Family<RunUse.OnNode> seconds(String name, String help, Figure micros) {
        return new Family<>(name, help, job -> job.fresh().value(micros) / 1e6);
    }

    private static Family<RunUse.FreshGpu> ofGpu(String name, String help, Figure figure) {
        return new Family<>(name, help, gpu -> gpu.figures().value(figure));
    }

    /** A figure of a node's reading, which may be null. */
    private interface OfReading {
        @Nullable
        Number of(NodeReading reading);
    }

    private static Family<NodeTable.Seen> ofNode(String name, String help, OfReading figure) {
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
