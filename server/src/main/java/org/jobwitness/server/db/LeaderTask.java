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
 * Work that is done now and then, by one server at a time of all that share a database: at once when the database is ready,
 * then every interval. Whose turn it is tells an advisory lock, held by a connection beside the pool for as long as the
 * work takes; whatever ends that connection ends the turn. The work runs on a thread of its own, which ends when this is
 * closed.
 */
public final class LeaderTask implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(LeaderTask.class);
    /** Numbers of two halves are a room of their own among advisory locks; the locks on job ids are not in it. */
    private static final int LOCKS = 0x6a77;
    private static final Duration AFTER_FAILURE = Duration.ofMinutes(1);
    private static final Duration LONGEST_STEP = Duration.ofMinutes(5);
    private static final Duration END = Duration.ofSeconds(5);
    private static final int ANSWER_SECONDS = 3;

    private final Database database;
    private final String name;
    private final Duration interval;
    private final Duration longestStep;
    private final Work work;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread;
    private @Nullable String trouble;

    /** May run again after it was broken off anywhere. */
    @FunctionalInterface
    public interface Work {
        void run(Turn turn) throws InterruptedException;
    }

    /** How a try ended. */
    enum Outcome {
        DONE,
        /** Another server has its turn. */
        ELSEWHERE,
        FAILED
    }

    /**
     * Made with the work.
     *
     * @param name of the work, the same on all servers
     */
    public LeaderTask(Database database, String name, Duration interval, Work work) {
        this(database, name, interval, LONGEST_STEP, work);
    }

    /** @param longestStep between two {@link Turn#check}s; who takes longer loses the turn */
    LeaderTask(Database database, String name, Duration interval, Duration longestStep, Work work) {
        this.database = database;
        this.name = name;
        this.interval = interval;
        this.longestStep = longestStep;
        this.work = work;
        this.thread = Thread.ofVirtual().name(name).unstarted(this::keepTrying);
    }

    /** Begins, as soon as the database is ready; returns at once. */
    public void start() {
        thread.start();
    }

    private void keepTrying() {
        try {
            database.awaitReady();
            Outcome outcome;
            do {
                outcome = tryTurn();
            } while (!closing.await(pauseAfter(outcome).toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    /** A tenth more or less, so that servers that started together do not ask together for ever. */
    private Duration pauseAfter(Outcome outcome) {
        Duration pause = outcome == Outcome.FAILED && interval.compareTo(AFTER_FAILURE) > 0 ? AFTER_FAILURE : interval;
        return Duration.ofMillis((long) (pause.toMillis() * ThreadLocalRandom.current().nextDouble(0.9, 1.1)));
    }

    /** Does the work, if no other server is doing it. */
    Outcome tryTurn() throws InterruptedException {
        try (Connection connection = database.connect()) {
            if (!isLocked(connection)) {
                return Outcome.ELSEWHERE;
            }
            work.run(new Turn(connection));
            if (trouble != null) {
                log.info("{}_works_again", name);
                trouble = null;
            }
            return Outcome.DONE;
        } catch (SQLException | DatabaseUnavailable e) {
            if (isNews(e)) {
                log.warn("{}_failed retry_in_s={} cause=\"{}\"", name, pauseAfter(Outcome.FAILED).toSeconds(), trouble);
            }
            return Outcome.FAILED;
        } catch (RuntimeException e) {
            if (isNews(e)) {
                log.error("{}_failed", name, e);
            }
            return Outcome.FAILED;
        }
    }

    /** Said once, however often it is tried. What the end of the server breaks off is no trouble. */
    private boolean isNews(Exception e) {
        String cause = Database.rootMessage(e);
        boolean news = !cause.equals(trouble) && closing.getCount() > 0;
        trouble = cause;
        return news;
    }

    /** A server that hangs, or whose machine has gone, loses its turn to another one: PostgreSQL ends its session. */
    private boolean isLocked(Connection connection) throws SQLException {
        try (Statement set = connection.createStatement()) {
            set.execute("set idle_session_timeout = " + longestStep.toMillis());
        }
        try (PreparedStatement lock = connection.prepareStatement("select pg_try_advisory_lock(?, hashtext(?))")) {
            lock.setInt(1, LOCKS);
            lock.setString(2, name);
            try (ResultSet row = lock.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    /** The right to do the work, as long as it lasts. */
    public final class Turn {
        private final Connection connection;

        private Turn(Connection connection) {
            this.connection = connection;
        }

        /**
         * To be asked between the steps of the work, each of which must be harmless even if another server has begun, and
         * take less than five minutes.
         *
         * @throws DatabaseUnavailable if the turn is lost
         * @throws InterruptedException if the server stops
         */
        public void check() throws InterruptedException {
            pause(Duration.ZERO);
            try {
                if (!connection.isValid(ANSWER_SECONDS)) {
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
                throw new InterruptedException(name + " is broken off: the server stops");
            }
        }
    }

    /** Breaks off what is going on: an interrupt ends what a virtual thread waits for, an answer of the database too. */
    @Override
    public void close() {
        closing.countDown();
        thread.interrupt();
        try {
            if (thread.getState() != Thread.State.NEW && !thread.join(END)) {
                log.warn("{}_does_not_end", name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
