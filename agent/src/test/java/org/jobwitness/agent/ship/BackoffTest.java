package org.jobwitness.agent.ship;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BackoffTest {
    @Test
    void waitsAreAnyUpToABoundThatDoubles() {
        Duration[] longest = new Duration[12];
        Duration[] shortest = new Duration[12];
        for (int seed = 0; seed < 500; seed++) {
            Backoff backoff = new Backoff(Timing.STANDARD, new Random(seed));
            for (int i = 0; i < longest.length; i++) {
                Duration wait = backoff.afterFailure(Duration.ZERO);
                longest[i] = longest[i] == null || wait.compareTo(longest[i]) > 0 ? wait : longest[i];
                shortest[i] = shortest[i] == null || wait.compareTo(shortest[i]) < 0 ? wait : shortest[i];
            }
        }
        for (int i = 0; i < longest.length; i++) {
            Duration bound = Duration.ofSeconds(Math.min(30, 1L << i));
            assertThat(longest[i]).isBetween(bound.multipliedBy(9).dividedBy(10), bound);
            assertThat(shortest[i]).isLessThan(bound.dividedBy(10));
        }
    }

    @Test
    void aSuccessBeginsAnew() {
        Backoff backoff = new Backoff(Timing.STANDARD, new Random(1));
        for (int i = 0; i < 20; i++) {
            backoff.afterFailure(Duration.ZERO);
        }
        assertThat(backoff.failures()).isEqualTo(20);
        backoff.success();
        assertThat(backoff.failures()).isZero();
        assertThat(backoff.afterFailure(Duration.ZERO)).isLessThanOrEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void whatTheServiceAsksForIsAddedAndBounded() {
        Backoff backoff = new Backoff(Timing.STANDARD, new Random(1));
        assertThat(backoff.afterFailure(Duration.ofSeconds(5))).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(6));
        assertThat(backoff.afterFailure(Duration.ofDays(5))).isBetween(Duration.ofMinutes(5),
                Duration.ofMinutes(5).plusSeconds(2));
    }
}
