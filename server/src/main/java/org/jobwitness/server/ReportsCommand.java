package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.report.DaySums;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server reports rebuild}: makes the sums of reports anew from the runs. */
final class ReportsCommand {
    private static final String REBUILD = "rebuild";
    private static final String USAGE = """
            Usage: jobwitness-server reports rebuild [--SETTING VALUE]...

            Makes the sums of reports anew from the runs that are kept, day by day, beside a running server or without one. Days
            of which JOB_RETENTION_DAYS has deleted runs stay as they are. It may be interrupted and run again.
            The settings DATABASE_URL and JOBWITNESS_DATA_DIR locate the database.
            """;

    private ReportsCommand() {
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int run(List<String> args, Map<String, String> environment, Path dotEnv) {
        if (args.contains("--help") || args.contains("-h")) {
            System.out.print(USAGE);
            return 0;
        }
        if (args.isEmpty() || !args.getFirst().equals(REBUILD)) {
            return failed(2, REBUILD + " is missing; see jobwitness-server reports --help");
        }
        try {
            ServerConfig config = ServerConfig.read(args.subList(1, args.size()), environment, dotEnv);
            ServersDatabase.with(config, address -> rebuild(config, address)).ifPresent(day -> System.out
                    .println("up to " + day + " the sums stay as they are: some of their runs are deleted"));
            return 0;
        } catch (ServerConfig.BadSetting e) {
            return failed(2, e.getMessage() + "; see jobwitness-server reports --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | IOException e) {
            return failed(1, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(1, "interrupted");
        }
    }

    private static Optional<LocalDate> rebuild(ServerConfig config, DatabaseAddress address) {
        Clock clock = Clock.systemUTC();
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), clock);
        try (Database database = new Database(address, 2, partitions, new PrometheusRegistry())) {
            database.connectWithoutMigrating();
            return new DaySums(database, config.metricsRetention(), clock)
                    .rebuild((day, runs) -> System.out.println(day + ": " + runs + " runs"));
        }
    }

    private static int failed(int status, @Nullable String message) {
        System.err.println("jobwitness-server: " + message);
        return status;
    }
}
