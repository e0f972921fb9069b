package org.jobwitness.server;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Printable;
import org.jobwitness.server.json.Timestamps;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.sample.RawSamples;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobId;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness-server export}: all samples of a job, read from the database while a server runs or not. */
final class Export {
    static final String USAGE = """
            Usage: jobwitness-server export --job ID --format csv|jsonl [--cluster NAME] [--run NUMBER]
                       [--from TIME] [--to TIME] [--output FILE] [--SETTING VALUE]...

            Writes all samples of each node and GPU of a job's newest run, or of the run with this number. TIME is RFC
            3339, such as 2026-11-22T21:34:10Z; --to is exclusive. The default output is standard output. The settings
            DATABASE_URL and JOBWITNESS_DATA_DIR locate the database.
            """;
    private static final int BUFFER_SIZE = 1 << 16;

    private Export() {
    }

    private enum Flag {
        JOB,
        FORMAT,
        CLUSTER,
        RUN,
        FROM,
        TO,
        OUTPUT;

        @Override
        public String toString() {
            return "--" + name().toLowerCase(Locale.ROOT);
        }

        static Optional<Flag> named(String name) {
            return List.of(values()).stream().filter(flag -> flag.toString().equals(name)).findFirst();
        }
    }

    private static final class BadUsage extends Exception {
        private static final long serialVersionUID = 1L;

        BadUsage(String message) {
            super(message);
        }
    }

