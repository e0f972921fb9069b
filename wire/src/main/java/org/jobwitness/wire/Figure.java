package org.jobwitness.wire;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The catalogue of figures: what is measured of a job on a node, or of a GPU that it has there. {@link JobReading} and
 * {@link GpuReading} document each. Stored samples, packed history, charts, exports and metrics follow from it. Numbers are
 * stored and never change their meaning; a new figure gets the next one. Constants are in the order of {@code /metrics}.
 */
public enum Figure {
    /** The time that a sample stands for. */
    INTERVAL_MS(1, Kind.GAUGE, Unit.MILLISECONDS, JobReading::intervalMs),
    /** The part of the interval in which Slurm had the job suspended. */
    SUSPENDED_MS(26, Kind.GAUGE, Unit.MILLISECONDS, JobReading::suspendedMs),

    CPUS(5, Kind.GAUGE, Unit.CPUS, JobReading::cpus),
    /** Derived from {@link JobReading#cpusUsed} and the allocated CPUs. */
    CPU_USAGE_PERCENT(2,
            Kind.GAUGE,
            Unit.PERCENT,
            Figure::derivedOfJob,
            "hpc_job_cpu_usage_percent",
            "CPU use in percent of the CPUs that the job has on the node."),
    CPU_USAGE_USEC(6,
            Kind.COUNTER,
            Unit.CPU_MICROSECONDS,
            JobReading::cpuUsageUsec,
            "hpc_job_cpu_seconds_total",
            "CPU time that the job has used on the node."),
    CPU_USER_USEC(7, Kind.COUNTER, Unit.CPU_MICROSECONDS, JobReading::cpuUserUsec),
    CPU_SYSTEM_USEC(8, Kind.COUNTER, Unit.CPU_MICROSECONDS, JobReading::cpuSystemUsec),
    CPU_THROTTLED_USEC(9,
            Kind.COUNTER,
            Unit.MICROSECONDS,
            JobReading::cpuThrottledUsec,
            "hpc_job_cpu_throttled_seconds_total",
            "Time in which the job's CPU limit held it back."),
    CPU_PRESSURE_USEC(10,
            Kind.COUNTER,
            Unit.MICROSECONDS,
            JobReading::cpuPressureUsec,
            "hpc_job_cpu_pressure_seconds_total",
            "Time in which some task of the job waited for a CPU."),

    MEMORY_USAGE_BYTES(3,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memoryUsageBytes,
            "hpc_job_memory_usage_bytes",
            "Memory of the job on the node, including page cache."),
    MEMORY_LIMIT_BYTES(16,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memoryLimitBytes,
            "hpc_job_memory_limit_bytes",
            "Memory limit of the job on the node."),
    MEMORY_PEAK_BYTES(15,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memoryPeakBytes,
            "hpc_job_memory_peak_bytes",
            "Highest value of hpc_job_memory_usage_bytes so far."),
    MEMORY_ANON_BYTES(11,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memoryAnonBytes,
            "hpc_job_memory_anon_bytes",
            "Memory that the job's programs have allocated; only swap could free it."),
    MEMORY_FILE_BYTES(12,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memoryFileBytes,
            "hpc_job_memory_cache_bytes",
            "Page cache of the job; the kernel can reclaim most of it."),
    MEMORY_SHMEM_BYTES(13,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memoryShmemBytes,
            "hpc_job_memory_shmem_bytes",
            "Shared memory of the job, such as files in /dev/shm; in the page cache, but only swap could free it."),
    MEMORY_SWAP_BYTES(14,
            Kind.GAUGE,
            Unit.BYTES,
            JobReading::memorySwapBytes,
            "hpc_job_memory_swap_bytes",
            "Memory of the job that is swapped out."),
    MEMORY_PRESSURE_USEC(17,
            Kind.COUNTER,
            Unit.MICROSECONDS,
            JobReading::memoryPressureUsec,
            "hpc_job_memory_pressure_seconds_total",
            "Time in which some task of the job waited for memory."),
    MEMORY_STALL_USEC(18,
            Kind.COUNTER,
            Unit.MICROSECONDS,
            JobReading::memoryStallUsec,
            "hpc_job_memory_stall_seconds_total",
            "Time in which all tasks of the job waited for memory."),
    OOM_EVENTS(19, Kind.COUNTER, Unit.EVENTS, JobReading::oomEvents),
    OOM_KILLS(20,
            Kind.COUNTER,
            Unit.EVENTS,
            JobReading::oomKills,
            "hpc_job_oom_kills_total",
            "Processes of the job that the kernel killed for memory; until 5 minutes after the job's end."),

