package org.jobwitness.wire;

import java.util.Locale;

/**
 * Why a run is in its state. {@link #UNKNOWN} is an end without an explanation: Slurm's epilog reports {@code 0:0} for success,
 * scancel, a time limit and a requeue alike.
 */
public enum Reason {
    OUT_OF_MEMORY,
    TIMEOUT,
    NODE_FAILURE,
    PREEMPTED,
    CANCELLED,
    CANCELLED_BY_USER,
    CANCELLED_BY_ADMIN,
    SIGNAL,
    EXIT_CODE,
    REQUEUED,
    /** Another cluster of the federation started the job; this cluster's copy of it was withdrawn. */
    REVOKED,
    LAUNCH_FAILURE,
    DEADLINE,
    LOST,
    UNKNOWN;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
