package org.jobwitness.server.testing;

import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.Partitions;

/** The databases in one PostgreSQL that the tests of a process share: each who asks gets one of its own. */
public final class Databases {
    /** Files are copied, not logged page by page, which PostgreSQL does by itself before 15. */
    private static final int CHOOSES_STRATEGY = 15;
    private static final int CHOOSES_ITERATIONS = 16;

    private final DatabaseAddress first;
    private final String strategy;
    private final List<String> inUse = new ArrayList<>();
    private DatabaseAddress model;
    private int made;

    /** @param first a database that is always there; nothing is stored in it */
    public Databases(DatabaseAddress first) throws SQLException {
        this.first = first;
        try (var connection = DriverManager.getConnection(first.jdbcUrl(), first.user(), first.password());
                var statement = connection.createStatement()) {
            int version = connection.getMetaData().getDatabaseMajorVersion();
            strategy = version < CHOOSES_STRATEGY ? "" : " STRATEGY file_copy";
            if (version >= CHOOSES_ITERATIONS) {
                // Each connection costs the client 10 ms of CPU time otherwise, and tests make thousands.
                statement.execute("SET scram_iterations = 1");
                statement.execute("ALTER ROLE CURRENT_USER PASSWORD " + statement.enquoteLiteral(first.password()));
            }
        }
    }

    /** A new, empty one. */
    synchronized DatabaseAddress empty() {
        return make("");
    }

    /** A new one as a server leaves it that was started on an empty one now: with its tables, and nothing in them. */
    synchronized DatabaseAddress fresh() {
        if (model == null) {
            model = make("");
            inUse.remove(name(model));
            TestPostgres.open(model, new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()))
                    .close();
        }
        DatabaseAddress copy = copyOf(model);
        // Else a model made before the full hour is one whose hour has to be packed at once.
        execute(copy, "update sample_buffer set activated_at = now()");
        return copy;
    }

    /** A new one with all that is in another one, to which nobody may be connected. */
    synchronized DatabaseAddress copyOf(DatabaseAddress original) {
        return make(" TEMPLATE " + name(original));
    }

    private DatabaseAddress make(String like) {
        made++;
        var name = "test_" + made;
        execute(first, "CREATE DATABASE " + name + like + strategy);
        inUse.add(name);
        return new DatabaseAddress(first.jdbcUrl().replace("/" + name(first) + "?", "/" + name + "?"), first.user(),
                first.password());
    }

    /** Drops those that an earlier process has left in it. */
    public synchronized void dropAllOfEarlierRuns() throws SQLException {
        List<String> left = new ArrayList<>();
        try (var connection = DriverManager.getConnection(first.jdbcUrl(), first.user(), first.password());
                var statement = connection.createStatement();
                var rows = statement.executeQuery("SELECT datname FROM pg_database WHERE datname LIKE 'test_%'")) {
            while (rows.next()) {
                left.add(rows.getString(1));
            }
        }
        // Not WITH (FORCE), which a worker of autovacuum refuses: it belongs to the superuser.
        left.forEach(name -> execute(first, "DROP DATABASE " + name));
    }

    /** Drops all that were given out, but for those that cannot be dropped now: they go the next time. */
    public synchronized void drop() {
        inUse.removeIf(name -> {
            try {
                execute(first, "DROP DATABASE " + name + " WITH (FORCE)");
                return true;
            } catch (IllegalStateException e) {
                // A worker of autovacuum is in it, which is the superuser's.
                return false;
            }
        });
    }

    private static String name(DatabaseAddress database) {
        return database.jdbcUrl().replaceFirst(".*/(\\w+)\\?.*", "$1");
    }

    private static void execute(DatabaseAddress database, String statement) {
        try (var connection = DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password());
                var query = connection.createStatement()) {
            query.execute(statement);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
