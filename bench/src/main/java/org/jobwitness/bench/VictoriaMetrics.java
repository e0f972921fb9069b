package org.jobwitness.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.stream.Stream;

/** A VictoriaMetrics of Debian's package, or another one, with a new folder; both end when this is closed. */
final class VictoriaMetrics implements AutoCloseable {
    static final String DEBIAN = "/usr/bin/victoria-metrics";
    private static final Duration START = Duration.ofMinutes(1);

    private final Path folder;
    private final int port;
    private final Process process;
    private final Thread atExit = new Thread(this::end);

    /** Returns when it is ready. */
    VictoriaMetrics(String program) throws IOException, InterruptedException {
        folder = Files.createTempDirectory(Files.createDirectories(Path.of("bench/target")), "victoria")
                .toAbsolutePath();
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        process = new ProcessBuilder(program, "-storageDataPath=" + folder.resolve("data"),
                "-httpListenAddr=127.0.0.1:" + port).redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile()).start();
        Runtime.getRuntime().addShutdownHook(atExit);
        awaitReady();
    }

    private void awaitReady() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START.toNanos();
        while (process.isAlive() && System.nanoTime() < deadline) {
            if (isReady()) {
                return;
            }
            Thread.sleep(50);
        }
        String log = Files.readString(folder.resolve("log"));
        close();
        throw new IOException("VictoriaMetrics did not start: " + log);
    }

    private boolean isReady() throws InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            return http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/health"))
                    .timeout(Duration.ofSeconds(5)).build(), BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    int port() {
        return port;
    }

    double cpuSeconds() {
        return ServerUnderTest.cpu(process.pid(), false);
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(atExit);
        end();
    }

    private void end() {
        process.destroyForcibly();
        process.onExit().join();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            System.err.println(folder + " is left behind: " + e);
        }
    }
}
