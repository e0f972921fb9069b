package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Gate;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The server beside an external PostgreSQL that is not there, goes away, hangs or refuses. Much of it is waiting. */
class DatabaseAwayTest {
    private static final Duration RECOVERY = Duration.ofSeconds(30);
    private static final Duration REFUSAL = Duration.ofSeconds(15);
    private static final Duration AT_ONCE = Duration.ofSeconds(3);

    @TempDir
    Path folder;
    private final DatabaseAddress database = TestPostgres.emptyDatabase();
    private final Gate gate = new Gate(database);
    private Server server;
    private Http http;

    private void start(String databaseUrl) throws Exception {
        server = new Server(ServerConfig.read(List.of("--host=127.0.0.1", "--port=0", "--auth=off",
                "--scheduler-backend=none", "--jobwitness-data-dir=" + folder, "--database-url=" + databaseUrl),
                Map.of(),
                folder.resolve(".env")));
        http = Http.anonymous(server.port());
    }

    @AfterEach
    void stop() throws IOException {
        gate.close();
        if (server != null) {
            server.close();
        }
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void withoutADatabaseTheServerStartsAndSaysWhatIsWrongAndRecoversByItself() throws Exception {
        start(gate.url());
        assertAway("refused");
        gate.open();
        assertRecovers("first");
        gate.shut();
        assertAway("refused");
        gate.open();
        assertRecovers("second");
        assertThat(http.get("/v1/jobs").body()).contains("\"total\":2", "\"first\"", "\"second\"");
    }

    /** As in a container whose database is stopped. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aHostWithoutAnAddressIsSaidToBeThat() throws Exception {
        start("postgres://jobwitness@nowhere.invalid/jobwitness");
        assertAway("no address is known of host nowhere.invalid");
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aDatabaseThatTakesConnectionsAndNeverAnswersIsAway() throws Exception {
        gate.silence();
        start(gate.url());
        assertAway("time");
        gate.open();
        assertRecovers("first");
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aDatabaseThatFallsSilentIsAwayAndItsConnectionsAreNotKept() throws Exception {
        gate.open();
        start(gate.url());
        assertRecovers("first");
        gate.silence();
        assertUnavailable(meanwhile(() -> http.postStart("on-a-connection-good-a-moment-ago")).join());
        assertAway("time");
        gate.open();
        assertRecovers("second");
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aServerWhoseDatabaseHangsStillStops() throws Exception {
        gate.open();
        start(gate.url());
        assertRecovers("first");
        gate.silence();
        CompletableFuture<Integer> hanging = CompletableFuture.supplyAsync(() -> status("hanging"),
                Thread::startVirtualThread);
        long began = System.nanoTime();
        server.close();
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(REFUSAL);
        assertThat(hanging.join()).isNotEqualTo(200);
    }

    private int status(String jobId) {
        try {
            return http.postStart(jobId).statusCode();
        } catch (IOException e) {
            return 0;
        }
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aWrongPasswordIsSaidButNotShown() throws Exception {
        gate.open();
        start(gate.url("wrong-password"));
        Waiting.until("health tells of the password", RECOVERY,
                () -> trouble().contains("password authentication failed"));
        HttpResponse<String> health = http.get("/v1/health");
        assertThat(health.statusCode()).isEqualTo(503);
        assertThat(health.body()).doesNotContain("wrong-password");
        assertThat(http.postStart("1").body()).contains("password authentication failed")
                .doesNotContain("wrong-password");
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aDatabaseThatDoesNotExistIsNamed() throws Exception {
        gate.open();
        start(gate.url().replaceFirst("/test_[0-9]+", "/no_such_database"));
        Waiting.until("health names the database", RECOVERY,
                () -> trouble().contains("database \"no_such_database\" does not exist"));
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void anEventThatAnotherSessionHoldsUpIsToBeSentAgain() throws Exception {
        gate.open();
        start(gate.url());
        assertRecovers("held");
        try (Connection other = DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password());
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("lock table job in access exclusive mode");
            HttpResponse<String> refused = http.post("/v1/events/job-finished", """
                    {"job_id": "held", "exit_code": 0, "signal": 0, "node": "n1"}""");
            assertUnavailable(refused);
        }
        assertThat(http.post("/v1/events/job-finished", """
                {"job_id": "held", "exit_code": 0, "signal": 0, "node": "n1"}""").statusCode()).isEqualTo(200);
    }

    private String trouble() throws IOException {
        JsonNode health = JsonMapper.shared().readTree(http.get("/v1/health").body());
        return health.get("checks").get("database").stringValue();
    }

    /** All at once, and the process counts as alive meanwhile. */
    private void assertAway(String why) throws Exception {
        AtomicReference<String> said = new AtomicReference<>();
        Waiting.until("health says " + why, REFUSAL, said::get, () -> {
            said.set(trouble());
            return said.get().contains(why);
        });
        CompletableFuture<HttpResponse<String>> event = meanwhile(() -> http.postStart("refused"));
        CompletableFuture<HttpResponse<String>> ready = meanwhile(() -> http.get("/v1/ready"));
        CompletableFuture<HttpResponse<String>> health = meanwhile(() -> http.get("/v1/health"));
        CompletableFuture<HttpResponse<String>> metrics = meanwhile(() -> http.get("/metrics"));
        do {
            long began = System.nanoTime();
            assertThat(http.get("/v1/live").statusCode()).isEqualTo(200);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(AT_ONCE);
        } while (!CompletableFuture.allOf(event, ready, health, metrics).isDone());

        assertUnavailable(event.join());
        assertThat(ready.join().statusCode()).isEqualTo(503);
        assertThat(ready.join().body()).isEqualTo("{\"status\":\"not_ready\"}");
        assertThat(health.join().statusCode()).isEqualTo(503);
        assertThat(health.join().headers().firstValue("Retry-After")).isPresent();
        assertThat(health.join().body()).contains("\"unhealthy\"", why).doesNotContain(database.password());
        assertThat(metrics.join().statusCode()).isEqualTo(200);
        assertThat(metrics.join().body()).contains("\njobwitness_database_up 0\n", "\njvm_")
                .doesNotContain("\nhpc_job_state_total{");
    }

    private interface Asked {
        HttpResponse<String> answer() throws IOException;
    }

    /** Asks on a thread of its own; there must be an answer in bounded time. */
    private static CompletableFuture<HttpResponse<String>> meanwhile(Asked asked) {
        return CompletableFuture.supplyAsync(() -> {
            long began = System.nanoTime();
            try {
                HttpResponse<String> answer = asked.answer();
                assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(REFUSAL);
                return answer;
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }, Thread::startVirtualThread);
    }

    private static void assertUnavailable(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(503);
        assertThat(answer.headers().firstValue("Retry-After")).isPresent();
        assertThat(JsonMapper.shared().readTree(answer.body()).get("error").stringValue()).isEqualTo("unavailable");
    }

    private void assertRecovers(String jobId) throws Exception {
        Waiting.until("the server is ready", RECOVERY, () -> http.get("/v1/ready").statusCode() == 200);
        assertThat(http.get("/v1/health").statusCode()).isEqualTo(200);
        assertThat(http.postStart(jobId).statusCode()).isEqualTo(200);
        assertThat(http.get("/metrics").body()).contains("\njobwitness_database_up 1\n", "\nhpc_job_state_total{");
    }
}
