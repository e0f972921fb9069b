package org.jobwitness.agent.gpu.amd;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jspecify.annotations.Nullable;

/** Collects the figures of one GPU from an AMD source, and the causes of absent ones. */
final class AmdFigures {
    static final String UTILIZATION = "utilization_percent";
    /** What utilization was measured over, if not the interval. */
    static final String INTERVAL = "utilization_interval";
    static final String MEMORY_USED = "memory_used_bytes";
    static final String MEMORY_TOTAL = "memory_total_bytes";
    static final String POWER = "power_watts";
    static final String TEMPERATURE = "temperature_celsius";
    static final String ENERGY = "energy_joules";
    static final String CLOCK = "clock_mhz";
    static final String THROTTLED = "throttled";
    static final String ECC = "ecc_errors";
    static final String PROCESSES = "processes";

    private final Map<String, Double> found = new TreeMap<>();
    private final Map<String, String> absent = new TreeMap<>();
    private List<String> throttled = List.of();
    private @Nullable List<GpuProcess> processes;

    /** A negative number is absent, except a temperature. */
    void put(String figure, OptionalDouble value, String causeIfAbsent) {
        if (value.isPresent() && (value.getAsDouble() >= 0 || figure.equals(TEMPERATURE))) {
            found.put(figure, value.getAsDouble());
        } else {
            absent.put(figure, causeIfAbsent);
        }
    }

    void absent(String figure, String cause) {
        absent.put(figure, cause);
    }

    void throttled(List<String> why) {
        throttled = why;
    }

    void processes(List<GpuProcess> on) {
        processes = on;
    }

    GpuState of(GpuName name) {
        Double utilization = found.get(UTILIZATION);
        return new GpuState(name, utilization == null ? null : Double.valueOf(Math.min(utilization, 100)),
                whole(MEMORY_USED), whole(MEMORY_TOTAL), found.get(POWER), found.get(TEMPERATURE), found.get(ENERGY),
                clock(), throttled, whole(ECC), List.of(), processes, absent);
    }

    private @Nullable Integer clock() {
        Double clock = found.get(CLOCK);
        return clock == null ? null : Integer.valueOf((int) Math.round(clock));
    }

    private @Nullable Long whole(String figure) {
        Double value = found.get(figure);
        return value == null ? null : Long.valueOf(Math.round(value));
    }
}
