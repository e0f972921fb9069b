package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.notice.DryRun;
import org.jobwitness.server.verdict.EvidenceReader;
import org.jobwitness.server.verdict.JobFindings;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server notices --dry-run}: what users would have been told. */
final class NoticesCommand {
    private static final String USAGE = """
            Usage: jobwitness-server notices --dry-run --from DAY --to DAY [--SETTING VALUE]...

            Prints which messages users would have got about the runs that ended in a time, and sends none. DAY is such as 2026-11-23,
            in UTC, or a time such as 2026-11-23T08:00:00Z; the end itself is not included. A run is judged by what is known at its
            end: of a GPU that was idle and worked later, its user would have been told, too.
            The settings DATABASE_URL and JOBWITNESS_DATA_DIR locate the database; NOTICE_... and VERDICT_... are as for the server.
            """;

    private NoticesCommand() {
    }

    private record Asked(Instant from, Instant to, List<String> settings) {
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int run(List<String> args, Map<String, String> environment, Path dotEnv) {
        if (args.contains("--help") || args.contains("-h")) {
            System.out.print(USAGE);
            return 0;
        }
        try {
            Asked asked = asked(args);
            ServerConfig config = ServerConfig.read(asked.settings(), environment, dotEnv);
            ServersDatabase.with(config, address -> print(config, address, asked));
            return 0;
        } catch (ServerConfig.BadSetting e) {
            return failed(2, e.getMessage() + "; see jobwitness-server notices --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | IOException e) {
            return failed(1, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(1, "interrupted");
        }
    }

    private static Asked asked(List<String> args) throws ServerConfig.BadSetting {
        List<String> rest = new ArrayList<>(args);
        if (!rest.remove("--dry-run")) {
            throw new ServerConfig.BadSetting("--dry-run is missing: messages are sent by the server alone");
        }
        Instant from = time(rest, "--from");
        Instant to = time(rest, "--to");
        if (!from.isBefore(to)) {
            throw new ServerConfig.BadSetting("--from must be before --to");
        }
        return new Asked(from, to, rest);
    }

    private static Instant time(List<String> args, String name) throws ServerConfig.BadSetting {
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i).equals(name) && i + 1 < args.size()) {
                args.remove(i);
                return time(name, args.remove(i));
            }
            if (args.get(i).startsWith(name + "=")) {
                return time(name, args.remove(i).substring(name.length() + 1));
            }
        }
        throw new ServerConfig.BadSetting(name + " is missing");
    }

    private static Instant time(String name, String text) throws ServerConfig.BadSetting {
        try {
            return text.contains("T")
                    ? Instant.parse(text)
                    : LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
        } catch (DateTimeException e) {
            throw new ServerConfig.BadSetting(name + " must be a day such as 2026-11-23, or a time such as"
                    + " 2026-11-23T08:00:00Z");
        }
    }

    private static boolean print(ServerConfig config, DatabaseAddress address, Asked asked) {
        Clock clock = Clock.systemUTC();
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), clock);
        try (Database database = new Database(address, 2, partitions, new PrometheusRegistry())) {
            database.connectWithoutMigrating();
            JobFindings findings = new JobFindings(new EvidenceReader(database, clock), config.thresholds());
            new DryRun(config.notices(), database, findings, new Json()).print(asked.from(), asked.to(), System.out);
            return true;
        }
    }

    private static int failed(int status, @Nullable String message) {
        System.err.println("jobwitness-server: " + message);
        return status;
    }
}
