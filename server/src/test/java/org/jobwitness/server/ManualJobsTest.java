package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Jobs, samples and ends that people and scripts tell of by hand. */
class ManualJobsTest {
    private static TestServer server;
    private static TestServer.Client operator;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
        operator = server.as(Role.OPERATOR);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static Exchange make(String id) {
        return operator.post("/v1/jobs", "{\"id\":\"%s\",\"user\":\"alice\",\"nodes\":[\"n1\"]}".formatted(id));
    }

    private static Exchange patch(String id, String json) {
        return operator.send("PATCH", "/v1/jobs/" + id, json, "Content-Type", "application/json", "X-Changed-By",
                "bob", "X-Source", "test");
    }

    private static Exchange sample(String id, String json) {
        return operator.post("/v1/jobs/" + id + "/metrics", json);
    }

    private static JsonNode job(String id) {
        return operator.get("/v1/jobs/" + id).json();
    }

    @Test
    void aJobMadeByHandRunsFromNowOnWithAllThatWasSaidOfIt() {
        Instant before = Instant.now().minusSeconds(1);
        Exchange made = operator.post("/v1/jobs", """
                {"id": "slurm-901", "user": "alice", "nodes": ["n[1-2]", "n7"], "scheduler": {"type": "slurm",
                 "external_job_id": "12", "name": "triad", "partition": "batch", "account": "physics", "qos": "high",
                 "priority": 4294967295, "time_limit_minutes": 60, "submit_time": "2026-11-22T10:00:00+01:00",
                 "state_reason": "None", "raw_state": "RUNNING", "array_job_id": "900", "array_task_id": 1,
                 "extra": {"ticket": 7, "tags": ["a", null, 1.5], "note": "line\\nbreak <b>"}}}""");
        assertThat(made.status()).isEqualTo(201);
        assertThat(made.header("Location")).contains("/v1/jobs/901");
        JsonNode job = job("901");
        assertThat(operator.get("/v1/jobs/slurm-901").json().required("run")).isEqualTo(job.required("run"));
        assertThat(job.required("state").asString()).isEqualTo("running");
        assertThat(Instant.parse(job.required("start_time").asString())).isBetween(before, Instant.now());
        assertThat(job.required("nodes").toString()).isEqualTo("[\"n1\",\"n2\",\"n7\"]");
        assertThat(job.required("scheduler")).isEqualTo(Exchange.JSON.readTree("""
                {"type": "slurm", "external_job_id": "12", "name": "triad", "partition": "batch", "account": "physics",
                 "qos": "high", "priority": 4294967295, "time_limit_minutes": 60, "submit_time": "2026-11-22T09:00:00Z",
                 "state_reason": "None", "raw_state": "RUNNING", "array_job_id": "900", "array_task_id": 1,
                 "extra": {"ticket": 7, "tags": ["a", null, 1.5], "note": "line\\nbreak <b>"}}"""));
        assertThat(operator.get("/v1/jobs?q=TRIA").json().required("jobs").get(0).required("id").asString())
                .isEqualTo("901");
        assertThat(job.required("sample_count").asInt()).isZero();
        for (String unknown : List.of("cpu_usage", "coverage", "avg_cpu_usage", "last_sample_at", "reason")) {
            assertThat(job.has(unknown)).as(unknown).isFalse();
        }
    }

    @Test
    void anIdIsMadeOnceOnly() {
        assertThat(make("902").status()).isEqualTo(201);
        assertThat(make("902").code()).isEqualTo("conflict");
        assertThat(make("slurm-902").status()).isEqualTo(409);
        patch("902", "{\"state\":\"completed\"}");
        assertThat(make("902").status()).isEqualTo(409);
    }

