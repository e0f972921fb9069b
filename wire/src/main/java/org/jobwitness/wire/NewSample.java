package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a job used at one moment, as a script or a person reports it.
 *
 * @param cpuUsage percent of the job's CPUs
 * @param memoryUsageMb MiB
 * @param gpuUsage percent of the job's GPUs
 * @param timestamp the time of arrival if it is not given
 */
public record NewSample(@Nullable Double cpuUsage, @Nullable Double memoryUsageMb, @Nullable Double gpuUsage,
        @Nullable Instant timestamp) {

    public NewSample {
        cpuUsage = Checks.percent("cpu_usage", Checks.required("cpu_usage", cpuUsage));
        memoryUsageMb = Checks.memoryMb("memory_usage_mb", Checks.required("memory_usage_mb", memoryUsageMb));
        gpuUsage = Checks.percent("gpu_usage", gpuUsage);
        timestamp = Checks.time("timestamp", timestamp);
    }
}
