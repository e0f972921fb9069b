package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jobwitness.server.demo.Booking.Share;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;

/**
 * How the stories look as figures: parts of what a run has, by how much of its time has passed. Counters are sums of what was
 * used from one reading to the next, so whoever asks for a later reading has the run's earlier ones counted first: a thousand
 * take half a millisecond.
 */
final class Load {
    private static final long PAGE = 4096;
    private static final double MEBIBYTE = 1 << 20;
    private static final String NO_IO = "the io controller is not enabled for jobs";
    private static final Map<String, String> WITHOUT_IO = Map.of("io_read_bytes", NO_IO, "io_write_bytes", NO_IO);

    private final Booking run;
    private final Share share;
    private final Story story;
    private final int cpus;
    private final long limit;
    private final boolean countsIo;
    private final List<Gpu> gpus;

    Load(Booking run, Share share) {
        this.run = run;
        this.share = share;
        this.story = run.recipe().story();
        this.cpus = run.recipe().cpus();
        this.limit = run.recipe().memoryMb() << 20;
        this.countsIo = share.machine().countsIo();
        this.gpus = share.gpuDevices();
    }

    /** All readings of the run on this node: at each tick, and when it ends, unless the node fails below it. */
    List<Usage> readings() {
        return readings(_ -> true);
    }

    /** Those that the node's agent sends at the ticks after {@code from} and up to {@code to}. */
    List<Usage> sent(Instant from, Instant to) {
        Instant end = run.end().plus(Ticks.APART);
        return from.isAfter(end) || !to.isAfter(run.start())
                ? List.of()
                : readings(tick -> tick.isAfter(from) && !tick.isAfter(to), to.isBefore(end) ? to : end);
    }

    /** What the kernel has counted when the run ends. */
    EpilogReading atEnd() {
        JobReading last = sent(run.end().minusSeconds(1), Instant.MAX).getLast().reading();
        return new EpilogReading(last.cpuUsageUsec(), last.memoryPeakBytes(), last.oomKills());
    }

    private List<Usage> readings(Predicate<Instant> asked) {
        return readings(asked, run.end().plus(Ticks.APART));
    }

    private List<Usage> readings(Predicate<Instant> asked, Instant until) {
        boolean seesEnd = run.ending() != Ending.NODE_FAILURE;
        Counted counted = new Counted(share.gpus().size());
        List<Usage> readings = new ArrayList<>();
        Instant before = run.start();
        for (Instant tick = Ticks.after(before); !tick.isAfter(until) && before.isBefore(run.end()); tick = tick
                .plus(Ticks.APART)) {
            Instant at = tick.isBefore(run.end()) ? tick : run.end();
            if (at.equals(tick) || seesEnd) {
                Duration interval = Duration.between(before, at);
                Moment moment = new Moment(at, interval);
                counted.add(moment);
                if (asked.test(tick)) {
                    readings.add(new Usage(run, share.machine().name(), at, tick, interval,
                            reading(moment, counted, seesEnd && at.equals(run.end())), gpus(moment, counted)));
                }
            }
            before = at;
        }
        return readings;
    }

    /** What is used in the interval that ends at a moment of the run. */
    private final class Moment {
        private final Instant at;
        private final Duration interval;
        private final double part;
        private final double busyCpus;
        private final long memoryBytes;
        private final double[] gpuUse;

        Moment(Instant at, Duration interval) {
            this.at = at;
            this.interval = interval;
            this.part = (double) Duration.between(run.start(), at).toSeconds() / run.duration().toSeconds();
            this.busyCpus = percent(cpu(part, wobble(0))) / 100 * cpus;
            this.memoryBytes = pages(within(memory(part, wobble(1))) * limit);
            this.gpuUse = new double[share.gpus().size()];
            for (int n = 0; n < gpuUse.length; n++) {
                gpuUse[n] = within(gpuUse(n, part, wobble(2 + n)));
            }
        }