    @Test
    void whatHasEndedIsFrozenAndNothingOfARefusedChangeIsStored() {
        make("903");
        assertThat(patch("903", "{\"cpu_usage\": 50, \"state\": \"failed\"}").json().required("state").asString())
                .isEqualTo("failed");
        JsonNode before = job("903");
        assertThat(before.required("confirmed").asBoolean()).isTrue();
        assertThat(before.required("cpu_usage").asDouble()).isEqualTo(50);
        for (String change : List.of("{\"state\":\"completed\"}", "{\"state\":\"failed\"}", "{\"cpu_usage\": 70}")) {
            assertThat(patch("903", change).status()).as(change).isEqualTo(409);
        }
        assertThat(sample("903", "{\"cpu_usage\": 70, \"memory_usage_mb\": 1}").status()).isEqualTo(409);
        assertThat(job("903")).isEqualTo(before);
        assertThat(operator.get("/v1/jobs/903/metrics").json().required("total").asInt()).isEqualTo(1);
    }

    @Test
    void aRunningJobDoesNotGoBackAndKeepsItsFigures() {
        make("904");
        assertThat(patch("904", "{\"state\":\"pending\",\"cpu_usage\":1}").status()).isEqualTo(409);
        assertThat(job("904").required("sample_count").asInt()).isZero();
        assertThat(patch("904", "{\"state\":\"running\"}").status()).isEqualTo(200);
        assertThat(patch("904", "{\"memory_usage_mb\":0}").json().required("memory_usage_mb").asDouble()).isZero();
        assertThat(job("904").has("cpu_usage")).isFalse();
    }

    @Test
    void figuresAreRightWithFiftyWritersAtOnce() throws Exception {
        make("905");
        List<Double> cpus = IntStream.range(0, 400).mapToObj(i -> i % 101 + 0.25 * (i % 4)).map(v -> Math.min(v, 100))
                .toList();
        try (ExecutorService writers = Executors.newFixedThreadPool(50)) {
            List<Callable<Integer>> posts = cpus.stream().<Callable<Integer>>map(cpu -> () -> sample("905",
                    "{\"cpu_usage\":%s,\"memory_usage_mb\":%s}".formatted(cpu, cpu * 10)).status()).toList();
            for (Future<Integer> status : writers.invokeAll(posts)) {
                assertThat(status.get()).isEqualTo(201);
            }
        }
        JsonNode job = job("905");
        double[] values = cpus.stream().mapToDouble(Double::doubleValue).toArray();
        assertThat(job.required("sample_count").asInt()).isEqualTo(400);
        assertThat(job.required("avg_cpu_usage").asDouble())
                .isCloseTo(DoubleStream.of(values).average().orElseThrow(), org.assertj.core.data.Offset.offset(0.001));
        assertThat(job.required("max_cpu_usage").asDouble()).isEqualTo(100);
        assertThat(job.required("max_memory_usage_mb").asDouble()).isEqualTo(1000);
        JsonNode page = operator.get("/v1/jobs/905/metrics?limit=10000").json();
        assertThat(page.required("total").asInt()).isEqualTo(400);
        assertThat(StreamSupport.stream(page.required("samples").spliterator(), false)
                .mapToDouble(s -> s.required("cpu_usage").asDouble()).sorted().toArray())
                .isEqualTo(DoubleStream.of(values).sorted().toArray());
        JsonNode newest = page.required("samples").get(0);
        assertThat(job.required("cpu_usage")).isEqualTo(newest.required("cpu_usage"));
        assertThat(job.required("last_sample_at")).isEqualTo(newest.required("timestamp"));
        assertThat(job.has("coverage")).as("nobody said how long a sample stands").isFalse();
    }

    @Test
    void aSampleWithATimeMayComeAgainAndIsNeverChanged() {
        make("906");
        String at = Instant.now().minus(Duration.ofHours(1)).truncatedTo(ChronoUnit.SECONDS).toString();
        String said = "{\"cpu_usage\":10,\"memory_usage_mb\":1000.1,\"timestamp\":\"%s\"}".formatted(at);
        assertThat(sample("906", said).status()).isEqualTo(201);
        assertThat(sample("906", said).status()).isEqualTo(201);
        assertThat(sample("906", said.replace("10,", "11,")).code()).isEqualTo("conflict");
        JsonNode page = operator.get("/v1/jobs/906/metrics").json();
        assertThat(page.toString()).isEqualTo(("{\"job_id\":\"906\",\"samples\":[{\"timestamp\":\"%s\","
                + "\"node_count\":1,\"cpu_usage\":10.0,\"memory_usage_mb\":1000.1}],\"total\":1}").formatted(at));
        assertThat(job("906").required("sample_count").asInt()).isEqualTo(1);
    }

