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
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.MigrationInfoService;
import org.flywaydb.core.api.MigrationVersion;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.Query;
import org.jdbi.v3.core.statement.StatementContext;
import org.jdbi.v3.core.statement.StatementCustomizer;
import org.jdbi.v3.core.transaction.TransactionIsolationLevel;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;
import org.postgresql.util.PSQLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only access to PostgreSQL. It connects in the background and retries, so that the server can run while its database is
 * unavailable; until then, calls throw {@link DatabaseUnavailable}. Thread-safe.
 */
public final class Database implements AutoCloseable {
    /** What PostgreSQL shows as the name of a server's connections. */
    public static final String SERVER = "jobwitness-server";

    private static final Logger log = LoggerFactory.getLogger(Database.class);
    private static final int ATTEMPTS = 3;
    private static final int FIRST_PARTITIONS = 100;
    private static final int FETCH_SIZE = 1000;
    private static final Duration MIN_PAUSE = Duration.ofMillis(250);
    private static final Duration MAX_PAUSE = Duration.ofSeconds(10);
    /** A machine that hangs closes no connection. A little longer than the timeouts on PostgreSQL's side. */
    private static final Duration SOCKET_TIMEOUT = Duration.ofSeconds(35);
    private static final Duration WRITE_SOCKET_TIMEOUT = Duration.ofSeconds(8);
    private static final Duration HEALTH_SOCKET_TIMEOUT = Duration.ofSeconds(3);
    /** Serialization failure, deadlock, and races that a unique index or a foreign key decided: they pass when run again. */
    private static final Set<String> RETRYABLE = Set.of("40001", "40P01", "23505", "23503");

    /** Connection lost, out of resources, operator intervention (shutdown, start, statement timeout). */
    private static final Set<String> UNAVAILABLE_CLASSES = Set.of("08", "53", "57");
    /** Read only, idle in a transaction for too long, lock timeout. */
    private static final Set<String> UNAVAILABLE = Set.of("25006", "25P03", "55P03");

    /** A full disk, read only, an I/O error. */
    private static final Set<String> REFUSES_WRITES = Set.of("53100", "25006", "58030");

    /** Then it may have room again, and a server that is not ready gets no writes to see it by. */
    private static final Duration REFUSAL_TTL = Duration.ofMinutes(1);

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
    private volatile @Nullable String problem = "not reached yet";
    /** Null if the last write was not refused. */
    private volatile @Nullable RefusedWrite refusedWrite;

    /** @param at nanoTime */
    private record RefusedWrite(String cause, long at) {
    }

    /** A block of SQL with a result. */
    @FunctionalInterface
    public interface Work<T extends @Nullable Object> {
        T run(Handle handle) throws SQLException;
    }

    /**
     * Prepares the pool; {@link #start} connects.
     *
     * @param partitions the most urgent missing ones are created before the database counts as ready
     */
    public Database(DatabaseAddress address, int connections, Partitions partitions, PrometheusRegistry metrics) {
        this(address, connections, partitions, metrics, SERVER);
    }

    /** @param application what PostgreSQL shows as the name of its connections */
    public Database(DatabaseAddress address, int connections, Partitions partitions, PrometheusRegistry metrics,
            String application) {
        this.address = address;
        this.partitions = partitions;
        properties = properties(address, application);
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
        migrator = Thread.ofPlatform().name("database-migrator").daemon().unstarted(this::migrateUntilReady);
    }

    private static Properties properties(DatabaseAddress address, String application) {
        Properties properties = new Properties();
        if (address.user() != null) {
            properties.setProperty("user", address.user());
        }
        if (address.password() != null) {
            properties.setProperty("password", address.password());
        }
        properties.setProperty("ApplicationName", application);
        properties.setProperty("connectTimeout", "5");
        properties.setProperty("loginTimeout", "5");
        properties.setProperty("socketTimeout", String.valueOf(SOCKET_TIMEOUT.toSeconds()));
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty("options", "-c statement_timeout=30s -c lock_timeout=5s -c TimeZone=UTC"
                + " -c idle_in_transaction_session_timeout=60s");
        return properties;
    }

    /** Starts to connect in the background; returns at once. */
    public void start() {
        migrator.start();
    }

