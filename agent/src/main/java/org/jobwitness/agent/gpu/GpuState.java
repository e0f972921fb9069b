package org.jobwitness.agent.gpu;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
 * @param xids the driver's numbers of errors since the reading before, the oldest first (NVIDIA)
 * @param processes on it now; null if unknown, which differs from none
 * @param absent why a figure is absent, by its name on the wire ({@code utilization_percent}). {@code utilization_interval} has the
 *        cause if the utilization is momentary and not of the interval.
 */
public record GpuState(GpuName name, @Nullable Double utilizationPercent, @Nullable Long memoryUsedBytes,
        @Nullable Long memoryTotalBytes, @Nullable Double powerWatts, @Nullable Double temperatureCelsius,
        @Nullable Double energyJoules, @Nullable Integer clockMhz, List<String> throttled, @Nullable Long eccErrors,
        List<Integer> xids, @Nullable List<GpuProcess> processes, Map<String, String> absent) {
    private static final @Nullable Double NO_DECIMAL = null;
    private static final double MIN_CELSIUS = -273.15;
    private static final List<String> FIGURES = List.of("utilization_percent", "memory_used_bytes",
            "memory_total_bytes", "power_watts", "temperature_celsius", "energy_joules", "clock_mhz", "throttled",
            "ecc_errors", "xids", "processes");

    public GpuState {
        Map<String, String> causes = new TreeMap<>(absent);
        utilizationPercent = within("utilization_percent", utilizationPercent, 0, 100, causes);
        memoryUsedBytes = within("memory_used_bytes", memoryUsedBytes, 0, Long.MAX_VALUE, causes);
        memoryTotalBytes = within("memory_total_bytes", memoryTotalBytes, 0, Long.MAX_VALUE, causes);
        powerWatts = within("power_watts", powerWatts, 0, Float.MAX_VALUE, causes);
        temperatureCelsius = within("temperature_celsius", temperatureCelsius, MIN_CELSIUS, Float.MAX_VALUE, causes);
        energyJoules = within("energy_joules", energyJoules, 0, Float.MAX_VALUE, causes);
        clockMhz = within("clock_mhz", clockMhz, 0, Integer.MAX_VALUE, causes);
        eccErrors = within("ecc_errors", eccErrors, 0, Long.MAX_VALUE, causes);
        xids = List.copyOf(xids);
        throttled = List.copyOf(throttled);
        processes = processes == null ? null : List.copyOf(processes);
        absent = Map.copyOf(causes);
    }

    /** A partition, which has no figures of the whole GPU. */
    public static GpuState ofPartition(GpuName name, @Nullable Double utilizationPercent,
            @Nullable Long memoryUsedBytes, @Nullable Long memoryTotalBytes, @Nullable List<GpuProcess> processes,
            Map<String, String> absent) {
        return new GpuState(name, utilizationPercent, memoryUsedBytes, memoryTotalBytes, NO_DECIMAL, NO_DECIMAL,
                NO_DECIMAL, null, List.of(), null, List.of(), processes, absent);
    }

    /** A GPU without any figure, and why. */
    public static GpuState unknown(GpuName name, String cause) {
        return ofPartition(name, NO_DECIMAL, null, null, null,
                FIGURES.stream().collect(Collectors.toMap(figure -> figure, _ -> cause)));
    }

    /** The value; or null, and the cause: one odd figure must not cost the others, nor the other GPUs theirs. */
    private static <N extends Number> @Nullable N within(String figure, @Nullable N value, double min, double max,
            Map<String, String> causes) {
        if (isWithin(value, min, max)) {
            return value;
        }
        causes.put(figure, "the driver reports " + value + ", which cannot be");
        return null;
    }

    static boolean isWithin(@Nullable Number value, double min, double max) {
        return value == null || (value.doubleValue() >= min && value.doubleValue() <= max);
    }
}