        double wobble(int which) {
            return Dice.wobble(run.jobId(), run.restarts(), share.machine().name().hashCode(), at.getEpochSecond(),
                    which);
        }

        /** Microseconds of that part of the interval. */
        long micros(double ofInterval) {
            return Math.round(within(ofInterval) * interval.toSeconds() * 1e6);
        }

        double watts(int n) {
            return gpus.get(n).watts(gpuUse[n]);
        }
    }

    /** What the kernel and the GPUs have counted since the run began. */
    private final class Counted {
        private long cpuUsec;
        private long systemUsec;
        private long cpuPressureUsec;
        private long memoryPeakBytes;
        private long memoryPressureUsec;
        private long memoryStallUsec;
        private long readBytes;
        private long writtenBytes;
        private long ioPressureUsec;
        private long ioStallUsec;
        private final double[] joules;

        Counted(int gpus) {
            joules = new double[gpus];
            for (int n = 0; n < gpus; n++) {
                joules[n] = Load.this.gpus.get(n).joulesAt(run.start());
            }
        }

        void add(Moment moment) {
            long seconds = moment.interval.toSeconds();
            long usec = Math.round(moment.busyCpus * seconds * 1e6);
            cpuUsec += usec;
            systemUsec += Math.round(usec * systemPart() * (1 + 0.1 * moment.wobble(20)));
            cpuPressureUsec += moment.micros(cpuPressure() * (1 + 0.3 * moment.wobble(21)));
            memoryPeakBytes = Math.max(memoryPeakBytes, moment.memoryBytes);
            long pressure = moment.micros(memoryPressure(moment.part) * (1 + 0.1 * moment.wobble(22)));
            memoryPressureUsec += pressure;
            memoryStallUsec += Math.round(0.6 * pressure);
            double io = 1 + 0.2 * moment.wobble(23);
            readBytes += pages(readPerSecond(moment.part) * MEBIBYTE * seconds * io);
            writtenBytes += pages(writtenPerSecond(moment.part) * MEBIBYTE * seconds * io);
            long waited = moment.micros(ioPressure(moment.part) * io);
            ioPressureUsec += waited;
            ioStallUsec += Math.round(0.7 * waited);
            for (int n = 0; n < joules.length; n++) {
                joules[n] += moment.watts(n) * seconds;
            }
        }
    }

    private JobReading reading(Moment moment, Counted counted, boolean last) {
        long kernel = pages(0.008 * moment.memoryBytes);
        long anon = pages(anon(moment.memoryBytes));
        long file = moment.memoryBytes - anon - kernel;
        long killed = last && run.ending() == Ending.OUT_OF_MEMORY ? 1 : 0;
        return JobReading.builder(run.id()).run(null, run.start(), run.start())
                .owner(run.user().uid(), run.user().name()).cgroupPath(Telling.cgroup(run))
                .timestamp(last ? moment.at : null).last(last).cpusUsed(moment.busyCpus)
                .put(Figure.INTERVAL_MS, moment.interval.equals(Ticks.APART) ? null : moment.interval.toMillis())
                .put(Figure.SUSPENDED_MS, 0).put(Figure.CPUS, cpus).put(Figure.CPU_USAGE_USEC, counted.cpuUsec)
                .put(Figure.CPU_USER_USEC, counted.cpuUsec - counted.systemUsec)
                .put(Figure.CPU_SYSTEM_USEC, counted.systemUsec).put(Figure.CPU_THROTTLED_USEC, 0)
                .put(Figure.CPU_PRESSURE_USEC, counted.cpuPressureUsec)
                .put(Figure.MEMORY_USAGE_BYTES, moment.memoryBytes).put(Figure.MEMORY_ANON_BYTES, anon)
                .put(Figure.MEMORY_FILE_BYTES, file).put(Figure.MEMORY_SHMEM_BYTES, shmem(file))
                .put(Figure.MEMORY_SWAP_BYTES, swap(moment.part))
                .put(Figure.MEMORY_PEAK_BYTES, counted.memoryPeakBytes).put(Figure.MEMORY_LIMIT_BYTES, limit)
                .put(Figure.MEMORY_PRESSURE_USEC, counted.memoryPressureUsec)
                .put(Figure.MEMORY_STALL_USEC, counted.memoryStallUsec).put(Figure.OOM_EVENTS, killed)
                .put(Figure.OOM_KILLS, killed).put(Figure.PIDS, processes())
                .put(Figure.IO_READ_BYTES, countsIo ? counted.readBytes : null)
                .put(Figure.IO_WRITE_BYTES, countsIo ? counted.writtenBytes : null)
                .put(Figure.IO_PRESSURE_USEC, counted.ioPressureUsec).put(Figure.IO_STALL_USEC, counted.ioStallUsec)
                .oomKillEvents(killed == 0 ? List.of() : List.of(oomKill())).absent(countsIo ? Map.of() : WITHOUT_IO)
                .build();
    }

