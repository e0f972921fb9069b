package org.jobwitness.wire;

import java.util.Locale;

/** What a verdict looks for in the way a run used what it had. docs/verdicts.md tells the rule and threshold of each. */
public enum FindingRule {
    /** Processes were killed for memory, and the run went on. */
    OOM_KILLED,
    /** Every GPU that it holds is idle. */
    GPU_IDLE,
    /** Some of its GPUs are idle, others are not. */
    GPU_PARTLY_IDLE,
    /** Its GPUs are used, but little. */
    GPU_LOW_USE,
    /** It holds CPUs that do nothing. */
    CPU_IDLE,
    /** Some of its nodes work, others hardly. */
    NODE_IMBALANCE,
    /** It asked for far more memory than it needed. */
    MEMORY_OVERASKED,
    /** It came close to its memory limit by memory that the kernel cannot take back. */
    MEMORY_NEAR_LIMIT,
    /** Its memory was mostly page cache, which the kernel gives back. */
    MEMORY_IS_CACHE,
    /** A CPU limit held it up. */
    CPU_THROTTLED,
    /** All of its tasks waited for memory at the same time. */
    MEMORY_STALLED,
    /** All of its tasks waited for files and disks at the same time. */
    IO_STALLED,
    /** It asked for far more time than it took. */
    TIME_OVERASKED,
    /** One of many short jobs of the same user and name. */
    SHORT_JOBS,
    /** Too little of it was seen for the other figures to be sure. */
    LOW_COVERAGE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
