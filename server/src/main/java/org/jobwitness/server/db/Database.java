package org.jobwitness.server.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.net.UnknownHostException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfoService;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.Query;
import org.jdbi.v3.core.statement.StatementContext;
import org.jdbi.v3.core.statement.StatementCustomizer;
import org.jdbi.v3.core.transaction.TransactionIsolationLevel;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one door to PostgreSQL. It keeps trying to reach it from the start on, so that the server can run while its
 * database is away; calls answer {@link DatabaseUnavailable} until then. Thread-safe.
 */
public final class Database implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Database.class);
    private static final int ATTEMPTS = 3;
    private static final int FIRST_PARTITIONS = 100;
    private static final int ROWS_OF_A_PORTION = 1000;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(250);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);
    /** A machine that hangs closes no connection. So long may it be silent: a little longer than the server-side timeouts. */
    private static final Duration SILENCE = Duration.ofSeconds(35);
    private static final Duration SILENCE_IN_WRITE = Duration.ofSeconds(8);
    private static final Duration SILENCE_IN_HEALTH = Duration.ofSeconds(3);
    /** A deadlock's victim, a failed serialisation, and a race that a unique index decided: run again, they pass. */
    private static final Set<String> WORTH_ANOTHER_TRY = Set.of("40001", "40P01", "23505");

    /** Connection lost, out of resources, operator intervention (shutdown, start, statement timeout). */
    private static final Set<String> AWAY_CLASSES = Set.of("08", "53", "57");
    /** Read only, idle in a transaction for too long, lock timeout. */
    private static final Set<String> AWAY = Set.of("25006", "25P03", "55P03");

    private final DatabaseAddress address;
    private final Properties properties;
    private final HikariDataSource pool;
    private final Jdbi jdbi;
    private final Partitions partitions;
    private final Thread migrator;
    private final CountDownLatch ready = new CountDownLatch(1);
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Histogram duration;
    private final Counter errors;
    private volatile @Nullable String trouble = "not reached yet";

    /** A block of SQL that answers something. */
    @FunctionalInterface
    public interface Work<T extends @Nullable Object> {
        T run(Handle handle) throws SQLException;
    }

    /**
     * Made; {@link #start} begins.
     *
     * @param partitions the first of them are made, where they are missing, before the database counts as ready
     */
    public Database(DatabaseAddress address, int connections, Partitions partitions, PrometheusRegistry metrics) {
        this.address = address;
        this.partitions = partitions;
        properties = properties(address);
        HikariConfig config = new HikariConfig();
        config.setPoolName("database");
        config.setJdbcUrl(address.jdbcUrl());
        config.setDataSourceProperties(properties);
        config.setMaximumPoolSize(connections);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(2_000);
        config.setValidationTimeout(1_000);
        config.setInitializationFailTimeout(-1);
        pool = new HikariDataSource(config);
        jdbi = Jdbi.create(pool).registerArrayType(String.class, "text").registerArrayType(Integer.class, "int4")
                .registerArrayType(Long.class, "int8").registerArrayType(Double.class, "float8");
        duration = Histogram.builder().name("storage_operation_duration_seconds")
                .help("Time that operations of the database took.").labelNames("operation", "success")
                .classicUpperBounds(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)
                .classicOnly().register(metrics);
        errors = Counter.builder().name("storage_operation_errors_total")
                .help("Operations of the database that failed.")
                .labelNames("operation", "error_type").register(metrics);
        migrator = Thread.ofPlatform().name("database-migrator").daemon().unstarted(this::keepTrying);
    }

    private static Properties properties(DatabaseAddress address) {
        Properties properties = new Properties();
        if (address.user() != null) {
            properties.setProperty("user", address.user());
        }
        if (address.password() != null) {
            properties.setProperty("password", address.password());
        }
        properties.setProperty("ApplicationName", "jobwitness-server");
        properties.setProperty("connectTimeout", "5");
        properties.setProperty("loginTimeout", "5");
        properties.setProperty("socketTimeout", String.valueOf(SILENCE.toSeconds()));
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty("options", "-c statement_timeout=30s -c lock_timeout=5s -c TimeZone=UTC"
                + " -c idle_in_transaction_session_timeout=60s");
        return properties;
    }

    /** Begins to reach for the database; returns at once. */
    public void start() {
        migrator.start();
    }

    /**
     * Reaches for the database once, beside a server or after it: it is read as that server left it, and not set up.
     *
     * @throws DatabaseUnavailable if it cannot be reached, or its tables are of another release
     */
    public void reach() {
        try {
            MigrationInfoService tables = Flyway.configure().dataSource(pool).locations("classpath:db").load().info();
            if (tables.pending().length > 0) {
                throw new DatabaseUnavailable("the tables in " + address.place()
                        + " are of an older release, or not there: start this release's server on it once");
            }
            if (Arrays.stream(tables.applied()).anyMatch(each -> !each.getState().isResolved())) {
                throw new DatabaseUnavailable("the tables in " + address.place()
                        + " are of a newer release: use that release's jobwitness-server");
            }
        } catch (FlywayException e) {
            throw new DatabaseUnavailable(
                    "the database " + address.place() + " cannot be reached: " + rootMessage(e), e);
        }
        ready.countDown();
    }

    private void keepTrying() {
        Duration pause = FIRST_PAUSE;
        long began = System.nanoTime();
        do {
            try {
                Flyway.configure().dataSource(pool).locations("classpath:db").load().migrate();
                makePartitions();
                ready.countDown(); // before the trouble is forgotten: who sees none may ask
                trouble = null;
                log.info("database_ready url={} ms={}", address.place(), (System.nanoTime() - began) / 1_000_000);
                return;
            } catch (RuntimeException e) {
                trouble = rootMessage(e);
                log.warn("database_away url={} retry_in_ms={} cause=\"{}\"", address.place(), pause.toMillis(),
                        trouble);
            }
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
        } while (!closedWithin(pause));
    }

    /** The most urgent: thousands, as for years of samples, would take minutes, and can follow. */
    private void makePartitions() {
        for (Partition partition : jdbi.withHandle(partitions::missing).stream().limit(FIRST_PARTITIONS).toList()) {
            jdbi.inTransaction(handle -> partitions.make(handle, partition));
        }
    }

    private boolean closedWithin(Duration pause) {
        try {
            return closing.await(pause.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    /** Waits until the database has been reached for the first time. */
    void awaitReady() throws InterruptedException {
        ready.await();
    }

    /** A connection beside the pool, for who needs a session of its own; who asked for it closes it. */
    Connection connect() throws SQLException {
        return DriverManager.getConnection(address.jdbcUrl(), properties);
    }

    /** Asks the database. */
    public <T extends @Nullable Object> T read(String operation, Work<T> work) {
        return timed(operation, () -> jdbi.withHandle(work::run));
    }

    /** Asks the database for what may be much: rows come in portions, so that a large answer needs no memory. */
    public <T extends @Nullable Object> T readInPortions(String operation, Work<T> work) {
        return timed(operation, () -> jdbi.inTransaction(handle -> {
            handle.setReadOnly(true);
            return work.run(handle);
        }));
    }

    /** Asks the database several things as of one moment; rows come in portions, so that a large answer needs no memory. */
    public <T extends @Nullable Object> T snapshot(String operation, Work<T> work) {
        return timed(operation, () -> jdbi.inTransaction(TransactionIsolationLevel.REPEATABLE_READ, handle -> {
            handle.setReadOnly(true);
            return work.run(handle);
        }));
    }

    /**
     * Has the rows of a query come in portions, in a transaction, and as numbers from the first time on: a connection that has not
     * seen a query five times would have PostgreSQL write all numbers as text, which takes as long as finding them.
     */
    public static Query inPortions(Query query) {
        return query.setFetchSize(ROWS_OF_A_PORTION).addCustomizer(new StatementCustomizer() {
            @Override
            public void beforeExecution(PreparedStatement statement, StatementContext ctx) throws SQLException {
                statement.unwrap(PGStatement.class).setPrepareThreshold(-1);
            }
        });
    }

    /** Runs the work as one transaction; all of it is durable when this returns. It may run more than once. */
    public <T extends @Nullable Object> T write(String operation, Work<T> work) {
        return write(operation, SILENCE_IN_WRITE, work);
    }

    /** The same for what nobody waits for: each of its statements may take half a minute. */
    public <T extends @Nullable Object> T writeAtLeisure(String operation, Work<T> work) {
        return write(operation, SILENCE, work);
    }

    private <T extends @Nullable Object> T write(String operation, Duration silence, Work<T> work) {
        return timed(operation, () -> {
            for (int attempt = 1;; attempt++) {
                try {
                    return jdbi.inTransaction(handle -> {
                        endAfter(silence, handle);
                        return work.run(handle);
                    });
                } catch (JdbiException | SQLException e) {
                    if (attempt == ATTEMPTS || !WORTH_ANOTHER_TRY.contains(sqlState(e))) {
                        throw e;
                    }
                }
            }
        });
    }

    /** What is wrong with the database; empty when it answers. */
    public Optional<String> trouble() {
        if (ready.getCount() > 0) {
            return Optional.ofNullable(trouble);
        }
        try {
            read("health", handle -> {
                endAfter(SILENCE_IN_HEALTH, handle);
                return handle.createQuery("select 1").mapTo(Integer.class).one();
            });
            return Optional.empty();
        } catch (RuntimeException e) {
            return Optional.of(rootMessage(e));
        }
    }

    /** Until the connection goes back to the pool, which then sets it back to what it was. */
    private static void endAfter(Duration silence, Handle handle) throws SQLException {
        handle.getConnection().setNetworkTimeout(Runnable::run, Math.toIntExact(silence.toMillis()));
    }

    private <T extends @Nullable Object> T timed(String operation, Call<T> call) {
        if (ready.getCount() > 0) {
            throw new DatabaseUnavailable("the database is not ready: " + trouble);
        }
        long began = System.nanoTime();
        boolean success = false;
        try {
            T answer = call.run();
            success = true;
            return answer;
        } catch (JdbiException | SQLException e) {
            boolean away = isAway(e);
            errors.labelValues(operation, away ? "unavailable" : "sql").inc();
            if (away) {
                throw new DatabaseUnavailable("the database does not answer: " + rootMessage(e), e);
            }
            throw new IllegalStateException("database operation " + operation + " failed: " + rootMessage(e), e);
        } catch (RuntimeException e) {
            errors.labelValues(operation, "other").inc();
            throw e;
        } finally {
            duration.labelValues(operation, String.valueOf(success)).observe((System.nanoTime() - began) / 1e9);
        }
    }

    @FunctionalInterface
    private interface Call<T extends @Nullable Object> {
        T run() throws SQLException;
    }

    /**
     * No connection, a lost one, a database that shuts down or starts up, is out of room, is a standby, or has not come
     * to our turn in time: what passes, so that the same call may be sent again.
     */
    private static boolean isAway(Throwable e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof SQLTransientConnectionException) {
                return true;
            }
            String state = t instanceof SQLException sql ? sql.getSQLState() : null;
            if (state != null && (AWAY.contains(state) || AWAY_CLASSES.stream().anyMatch(state::startsWith))) {
                return true;
            }
        }
        return false;
    }

    /** Whether somebody else held a lock for longer than this may wait. */
    public static boolean isLockTimeout(Throwable e) {
        return sqlState(e).equals("55P03");
    }

    static String sqlState(Throwable e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof SQLException sql && sql.getSQLState() != null) {
                return sql.getSQLState();
            }
        }
        return "";
    }

    static String rootMessage(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        if (root instanceof UnknownHostException) { // whose message is the name alone
            return "no address is known of host " + message;
        }
        return message.lines().findFirst().orElse(message);
    }

    @Override
    public void close() {
        closing.countDown();
        pool.close();
    }
}
