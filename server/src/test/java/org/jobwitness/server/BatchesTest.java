package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.GZIPOutputStream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.jobwitness.wire.JobReading;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Batches, as agents send them. */
class BatchesTest {
    private static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private static TestServer server;
    private static TestServer.Client agent;
    private static TestServer.Client operator;
    private static long sequence;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
        agent = server.as(Role.AGENT);
        operator = server.as(Role.OPERATOR);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String batch(String node, long number, Instant at, String jobs) {
        return """
                {"version": 1, "node": "%s", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 15000,
                 "jobs": [%s]}""".formatted(node, number, at, jobs);
    }

    private static Exchange send(String node, Instant at, String jobs) {
        return agent.post("/v1/batches", batch(node, ++sequence, at, jobs));
    }

    private static JsonNode job(String id) {
        return operator.get("/v1/jobs/" + id).json();
    }

    private static int stored(String id) {
        return operator.get("/v1/jobs/" + id + "/metrics?limit=10000").json().required("total").asInt();
    }

    private static String status(Exchange answer) {
        assertThat(answer.status()).as("%s", answer).isEqualTo(200);
        return answer.json().required("status").asString();
    }

    @Test
    void timeInWhichSlurmHadAJobSuspendedDoesNotCountAsUse() {
        Instant start = NOW.minusSeconds(7200);
        agent.post("/v1/events/job-started", """
                {"job_id": "held-up", "user": "susan", "node_list": ["x31"], "node": "x31", "cpu_allocation": 4, "cpus_per_node": "4",
                 "timestamp": "%s"}""".formatted(start));
        String reading = """
                {"job_id": "held-up", "interval_ms": 3600000, "cpu_usage_usec": 14400000000, "suspended_ms": %s}""";
        send("x31", start.plusSeconds(3600), reading.formatted("0, \"cpus_used\": 4"));
        send("x31", NOW, reading.formatted("3600000, \"last\": true, \"absent\": {\"cpus_used\": \"suspended\"}"));
        agent.post("/v1/events/job-finished", """
                {"job_id": "held-up", "node": "x31", "exit_code": 0, "signal": 0, "timestamp": "%s"}""".formatted(NOW));

        JsonNode job = job("held-up");
        assertThat(job.required("runtime_seconds").asDouble()).isEqualTo(7200);
        assertThat(job.required("suspended_seconds").asDouble()).isEqualTo(3600);
        assertThat(job.required("coverage").asDouble()).as("it was seen all the same").isEqualTo(1);
        assertThat(job.required("avg_cpu_usage").asDouble()).isEqualTo(100);
        assertThat(job.required("figures").required("cpu_efficiency").asDouble()).isEqualTo(100);
        JsonNode susan = operator.get("/v1/users/susan/summary").json();
        assertThat(susan.required("cpu_hours").asDouble()).isEqualTo(4);
        assertThat(susan.required("cpu_usage").asDouble()).isEqualTo(100);
        assertThat(operator.get("/v1/jobs/held-up/verdict").body())
                .contains("Slurm suspended it for 1 h of that time, which does not count as use.");
    }

    /** As the kernel's cgroup, empty, that Slurm left behind. */
    @Test
    void whatIsReadAfterTheEndChangesNothing() {
        Instant start = NOW.minusSeconds(3000);
        agent.post("/v1/events/job-started", """
                {"job_id": "stale", "user": "ada", "node_list": ["x41"], "node": "x41", "cpus_per_node": "4",
                 "start_time": "%s"}""".formatted(start));
        String reading = "{\"job_id\": \"stale\", \"start_time\": \"" + start + "\", \"cpus_used\": %s}";
        for (int k = 1; k <= 60; k++) {
            send("x41", start.plusSeconds(15L * k), reading.formatted(3));
        }
        agent.post("/v1/events/job-finished",
                """
                {"job_id": "stale", "node": "x41", "start_time": "%s", "exit_code": 0, "signal": 0, "timestamp": "%s"}"""
                        .formatted(start, start.plusSeconds(905)));
        send("x41", start.plusSeconds(906), reading.formatted("3, \"last\": true"));
        for (int k = 61; k <= 190; k++) {
            assertThat(status(send("x41", start.plusSeconds(15L * k), reading.formatted(0)))).isEqualTo("stored");
        }
        send("x41", start.plusSeconds(908),
                reading.formatted("3, \"oom_kill_events\": [{\"timestamp\": \"" + start.plusSeconds(904)
                        + "\", \"killed\": 1, \"cause\": \"limit\"}]"));
        JsonNode job = job("stale");
        assertThat(job.required("avg_cpu_usage").asDouble()).isEqualTo(75);
        assertThat(job.required("sample_count").asInt()).as("with the ones of its end").isEqualTo(62);
        assertThat(job.required("last_sample_at").asString()).isEqualTo(start.plusSeconds(908).toString());
        assertThat(job.required("oom_kill_events").size()).as("a kill that was read after the end").isEqualTo(1);
        assertThat(stored("stale")).isEqualTo(62);
    }

