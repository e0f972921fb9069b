package org.jobwitness.cli;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The real server in a process of its own, with the simulated cluster and with tokens. This module knows only its name. */
final class DemoServer implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(120);
    private static final Pattern HEALTH = Pattern.compile("http://\\S+:([0-9]+)/v1/health");

    private final Path dataDir;
    private final Path log;
    private final Process process;
    private final int port;

    /**
     * Starts it.
     *
     * @param folder empty; other users must be able to pass through it, since as root PostgreSQL runs as another one
     */
    DemoServer(Path folder, String... flags) throws IOException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
        dataDir = folder.resolve("data");
        log = folder.resolve("log");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp",
                System.getProperty("java.class.path"), "org.jobwitness.server.Server", "--host=127.0.0.1", "--port=0",
                "--seed-demo=true", "--jobwitness-data-dir=" + dataDir));
        command.addAll(List.of(flags));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().clear();
        builder.environment().put("PATH", System.getenv("PATH"));
        process = builder.start();
        Matcher greeting = HEALTH.matcher("");
        await(() -> greeting.reset(Files.readString(log)).find());
        port = Integer.parseInt(greeting.group(1));
        await(() -> status("/v1/ready") == 200);
    }

    /** Something that is not yet so. */
    private interface Condition {
        boolean holds() throws IOException;
    }

    private void await(Condition condition) throws IOException {
        long began = System.nanoTime();
        while (!condition.holds()) {
            if (!process.isAlive() || System.nanoTime() - began > START.toNanos()) {
                process.destroyForcibly();
                throw new AssertionError("the server did not start\n" + Files.readString(log));
            }
            LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
        }
    }

    private int status(String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create(url() + path).toURL().openConnection();
        connection.setReadTimeout((int) START.toMillis());
        return connection.getResponseCode();
    }

    String url() {
        return "http://127.0.0.1:" + port;
    }

    /** The file of a role's token. */
    Path token(String role) {
        return dataDir.resolve(role + ".token");
    }

    /** Ends it in order, and its PostgreSQL with it. */
    @Override
    public void close() throws IOException {
        process.destroy();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("the server does not stop\n" + Files.readString(log));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
    }
}
