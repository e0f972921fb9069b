package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.demo.Booking.Share;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.Reading;
import org.jspecify.annotations.Nullable;

/** How the stories look as figures: parts of what a run has, by how much of its time has passed. */
final class Load {
    private static final double IDLE_GPU_WATTS = 55;

    private final Booking run;
    private final Share share;
    private final Story story;

    Load(Booking run, Share share) {
        this.run = run;
        this.share = share;
        this.story = run.recipe().story();
    }

    /** All samples of the run on this node, the last one at most one tick before its end. */
    Stream<Usage> samples() {
        return Ticks.between(run.start(), run.end()).map(this::at);
    }

    /** What the kernel has counted when the run ends: what the samples tell, and what came after the last of them. */
    Reading atEnd() {
        Instant lastTick = Ticks.last(run.end());
        Stream<Usage> rest = lastTick.isBefore(run.end()) ? Stream.of(at(run.end())) : Stream.empty();
        List<Usage> all = Stream.concat(samples(), rest).toList();
        double cpuSeconds = all.stream().mapToDouble(usage -> usage.busyCpus() * usage.interval().toSeconds()).sum();
        long peak = all.stream().mapToLong(Usage::memoryBytes).max().orElseThrow();
        return new Reading((long) (cpuSeconds * 1e6), peak, run.ending() == Ending.OUT_OF_MEMORY ? 1L : 0L);
    }

    /** The use in the interval that ends at a moment of the run. */
    Usage at(Instant moment) {
        Duration ran = Duration.between(run.start(), moment);
        Duration sinceTick = Duration.between(Ticks.last(moment.minusSeconds(1)), moment);
        double part = (double) ran.toSeconds() / run.duration().toSeconds();
        List<GpuReading> gpus = IntStream.range(0, share.gpus().size()).mapToObj(n -> gpu(n, part, moment)).toList();
        return new Usage(run, share.machine().name(), moment, sinceTick.compareTo(ran) < 0 ? sinceTick : ran,
                percent(cpu(part, wobble(moment, 0))),
                (long) (within(memory(part, wobble(moment, 1))) * (run.recipe().memoryMb() << 20)), mean(gpus), gpus);
    }

    private double wobble(Instant moment, int which) {
        return Dice.wobble(run.jobId(), run.restarts(), share.machine().name().hashCode(), moment.getEpochSecond(),
                which);
    }

    private double cpu(double part, double wobble) {
        return switch (story) {
            case HEALTHY_MPI -> dips(part, 12) ? 0.6 + 0.1 * wobble : 0.97 + 0.02 * wobble;
            case GPU_TRAINING -> 0.4 + 0.08 * wobble;
            case IDLE_GPUS -> 0.12 + 0.03 * wobble;
            case ONE_CORE -> (0.99 + 0.01 * wobble) / run.recipe().cpus();
            case MEMORY_UNUSED, ARRAY, REQUEUED -> 0.94 + 0.03 * wobble;
            case OUT_OF_MEMORY, SEGFAULT -> 0.85 + 0.08 * wobble;
            case TIME_LIMIT, NODE_FAILURE -> 0.95 + 0.03 * wobble;
            case CANCELLED -> part < 0.25 ? 0.93 + 0.04 * wobble : 0.004 + 0.003 * wobble;
            case CPU_BOUND -> 0.985 + 0.01 * wobble;
            case IO_BOUND -> dips(part, 20) ? 0.45 + 0.2 * wobble : 0.1 + 0.05 * wobble;
            case PAGE_CACHE -> 0.5 + 0.15 * wobble;
            case MEMORY_STALL -> 0.9 - 0.55 * Math.min(1, part * 3) + 0.12 * wobble;
        };
    }

    private double memory(double part, double wobble) {
        return switch (story) {
            case HEALTHY_MPI, TIME_LIMIT, NODE_FAILURE, REQUEUED -> fills(part, 0.58) + 0.01 * wobble;
            case GPU_TRAINING, CPU_BOUND, ARRAY, SEGFAULT -> fills(part, 0.45) + 0.02 * wobble;
            case IDLE_GPUS, ONE_CORE, CANCELLED, IO_BOUND -> fills(part, 0.3) + 0.02 * wobble;
            case MEMORY_UNUSED -> fills(part, 0.095) + 0.004 * wobble;
            case OUT_OF_MEMORY -> 0.06 + 0.94 * Math.pow(part, 1.2);
            case PAGE_CACHE -> Math.min(0.985, 0.1 + 2.2 * part) + 0.01 * wobble;
            case MEMORY_STALL -> Math.min(0.985, 0.3 + 2.1 * part) + 0.012 * wobble;
        };
    }

    private double gpuUse(int n, double part, double wobble) {
        return switch (story) {
            case GPU_TRAINING -> part < 0.02 ? 0.1 : dips(part, 10) ? 0.55 + 0.1 * wobble : 0.93 + 0.04 * wobble;
            case IDLE_GPUS -> n == 0 ? 0.88 + 0.06 * wobble : 0;
            case HEALTHY_MPI, ONE_CORE, MEMORY_UNUSED, OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, REQUEUED, ARRAY, SEGFAULT,
                    NODE_FAILURE, CPU_BOUND, IO_BOUND, PAGE_CACHE, MEMORY_STALL ->
                0;
        };
    }

    private GpuReading gpu(int n, double part, Instant moment) {
        Machine machine = share.machine();
        double use = within(gpuUse(n, part, wobble(moment, 2 + n)));
        double watts = IDLE_GPU_WATTS + (machine.gpuWatts() - IDLE_GPU_WATTS) * 0.92 * use;
        double memory = use == 0 ? 0.006 : Math.min(0.82, 0.2 + 10 * part);
        return new GpuReading(machine.gpuName(share.gpus().get(n)), machine.vendor(), run.id(), percent(use),
                (long) (memory * machine.gpuMemoryBytes()), machine.gpuMemoryBytes(), Math.rint(watts),
                Math.rint(31 + 38 * use + 2 * wobble(moment, 10 + n)), null, use == 0 ? 0L : 1L, Map.of());
    }

    private static @Nullable Double mean(List<GpuReading> gpus) {
        return gpus.isEmpty() ? null : gpus.stream().mapToDouble(Load::utilization).average().orElseThrow();
    }

    private static double utilization(GpuReading gpu) {
        return gpu.utilizationPercent() == null ? 0 : gpu.utilizationPercent();
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

    private static double within(double part) {
        return Math.clamp(part, 0, 1);
    }

    private static double percent(double part) {
        return Math.rint(within(part) * 10_000) / 100;
    }
}
