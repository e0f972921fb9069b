package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What /v1/health and /v1/ready make of what is wrong. */
class HealthTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void whatIsNotPackedIsNotHealthyButNoReasonToServeNobody() throws SQLException {
        try (TestServer server = TestServer.start();
                var connection = server.sql();
                var statement = connection.createStatement()) {
            Exchange healthy = server.get("/v1/health");
            assertThat(healthy.status()).isEqualTo(200);
            assertThat(healthy.json().required("checks").required("database").asString()).isEqualTo("ok");
            assertThat(healthy.json().required("checks").required("seal").asString()).isEqualTo("ok");

            connection.setAutoCommit(false);
            statement.execute("update sample_buffer set activated_at = now() - interval '4 hours'");
            statement.execute("""
                    create function full_disk() returns trigger language plpgsql
                    as $$ begin raise exception 'no space left on device'; end $$""");
            statement.execute("create trigger full_disk before update on sample_buffer execute function full_disk()");
            connection.commit();

            Exchange unhealthy = server.get("/v1/health");
            assertThat(unhealthy.status()).isEqualTo(503);
            assertThat(unhealthy.json().required("checks").required("database").asString()).isEqualTo("ok");
            assertThat(unhealthy.json().required("checks").required("seal").asString())
                    .startsWith("no hour of samples has been packed since ");
            assertThat(server.get("/v1/ready").status()).isEqualTo(200);
        }
    }

    @Test
    void aDatabaseThatRefusesWritesIsNeitherHealthyNorReadyUntilItTakesThem() throws Exception {
        String event = "{\"job_id\": \"1\", \"user\": \"ada\", \"node_list\": [\"n1\"]}";
        try (TestServer server = TestServer.start();
                var connection = server.sql();
                var statement = connection.createStatement()) {
            assertThat(server.get("/v1/health").json().required("checks").required("writes").asString())
                    .isEqualTo("ok");
            statement.execute("""
                    create function full_disk() returns trigger language plpgsql
                    as $$ begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$""");
            statement.execute("create trigger full_disk before insert on job execute function full_disk()");
            // What the server writes at its start, and which is not refused, may come between.
            Waiting.until("it is said that writes are refused", PATIENCE, () -> {
                assertThat(server.post("/v1/events/job-started", event).status()).isEqualTo(503);
                Exchange health = server.get("/v1/health");
                return server.get("/v1/ready").status() == 503 && health.status() == 503
                        && health.json().required("checks").required("writes").asString()
                                .contains("no space left on device");
            });

            statement.execute("drop trigger full_disk on job");
            assertThat(server.post("/v1/events/job-started", event).status()).isEqualTo(200);
            assertThat(server.get("/v1/ready").status()).isEqualTo(200);
        }
    }

    @Test
    void thatSlurmIsNotAskedIsAProblemUntilSomebodyHasDecidedIt(@TempDir Path folder) throws Exception {
        Path conf = Files.writeString(folder.resolve("slurm.conf"), "ClusterName=alpha\n");
        TestPostgres.lendPrograms(folder.resolve("data"));
        try (ServerProcess server = ServerProcess.run(folder.resolve("data"), Waiting.passable(folder),
                Map.of("SLURM_CONF", conf.toString()), List.of("--jobwitness-data-dir=" + folder.resolve("data"),
                        "--host=127.0.0.1", "--port=0", "--auth=off"))
                .ready()) {
            HttpResponse<String> health = server.anonymous().get("/v1/health");
            assertThat(health.statusCode()).isEqualTo(503);
            assertThat(health.body())
                    .contains("\"database\":\"ok\"", "\"scheduler\":\"Slurm is not asked, so ends of jobs are"
                            + " not confirmed", "SCHEDULER_BACKEND=slurm", "SCHEDULER_BACKEND=none");
            assertThat(server.out()).contains("Slurm           is not asked, though " + conf + " is here",
                    "SCHEDULER_BACKEND=slurm and SLURM_");
        }
        try (TestServer server = TestServer.start()) {
            assertThat(server.get("/v1/health").json().required("checks").has("scheduler")).isFalse();
        }
    }
}
