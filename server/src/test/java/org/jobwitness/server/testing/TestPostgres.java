package org.jobwitness.server.testing;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.ScratchPostgres;

/**
 * PostgreSQL for tests: one for each test process, started when a test first asks, and a database of its own for each
 * who asks.
 */
public final class TestPostgres {
    private static ScratchPostgres shared;

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

    static Databases databases() {
        return shared().databases();
    }

    /** Spares a server the unpacking that will start its own PostgreSQL in a folder, for the first time. */
    public static void lendPrograms(Path dataFolder) throws IOException {
        shared().lendPrograms(dataFolder);
    }

    private static synchronized ScratchPostgres shared() {
        try {
            if (shared == null) {
                shared = ScratchPostgres.newest().untilTheEnd();
            }
            return shared;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Those that were given out. */
    static synchronized void dropDatabases() {
        if (shared != null) {
            shared.databases().drop();
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
}
