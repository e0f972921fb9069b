package org.jobwitness.server.node;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.jobwitness.wire.GpuReading;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a node at one moment. What was not said is null.
 *
 * @param interval the time that the figures stand for; null if nobody said, or if there are none
 * @param stateReason why it is in its state, in an administrator's words or the scheduler's
 * @param cpuUsagePercent of all its CPUs
 * @param memoryUsageBytes of all processes on it
 * @param gpuUsagePercent of all its GPUs
 * @param cpuLoad its 1-minute load average
 * @param gpus each of its GPUs, as its agent read it
 */
public record NodeReading(String cluster, String node, Instant at, @Nullable Duration interval, @Nullable State state,
        @Nullable String stateReason, @Nullable Integer totalCpus, @Nullable Long totalMemoryBytes,
        @Nullable Integer totalGpus, @Nullable Double cpuUsagePercent, @Nullable Long memoryUsageBytes,
        @Nullable Double gpuUsagePercent, @Nullable Double cpuLoad, List<GpuReading> gpus) {

    public NodeReading {
        gpus = List.copyOf(gpus);
    }

    /** Of one that gives no reason for its state. */
    public NodeReading(String cluster, String node, Instant at, @Nullable Duration interval, @Nullable State state,
            @Nullable Integer totalCpus, @Nullable Long totalMemoryBytes, @Nullable Integer totalGpus,
            @Nullable Double cpuUsagePercent, @Nullable Long memoryUsageBytes, @Nullable Double gpuUsagePercent,
            @Nullable Double cpuLoad, List<GpuReading> gpus) {
        this(cluster, node, at, interval, state, null, totalCpus, totalMemoryBytes, totalGpus, cpuUsagePercent,
                memoryUsageBytes, gpuUsagePercent, cpuLoad, gpus);
    }

    /** Slurm's words for what a node is doing (slurm.h, node_states, with DRAIN told apart). */
    public enum State {
        IDLE,
        MIXED,
        ALLOCATED,
        DRAINED,
        DOWN,
        UNKNOWN;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
