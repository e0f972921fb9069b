package org.jobwitness.server.db;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Decides how long an item waits for others, so that they share a transaction: not at all unless two others are expected in
 * the longest wait, by the rate of the last seconds. Not safe for threads: {@link GroupCommit}'s lock guards it.
 */
public final class Company {
    private static final double MIN_EXPECTED = 2;
    /** An item's weight in the rate falls to 1/e in this time. */
    private static final double DECAY_NANOS = 1e9;

    private final long maxWaitNanos;
    private final LongSupplier nanos;
    private long countedAt;
    /** Items that came, each with what is left of its weight at {@link #countedAt}. */
    private double count;

    /** @param nanos such as System.nanoTime */
    public Company(Duration maxWait, LongSupplier nanos) {
        this.maxWaitNanos = maxWait.toNanos();
        this.nanos = nanos;
        countedAt = nanos.getAsLong();
    }

    /** No item waits. */
    static Company none() {
        return new Company(Duration.ZERO, System::nanoTime);
    }

    /** An item has come. @return the moment, for {@link #millisToWait} */
    long arrived() {
        decay();
        count++;
        return countedAt;
    }

    /** What is left of its wait for an item that came at a moment; 0 if it is to be written now. */
    long millisToWait(long arrivedAt) {
        decay();
        if (count / DECAY_NANOS * maxWaitNanos < MIN_EXPECTED) {
            return 0;
        }
        return Math.max(0, TimeUnit.NANOSECONDS.toMillis(arrivedAt + maxWaitNanos - countedAt));
    }

    private void decay() {
        long now = nanos.getAsLong();
        count *= Math.exp((countedAt - now) / DECAY_NANOS);
        countedAt = now;
    }
}
