package org.jobwitness.wire;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one GPU of a node did over the batch's interval.
 *
 * @param gpu its UUID, or its index on the node where it has none
 * @param jobId the one job that holds it; left out where none does, or several
 * @param memoryUsedBytes of its own memory
 * @param energyJoules a counter
 * @param processes of the job that have it open
 * @param absent why a figure is not there, by the figure's name
 */
public record GpuReading(String gpu, @Nullable GpuVendor vendor, @Nullable String jobId,
        @Nullable Double utilizationPercent, @Nullable Long memoryUsedBytes, @Nullable Long memoryTotalBytes,
        @Nullable Double powerWatts, @Nullable Double temperatureCelsius, @Nullable Double energyJoules,
        @Nullable Long processes, Map<String, String> absent) {

    public GpuReading {
        gpu = Checks.requiredText("gpu", gpu, 256);
        jobId = jobId == null ? null : JobId.of("job_id", jobId);
        utilizationPercent = Checks.percent("utilization_percent", utilizationPercent);
        memoryUsedBytes = Checks.size("memory_used_bytes", memoryUsedBytes);
        memoryTotalBytes = Checks.size("memory_total_bytes", memoryTotalBytes);
        powerWatts = Checks.within("power_watts", powerWatts, 0.0, 1e6);
        temperatureCelsius = Checks.within("temperature_celsius", temperatureCelsius, -273.0, 1e4);
        energyJoules = Checks.within("energy_joules", energyJoules, 0.0, 1e18);
        processes = Checks.size("processes", processes);
        absent = Checks.causes("absent", absent);
    }
}
