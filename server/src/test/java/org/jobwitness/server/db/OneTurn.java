package org.jobwitness.server.db;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.jobwitness.server.db.LeaderTask.Outcome;
import org.jobwitness.server.db.LeaderTask.Work;
import org.jobwitness.server.testing.Waiting;

/** One turn of a LeaderTask, at once and on the thread of the test. */
public final class OneTurn {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private OneTurn() {
    }

    /**
     * Waits for a turn before to be over: its lock goes a moment after the connection that held it.
     *
     * @return whether the work came to its end; else it was broken off
     */
    public static boolean take(Database database, String name, Work work) throws InterruptedException {
        AtomicReference<Outcome> outcome = new AtomicReference<>();
        try (LeaderTask task = new LeaderTask(database, name, Duration.ofHours(1), work)) {
            Waiting.until("nobody else has its turn of " + name, PATIENCE, () -> {
                try {
                    outcome.set(task.tryToLead());
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return outcome.get() != Outcome.NOT_LEADER;
            });
        }
        return outcome.get() == Outcome.DONE;
    }
}
