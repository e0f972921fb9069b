package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What a user's jobs had and used. */
class UserSummaryTest {
    private static final Instant T = Instant.now().truncatedTo(ChronoUnit.HOURS).minus(Duration.ofHours(10));

    private static TestServer server;

    /** Two hours on 10 CPUs at 20 %, one hour on 20 CPUs at 80 % that is out of memory, one hour on 5 CPUs unseen. */
    @BeforeAll
    static void start() {
        server = TestServer.start();
        begin("1", 0, 10, 1000);
        use("1", 20, 500);
        end("1", 2, 0);
        begin("2", 2, 20, 1000);
        use("2", 80, 1000);
        end("2", 3, 253);
        begin("3", 3, 5, 1000);
        end("3", 4, 0);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static void begin(String job, int hour, int cpus, int memoryMb) {
        say("/v1/events/job-started", """
                {"job_id": "%s", "user": "alice", "node_list": ["n1"], "start_time": "%s", "cpu_allocation": %d,
                 "memory_allocation_mb": %d}""".formatted(job, T.plus(Duration.ofHours(hour)), cpus, memoryMb));
    }

    private static void use(String job, int cpu, int memoryMb) {
        assertThat(server.anonymous().send("POST", "/v1/jobs/" + job + "/metrics",
                "{\"cpu_usage\":%d,\"memory_usage_mb\":%d}".formatted(cpu, memoryMb), "Content-Type",
                "application/json", "X-Changed-By", "test", "X-Source", "test").status()).isEqualTo(201);
    }

    private static void end(String job, int hour, int rawStatus) {
        say("/v1/events/job-finished", "{\"job_id\": \"%s\", \"raw_status\": %d, \"timestamp\": \"%s\"}"
                .formatted(job, rawStatus, T.plus(Duration.ofHours(hour))));
    }

    private static void say(String path, String json) {
        assertThat(server.post(path, json).status()).isEqualTo(200);
    }

    @Test
    void hoursAreWeighedByWhatTheRunsHad() {
        JsonNode summary = server.get("/v1/users/alice/summary").json();
        assertThat(summary.required("runs").asInt()).isEqualTo(3);
        assertThat(summary.required("states").toString()).isIn("{\"completed\":2,\"failed\":1}",
                "{\"failed\":1,\"completed\":2}");
        assertThat(summary.required("reasons").required("out_of_memory").asInt()).isEqualTo(1);
        assertThat(summary.required("cpu_hours").asDouble()).isEqualTo(45);
        assertThat(summary.required("cpu_usage").asDouble()).as("20 %% and 80 %% of 20 hours each").isEqualTo(50);
        assertThat(summary.required("cpu_coverage").asDouble()).as("40 of 45").isEqualTo(0.889);
        assertThat(summary.required("memory_usage").asDouble()).as("half for 2 hours, all for 1").isEqualTo(66.667);
        assertThat(summary.required("gpu_hours").asDouble()).isZero();
        assertThat(summary.has("gpu_usage")).isFalse();
    }

    @Test
    void ofARunThatLiesPartlyBetweenTheTimesThatPartCounts() {
        JsonNode summary = server.get("/v1/users/alice/summary?from=" + T.plus(Duration.ofMinutes(90)) + "&to="
                + T.plus(Duration.ofMinutes(150))).json();
        assertThat(summary.required("runs").asInt()).isEqualTo(2);
        assertThat(summary.required("cpu_hours").asDouble()).isEqualTo(15);
        assertThat(summary.required("cpu_usage").asDouble()).as("a third at 20 %%, the rest at 80 %%").isEqualTo(60);
    }

    @Test
    void aTimeWithoutRunsIsEmptyAndAUserWithoutRunsIsNotKnown() {
        JsonNode summary = server.get("/v1/users/alice/summary?to=2020-01-01T00:00:00Z").json();
        assertThat(summary.required("runs").asInt()).isZero();
        assertThat(summary.required("cpu_hours").asDouble()).isZero();
        assertThat(summary.has("cpu_coverage")).isFalse();
        assertThat(server.get("/v1/users/nobody/summary").status()).isEqualTo(404);
        assertThat(server.get("/v1/users/alice/summary?cluster=nowhere").json().required("runs").asInt()).isZero();
        assertThat(server.get("/v1/users/alice/summary?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").field())
                .isEqualTo("from");
        assertThat(server.get("/v1/users/alice/summary?since=x").status()).isEqualTo(400);
        assertThat(server.get("/v1/users/%20/summary").field()).isEqualTo("user");
    }
}
