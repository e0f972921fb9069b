package org.jobwitness.wire;

import java.util.Locale;

/** The state of a run. Slurm's own state is kept as the raw state. */
public enum JobState {
    PENDING,
    RUNNING,
    COMPLETED,
    FAILED,
    CANCELLED;

    /** True if only stronger evidence may still change the state. */
    public boolean isFinal() {
        return this == COMPLETED || this == FAILED || this == CANCELLED;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
