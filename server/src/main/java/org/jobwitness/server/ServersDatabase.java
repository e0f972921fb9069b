package org.jobwitness.server;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.embedded.EmbeddedPostgres;

/** The database of a server for a command beside it, whether the server runs or not. */
final class ServersDatabase {
    private static final Duration POSTGRES_START_TIMEOUT = Duration.ofMinutes(10);

    private ServersDatabase() {
    }

    /** What is done with it. */
    @FunctionalInterface
    interface Work<T, X extends Exception> {
        T with(DatabaseAddress address) throws X, IOException;
    }

    /** Does some work; an embedded PostgreSQL that no server runs is started for it, and stopped however it ends. */
    static <T, X extends Exception> T with(ServerConfig config, Work<T, X> work)
            throws X, IOException, InterruptedException {
        Optional<DatabaseAddress> known = config.database().isPresent()
                ? config.database()
                : EmbeddedPostgres.running(config.dataDir());
        return known.isPresent() ? work.with(known.get()) : withOwn(config, work);
    }

    /** Does some work where no server may run and there may be no database yet: an embedded PostgreSQL makes one. */
    static <T, X extends Exception> T withoutServer(ServerConfig config, Work<T, X> work)
            throws X, IOException, InterruptedException {
        return config.database().isPresent() ? work.with(config.database().get()) : withOwn(config, work);
    }

    private static <T, X extends Exception> T withOwn(ServerConfig config, Work<T, X> work)
            throws X, IOException, InterruptedException {
        try (EmbeddedPostgres own = EmbeddedPostgres.start(config.dataDir(), POSTGRES_START_TIMEOUT)) {
            Runtime.getRuntime().addShutdownHook(new Thread(own::close, "shutdown"));
            return work.with(own.address());
        }
    }
}
