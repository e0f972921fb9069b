package org.jobwitness.server.job;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jobwitness.server.db.DatabaseUnavailable;

/**
 * One lock for each job, striped. Reports of the same job wait here before they take a connection; else fifty of them would
 * hold all connections, and block the reports of all other jobs. Between servers, an advisory lock of the database decides.
 * Called by the threads of requests.
 */
final class JobLocks {
    private static final int STRIPES = 1024;
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final ReentrantLock[] locks = Stream.generate(() -> new ReentrantLock(true)).limit(STRIPES)
            .toArray(ReentrantLock[]::new);

    /**
     * Does the work while it holds the job's lock.
     *
     * @throws DatabaseUnavailable if the lock is not free in time
     */
    <T> T withLock(Identity job, Supplier<T> work) {
        ReentrantLock lock = locks[Math.floorMod((job.cluster() + '/' + job.jobId()).hashCode(), STRIPES)];
        boolean locked = false;
        try {
            locked = lock.tryLock(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            if (!locked) {
                throw new DatabaseUnavailable("too many reports of job " + job.jobId() + " at once");
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
