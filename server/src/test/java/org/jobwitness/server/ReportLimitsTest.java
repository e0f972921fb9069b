package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.Test;

/** What whoever holds the agent token can make the server hold and show. */
class ReportLimitsTest {
    private static String started(String job, String cluster, String nodes) {
        return "{\"job_id\":\"%s\",\"user\":\"u\",\"cluster\":\"%s\",\"node_list\":[\"%s\"]}".formatted(job, cluster,
                nodes);
    }

    private static String batch(String node) {
        return """
                {"version":1,"node":"%s","boot_id":"b","sequence":1,"timestamp":"%s",
                "node_figures":{"cpu_usage_percent":1},"jobs":[{"job_id":"1","user":"u","memory_bytes":1}]}"""
                .formatted(node, Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    @Test
    void tenEventsOfInventedNodesDoNotMakeThePageLarge() {
        try (TestServer server = TestServer.start()) {
            assertThat(server.post("/v1/batches", batch("real1")).status()).isEqualTo(200);
            for (int job = 2; job < 12; job++) {
                assertThat(server.post("/v1/events/job-started", started("" + job, "default", "n[1-20000],real1"))
                        .status()).isEqualTo(200);
            }
            Exchange page = server.get("/metrics");
            assertThat(page.status()).isEqualTo(200);
            assertThat(page.body().length()).isLessThan(5 << 20);
            assertThat(page.body())
                    .contains("hpc_job_runtime_seconds{cluster=\"default\",job_id=\"11\",user=\"u\",node=\"real1\"}")
                    .containsPattern("jobwitness_metrics_series_left_out (19[0-9]|2[0-9]{2})[0-9]{3}");
            Exchange health = server.get("/v1/health");
            assertThat(health.status()).isEqualTo(503);
            assertThat(health.body()).contains("neither an agent nor Slurm reports");
            assertThat(server.get("/v1/ready").status()).isEqualTo(200);
        }
    }

    @Test
    void onlyTheClustersOfTheSettingAreTaken() {
        try (TestServer server = TestServer.start("--clusters=a, b")) {
            assertThat(server.post("/v1/events/job-started", started("1", "a", "n1")).status()).isEqualTo(200);
            assertThat(server.post("/v1/events/job-started", started("1", "default", "n1")).status()).isEqualTo(200);
            Exchange other = server.post("/v1/events/job-started", started("1", "c", "n1"));
            assertThat(other.status()).isEqualTo(403);
            assertThat(other.body()).contains("CLUSTERS");
            assertThat(server.post("/v1/batches", batch("n1").replace("\"boot_id\"", "\"cluster\":\"c\",\"boot_id\""))
                    .status()).isEqualTo(403);
        }
    }

    @Test
    void withoutTheSettingTheFirstClustersAreTaken() {
        try (TestServer server = TestServer.start()) {
            int taken = 0;
            for (int cluster = 0; cluster < 60; cluster++) {
                int status = server.post("/v1/events/job-started", started("1", "c" + cluster, "n1")).status();
                assertThat(status).isIn(200, 403);
                taken += status == 200 ? 1 : 0;
            }
            assertThat(taken).as("with the default one").isEqualTo(49);
            assertThat(server.post("/v1/events/job-started", started("2", "c0", "n1")).status()).isEqualTo(200);
        }
    }

    @Test
    void batchesOfMoreNodesThanAllowedAreRefused() {
        try (TestServer server = TestServer.start("--max-nodes=3")) {
            for (int node = 1; node <= 3; node++) {
                assertThat(server.post("/v1/batches", batch("n" + node)).status()).isEqualTo(200);
            }
            Exchange refused = server.post("/v1/batches", batch("n4"));
            assertThat(refused.status()).isEqualTo(403);
            assertThat(refused.body()).contains("MAX_NODES");
            assertThat(server.post("/v1/batches", batch("n2")).status()).isEqualTo(200);
            assertThat(server.get("/metrics").body()).contains("jobwitness_nodes 3.0", "jobwitness_nodes_max 3.0");
            assertThat(server.get("/v1/health").body()).contains("batches of nodes beyond the first 3 are refused");
        }
    }

    @Test
    void aScrapeHasNoMoreSeriesThanAllowed() {
        try (TestServer server = TestServer.start("--metrics-max-series=1000")) {
            for (int job = 0; job < 600; job++) {
                server.post("/v1/events/job-started", started("" + job, "default", "n1"));
            }
            String page = server.get("/metrics").body();
            assertThat(page.lines().filter(line -> line.startsWith("hpc_job_info{") || line.startsWith("hpc_job_state{")
                    || line.startsWith("hpc_job_runtime_seconds{")).count()).isBetween(900L, 1000L);
            assertThat(page).containsPattern("jobwitness_metrics_series_left_out [1-9]");
        }
    }
}