    /**
     * Connects once, without migrating: for what is done beside a server, whether it runs or not.
     *
     * @throws DatabaseUnavailable if it cannot be reached, or its tables are of another release
     */
    public void connectWithoutMigrating() {
        try {
            MigrationInfoService tables = tables();
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

    /**
     * Connects once, and makes the tables as they were in a version, or brings older ones there: for what is done without a
     * server.
     *
     * @param version as {@link #schema} returns it
     * @throws DatabaseUnavailable if it cannot be reached, or its tables are newer, or of a version that this release does not know
     */
    public void connectAndMigrateTo(String version) {
        try {
            MigrationVersion target = MigrationVersion.fromVersion(version);
            MigrationInfo current = tables().current();
            if ((current != null && current.getVersion().isNewerThan(target))
                    || Arrays.stream(tables().all()).noneMatch(each -> target.equals(each.getVersion()))) {
                throw new DatabaseUnavailable("the tables in " + address.place() + " are not of the version " + version
                        + " that is needed, and cannot be made so by this release");
            }
            Flyway.configure().dataSource(pool).locations("classpath:db").target(target).load().migrate();
        } catch (FlywayException e) {
            throw new DatabaseUnavailable(
                    "the database " + address.place() + " cannot be reached: " + rootMessage(e), e);
        }
        ready.countDown();
    }

    private MigrationInfoService tables() {
        return Flyway.configure().dataSource(pool).locations("classpath:db").load().info();
    }

    /** The version of the tables: that of the last migration. */
    public String schema() {
        MigrationInfo current = tables().current();
        if (current == null) {
            throw new DatabaseUnavailable("there are no tables in " + address.place());
        }
        return current.getVersion().getVersion();
    }

    private void migrateUntilReady() {
        Duration pause = MIN_PAUSE;
        long began = System.nanoTime();
        do {
            try {
                Flyway.configure().dataSource(pool).locations("classpath:db").load().migrate();
                makePartitions();
                ready.countDown(); // before the problem is cleared: who sees none may use the database
                problem = null;
                log.info("database_ready url={} ms={}", address.place(), (System.nanoTime() - began) / 1_000_000);
                return;
            } catch (RuntimeException e) {
                problem = rootMessage(e);
                log.warn("database_unavailable url={} retry_in_ms={} cause=\"{}\"", address.place(), pause.toMillis(),
                        problem);
            }
            pause = pause.multipliedBy(2).compareTo(MAX_PAUSE) > 0 ? MAX_PAUSE : pause.multipliedBy(2);
        } while (!closedWithin(pause));
    }

    /** The most urgent ones only: thousands, as for years of samples, would take minutes, and can follow. */
    private void makePartitions() {
        for (Partition partition : jdbi.withHandle(partitions::missing).stream().limit(FIRST_PARTITIONS).toList()) {
            jdbi.inTransaction(handle -> Partitions.create(handle, partition));
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

    /** Waits until the database is ready for the first time. */
    void awaitReady() throws InterruptedException {
        ready.await();
    }

    /** A connection outside the pool, for a session of its own; the caller closes it. */
    Connection connect() throws SQLException {
        return DriverManager.getConnection(address.jdbcUrl(), properties);
    }

    public <T extends @Nullable Object> T read(String operation, Work<T> work) {
        return timed(operation, () -> jdbi.withHandle(work::run));
    }

    /** A large result, read with a cursor: it needs no memory. Its queries are made with {@link #streaming}. */
    public <T extends @Nullable Object> T readStreaming(String operation, Work<T> work) {
        return timed(operation, () -> jdbi.inTransaction(handle -> {
            handle.setReadOnly(true);
            return work.run(handle);
        }));
    }

    /** Several queries that see the same moment; each may be {@link #streaming}. */
    public <T extends @Nullable Object> T snapshot(String operation, Work<T> work) {
        return timed(operation, () -> jdbi.inTransaction(TransactionIsolationLevel.REPEATABLE_READ, handle -> {
            handle.setReadOnly(true);
            return work.run(handle);
        }));
    }

    /**
     * Fetches the rows with a cursor, in a transaction, and in binary from the first execution on: pgjdbc by default prepares a
     * statement after five executions only, and until then numbers come as text, which takes as long as finding them.
     */
    public static Query streaming(Query query) {
        return query.setFetchSize(FETCH_SIZE).addCustomizer(new StatementCustomizer() {
            @Override
            public void beforeExecution(PreparedStatement statement, StatementContext ctx) throws SQLException {
                statement.unwrap(PGStatement.class).setPrepareThreshold(-1);
            }
        });
    }

    /** Runs the work as one transaction, which is durable when this returns. The work may run more than once. */
    public <T extends @Nullable Object> T write(String operation, Work<T> work) {
        return write(operation, WRITE_SOCKET_TIMEOUT, work);
    }

    /** The same where no request waits: each of its statements may take half a minute. */
    public <T extends @Nullable Object> T writeInBackground(String operation, Work<T> work) {
        return write(operation, SOCKET_TIMEOUT, work);
    }

    private <T extends @Nullable Object> T write(String operation, Duration socketTimeout, Work<T> work) {
        return timed(operation, () -> {
            for (int attempt = 1;; attempt++) {
                try {
                    T result = jdbi.inTransaction(handle -> {
                        setSocketTimeout(handle, socketTimeout);
                        return work.run(handle);
                    });
                    refusedWrite = null;
                    return result;
                } catch (JdbiException | SQLException e) {
                    if (REFUSES_WRITES.contains(sqlState(e))) {
                        refusedWrite = new RefusedWrite(rootMessage(e), System.nanoTime());
                    }
                    if (attempt == ATTEMPTS || (!RETRYABLE.contains(sqlState(e)) && !isWithoutPartition(e))) {
                        throw e;
                    }
                    if (isWithoutPartition(e)) {
                        makePartitions();
                    }
                }
            }
        });
    }

    /** What is wrong with the database; empty if it responds. */
    public Optional<String> problem() {
        if (ready.getCount() > 0) {
            return Optional.ofNullable(problem);
        }
        try {
            read("health", handle -> {
                setSocketTimeout(handle, HEALTH_SOCKET_TIMEOUT);
                return handle.createQuery("select 1").mapTo(Integer.class).one();
            });
            return Optional.empty();
        } catch (RuntimeException e) {
            return Optional.of(rootMessage(e));
        }
    }

    /** Why the database refused the last write, such as for a full disk; empty if it took it, or that was a while ago. */
    public Optional<String> writeProblem() {
        RefusedWrite refused = refusedWrite;
        return refused == null || System.nanoTime() - refused.at > REFUSAL_TTL.toNanos()
                ? Optional.empty()
                : Optional.of(refused.cause);
    }

    /** Until the connection goes back to the pool, which resets it. */
    private static void setSocketTimeout(Handle handle, Duration timeout) throws SQLException {
        handle.getConnection().setNetworkTimeout(Runnable::run, Math.toIntExact(timeout.toMillis()));
    }

    private <T extends @Nullable Object> T timed(String operation, Call<T> call) {
        if (ready.getCount() > 0) {
            throw new DatabaseUnavailable("the database is not ready: " + problem);
        }
        long began = System.nanoTime();
        boolean success = false;
        try {
            T result = call.run();
            success = true;
            return result;
        } catch (JdbiException | SQLException e) {
            boolean unavailable = isUnavailable(e);
            errors.labelValues(operation, unavailable ? "unavailable" : "sql").inc();
            if (unavailable) {
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
     * No connection or a lost one, a database that shuts down, starts, is full or a standby, and a lock timeout: all of these
     * pass, so that the same call may be repeated.
     */
    private static boolean isUnavailable(Throwable e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof SQLTransientConnectionException) {
                return true;
            }
            String state = t instanceof SQLException sql ? sql.getSQLState() : null;
            if (state != null
                    && (UNAVAILABLE.contains(state) || UNAVAILABLE_CLASSES.stream().anyMatch(state::startsWith))) {
                return true;
            }
        }
        return false;
    }

    /** Whether another session held a lock for longer than {@code lock_timeout}. */
    public static boolean isLockTimeout(Throwable e) {
        return sqlState(e).equals("55P03");
    }

    /** A row of a time for which there is no partition: the clock has been set by more than is made ahead, or back. */
    private static boolean isWithoutPartition(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            // PostgreSQL has the same state for every violated check, and its message may be in any language.
            if (cause instanceof PSQLException ours && ours.getServerErrorMessage() != null) {
                return "ExecFindPartition".equals(ours.getServerErrorMessage().getRoutine());
            }
        }
        return false;
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
