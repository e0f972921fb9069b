package org.jobwitness.server.db;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import org.jobwitness.server.Waiting;
import org.jobwitness.server.embedded.EmbeddedPostgres;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.embedded.PostgresData;
import org.jobwitness.server.embedded.PostgresFolder;

/**
 * PostgreSQL for tests: one for each test process, started when a test first asks, and a database of its own for each
 * who asks. Its folder stays in target, so that only the first run after a clean has to make it.
 */
public final class TestPostgres {
    private static final int FOLDERS = 20;
    private static EmbeddedPostgres running;
    private static Databases databases;

    private TestPostgres() {
    }

    /** A new, empty database. */
    public static DatabaseAddress emptyDatabase() {
        return databases().empty();
    }

    /** A new database with the server's tables, and nothing in them. */
    public static DatabaseAddress freshDatabase() {
        return databases().fresh();
    }

    /** A new database with all that is in another one, which must have no connections. */
    public static DatabaseAddress copyOf(DatabaseAddress original) {
        return databases().copyOf(original);
    }

    static synchronized Databases databases() {
        try {
            if (databases == null) {
                running = start();
                Runtime.getRuntime().addShutdownHook(new Thread(running::close));
                dropDatabasesOfEarlierRuns();
                databases = new Databases(running.address());
            }
            return databases;
        } catch (IOException | SQLException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Those that were given out. */
    static synchronized void dropDatabases() {
        if (databases != null) {
            databases.drop();
        }
    }

    /** A database with the server's tables in it, ready. */
    public static Database open(DatabaseAddress address, Partitions partitions) {
        var database = new Database(address, 10, partitions, new PrometheusRegistry());
        database.start();
        try {
            Waiting.until("the database is ready", Duration.ofMinutes(1), () -> database.problem().toString(),
                    () -> database.problem().isEmpty());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
        return database;
    }

    /** Test processes that run side by side each take a folder that no other holds. */
    private static EmbeddedPostgres start() throws IOException, InterruptedException {
        var refused = new ArrayList<EmbeddedPostgresException>();
        for (var number = 1; number <= FOLDERS; number++) {
            try {
                var folder = Path.of("target", "test-postgres-" + number);
                var postgres = EmbeddedPostgres.start(folder, Duration.ofMinutes(2));
                keepLogSmall(PostgresData.locate(new PostgresFolder(folder)));
                return postgres;
            } catch (EmbeddedPostgresException e) {
                if (!e.getMessage().contains("in use by another")) {
                    throw e;
                }
                refused.add(e);
            }
        }
        throw refused.getLast();
    }

    /** Each database that is made goes through the write-ahead log, of which PostgreSQL keeps 1 GB if it is not told. */
    private static void keepLogSmall(Path data) throws IOException, InterruptedException {
        Files.writeString(data.resolve("postgresql.auto.conf"), "max_wal_size = 256MB\n");
        var postmaster = Files.readAllLines(data.resolve("postmaster.pid")).getFirst();
        new ProcessBuilder("kill", "-HUP", postmaster).start().waitFor();
    }

    private static void dropDatabasesOfEarlierRuns() throws SQLException {
        var left = new ArrayList<String>();
        try (var connection = connect();
                var statement = connection.createStatement();
                var rows = statement.executeQuery("SELECT datname FROM pg_database WHERE datname LIKE 'test_%'")) {
            while (rows.next()) {
                left.add(rows.getString(1));
            }
        }
        for (var name : left) {
            // Not WITH (FORCE), which a worker of autovacuum refuses: it belongs to the superuser.
            execute("DROP DATABASE " + name);
        }
    }

    private static void execute(String statement) throws SQLException {
        try (var connection = connect(); var query = connection.createStatement()) {
            query.execute(statement);
        }
    }

    private static Connection connect() throws SQLException {
        var address = running.address();
        return DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
    }
}