    @Test
    void anOlderSampleDoesNotBecomeTheLatest() {
        make("907");
        sample("907", "{\"cpu_usage\":10,\"memory_usage_mb\":10,\"gpu_usage\":5}");
        String hourAgo = Instant.now().minus(Duration.ofHours(1)).toString();
        sample("907", "{\"cpu_usage\":90,\"memory_usage_mb\":90,\"timestamp\":\"%s\"}".formatted(hourAgo));
        JsonNode job = job("907");
        assertThat(job.required("cpu_usage").asDouble()).isEqualTo(10);
        assertThat(job.required("gpu_usage").asDouble()).isEqualTo(5);
        assertThat(job.required("max_cpu_usage").asDouble()).isEqualTo(90);
    }

    @Test
    void samplesTooOldOrOfTheFutureAreRefused() {
        make("908");
        for (Duration away : List.of(Duration.ofDays(-8), Duration.ofHours(1))) {
            Exchange refused = sample("908", "{\"cpu_usage\":1,\"memory_usage_mb\":1,\"timestamp\":\"%s\"}"
                    .formatted(Instant.now().plus(away)));
            assertThat(refused.status()).isEqualTo(400);
            assertThat(refused.field()).isEqualTo("timestamp");
        }
    }

    @Test
    void samplesAreReadByTimeNewestFirst() {
        make("909");
        Instant begin = Instant.now().minus(Duration.ofHours(2)).truncatedTo(ChronoUnit.SECONDS);
        for (int i = 0; i < 10; i++) {
            sample("909", "{\"cpu_usage\":%d,\"memory_usage_mb\":1,\"timestamp\":\"%s\"}".formatted(i,
                    begin.plusSeconds(i)));
        }
        JsonNode page = operator.get("/v1/jobs/909/metrics?limit=2&start_time=" + begin.plusSeconds(2) + "&end_time="
                + begin.plusSeconds(7)).json();
        assertThat(page.required("total").asInt()).isEqualTo(5);
        assertThat(page.required("samples")).extracting(sample -> sample.required("cpu_usage").asInt())
                .containsExactly(6, 5);
    }

    @Test
    void aForgottenJobIsGoneButItsTrailTellsWhatItWas() throws SQLException {
        make("910");
        sample("910", "{\"cpu_usage\":10,\"memory_usage_mb\":10}");
        Exchange forgotten = operator.send("DELETE", "/v1/jobs/slurm-910", "", "X-Changed-By", "bob", "X-Source",
                "test");
        assertThat(forgotten.status()).isEqualTo(204);
        for (String path : List.of("", "/runs", "/metrics")) {
            assertThat(operator.get("/v1/jobs/910" + path).status()).as(path).isEqualTo(404);
        }
        assertThat(operator.send("DELETE", "/v1/jobs/910", "").status()).isEqualTo(404);
        JsonNode trail = operator.get("/v1/jobs/910/audit").json().required("audit");
        assertThat(trail).extracting(line -> line.required("action").asString()).containsExactly("created", "deleted");
        JsonNode deletion = trail.get(1);
        assertThat(deletion.required("claim").asString()).isEqualTo("bob");
        assertThat(deletion.required("before").required("user").asString()).isEqualTo("alice");
        assertThat(deletion.has("after")).isFalse();
        assertThat(make("910").status()).isEqualTo(201);
        assertThat(job("910").required("sample_count").asInt()).as("samples of the forgotten run").isZero();
    }

