package org.jobwitness.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Lets a test wait for a condition, which is checked whenever another thread reports that something may have changed. */
public final class Signal {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    public synchronized void changed() {
        notifyAll();
    }

    /** @param state shown if the condition does not become true */
    public synchronized void await(String what, BooleanSupplier condition, Supplier<?> state) {
        long deadline = System.nanoTime() + TIMEOUT.toNanos();
        try {
            while (!condition.getAsBoolean()) {
                long left = deadline - System.nanoTime();
                assertThat(left).as(() -> "waiting until " + what + ": " + state.get()).isPositive();
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
