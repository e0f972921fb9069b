package org.jobwitness.wire;

import java.util.Locale;

/**
 * What a verdict says that a run came to: finer than {@link Reason}, since it weighs all evidence. docs/verdicts.md tells how
 * each is told from the others.
 */
public enum Cause {
    /** Waits for resources. */
    PENDING,
    /** Goes on. */
    RUNNING,
    COMPLETED,
    /** Ended well, though processes of it had been killed for memory. */
    COMPLETED_DESPITE_OOM,
    /** Met the memory limit of the job or of a step. */
    OUT_OF_MEMORY,
    /** The node itself had no memory left. */
    NODE_OUT_OF_MEMORY,
    TIME_LIMIT,
    CANCELLED,
    PREEMPTED,
    NODE_FAILURE,
    SIGNAL,
    EXIT_CODE,
    LAUNCH_FAILURE,
    DEADLINE,
    REQUEUED,
    /** Nobody saw it end. */
    LOST,
    /** It ended, and nothing that is known explains it. */
    UNKNOWN;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
