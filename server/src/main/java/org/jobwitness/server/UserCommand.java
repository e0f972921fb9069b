package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Printable;
import org.jobwitness.server.privacy.Person;
import org.jobwitness.server.privacy.UserErasure;
import org.jobwitness.server.privacy.UserExport;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server user}: all that is kept of a person, as a file, or erased. */
final class UserCommand {
    private static final String USAGE = """
            Usage: jobwitness-server user export USER --output FILE [--cluster NAME] [--uid UID] [--SETTING VALUE]...
                   jobwitness-server user erase USER --confirm [--cluster NAME] [--uid UID] [--SETTING VALUE]...

            export  writes all that is kept of a user to a zip file of JSON lines: runs with what they used, their audit trail,
                    sums of reports, sessions, links and sign-ins. The samples behind charts: jobwitness-server export.
            erase   takes the user out of all of it: name and uid, the names of jobs, sessions, addresses. What runs were given
                    and used stays, and so do the sums of reports, as nobody's. No run may be pending or running, and
                    Slurm's record must be in (a week). If it is interrupted, run it again. Backups keep the user.

            Where several people have the name, --cluster or --uid must say which. Both are in the audit trail of access, beside
            a running server or without one. The settings DATABASE_URL and JOBWITNESS_DATA_DIR locate the database.
            """;
    private static final String CONFIRM = "--confirm";
    private static final Duration BETWEEN_LINES = Duration.ofSeconds(5);

    private UserCommand() {
    }

    /** The work of one of the two commands. */
    @FunctionalInterface
    private interface Work {
        String with(Database database, Person person) throws IOException;
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int run(List<String> args, Map<String, String> environment, Path dotEnv) {
        if (args.contains("--help") || args.contains("-h")) {
            System.out.print(USAGE);
            return 0;
        }
        try {
            System.out.println("jobwitness-server: " + done(new ArrayList<>(args), environment, dotEnv));
            return 0;
        } catch (BadUsage | Person.Ambiguous | ServerConfig.BadSetting | InvalidPathException e) {
            return failed(2, e.getMessage() + "; see jobwitness-server user --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | IOException e) {
            return failed(1, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(1, "interrupted");
        }
    }

    private static String done(List<String> args, Map<String, String> environment, Path dotEnv)
            throws BadUsage, Person.Ambiguous, ServerConfig.BadSetting, IOException, InterruptedException {
        String command = args.isEmpty() ? "" : args.removeFirst();
        if (!Set.of("export", "erase").contains(command)) {
            throw new BadUsage("user needs export or erase");
        }
        if (args.isEmpty() || args.getFirst().startsWith("-") || args.getFirst().isBlank()) {
            throw new BadUsage("the user is missing");
        }
        String name = args.removeFirst();
        Optional<String> cluster = CommandOptions.take(args, "--cluster");
        Optional<String> uid = CommandOptions.take(args, "--uid");
        if (uid.isPresent() && !uid.get().matches("[0-9]{1,10}")) {
            throw new BadUsage("--uid must be a number, was " + Printable.shown(uid.get()));
        }
        Work work;
        if (command.equals("export")) {
            Path file = Path
                    .of(CommandOptions.take(args, "--output").orElseThrow(() -> new BadUsage("--output is missing")));
            work = (database, person) -> export(database, person, file);
        } else if (args.remove(CONFIRM)) {
            work = UserCommand::erase;
        } else {
            throw new BadUsage(CONFIRM + " is missing: what is erased is gone");
        }
        ServerConfig config = ServerConfig.read(args, environment, dotEnv);
        return ServersDatabase.<String, Person.Ambiguous>with(config, address -> {
            try (Database database = database(config, address)) {
                database.connectWithoutMigrating();
                return work.with(database, Person.find(database, name, cluster.orElse(null),
                        uid.map(Long::valueOf).orElse(null)));
            }
        });
    }

    private static Database database(ServerConfig config, DatabaseAddress address) {
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), Clock.systemUTC());
        return new Database(address, 2, partitions, new PrometheusRegistry(), Database.SERVER + " user");
    }

    /** As the one who runs the command is called on this machine. */
    private static String actor() {
        return "command of " + System.getProperty("user.name", "unknown");
    }

    private static String export(Database database, Person person, Path file) throws IOException {
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.WRITE)) {
            long rows = new UserExport(database, person).write(out, actor());
            return String.format(Locale.ROOT, "%,d rows are in %s", rows, file);
        } catch (IOException | RuntimeException e) {
            Files.deleteIfExists(file);
            throw e;
        }
    }

    private static String erase(Database database, Person person) throws IOException {
        UserErasure erasure = new UserErasure(database, new Json(), person);
        long open = erasure.open();
        if (open > 0) {
            throw new IOException(open + " runs of the user are pending or running, and would be reported again; cancel"
                    + " them first");
        }
        long[] next = {System.nanoTime() + BETWEEN_LINES.toNanos()};
        long runs = erasure.erase(actor(), (what, done) -> {
            if (System.nanoTime() - next[0] >= 0) {
                System.out.println(String.format(Locale.ROOT, "%-24s %,15d ...", what, done));
                next[0] = System.nanoTime() + BETWEEN_LINES.toNanos();
            }
        });
        return String.format(Locale.ROOT, "erased from %,d runs, and from all else", runs);
    }

    private static int failed(int status, @Nullable String message) {
        System.err.println("jobwitness-server: " + message);
        return status;
    }
}
