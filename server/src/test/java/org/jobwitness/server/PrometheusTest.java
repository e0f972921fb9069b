package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.PrometheusProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a real Prometheus makes of /metrics. */
class PrometheusTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String ODD_USER = "o'Neil \"the \\n\\ one\" ü漢😀 {a=\"b\"}";
    /** These names are given; their kinds do not follow the rules of naming. */
    private static final List<String> GIVEN = List.of("hpc_job_state_total", "hpc_node_job_count");

    @TempDir
    static Path folder;
    private static Server server;
    private static Http operator;
    private static PrometheusProcess prometheus;
    /** When the scrape was that all questions are about; a later one may fail, for all that we know. */
    private static String scrapedAt;

    @BeforeAll
    static void prometheusScrapesAServerThatKnowsSomeJobs() throws Exception {
        PrometheusProcess.assumeInstalled();
        DatabaseAddress database = TestPostgres.freshDatabase();
        server = new Server(ServerConfig.read(List.of("--host=127.0.0.1", "--port=0", "--default-cluster=alpha",
                "--jobwitness-data-dir=" + folder, "--database-url=" + database.jdbcUrl() + "&user="
                        + database.user() + "&password=" + database.password()),
                Map.of(), folder.resolve(".env")));
        operator = Http.as(Role.OPERATOR, server.port(), folder);
        Waiting.until("the server is ready", PATIENCE, () -> operator.get("/v1/ready").statusCode() == 200);
        startJob("7", "ada", "[\"n[1-2]\"]");
        startJob("8", ODD_USER, "[\"n3\"]");
        startJob("9", "bob", "[\"n4\"]");
        assertThat(operator.post("/v1/events/job-finished", """
                {"job_id": "9", "exit_code": 3, "signal": 0, "node": "n4"}""").statusCode()).isEqualTo(200);
        assertThat(operator.post("/v1/batches", """
                {"version": 1, "node": "n2", "boot_id": "b", "sequence": 1, "timestamp": "%s", "interval_ms": 86400000,
                 "node_figures": {"total_gpus": 4},
                 "jobs": [{"job_id": "7", "cpu_usage_usec": 1234567, "memory_stall_usec": 1, "oom_kills": 1,
                           "io_read_bytes": 1099511627776}],
                 "gpus": [{"gpu": "GPU-\\"1", "vendor": "nvidia", "job_id": "7", "energy_joules": 123456.789}]}"""
                .formatted(Instant.now())).statusCode()).isEqualTo(200);
        prometheus = PrometheusProcess.start(Files.writeString(folder.resolve("prometheus.yml"), """
                global: {scrape_interval: 1s, scrape_timeout: 1s}
                scrape_configs:
                  - job_name: jobwitness
                    authorization: {type: Bearer, credentials_file: %s}
                    static_configs: [{targets: ['127.0.0.1:%d']}]
                """.formatted(folder.resolve("scrape.token"), server.port())), folder);
        Waiting.until("Prometheus has scraped the server", PATIENCE, prometheus::log, () -> {
            JsonNode up = prometheus.query("timestamp(up == 1)", "");
            scrapedAt = up.isEmpty() ? null : up.get(0).get("value").get(1).stringValue();
            return scrapedAt != null;
        });
    }

    private static void startJob(String id, String user, String nodes) throws IOException {
        String body = """
                {"job_id": "%s", "user": %s, "node_list": %s, "partition": "gpu", "account": "physics",
                 "start_time": "%s"}""".formatted(id, JsonMapper.shared().writeValueAsString(user), nodes,
                Instant.now().minusSeconds(600));
        HttpResponse<String> answer = operator.post("/v1/events/job-started", body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    }

    @AfterAll
    static void stop() {
        if (prometheus != null) {
            prometheus.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private static List<Double> values(String query) throws IOException {
        return results(query).valueStream().map(series -> Double.valueOf(series.get("value").get(1).stringValue()))
                .toList();
    }

    private static JsonNode results(String query) throws IOException {
        return prometheus.query(query, scrapedAt);
    }

    @Test
    void jobsAreCountedByState() throws Exception {
        assertThat(values("hpc_job_state_total{cluster=\"alpha\",state=\"running\"}")).containsExactly(2.0);
        assertThat(values("hpc_job_state_total{cluster=\"alpha\",state=\"failed\"}")).containsExactly(1.0);
        assertThat(values("hpc_job_state_total{cluster=\"alpha\",state=\"completed\"}")).containsExactly(0.0);
        assertThat(values("hpc_job_total{cluster=\"alpha\"}")).containsExactly(3.0);
    }

    @Test
    void aJobIsFoundByItsLabels() throws Exception {
        assertThat(values("hpc_job_info{job_id=\"7\",user=\"ada\",partition=\"gpu\",account=\"physics\"}"))
                .containsExactly(1.0);
        assertThat(values("hpc_job_state{job_id=\"9\",state=\"failed\",reason=\"exit_code\"}")).containsExactly(1.0);
        assertThat(values("hpc_job_runtime_seconds{user=\"ada\",node=~\"n1|n2\"}")).hasSize(2)
                .allSatisfy(seconds -> assertThat(seconds).isBetween(600.0, 700.0));
        assertThat(values("hpc_job_runtime_seconds{job_id=\"9\"}")).isEmpty();
        assertThat(values("hpc_job_runtime_seconds * on (cluster, job_id) group_left (partition) hpc_job_info"))
                .hasSize(3);
    }

    @Test
    void figuresOfAgentsAreThereToTheirLastDigit() throws Exception {
        String ofJob = "{cluster=\"alpha\",job_id=\"7\",user=\"ada\",node=\"n2\"}";
        assertThat(values("hpc_job_cpu_seconds_total" + ofJob)).containsExactly(1.234567);
        assertThat(values("hpc_job_memory_stall_seconds_total" + ofJob)).containsExactly(0.000001);
        assertThat(values("hpc_job_io_read_bytes_total" + ofJob)).containsExactly(1099511627776.0);
        assertThat(values("hpc_job_oom_kills_total > 0")).containsExactly(1.0);
        assertThat(values("hpc_node_gpu_device_energy_joules_total{gpu_id=\"GPU-\\\"1\"}"))
                .containsExactly(123456.789);
        assertThat(values("hpc_node_total_gpus{node=\"n2\"}")).containsExactly(4.0);
        assertThat(values("time() - hpc_node_agent_last_seen_timestamp_seconds")).singleElement()
                .satisfies(age -> assertThat(age).isBetween(-1.0, 60.0));
        assertThat(values("jobwitness_ingest_lag_seconds_count")).containsExactly(1.0);
    }

    @Test
    void anOddNameOfAUserSurvives() throws Exception {
        assertThat(results("hpc_job_info{job_id=\"8\"}").get(0).get("metric").get("user").stringValue())
                .isEqualTo(ODD_USER);
        assertThat(values("hpc_job_info{user=" + JsonMapper.shared().writeValueAsString(ODD_USER) + "}"))
                .containsExactly(1.0);
    }

    @Test
    void theServerTellsOfItself() throws Exception {
        assertThat(values("histogram_quantile(0.9, sum by (le) (storage_operation_duration_seconds_bucket{"
                + "operation=\"job_apply\",success=\"true\"}))")).singleElement().satisfies(
                        seconds -> assertThat(seconds).isGreaterThan(0).isLessThan(10));
        assertThat(values("time() - hpc_exporter_last_collect_timestamp_seconds")).singleElement()
                .satisfies(age -> assertThat(age).isBetween(-1.0, 30.0));
        assertThat(values("jobwitness_database_up")).containsExactly(1.0);
        assertThat(values("sum(jvm_memory_used_bytes)")).singleElement()
                .satisfies(bytes -> assertThat(bytes).isGreaterThan(1e6));
    }

    @Test
    void bothFormatsSayTheSameOfJobs() throws Exception {
        HttpResponse<String> text = operator.get("/metrics");
        HttpResponse<String> open = operator.get("/metrics", "Accept",
                "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
        assertThat(text.headers().firstValue("Content-Type")).hasValueSatisfying(
                type -> assertThat(type).startsWith("text/plain; version=0.0.4"));
        assertThat(open.headers().firstValue("Content-Type")).hasValueSatisfying(
                type -> assertThat(type).startsWith("application/openmetrics-text; version=1.0.0"));
        assertThat(open.body()).endsWith("\n# EOF\n");
        assertThat(text.body()).doesNotContain("# EOF");
        assertThat(samplesOfJobs(open.body())).isEqualTo(samplesOfJobs(text.body())).isNotEmpty();
    }

    /** Without those whose values are times. */
    private static List<String> samplesOfJobs(String body) {
        return body.lines().filter(line -> line.startsWith("hpc_") && !line.contains("_seconds")).toList();
    }

    /** As Prometheus asks for it, so what was scraped has also been unpacked. */
    @Test
    void itIsCompressedForThoseWhoAskForIt() throws Exception {
        assertThat(operator.get("/metrics", "Accept-Encoding", "gzip").headers().firstValue("Content-Encoding"))
                .hasValue("gzip");
        assertThat(operator.get("/metrics").headers().firstValue("Content-Encoding")).isEmpty();
    }

    @Test
    void aNameIsToldOfInOnePlace() throws Exception {
        List<String> families = operator.get("/metrics").body().lines().filter(line -> line.startsWith("# TYPE "))
                .map(line -> line.split(" ")[2]).toList();
        assertThat(families).isNotEmpty().doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @ValueSource(strings = {"text/plain", "*/*"})
    void promtoolFindsNothingButTheGivenNames(String accept) throws Exception {
        Path metrics = Files.writeString(folder.resolve("metrics.txt"),
                operator.get("/metrics", "Accept", accept).body());
        PrometheusProcess.Verdict verdict = PrometheusProcess.promtool(folder, metrics, "check", "metrics");
        List<String> complaints = new ArrayList<>(verdict.said().lines().toList());
        complaints.removeIf(line -> GIVEN.stream().anyMatch(line::startsWith));
        assertThat(complaints).isEmpty();
        assertThat(verdict.status()).isIn(0, 3); // 3: it complained, of the given names
    }
}
