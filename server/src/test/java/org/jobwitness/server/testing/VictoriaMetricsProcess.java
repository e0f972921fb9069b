package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real VictoriaMetrics with a folder of its own. */
public final class VictoriaMetricsProcess implements AutoCloseable {
    private static final Path PROGRAM = Path.of("/usr/bin/victoria-metrics");
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path log;
    private final Process process;
    private final Http api;

    private VictoriaMetricsProcess(Path log, Process process, Http api) {
        this.log = log;
        this.process = process;
        this.api = api;
    }

    /** Starts it and waits until it is ready; skips the test where it is missing. What is stored is found at once. */
    public static VictoriaMetricsProcess start(Path folder) throws IOException, InterruptedException {
        assumeThat(PROGRAM).as("it is in Debian's package victoria-metrics").isExecutable();
        int port = Waiting.freePort();
        Path log = folder.resolve("victoria-metrics.log");
        Process process = new ProcessBuilder(PROGRAM.toString(), "-storageDataPath=" + folder.resolve("data"),
                "-retentionPeriod=100y", "-httpListenAddr=127.0.0.1:" + port, "-search.latencyOffset=0s",
                "-search.disableCache").redirectErrorStream(true).redirectOutput(log.toFile()).start();
        VictoriaMetricsProcess server = new VictoriaMetricsProcess(log, process, Http.anonymous(port));
        Waiting.until("VictoriaMetrics is ready", PATIENCE, server::log,
                () -> server.api.get("/health").statusCode() == 200);
        return server;
    }

    /** Stores lines in Prometheus' text format, with times in milliseconds. */
    public void store(String lines) throws IOException {
        assertThat(api.post("/api/v1/import/prometheus", lines).statusCode()).isEqualTo(204);
        assertThat(api.get("/internal/force_flush").statusCode()).isEqualTo(200);
    }

    /** The series that a query over a time range gives, a point each step of seconds. */
    public JsonNode query(String query, long from, long to, int step) throws IOException {
        HttpResponse<String> answer = api.get("/api/v1/query_range?nocache=1&step=" + step + "&start=" + from + "&end="
                + to + "&query=" + PrometheusProcess.encoded(query));
        assertThat(answer.statusCode()).as(query + "\n" + answer.body()).isEqualTo(200);
        return JsonMapper.shared().readTree(answer.body()).required("data").required("result");
    }

    private String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }
}
