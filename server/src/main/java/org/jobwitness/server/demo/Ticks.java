package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** The moments at which everything is measured: the quarters of each minute. */
final class Ticks {
    static final Duration APART = Duration.ofSeconds(15);

    private Ticks() {
    }

    /** The ticks after {@code from}, up to {@code to}. */
    static Stream<Instant> between(Instant from, Instant to) {
        long step = APART.toSeconds();
        return LongStream.rangeClosed(Math.floorDiv(from.getEpochSecond(), step) + 1,
                Math.floorDiv(to.getEpochSecond(), step)).mapToObj(tick -> Instant.ofEpochSecond(tick * step));
    }

    /** The last tick up to a moment. */
    static Instant last(Instant moment) {
        return Instant.ofEpochSecond(Math.floorDiv(moment.getEpochSecond(), APART.toSeconds()) * APART.toSeconds());
    }
}