    /** The kernel kills; Slurm sees the step end, and the run some tenths of a second later. */
    private OomKill oomKill() {
        long millisBefore = 300 + (long) (600 * Dice.fraction(run.jobId(), run.restarts(), run.end().getEpochSecond()));
        return new OomKill(run.end().minusMillis(millisBefore), "0", 1, limit, OomCause.LIMIT);
    }

    private List<GpuReading> gpus(Moment moment, Counted counted) {
        List<GpuReading> readings = new ArrayList<>(gpus.size());
        for (int n = 0; n < gpus.size(); n++) {
            readings.add(gpu(n, moment, counted));
        }
        return readings;
    }

    private GpuReading gpu(int n, Moment moment, Counted counted) {
        double use = moment.gpuUse[n];
        Gpu.Work work = new Gpu.Work(use, Math.min(0.82, 0.2 + 10 * moment.part),
                Math.rint(31 + 38 * use + 2 * moment.wobble(10 + n)), counted.joules[n]);
        return story == Story.GPU_SHARD
                ? gpus.get(n).reading(null, List.of(run.id()), work)
                : gpus.get(n).reading(run.id(), List.of(), work);
    }

    private double cpu(double part, double wobble) {
        return switch (story) {
            case HEALTHY_MPI -> dips(part, 12) ? 0.6 + 0.1 * wobble : 0.97 + 0.02 * wobble;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD -> 0.4 + 0.08 * wobble;
            case IDLE_GPUS -> 0.12 + 0.03 * wobble;
            case ONE_CORE -> (0.99 + 0.01 * wobble) / cpus;
            case MEMORY_UNUSED, ARRAY, REQUEUED -> 0.94 + 0.03 * wobble;
            case OUT_OF_MEMORY, SEGFAULT -> 0.85 + 0.08 * wobble;
            case TIME_LIMIT, NODE_FAILURE -> 0.95 + 0.03 * wobble;
            case CANCELLED -> works(part) ? 0.93 + 0.04 * wobble : 0.004 + 0.003 * wobble;
            case CPU_BOUND -> 0.985 + 0.01 * wobble;
            case IO_BOUND -> dips(part, 20) ? 0.45 + 0.2 * wobble : 0.1 + 0.05 * wobble;
            case PAGE_CACHE -> 0.5 + 0.15 * wobble;
            case MEMORY_STALL -> 0.9 - 0.55 * strain(part) + 0.12 * wobble;
        };
    }

    /** Of the CPU time, what the kernel takes. */
    private double systemPart() {
        return switch (story) {
            case IO_BOUND -> 0.4;
            case PAGE_CACHE, MEMORY_STALL -> 0.3;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD, IDLE_GPUS -> 0.15;
            case HEALTHY_MPI, OUT_OF_MEMORY -> 0.06;
            case ONE_CORE, MEMORY_UNUSED, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT, NODE_FAILURE, CPU_BOUND ->
                0.02;
        };
    }

