package org.jobwitness.server.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;

/**
 * The real server in a process of its own, so that it can be signalled and killed. Closing it leaves nothing behind,
 * whatever state it is in: PostgreSQL runs in a session of its own and would survive the server.
 */
public final class ServerProcess implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration END = Duration.ofSeconds(20);
    private static final Pattern HEALTH = Pattern.compile("http://\\S+:([0-9]+)/v1/health");

    private final Path dataDir;
    private final Process process;
    private final StringBuffer out = new StringBuffer();
    private final StringBuffer err = new StringBuffer();
    private final List<Thread> readers;

    private ServerProcess(Path dataDir, Process process) {
        this.dataDir = dataDir;
        this.process = process;
        this.readers = List.of(read(process.getInputStream(), out), read(process.getErrorStream(), err));
    }

    /** Starts a server on a folder, to listen on any port of this machine. The programs of its PostgreSQL are lent to it. */
    public static ServerProcess on(Path dataDir, String... flags) throws IOException {
        List<String> all = new ArrayList<>(List.of("--jobwitness-data-dir=" + dataDir, "--host=127.0.0.1",
                "--port=0"));
        all.addAll(List.of(flags));
        Path workingDir = Waiting.passable(Files.createDirectories(dataDir.getParent()));
        TestPostgres.lendPrograms(dataDir);
        return run(dataDir, workingDir, Map.of(), all);
    }

    /**
     * Starts a server with these settings and no others.
     *
     * @param dataDir where its PostgreSQL would be, for the clean-up
     * @param workingDir where it looks for {@code .env}
     */
    public static ServerProcess run(Path dataDir, Path workingDir, Map<String, String> environment, List<String> flags)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "--enable-native-access=ALL-UNNAMED",
                "-Djava.util.logging.manager=org.jobwitness.server.LogFormat", "-cp",
                System.getProperty("java.class.path"), "org.jobwitness.server.Server"));
        command.addAll(flags);
        ProcessBuilder builder = new ProcessBuilder(command).directory(workingDir.toFile());
        builder.environment().clear();
        builder.environment().put("PATH", System.getenv("PATH"));
        builder.environment().putAll(environment);
        return new ServerProcess(dataDir, builder.start());
    }

    private static Thread read(InputStream stream, StringBuffer into) {
        return Thread.startVirtualThread(() -> {
            try (InputStreamReader reader = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
                char[] some = new char[8192];
                for (int count = reader.read(some); count >= 0; count = reader.read(some)) {
                    into.append(some, 0, count);
                }
            } catch (IOException e) {
                into.append(e);
            }
        });
    }

    /** Waits for the greeting, and for /v1/ready. */
    public ServerProcess ready() throws InterruptedException {
        awaitGreeting();
        Waiting.until("the server is ready", START, this::said, () -> anonymous().get("/v1/ready").statusCode() == 200);
        return this;
    }

    ServerProcess awaitGreeting() throws InterruptedException {
        Waiting.until("the server greets or ends", START, this::said,
                () -> out.indexOf("token") >= 0 || !process.isAlive());
        if (!process.isAlive()) {
            throw new AssertionError("the server ended with status " + process.exitValue() + "\n" + said());
        }
        return this;
    }

    public int port() {
        Matcher greeting = HEALTH.matcher(out);
        if (!greeting.find()) {
            throw new AssertionError("no greeting\n" + said());
        }
        return Integer.parseInt(greeting.group(1));
    }

    public Http anonymous() {
        return Http.anonymous(port());
    }

    public Http as(Role role) throws IOException {
        return Http.as(role, port(), dataDir);
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public String out() {
        return out.toString();
    }

    public String err() {
        return err.toString();
    }

    /** All that the server wrote, for the message of a test that fails. */
    public String said() {
        return "--- stdout\n" + out + "--- stderr\n" + err;
    }

    /** SIGTERM. Process.destroy would also close the streams, and with them what the server says at its end. */
    public void terminate() {
        process.toHandle().destroy();
    }

    /** SIGKILL to the server alone; its PostgreSQL lives on. */
    public void kill() throws InterruptedException {
        process.toHandle().destroyForcibly();
        exitStatus(END);
    }

    /** SIGKILL to PostgreSQL's main process. */
    public void killPostmaster() throws IOException {
        ProcessHandle.of(postmaster()).ifPresent(ProcessHandle::destroyForcibly);
    }

    /** Waits for the end, and for all that was written until then. */
    public int exitStatus(Duration patience) throws InterruptedException {
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("the server still runs after " + patience.toSeconds() + " s\n" + said());
        }
        for (Thread reader : readers) {
            reader.join(END);
        }
        return process.exitValue();
    }

    /** Whether it ends within a time. */
    public boolean endsWithin(Duration time) throws InterruptedException {
        return process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** The pid of PostgreSQL's main process. */
    public long postmaster() throws IOException {
        return Long.parseLong(pidFile().getFirst().strip());
    }

    /** The port of PostgreSQL. */
    public int postgresPort() throws IOException {
        return Integer.parseInt(pidFile().get(3).strip());
    }

    private List<String> pidFile() throws IOException {
        return Files.readAllLines(postgresData().resolve("postmaster.pid"));
    }

    Path postgresData() throws IOException {
        try (var entries = Files.newDirectoryStream(dataDir.resolve("postgres"), "data-*")) {
            return entries.iterator().next();
        }
    }

    /** The server's own database, past the server. */
    public DatabaseAddress database() throws IOException {
        return new DatabaseAddress("jdbc:postgresql://127.0.0.1:" + postgresPort() + "/jobwitness?sslmode=disable",
                "jobwitness", Files.readString(postgresData().resolve("jobwitness.password")).strip());
    }

    public Connection sql() throws IOException, SQLException {
        DatabaseAddress database = database();
        return DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password());
    }

    /** PostgreSQL's processes on this folder, whoever started them. */
    public List<Long> postgresProcesses() {
        LongPredicate worksThere = pid -> {
            try {
                return Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "cwd"))
                        .startsWith(dataDir.toRealPath());
            } catch (IOException e) {
                return false; // ended meanwhile, or nobody whom we may ask
            }
        };
        return ProcessHandle.allProcesses().map(ProcessHandle::pid).filter(worksThere::test).toList();
    }

    @Override
    public void close() {
        try {
            kill();
            Waiting.until("PostgreSQL is gone", END, () -> {
                List<Long> left = postgresProcesses();
                left.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
                return left.isEmpty();
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException(e));
        }
    }
}
