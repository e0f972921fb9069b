package org.jobwitness.wire;

import java.util.Locale;

/** Whose memory ran out when the kernel killed a process. */
public enum OomCause {
    /** The job's, or its step's: the cgroup reached its limit ({@code oom} of memory.events rose). */
    LIMIT,
    /** The node's: {@code oom_kill} rose without {@code oom}. */
    NODE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
