package org.jobwitness.agent.gpu;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The state of a GPU, since the previous reading of its source. A figure that is null is unknown, and {@link #absent} has the cause.
 *
 * @param utilizationPercent 0..100, the share of the interval in which something ran on it
 * @param memoryUsedBytes of its own memory, without the driver's reserve where that is known
 * @param energyJoules since the driver was loaded; a counter
 * @param clockMhz of SM or graphics
 * @param throttled why its clocks are reduced; empty if they are not, or if that is unknown
 * @param eccErrors uncorrectable memory errors since the driver was loaded
 * @param xid the driver's number of the last error since the agent started (NVIDIA)
 * @param processes on it now; null if unknown, which differs from none
 * @param absent why a figure is absent, by its name on the wire ({@code utilization_percent}). {@code utilization_interval} has the
 *        cause if the utilization is momentary and not of the interval.
 */
public record GpuState(GpuName name, @Nullable Double utilizationPercent, @Nullable Long memoryUsedBytes,
        @Nullable Long memoryTotalBytes, @Nullable Double powerWatts, @Nullable Double temperatureCelsius,
        @Nullable Double energyJoules, @Nullable Integer clockMhz, List<String> throttled, @Nullable Long eccErrors,
        @Nullable Integer xid, @Nullable List<GpuProcess> processes, Map<String, String> absent) {
    private static final @Nullable Double NO_DECIMAL = null;
    private static final double MIN_CELSIUS = -273.15;
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
        if (temperatureCelsius != null && !(temperatureCelsius >= MIN_CELSIUS)) {
            throw new IllegalArgumentException("temperatureCelsius is " + temperatureCelsius);
        }
        throttled = List.copyOf(throttled);
        processes = processes == null ? null : List.copyOf(processes);
        absent = Map.copyOf(absent);
    }

    /** A partition, which has no figures of the whole GPU. */
    public static GpuState ofPartition(GpuName name, @Nullable Double utilizationPercent,
            @Nullable Long memoryUsedBytes, @Nullable Long memoryTotalBytes, @Nullable List<GpuProcess> processes,
            Map<String, String> absent) {
        return new GpuState(name, utilizationPercent, memoryUsedBytes, memoryTotalBytes, NO_DECIMAL, NO_DECIMAL,
                NO_DECIMAL, null, List.of(), null, null, processes, absent);
    }

    /** A GPU without any figure, and why. */
    public static GpuState unknown(GpuName name, String cause) {
        return ofPartition(name, NO_DECIMAL, null, null, null,
                FIGURES.stream().collect(Collectors.toMap(figure -> figure, _ -> cause)));
    }

    static void requireWithin(String name, @Nullable Number value, double max) {
        if (value != null && !(value.doubleValue() >= 0 && value.doubleValue() <= max)) {
            throw new IllegalArgumentException(name + " is " + value);
        }
    }
}