    private record Arguments(String job, RawSamples.Format format, @Nullable String cluster, @Nullable Long run,
            @Nullable Instant from, @Nullable Instant to, @Nullable Path output, ServerConfig config) {

        static Arguments of(List<String> args, Map<String, String> environment, Path dotEnv)
                throws BadUsage, ServerConfig.BadSetting {
            Map<Flag, String> flags = new EnumMap<>(Flag.class);
            List<String> settings = new ArrayList<>();
            for (int i = 0; i < args.size(); i++) {
                String[] parts = args.get(i).split("=", 2);
                Optional<Flag> flag = Flag.named(parts[0]);
                boolean hasNext = parts.length == 1 && i + 1 < args.size();
                if (flag.isEmpty()) {
                    settings.add(args.get(i));
                    if (hasNext && parts[0].startsWith("--")) {
                        settings.add(args.get(++i));
                    }
                } else if (parts.length == 1 && !hasNext) {
                    throw new BadUsage(flag.get() + " needs a value");
                } else if (flags.put(flag.get(), parts.length == 2 ? parts[1] : args.get(++i)) != null) {
                    throw new BadUsage(flag.get() + " was given twice; give it once");
                }
            }
            Instant from = time(flags, Flag.FROM);
            Instant to = time(flags, Flag.TO);
            if (from != null && to != null && to.isBefore(from)) {
                throw new BadUsage("--to " + to + " lies before --from " + from);
            }
            return new Arguments(job(flags), format(flags), flags.get(Flag.CLUSTER), run(flags), from, to,
                    output(flags),
                    ServerConfig.read(settings, environment, dotEnv));
        }

        private static String required(Map<Flag, String> flags, Flag flag, String values) throws BadUsage {
            String value = flags.get(flag);
            if (value == null) {
                throw new BadUsage(flag + " is missing; give " + values);
            }
            return value;
        }

        private static String job(Map<Flag, String> flags) throws BadUsage {
            try {
                return JobId.asked("--job", required(flags, Flag.JOB, "the job's id"));
            } catch (InvalidFieldException e) {
                throw new BadUsage(String.valueOf(e.getMessage()));
            }
        }

        private static RawSamples.Format format(Map<Flag, String> flags) throws BadUsage {
            String text = required(flags, Flag.FORMAT, "csv or jsonl");
            return switch (text) {
                case "csv" -> RawSamples.Format.CSV;
                case "jsonl" -> RawSamples.Format.JSONL;
                default -> throw new BadUsage("--format must be csv or jsonl, was " + Printable.shown(text));
            };
        }

        private static @Nullable Long run(Map<Flag, String> flags) throws BadUsage {
            String text = flags.get(Flag.RUN);
            if (text != null && !text.matches("[0-9]{1,18}")) {
                throw new BadUsage("--run must be a whole number of at most 18 digits, was " + Printable.shown(text));
            }
            return text == null ? null : Long.valueOf(text);
        }

        private static @Nullable Instant time(Map<Flag, String> flags, Flag flag) throws BadUsage {
            String text = flags.get(flag);
            try {
                return text == null ? null : Timestamps.parse(text);
            } catch (DateTimeException e) {
                throw new BadUsage(flag + " must be an RFC 3339 time such as 2026-11-22T21:34:10Z, was "
                        + Printable.shown(String.valueOf(text)));
            }
        }

        private static @Nullable Path output(Map<Flag, String> flags) throws BadUsage {
            String text = flags.get(Flag.OUTPUT);
            try {
                return text == null ? null : Path.of(text);
            } catch (InvalidPathException e) {
                throw new BadUsage("--output must be a file, was " + Printable.shown(String.valueOf(text)));
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
            Arguments arguments = Arguments.of(args, environment, dotEnv);
            System.err.println("jobwitness-server: "
                    + ServersDatabase.with(arguments.config, address -> export(arguments, address)));
            return 0;
        } catch (BadUsage | ServerConfig.BadSetting e) {
            return failed(System.err, 2, e.getMessage() + "; see jobwitness-server export --help");
        } catch (DatabaseUnavailable | EmbeddedPostgresException | NoSuchRun e) {
            return failed(System.err, 1, e.getMessage());
        } catch (IOException e) {
            return failed(System.err, 1, "the export is not complete: " + e);
        } catch (UncheckedIOException e) {
            return failed(System.err, 1, "the export is not complete: " + e.getCause());
        } catch (IllegalStateException e) {
            return failed(System.err, 1, "the export is not complete: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(System.err, 1, "interrupted");
        }
    }

    private static int failed(PrintStream err, int status, @Nullable String message) {
        err.println("jobwitness-server: " + message);
        return status;
    }

    private static final class NoSuchRun extends Exception {
        private static final long serialVersionUID = 1L;

        NoSuchRun(String message) {
            super(message);
        }
    }

    private static String export(Arguments arguments, DatabaseAddress address) throws IOException, NoSuchRun {
        ServerConfig config = arguments.config;
        Clock clock = Clock.systemUTC();
        Json json = new Json();
        PrometheusRegistry metrics = new PrometheusRegistry();
        Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), clock);
        try (Database database = new Database(address, 2, partitions, metrics)) {
            database.connectWithoutMigrating();
            Caller caller = Caller.program("export", "export", "export");
            Job job = new JobQueries(database, json, clock)
                    .findAsked(caller, arguments.job, arguments.cluster, arguments.run)
                    .orElseThrow(
                            () -> new NoSuchRun("no " + (arguments.run == null ? "" : "run " + arguments.run + " of ")
                                    + "job " + arguments.job + " is recorded"
                                    + (arguments.cluster == null
                                            ? ""
                                            : " on the cluster " + Printable.shown(arguments.cluster))));
            RawSamples samples = new RawSamples(
                    new SampleStore(database, json, config.metricsRetention(), clock, metrics), json);
            long rows = to(arguments.output,
                    out -> samples.write(job, arguments.from, arguments.to, arguments.format, out));
            return rows + " samples of job " + job.id() + ", run " + job.run() + " on the cluster " + job.cluster();
        }
    }

    @FunctionalInterface
    private interface Writes {
        long to(Writer out) throws IOException;
    }

    /** The file appears when it is complete; anything but a regular file, such as a pipe, is written to directly. */
    private static long to(@Nullable Path output, Writes samples) throws IOException {
        if (output == null) {
            return to(new FileOutputStream(FileDescriptor.out), samples);
        }
        if (Files.exists(output) && !Files.isRegularFile(output)) {
            return to(Files.newOutputStream(output), samples);
        }
        Path part = output.resolveSibling(output.getFileName() + ".part");
        try {
            long rows = to(Files.newOutputStream(part), samples);
            Files.move(part, output, StandardCopyOption.ATOMIC_MOVE);
            return rows;
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static long to(OutputStream stream, Writes samples) throws IOException {
        try (Writer out = new BufferedWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), BUFFER_SIZE)) {
            return samples.to(out);
        }
    }
}
