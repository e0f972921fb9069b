package org.jobwitness.agent.clock;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that stands still until a test advances it. */
public final class TestClock {
    private static final Instant BEGIN = Instant.parse("2026-11-23T10:00:00.300Z");

    private final AtomicLong nanos = new AtomicLong();

    public NodeClock clock() {
        return new NodeClock(this::instant, nanos::get);
    }

    public Instant instant() {
        return BEGIN.plusNanos(nanos.get());
    }

    public void advance(Duration time) {
        nanos.addAndGet(time.toNanos());
    }
}
