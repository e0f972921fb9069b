package org.jobwitness.agent.ship;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** How long to wait after a failure: any time up to a bound that doubles, so that many agents spread by themselves. */
final class Backoff {
    private final Timing pace;
    private final RandomGenerator random;
    private int failures;

    Backoff(Timing pace, RandomGenerator random) {
        this.pace = pace;
        this.random = random;
    }

    /** @param retryAfter what the service asks for, zero if it does not ask */
    Duration afterFailure(Duration retryAfter) {
        long bound = Math.min(pace.longestBackoff().toMillis(),
                pace.firstBackoff().toMillis() << Math.min(failures, 20));
        failures++;
        Duration asked = retryAfter.compareTo(pace.longestRetryAfter()) > 0 ? pace.longestRetryAfter() : retryAfter;
        return asked.plusMillis(random.nextLong(bound + 1));
    }

    void success() {
        failures = 0;
    }

    int failures() {
        return failures;
    }
}
