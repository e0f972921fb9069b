package org.jobwitness.agent.ship;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** The wait after a failure: random up to a limit that doubles, so that many agents spread out. */
final class Backoff {
    private final Timing timing;
    private final RandomGenerator random;
    private int failures;

    Backoff(Timing timing, RandomGenerator random) {
        this.timing = timing;
        this.random = random;
    }

    /** @param retryAfter the wait that the service asks for, or zero */
    Duration afterFailure(Duration retryAfter) {
        long limit = Math.min(timing.maxBackoff().toMillis(),
                timing.initialBackoff().toMillis() << Math.min(failures, 20));
        failures++;
        Duration requested = retryAfter.compareTo(timing.maxRetryAfter()) > 0 ? timing.maxRetryAfter() : retryAfter;
        return requested.plusMillis(random.nextLong(limit + 1));
    }

    void success() {
        failures = 0;
    }

    int failures() {
        return failures;
    }
}
