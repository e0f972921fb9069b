package org.jobwitness.wire;

import java.util.Locale;

/** The vendor of a job's GPUs. */
public enum GpuVendor {
    NONE,
    NVIDIA,
    AMD,
    INTEL,
    MIXED;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
