package org.jobwitness.soak;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.jobwitness.soak.AgentSoak.Options;
import org.jobwitness.soak.EventLoad.Figures;

/**
 * Power cuts, a clock that jumps, and a silent PostgreSQL, under events; prints a row for each, and fails if an acknowledged
 * event is lost or stored twice. The faults are made by {@code soak/faults.c}, which is compiled here.
 */
public final class ServerSoak {
    private static final int CLIENTS = 8;
    private static final int IN_FLIGHT = 50;
    private static final Duration SILENT_FOR = Duration.ofSeconds(60);
    private static final Duration BETWEEN_JUMPS = Duration.ofSeconds(3);
    private static final List<Duration> JUMPS = List.of(Duration.ofHours(2), Duration.ofHours(-2), Duration.ofDays(400),
            Duration.ofDays(-400), Duration.ZERO);

    private final List<String> command;
    private final Path folder;
    private final Path library;
    private final Options options;
    private final Random random;

    private ServerSoak(List<String> command, Path folder, Options options) throws IOException, InterruptedException {
        this.command = command;
        this.folder = folder;
        this.options = options;
        random = new Random(options.number("seed", 1));
        library = folder.resolve("faults.so");
        run("cc", "-std=gnu11", "-O2", "-Wall", "-shared", "-fPIC", "-o", library.toString(), "soak/faults.c");
    }

