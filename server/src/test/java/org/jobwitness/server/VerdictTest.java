package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Verdicts of what hooks and agents really send, from the events to the answer. */
class VerdictTest {
    private static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private static final long GIB = 1L << 30;
    private static TestServer server;
    private static TestServer.Client agent;
    private static TestServer.Client operator;
    private static long sequence;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth("--default-cluster=alpha");
        agent = server.as(Role.AGENT);
        operator = server.as(Role.OPERATOR);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static void started(String id, Instant at, String more) {
        ok(agent.post("/v1/events/job-started", """
                {"job_id": "%s", "user": "ada", "node_list": ["n1"], "node": "n1", "start_time": "%s",
                 "timestamp": "%2$s" %s}""".formatted(id, at, more)));
    }

    private static void finished(String id, Instant start, Instant at, String more) {
        ok(agent.post("/v1/events/job-finished", """
                {"job_id": "%s", "node": "n1", "start_time": "%s", "timestamp": "%s" %s}""".formatted(id, start, at,
                more)));
    }

    private static void batch(Instant at, String jobs, String gpus) {
        batch("n1", at, jobs, gpus);
    }

    private static void batch(String node, Instant at, String jobs, String gpus) {
        ok(agent.post("/v1/batches", """
                {"version": 1, "node": "%s", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 15000,
                 "jobs": [%s], "gpus": [%s]}""".formatted(node, ++sequence, at, jobs, gpus)));
    }

    private static void ok(Exchange answer) {
        assertThat(answer.status()).as("%s", answer).isEqualTo(200);
    }

    private static JsonNode verdict(String target) {
        Exchange answer = operator.get("/v1/jobs/" + target);
        ok(answer);
        return answer.json();
    }

    private static List<String> findings(JsonNode verdict) {
        return verdict.required("findings").valueStream().map(finding -> finding.required("rule").asString()).toList();
    }

    private static List<String> asked(JsonNode verdict) {
        return verdict.at("/next/lines").valueStream().map(JsonNode::asString).toList();
    }

    @Test
    void anOomKillIsToldWithItsNodeStepLimitAndMoment() {
        Instant start = NOW.minusSeconds(3600);
        Instant end = NOW.minusSeconds(1800);
        started("oom", start, ", \"cpus_per_node\": \"4\"");
        batch(end.minusSeconds(5), """
                {"job_id": "oom", "start_time": "%s", "cpus_used": 3.5, "memory_usage_bytes": %d,
                 "memory_peak_bytes": %2$d, "memory_limit_bytes": %2$d, "oom_events": 1, "oom_kills": 1, "last": true,
                 "oom_kill_events": [{"timestamp": "%s", "step": "0", "killed": 1, "limit_bytes": %2$d,
                                      "cause": "limit"}]}""".formatted(start, 8 * GIB, end.minusSeconds(6)), "");
        finished("oom", start, end, ", \"exit_code\": 1, \"signal\": 0, \"derived_exit_code\": 253");

        JsonNode verdict = verdict("oom/verdict");

        assertThat(verdict.at("/outcome/headline").asString())
                .isEqualTo("Job oom ran out of memory on n1 (step 0): its limit there was 8 GiB.");
        assertThat(verdict.at("/outcome/confirmed").asBoolean()).isTrue();
        JsonNode oom = verdict.at("/outcome/out_of_memory");
        assertThat(oom.required("timestamp").asString()).isEqualTo(end.minusSeconds(6).toString());
        assertThat(oom.required("limit_bytes").asLong()).isEqualTo(8 * GIB);
        assertThat(oom.required("peak_bytes").asLong()).isEqualTo(8 * GIB);
        assertThat(oom.required("cause").asString()).isEqualTo("limit");
        assertThat(oom.required("kills").asInt()).isOne();
        assertThat(asked(verdict)).containsExactly("#SBATCH --mem=12G");
    }

