package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * A change of a job that has not ended: its state, or its current use.
 *
 * @param cpuUsage percent of the job's CPUs
 * @param memoryUsageMb MiB
 * @param gpuUsage percent of the job's GPUs
 */
public record JobPatch(@Nullable JobState state, @Nullable Double cpuUsage, @Nullable Double memoryUsageMb,
        @Nullable Double gpuUsage) {

    public JobPatch {
        cpuUsage = Checks.percent("cpu_usage", cpuUsage);
        memoryUsageMb = Checks.memoryMb("memory_usage_mb", memoryUsageMb);
        gpuUsage = Checks.percent("gpu_usage", gpuUsage);
        if (state == null && cpuUsage == null && memoryUsageMb == null && gpuUsage == null) {
            throw new InvalidFieldException("state",
                    "or one of cpu_usage, memory_usage_mb and gpu_usage must be given; nothing was");
        }
    }
}
