package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The newest sample of a run on a node. What is unknown is null.
 *
 * @param node null where the sample is of the job as a whole
 * @param cpuUsage percent of the CPUs that the job has there
 * @param memoryUsageMb MiB
 * @param gpuUsage percent of the GPUs that the job has there
 */
public record StreamFigures(String jobId, long run, String cluster, @Nullable String node, Instant timestamp,
        @Nullable Double cpuUsage, @Nullable Double memoryUsageMb, @Nullable Double gpuUsage) {
}