    /** A prolog gets an end in a year where there is no time limit. */
    @Test
    void aJobWithoutATimeLimitHasNone() {
        Instant start = NOW.minusSeconds(600);
        started("unlimited", start, ", \"end_time\": \"" + start.plus(365, ChronoUnit.DAYS) + "\"");
        assertThat(verdict("unlimited/verdict").at("/outcome/headline").asString()).doesNotContain("of at most");
        started("a-year-less-an-hour", start,
                ", \"end_time\": \"" + start.plus(365, ChronoUnit.DAYS).minusSeconds(3600) + "\"");
        assertThat(verdict("a-year-less-an-hour/verdict").at("/outcome/headline").asString())
                .contains("of at most 364 d");
    }

    @Test
    void whatARunningJobDoesWithItsCpusAndGpusIsFoundAndCounted() {
        Instant start = NOW.minusSeconds(40 * 60);
        started("idle", start, ", \"cpus_per_node\": \"32\", \"gpu_allocation\": 2, \"end_time\": \""
                + NOW.plusSeconds(3600) + "\"");
        for (int i = 0; i < 40; i++) {
            Instant at = start.plusSeconds(60L * (i + 1));
            batch(at, """
                    {"job_id": "idle", "start_time": "%s", "interval_ms": 60000, "cpus_used": 1.0, "cpu_usage_usec": %d,
                     "memory_usage_bytes": 1048576, "memory_limit_bytes": %d}""".formatted(start, i * 60_000_000L,
                    8 * GIB),
                    """
                            {"gpu": "A", "vendor": "nvidia", "job_id": "idle", "utilization_percent": 95,
                             "processes": 1},
                            {"gpu": "B", "vendor": "nvidia", "job_id": "idle", "utilization_percent": 0,
                             "processes": 0}""");
        }

        JsonNode verdict = verdict("idle/verdict");

        assertThat(verdict.at("/outcome/cause").asString()).isEqualTo("running");
        assertThat(findings(verdict)).containsExactly("gpu_partly_idle", "cpu_idle");
        assertThat(verdict.at("/findings/0/sentence").asString())
                .startsWith("1 of its 2 GPUs has been idle for 40 min")
                .endsWith("No process of the job ever had it open.");
        assertThat(verdict.at("/findings/1/sentence").asString())
                .isEqualTo("Of its 32 CPUs, 1 was busy on average, and at most 1 at once.");
        assertThat(operator.get("/metrics").body().lines().filter(line -> line.contains("job_id=\"idle\"")
                && line.startsWith("hpc_job_findings"))).containsExactlyInAnyOrder(
                        "hpc_job_findings{cluster=\"alpha\",job_id=\"idle\",user=\"ada\",rule=\"gpu_partly_idle\","
                                + "severity=\"warning\"} 1",
                        "hpc_job_findings{cluster=\"alpha\",job_id=\"idle\",user=\"ada\",rule=\"cpu_idle\","
                                + "severity=\"info\"} 1");
    }

    @Test
    void aRunThatEndedAMomentAgoIsStillCountedAndAnOlderOneIsNot() {
        for (String id : List.of("now", "before")) {
            Instant end = id.equals("now") ? NOW : NOW.minusSeconds(1200);
            Instant start = end.minusSeconds(600);
            started(id, start, ", \"cpus_per_node\": \"4\"");
            batch(end.minusSeconds(300), """
                    {"job_id": "%s", "start_time": "%s", "memory_usage_bytes": 1, "oom_kills": 2}""".formatted(id,
                    start), "");
            finished(id, start, end, ", \"final_state\": \"cancelled\"");
            assertThat(findings(verdict(id + "/verdict"))).startsWith("oom_killed");
        }

        assertThat(operator.get("/metrics").body().lines()
                .filter(line -> line.startsWith("hpc_job_findings") && line.contains("rule=\"oom_killed\"")))
                .containsExactly("hpc_job_findings{cluster=\"alpha\",job_id=\"now\",user=\"ada\",rule=\"oom_killed\","
                        + "severity=\"critical\"} 1");
    }

