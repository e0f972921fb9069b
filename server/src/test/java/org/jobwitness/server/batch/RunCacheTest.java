package org.jobwitness.server.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jobwitness.server.batch.RunCache.CacheKey;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.ObservedRun;
import org.junit.jupiter.api.Test;

/** How often the database is asked which run it is that an agent sees. */
class RunCacheTest {
    private final Map<Long, ObservedRun> stored = new HashMap<>();
    private Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private int asked;
    private int compared;
    private final RunCache cache = new RunCache(this::observed, new Clock() {
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

    private Set<ObservedRun> observed(List<ObservedRun> runs) {
        compared++;
        return runs.stream().map(ObservedRun::run).filter(stored::containsKey).map(stored::get)
                .collect(Collectors.toSet());
    }

    private static ObservedRun run(long key, long version) {
        return new ObservedRun(key, "n1", 4, null, version);
    }

    private ObservedRun see(long job) {
        Identity identity = new Identity("c1", Long.toString(job), null, null);
        return cache.get(new CacheKey(identity, null, "n1", false), () -> {
            asked++;
            return Objects.requireNonNull(stored.get(job));
        });
    }

    @Test
    void aJobIsAskedForOnce() {
        stored.put(7L, run(7, 1));
        for (Duration end = Duration.ZERO; end.toHours() < 1; end = end.plusSeconds(15)) {
            assertThat(see(7)).isEqualTo(run(7, 1));
            now = now.plusSeconds(15);
        }
        assertThat(asked).isOne();
        assertThat(compared).isBetween(58, 60);
    }

    @Test
    void aChangeByAnotherServerShowsWithinAMinute() {
        stored.put(7L, run(7, 1));
        stored.put(8L, run(8, 1));
        see(7);
        see(8);
        stored.put(7L, run(7, 2));
        now = now.plusSeconds(60);
        assertThat(see(7)).isEqualTo(run(7, 2));
        see(8);
        assertThat(asked).isEqualTo(3);
    }

    @Test
    void aRunThatIsGoneIsAskedForAgain() {
        stored.put(7L, run(7, 1));
        see(7);
        stored.clear();
        now = now.plusSeconds(60);
        assertThatThrownBy(() -> see(7)).isInstanceOf(NullPointerException.class);
    }

    @Test
    void whatIsNotUsedIsForgotten() {
        stored.put(7L, run(7, 1));
        stored.put(8L, run(8, 1));
        see(7);
        now = now.plus(Duration.ofMinutes(6));
        see(8);
        see(7);
        assertThat(asked).isEqualTo(3);
    }
}
