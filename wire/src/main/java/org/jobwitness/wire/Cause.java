package org.jobwitness.wire;

import java.util.Locale;

/**
 * Why a run ended, as a verdict says: finer than {@link Reason}, since it weighs all evidence. docs/verdicts.md defines each.
 */
public enum Cause {
    /** Waits for resources. */
    PENDING,
    RUNNING,
    COMPLETED,
    /** Completed, although the kernel had killed processes of it for memory. */
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
    /** The prolog of a node failed, so that it did not run. */
    PROLOG_FAILURE,
    /** Its program failed after a GPU of it had failed. */
    GPU_FAILURE,
    DEADLINE,
    REQUEUED,
    /** Another cluster of the federation started the job. */
    REVOKED,
    /** No end was reported. */
    LOST,
    /** It ended, and no evidence explains how. */
    UNKNOWN;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