    /**
     * Runs the scenarios, all or those that are named.
     *
     * @param args the command of the server; optionally only=power,clock,silent cuts=10 seed=1 fsync=off
     */
    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("soak/target")), "server")
                .toAbsolutePath();
        // PostgreSQL has a user of its own where the server is root.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        ServerSoak soak = new ServerSoak(List.of(Path.of(args[0]).toAbsolutePath().toString()), folder,
                Options.of(List.of(args).subList(1, args.length)));
        System.exit(soak.runAll() ? 0 : 1);
    }

    @FunctionalInterface
    private interface Scenario {
        Figures run() throws IOException, InterruptedException, SQLException;
    }

    private boolean runAll() throws IOException, InterruptedException, SQLException {
        Map<String, Scenario> all = new LinkedHashMap<>();
        all.put("power", this::powerCuts);
        all.put("clock", this::clockJumps);
        all.put("silent", this::silentPostgres);
        String only = options.values().get("only");
        all.keySet().removeIf(name -> only != null && !List.of(only.split(",")).contains(name));
        System.out.println("| fault | requests | 5xx | unanswered | lost | doubled | longest response |");
        System.out.println("|---|---|---|---|---|---|---|");
        boolean passed = true;
        for (Map.Entry<String, Scenario> scenario : all.entrySet()) {
            Figures figures = scenario.getValue().run();
            System.out.printf("| %s | %d | %d | %d | %d | %d | %.2f s |%n", scenario.getKey(), figures.requests(),
                    figures.serverErrors(), figures.unanswered(), figures.lost(), figures.doubled(),
                    figures.longest().toMillis() / 1e3);
            passed &= figures.lost() == 0 && figures.doubled() == 0;
        }
        return passed;
    }

    /** All processes are killed at once, and the data folder becomes what was synced of it. */
    private Figures powerCuts() throws IOException, InterruptedException, SQLException {
        Path disk = folder.resolve("disk");
        try (ServerProcess server = new ServerProcess(command, folder.resolve("power"))) {
            startAndStop(server);
            Path data = server.postgres("data");
            copy(data, disk);
            preload(server, Map.of("SYNCED_FROM", data.toString(), "SYNCED_TO", disk.toString()));
            Figures sum = new Figures(0, 0, 0, 0, 0, Duration.ZERO);
            for (int cut = 0; cut < options.number("cuts", 10); cut++) {
                server.launch();
                try (EventLoad load = new EventLoad(server.awaitReady(), "power-" + cut + "-")) {
                    load.start(CLIENTS);
                    load.awaitAcknowledged(1 + random.nextInt(400));
                    server.killAll();
                    load.stop();
                    run("rm", "-r", data.toString());
                    copy(disk, data);
                    server.launch();
                    server.awaitReady();
                    load.sendAgain();
                    Figures figures = load.compare(server.jobIds());
                    sum = sum.and(figures);
                    stop(server);
                    run("rm", "-r", disk.toString());
                    copy(data, disk);
                }
            }
            return sum;
        }
    }

    /** The clock of server and database, which are one machine's, jumps ahead and back, with a restart at each time. */
    private Figures clockJumps() throws IOException, InterruptedException, SQLException {
        Path clock = folder.resolve("clock");
        set(clock, Duration.ZERO);
        try (ServerProcess server = new ServerProcess(command, folder.resolve("clock-server"))) {
            startAndStop(server);
            preload(server, Map.of("CLOCK_FILE", clock.toString()));
            server.environment("LD_PRELOAD", library.toString());
            server.environment("CLOCK_FILE", clock.toString());
            server.launch();
            try (EventLoad load = new EventLoad(server.awaitReady(), "clock-")) {
                load.start(CLIENTS);
                for (Duration jump : JUMPS) {
                    Thread.sleep(BETWEEN_JUMPS);
                    set(clock, jump);
                    Thread.sleep(BETWEEN_JUMPS);
                    stop(server);
                    server.launch();
                    server.awaitReady();
                }
                load.stop();
                load.sendAgain();
                return load.compare(server.jobIds());
            }
        }
    }

    /** It is stopped for a minute, with requests in flight, and the server told to end. */
    private Figures silentPostgres() throws IOException, InterruptedException, SQLException {
        try (ServerProcess server = new ServerProcess(command, folder.resolve("silent"))) {
            server.launch();
            try (EventLoad load = new EventLoad(server.awaitReady(), "silent-")) {
                load.sendOnce(IN_FLIGHT); // so that connections and classes are there
                load.stop();
                server.signalPostgres("STOP");
                long silentSince = System.nanoTime();
                load.sendOnce(IN_FLIGHT);
                Thread.sleep(BETWEEN_JUMPS);
                server.terminate();
                long left = SILENT_FOR.toNanos() - (System.nanoTime() - silentSince);
                boolean ended = server.endsWithin(Duration.ofNanos(left));
                System.err.printf("silent: server %s %.1f s after SIGTERM%n", ended ? "ended" : "had not ended",
                        (System.nanoTime() - silentSince - BETWEEN_JUMPS.toNanos()) / 1e9);
                Thread.sleep(Math.max(0, SILENT_FOR.toMillis() - (System.nanoTime() - silentSince) / 1_000_000));
                server.signalPostgres("CONT");
                if (!server.endsWithin(SILENT_FOR)) {
                    throw new IOException("the server did not end: " + server.log());
                }
                load.stop();
                server.launch();
                server.awaitReady();
                load.sendAgain();
                return load.compare(server.jobIds());
            }
        }
    }

    private void startAndStop(ServerProcess server) throws IOException, InterruptedException {
        server.launch();
        server.awaitReady();
        stop(server);
    }

    private static void stop(ServerProcess server) throws IOException, InterruptedException {
        server.terminate();
        if (!server.endsWithin(SILENT_FOR)) {
            throw new IOException("the server did not end: " + server.log());
        }
    }

    /** Has PostgreSQL's program load the library: the server clears its environment. */
    private void preload(ServerProcess server, Map<String, String> environment) throws IOException {
        Path programs = server.postgres("programs");
        Path real = Files.createDirectories(programs.resolve("preloaded/bin"));
        Path program = programs.resolve("bin/postgres");
        Files.move(program, real.resolve("postgres"));
        Files.createSymbolicLink(real.resolveSibling("lib"), programs.resolve("lib"));
        Files.createSymbolicLink(real.resolveSibling("share"), programs.resolve("share"));
        StringBuilder script = new StringBuilder("#!/bin/sh\nexport LD_PRELOAD='" + library + "'\n");
        environment.forEach((name, value) -> script.append("export " + name + "='" + value + "'\n"));
        // The last wins; without syncing all must be lost, else this soak would find nothing.
        String fsync = options.values().getOrDefault("fsync", "on");
        Files.writeString(program, script + "[ \"$1\" = -D ] && set -- \"$@\" -c fsync=" + fsync + "\nexec '"
                + real.resolve("postgres") + "' \"$@\"\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static void set(Path clock, Duration ahead) throws IOException {
        // In place: it is mapped.
        try (FileChannel file = FileChannel.open(clock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.write(
                    ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder()).putLong(ahead.toSeconds()).flip());
        }
    }

    private static void copy(Path from, Path to) throws IOException, InterruptedException {
        run("cp", "-a", from.toString(), to.toString());
    }

    private static void run(String... command) throws IOException, InterruptedException {
        int status = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (status != 0) {
            throw new IOException(String.join(" ", command) + " ended with status " + status);
        }
    }
}
