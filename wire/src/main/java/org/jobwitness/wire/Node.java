package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The last that is known of a node. What is not known, or is older than three of its intervals, is null.
 *
 * @param state idle, mixed, allocated, drained, down or unknown
 * @param stateReason why, in an administrator's words or the scheduler's
 * @param lastSeenAt when it was last heard of; null if only its jobs are known
 * @param totalMemoryMb, memoryUsageMb MiB
 * @param cpuUsage percent of all its CPUs
 * @param gpuUsage percent of all its GPUs
 * @param cpuLoad its load average over one minute
 * @param jobs ids of the running jobs that have it, as far as the caller may see them
 * @param gpus each of its GPUs as its agent read it last; jobs that the caller may not see are not named. Null in lists of nodes
 */
public record Node(String name, String cluster, @Nullable String state, @Nullable String stateReason,
        @Nullable Instant lastSeenAt,
        @Nullable Integer totalCpus, @Nullable Double totalMemoryMb, @Nullable Integer totalGpus,
        @Nullable Double cpuUsage, @Nullable Double memoryUsageMb, @Nullable Double gpuUsage,
        @Nullable Double cpuLoad, List<String> jobs, @Nullable List<GpuReading> gpus) {

    public Node {
        jobs = List.copyOf(jobs);
        gpus = gpus == null ? null : List.copyOf(gpus);
    }
}
