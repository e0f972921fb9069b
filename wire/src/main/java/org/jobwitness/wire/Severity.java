package org.jobwitness.wire;

import java.util.Locale;

/** How much a finding matters, the least first. */
public enum Severity {
    /** Good to know. */
    INFO,
    /** Resources are wasted, or the job is slower than it could be. */
    WARNING,
    /** The job lost work, is about to, or holds what is scarce and uses nothing of it. */
    CRITICAL;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
