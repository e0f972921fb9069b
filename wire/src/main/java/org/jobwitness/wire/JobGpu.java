package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A GPU that a run has or had on a node. Figures cover the time in which no other job had it, from the agent's first reading on;
 * a GPU that is shared, unsure or unread has none. A GPU is used when its utilization is above 0.
 *
 * @param gpu its UUID, or its index on the node
 * @param jobs the jobs that share it, or may have it, as far as the caller may see them; null if only this run has it
 * @param heldSeconds from the start of the first reading to the last
 * @param everUsed null if its utilization was never read
 * @param idleSince since when it is idle; null if it was used at the last reading, or if that is unknown
 * @param everHadProcess whether any process had it open at a reading; null if that was never read
 * @param memoryTotalMb, maxMemoryUsedMb of its own memory, MiB
 * @param energyJoules by the GPU's counter, from the first reading to the last, resets included
 * @param faults what its driver reported; null if that is nothing, unless only this run has it
 * @param latest its last reading
 * @param absent why a figure is absent, by its name; {@code job_id} says why the run may not have it
 */
public record JobGpu(String node, String gpu, GpuHold hold, @Nullable List<String> jobs, @Nullable GpuVendor vendor,
        @Nullable GpuDevice device, long sampleCount, @Nullable Double heldSeconds, @Nullable Double avgUtilization,
        @Nullable Double maxUtilization, @Nullable Boolean everUsed, @Nullable Instant firstUsedAt,
        @Nullable Instant lastUsedAt, @Nullable Instant idleSince, @Nullable Boolean everHadProcess,
        @Nullable Double memoryTotalMb, @Nullable Double maxMemoryUsedMb, @Nullable Double avgPowerWatts,
        @Nullable Double energyJoules, @Nullable Faults faults, @Nullable Latest latest, Map<String, String> absent) {

    public JobGpu {
        jobs = jobs == null ? null : List.copyOf(jobs);
        absent = Map.copyOf(absent);
    }

    /**
     * What the driver reported of it, from the first reading to the last.
     *
     * @param xids NVIDIA's numbers of errors
     * @param possibleXids of those that may have come while another job had the GPU, or none: around the run's first or last
     *     reading, or while it did not have the GPU alone
     * @param eccErrors uncorrectable memory errors; null if they were never read
     * @param slowdownPercent the share of samples in which heat or the power supply slowed it down
     * @param slowdowns the driver's words for that
     */
    public record Faults(List<Integer> xids, List<Integer> possibleXids, @Nullable Long eccErrors,
            double slowdownPercent,
            List<String> slowdowns) {
        public Faults {
            xids = List.copyOf(xids);
            possibleXids = List.copyOf(possibleXids);
            slowdowns = List.copyOf(slowdowns);
        }
    }

    /**
     * Its last reading. What is unknown is null.
     *
     * @param utilization percent of the interval
     * @param memoryUsedMb MiB
     * @param processes of the run that had it open
     */
    public record Latest(Instant timestamp, @Nullable Double utilization, @Nullable Double memoryUsedMb,
            @Nullable Double powerWatts, @Nullable Double temperatureCelsius, @Nullable Integer clockMhz,
            @Nullable Long processes) {
    }
}
