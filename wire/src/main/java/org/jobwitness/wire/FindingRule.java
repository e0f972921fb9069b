package org.jobwitness.wire;

import java.util.Locale;

/** What a verdict finds about the use of resources. docs/verdicts.md has the rule and threshold of each. */
public enum FindingRule {
    /** Processes were killed for memory, and the run went on. */
    OOM_KILLED,
    /** A node of it booted anew, or was taken out of service. */
    NODE_FAULT,
    /** The driver of a GPU that it had reported an error of the GPU. */
    GPU_FAULT,
    /** Heat or the power supply slowed a GPU of it down. */
    GPU_THROTTLED,
    /** All of its GPUs are idle. */
    GPU_IDLE,
    /** Some of its GPUs are idle, others are not. */
    GPU_PARTLY_IDLE,
    /** Its GPUs are used, but little. */
    GPU_LOW_USE,
    /** Some of its CPUs are idle. */
    CPU_IDLE,
    /** Some of its nodes are busy, others almost idle. */
    NODE_IMBALANCE,
    /** It requested far more memory than it used. */
    MEMORY_OVERASKED,
    /** It came close to its memory limit with memory that the kernel cannot reclaim. */
    MEMORY_NEAR_LIMIT,
    /** Its memory was mostly page cache, which the kernel can reclaim. */
    MEMORY_IS_CACHE,
    /** A CPU quota throttled it. */
    CPU_THROTTLED,
    /** All of its tasks waited for memory at the same time. */
    MEMORY_STALLED,
    /** All of its tasks waited for I/O at the same time. */
    IO_STALLED,
    /** It requested far more time than it took. */
    TIME_OVERASKED,
    /** One of many short jobs of the same user and name. */
    SHORT_JOBS,
    /** Samples cover too little of its time for the other figures to be certain. */
    LOW_COVERAGE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
