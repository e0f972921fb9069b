package org.jobwitness.server.node;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jobwitness.wire.GpuReading;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a node at one moment. What is not known is null.
 *
 * @param interval the time that the figures stand for; null if it is not known, or if there are none
 * @param rawState all of the scheduler's words for its state, joined by {@code +}
 * @param stateReason why it is in its state, in an administrator's words or the scheduler's
 * @param cpuUsagePercent of all its CPUs
 * @param memoryUsageBytes of all processes on it
 * @param gpuUsagePercent of all its GPUs
 * @param cpuLoad its 1-minute load average
 * @param gpus each of its GPUs, as its agent read it
 * @param memoryForJobsBytes what the scheduler gives to jobs
 * @param partitions that it is in, by the scheduler
 * @param bootedAt by the scheduler
 * @param reasonAt since when there is the reason for its state
 */
public record NodeReading(String cluster, String node, Instant at, @Nullable Duration interval, @Nullable State state,
        @Nullable String rawState, @Nullable String stateReason, @Nullable Integer totalCpus,
        @Nullable Long totalMemoryBytes,
        @Nullable Integer totalGpus, @Nullable Double cpuUsagePercent, @Nullable Long memoryUsageBytes,
        @Nullable Double gpuUsagePercent, @Nullable Double cpuLoad, List<GpuReading> gpus,
        @Nullable Long memoryForJobsBytes, @Nullable List<String> partitions, @Nullable Instant bootedAt,
        @Nullable Instant reasonAt) {

    public NodeReading {
        gpus = List.copyOf(gpus);
        partitions = partitions == null ? null : List.copyOf(partitions);
    }

    /** A reading of a node of which nothing is known yet. */
    public static Builder builder(String cluster, String node, Instant at) {
        return new Builder(cluster, node, at);
    }

    /** Collects what is known of one node. */
    public static final class Builder {
        private final String cluster;
        private final String node;
        private final Instant at;
        private @Nullable Duration interval;
        private @Nullable State state;
        private @Nullable String rawState;
        private @Nullable String stateReason;
        private @Nullable Integer totalCpus;
        private @Nullable Long totalMemoryBytes;
        private @Nullable Integer totalGpus;
        private @Nullable Double cpuUsagePercent;
        private @Nullable Long memoryUsageBytes;
        private @Nullable Double gpuUsagePercent;
        private @Nullable Double cpuLoad;
        private List<GpuReading> gpus = List.of();
        private @Nullable Long memoryForJobsBytes;
        private @Nullable List<String> partitions;
        private @Nullable Instant bootedAt;
        private @Nullable Instant reasonAt;

        private Builder(String cluster, String node, Instant at) {
            this.cluster = cluster;
            this.node = node;
            this.at = at;
        }

        public Builder interval(@Nullable Duration withInterval) {
            interval = withInterval;
            return this;
        }

        public Builder state(@Nullable State withState, @Nullable String reason) {
            state = withState;
            stateReason = reason;
            return this;
        }

        public Builder rawState(@Nullable String words) {
            rawState = words;
            return this;
        }

        public Builder since(@Nullable Instant booted, @Nullable Instant reason) {
            bootedAt = booted;
            reasonAt = reason;
            return this;
        }

        public Builder totals(@Nullable Integer cpus, @Nullable Long memoryBytes, @Nullable Integer gpuCount) {
            totalCpus = cpus;
            totalMemoryBytes = memoryBytes;
            totalGpus = gpuCount;
            return this;
        }

        public Builder usage(@Nullable Double cpuPercent, @Nullable Long memoryBytes, @Nullable Double gpuPercent,
                @Nullable Double load) {
            cpuUsagePercent = cpuPercent;
            memoryUsageBytes = memoryBytes;
            gpuUsagePercent = gpuPercent;
            cpuLoad = load;
            return this;
        }

        public Builder forJobs(@Nullable Long memoryBytes, List<String> inPartitions) {
            memoryForJobsBytes = memoryBytes;
            partitions = inPartitions;
            return this;
        }

        public Builder gpus(List<GpuReading> readings) {
            gpus = readings;
            return this;
        }

        public NodeReading build() {
            return new NodeReading(cluster, node, at, interval, state, rawState, stateReason, totalCpus,
                    totalMemoryBytes,
                    totalGpus, cpuUsagePercent, memoryUsageBytes, gpuUsagePercent, cpuLoad, gpus,
                    memoryForJobsBytes, partitions, bootedAt, reasonAt);
        }
    }

    /**
     * A node's state, one word as {@code sinfo} shows it. IDLE is only a node to which Slurm would give any job now. The
     * first six are those that every cluster has.
     */
    public enum State {
        IDLE,
        MIXED,
        ALLOCATED,
        DRAINED,
        DOWN,
        UNKNOWN,
        /** Jobs still run or end on it; it gets no more. */
        DRAINING,
        COMPLETING,
        /** Kept free for a job of higher priority. */
        PLANNED,
        RESERVED,
        /** By a job that has its part of the network exclusively. */
        BLOCKED,
        MAINTENANCE,
        /** It reboots, or will as soon as it is free. */
        REBOOT,
        NOT_RESPONDING,
        /** An administrator expects it to fail. */
        FAIL,
        /** It has less than slurm.conf says. */
        INVALID_REG,
        POWERED_DOWN,
        POWERING_DOWN,
        POWERING_UP;

        private static final Set<State> COMMON = EnumSet.range(IDLE, UNKNOWN);

        /** Whether it is one of those that every cluster has. */
        public boolean isCommon() {
            return COMMON.contains(this);
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
