package org.jobwitness.server.demo;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;

import java.util.List;
import java.util.Optional;

/** The stories of the week before the epoch: each as one job whose id never changes, on nodes kept for them. */
final class Week {
    static final int DAYS = 7;

    /** A story, and which of the day's jobs tells it. */
    record Act(int day, int index, Scene scene) {
    }

    static final List<Act> ACTS = List.of(
            act(0, 1, Scene.on(List.of("c09", "c10"), Recipe.cpu(Story.HEALTHY_MPI, "lammps-melt", 2, 64, 192,
                    ofHours(8), ofHours(12)))),
            act(0, 5, Scene.onGpus("g04", List.of(0, 1), Recipe.gpu(Story.GPU_TRAINING, "train-resnet50", 2, 16, 128,
                    ofHours(9), ofHours(12)))),
            act(0, 9, Scene.on(List.of("c09"), Recipe.cpu(Story.ONE_CORE, "r-bootstrap", 1, 32, 64, ofHours(6),
                    ofHours(8)))),
            act(1, 2, Scene.on(List.of("c10"), Recipe.cpu(Story.OUT_OF_MEMORY, "star-index", 1, 16, 64,
                    ofMinutes(160), ofHours(6)))),
            act(1, 6, Scene.onGpus("g04", List.of(0, 1, 2, 3), Recipe.gpu(Story.IDLE_GPUS, "translate-eval", 4, 32, 256,
                    ofHours(11), ofDays(1)))),
            act(2, 3, Scene.on(List.of("c09"), Recipe.cpu(Story.TIME_LIMIT, "wrf-forecast", 1, 48, 128, ofHours(4),
                    ofHours(4)))),
            act(2, 8, Scene.on(List.of("c10"), Recipe.cpu(Story.MEMORY_UNUSED, "phylo-raxml", 1, 32, 240, ofHours(8),
                    ofHours(12)))),
            act(2, 11, Scene.onGpus("g04", List.of(4), Recipe.gpu(Story.GPU_SLICE, "esm-embed", 1, 8, 64, ofHours(5),
                    ofHours(8)))),
            act(3, 4, Scene.on(List.of("c09"), Recipe.cpu(Story.ARRAY, "docking-screen", 1, 8, 16, ofMinutes(50),
                    ofHours(2)))),
            act(3, 13, Scene.on(List.of("c10"), Recipe.cpu(Story.CANCELLED, "mcmc-chain", 1, 16, 32, ofMinutes(75),
                    ofHours(10)))),
            act(4, 2, Scene.on(List.of("c09"), Recipe.cpu(Story.REQUEUED, "cp2k-water", 1, 32, 96, ofHours(3),
                    ofHours(6)))),
            act(4, 7, Scene.on(List.of("c10"), Recipe.cpu(Story.SEGFAULT, "mesh-refine", 1, 8, 32, ofMinutes(25),
                    ofHours(4)))),
            act(5, 3, Scene.on(List.of("c10"), Recipe.cpu(Story.NODE_FAILURE, "abinit-bands", 1, 64, 192, ofHours(2),
                    ofHours(8)))),
            act(5, 6, Scene.on(List.of("c09"), Recipe.cpu(Story.IO_BOUND, "blast-nr", 1, 16, 48, ofHours(5),
                    ofHours(8)))),
            act(5, 9, Scene.on(List.of("c09"), Recipe.cpu(Story.PAGE_CACHE, "era5-regrid", 1, 8, 96, ofHours(3),
                    ofHours(6)))),
            act(6, 1, Scene.on(List.of("c09"), Recipe.cpu(Story.MEMORY_STALL, "spades-assembly", 1, 16, 128,
                    ofHours(3), ofHours(8)))),
            act(6, 4, Scene.on(List.of("c10"), Recipe.cpu(Story.CPU_BOUND, "gatk-haplotype", 1, 24, 64, ofHours(3),
                    ofHours(6)))),
            act(6, 8, Scene.onGpus("g04", List.of(2), Recipe.gpu(Story.GPU_SHARD, "notebook", 1, 4, 32, ofHours(3),
                    ofHours(8)))));

    private Week() {
    }

    private static Act act(int day, int index, Scene scene) {
        return new Act(day, index, scene);
    }

    /** The story that has this place in the day's order; a place that an array fills is its first task's. */
    static Optional<Act> at(long day, int index) {
        return ACTS.stream().filter(act -> act.day == day && act.index <= index
                && index < act.index + act.scene.jobs()).findFirst();
    }
}
