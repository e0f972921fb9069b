package org.jobwitness.server.demo;

import static org.jobwitness.server.demo.Ending.COMPLETED;
import static org.jobwitness.server.demo.Profile.CHECKPOINTS;
import static org.jobwitness.server.demo.Profile.COMPUTE;
import static org.jobwitness.server.demo.Profile.ON_GPUS;
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
import static org.jobwitness.server.demo.Profile.Signal.dips;
import static org.jobwitness.server.demo.Profile.Signal.fill;
import static org.jobwitness.server.demo.Profile.Signal.grow;
import static org.jobwitness.server.demo.Profile.Signal.level;
import static org.jobwitness.server.demo.Profile.Signal.strain;
import static org.jobwitness.server.demo.Profile.Signal.until;

/** What jobs of the simulated cluster show, each one kind of use or one kind of end: in a sentence, and in figures. */
enum Story {
    HEALTHY_MPI("A healthy parallel job: every CPU of its nodes is busy, with a short dip at each checkpoint.",
            COMPLETED,
            CHECKPOINTS.with(CPU, dips(12, level(0.97, 0.02), level(0.6, 0.1))).with(SYSTEM, 0.06)
                    .with(SHMEM, 0.4).with(IO_PRESSURE, dips(12, 0.001, 0.25)).with(WRITE, dips(12, 0.1, 600))),
    GPU_TRAINING("A healthy training: its GPUs work at 90 %, with a dip where each epoch is validated.",
            COMPLETED,
            ON_GPUS.with(GPU, until(0.02, level(0.1, 0), dips(10, level(0.93, 0.04), level(0.55, 0.1))))),
    IDLE_GPUS("Holds four GPUs and computes on one; three could have served others.",
            COMPLETED,
            ON_GPUS.with(CPU, 0.12, 0.03).with(MEMORY, fill(0.3, 0.02)).with(SHMEM, 0).with(READ, 15).with(WRITE, 0.5)
                    .with(GPU, 0.88, 0.06)),
    GPU_SLICE("Trains on one of the two instances of a GPU (MIG); that is its own, the other is free.",
            COMPLETED,
            ON_GPUS.with(GPU, 0.8, 0.05)),
    GPU_SHARD("Asked for a share of a GPU (shard), which others may use at the same time: its use counts for no job.",
            COMPLETED,
            ON_GPUS.with(GPU, 0.45, 0.1)),
    ONE_CORE("A program without threads: one CPU is busy, all the others that it asked for idle.",
            COMPLETED,
            COMPUTE.with(CPU, 0.99, 0.01).with(MEMORY, fill(0.3, 0.02))),
    MEMORY_UNUSED("Asked for ten times the memory that it needs.",
            COMPLETED,
            COMPUTE.with(CPU, 0.94, 0.03).with(CPU_PRESSURE, 0.02).with(MEMORY, fill(0.095, 0.004))),
    OUT_OF_MEMORY("Its memory grows until the limit, where the kernel kills it.",
            Ending.OUT_OF_MEMORY,
            COMPUTE.with(CPU, 0.85, 0.08).with(SYSTEM, 0.06).with(ANON, 0.985)
                    .with(MEMORY, (part, _) -> 0.06 + 0.94 * Math.pow(part, 1.2))
                    .with(MEMORY_PRESSURE, until(0.97, 0, 0.3)).with(IO_PRESSURE, 0.03).with(READ, 90)),
    TIME_LIMIT("Worked well until its time limit ended it, before it was done.",
            Ending.TIMEOUT,
            CHECKPOINTS.with(CPU, 0.95, 0.03)),
    CANCELLED("Stopped computing soon after its start; its user saw that and cancelled it.",
            Ending.CANCELLED,
            COMPUTE.with(CPU, until(0.25, level(0.93, 0.04), level(0.004, 0.003))).with(MEMORY, fill(0.3, 0.02))
                    .with(IO_PRESSURE, until(0.25, 0.001, 0)).with(WRITE, until(0.25, 0.5, 0))),
    REQUEUED("Was requeued to let another job pass, began anew under the same id, and completed.",
            COMPLETED,
            CHECKPOINTS.with(CPU, 0.94, 0.03)),
    ARRAY("One task of a job array of eight; task 5 fails with exit code 3.",
            COMPLETED,
            COMPUTE.with(CPU, 0.94, 0.03).with(CPU_PRESSURE, 0.02)),
    SEGFAULT("Ran into a bug of its program: a segmentation fault ended it.",
            Ending.SEGFAULT,
            COMPUTE.with(CPU, 0.85, 0.08)),
    NODE_FAILURE("Lost its node to a hardware fault: no epilog ran, only the scheduler reports the end.",
            Ending.NODE_FAILURE,
            CHECKPOINTS.with(CPU, 0.95, 0.03)),
    CPU_BOUND("Computes all the time on all of its CPUs.",
            COMPLETED,
            COMPUTE.with(CPU, 0.985, 0.01).with(CPU_PRESSURE, 0.09)),
    IO_BOUND("Reads and writes files most of the time, so that its CPUs wait.",
            COMPLETED,
            COMPUTE.with(CPU, dips(20, level(0.1, 0.05), level(0.45, 0.2))).with(SYSTEM, 0.4)
                    .with(MEMORY, fill(0.3, 0.02)).with(ANON, 0.35).with(IO_PRESSURE, dips(20, 0.65, 0.2))
                    .with(READ, dips(20, 380, 60)).with(WRITE, dips(20, 140, 30))),
    PAGE_CACHE(
            "Reads files that fill its memory limit with page cache, which the kernel can take back: no lack of memory.",
            COMPLETED,
            COMPUTE.with(CPU, 0.5, 0.15).with(SYSTEM, 0.3).with(MEMORY, grow(0.1, 2.2, 0.01)).with(ANON, 0.5)
                    .with(MAX_ANON, 0.07).with(MEMORY_PRESSURE, until(0.4, 0, 0.012)).with(IO_PRESSURE, 0.14)
                    .with(READ, 260).with(WRITE, 12)),
    MEMORY_STALL("Barely fits into its memory: the kernel reclaims all the time, and the CPUs wait for that.",
            COMPLETED,
            COMPUTE.with(CPU, strain(0.9, -0.55, 0.12)).with(SYSTEM, 0.3).with(ANON, 0.985)
                    .with(MEMORY, grow(0.3, 2.1, 0.012)).with(SWAP, strain(0, 0.03, 0))
                    .with(MEMORY_PRESSURE, strain(0.02, 0.55, 0)).with(IO_PRESSURE, strain(0.02, 0.2, 0))
                    .with(READ, strain(20, 180, 0)).with(WRITE, strain(5, 60, 0)));

    private static final int FAILING_TASK = 5;

    private final String sentence;
    private final Ending ending;
    @SuppressWarnings("ImmutableEnumChecker") // a map of pure functions that nothing changes
    private final Profile profile;

    Story(String sentence, Ending ending, Profile profile) {
        this.sentence = sentence;
        this.ending = ending;
        this.profile = profile;
    }

    /** What a reader of the job should look at. */
    String sentence() {
        return sentence;
    }

    Profile profile() {
        return profile;
    }

    Ending ending(int restarts, int arrayTask) {
        if (this == REQUEUED && restarts == 0) {
            return Ending.REQUEUED;
        }
        return this == ARRAY && arrayTask == FAILING_TASK ? Ending.EXIT_CODE_3 : ending;
    }

    /** How many of its CPUs it can keep busy. */
    int threads(int cpus) {
        return this == ONE_CORE ? 1 : cpus;
    }

    /** Whether it works on the n-th of its GPUs. */
    boolean worksOnGpu(int n) {
        return this != IDLE_GPUS || n == 0;
    }

    /** Whether its GPU is shared with other jobs. */
    boolean sharesGpu() {
        return this == GPU_SHARD;
    }
}