    @Test
    void aNodeThatGoesOnWithoutAJobHasLostIt() {
        Instant start = NOW.minusSeconds(3600);
        for (String job : List.of("gone", "stays")) {
            agent.post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "ada", "node_list": ["x42"], "node": "x42", "start_time": "%s"}"""
                    .formatted(job, start));
        }
        String reading = "{\"job_id\": \"%s\", \"start_time\": \"" + start + "\", \"cpus\": 4, \"cpus_used\": 4}";
        for (int k = 1; k <= 40; k++) {
            Instant at = start.plusSeconds(15L * k);
            String both = reading.formatted("gone") + ", " + reading.formatted("stays");
            agent.post("/v1/batches", batch("x42", k, at, both).replace("\"b\"", "\"boot A\""));
        }
        for (int k = 1; k <= 60; k++) {
            Instant at = NOW.minusSeconds(900).plusSeconds(15L * k);
            agent.post("/v1/batches",
                    batch("x42", k, at, reading.formatted("stays")).replace("\"b\"", "\"boot B\""));
        }
        JsonNode gone = job("gone");
        assertThat(gone.required("reason").asString()).isEqualTo("lost");
        assertThat(gone.required("confirmed").asBoolean()).isFalse();
        assertThat(gone.required("end_time").asString()).isEqualTo(start.plusSeconds(600).toString());
        assertThat(operator.get("/v1/jobs/gone/audit").body()).contains("not in 20 batches of x42 in a row");
        assertThat(job("stays").required("state").asString()).isEqualTo("running");
        assertThat(operator.get("/metrics").body())
                .containsPattern("hpc_job_ended_total\\{cluster=\"default\",reason=\"lost\",state=\"completed\"\\} 1");

        agent.post("/v1/events/job-finished", """
                {"job_id": "gone", "node": "x42", "start_time": "%s", "raw_status": 768, "timestamp": "%s"}"""
                .formatted(start, start.plusSeconds(700)));
        assertThat(job("gone").required("reason").asString()).as("better evidence comes late").isEqualTo("exit_code");
    }

    @Test
    void twoAgentsOfANodeDoNotCoverMoreThanTheTime() {
        Instant start = NOW.minusSeconds(600);
        for (int k = 1; k <= 20; k++) {
            for (String boot : List.of("one", "two")) {
                Instant at = start.plusSeconds(15L * k + (boot.equals("two") ? 3 : 0));
                agent.post("/v1/batches", batch("x44", k, at, "{\"job_id\": \"twofold\", \"since\": \"" + start
                        + "\", \"cpus\": 4, \"cpus_used\": 2}").replace("\"b\"", "\"" + boot + "\""));
            }
        }
        agent.post("/v1/events/job-finished", """
                {"job_id": "twofold", "node": "x44", "exit_code": 0, "signal": 0, "timestamp": "%s"}""".formatted(NOW));
        assertThat(job("twofold").required("coverage").asDouble()).isBetween(0.5, 0.51);
        assertThat(job("twofold").required("avg_cpu_usage").asDouble()).isEqualTo(50);
    }

    @Test
    void aUidHas32BitsWithoutASign() {
        send("x43", NOW,
                """
                {"job_id": "uid-1", "uid": 3846276768, "cpus": 4, "cpus_used": 1}, {"job_id": "uid-2", "uid": 4294967295}""");
        assertThat(job("uid-1").required("uid").asLong()).isEqualTo(3_846_276_768L);
        assertThat(job("uid-2").has("uid")).isFalse();
        assertThat(operator.get("/v1/jobs/uid-1/audit").body()).contains("3846276768");
    }

    @Test
    void whatAnAgentReadIsThereAtOnce() {
        agent.post("/v1/events/job-started", """
                {"job_id": "b1", "user": "ada", "node_list": ["x1"], "node": "x1", "cpus_per_node": "8",
                 "gpu_allocation": 2, "timestamp": "%s"}""".formatted(NOW.minusSeconds(600)));
        assertThat(status(agent.post("/v1/batches", """
                {"version": 1, "node": "x1", "boot_id": "b", "sequence": 1, "timestamp": "%s", "interval_ms": 15000,
                 "agent_version": "0.1.0",
                 "node_figures": {"total_cpus": 64, "total_memory_bytes": 274877906944, "cpu_usage_percent": 12.5,
                                  "memory_usage_bytes": 1073741824, "cpu_load": 7.25, "total_gpus": 4},
                 "jobs": [{"job_id": "b1", "since": "%s", "uid": 7, "cgroup_path": "a/job_b1", "cpus_used": 6.0,
                           "cpu_usage_usec": 3600000000, "memory_usage_bytes": 2147483648,
                           "memory_anon_bytes": 1073741824, "memory_file_bytes": 536870912,
                           "memory_peak_bytes": 3221225472, "oom_kills": 0,
                           "absent": {"io_read_bytes": "the io controller is not enabled"}}],
                 "gpus": [{"gpu": "GPU-1", "vendor": "nvidia", "job_id": "b1", "utilization_percent": 90.0},
                          {"gpu": "GPU-2", "vendor": "nvidia", "job_id": "b1", "utilization_percent": 0.0},
                          {"gpu": "GPU-3", "vendor": "nvidia", "utilization_percent": 50.0}]}"""
                .formatted(NOW, NOW.minusSeconds(599))))).isEqualTo("stored");
        JsonNode job = job("b1");
        assertThat(job.required("cpu_usage").asDouble()).as("6 of 8 CPUs").isEqualTo(75);
        assertThat(job.required("memory_usage_mb").asDouble()).isEqualTo(2048);
        assertThat(job.required("max_memory_usage_mb").asDouble()).isEqualTo(3072);
        assertThat(job.required("gpu_usage").asDouble()).isEqualTo(45);
        assertThat(job.required("cpu_seconds").asDouble()).isEqualTo(3600);
        assertThat(job.required("oom_kills").asInt()).isZero();
        assertThat(job.required("last_sample_at").asString()).isEqualTo(NOW.toString());
        assertThat(job.required("uid").asInt()).isEqualTo(7);
        assertThat(job.required("user").asString()).isEqualTo("ada");
        JsonNode node = operator.get("/v1/nodes/x1").json();
        assertThat(node.required("cpu_usage").asDouble()).isEqualTo(12.5);
        assertThat(node.required("jobs").toString()).isEqualTo("[\"b1\"]");
        assertThat(node.has("state")).as("an agent does not know it").isFalse();
    }

    @Test
    void aBatchCountsOnceHoweverOftenAndInWhateverOrderItComes() throws Exception {
        List<String> batches = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            batches.add(batch("x2", 1000 + i, NOW.minusSeconds(900 - 15 * i),
                    "{\"job_id\": \"b2\", \"since\": \"%s\", \"memory_usage_bytes\": %d}"
                            .formatted(NOW.minusSeconds(1000), (i + 1) << 20)));
        }
        List<Callable<String>> sent = new ArrayList<>();
        for (int times = 0; times < 4; times++) {
            List<String> shuffled = new ArrayList<>(batches);
            Collections.shuffle(shuffled, new Random(times));
            shuffled.forEach(batch -> sent.add(() -> status(agent.post("/v1/batches", batch))));
        }
        List<String> answers = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<String> answer : threads.invokeAll(sent)) {
                answers.add(answer.get());
            }
        }
        assertThat(Collections.frequency(answers, "stored")).isEqualTo(60);
        assertThat(Collections.frequency(answers, "duplicate")).isEqualTo(180);
        assertThat(stored("b2")).isEqualTo(60);
        JsonNode job = job("b2");
        assertThat(job.required("sample_count").asInt()).isEqualTo(60);
        assertThat(job.required("max_memory_usage_mb").asDouble()).isEqualTo(60);
        assertThat(operator.get("/v1/jobs/b2/runs").json().required("runs").size()).isEqualTo(1);
        assertThat(status(agent.post("/v1/batches",
                batches.getFirst().replace("\"boot_id\": \"b\"", "\"boot_id\": \"after a reboot\""))))
                .isEqualTo("stored");
    }

    @Test
    void aJobThatNobodyAnnouncedIsTheRunThatItsNodesSee() {
        send("x3", NOW, """
                {"job_id": "b3", "since": "%s", "uid": 1234, "user": "carl", "cpus": 4, "cpus_used": 1.0}"""
                .formatted(NOW.minusSeconds(30)));
        send("x4", NOW, "{\"job_id\": \"b3\", \"since\": \"%s\", \"cpus\": 4, \"cpus_used\": 3.0}"
                .formatted(NOW.minusSeconds(29)));
        JsonNode job = job("b3");
        assertThat(job.required("state").asString()).isEqualTo("running");
        assertThat(job.required("start_time").asString()).isEqualTo(NOW.minusSeconds(30).toString());
        assertThat(job.required("nodes").toString()).isEqualTo("[\"x3\",\"x4\"]");
        assertThat(job.required("user").asString()).isEqualTo("carl");
        assertThat(job.required("cpu_usage").asDouble()).as("25 %% and 75 %%, of the cgroup's CPUs").isEqualTo(50);
        JsonNode trail = operator.get("/v1/jobs/b3/audit").json().required("audit");
        assertThat(trail.get(0).required("action").asString()).isEqualTo("created");
        assertThat(trail.get(0).required("actor").asString()).isEqualTo("agent");
    }

    @Test
    void theRunsOfARequeuedJobAreToldApartByWhenTheirCgroupsWereMade() {
        Instant first = NOW.minusSeconds(3000);
        Instant second = NOW.minusSeconds(1000);
        agent.post("/v1/events/job-started", """
                {"job_id": "b4", "user": "ada", "node_list": ["x5"], "node": "x5", "timestamp": "%s"}"""
                .formatted(first));
        send("x5", first.plusSeconds(60), "{\"job_id\": \"b4\", \"since\": \"%s\", \"memory_usage_bytes\": 1048576}"
                .formatted(first.plusSeconds(1)));
        agent.post("/v1/events/job-finished", """
                {"job_id": "b4", "node": "x5", "exit_code": 0, "signal": 0, "timestamp": "%s"}"""
                .formatted(first.plusSeconds(120)));
        send("x5", second.plusSeconds(60), "{\"job_id\": \"b4\", \"since\": \"%s\", \"memory_usage_bytes\": 2097152}"
                .formatted(second));
        send("x5", first.plusSeconds(75), "{\"job_id\": \"b4\", \"since\": \"%s\", \"memory_usage_bytes\": 3145728}"
                .formatted(first.plusSeconds(1)));
        JsonNode runs = operator.get("/v1/jobs/b4/runs").json().required("runs");
        assertThat(runs.size()).isEqualTo(2);
        assertThat(runs.get(0).required("max_memory_usage_mb").asDouble()).isEqualTo(2);
        assertThat(runs.get(1).required("max_memory_usage_mb").asDouble()).isEqualTo(3);
        assertThat(runs.get(1).required("sample_count").asInt()).isEqualTo(2);
    }

    @Test
    void readingsThatCannotBeKeptAreRefusedWithTheirCauseAndTheRestIsStored() {
        Exchange answer = send("x6", NOW, """
                {"job_id": "b6", "since": "%1$s", "memory_usage_bytes": 1},
                {"job_id": "b7", "since": "%1$s", "timestamp": "%2$s", "memory_usage_bytes": 1},
                {"job_id": "b8", "since": "%1$s", "timestamp": "%3$s", "memory_usage_bytes": 1}"""
                .formatted(NOW.minusSeconds(60), NOW.minus(Duration.ofDays(8)), NOW.plus(Duration.ofHours(1))));
        assertThat(status(answer)).isEqualTo("stored");
        assertThat(answer.json().required("refused").toString()).contains("b7", "7 days", "b8", "in the future")
                .doesNotContain("b6");
        assertThat(stored("b6")).isEqualTo(1);
        assertThat(operator.get("/v1/jobs/b7").status()).as("no run is made of what is refused").isEqualTo(404);
    }

    @Test
    void anAgentWhoseClockIsWrongAndSaysSoHasItsTimesPutRight() throws Exception {
        Instant wrong = NOW.plus(Duration.ofHours(1));
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(wrong.atOffset(ZoneOffset.UTC));
        String body = batch("x7", ++sequence, wrong.minusSeconds(10),
                "{\"job_id\": \"b9\", \"since\": \"%s\", \"memory_usage_bytes\": 1}".formatted(wrong.minusSeconds(70)));
        assertThat(post(body.getBytes(StandardCharsets.UTF_8), "Date", date).body()).contains("\"stored\"");
        Instant at = Instant.parse(job("b9").required("last_sample_at").asString());
        assertThat(at).isBetween(NOW.minusSeconds(15), Instant.now());
        assertThat(Instant.parse(job("b9").required("start_time").asString())).isEqualTo(at.minusSeconds(60));
        assertThat(post(body.getBytes(StandardCharsets.UTF_8), "Date", "yesterday").statusCode()).isEqualTo(400);
    }

    @Test
    void whatAnAgentShouldHaveSentLongAgoIsToldUntilItIsSent() throws Exception {
        waiting("w1", "batches=240, events=2, seconds=3600");
        waiting("w2", "batches=0, events=0, seconds=15");
        waiting("w3", "batches=8, events=0, seconds=120");
        assertThat(waitingSamples()).contains("hpc_node_agent_waiting_batches{cluster=\"default\",node=\"w1\"} 240",
                "hpc_node_agent_waiting_events{cluster=\"default\",node=\"w1\"} 2",
                "hpc_node_agent_waiting_batches{cluster=\"default\",node=\"w3\"} 8")
                .filteredOn(line -> line.contains("\"w1\"") && line.contains("_since_")).singleElement()
                .satisfies(line -> assertThat(Double.parseDouble(line.substring(line.indexOf(' '))))
                        .isBetween(NOW.getEpochSecond() - 3600.0, Instant.now().getEpochSecond() - 3599.0));
        assertThat(waitingSamples()).noneMatch(line -> line.contains("\"w2\""));
        Exchange health = operator.get("/v1/health");
        assertThat(health.status()).isEqualTo(503);
        assertThat(health.json().required("checks").required("spool").asString())
                .startsWith("readings or events wait on 1 nodes").contains("w1 since ").doesNotContain("w3");

        waiting("w1", "batches=0, events=0, seconds=3");
        waiting("w3", "batches=0, events=0, seconds=59");
        assertThat(waitingSamples()).isEmpty();
        assertThat(operator.get("/v1/health").json().required("checks").required("spool").asString()).isEqualTo("ok");
        assertThat(post(batch("w4", ++sequence, NOW, "").getBytes(StandardCharsets.UTF_8), "X-Agent-Waiting",
                "batches=-1").body()).contains("the header X-Agent-Waiting must be such as");
    }

    private static void waiting(String node, String waiting) throws IOException, InterruptedException {
        assertThat(post(batch(node, ++sequence, NOW, "").getBytes(StandardCharsets.UTF_8), "X-Agent-Waiting", waiting)
                .statusCode()).isEqualTo(200);
    }

    private static List<String> waitingSamples() {
        return operator.get("/metrics").body().lines().filter(line -> line.startsWith("hpc_node_agent_waiting_"))
                .toList();
    }

    /** As the JDK's client sends it: the one of the tests does not let a test say the date or send bytes. */
    private static HttpResponse<String> post(byte[] body, String... headers)
            throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/v1/batches"))
                    .header("Authorization", "Bearer " + agent.token().orElseThrow())
                    .header("Content-Type", "application/json").headers(headers)
                    .POST(BodyPublishers.ofByteArray(body)).build(), BodyHandlers.ofString());
        }
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(bytes);
        }
        return packed.toByteArray();
    }

    @Test
    void aPackedBatchIsTakenAndOneThatUnpacksToTooMuchIsNot() throws Exception {
        byte[] plain = batch("x8", ++sequence, NOW, "{\"job_id\": \"b10\", \"memory_usage_bytes\": 1}")
                .getBytes(StandardCharsets.UTF_8);
        byte[] packed = gzip(plain);
        assertThat(post(packed, "Content-Encoding", "gzip").statusCode()).isEqualTo(200);
        assertThat(stored("b10")).isEqualTo(1);
        byte[] bomb = gzip((" ".repeat(9 << 20) + "{}").getBytes(StandardCharsets.UTF_8));
        assertThat(bomb.length).isLessThan(100_000);
        assertThat(post(bomb, "Content-Encoding", "gzip").statusCode()).isEqualTo(413);
        byte[] cutOff = Arrays.copyOf(packed, packed.length - 10);
        assertThat(post(cutOff, "Content-Encoding", "gzip").body()).contains("cut off");
        assertThat(post(plain, "Content-Encoding", "gzip").statusCode()).isEqualTo(400);
        assertThat(post(plain, "Content-Encoding", "br").statusCode()).isEqualTo(415);
    }

    /** For each empty one, Java calls itself, until its stack overflows. */
    @Test
    void aPackedBatchMayHaveSeveralMembersButFewEmptyOnes() throws Exception {
        byte[] plain = batch("x8", ++sequence, NOW, "{\"job_id\": \"b12\", \"memory_usage_bytes\": 1}")
                .getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream members = new ByteArrayOutputStream();
        members.write(gzip(Arrays.copyOf(plain, 20)));
        members.write(gzip(new byte[0]));
        members.write(gzip(Arrays.copyOfRange(plain, 20, plain.length)));
        assertThat(post(members.toByteArray(), "Content-Encoding", "gzip").statusCode()).isEqualTo(200);
        for (int i = 0; i < 40; i++) {
            members.write(gzip(new byte[0]));
        }
        var refused = post(members.toByteArray(), "Content-Encoding", "gzip");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("the body is not gzip");
    }

    @Test
    void aLastReadingIsKeptAndNothingOfItIsCountedTwiceByTheEpilog() {
        Instant begun = NOW.minusSeconds(100);
        agent.post("/v1/events/job-started", """
                {"job_id": "b11", "user": "ada", "node_list": ["x9"], "node": "x9", "cpus_per_node": "1",
                 "timestamp": "%s"}""".formatted(begun));
        send("x9", NOW, """
                {"job_id": "b11", "since": "%s", "timestamp": "%s", "interval_ms": 2000, "last": true,
                 "cpus_used": 0.5, "cpu_usage_usec": 1000000, "memory_peak_bytes": 5242880, "oom_kills": 1}"""
                .formatted(begun, begun.plusSeconds(2)));
        agent.post("/v1/events/job-finished", """
                {"job_id": "b11", "node": "x9", "exit_code": 0, "signal": 125, "timestamp": "%s",
                 "reading": {"cpu_usage_usec": 990000, "oom_kills": 1}}""".formatted(begun.plusSeconds(3)));
        JsonNode job = job("b11");
        assertThat(job.required("reason").asString()).isEqualTo("out_of_memory");
        assertThat(job.required("cpu_seconds").asDouble()).isEqualTo(1);
        assertThat(job.required("oom_kills").asInt()).isEqualTo(1);
        assertThat(job.required("max_memory_usage_mb").asDouble()).isEqualTo(5);
        assertThat(job.required("coverage").asDouble()).isEqualTo(0.667);
        assertThat(job.required("figures").required("complete").asBoolean()).as("its only node sent its last").isTrue();
        assertThat(job.required("figures").required("cpu_efficiency").asDouble()).as("1 of 3 s").isEqualTo(33.333);
    }

    @Test
    void aJobThatIsDeletedWhileItRunsIsSeenAnewByItsAgent() {
        send("x10", NOW.minusSeconds(15), "{\"job_id\": \"b12\", \"since\": \"%s\", \"memory_usage_bytes\": 1}"
                .formatted(NOW.minusSeconds(60)));
        operator.send("DELETE", "/v1/jobs/b12", "", "X-Changed-By", "bob", "X-Source", "test");
        assertThat(operator.get("/v1/jobs/b12").status()).isEqualTo(404);
        send("x10", NOW, "{\"job_id\": \"b12\", \"since\": \"%s\", \"memory_usage_bytes\": 1}"
                .formatted(NOW.minusSeconds(60)));
        assertThat(stored("b12")).as("what was deleted stays away").isEqualTo(1);
    }

    @Test
    void moreThanCanBeWrittenIsPutOffAndLosesNothing() throws Exception {
        List<String> batches = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            StringBuilder jobs = new StringBuilder();
            for (int j = 0; j < 4000; j++) {
                jobs.append(j == 0 ? "" : ",").append("{\"job_id\": \"b13\", \"timestamp\": \"%s\", \"pids\": 1}"
                        .formatted(NOW.minusSeconds(4000L * i + j)));
            }
            batches.add(batch("x14", 2000 + i, NOW, jobs.toString()));
        }
        send("x14", NOW.plusSeconds(1),
                "{\"job_id\": \"b13\", \"since\": \"%s\"}".formatted(NOW.minus(Duration.ofDays(1))));
        List<Exchange> answers = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(16);
                var connection = server.sql();
                var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("lock table agent_batches in access exclusive mode");
            List<Future<Exchange>> sent = batches.stream()
                    .map(batch -> threads.submit(() -> agent.post("/v1/batches", batch))).toList();
            Waiting.until("somebody is put off", Duration.ofSeconds(30), () -> sent.stream()
                    .anyMatch(answer -> answer.isDone() && answer.resultNow().status() == 429));
            connection.rollback();
            for (Future<Exchange> answer : sent) {
                answers.add(answer.get());
            }
        }
        assertThat(answers).extracting(Exchange::status).contains(429).doesNotContain(500);
        assertThat(answers).filteredOn(answer -> answer.status() == 429)
                .allSatisfy(answer -> assertThat(answer.header("Retry-After")).contains("5"));
        for (String batch : batches) {
            assertThat(agent.post("/v1/batches", batch).status()).isEqualTo(200);
        }
        assertThat(job("b13").required("sample_count").asInt()).isEqualTo(64_001);
    }

    private static String oomKill(Instant at, String step, String cause) {
        return """
                {"timestamp": "%s", "step": "%s", "killed": 1, "limit_bytes": 1048576, "cause": "%s"}"""
                .formatted(at, step, cause);
    }

    /** A reading that brings OOM kills and nothing else. */
    private static String reading(String id, String... kills) {
        return "{\"job_id\": \"%s\", \"since\": \"%s\", \"oom_kill_events\": [%s]}".formatted(id,
                NOW.minusSeconds(600), String.join(", ", kills));
    }

    @Test
    void oomKillsAreToldWithTheirMomentStepAndLimitOldestFirst() {
        send("x20", NOW, """
                {"job_id": "o1", "since": "%s", "last": true, "oom_kill_events": [
                    {"timestamp": "%s", "step": "0", "killed": 3, "limit_bytes": 1073741824, "cause": "limit"},
                    {"timestamp": "%s", "killed": 1, "cause": "node"}]}"""
                .formatted(NOW.minusSeconds(60), NOW.minusMillis(588), NOW.minusMillis(1588)));
        send("x21", NOW, reading("o1", oomKill(NOW.minusMillis(1000), "batch", "limit")));
        String told = """
                [{"timestamp":"%s","node":"x20","killed":1,"cause":"node"},\
                {"timestamp":"%s","node":"x21","step":"batch","killed":1,"limit_bytes":1048576,"cause":"limit"},\
                {"timestamp":"%s","node":"x20","step":"0","killed":3,"limit_bytes":1073741824,"cause":"limit"}]"""
                .formatted(NOW.minusMillis(1588), NOW.minusMillis(1000), NOW.minusMillis(588));
        assertThat(job("o1").required("oom_kill_events")).hasToString(told);
        assertThat(operator.get("/v1/jobs/o1/runs").json().required("runs").get(0).required("oom_kill_events"))
                .hasToString(told);
        assertThat(operator.get("/v1/jobs?q=o1").json().required("jobs").get(0).has("oom_kill_events"))
                .as("in lists").isFalse();
        assertThat(operator.get("/v1/jobs?q=o1").json().required("jobs").get(0).required("id").asString())
                .isEqualTo("o1");
    }

    @Test
    void anOomKillCountsOnceHoweverOftenItIsTold() {
        String kill = oomKill(NOW.minusMillis(250), "0", "limit");
        send("x22", NOW.minusSeconds(15), reading("o2", kill, kill));
        send("x22", NOW, reading("o2", kill, oomKill(NOW.minusMillis(250), "1", "limit")));
        assertThat(job("o2").required("oom_kill_events").findValuesAsString("step")).containsExactly("0", "1");
    }

    @Test
    void eachRunOfAJobHasItsOwnOomKills() {
        send("x23", NOW.minusSeconds(500), reading("o3", oomKill(NOW.minusSeconds(510), "0", "limit")));
        agent.post("/v1/events/job-finished", """
                {"job_id": "o3", "node": "x23", "exit_code": 1, "signal": 0, "timestamp": "%s"}"""
                .formatted(NOW.minusSeconds(490)));
        send("x23", NOW, "{\"job_id\": \"o3\", \"since\": \"%s\", \"pids\": 1}".formatted(NOW.minusSeconds(100)));
        JsonNode runs = operator.get("/v1/jobs/o3/runs").json().required("runs");
        assertThat(runs.size()).isEqualTo(2);
        assertThat(runs.get(0).has("oom_kill_events")).isFalse();
        assertThat(runs.get(1).required("oom_kill_events").size()).isOne();
    }

    @Test
    void anOomKillIsPutRightWithItsReadingsClock() throws Exception {
        Instant wrong = NOW.plus(Duration.ofHours(1));
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(wrong.atOffset(ZoneOffset.UTC));
        String body = batch("x24", ++sequence, wrong, reading("o4", oomKill(wrong.minusMillis(1234), "0", "limit")));
        assertThat(post(body.getBytes(StandardCharsets.UTF_8), "Date", date).body()).contains("\"stored\"");
        JsonNode job = job("o4");
        assertThat(Instant.parse(job.required("oom_kill_events").get(0).required("timestamp").asString()))
                .isEqualTo(Instant.parse(job.required("last_sample_at").asString()).minusMillis(1234));
    }

    @Test
    void anOomKillWhoseTimeCannotBeRightIsLeftOutAloneAndProvesNothing() {
        Exchange answer = send("x25", NOW, reading("o5", oomKill(NOW.plus(Duration.ofHours(1)), "0", "limit"),
                oomKill(NOW.minus(Duration.ofDays(8)), "0", "limit"), oomKill(NOW, "1", "node")));
        assertThat(status(answer)).isEqualTo("stored");
        assertThat(answer.json().required("refused").findValuesAsString("cause")).hasSize(2)
                .allMatch(cause -> cause.startsWith("the time of an OOM kill, "))
                .anyMatch(cause -> cause.contains("in the future")).anyMatch(cause -> cause.contains("7 days"));
        assertThat(job("o5").required("oom_kill_events").findValuesAsString("step")).containsExactly("1");
        assertThat(stored("o5")).as("the reading is there").isOne();
        assertThat(reasonOfFailure("o5", "x25")).isEqualTo("exit_code");
    }

    @Test
    void anOomKillAtTheJobsLimitExplainsWhyItFailedAndOneOfTheNodeDoesNot() {
        send("x26", NOW, reading("o6", oomKill(NOW, "0", "limit")));
        send("x26", NOW, reading("o7", oomKill(NOW, "0", "node")));
        assertThat(reasonOfFailure("o6", "x26")).isEqualTo("out_of_memory");
        assertThat(reasonOfFailure("o7", "x26")).isEqualTo("exit_code");
        send("x26", NOW.plusSeconds(2), reading("o7", oomKill(NOW, "1", "limit")));
        assertThat(job("o7").required("reason").asString()).as("told after the end").isEqualTo("out_of_memory");
    }

    private static String reasonOfFailure(String id, String node) {
        agent.post("/v1/events/job-finished", """
                {"job_id": "%s", "node": "%s", "exit_code": 1, "signal": 0, "timestamp": "%s"}"""
                .formatted(id, node, NOW.plusSeconds(1)));
        return job(id).required("reason").asString();
    }

    @Test
    void ofOomKillsWithoutEndTheFirstAreKept() throws SQLException {
        for (int batch = 0; batch < 6; batch++) {
            List<String> kills = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                kills.add(oomKill(NOW.minusSeconds(500).plusMillis(30 * batch + i), "0", "limit"));
            }
            send("x27", NOW.minusSeconds(100 - batch), reading("o8", kills.toArray(String[]::new)));
        }
        send("x27", NOW, reading("o8", oomKill(NOW.minusSeconds(501), "late", "limit")));
        JsonNode told = job("o8").required("oom_kill_events");
        assertThat(told.size()).isEqualTo(100);
        assertThat(told.get(0).required("step").asString()).as("earlier, though it came later").isEqualTo("late");
        assertThat(told.get(99).required("timestamp").asString())
                .isEqualTo(NOW.minusSeconds(500).plusMillis(98).toString());
        try (var connection = server.sql();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(
                        "select count(*) from oom_kill join job using (job_key) where job_id = 'o8'")) {
            rows.next();
            assertThat(rows.getInt(1)).as("those that are never told are not kept, but for a batch's").isEqualTo(121);
        }
    }

    @Test
    void figuresAreNotCompleteWhileANodeMaySendMore() {
        Instant begun = NOW.minusSeconds(100);
        agent.post("/v1/events/job-started", """
                {"job_id": "b14", "user": "ada", "node_list": ["x15", "x16"], "cpus_per_node": "1(x2)",
                 "timestamp": "%s"}""".formatted(begun));
        String last = "{\"job_id\": \"b14\", \"since\": \"%s\", \"last\": true, \"cpu_usage_usec\": 30000000}"
                .formatted(begun);
        send("x15", NOW, last);
        agent.post("/v1/events/job-finished", """
                {"job_id": "b14", "node": "x15", "exit_code": 0, "signal": 0, "timestamp": "%s"}"""
                .formatted(begun.plusSeconds(60)));
        JsonNode figures = job("b14").required("figures");
        assertThat(figures.required("complete").asBoolean()).as("x16 has not").isFalse();
        assertThat(figures.has("cpu_efficiency")).isFalse();
        send("x16", NOW, last);
        figures = job("b14").required("figures");
        assertThat(figures.required("complete").asBoolean()).isTrue();
        assertThat(figures.required("cpu_efficiency").asDouble()).as("60 of 120 s").isEqualTo(50);
        String more = last.replace("\"last\": true", "\"last\": false");
        send("x16", NOW.minusSeconds(1), more);
        assertThat(job("b14").required("figures").required("complete").asBoolean()).as("it was late").isTrue();
        send("x16", NOW.plusSeconds(1), more);
        assertThat(job("b14").required("figures").required("complete").asBoolean()).as("it goes on").isFalse();
    }

    @Test
    void figuresThatARemovedCgroupCutShortAreNeverComplete() {
        Instant begun = NOW.minusSeconds(100);
        String last = """
                {"job_id": "b15", "since": "%s", "user": "ada", "last": true, "cpu_usage_usec": 30000000, "absent": {"%s": "%s"}}""";
        for (String figure : List.of("memory_peak_bytes", "pids")) {
            String job = last.formatted(begun, figure, JobReading.REMOVED).replace("b15", "b15-" + figure);
            send("x17", NOW, job);
            agent.post("/v1/events/job-finished",
                    """
                    {"job_id": "b15-%s", "node": "x17", "node_list": ["x17"], "exit_code": 0, "signal": 0, "timestamp": "%s"}"""
                            .formatted(figure, begun.plusSeconds(60)));
        }
        assertThat(job("b15-memory_peak_bytes").required("figures").required("complete").asBoolean()).isFalse();
        assertThat(job("b15-memory_peak_bytes").required("figures").has("cpu_efficiency")).isFalse();
        assertThat(job("b15-pids").required("figures").required("complete").asBoolean()).as("no total").isTrue();
    }

    @Test
    void aNodesFiguresAreShownAlsoIfItsAgentDoesNotSayWhatTimeTheyStandFor() {
        agent.post("/v1/batches", """
                {"version": 1, "node": "x17", "boot_id": "b", "sequence": 1, "timestamp": "%s",
                 "node_figures": {"cpu_usage_percent": 12.5}}""".formatted(NOW));
        JsonNode node = operator.get("/v1/nodes/x17").json();
        assertThat(node.required("cpu_usage").asDouble()).isEqualTo(12.5);
        assertThat(node.required("last_seen_at").asString()).isEqualTo(NOW.toString());
    }

    /** PostgreSQL's jsonb writes it with 301 digits. */
    @Test
    void aFigureOfAGpuThatIsHardlyAboveZeroIsReadAgain() {
        Exchange answer = agent.post("/v1/batches", """
                {"version": 1, "node": "x18", "boot_id": "b", "sequence": 1, "timestamp": "%s",
                 "gpus": [{"gpu": "0", "utilization_percent": 1e-300}]}""".formatted(NOW));
        assertThat(answer.status()).isEqualTo(200);
        JsonNode gpu = operator.get("/v1/nodes/x18").json().required("gpus").get(0);
        assertThat(gpu.required("utilization_percent").asDouble()).isEqualTo(1e-300);
        assertThat(operator.get("/metrics").status()).isEqualTo(200);
    }

    @Test
    void aGpuOfAJobThatTheBatchDoesNotHaveIsLeftOut() {
        Exchange answer = agent.post("/v1/batches", """
                {"version": 1, "node": "x11", "boot_id": "b", "sequence": 1, "timestamp": "%s",
                 "gpus": [{"gpu": "0", "job_id": "77"}]}""".formatted(NOW));
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().required("message").asString()).startsWith("left out: gpus[0].job_id must be one of");
    }

    @Test
    void anAgentOfALaterVersionIsToldToWaitForTheServer() {
        Exchange answer = agent.post("/v1/batches",
                batch("x12", 1, NOW, "").replace("\"version\": 1", "\"version\": 2"));
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.json().required("message").asString()).contains("upgrade the server first");
    }

    @Test
    void whichBatchesWereTakenIsKeptAsRanges() throws SQLException {
        for (long number : List.of(5L, 1L, 2L, 4L, 3L, 9L)) {
            agent.post("/v1/batches", batch("x13", number, NOW, ""));
        }
        try (var connection = server.sql();
                var statement = connection.createStatement();
                var rows = statement.executeQuery("select stored from agent_batches where node = 'x13'")) {
            rows.next();
            assertThat(rows.getString(1)).isEqualTo("{[1,6),[9,10)}");
        }
        assertThat(Map.of("status", status(agent.post("/v1/batches", batch("x13", 4, NOW, "")))))
                .containsEntry("status", "duplicate");
    }
}
