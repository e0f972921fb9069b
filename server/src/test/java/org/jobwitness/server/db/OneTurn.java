package org.jobwitness.server.db;

import java.time.Duration;
import org.jobwitness.server.db.LeaderTask.Outcome;
import org.jobwitness.server.db.LeaderTask.Work;

/** One turn of a LeaderTask, at once and on the thread of the test. */
public final class OneTurn {
    private OneTurn() {
    }

    /** @return whether the work came to its end; else another has its turn, or it was broken off */
    public static boolean take(Database database, String name, Work work) throws InterruptedException {
        try (LeaderTask task = new LeaderTask(database, name, Duration.ofHours(1), work)) {
            return task.tryTurn() == Outcome.DONE;
        }
    }
}
