package org.jobwitness.bench;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.embedded.EmbeddedPostgres;

/** A new server process with a new PostgreSQL; both end when this is closed. */
final class ServerUnderTest implements AutoCloseable {
    private static final Duration START = Duration.ofMinutes(1);
    private static final Pattern GREETING = Pattern.compile("http://127\\.0\\.0\\.1:([0-9]+)/docs");

    private final Path launcher;
    private final Path folder;
    private final List<String> flags;
    private final EmbeddedPostgres postgres;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Thread atExit = new Thread(this::end);
    private Process server;
    private int port;

    /** CPU seconds so far: of the server, of all processes of PostgreSQL, and of this process, which makes the load. */
    record CpuSeconds(double server, double postgres, double load) {
        CpuSeconds since(CpuSeconds before) {
            return new CpuSeconds(server - before.server, postgres - before.postgres, load - before.load);
        }
    }

    private ServerUnderTest(Path launcher, Path folder, EmbeddedPostgres postgres, List<String> flags) {
        this.launcher = launcher;
        this.folder = folder;
        this.postgres = postgres;
        this.flags = flags;
        this.server = launch();
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** Returns when it is ready. */
    static ServerUnderTest start(Path launcher, String... flags) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("bench/target")), "server")
                .toAbsolutePath();
        EmbeddedPostgres postgres = EmbeddedPostgres.start(folder.resolve("postgres"), Duration.ofMinutes(2));
        ServerUnderTest started = new ServerUnderTest(launcher.toAbsolutePath(), folder, postgres, List.of(flags));
        try {
            started.awaitReady();
            return started;
        } catch (IOException | InterruptedException e) {
            started.close();
            throw e;
        }
    }

    private Process launch() {
        List<String> command = new ArrayList<>(List.of(launcher.toString(), "--host", "127.0.0.1", "--port",
                Integer.toString(port), "--jobwitness-data-dir", folder.resolve("data").toString()));
        if (!flags.contains("--auth")) {
            command.addAll(List.of("--auth", "off"));
        }
        command.addAll(flags);
        DatabaseAddress address = database();
        String login = encode(Objects.requireNonNull(address.user())) + ":"
                + encode(Objects.requireNonNull(address.password())) + "@";
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("DATABASE_URL",
                address.jdbcUrl().replace("jdbc:postgresql://", "postgres://" + login));
        // All nodes of a benchmark have one address, and an address may have half of the connections.
        builder.environment().putIfAbsent("MAX_CONNECTIONS", "50000");
        try {
            Files.deleteIfExists(folder.resolve("server.out"));
            return builder
                    .redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("server.log").toFile()))
                    .redirectOutput(folder.resolve("server.out").toFile()).start();
        } catch (IOException e) {
            postgres.close();
            throw new IllegalStateException(e);
        }
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private void awaitReady() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START.toNanos();
        while (server.isAlive() && System.nanoTime() < deadline) {
            Matcher greeting = GREETING.matcher(Files.readString(folder.resolve("server.out")));
            if (greeting.find()) {
                port = Integer.parseInt(greeting.group(1));
                if (isReady()) {
                    return;
                }
            }
            Thread.sleep(10);
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

    /** kill -9. */
    void kill() throws InterruptedException {
        server.destroyForcibly().waitFor();
    }

    /** On the same port; does not wait until it is ready. */
    void launchAgain() {
        server = launch();
    }

    int port() {
        return port;
    }

    DatabaseAddress database() {
        return postgres.address();
    }

    Connection sql() throws SQLException {
        DatabaseAddress address = database();
        return DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
    }

    long number(String sql) throws SQLException {
        try (Connection connection = sql();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    /** A response with any status. */
    HttpResponse<byte[]> get(String target) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + target))
                .timeout(Duration.ofMinutes(1)).build(), BodyHandlers.ofByteArray());
    }

    /** The value of a metric of the server. */
    double metric(String series) throws IOException, InterruptedException {
        String text = new String(get("/metrics").body(), StandardCharsets.UTF_8);
        return text.lines().filter(line -> line.startsWith(series + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1))).findFirst().orElse(0);
    }

    /** Waits until all rows of past hours are packed. */
    void awaitSealed() throws SQLException, InterruptedException, IOException {
        long deadline = System.nanoTime() + Duration.ofMinutes(4).toNanos();
        while (number("select count(*) from buffered_sample where at < now() - interval '2 hours'") > 0) {
            if (System.nanoTime() > deadline) {
                throw new IOException("the server did not pack its samples");
            }
            Thread.sleep(1_000);
        }
    }

    CpuSeconds cpu() throws IOException {
        long postmaster = Long.parseLong(Files.readAllLines(postmasterFile()).getFirst().strip());
        double all = cpu(postmaster, true);
        for (long pid : ProcessHandle.of(postmaster).stream().flatMap(ProcessHandle::descendants)
                .mapToLong(ProcessHandle::pid).toArray()) {
            all += cpu(pid, true);
        }
        return new CpuSeconds(cpu(server.pid(), false), all, cpu(ProcessHandle.current().pid(), false));
    }

    private Path postmasterFile() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("postgres/postgres"))) {
            return files.map(data -> data.resolve("postmaster.pid")).filter(Files::exists).findFirst().orElseThrow();
        }
    }

    /** proc(5): utime and stime, with those of ended children, in hundredths of a second. */
    static double cpu(long pid, boolean withEnded) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            long ticks = 0;
            for (int field = 11; field < (withEnded ? 15 : 13); field++) {
                ticks += Long.parseLong(fields[field]);
            }
            return ticks / 100.0;
        } catch (IOException e) {
            return 0; // ended; its parent counts it
        }
    }

    /** Of the server: VmRSS, VmHWM; MiB. */
    long memoryMiB(String name) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + server.pid() + "/status")).stream()
                .filter(line -> line.startsWith(name + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024).findFirst().orElseThrow();
    }

    /** Resets VmHWM. */
    void resetPeakMemory() throws IOException {
        Files.writeString(Path.of("/proc/" + server.pid() + "/clear_refs"), "5");
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(atExit);
        end();
    }

    private void end() {
        server.destroyForcibly();
        postgres.close();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            System.err.println(folder + " is left behind: " + e);
        }
    }
}