    /** Of the time, when a task waits for a CPU. */
    private double cpuPressure() {
        return switch (story) {
            case CPU_BOUND -> 0.09;
            case HEALTHY_MPI, MEMORY_UNUSED, TIME_LIMIT, NODE_FAILURE, REQUEUED, ARRAY -> 0.02;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD, IDLE_GPUS, ONE_CORE, OUT_OF_MEMORY, CANCELLED, SEGFAULT, IO_BOUND,
                    PAGE_CACHE,
                    MEMORY_STALL ->
                0.004;
        };
    }

    private double memory(double part, double wobble) {
        return switch (story) {
            case HEALTHY_MPI, TIME_LIMIT, NODE_FAILURE, REQUEUED -> fills(part, 0.58) + 0.01 * wobble;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD, CPU_BOUND, ARRAY, SEGFAULT -> fills(part, 0.45) + 0.02 * wobble;
            case IDLE_GPUS, ONE_CORE, CANCELLED, IO_BOUND -> fills(part, 0.3) + 0.02 * wobble;
            case MEMORY_UNUSED -> fills(part, 0.095) + 0.004 * wobble;
            case OUT_OF_MEMORY -> 0.06 + 0.94 * Math.pow(part, 1.2);
            case PAGE_CACHE -> Math.min(0.985, 0.1 + 2.2 * part) + 0.01 * wobble;
            case MEMORY_STALL -> Math.min(0.985, 0.3 + 2.1 * part) + 0.012 * wobble;
        };
    }

    /** Of the memory, what the program itself has taken; nearly all else is page cache. */
    private double anon(long memoryBytes) {
        return switch (story) {
            case PAGE_CACHE -> Math.min(0.5 * memoryBytes, 0.07 * limit);
            case IO_BOUND -> 0.35 * memoryBytes;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD, IDLE_GPUS -> 0.7 * memoryBytes;
            case OUT_OF_MEMORY, MEMORY_STALL -> 0.985 * memoryBytes;
            case HEALTHY_MPI, ONE_CORE, MEMORY_UNUSED, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT, NODE_FAILURE,
                    CPU_BOUND ->
                0.92 * memoryBytes;
        };
    }

    /** What the processes of a node share counts as page cache, too. */
    private long shmem(long file) {
        return switch (story) {
            case HEALTHY_MPI, GPU_TRAINING, GPU_SLICE, GPU_SHARD -> pages(0.4 * file);
            case IDLE_GPUS, ONE_CORE, MEMORY_UNUSED, OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT,
                    NODE_FAILURE, CPU_BOUND, IO_BOUND, PAGE_CACHE, MEMORY_STALL ->
                0;
        };
    }

    private long swap(double part) {
        return story == Story.MEMORY_STALL ? pages(0.03 * strain(part) * limit) : 0;
    }

    /** Of the time, when a task waits for memory. */
    private double memoryPressure(double part) {
        return switch (story) {
            case MEMORY_STALL -> 0.02 + 0.55 * strain(part);
            case PAGE_CACHE -> part > 0.4 ? 0.012 : 0;
            case OUT_OF_MEMORY -> part > 0.97 ? 0.3 : 0;
            case HEALTHY_MPI, GPU_TRAINING, GPU_SLICE, GPU_SHARD, IDLE_GPUS, ONE_CORE, MEMORY_UNUSED, TIME_LIMIT,
                    CANCELLED, REQUEUED, ARRAY,
                    SEGFAULT, NODE_FAILURE, CPU_BOUND, IO_BOUND ->
                0;
        };
    }

