package org.jobwitness.server.demo;

import java.time.Duration;

/** Chance without memory: the same names always throw the same number. */
final class Dice {
    private Dice() {
    }

    /** Spreads some names over all longs (the finalizer of SplitMix64). */
    static long hash(long... names) {
        long hash = 0;
        for (long name : names) {
            hash = (hash ^ name) + 0x9e3779b97f4a7c15L;
            hash = (hash ^ (hash >>> 30)) * 0xbf58476d1ce4e5b9L;
            hash = (hash ^ (hash >>> 27)) * 0x94d049bb133111ebL;
            hash ^= hash >>> 31;
        }
        return hash;
    }

    /** From 0 up to 1. */
    static double fraction(long... names) {
        return (hash(names) >>> 11) * 0x1.0p-53;
    }

    /** From -1 up to 1. */
    static double wobble(long... names) {
        return 2 * fraction(names) - 1;
    }

    /** Whole seconds from {@code least} up to {@code most}. */
    static Duration seconds(Duration least, Duration most, long... names) {
        return Duration.ofSeconds(
                least.toSeconds() + (long) (fraction(names) * (most.toSeconds() - least.toSeconds())));
    }
}
