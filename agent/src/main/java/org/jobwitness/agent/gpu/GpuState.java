package org.jobwitness.agent.gpu;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How a GPU is, and how it has been since its source was read before. What is null is not known, and {@link #absent} says why.
 *
 * @param utilizationPercent 0..100 over the interval, of the time that something ran on it
 * @param memoryUsedBytes of its own memory, without what the driver keeps for itself where that can be told
 * @param energyJoules since the driver was loaded; a counter
 * @param clockMhz at which it computes: SM or graphics
 * @param throttled why it is slower now than it could be; empty if it is not, or if that is not known
 * @param eccErrors memory errors that could not be corrected, since the driver was loaded
 * @param xid the driver's number of the last error that was seen since the agent listens (NVIDIA)
 * @param processes on it now; null if that cannot be known, which is not the same as none
 * @param absent why a figure is not there, by the figure's name as the wire has it ({@code utilization_percent}). Under
 *        {@code utilization_interval} stands why the utilisation is that of a moment, and not of the interval.
 */
public record GpuState(GpuName name, @Nullable Double utilizationPercent, @Nullable Long memoryUsedBytes,
        @Nullable Long memoryTotalBytes, @Nullable Double powerWatts, @Nullable Double temperatureCelsius,
        @Nullable Double energyJoules, @Nullable Integer clockMhz, List<String> throttled, @Nullable Long eccErrors,
        @Nullable Integer xid, @Nullable List<GpuProcess> processes, Map<String, String> absent) {
    private static final double COLDEST = -273.15;
    private static final List<String> FIGURES = List.of("utilization_percent", "memory_used_bytes",
            "memory_total_bytes", "power_watts", "temperature_celsius", "energy_joules", "clock_mhz", "throttled",
            "ecc_errors", "xid", "processes");

    public GpuState {
        requireWithin("utilizationPercent", utilizationPercent, 100);
        requireWithin("memoryUsedBytes", memoryUsedBytes, Long.MAX_VALUE);
        requireWithin("memoryTotalBytes", memoryTotalBytes, Long.MAX_VALUE);
        requireWithin("powerWatts", powerWatts, Float.MAX_VALUE);
        requireWithin("energyJoules", energyJoules, Float.MAX_VALUE);
        requireWithin("clockMhz", clockMhz, Integer.MAX_VALUE);
        requireWithin("eccErrors", eccErrors, Long.MAX_VALUE);
        requireWithin("xid", xid, Integer.MAX_VALUE);
        if (temperatureCelsius != null && !(temperatureCelsius >= COLDEST)) {
            throw new IllegalArgumentException("temperatureCelsius is " + temperatureCelsius);
        }
        throttled = List.copyOf(throttled);
        processes = processes == null ? null : List.copyOf(processes);
        absent = Map.copyOf(absent);
    }

    /** A GPU of which nothing is known now, and why. */
    public static GpuState unknown(GpuName name, String cause) {
        return new GpuState(name, null, null, null, null, null, null, null, List.of(), null, null, null,
                FIGURES.stream().collect(Collectors.toMap(figure -> figure, _ -> cause)));
    }

    static void requireWithin(String name, @Nullable Number value, double most) {
        if (value != null && !(value.doubleValue() >= 0 && value.doubleValue() <= most)) {
            throw new IllegalArgumentException(name + " is " + value);
        }
    }
}
