package org.jobwitness.server.demo;

import static org.jobwitness.server.demo.Profile.Quantity.ANON;
import static org.jobwitness.server.demo.Profile.Quantity.CPU;
import static org.jobwitness.server.demo.Profile.Quantity.CPU_PRESSURE;
import static org.jobwitness.server.demo.Profile.Quantity.GPU;
import static org.jobwitness.server.demo.Profile.Quantity.IO_PRESSURE;
import static org.jobwitness.server.demo.Profile.Quantity.MAX_ANON;
import static org.jobwitness.server.demo.Profile.Quantity.MEMORY;
import static org.jobwitness.server.demo.Profile.Quantity.MEMORY_PRESSURE;
import static org.jobwitness.server.demo.Profile.Quantity.READ;
import static org.jobwitness.server.demo.Profile.Quantity.SHMEM;
import static org.jobwitness.server.demo.Profile.Quantity.SWAP;
import static org.jobwitness.server.demo.Profile.Quantity.SYSTEM;
import static org.jobwitness.server.demo.Profile.Quantity.WRITE;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jobwitness.server.demo.Profile.Quantity;
import org.jobwitness.server.demo.SimRun.Allocation;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;

/**
 * Makes the readings of a run on one node from its profile. A counter is the sum of all intervals before, so a later reading
 * first counts the run's earlier ones: a thousand take half a millisecond.
 */
final class UsageModel {
    private static final long PAGE = 4096;
    private static final double MEBIBYTE = 1 << 20;
    private static final String NO_IO = "the io controller is not enabled for jobs";
    private static final Map<String, String> WITHOUT_IO = Map.of("io_read_bytes", NO_IO, "io_write_bytes", NO_IO);

    private final SimRun run;
    private final Story story;
    private final SimNode node;
    private final List<Gpu> gpus;
    private final int cpus;
    private final long limit;
    private final boolean readsEnd;

    UsageModel(SimRun run, Allocation allocation) {
        this.run = run;
        this.story = run.template().story();
        this.node = allocation.node();
        this.gpus = allocation.gpuDevices();
        this.cpus = run.template().cpus();
        this.limit = run.template().memoryMb() << 20;
        this.readsEnd = run.ending() != Ending.NODE_FAILURE;
    }

    /** All readings: at each tick, and at the end unless the node fails. */
    List<Usage> readings() {
        return readings(_ -> true, sentBy());
    }

    /** The readings that the node's agent sends at the ticks after {@code from} and up to {@code to}. */
    List<Usage> sent(Instant from, Instant to) {
        return from.isAfter(sentBy()) || !to.isAfter(run.start())
                ? List.of()
                : readings(tick -> tick.isAfter(from) && !tick.isAfter(to), to.isBefore(sentBy()) ? to : sentBy());
    }

    private Instant sentBy() {
        return run.end().plus(Ticks.INTERVAL);
    }

    /** What the kernel has counted when the run ends. */
    EpilogReading atEnd() {
        JobReading last = sent(run.end().minusSeconds(1), Instant.MAX).getLast().reading();
        return new EpilogReading(last.cpuUsageUsec(), last.memoryPeakBytes(), last.oomKills());
    }

    private List<Usage> readings(Predicate<Instant> wanted, Instant until) {
        List<Usage> readings = new ArrayList<>();
        Meter meter = new Meter();
        for (Instant tick = Ticks.after(run.start()); !tick.isAfter(until) && meter.at.isBefore(run.end()); tick = tick
                .plus(Ticks.INTERVAL)) {
            Instant at = tick.isBefore(run.end()) ? tick : run.end();
            if (!at.equals(tick) && !readsEnd) {
                break;
            }
            meter.advance(at);
            if (wanted.test(tick)) {
                readings.add(new Usage(run, node.name(), at, tick, meter.interval, meter.job(), meter.gpus()));
            }
        }
        return readings;
    }

    /** What is used in the interval up to a moment, and what has been counted since the start. */
    private final class Meter {
        private Instant at = run.start();
        private Duration interval = Duration.ZERO;
        private double part;
        private double busyCpus;
        private long memoryBytes;
        private long memoryPeakBytes;
        private long cpuUsec;
        private long systemUsec;
        private long cpuPressureUsec;
        private long memoryPressureUsec;
        private long memoryStallUsec;
        private long readBytes;
        private long writtenBytes;
        private long ioPressureUsec;
        private long ioStallUsec;
        private final double[] gpuUse = new double[gpus.size()];
        private final double[] joules = gpus.stream().mapToDouble(gpu -> gpu.joulesAt(run.start())).toArray();

        void advance(Instant to) {
            interval = Duration.between(at, to);
            at = to;
            part = (double) Duration.between(run.start(), at).toSeconds() / run.duration().toSeconds();
            long seconds = interval.toSeconds();

            double busyPart = level(CPU, noise(0)) * ((double) story.threads(cpus) / cpus);
            busyCpus = Math.rint(clamp(busyPart) * 10_000) / 100 / 100 * cpus;
            long usec = Math.round(busyCpus * seconds * 1e6);
            cpuUsec += usec;
            systemUsec += Math.round(usec * level(SYSTEM) * (1 + 0.1 * noise(20)));
            cpuPressureUsec += usec(level(CPU_PRESSURE) * (1 + 0.3 * noise(21)));

            memoryBytes = pages(clamp(level(MEMORY, noise(1))) * limit);
            memoryPeakBytes = Math.max(memoryPeakBytes, memoryBytes);
            long memoryUsec = usec(level(MEMORY_PRESSURE) * (1 + 0.1 * noise(22)));
            memoryPressureUsec += memoryUsec;
            memoryStallUsec += Math.round(0.6 * memoryUsec);

            double io = 1 + 0.2 * noise(23);
            readBytes += pages(level(READ) * MEBIBYTE * seconds * io);
            writtenBytes += pages(level(WRITE) * MEBIBYTE * seconds * io);
            long ioUsec = usec(level(IO_PRESSURE) * io);
            ioPressureUsec += ioUsec;
            ioStallUsec += Math.round(0.7 * ioUsec);

            for (int n = 0; n < gpuUse.length; n++) {
                gpuUse[n] = story.worksOnGpu(n) ? clamp(level(GPU, noise(2 + n))) : 0;
                joules[n] += gpus.get(n).watts(gpuUse[n]) * seconds;
            }
        }

