package org.jobwitness.server.job;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jobwitness.server.db.DatabaseUnavailable;

/**
 * Lets those who speak of one job wait for each other before they take a connection: else fifty who speak of the same job
 * would hold all connections, and nobody could speak of another one. Between servers, the database's own lock decides.
 * Called by the threads of requests.
 */
final class JobLocks {
    private static final int STRIPES = 1024;
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final ReentrantLock[] locks = Stream.generate(() -> new ReentrantLock(true)).limit(STRIPES)
            .toArray(ReentrantLock[]::new);

    /**
     * Does the work when it is this job's turn.
     *
     * @throws DatabaseUnavailable if that takes too long
     */
    <T> T take(Identity job, Supplier<T> work) {
        ReentrantLock lock = locks[Math.floorMod((job.cluster() + '/' + job.jobId()).hashCode(), STRIPES)];
        boolean locked = false;
        try {
            locked = lock.tryLock(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            if (!locked) {
                throw new DatabaseUnavailable("too much is being said of job " + job.jobId() + " at once");
            }
            return work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DatabaseUnavailable("the server is stopping", e);
        } finally {
            if (locked) {
                lock.unlock();
            }
        }
    }
}
