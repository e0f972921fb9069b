package org.jobwitness.server.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.testing.TestPostgres;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Hours of a clock that jumps, in a real PostgreSQL. */
class RetentionClockTest {
    private static final Instant START = Instant.parse("2026-11-01T00:00:00Z");
    private static final Duration HOUR = Duration.ofHours(1);

    private final Database database = TestPostgres.open(TestPostgres.freshDatabase(),
            new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
    private final AtomicLong nanos = new AtomicLong();
    private RetentionClock clock = new RetentionClock(nanos::get);
    private Instant now = START;

    @AfterEach
    void close() {
        database.close();
    }

    /** Turns of an hour; whether the last was believed. */
    private boolean turns(int count) {
        boolean isBelieved = false;
        for (int i = 0; i < count; i++) {
            nanos.addAndGet(HOUR.toNanos());
            now = now.plus(HOUR);
            isBelieved = turn();
        }
        return isBelieved;
    }

    private boolean turn() {
        return database.write("turn", handle -> clock.turn(handle, now)).isBelieved();
    }

    private void restart() {
        nanos.set(0);
        clock = new RetentionClock(nanos::get);
    }

    @Test
    void aClockThatGoesOnIsBelieved() {
        assertThat(turn()).isTrue();
        for (int hour = 0; hour < 100; hour++) {
            assertThat(turns(1)).isTrue();
        }
    }

    @Test
    void aServerThatWasOffForLessThanADayIsBelieved() {
        turn();
        restart();
        now = now.plus(Duration.ofHours(23));
        assertThat(turn()).isTrue();
    }

    @Test
    void aJumpIsBelievedOnceAsMuchTimeHasPassed() {
        turn();
        now = now.plus(Duration.ofDays(10));
        assertThat(turn()).isFalse();
        assertThat(turns(239)).isFalse();
        assertThat(turns(1)).as("after ten days").isTrue();
        assertThat(turns(1)).isTrue();
    }

    @Test
    void whatWasWaitedIsKeptOverRestarts() {
        turn();
        now = now.plus(Duration.ofDays(10));
        assertThat(turns(120)).isFalse();
        restart();
        assertThat(turns(120)).as("the first turn after a restart counts nothing").isFalse();
        assertThat(turns(2)).isTrue();
    }

    @Test
    void aClockThatIsSetBackIsBelieved() {
        turn();
        now = now.plus(Duration.ofDays(10));
        assertThat(turns(2)).isFalse();
        now = START.plus(Duration.ofHours(3));
        assertThat(turns(1)).isTrue();
    }

    @Test
    void anOperatorEndsTheWait() {
        turn();
        now = now.plus(Duration.ofDays(400));
        assertThat(turn()).isFalse();
        database.write("confirm", handle -> {
            RetentionClock.confirm(handle, now);
            return true;
        });
        assertThat(turns(1)).isTrue();
    }
}
