package org.jobwitness.server.db;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Periodic work that only one of the servers on a database does at a time, the leader: when the database is ready, then every
 * interval. Leadership is an advisory lock, held by a connection outside the pool while the work runs; it ends with that
 * connection. The work runs on a thread of its own, which ends when this is closed.
 */
public final class LeaderTask implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(LeaderTask.class);
    /** Advisory locks with two keys are a space of their own; the locks on job ids are not in it. */
    private static final int LOCK_SPACE = 0x6a77;
    private static final Duration RETRY_INTERVAL = Duration.ofMinutes(1);
    private static final Duration MAX_STEP = Duration.ofMinutes(5);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);
    private static final int VALIDATION_TIMEOUT_SECONDS = 3;

    private final Database database;
    private final String name;
    private final Duration interval;
    private final Duration maxStep;
    private final Work work;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread;
    private @Nullable String problem;

    /** May be interrupted anywhere, and run again. */
    @FunctionalInterface
    public interface Work {
        void run(Leadership leadership) throws InterruptedException;
    }

    /** The result of a try. */
    enum Outcome {
        DONE,
        /** Another server is the leader. */
        NOT_LEADER,
        FAILED
    }

    /**
     * Prepares the work; {@link #start} starts it.
     *
     * @param name of the work, the same on all servers
     */
    public LeaderTask(Database database, String name, Duration interval, Work work) {
        this(database, name, interval, MAX_STEP, work);
    }

    /** @param maxStep between two {@link Leadership#check}s; a longer one loses leadership */
    LeaderTask(Database database, String name, Duration interval, Duration maxStep, Work work) {
        this.database = database;
        this.name = name;
        this.interval = interval;
        this.maxStep = maxStep;
        this.work = work;
        this.thread = Thread.ofVirtual().name(name).unstarted(this::runPeriodically);
    }

    /** Starts as soon as the database is ready; returns at once. */
    public void start() {
        thread.start();
    }

    private void runPeriodically() {
        try {
            database.awaitReady();
            Outcome outcome;
            do {
                outcome = tryToLead();
            } while (!closing.await(pauseAfter(outcome).toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    /** With 10 % jitter, so that servers which started together do not compete for ever. */
    private Duration pauseAfter(Outcome outcome) {
        Duration pause = outcome == Outcome.FAILED && interval.compareTo(RETRY_INTERVAL) > 0
                ? RETRY_INTERVAL
                : interval;
        return Duration.ofMillis((long) (pause.toMillis() * ThreadLocalRandom.current().nextDouble(0.9, 1.1)));
    }

    /** Does the work, unless another server is the leader. */
    Outcome tryToLead() throws InterruptedException {
        try (Connection connection = database.connect()) {
            if (!tryLock(connection)) {
                return Outcome.NOT_LEADER;
            }
            work.run(new Leadership(connection));
            if (problem != null) {
                log.info("{}_recovered", name);
                problem = null;
            }
            return Outcome.DONE;
        } catch (SQLException | DatabaseUnavailable e) {
            if (isNewProblem(e)) {
                log.warn("{}_failed retry_in_s={} cause=\"{}\"", name, pauseAfter(Outcome.FAILED).toSeconds(), problem);
            }
            return Outcome.FAILED;
        } catch (RuntimeException e) {
            if (isNewProblem(e)) {
                log.error("{}_failed", name, e);
            }
            return Outcome.FAILED;
        }
    }

    /** Each problem is logged once. What a stop of the server interrupts is none. */
    private boolean isNewProblem(Exception e) {
        String cause = Database.rootMessage(e);
        boolean isNew = !cause.equals(problem) && closing.getCount() > 0;
        problem = cause;
        return isNew;
    }

    /** If this server hangs or its machine is gone, PostgreSQL ends its session, and another server can take over. */
    private boolean tryLock(Connection connection) throws SQLException {
        try (Statement set = connection.createStatement()) {
            set.execute("set idle_session_timeout = " + maxStep.toMillis());
        }
        try (PreparedStatement tryLock = connection.prepareStatement("select pg_try_advisory_lock(?, hashtext(?))")) {
            tryLock.setInt(1, LOCK_SPACE);
            tryLock.setString(2, name);
            try (ResultSet row = tryLock.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    /** The right to do the work, until it is lost. */
    public final class Leadership {
        private final Connection connection;

        private Leadership(Connection connection) {
            this.connection = connection;
        }

        /**
         * To be called between the steps of the work. Each must take less than five minutes, and be harmless even if another
         * server has become the leader.
         *
         * @throws DatabaseUnavailable if leadership is lost
         * @throws InterruptedException if the server stops
         */
        public void check() throws InterruptedException {
            pause(Duration.ZERO);
            try {
                if (!connection.isValid(VALIDATION_TIMEOUT_SECONDS)) {
                    throw new DatabaseUnavailable("the connection that holds the lock on " + name + " is lost");
                }
            } catch (SQLException e) {
                throw new DatabaseUnavailable("the connection that holds the lock on " + name + " is lost", e);
            }
        }

        /**
         * Waits.
         *
         * @throws InterruptedException if the server stops
         */
        public void pause(Duration pause) throws InterruptedException {
            if (closing.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new InterruptedException(name + " is interrupted: the server stops");
            }
        }
    }

    /** Interrupts the work: on a virtual thread, an interrupt ends a wait for the database too. */
    @Override
    public void close() {
        closing.countDown();
        thread.interrupt();
        try {
            if (thread.getState() != Thread.State.NEW && !thread.join(CLOSE_TIMEOUT)) {
                log.warn("{}_stop_timeout", name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
