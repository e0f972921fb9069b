package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;

/** The moments at which agents read everything: the quarters of each minute. */
final class Ticks {
    static final Duration INTERVAL = Duration.ofSeconds(15);

    private Ticks() {
    }

    /** The number of ticks from 1970 up to a moment. */
    static long number(Instant moment) {
        return Math.floorDiv(moment.getEpochSecond(), INTERVAL.toSeconds());
    }

    /** The last tick up to a moment. */
    static Instant last(Instant moment) {
        return Instant.ofEpochSecond(number(moment) * INTERVAL.toSeconds());
    }

    /** The first tick after a moment. */
    static Instant after(Instant moment) {
        return last(moment).plus(INTERVAL);
    }
}