    PIDS(21,
            Kind.GAUGE,
            Unit.PROCESSES,
            JobReading::pids,
            "hpc_job_processes",
            "Processes and threads of the job on the node."),
    IO_READ_BYTES(22,
            Kind.COUNTER,
            Unit.BYTES,
            JobReading::ioReadBytes,
            "hpc_job_io_read_bytes_total",
            "Bytes that the job has read from the node's block devices."),
    IO_WRITE_BYTES(23,
            Kind.COUNTER,
            Unit.BYTES,
            JobReading::ioWriteBytes,
            "hpc_job_io_write_bytes_total",
            "Bytes that the job has written to the node's block devices."),
    IO_PRESSURE_USEC(24,
            Kind.COUNTER,
            Unit.MICROSECONDS,
            JobReading::ioPressureUsec,
            "hpc_job_io_pressure_seconds_total",
            "Time in which some task of the job waited for I/O."),
    IO_STALL_USEC(25,
            Kind.COUNTER,
            Unit.MICROSECONDS,
            JobReading::ioStallUsec,
            "hpc_job_io_stall_seconds_total",
            "Time in which all tasks of the job waited for I/O."),

    /** Derived from the utilization of the job's GPUs. */
    GPU_USAGE_PERCENT(4,
            Kind.GAUGE,
            Unit.PERCENT,
            Figure::derivedOfJob,
            "hpc_job_gpu_usage_percent",
            "GPU use in percent of the GPUs that the job has on the node."),

    /** The time that a sample stands for: that of the batch or of the job. */
    GPU_INTERVAL_MS(1, Kind.GAUGE, Unit.MILLISECONDS, Figure::derivedOfGpu),
    UTILIZATION_PERCENT(2,
            Kind.GAUGE,
            Unit.PERCENT,
            GpuReading::utilizationPercent,
            "hpc_job_gpu_device_utilization_percent",
            "Utilization of a GPU of the job."),
    MEMORY_USED_BYTES(3,
            Kind.GAUGE,
            Unit.BYTES,
            GpuReading::memoryUsedBytes,
            "hpc_job_gpu_device_memory_used_bytes",
            "Memory used on a GPU of the job."),
    MEMORY_TOTAL_BYTES(4,
            Kind.GAUGE,
            Unit.BYTES,
            GpuReading::memoryTotalBytes,
            "hpc_job_gpu_device_memory_total_bytes",
            "Total memory of a GPU of the job."),
    POWER_WATTS(5,
            Kind.GAUGE,
            Unit.WATTS,
            GpuReading::powerWatts,
            "hpc_job_gpu_device_power_watts",
            "Power draw of a GPU of the job."),
    TEMPERATURE_CELSIUS(6,
            Kind.GAUGE,
            Unit.CELSIUS,
            GpuReading::temperatureCelsius,
            "hpc_job_gpu_device_temperature_celsius",
            "Temperature of a GPU of the job."),
    CLOCK_MHZ(9,
            Kind.GAUGE,
            Unit.MEGAHERTZ,
            GpuReading::clockMhz,
            "hpc_job_gpu_device_clock_hertz",
            "Processor clock of a GPU of the job."),
    ENERGY_JOULES(7,
            Kind.COUNTER,
            Unit.JOULES,
            GpuReading::energyJoules,
            "hpc_job_gpu_device_energy_joules_total",
            "Energy that a GPU of the job has used since the job's first reading of it."),
    PROCESSES(8,
            Kind.GAUGE,
            Unit.PROCESSES,
            GpuReading::processes,
            "hpc_job_gpu_device_processes",
            "Processes of the job that have the GPU open.");

    /** What a figure is measured of. */
    public enum Of {
        /** A job on one node. */
        JOB,
        /** One GPU that a job has on a node. */
        GPU
    }

    /** Prometheus' two types of figures. */
    public enum Kind {
        /** Goes up and down. */
        GAUGE,
        /** Only grows, while what it is measured of stays. */
        COUNTER
    }

    /** What a figure counts. */
    public enum Unit {
        MILLISECONDS(true),
        /** Time that passed. */
        MICROSECONDS(true),
        /** Time of CPUs: ten seconds of two CPUs are twenty. */
        CPU_MICROSECONDS(true),
        PERCENT(false),
        BYTES(true),
        CPUS(true),
        PROCESSES(true),
        EVENTS(true),
        WATTS(false),
        CELSIUS(false),
        JOULES(false),
        MEGAHERTZ(true);