    /** Of the time, when a task waits for a disk or a file system. */
    private double ioPressure(double part) {
        return switch (story) {
            case IO_BOUND -> dips(part, 20) ? 0.2 : 0.65;
            case PAGE_CACHE -> 0.14;
            case MEMORY_STALL -> 0.02 + 0.2 * strain(part);
            case HEALTHY_MPI -> dips(part, 12) ? 0.25 : 0.001;
            case TIME_LIMIT, NODE_FAILURE, REQUEUED -> dips(part, 8) ? 0.04 : 0.001;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD, IDLE_GPUS -> 0.01;
            case OUT_OF_MEMORY -> 0.03;
            case CANCELLED -> works(part) ? 0.001 : 0;
            case ONE_CORE, MEMORY_UNUSED, ARRAY, SEGFAULT, CPU_BOUND -> 0.001;
        };
    }

    /** Mebibytes. */
    private double readPerSecond(double part) {
        return switch (story) {
            case IO_BOUND -> dips(part, 20) ? 60 : 380;
            case PAGE_CACHE -> 260;
            case MEMORY_STALL -> 20 + 180 * strain(part);
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD -> 120;
            case IDLE_GPUS -> 15;
            case OUT_OF_MEMORY -> 90;
            case HEALTHY_MPI, ONE_CORE, MEMORY_UNUSED, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT, NODE_FAILURE,
                    CPU_BOUND ->
                part < 0.05 ? 40 : 0;
        };
    }

    /** Mebibytes. */
    private double writtenPerSecond(double part) {
        return switch (story) {
            case IO_BOUND -> dips(part, 20) ? 30 : 140;
            case HEALTHY_MPI -> dips(part, 12) ? 600 : 0.1;
            case TIME_LIMIT, NODE_FAILURE, REQUEUED -> dips(part, 8) ? 200 : 0.1;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD -> dips(part, 10) ? 80 : 0.1;
            case PAGE_CACHE -> 12;
            case MEMORY_STALL -> 5 + 60 * strain(part);
            case CANCELLED -> works(part) ? 0.5 : 0;
            case IDLE_GPUS, ONE_CORE, MEMORY_UNUSED, OUT_OF_MEMORY, ARRAY, SEGFAULT, CPU_BOUND -> 0.5;
        };
    }

    private long processes() {
        return switch (story) {
            case ONE_CORE -> 3;
            case GPU_TRAINING, GPU_SLICE, GPU_SHARD, IDLE_GPUS -> 2L * cpus + 9;
            case HEALTHY_MPI, MEMORY_UNUSED, OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT,
                    NODE_FAILURE, CPU_BOUND, IO_BOUND, PAGE_CACHE, MEMORY_STALL ->
                cpus + 4L;
        };
    }

    private double gpuUse(int n, double part, double wobble) {
        return switch (story) {
            case GPU_TRAINING -> part < 0.02 ? 0.1 : dips(part, 10) ? 0.55 + 0.1 * wobble : 0.93 + 0.04 * wobble;
            case GPU_SLICE -> 0.8 + 0.05 * wobble;
            case GPU_SHARD -> 0.45 + 0.1 * wobble;
            case IDLE_GPUS -> n == 0 ? 0.88 + 0.06 * wobble : 0;
            case HEALTHY_MPI, ONE_CORE, MEMORY_UNUSED, OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT,
                    NODE_FAILURE, CPU_BOUND, IO_BOUND, PAGE_CACHE, MEMORY_STALL ->
                0;
        };
    }

    /** The short phases that follow on each of so many equal parts. */
    private static boolean dips(double part, int times) {
        double phase = part * times % 1;
        return phase > 0.92;
    }

    /** Rises in the first tenth, then stays. */
    private static double fills(double part, double level) {
        return level * Math.min(1, 0.2 + 8 * part);
    }

    /** How hard a run whose memory is full finds it to go on. */
    private static double strain(double part) {
        return Math.min(1, part * 3);
    }

    /** Whether a run that stops computing has not yet. */
    private static boolean works(double part) {
        return part < 0.25;
    }

    static long pages(double bytes) {
        return (long) bytes / PAGE * PAGE;
    }

    private static double within(double part) {
        return Math.clamp(part, 0, 1);
    }

    private static double percent(double part) {
        return Math.rint(within(part) * 10_000) / 100;
    }
}