    @Test
    void anArrayAsksForTheMostOfAllItsTasks() {
        Instant start = NOW.minusSeconds(7200);
        for (int task = 0; task < 3; task++) {
            String id = "70" + task;
            started(id, start, """
                    , "cpus_per_node": "2", "scheduler": {"array_job_id": "700", "array_task_id": %d, "name": "sweep",
                    "time_limit_minutes": 600}""".formatted(task));
            for (int i = 0; i < 24; i++) {
                batch(start.plusSeconds(30L * (i + 1)), """
                        {"job_id": "%s", "start_time": "%s", "interval_ms": 30000, "cpus_used": 1.9,
                         "memory_usage_bytes": %d, "memory_limit_bytes": %d}""".formatted(id, start,
                        (task + 1) * GIB, 16 * GIB), "");
            }
            finished(id, start, start.plusSeconds(720L), ", \"final_state\": \"completed\"");
        }

        JsonNode verdict = verdict("700/verdict");

        assertThat(verdict.at("/next/runs").asInt()).isEqualTo(3);
        assertThat(asked(verdict)).containsExactly("#SBATCH --mem=3840M", "#SBATCH --time=00:15:00");
        assertThat(findings(verdict)).containsExactly("memory_overasked", "time_overasked");
    }

    /** The limit is 8 GiB on n1 and 2 GiB on n2; task 0 is almost full on n2, task 1 uses less. */
    @Test
    void byCpuAnArrayAsksByTheNodeThatUsedMostOfWhatItsCpusBrought() {
        Instant start = NOW.minusSeconds(7200);
        for (int task = 0; task < 2; task++) {
            String id = "72" + task;
            ok(agent.post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "ada", "node_list": ["n1", "n2"], "node": "n1", "start_time": "%s",
                     "timestamp": "%2$s", "scheduler": {"array_job_id": "720", "array_task_id": %d,
                     "time_limit_minutes": 15, "memory_per_cpu_mb": 1024}, "cpus_per_node": "8,2"}""".formatted(id,
                    start, task)));
            for (int i = 0; i < 24; i++) {
                for (int node = 1; node <= 2; node++) {
                    batch("n" + node, start.plusSeconds(30L * (i + 1)), """
                            {"job_id": "%s", "start_time": "%s", "interval_ms": 30000, "cpus_used": 1.9,
                             "memory_usage_bytes": %d, "memory_limit_bytes": %d}"""
                            .formatted(id, start, (task == 0 && node == 2 ? 19 : 10) * GIB / 10,
                                    (node == 1 ? 8 : 2) * GIB),
                            "");
                }
            }
            finished(id, start, start.plusSeconds(720L), ", \"final_state\": \"completed\"");
        }

        for (String id : List.of("720_0", "720_1")) {
            JsonNode verdict = verdict(id + "/verdict");
            assertThat(verdict.at("/next/runs").asInt()).isEqualTo(2);
            assertThat(asked(verdict)).as("half of it would be too little on n2: %s", verdict).isEmpty();
            assertThat(verdict.at("/next/notes").valueStream().map(JsonNode::asString))
                    .anyMatch(note -> note.startsWith("--mem: no change"));
        }
    }

    @Test
    void anArrayIsJudgedAsAWhole() {
        Instant start = NOW.minusSeconds(7200);
        for (int task = 1; task <= 7; task++) {
            String id = "80" + task;
            started(id, start, """
                    , "cpus_per_node": "2", "cpu_allocation": 2, "memory_allocation_mb": 1024, "scheduler": {
                    "array_job_id": "800", "array_task_id": %d, "time_limit_minutes": 600}""".formatted(task));
            batch(start.plusSeconds(30), """
                    {"job_id": "%s", "start_time": "%s", "interval_ms": 30000, "cpus_used": 1, "memory_usage_bytes": %d,
                     "memory_limit_bytes": %d}""".formatted(id, start, GIB, GIB), "");
            boolean isKilled = task == 2 || task == 3;
            finished(id, start, start.plusSeconds(600L + task), isKilled || task == 6
                    ? ", \"exit_code\": 1, \"signal\": 0, \"reading\": {\"oom_kills\": " + (isKilled ? 1 : 0) + "}"
                    : ", \"final_state\": \"completed\"");
        }

        JsonNode array = operator.get("/v1/arrays/800").json();

        assertThat(array.at("/array/tasks").asInt()).isEqualTo(7);
        assertThat(array.required("ends").valueStream().map(end -> end.required("state").asString() + " "
                + end.path("reason").asString("-") + " " + end.required("tasks").asInt() + " "
                + end.required("list").asString())).containsExactly("completed - 4 1,4-5,7",
                        "failed out_of_memory 2 2-3",
                        "failed exit_code 1 6");
        JsonNode oom = array.at("/ends/1/example");
        assertThat(oom.required("id").asString()).isEqualTo("800_3");
        assertThat(oom.required("headline").asString()).contains("ran out of memory");
        assertThat(oom.required("retry").asString()).isEqualTo("more_memory");
        assertThat(oom.required("lines").valueStream().map(JsonNode::asString)).contains("#SBATCH --mem=1536M");
        assertThat(array.at("/ends/2/example/retry").asString()).isEqualTo("no_use");
        assertThat(array.at("/ends/0").has("example")).isFalse();
        assertThat(array.at("/typical/id").asString()).isEqualTo("800_5");
        assertThat(array.at("/typical/cpu_percent").asDouble()).isEqualTo(50);
        assertThat(array.at("/worst/id").asString()).isEqualTo("800_6");
        assertThat(array.at("/again/line").asString()).isEqualTo("#SBATCH --array=2-3,6");
        assertThat(operator.get("/v1/arrays/800_4").status()).as("a task").isEqualTo(404);
        assertThat(operator.get("/v1/arrays/idle").status()).as("no array").isEqualTo(404);
    }

    @Test
    void manyShortJobsOfANameAreFound() {
        for (int i = 0; i < 51; i++) {
            Instant start = NOW.minusSeconds(40_000 - 60L * i);
            started("s" + i, start, ", \"scheduler\": {\"name\": \"many\"}");
            finished("s" + i, start, start.plusSeconds(20), ", \"final_state\": \"completed\"");
        }

        assertThat(findings(verdict("s48/verdict"))).isEmpty();
        JsonNode verdict = verdict("s49/verdict");
        assertThat(findings(verdict)).containsExactly("short_jobs");
        assertThat(verdict.at("/findings/0/evidence/0/quantity/value").asInt()).isEqualTo(50);
    }

    @Test
    void eachRunHasItsOwn() {
        Instant first = NOW.minusSeconds(5000);
        Instant second = NOW.minusSeconds(3000);
        started("4712", first, ", \"restart_count\": 0");
        finished("4712", first, first.plusSeconds(60), ", \"exit_code\": 0, \"signal\": 0, \"restart_count\": 1");
        started("4712", second, ", \"restart_count\": 1");
        finished("4712", second, second.plusSeconds(60), ", \"exit_code\": 127, \"signal\": 0");
        long before = operator.get("/v1/jobs/4712/runs").json().at("/runs/1/run").asLong();

        assertThat(verdict("4712/verdict").at("/outcome/cause").asString()).isEqualTo("exit_code");
        assertThat(verdict("4712/verdict?run=" + before).at("/outcome/cause").asString()).isEqualTo("requeued");
        assertThat(verdict("slurm-4712/verdict?cluster=alpha").at("/outcome/cause").asString()).isEqualTo("exit_code");
        assertThat(operator.get("/v1/jobs/4712/verdict?cluster=beta").status()).isEqualTo(404);
        assertThat(operator.get("/v1/jobs/4712/verdict?run=999999").status()).isEqualTo(404);
        assertThat(agent.get("/v1/jobs/4712/verdict").status()).isEqualTo(403);
        assertThat(server.anonymous().get("/v1/jobs/4712/verdict").status()).isEqualTo(401);
    }

    @Test
    void aJobThatPeopleTellOfByHandHasOneToo() {
        assertThat(operator.post("/v1/jobs", """
                {"id": "hand", "user": "bob", "nodes": ["n9"]}""").status()).isEqualTo(201);
        operator.send("PATCH", "/v1/jobs/hand", "{\"state\": \"failed\"}", "Content-Type", "application/json");

        JsonNode verdict = verdict("hand/verdict");
        assertThat(verdict.at("/outcome/cause").asString()).isEqualTo("unknown");
        assertThat(verdict.at("/outcome/evidence/0/source").asString()).isEqualTo("person");
    }
}
