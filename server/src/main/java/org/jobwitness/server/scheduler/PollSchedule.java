package org.jobwitness.server.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** When to poll again: after the interval, and with backoff while there is no response. For one thread. */
final class PollSchedule {
    private static final Duration MAX_INTERVAL = Duration.ofMinutes(5);
    private static final int MAX_DOUBLINGS = 10;

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
        due = now.plus(jittered(interval));
    }

    void failed(Instant now) {
        failures++;
        Duration longer = interval.multipliedBy(1L << Math.min(failures, MAX_DOUBLINGS));
        Duration max = interval.compareTo(MAX_INTERVAL) > 0 ? interval : MAX_INTERVAL;
        due = now.plus(jittered(longer.compareTo(max) < 0 ? longer : max));
    }

    /** After a failure: polls at once, since the cause may be over. */
    void retryNow() {
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

    /** A tenth more or less, so that servers and clusters that started together do not poll together. */
    private static Duration jittered(Duration pause) {
        return Duration.ofMillis((long) (pause.toMillis() * ThreadLocalRandom.current().nextDouble(0.9, 1.1)));
    }
}
