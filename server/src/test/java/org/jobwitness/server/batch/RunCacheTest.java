package org.jobwitness.server.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.jobwitness.server.batch.RunCache.CacheKey;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.ObservedRun;
import org.junit.jupiter.api.Test;

/** How often the database is asked which run it is that an agent sees. */
class RunCacheTest {
    private static final int JOBS = 1000;

    private Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private int asked;
    private final RunCache cache = new RunCache(new Clock() {
        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }

        @Override
        public Instant instant() {
            return now;
        }
    });

    private ObservedRun see(int job) {
        Identity identity = new Identity("c1", Integer.toString(job), null, null);
        return cache.get(new CacheKey(identity, null, "n1", false), () -> {
            asked++;
            return new ObservedRun(job, 4, null);
        });
    }

    @Test
    void aJobIsAskedForOnceInMinutes() {
        assertThat(see(7)).isEqualTo(new ObservedRun(7, 4, null));
        now = now.plus(Duration.ofSeconds(110));
        assertThat(see(7)).isEqualTo(new ObservedRun(7, 4, null));
        assertThat(asked).isOne();
        now = now.plus(Duration.ofMinutes(4));
        see(7);
        assertThat(asked).isEqualTo(2);
    }

    @Test
    void jobsThatWereSeenTogetherAreNotAskedForTogetherForEver() {
        for (Duration end = Duration.ZERO; end.toMinutes() < 10; end = end.plusSeconds(15)) {
            int before = asked;
            for (int job = 0; job < JOBS; job++) {
                see(job);
            }
            assertThat(asked - before).as("in the cycle that ends after %s", end)
                    .isLessThanOrEqualTo(end.isZero() ? JOBS : JOBS / 5);
            now = now.plusSeconds(15);
        }
        assertThat(asked).isBetween(2 * JOBS, 6 * JOBS);
    }
}
