package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The last known state of a node. What is unknown, or older than three intervals, is null.
 *
 * @param state one word, as in the API's document
 * @param rawState all of the scheduler's words for its state, joined by {@code +}
 * @param stateReason the administrator's reason, or the scheduler's
 * @param lastSeenAt time of its last reading or state; null if only its jobs are known
 * @param totalMemoryMb, memoryUsageMb MiB
 * @param cpuUsage percent of all its CPUs
 * @param gpuUsage percent of all its GPUs
 * @param cpuLoad its load average over one minute
 * @param jobs ids of its running jobs, as far as the caller may see them
 * @param gpus the last reading of each GPU, without jobs that the caller may not see; null in lists of nodes
 */
public record Node(String name, String cluster, @Nullable String state, @Nullable String rawState,
        @Nullable String stateReason, @Nullable Instant lastSeenAt,
        @Nullable Integer totalCpus, @Nullable Double totalMemoryMb, @Nullable Integer totalGpus,
        @Nullable Double cpuUsage, @Nullable Double memoryUsageMb, @Nullable Double gpuUsage,
        @Nullable Double cpuLoad, List<String> jobs, @Nullable List<GpuReading> gpus) {

    public Node {
        jobs = List.copyOf(jobs);
        gpus = gpus == null ? null : List.copyOf(gpus);
    }
}
