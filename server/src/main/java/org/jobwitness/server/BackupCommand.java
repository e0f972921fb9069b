package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jobwitness.server.access.Tokens;
import org.jobwitness.server.backup.Backup;
import org.jobwitness.server.backup.Progress;
import org.jobwitness.server.backup.Restore;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server backup} and {@code restore}: all that a server keeps, as one file. */
final class BackupCommand {
    private static final String USAGE = """
            Usage: jobwitness-server backup FILE [--without-samples] [--SETTING VALUE]...
                   jobwitness-server restore FILE [--SETTING VALUE]...

            backup   writes all that the database keeps, and the tokens, to a file, beside a running server or without one.
                     --without-samples leaves out the samples behind the charts, which are most of it.
            restore  reads it into an empty database: where no server has recorded a job. PostgreSQL's version may be another.
                     Stop the server first, and run it as the server's user. If it is interrupted, nothing is changed.

            The settings DATABASE_URL and JOBWITNESS_DATA_DIR locate the database and the tokens.
            """;
    private static final String WITHOUT_SAMPLES = "--without-samples";
    private static final Duration BETWEEN_LINES = Duration.ofSeconds(5);

    private BackupCommand() {
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int backup(List<String> args, Map<String, String> environment, Path dotEnv) {
        return run("backup", args, environment, dotEnv);
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int restore(List<String> args, Map<String, String> environment, Path dotEnv) {
        return run("restore", args, environment, dotEnv);
    }

    private static int run(String command, List<String> args, Map<String, String> environment, Path dotEnv) {
        if (args.contains("--help") || args.contains("-h")) {
            System.out.print(USAGE);
            return 0;
        }
        if (args.isEmpty() || args.getFirst().startsWith("-")) {
            return failed(2, "the file is missing; see jobwitness-server " + command + " --help");
        }
        List<String> settings = new ArrayList<>(args.subList(1, args.size()));
        boolean isBackup = command.equals("backup");
        boolean withSamples = !(isBackup && settings.remove(WITHOUT_SAMPLES));
        try {
            Path file = Path.of(args.getFirst()).toAbsolutePath();
            ServerConfig config = ServerConfig.read(settings, environment, dotEnv);
            System.out.println(isBackup ? backup(config, file, withSamples) : restore(config, file));
            return 0;
        } catch (InvalidPathException e) {
            return failed(2, "the file must be a path, was " + Printable.shown(args.getFirst()));
        } catch (ServerConfig.BadSetting e) {
            return failed(2, e.getMessage() + "; see jobwitness-server " + command + " --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | Restore.Refused | IllegalStateException e) {
            return failed(1, e.getMessage());
        } catch (IOException e) {
            return failed(1, command + " failed: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(1, "interrupted");
        }
    }

    private static String backup(ServerConfig config, Path file, boolean withSamples)
            throws IOException, InterruptedException {
        return ServersDatabase.with(config, address -> {
            try (Database database = database(config, address, Database.SERVER + " backup")) {
                database.connectWithoutMigrating();
                long rows = new Backup(database, new Json(), Server.version(), new Lines()).write(file, withSamples,
                        Tokens.files(config.dataDir()));
                return String.format(Locale.ROOT, "%,d rows are in %s", rows, file);
            }
        });
    }

    private static String restore(ServerConfig config, Path file)
            throws IOException, InterruptedException, Restore.Refused {
        try (Restore restore = Restore.open(file, new Json())) {
            System.out.println(restore.about());
            return ServersDatabase.<String, Restore.Refused>withoutServer(config, address -> {
                try (Database database = database(config, address, Database.SERVER + " restore")) {
                    database.connectAndMigrateTo(restore.schema());
                    restore.into(database, Tokens.files(config.dataDir()), new Lines());
                    return "restored; start the server";
                }
            });
        }
    }

    private static Database database(ServerConfig config, DatabaseAddress address, String application) {
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), Clock.systemUTC());
        return new Database(address, 2, partitions, new PrometheusRegistry(), application);
    }

    /** A line for each table, and every few seconds for one that takes long. */
    private static final class Lines implements Progress {
        private long next = System.nanoTime() + BETWEEN_LINES.toNanos();

        @Override
        public void bytes(String table, long bytes) {
            long now = System.nanoTime();
            if (now - next >= 0) {
                System.out.println(String.format(Locale.ROOT, "%-18s %,15d MB ...", table, bytes / 1_000_000));
                next = now + BETWEEN_LINES.toNanos();
            }
        }

        @Override
        public void done(String table, long rows) {
            System.out.println(String.format(Locale.ROOT, "%-18s %,15d rows", table, rows));
        }
    }

    private static int failed(int status, @Nullable String message) {
        System.err.println("jobwitness-server: " + message);
        return status;
    }
}
