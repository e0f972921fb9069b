package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;

/** The moments at which everything is measured: the quarters of each minute. */
final class Ticks {
    static final Duration APART = Duration.ofSeconds(15);

    private Ticks() {
    }

    /** How many ticks there were up to a moment, since 1970. */
    static long number(Instant moment) {
        return Math.floorDiv(moment.getEpochSecond(), APART.toSeconds());
    }

    /** The last tick up to a moment. */
    static Instant last(Instant moment) {
        return Instant.ofEpochSecond(number(moment) * APART.toSeconds());
    }

    /** The first tick after a moment. */
    static Instant after(Instant moment) {
        return last(moment).plus(APART);
    }
}