    @Test
    void withoutTokensWritersMustSayWhoTheyAre() {
        try (TestServer open = TestServer.start()) {
            String job = "{\"id\":\"1\",\"user\":\"alice\",\"nodes\":[\"n1\"]}";
            assertThat(open.post("/v1/jobs", job).field()).isEqualTo("X-Changed-By");
            TestServer.Client caller = open.anonymous();
            assertThat(caller.send("POST", "/v1/jobs", job, "Content-Type", "application/json", "X-Changed-By", "bob",
                    "X-Source", "  ").field()).isEqualTo("X-Source");
            assertThat(caller.send("POST", "/v1/jobs", job, "Content-Type", "application/json", "X-Changed-By", "bob",
                    "X-Source", "test").status()).isEqualTo(201);
            String sample = "{\"cpu_usage\":1,\"memory_usage_mb\":1}";
            assertThat(open.post("/v1/jobs/1/metrics", sample).status()).isEqualTo(400);
            assertThat(caller.send("PATCH", "/v1/jobs/1", sample, "Content-Type", "application/json").status())
                    .isEqualTo(400);
            assertThat(caller.send("DELETE", "/v1/jobs/1", "").status()).isEqualTo(400);
            assertThat(open.post("/v1/events/job-started", "{\"job_id\":\"2\",\"user\":\"u\",\"node_list\":[\"n1\"]}")
                    .status()).as("events need none").isEqualTo(200);
        }
    }

    @Test
    void aJobOfTwoClustersNeedsItsClusterToBeChanged() {
        for (String cluster : List.of("east", "west")) {
            server.as(Role.AGENT).post("/v1/events/job-started",
                    "{\"job_id\":\"911\",\"user\":\"u\",\"node_list\":[\"n1\"],\"cluster\":\"%s\"}".formatted(cluster));
        }
        assertThat(patch("911", "{\"state\":\"failed\"}").field()).isEqualTo("cluster");
        assertThat(patch("911?cluster=west", "{\"state\":\"failed\"}").status()).isEqualTo(200);
        assertThat(job("911?cluster=east").required("state").asString()).isEqualTo("running");
        assertThat(operator.send("DELETE", "/v1/jobs/911?cluster=west", "").status()).isEqualTo(204);
        assertThat(job("911").required("cluster").asString()).isEqualTo("east");
    }

    /** 2^53 is the most that is taken; what is beyond is left out alone. */
    @Test
    void sumsOfHostileCountersCanStillBeRead() {
        for (String node : List.of("n1", "n2")) {
            server.as(Role.AGENT).post("/v1/events/job-finished", """
                    {"job_id": "914", "node": "%s", "reading": {"cpu_usage_usec": 9007199254740992,
                     "memory_peak_bytes": 9223372036854775807, "oom_kills": 9007199254740992}}""".formatted(node));
        }
        JsonNode job = job("914");
        assertThat(job.required("cpu_seconds").asDouble()).isGreaterThan(1.8e10);
        assertThat(job.required("oom_kills").asLong()).isEqualTo(1L << 54);
        assertThat(job.has("max_memory_usage_mb")).isFalse();
        assertThat(operator.get("/v1/jobs?q=914").json().required("total").asInt()).isEqualTo(1);
    }

    @Test
    void usageIsExportedForRunningJobsWithAFreshSample() {
        make("912");
        sample("912", "{\"cpu_usage\":12.5,\"memory_usage_mb\":2,\"gpu_usage\":7}");
        make("913");
        sample("913", "{\"cpu_usage\":12.5,\"memory_usage_mb\":2,\"timestamp\":\"%s\"}"
                .formatted(Instant.now().minusSeconds(600)));
        String metrics = operator.get("/metrics").body();
        String labels = "{cluster=\"default\",job_id=\"912\",user=\"alice\",node=\"n1\"}";
        assertThat(metrics.lines()).contains("hpc_job_cpu_usage_percent" + labels + " 12.5",
                "hpc_job_memory_usage_bytes" + labels + " 2097152", "hpc_job_gpu_usage_percent" + labels + " 7",
                "hpc_job_info{cluster=\"default\",job_id=\"912\",user=\"alice\",partition=\"\",account=\"\",name=\"\"} 1");
        assertThat(metrics).doesNotContain("usage_percent{cluster=\"default\",job_id=\"913\"");
    }
}
