package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real Prometheus with a folder of its own, and promtool beside it. */
public final class PrometheusProcess implements AutoCloseable {
    private static final Path PROMETHEUS = Path.of("/usr/bin/prometheus");
    private static final Path PROMTOOL = Path.of("/usr/bin/promtool");
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration END = Duration.ofSeconds(20);

    private final Path log;
    private final Process process;
    private final Http api;

    private PrometheusProcess(Path log, Process process, Http api) {
        this.log = log;
        this.process = process;
        this.api = api;
    }

    /** Skips the test where the programs are missing. */
    public static void assumeInstalled() {
        for (Path program : List.of(PROMETHEUS, PROMTOOL)) {
            assumeThat(Files.isExecutable(program))
                    .as(program + " is not installed; it is in Debian's package prometheus")
                    .isTrue();
        }
    }

    /**
     * Starts it and waits until it is ready.
     *
     * @param folder for what it keeps, and its log
     */
    public static PrometheusProcess start(Path config, Path folder) throws IOException, InterruptedException {
        int port = Waiting.freePort();
        Path log = folder.resolve("prometheus.log");
        Process process = new ProcessBuilder(PROMETHEUS.toString(), "--config.file=" + config,
                "--storage.tsdb.path=" + folder.resolve("tsdb"), "--web.listen-address=127.0.0.1:" + port)
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        PrometheusProcess prometheus = new PrometheusProcess(log, process, Http.anonymous(port));
        Waiting.until("Prometheus is ready", PATIENCE, prometheus::log,
                () -> prometheus.api.get("/-/ready").statusCode() == 200);
        return prometheus;
    }

    /** What an instant query answers; {@code at} is any time that Prometheus reads, or empty for now. */
    public JsonNode query(String query, String at) throws IOException {
        return get("query?query=" + encoded(query) + (at.isEmpty() ? "" : "&time=" + at)).get("result");
    }

    /** What a query over a time range answers, once for each second. */
    public JsonNode query(String query, long from, long to) throws IOException {
        return get("query_range?step=1&start=" + from + "&end=" + to + "&query=" + encoded(query)).get("result");
    }

    /** What it answers below {@code /api/v1/}. */
    public JsonNode get(String target) throws IOException {
        HttpResponse<String> answer = api.get("/api/v1/" + target);
        assertThat(answer.statusCode()).as(target + "\n" + answer.body()).isEqualTo(200);
        return JsonMapper.shared().readTree(answer.body()).get("data");
    }

    public static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** What it said. */
    public String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** What promtool says, and with which status. */
    public record Verdict(int status, String said) {
    }

    /**
     * Runs promtool.
     *
     * @param folder for what it says
     */
    public static Verdict promtool(Path folder, Path input, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(PROMTOOL.toString()));
        command.addAll(List.of(arguments));
        Path said = folder.resolve("promtool.txt");
        Process promtool = new ProcessBuilder(command).redirectErrorStream(true).redirectInput(input.toFile())
                .redirectOutput(said.toFile()).start();
        assertThat(promtool.waitFor(PATIENCE)).isTrue();
        return new Verdict(promtool.exitValue(), Files.readString(said));
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            assertThat(process.waitFor(END.toMillis(), TimeUnit.MILLISECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException(e));
        }
    }
}
