package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.report.FactsExport;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server facts export}: what is known of each ended run, as a Parquet file for each day. */
final class FactsCommand {
    private static final String USAGE = """
            Usage: jobwitness-server facts export FOLDER [--from DAY] [--to DAY] [--again] [--SETTING VALUE]...

            Writes facts-DAY.parquet for each day: the runs that ended on it (UTC), how they ended, what they had and used; beside a
            running server or without one. Days whose file is there are left out, unless --again is given. The default is all
            days of which runs are kept, up to yesterday; --to is not written. It may be interrupted and run again.
            The settings DATABASE_URL and JOBWITNESS_DATA_DIR locate the database.
            """;

    private FactsCommand() {
    }

    /** What was typed wrong. */
    private static final class BadUsage extends Exception {
        private static final long serialVersionUID = 1L;

        BadUsage(String message) {
            super(message);
        }
    }

    /** @param days by option */
    private record Arguments(Path folder, Map<String, LocalDate> days, boolean again, List<String> settings) {

        static Arguments of(List<String> args) throws BadUsage {
            if (args.size() < 2 || !args.getFirst().equals("export") || args.get(1).startsWith("-")) {
                throw new BadUsage("export and a folder are missing");
            }
            Map<String, LocalDate> days = new HashMap<>();
            List<String> settings = new ArrayList<>();
            boolean again = false;
            for (int i = 2; i < args.size(); i++) {
                String[] parts = args.get(i).split("=", 2);
                if (parts[0].equals("--again")) {
                    again = true;
                } else if (parts[0].equals("--from") || parts[0].equals("--to")) {
                    boolean isNext = parts.length == 1;
                    if (isNext && i + 1 == args.size()) {
                        throw new BadUsage(parts[0] + " needs a value");
                    }
                    days.put(parts[0], day(parts[0], isNext ? args.get(++i) : parts[1]));
                } else {
                    settings.add(args.get(i));
                }
            }
            return new Arguments(folder(args.get(1)), days, again, settings);
        }

        private static Path folder(String text) throws BadUsage {
            try {
                return Path.of(text);
            } catch (InvalidPathException e) {
                throw new BadUsage("the folder is no path: " + e.getReason());
            }
        }

        private static LocalDate day(String option, String text) throws BadUsage {
            try {
                return LocalDate.parse(text);
            } catch (DateTimeException e) {
                throw new BadUsage(option + " must be a day such as 2026-11-30");
            }
        }
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int run(List<String> args, Map<String, String> environment, Path dotEnv) {
        if (args.contains("--help") || args.contains("-h")) {
            System.out.print(USAGE);
            return 0;
        }
        try {
            Arguments arguments = Arguments.of(args);
            ServerConfig config = ServerConfig.read(arguments.settings(), environment, dotEnv);
            ServersDatabase.with(config, address -> export(arguments, config, address));
            return 0;
        } catch (BadUsage | ServerConfig.BadSetting e) {
            return failed(2, e.getMessage() + "; see jobwitness-server facts --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | IOException e) {
            return failed(1, e.toString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(1, "interrupted");
        }
    }

    private static boolean export(Arguments arguments, ServerConfig config, DatabaseAddress address)
            throws IOException {
        Clock clock = Clock.systemUTC();
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), clock);
        try (Database database = new Database(address, 2, partitions, new PrometheusRegistry())) {
            database.connectWithoutMigrating();
            FactsExport facts = new FactsExport(database);
            LocalDate today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
            Optional<LocalDate> kept = facts.firstDay();
            LocalDate first = kept.orElse(today);
            LocalDate from = arguments.days().getOrDefault("--from", first);
            facts.write(arguments.folder(), from.isBefore(first) ? first : from,
                    arguments.days().getOrDefault("--to", today), arguments.again(), (day, runs) -> System.out
                            .println(day + ": " + (runs < 0 ? "is there" : runs + " runs")));
            return true;
        }
    }

    private static int failed(int status, @Nullable String message) {
        System.err.println("jobwitness-server: " + message);
        return status;
    }
}
