package org.jobwitness.wire;

import java.util.Locale;

/** The five states of a run. Slurm's own word for it is kept beside ours as the raw state. */
public enum JobState {
    PENDING,
    RUNNING,
    COMPLETED,
    FAILED,
    CANCELLED;

    /** True when nothing but stronger evidence may change the state any more. */
    public boolean isFinal() {
        return this == COMPLETED || this == FAILED || this == CANCELLED;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
