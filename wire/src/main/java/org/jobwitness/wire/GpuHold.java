package org.jobwitness.wire;

import java.util.Locale;

/** How a GPU is assigned to a run. */
public enum GpuHold {
    /** To no other job, so its use is the run's. */
    ALONE,
    /** In shares (Slurm's shard, MPS): its use cannot be attributed to one job. */
    SHARED,
    /** Sources disagree. */
    UNSURE,
    /** By Slurm, but no agent has read it. */
    UNREAD;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
