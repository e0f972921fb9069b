package org.jobwitness.wire;

import java.util.Locale;

/** What to change when a job is submitted again. */
public enum RetryHow {
    /** Do not: it completed, or Slurm runs it again by itself. */
    NONE(0),
    /** Nothing: the cause was not the job, and has passed. */
    SAME(10),
    MORE_MEMORY(11),
    MORE_TIME(12),
    OTHER_NODE(13),
    /** Do not: it would end in the same way, or somebody wanted it to end. */
    NO_USE(14),
    /** It has not ended, or why it ended is not known. */
    NOT_KNOWN(15);

    private final int exitStatus;

    RetryHow(int exitStatus) {
        this.exitStatus = exitStatus;
    }

    /** Of {@code jobwitness why --exit-code}; stays the same. */
    public int exitStatus() {
        return exitStatus;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
