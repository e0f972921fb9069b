package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One GPU that a run holds or held on a node. Figures are of the time in which the run held it alone, from its agent's first
 * reading on; a GPU that is shared, unsure or unread has none. A GPU is used when its utilisation is more than 0.
 *
 * @param gpu its UUID, or its index on the node
 * @param jobs the job ids that share it, or may hold it, as far as the caller may see them; null where the run holds it alone
 * @param heldSeconds from the beginning of the first reading to the last
 * @param everUsed null if nothing told how busy it was
 * @param idleSince since when it has not been used; null if it was at the last reading, or if that is not known
 * @param everHadProcess whether any process had it open at a reading; null if none was asked
 * @param memoryTotalMb, maxMemoryUsedMb of its own memory, MiB
 * @param energyJoules by the GPU's counter, from its first reading to the last, also where it began anew between them
 * @param xid NVIDIA's number of the newest error that the driver told of
 * @param latest its last reading
 * @param absent why a figure is not there, by the figure's name; {@code job_id} tells why the run may not hold it
 */
public record JobGpu(String node, String gpu, GpuHold hold, @Nullable List<String> jobs, @Nullable GpuVendor vendor,
        @Nullable GpuDevice device, long sampleCount, @Nullable Double heldSeconds, @Nullable Double avgUtilization,
        @Nullable Double maxUtilization, @Nullable Boolean everUsed, @Nullable Instant firstUsedAt,
        @Nullable Instant lastUsedAt, @Nullable Instant idleSince, @Nullable Boolean everHadProcess,
        @Nullable Double memoryTotalMb, @Nullable Double maxMemoryUsedMb, @Nullable Double avgPowerWatts,
        @Nullable Double energyJoules, @Nullable Integer xid, @Nullable Latest latest, Map<String, String> absent) {

    public JobGpu {
        jobs = jobs == null ? null : List.copyOf(jobs);
        absent = Map.copyOf(absent);
    }

    /**
     * Its last reading. What it did not tell is null.
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
