package org.jobwitness.server.demo;

import java.time.Duration;

/** Random numbers without state: equal keys give equal numbers. */
final class SeededRandom {
    private SeededRandom() {
    }

    /** Spreads keys over all longs (the finalizer of SplitMix64). */
    static long hash(long... keys) {
        long hash = 0;
        for (long key : keys) {
            hash = (hash ^ key) + 0x9e3779b97f4a7c15L;
            hash = (hash ^ (hash >>> 30)) * 0xbf58476d1ce4e5b9L;
            hash = (hash ^ (hash >>> 27)) * 0x94d049bb133111ebL;
            hash ^= hash >>> 31;
        }
        return hash;
    }

    /** From 0 up to 1. */
    static double fraction(long... keys) {
        return (hash(keys) >>> 11) * 0x1.0p-53;
    }

    /** From -1 up to 1. */
    static double noise(long... keys) {
        return 2 * fraction(keys) - 1;
    }

    /** Whole seconds from {@code min} up to {@code max}. */
    static Duration seconds(Duration min, Duration max, long... keys) {
        return Duration.ofSeconds(min.toSeconds() + (long) (fraction(keys) * (max.toSeconds() - min.toSeconds())));
    }
}
