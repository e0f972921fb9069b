package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * The figures of a node.
 *
 * @param totalMemoryBytes MemTotal of /proc/meminfo
 * @param cpuUsagePercent of all its CPUs, over the interval
 * @param memoryUsageBytes MemTotal less MemAvailable
 * @param gpuUsagePercent of all its GPUs, over the interval
 * @param cpuLoad the load average over one minute
 */
public record NodeFigures(@Nullable Integer totalCpus, @Nullable Long totalMemoryBytes, @Nullable Integer totalGpus,
        @Nullable Double cpuUsagePercent, @Nullable Long memoryUsageBytes, @Nullable Double gpuUsagePercent,
        @Nullable Double cpuLoad) {

    public NodeFigures {
        totalCpus = Checks.within("node_figures.total_cpus", totalCpus, 1, 1_000_000);
        totalMemoryBytes = Checks.size("node_figures.total_memory_bytes", totalMemoryBytes);
        totalGpus = Checks.within("node_figures.total_gpus", totalGpus, 0, 10_000);
        cpuUsagePercent = Checks.percent("node_figures.cpu_usage_percent", cpuUsagePercent);
        memoryUsageBytes = Checks.size("node_figures.memory_usage_bytes", memoryUsageBytes);
        gpuUsagePercent = Checks.percent("node_figures.gpu_usage_percent", gpuUsagePercent);
        cpuLoad = Checks.within("node_figures.cpu_load", cpuLoad, 0.0, 1e9);
    }
}
