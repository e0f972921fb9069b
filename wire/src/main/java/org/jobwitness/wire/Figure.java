package org.jobwitness.wire;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What is measured of a job on a node, or of a GPU that it has there. {@code wire.JobReading} and {@code wire.GpuReading}
 * say what each is. The numbers are stored and never change their meaning; what comes new gets the next one.
 */
public enum Figure {
    /** The time that a sample stands for. */
    INTERVAL_MS(1, Of.JOB, Kind.LEVEL),
    /** Of the CPUs that the job has on the node. */
    CPU_USAGE_PERCENT(2, Of.JOB, Kind.DECIMAL),
    MEMORY_USAGE_BYTES(3, Of.JOB, Kind.LEVEL),
    /** Of the GPUs that the job has on the node. */
    GPU_USAGE_PERCENT(4, Of.JOB, Kind.DECIMAL),
    CPUS(5, Of.JOB, Kind.LEVEL),
    CPU_USAGE_USEC(6, Of.JOB, Kind.COUNTER),
    CPU_USER_USEC(7, Of.JOB, Kind.COUNTER),
    CPU_SYSTEM_USEC(8, Of.JOB, Kind.COUNTER),
    CPU_THROTTLED_USEC(9, Of.JOB, Kind.COUNTER),
    CPU_PRESSURE_USEC(10, Of.JOB, Kind.COUNTER),
    MEMORY_ANON_BYTES(11, Of.JOB, Kind.LEVEL),
    MEMORY_FILE_BYTES(12, Of.JOB, Kind.LEVEL),
    MEMORY_SHMEM_BYTES(13, Of.JOB, Kind.LEVEL),
    MEMORY_SWAP_BYTES(14, Of.JOB, Kind.LEVEL),
    MEMORY_PEAK_BYTES(15, Of.JOB, Kind.LEVEL),
    MEMORY_LIMIT_BYTES(16, Of.JOB, Kind.LEVEL),
    MEMORY_PRESSURE_USEC(17, Of.JOB, Kind.COUNTER),
    MEMORY_STALL_USEC(18, Of.JOB, Kind.COUNTER),
    OOM_EVENTS(19, Of.JOB, Kind.COUNTER),
    OOM_KILLS(20, Of.JOB, Kind.COUNTER),
    PIDS(21, Of.JOB, Kind.LEVEL),
    IO_READ_BYTES(22, Of.JOB, Kind.COUNTER),
    IO_WRITE_BYTES(23, Of.JOB, Kind.COUNTER),
    IO_PRESSURE_USEC(24, Of.JOB, Kind.COUNTER),
    IO_STALL_USEC(25, Of.JOB, Kind.COUNTER),
    /** Of its interval. */
    SUSPENDED_MS(26, Of.JOB, Kind.LEVEL),

    GPU_INTERVAL_MS(1, Of.GPU, Kind.LEVEL, "interval_ms"),
    UTILIZATION_PERCENT(2, Of.GPU, Kind.DECIMAL),
    MEMORY_USED_BYTES(3, Of.GPU, Kind.LEVEL),
    MEMORY_TOTAL_BYTES(4, Of.GPU, Kind.LEVEL),
    POWER_WATTS(5, Of.GPU, Kind.DECIMAL),
    TEMPERATURE_CELSIUS(6, Of.GPU, Kind.DECIMAL),
    ENERGY_JOULES(7, Of.GPU, Kind.DECIMAL_COUNTER),
    PROCESSES(8, Of.GPU, Kind.LEVEL),
    CLOCK_MHZ(9, Of.GPU, Kind.LEVEL);

    /** What a figure is measured of. */
    public enum Of {
        /** A job on one node. */
        JOB,
        /** One GPU that a job has on a node. */
        GPU
    }

    /** What values a figure has. */
    public enum Kind {
        /** Whole numbers that go up and down. */
        LEVEL,
        /** Numbers with decimals that go up and down. */
        DECIMAL,
        /** Whole numbers that only grow. */
        COUNTER,
        /** Numbers with decimals that only grow. */
        DECIMAL_COUNTER
    }

    private static final List<Figure> OF_JOB = those(Of.JOB);
    private static final List<Figure> OF_GPU = those(Of.GPU);

    private final int number;
    private final Of of;
    private final Kind kind;
    private final String name;

    Figure(int number, Of of, Kind kind) {
        this.number = number;
        this.of = of;
        this.kind = kind;
        this.name = name().toLowerCase(Locale.ROOT);
    }

    Figure(int number, Of of, Kind kind, String name) {
        this.number = number;
        this.of = of;
        this.kind = kind;
        this.name = name;
    }

    private static List<Figure> those(Of of) {
        return Arrays.stream(values()).filter(figure -> figure.of == of).toList();
    }

    /** All figures of a job, or of a GPU, by number: the first has number 1. */
    public static List<Figure> all(Of of) {
        return of == Of.JOB ? OF_JOB : OF_GPU;
    }

    /** The one of this name. */
    public static Optional<Figure> named(Of of, String name) {
        return all(of).stream().filter(figure -> figure.name.equals(name)).findFirst();
    }

    /** From 1 on, among those of the same {@link #of}: its place in an array of figures, and its id in packed history. */
    public int number() {
        return number;
    }

    public Of of() {
        return of;
    }

    /** Whether it only grows. */
    public boolean isCounter() {
        return kind == Kind.COUNTER || kind == Kind.DECIMAL_COUNTER;
    }

    /** Whether all its values are whole numbers. */
    public boolean isWhole() {
        return kind == Kind.LEVEL || kind == Kind.COUNTER;
    }

    /** Its name in batches and in answers. */
    @Override
    public String toString() {
        return name;
    }
}
