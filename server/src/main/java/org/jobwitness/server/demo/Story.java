package org.jobwitness.server.demo;

import static org.jobwitness.server.demo.Ending.COMPLETED;

/** What jobs of the simulated cluster show: one kind of use or one kind of end each. */
enum Story {
    HEALTHY_MPI("A healthy parallel job: every CPU of its nodes is busy, with a short dip at each checkpoint.",
            COMPLETED),
    GPU_TRAINING("A healthy training: its GPUs work at 90 %, with a dip where each epoch is validated.", COMPLETED),
    IDLE_GPUS("Holds four GPUs and computes on one; three could have served others.", COMPLETED),
    GPU_SLICE("Trains on one of the two instances of a GPU (MIG); that is its own, the other is free.", COMPLETED),
    GPU_SHARD("Asked for a share of a GPU (shard), which others may use at the same time: its use is told of no job.",
            COMPLETED),
    ONE_CORE("A program without threads: one CPU is busy, all the others that it asked for idle.", COMPLETED),
    MEMORY_UNUSED("Asked for ten times the memory that it needs.", COMPLETED),
    OUT_OF_MEMORY("Its memory grows until the limit, where the kernel kills it.", Ending.OUT_OF_MEMORY),
    TIME_LIMIT("Worked well until its time limit ended it, before it was done.", Ending.TIMEOUT),
    CANCELLED("Stopped computing soon after its start; its user saw that and cancelled it.", Ending.CANCELLED),
    REQUEUED("Was requeued to let another job pass, began anew under the same id, and completed.", COMPLETED),
    ARRAY("One task of a job array of eight; task 5 fails with exit code 3.", COMPLETED),
    SEGFAULT("Ran into a bug of its program: a segmentation fault ended it.", Ending.SEGFAULT),
    NODE_FAILURE("Lost its node to a hardware fault: no epilog ran, only the scheduler tells of the end.",
            Ending.NODE_FAILURE),
    CPU_BOUND("Computes all the time on all of its CPUs.", COMPLETED),
    IO_BOUND("Reads and writes files most of the time, so that its CPUs wait.", COMPLETED),
    PAGE_CACHE(
            "Reads files that fill its memory limit with page cache, which the kernel can take back: no lack of memory.",
            COMPLETED),
    MEMORY_STALL("Barely fits into its memory: the kernel reclaims all the time, and the CPUs wait for that.",
            COMPLETED);

    private static final int FAILING_TASK = 5;

    private final String sentence;
    private final Ending ending;

    Story(String sentence, Ending ending) {
        this.sentence = sentence;
        this.ending = ending;
    }

    /** Tells a stranger what to look at. */
    String sentence() {
        return sentence;
    }

    /** How one of its runs ends. */
    Ending ending(int restarts, int arrayTask) {
        return switch (this) {
            case REQUEUED -> restarts == 0 ? Ending.REQUEUED : ending;
            case ARRAY -> arrayTask == FAILING_TASK ? Ending.EXIT_CODE_3 : ending;
            case HEALTHY_MPI, GPU_TRAINING, IDLE_GPUS, GPU_SLICE, GPU_SHARD, ONE_CORE, MEMORY_UNUSED, OUT_OF_MEMORY,
                    TIME_LIMIT, CANCELLED,
                    SEGFAULT, NODE_FAILURE, CPU_BOUND, IO_BOUND, PAGE_CACHE, MEMORY_STALL ->
                ending;
        };
    }
}
