package org.jobwitness.wire;

import java.util.Locale;

/** Severity of a finding, in ascending order. */
public enum Severity {
    INFO,
    /** Resources are wasted, or the job is slower than necessary. */
    WARNING,
    /** The job lost work or is about to, or it does not use a scarce resource at all. */
    CRITICAL;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
