package org.jobwitness.soak;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.embedded.EmbeddedPostgres;
import org.jobwitness.soak.Ledger.Reading;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server process with its embedded PostgreSQL; both are killed when this is closed. */
public final class ServerProcess implements AutoCloseable {
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
    private static final Duration EXPORT_TIMEOUT = Duration.ofMinutes(2);
    private static final Pattern GREETING = Pattern.compile("http://127\\.0\\.0\\.1:([0-9]+)/docs");
    private static final Pattern HEAP = Pattern.compile("jvm_memory_used_bytes\\{area=\"heap\"} (\\S+)");

    private final List<String> command;
    private final Path folder;
    private final Map<String, String> environment = new HashMap<>();
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2)).build();
    private @Nullable Process process;
    private int port;

    /** @param command that starts the server */
    ServerProcess(List<String> command, Path folder) {
        this.command = command;
        this.folder = folder;
    }

    Path data() {
        return folder.resolve("data");
    }

    /** Its environment from the next start on. */
    void environment(String name, String value) {
        environment.put(name, value);
    }

    /** On the same port each time; does not wait until it is ready. */
    void launch() throws IOException {
        Files.createDirectories(folder);
        Files.deleteIfExists(folder.resolve("server.out"));
        process = process("--host", "127.0.0.1", "--port", Integer.toString(port), "--auth", "off",
                "--jobwitness-data-dir", data().toString())
                .redirectOutput(folder.resolve("server.out").toFile()).start();
    }

    private ProcessBuilder process(String... arguments) {
        List<String> all = new ArrayList<>(command);
        all.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(all);
        builder.environment().putAll(environment);
        return builder
                .redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("server.log").toFile()));
    }

    /** Returns its port when it is ready. */
    int awaitReady() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (System.nanoTime() < deadline && process != null && process.isAlive()) {
            if (port == 0) {
                Matcher greeting = GREETING.matcher(Files.readString(folder.resolve("server.out")));
                port = greeting.find() ? Integer.parseInt(greeting.group(1)) : 0;
            } else if (isReady()) {
                return port;
            }
            Thread.sleep(20);
        }
        throw new IOException("the server did not start: " + Files.readString(folder.resolve("server.log")));
    }

    boolean isReady() throws InterruptedException {
        try {
            return get("/v1/ready").statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    private HttpResponse<String> get(String target) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + target))
                .timeout(Duration.ofSeconds(10)).build(), HttpResponse.BodyHandlers.ofString());
    }

    JsonNode job(String jobId) throws IOException, InterruptedException {
        return JsonMapper.shared().readTree(get("/v1/jobs/" + jobId).body());
    }

    /** Bytes of heap in use after a full collection. */
    long heapAfterCollection() throws IOException, InterruptedException {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        String pid = Long.toString(Objects.requireNonNull(process, "not launched").pid());
        new ProcessBuilder(jcmd, pid, "GC.run").redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
        Matcher used = HEAP.matcher(get("/metrics").body());
        if (!used.find()) {
            throw new IOException("/metrics has no jvm_memory_used_bytes");
        }
        return (long) Double.parseDouble(used.group(1));
    }

    /** kill -9 of the server alone. */
    public void kill() {
        if (process != null) {
            process.destroyForcibly().onExit().join();
        }
    }

    /** SIGTERM; PostgreSQL ends with it. */
    void terminate() {
        if (process != null) {
            process.destroy();
        }
    }

    boolean endsWithin(Duration time) throws InterruptedException {
        return process == null || process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** kill -9 of the server and of PostgreSQL, so that none of them writes anything more. */
    void killAll() throws IOException {
        List<ProcessHandle> all = new ArrayList<>(postgres());
        all.forEach(ProcessHandle::destroyForcibly);
        kill();
        for (List<ProcessHandle> left = postgres(); !left.isEmpty(); left = postgres()) {
            left.forEach(ProcessHandle::destroyForcibly);
        }
    }

    int port() {
        return port;
    }

    /** PostgreSQL's data folder, and the one of its programs. */
    Path postgres(String prefix) throws IOException {
        try (var folders = Files.newDirectoryStream(data().resolve("postgres"), prefix + "-*")) {
            return folders.iterator().next().toRealPath();
        }
    }

    String log() throws IOException {
        return Files.readString(folder.resolve("server.log"));
    }

    /** kill -9 of PostgreSQL's main process. */
    public void killPostmaster() throws IOException {
        ProcessHandle.of(postmaster()).ifPresent(ProcessHandle::destroyForcibly);
    }

    private long postmaster() throws IOException {
        try (var folders = Files.newDirectoryStream(data().resolve("postgres"), "data-*")) {
            return Long.parseLong(Files.readAllLines(folders.iterator().next().resolve("postmaster.pid")).getFirst()
                    .strip());
        }
    }

    /** STOP or CONT to all of PostgreSQL's processes, if there are any. */
    void signalPostgres(String signal) throws IOException, InterruptedException {
        List<String> kill = new ArrayList<>(List.of("kill", "-" + signal));
        postgres().forEach(one -> kill.add(Long.toString(one.pid())));
        if (kill.size() == 2) {
            return;
        }
        new ProcessBuilder(kill).inheritIO().start().waitFor();
    }

    /** All processes of PostgreSQL in our folder. */
    private List<ProcessHandle> postgres() throws IOException {
        Path ours = data().toRealPath();
        return ProcessHandle.allProcesses().filter(one -> {
            try {
                return Files.readSymbolicLink(Path.of("/proc", Long.toString(one.pid()), "cwd")).startsWith(ours);
            } catch (IOException e) {
                return false; // ended, or not readable
            }
        }).toList();
    }

    /** All samples of a job, by {@code jobwitness-server export}. */
    List<Reading> export(String jobId) throws IOException, InterruptedException {
        Path file = folder.resolve("export.jsonl");
        Process export = process("export", "--job", jobId, "--format", "jsonl", "--output", file.toString(),
                "--jobwitness-data-dir", data().toString()).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        if (!export.waitFor(EXPORT_TIMEOUT.toSeconds(), TimeUnit.SECONDS) || export.exitValue() != 0) {
            throw new IOException("the export of " + jobId + " failed: "
                    + Files.readString(folder.resolve("server.log")));
        }
        List<Reading> readings = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            JsonNode row = JsonMapper.shared().readTree(line);
            if (row.has("cpu_usage_usec")) {
                readings.add(new Reading(jobId, Instant.parse(row.get("time").stringValue()),
                        row.get("cpu_usage_usec").longValue()));
            }
        }
        return readings;
    }

    /** Number of rows of a job in the tables, duplicates included. */
    long rows(String jobId) throws SQLException {
        return number("""
                select coalesce(sum(stored.rows), 0) from job join (
                    select job_key, 1 as rows from buffered_sample where gpu = ''
                    union all
                    select job_key, rows from chunk where gpu = '') stored using (job_key)
                where job_id = ?""", jobId);
    }

    long runs(String jobId) throws SQLException {
        return number("select count(*) from job where job_id = ?", jobId);
    }

    private long number(String sql, String jobId) throws SQLException {
        DatabaseAddress database = EmbeddedPostgres.running(data()).orElseThrow();
        try (Connection connection = DriverManager.getConnection(database.jdbcUrl(), database.user(),
                database.password()); PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, jobId);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    /** All job ids that are stored, those with several runs several times. */
    List<String> jobIds() throws SQLException {
        DatabaseAddress database = EmbeddedPostgres.running(data()).orElseThrow();
        List<String> ids = new ArrayList<>();
        try (Connection connection = DriverManager.getConnection(database.jdbcUrl(), database.user(),
                database.password());
                ResultSet row = connection.createStatement().executeQuery("select job_id from job")) {
            while (row.next()) {
                ids.add(row.getString(1));
            }
        }
        return ids;
    }

    @Override
    public void close() throws IOException {
        kill();
        http.shutdownNow();
        if (!Files.isDirectory(data())) {
            return;
        }
        for (List<ProcessHandle> left = postgres(); !left.isEmpty(); left = postgres()) {
            left.forEach(one -> {
                one.destroyForcibly();
                one.onExit().join();
            });
        }
    }
}
