package org.jobwitness.wire;

import java.util.Locale;

/** How a run holds a GPU. */
public enum GpuHold {
    /** No other job has it, so what it does is the run's doing. */
    ALONE,
    /** It is given to jobs in shares (Slurm's shard, MPS): what it does cannot be told apart by job. */
    SHARED,
    /** Sources disagree about who holds it. */
    UNSURE,
    /** Slurm gave it to the run, and no agent has read it. */
    UNREAD;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