        private final boolean isWhole;

        Unit(boolean isWhole) {
            this.isWhole = isWhole;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * How {@code /metrics} names a figure.
     *
     * @param name of the family; a counter's ends in {@code _total}
     */
    public record Exported(String name, String help) {
    }

    private interface OfJob {
        @Nullable
        Number of(JobReading reading);
    }

    private interface OfGpu {
        @Nullable
        Number of(GpuReading reading);
    }

    /** The largest whole number of a figure: a double, as figures are kept, holds it and all smaller ones exactly. */
    public static final long MAX_WHOLE = 1L << 53;
    /**
     * What a job's memory on a node consists of that the kernel cannot reclaim. Added up at one moment, it is what the job needs;
     * it is unknown without the first, and the others count as nothing where they were not read.
     */
    public static final List<Figure> NEEDED_MEMORY = List.of(MEMORY_ANON_BYTES, MEMORY_SHMEM_BYTES,
            MEMORY_SWAP_BYTES);

    private static final String GPU_PREFIX = "gpu_";
    private static final List<Figure> OF_JOB = select(Of.JOB);
    private static final List<Figure> OF_GPU = select(Of.GPU);

    private final int number;
    private final Of of;
    private final Kind kind;
    private final Unit unit;
    private final String name;
    private final @Nullable String metric;
    private final String help;
    @SuppressWarnings("ImmutableEnumChecker") // always a method reference
    private final OfJob ofJob;
    @SuppressWarnings("ImmutableEnumChecker") // always a method reference
    private final OfGpu ofGpu;

    Figure(int number, Kind kind, Unit unit, OfJob reading) {
        this(number, Of.JOB, kind, unit, reading, Figure::derivedOfGpu, null, "");
    }

    Figure(int number, Kind kind, Unit unit, OfJob reading, String metric, String help) {
        this(number, Of.JOB, kind, unit, reading, Figure::derivedOfGpu, metric, help);
    }

    Figure(int number, Kind kind, Unit unit, OfGpu reading) {
        this(number, Of.GPU, kind, unit, Figure::derivedOfJob, reading, null, "");
    }

    Figure(int number, Kind kind, Unit unit, OfGpu reading, String metric, String help) {
        this(number, Of.GPU, kind, unit, Figure::derivedOfJob, reading, metric, help);
    }

    Figure(int number, Of of, Kind kind, Unit unit, OfJob ofJob, OfGpu ofGpu, @Nullable String metric,
            String help) {
        this.number = number;
        this.of = of;
        this.kind = kind;
        this.unit = unit;
        this.ofJob = ofJob;
        this.ofGpu = ofGpu;
        this.metric = metric;
        this.help = help;
        String lower = name().toLowerCase(Locale.ROOT);
        // A constant of a GPU has the prefix where a job has a figure of the same name.
        name = of == Of.GPU && lower.startsWith(GPU_PREFIX) ? lower.substring(GPU_PREFIX.length()) : lower;
    }

    private static @Nullable Number derivedOfJob(JobReading reading) {
        return null;
    }

    private static @Nullable Number derivedOfGpu(GpuReading reading) {
        return null;
    }

    private static List<Figure> select(Of of) {
        return Arrays.stream(values()).filter(figure -> figure.of == of)
                .sorted(Comparator.comparingInt(Figure::number)).toList();
    }

    /** All figures of a job, or of a GPU, by number: the first has number 1. */
    public static List<Figure> all(Of of) {
        return of == Of.JOB ? OF_JOB : OF_GPU;
    }

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

    public Unit unit() {
        return unit;
    }

    public boolean isCounter() {
        return kind == Kind.COUNTER;
    }

    /** Whether all its values are whole numbers. */
    public boolean isWhole() {
        return unit.isWhole;
    }

    /** Its family in {@code /metrics}, if it has one. */
    public Optional<Exported> exported() {
        return Optional.ofNullable(metric).map(family -> new Exported(family, help));
    }

    /** Its value in a reading; null if it was not read, or is derived. */
    public @Nullable Number of(JobReading reading) {
        return ofJob.of(reading);
    }

    /** Its value in a reading; null if it was not read, or is derived. */
    public @Nullable Number of(GpuReading reading) {
        return ofGpu.of(reading);
    }

    /** Its name in batches and in responses. */
    @Override
    public String toString() {
        return name;
    }
}
