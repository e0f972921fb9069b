package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.ops.RetentionClock;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server retention --confirm}: says that the clock is right, so that what is old is deleted. */
final class RetentionCommand {
    private static final String CONFIRM = "--confirm";
    private static final String USAGE = """
            Usage: jobwitness-server retention --confirm [--SETTING VALUE]...

            Says that this machine's clock is right. After a jump of more than a day, as after a long time off, the server
            deletes nothing until as much time has passed, or this is run; it then deletes at its next turn, within an hour.
            The settings DATABASE_URL and JOBWITNESS_DATA_DIR locate the database.
            """;

    private RetentionCommand() {
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int run(List<String> args, Map<String, String> environment, Path dotEnv) {
        if (args.contains("--help") || args.contains("-h")) {
            System.out.print(USAGE);
            return 0;
        }
        if (!args.contains(CONFIRM)) {
            return failed(2, CONFIRM + " is missing; see jobwitness-server retention --help");
        }
        try {
            ServerConfig config = ServerConfig.read(args.stream().filter(arg -> !arg.equals(CONFIRM)).toList(),
                    environment, dotEnv);
            System.out.println("jobwitness-server: expired data is deleted as of "
                    + ServersDatabase.with(config, address -> confirm(config, address)));
            return 0;
        } catch (ServerConfig.BadSetting e) {
            return failed(2, e.getMessage() + "; see jobwitness-server retention --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | IOException e) {
            return failed(1, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(1, "interrupted");
        }
    }

    private static Instant confirm(ServerConfig config, DatabaseAddress address) {
        Clock clock = Clock.systemUTC();
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), clock);
        try (Database database = new Database(address, 2, partitions, new PrometheusRegistry())) {
            database.connectWithoutMigrating();
            Instant now = clock.instant();
            return database.write("retention_confirm", handle -> {
                RetentionClock.confirm(handle, now);
                return now.truncatedTo(ChronoUnit.SECONDS);
            });
        }
    }

    private static int failed(int status, @Nullable String message) {
        System.err.println("jobwitness-server: " + message);
        return status;
    }
}