        private double level(Quantity quantity) {
            return level(quantity, 0);
        }

        private double level(Quantity quantity, double noise) {
            return story.profile().at(quantity, part, noise);
        }

        private double noise(int which) {
            return SeededRandom.noise(run.jobId(), run.restarts(), node.name().hashCode(), at.getEpochSecond(), which);
        }

        /** Microseconds of a part of the interval. */
        private long usec(double ofInterval) {
            return Math.round(clamp(ofInterval) * interval.toSeconds() * 1e6);
        }

        private JobReading job() {
            long kernel = pages(0.008 * memoryBytes);
            long anon = pages(Math.min(level(ANON) * memoryBytes, level(MAX_ANON) * limit));
            long file = memoryBytes - anon - kernel;
            boolean last = readsEnd && at.equals(run.end());
            List<OomKill> kills = last && run.ending() == Ending.OUT_OF_MEMORY ? List.of(oomKill()) : List.of();
            Instant timestamp = last ? at : null;
            Long intervalMs = interval.equals(Ticks.INTERVAL) ? null : Long.valueOf(interval.toMillis());
            Map<String, String> absent = node.countsIo() ? Map.of() : WITHOUT_IO;
            return JobReading.builder(run.id()).run(null, run.start(), run.start())
                    .owner(run.user().uid(), run.user().name()).cgroupPath(run.cgroup()).timestamp(timestamp)
                    .last(last).cpusUsed(busyCpus)
                    .put(Figure.INTERVAL_MS, intervalMs)
                    .put(Figure.SUSPENDED_MS, 0).put(Figure.CPUS, cpus).put(Figure.CPU_USAGE_USEC, cpuUsec)
                    .put(Figure.CPU_USER_USEC, cpuUsec - systemUsec).put(Figure.CPU_SYSTEM_USEC, systemUsec)
                    .put(Figure.CPU_THROTTLED_USEC, 0).put(Figure.CPU_PRESSURE_USEC, cpuPressureUsec)
                    .put(Figure.MEMORY_USAGE_BYTES, memoryBytes).put(Figure.MEMORY_ANON_BYTES, anon)
                    .put(Figure.MEMORY_FILE_BYTES, file).put(Figure.MEMORY_SHMEM_BYTES, pages(level(SHMEM) * file))
                    .put(Figure.MEMORY_SWAP_BYTES, pages(level(SWAP) * limit))
                    .put(Figure.MEMORY_PEAK_BYTES, memoryPeakBytes).put(Figure.MEMORY_LIMIT_BYTES, limit)
                    .put(Figure.MEMORY_PRESSURE_USEC, memoryPressureUsec)
                    .put(Figure.MEMORY_STALL_USEC, memoryStallUsec).put(Figure.OOM_EVENTS, kills.size())
                    .put(Figure.OOM_KILLS, kills.size()).put(Figure.PIDS, processes())
                    .put(Figure.IO_READ_BYTES, node.countsIo() ? readBytes : null)
                    .put(Figure.IO_WRITE_BYTES, node.countsIo() ? writtenBytes : null)
                    .put(Figure.IO_PRESSURE_USEC, ioPressureUsec).put(Figure.IO_STALL_USEC, ioStallUsec)
                    .oomKillEvents(kills).absent(absent).build();
        }

        private List<GpuReading> gpus() {
            List<GpuReading> readings = new ArrayList<>(gpus.size());
            for (int n = 0; n < gpuUse.length; n++) {
                double celsius = Math.rint(31 + 38 * gpuUse[n] + 2 * noise(10 + n));
                Gpu.Work work = new Gpu.Work(gpuUse[n], Math.min(0.82, 0.2 + 10 * part), celsius, joules[n]);
                readings.add(story.sharesGpu()
                        ? gpus.get(n).reading(null, List.of(run.id()), work)
                        : gpus.get(n).reading(run.id(), List.of(), work));
            }
            return readings;
        }
    }

    /** Slurm sees the step end, and then the run, some tenths of a second after the kill. */
    private OomKill oomKill() {
        double delay = SeededRandom.fraction(run.jobId(), run.restarts(), run.end().getEpochSecond());
        return new OomKill(run.end().minusMillis(300 + (long) (600 * delay)), "0", 1, limit, OomCause.LIMIT);
    }

    private long processes() {
        int threads = story.threads(cpus);
        return gpus.isEmpty() ? (threads == 1 ? 3 : threads + 4L) : 2L * cpus + 9;
    }

    static long pages(double bytes) {
        return (long) bytes / PAGE * PAGE;
    }

    private static double clamp(double part) {
        return Math.clamp(part, 0, 1);
    }
}
