package org.jobwitness.server.chart;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jobwitness.wire.Figure;

/**
 * What a chart can show: figures as they are, and of those that only grow, how fast. The time that a sample stands for is no
 * metric, nor is how much of it the job was suspended for. openapi.yaml tells of each.
 */
enum Metric {
    CPU_USAGE_PERCENT(Figure.CPU_USAGE_PERCENT, "percent"),
    MEMORY_USAGE_BYTES(Figure.MEMORY_USAGE_BYTES, "bytes"),
    GPU_USAGE_PERCENT(Figure.GPU_USAGE_PERCENT, "percent"),
    CPUS(Figure.CPUS, "cpus"),
    CPUS_USED(Figure.CPU_USAGE_USEC, "cpus", 1e-6),
    CPUS_USED_USER(Figure.CPU_USER_USEC, "cpus", 1e-6),
    CPUS_USED_SYSTEM(Figure.CPU_SYSTEM_USEC, "cpus", 1e-6),
    CPU_THROTTLED_PERCENT(Figure.CPU_THROTTLED_USEC, "percent", 1e-4),
    CPU_PRESSURE_PERCENT(Figure.CPU_PRESSURE_USEC, "percent", 1e-4),
    MEMORY_ANON_BYTES(Figure.MEMORY_ANON_BYTES, "bytes"),
    MEMORY_FILE_BYTES(Figure.MEMORY_FILE_BYTES, "bytes"),
    MEMORY_SHMEM_BYTES(Figure.MEMORY_SHMEM_BYTES, "bytes"),
    MEMORY_SWAP_BYTES(Figure.MEMORY_SWAP_BYTES, "bytes"),
    MEMORY_PEAK_BYTES(Figure.MEMORY_PEAK_BYTES, "bytes"),
    MEMORY_LIMIT_BYTES(Figure.MEMORY_LIMIT_BYTES, "bytes"),
    MEMORY_PRESSURE_PERCENT(Figure.MEMORY_PRESSURE_USEC, "percent", 1e-4),
    MEMORY_STALL_PERCENT(Figure.MEMORY_STALL_USEC, "percent", 1e-4),
    OOM_EVENTS_PER_SECOND(Figure.OOM_EVENTS, "per_second", 1),
    OOM_KILLS_PER_SECOND(Figure.OOM_KILLS, "per_second", 1),
    PIDS(Figure.PIDS, "processes"),
    IO_READ_BYTES_PER_SECOND(Figure.IO_READ_BYTES, "bytes_per_second", 1),
    IO_WRITE_BYTES_PER_SECOND(Figure.IO_WRITE_BYTES, "bytes_per_second", 1),
    IO_PRESSURE_PERCENT(Figure.IO_PRESSURE_USEC, "percent", 1e-4),
    IO_STALL_PERCENT(Figure.IO_STALL_USEC, "percent", 1e-4),

    UTILIZATION_PERCENT(Figure.UTILIZATION_PERCENT, "percent"),
    MEMORY_USED_BYTES(Figure.MEMORY_USED_BYTES, "bytes"),
    MEMORY_TOTAL_BYTES(Figure.MEMORY_TOTAL_BYTES, "bytes"),
    POWER_WATTS(Figure.POWER_WATTS, "watts"),
    TEMPERATURE_CELSIUS(Figure.TEMPERATURE_CELSIUS, "celsius"),
    ENERGY_JOULES_PER_SECOND(Figure.ENERGY_JOULES, "watts", 1),
    PROCESSES(Figure.PROCESSES, "processes"),
    CLOCK_MHZ(Figure.CLOCK_MHZ, "megahertz");

    /** What one wants to see first of a job, and of a GPU. */
    static final List<Metric> FIRST_OF_JOB = List.of(CPU_USAGE_PERCENT, MEMORY_USAGE_BYTES, GPU_USAGE_PERCENT);
    static final List<Metric> FIRST_OF_GPU = List.of(UTILIZATION_PERCENT, MEMORY_USED_BYTES, POWER_WATTS);

    private final Figure figure;
    private final String unit;
    private final double perSecond;
    private final String word = name().toLowerCase(Locale.ROOT);

    Metric(Figure figure, String unit) {
        this(figure, unit, 0);
    }

    /** @param perSecond what a growth of 1 a second is in the unit */
    Metric(Figure figure, String unit, double perSecond) {
        this.figure = figure;
        this.unit = unit;
        this.perSecond = perSecond;
    }

    static Optional<Metric> named(String name) {
        return Arrays.stream(values()).filter(metric -> metric.word.equals(name)).findFirst();
    }

    /** What is made of a figure that only grows. */
    static Optional<Metric> ofCounter(String figure) {
        return Arrays.stream(values()).filter(metric -> metric.isRate() && metric.figure.toString().equals(figure))
                .findFirst();
    }

    Figure figure() {
        return figure;
    }

    String unit() {
        return unit;
    }

    boolean isRate() {
        return figure.isCounter();
    }

    double perSecond() {
        return perSecond;
    }

    /** Its name in the API. */
    @Override
    public String toString() {
        return word;
    }
}
