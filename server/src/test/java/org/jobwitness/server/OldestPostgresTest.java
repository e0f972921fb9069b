package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The main journeys on PostgreSQL 14, on which {@code make verify} runs no other tests. */
class OldestPostgresTest {
    @TempDir
    static Path folder;
    private static DatabaseAddress address;
    private static Server server;
    private static Http http;

    @BeforeAll
    static void oneJobRunsAndOneHasFailed() throws Exception {
        address = PostgresVersion.OLDEST.emptyDatabase();
        server = new Server(ServerConfig.read(List.of("--host=127.0.0.1", "--port=0", "--auth=off",
                "--jobwitness-data-dir=" + folder, "--database-url=" + address.jdbcUrl() + "&user=" + address.user()
                        + "&password=" + address.password()),
                Map.of(), folder.resolve(".env")));
        http = Http.anonymous(server.port());
        Waiting.until("the server is ready", Duration.ofSeconds(30), () -> http.get("/v1/ready").statusCode() == 200);
        for (String id : List.of("14", "15")) {
            assertThat(http.post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "ada", "node_list": ["n[1-2]"], "node": "n1", "partition": "gpu",
                     "account": "physics", "cluster": "alpha", "start_time": "2026-01-01T00:00:00Z",
                     "cpu_allocation": 8, "gpu_allocation": 2, "gpu_vendor": "nvidia", "gpu_devices": ["GPU-1"]}"""
                    .formatted(id)).body()).contains("created");
        }
        assertThat(http.post("/v1/events/job-finished", """
                {"job_id": "14", "node": "n1", "cluster": "alpha", "start_time": "2026-01-01T00:00:00Z",
                 "raw_status": 253, "timestamp": "2026-01-01T01:00:00Z",
                 "reading": {"oom_kills": 1, "memory_peak_bytes": 1048576}}""").body()).contains("updated");
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void itIsPostgres14() throws Exception {
        try (Connection connection = connect()) {
            assertThat(connection.getMetaData().getDatabaseMajorVersion()).isEqualTo(14);
        }
    }

    @Test
    void theEndOfAJobIsToldWithItsReason() throws Exception {
        JsonNode job = JsonMapper.shared().readTree(http.get("/v1/jobs/14").body());
        assertThat(job.get("state").stringValue()).isEqualTo("failed");
        assertThat(job.get("reason").stringValue()).isEqualTo("out_of_memory");
        assertThat(job.get("runtime_seconds").doubleValue()).isEqualTo(3600);
        assertThat(job.get("max_memory_usage_mb").doubleValue()).isEqualTo(1);
        assertThat(JsonMapper.shared().readTree(http.get("/v1/jobs/14/runs").body()).get("runs")).hasSize(1);
        JsonNode audit = JsonMapper.shared().readTree(http.get("/v1/jobs/14/audit").body()).get("audit");
        assertThat(audit).extracting(entry -> entry.get("action").stringValue()).containsExactly("created", "updated");
    }

    @ParameterizedTest
    @ValueSource(strings = {"state=failed", "reason=out_of_memory", "user=ada&state=failed",
            "node=n1&reason=out_of_memory",
            "partition=gpu&state=failed", "account=physics&state=failed", "cluster=alpha&state=failed",
            "q=phys&state=failed", "q=14", "to=2026-01-01T00:30:00Z&state=failed",
            "from=2026-01-01T00:30:00Z&state=failed",
            "sort=-start_time&state=failed", "sort=start_time&state=failed", "sort=end_time&limit=1",
            "sort=-end_time&offset=1"})
    void everyFilterAndOrderOfTheListWorks(String query) throws Exception {
        assertThat(idsOf("/v1/jobs?" + query)).containsExactly("14");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-start_time", "start_time", "-end_time", "end_time"})
    void pagesFollowOneAnother(String sort) throws Exception {
        JsonNode first = JsonMapper.shared().readTree(http.get("/v1/jobs?limit=1&sort=" + sort).body());
        String cursor = URLEncoder.encode(first.get("next_cursor").stringValue(), StandardCharsets.UTF_8);
        assertThat(first.get("jobs").get(0).get("id").stringValue() + " "
                + String.join(" ", idsOf("/v1/jobs?limit=1&cursor=" + cursor))).isIn("14 15", "15 14");
    }

    private static List<String> idsOf(String target) throws Exception {
        HttpResponse<String> answer = http.get(target);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return JsonMapper.shared().readTree(answer.body()).get("jobs").valueStream()
                .map(job -> job.get("id").stringValue()).toList();
    }

    @Test
    void metricsTellOfJobs() throws Exception {
        assertThat(http.get("/metrics").body()).contains("hpc_job_state_total{cluster=\"alpha\",state=\"failed\"} 1\n",
                "hpc_job_state_total{cluster=\"alpha\",state=\"running\"} 1\n",
                "hpc_job_info{cluster=\"alpha\",job_id=\"15\",user=\"ada\"",
                "hpc_job_runtime_seconds{cluster=\"alpha\"",
                "hpc_job_total{cluster=\"alpha\"} 2\n", "jobwitness_database_up 1\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"update audit set actor = 'nobody'", "delete from audit", "truncate audit"})
    void theAuditTrailRefusesToBeChanged(String statement) throws Exception {
        try (Connection connection = connect(); Statement change = connection.createStatement()) {
            assertThatThrownBy(() -> change.execute(statement)).isInstanceOf(SQLException.class)
                    .hasMessageContaining("the audit trail refuses");
        }
    }

    private static Connection connect() throws SQLException {
        return DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
    }
}
