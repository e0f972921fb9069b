package org.jobwitness.server.db;

import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;

/** The databases in one PostgreSQL that the tests of a process share: each who asks gets one of its own. */
final class Databases {
    private final DatabaseAddress first;
    private DatabaseAddress model;
    private int made;

    /** @param first a database that is always there; nothing is stored in it */
    Databases(DatabaseAddress first) {
        this.first = first;
    }

    /** A new, empty one. */
    synchronized DatabaseAddress empty() {
        return make("");
    }

    /** A new one as a server leaves it that was started on an empty one: with its tables, and nothing in them. */
    synchronized DatabaseAddress fresh() {
        if (model == null) {
            model = make("");
            TestPostgres.open(model, new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()))
                    .close();
        }
        return copyOf(model);
    }

    /** A new one with all that is in another one, to which nobody may be connected. */
    synchronized DatabaseAddress copyOf(DatabaseAddress original) {
        return make(" TEMPLATE " + name(original));
    }

    private DatabaseAddress make(String like) {
        made++;
        var name = "test_" + made;
        execute("CREATE DATABASE " + name + like);
        return new DatabaseAddress(first.jdbcUrl().replace("/" + name(first) + "?", "/" + name + "?"), first.user(),
                first.password());
    }

    private static String name(DatabaseAddress database) {
        return database.jdbcUrl().replaceFirst(".*/(\\w+)\\?.*", "$1");
    }

    private void execute(String statement) {
        try (var connection = DriverManager.getConnection(first.jdbcUrl(), first.user(), first.password());
                var query = connection.createStatement()) {
            query.execute(statement);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
