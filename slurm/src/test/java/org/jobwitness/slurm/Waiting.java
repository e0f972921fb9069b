package org.jobwitness.slurm;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Waiting with a deadline. */
final class Waiting {
    private static final Duration POLL = Duration.ofMillis(10);

    private Waiting() {
    }

    interface Condition {
        boolean holds() throws IOException;
    }

    static void until(String what, Duration patience, Condition condition) throws IOException {
        var deadline = System.nanoTime() + patience.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline)
                throw new AssertionError("within " + patience + " it did not come true that " + what);
            LockSupport.parkNanos(POLL.toNanos());
        }
    }
}
