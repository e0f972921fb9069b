package org.jobwitness.bench;

import java.util.Arrays;
import java.util.Locale;

/** Durations. */
final class Times {
    private long[] nanos = new long[1024];
    private int size;

    void add(long duration) {
        if (size == nanos.length) {
            nanos = Arrays.copyOf(nanos, 2 * size);
        }
        nanos[size++] = duration;
    }

    void clear() {
        size = 0;
    }

    int size() {
        return size;
    }

    /** In milliseconds; 100 is the maximum. */
    double percentile(double percent) {
        if (size == 0) {
            return Double.NaN;
        }
        long[] sorted = Arrays.copyOf(nanos, size);
        Arrays.sort(sorted);
        return sorted[(int) ((size - 1) * percent / 100)] / 1e6;
    }

    /** p50, p99 and the maximum. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.1f / %.1f / %.0f ms", percentile(50), percentile(99), percentile(100));
    }
}
