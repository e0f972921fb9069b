package org.jobwitness.server.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** When to ask again: after the interval, and less and less often while nobody answers. For one thread. */
final class PollSchedule {
    private static final Duration LONGEST = Duration.ofMinutes(5);
    private static final int MOST_DOUBLINGS = 10;

    private final Duration interval;
    private int failures;
    private Instant due = Instant.MIN;
    private @Nullable Instant answered;

    PollSchedule(Duration interval) {
        this.interval = interval;
    }

    boolean isDue(Instant now) {
        return !now.isBefore(due);
    }

    void answered(Instant now) {
        failures = 0;
        answered = now;
        due = now.plus(about(interval));
    }

    void failed(Instant now) {
        failures++;
        Duration longer = interval.multipliedBy(1L << Math.min(failures, MOST_DOUBLINGS));
        Duration most = interval.compareTo(LONGEST) > 0 ? interval : LONGEST;
        due = now.plus(about(longer.compareTo(most) < 0 ? longer : most));
    }

    /** If it failed, asks as soon as may be, once: what was the matter may be over. */
    void tryAgain() {
        if (failures > 0) {
            due = Instant.MIN;
        }
    }

    /** Whether it has answered since. */
    boolean hasAnsweredSince(Instant time) {
        return answered != null && !answered.isBefore(time);
    }

    Duration untilDue(Instant now) {
        return now.isBefore(due) ? Duration.between(now, due) : Duration.ZERO;
    }

    /** A tenth more or less, so that servers and clusters that began together do not ask together for ever. */
    private static Duration about(Duration pause) {
        return Duration.ofMillis((long) (pause.toMillis() * ThreadLocalRandom.current().nextDouble(0.9, 1.1)));
    }
}
