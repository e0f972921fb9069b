package org.jobwitness.server.demo;

import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.LongStream;

/**
 * What goes on for whoever watches: every thirty seconds from the epoch on, the next story begins, in small. Where each
 * one plays is fixed, such that those which overlap fit beside each other on the three nodes that are kept for them.
 */
final class Live {
    static final Duration SLOT = ofSeconds(30);
    static final long FIRST_ID = 1_000_000;
    /** Ids of one slot. */
    private static final int IDS = 10;
    /** So long before its start a job is sent; so two or three always wait. */
    private static final Duration WAIT = ofSeconds(75);
    /** No scene takes longer, the requeued job's two runs included. */
    private static final Duration LONGEST = ofMinutes(5);

    static final List<Scene> PROGRAMME = List.of(
            Scene.on(List.of("c09", "c10"),
                    Recipe.cpu(Story.HEALTHY_MPI, "lammps-melt", 2, 24, 32, ofSeconds(180), ofMinutes(10))),
            Scene.onGpus("g04", List.of(0, 1),
                    Recipe.gpu(Story.GPU_TRAINING, "train-resnet50", 2, 16, 64, ofSeconds(150), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.ONE_CORE, "r-bootstrap", 1, 32, 32, ofSeconds(100), ofMinutes(10))),
            Scene.on(List.of("c10"),
                    Recipe.cpu(Story.OUT_OF_MEMORY, "star-index", 1, 8, 16, ofSeconds(75), ofMinutes(10))),
            Scene.on(List.of("c10"),
                    Recipe.cpu(Story.MEMORY_UNUSED, "phylo-raxml", 1, 16, 128, ofSeconds(110), ofMinutes(10))),
            Scene.on(List.of("c10"),
                    Recipe.cpu(Story.CPU_BOUND, "gatk-haplotype", 1, 8, 16, ofSeconds(80), ofMinutes(10))),
            Scene.on(List.of("c10"),
                    Recipe.cpu(Story.TIME_LIMIT, "wrf-forecast", 1, 8, 16, ofMinutes(1), ofMinutes(1))),
            Scene.onGpus("g04", List.of(0, 1, 2, 3),
                    Recipe.gpu(Story.IDLE_GPUS, "translate-eval", 4, 16, 128, ofSeconds(120), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.CANCELLED, "mcmc-chain", 1, 16, 16, ofSeconds(80), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.SEGFAULT, "mesh-refine", 1, 8, 16, ofSeconds(60), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.ARRAY, "docking-screen", 1, 4, 4, ofSeconds(70), ofMinutes(10))),
            Scene.on(List.of("c10"),
                    Recipe.cpu(Story.NODE_FAILURE, "abinit-bands", 1, 32, 64, ofSeconds(60), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.REQUEUED, "cp2k-water", 1, 16, 32, ofSeconds(60), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.IO_BOUND, "blast-nr", 1, 8, 16, ofSeconds(75), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.PAGE_CACHE, "era5-regrid", 1, 8, 48, ofSeconds(90), ofMinutes(10))),
            Scene.on(List.of("c09"),
                    Recipe.cpu(Story.MEMORY_STALL, "spades-assembly", 1, 8, 32, ofSeconds(85), ofMinutes(10))),
            Scene.onGpus("g04", List.of(4),
                    Recipe.gpu(Story.GPU_SLICE, "esm-embed", 1, 8, 64, ofSeconds(110), ofMinutes(10))),
            Scene.onGpus("g04", List.of(3),
                    Recipe.gpu(Story.GPU_SHARD, "notebook", 1, 4, 32, ofSeconds(80), ofMinutes(10))));

    private final long seed;
    private final Instant epoch;

    Live(long seed, Instant epoch) {
        this.seed = seed;
        this.epoch = epoch;
    }

    /** The jobs that have something to tell after {@code from} and up to {@code to}; perhaps some more. */
    List<Booking> during(Instant from, Instant to) {
        long first = Duration.between(epoch, from.minus(LONGEST)).dividedBy(SLOT);
        long last = Duration.between(epoch, to.plus(WAIT)).dividedBy(SLOT);
        return LongStream.rangeClosed(Math.max(0, first), last).mapToObj(this::slot).flatMap(List::stream).toList();
    }

    /** The runs of the k-th slot. */
    List<Booking> slot(long k) {
        Instant start = epoch.plus(SLOT.multipliedBy(k));
        Instant submit = start.minus(WAIT).isBefore(epoch) ? epoch : start.minus(WAIT);
        return PROGRAMME.get((int) (k % PROGRAMME.size())).play(seed, FIRST_ID + k * IDS, User.ofJob(seed, k), submit,
                start);
    }
}
