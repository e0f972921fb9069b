package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Which GPUs a job holds, and what it makes of them, from batches to answers. */
class GpusTest {
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

    private static void started(String job, String node, String devices) {
        assertThat(agent.post("/v1/events/job-started", """
                {"job_id": "%s", "user": "ada", "node_list": ["%s"], "node": "%s", "gpu_vendor": "nvidia",
                 "gpu_allocation": 2, "gpu_devices": [%s], "start_time": "%s"}"""
                .formatted(job, node, node, devices, NOW.minusSeconds(3600))).status()).isEqualTo(200);
    }

    private static String batch(String node, Instant at, String jobs, String gpus) {
        return """
                {"version": 1, "node": "%s", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 15000,
                 "jobs": [%s], "gpus": [%s]}""".formatted(node, ++sequence, at, jobs, gpus);
    }

    private static void told(String node, Instant at, String jobs, String gpus) {
        send(batch(node, at, jobs, gpus), "stored");
    }

    private static void send(String batch, String status) {
        Exchange answer = agent.post("/v1/batches", batch);
        assertThat(answer.status()).as("%s", answer).isEqualTo(200);
        assertThat(answer.json().required("status").asString()).isEqualTo(status);
    }

    private static String job(String id) {
        return "{\"job_id\": \"" + id + "\", \"memory_usage_bytes\": 1}";
    }

    private static String gpu(String gpu, String job, double use, double joules, int processes) {
        return """
                {"gpu": "%s", "job_id": "%s", "vendor": "nvidia", "utilization_percent": %s, "energy_joules": %s,
                 "device": {"model": "NVIDIA H100", "pci_bus_id": "00000000:3B:00.0", "minor": 3, "parent": "GPU-whole"},
                 "processes": %d, "power_watts": 100, "memory_used_bytes": %d, "memory_total_bytes": 1073741824,
                 "clock_mhz": 1980}""".formatted(gpu, job, use, joules, processes, 1 << 20);
    }

    private static JsonNode read(String path) {
        Exchange answer = operator.get(path);
        assertThat(answer.status()).as("%s", answer).isEqualTo(200);
        return answer.json();
    }

    private static JsonNode gpus(String job) {
        return read("/v1/jobs/" + job).required("gpus");
    }

    private static List<String> texts(JsonNode list, String field) {
        return StreamSupport.stream(list.spliterator(), false).map(gpu -> gpu.path(field).asString("")).toList();
    }

    @Test
    void aGpuThatWorksOneThatIdlesAndOneThatNobodyReadAreToldApart() {
        started("held", "g1", "\"GPU-a\", \"GPU-b\", \"GPU-c\"");
        told("g1", NOW.minusSeconds(45), job("held"),
                gpu("GPU-a", "held", 80, 1000, 1) + "," + gpu("GPU-b", "held", 0, 500, 0));
        told("g1", NOW.minusSeconds(30), job("held"),
                gpu("GPU-a", "held", 40, 4000, 2) + "," + gpu("GPU-b", "held", 0, 560.5, 0));
        told("g1", NOW.minusSeconds(15), job("held"),
                gpu("GPU-a", "held", 0, 4100, 1) + "," + gpu("GPU-b", "held", 0, 600.75, 0));
        JsonNode gpus = gpus("held");
        assertThat(texts(gpus, "gpu")).containsExactly("GPU-a", "GPU-b", "GPU-c");
        assertThat(texts(gpus, "hold")).containsExactly("alone", "alone", "unread");

        JsonNode works = gpus.get(0);
        assertThat(works.required("node").asString()).isEqualTo("g1");
        assertThat(works.required("device").toString()).isEqualTo("{\"model\":\"NVIDIA H100\","
                + "\"pci_bus_id\":\"00000000:3B:00.0\",\"minor\":3,\"parent\":\"GPU-whole\"}");
        assertThat(works.required("sample_count").asInt()).isEqualTo(3);
        assertThat(works.required("held_seconds").asDouble()).isEqualTo(45);
        assertThat(works.required("avg_utilization").asDouble()).isEqualTo(40);
        assertThat(works.required("max_utilization").asDouble()).isEqualTo(80);
        assertThat(works.required("first_used_at").asString()).isEqualTo(NOW.minusSeconds(45).toString());
        assertThat(works.required("last_used_at").asString()).isEqualTo(NOW.minusSeconds(30).toString());
        assertThat(works.required("idle_since").asString()).isEqualTo(NOW.minusSeconds(30).toString());
        assertThat(works.required("energy_joules").asDouble()).isEqualTo(3100);
        assertThat(works.required("avg_power_watts").asDouble()).isEqualTo(100);
        assertThat(works.required("latest").toString()).isEqualTo("{\"timestamp\":\"" + NOW.minusSeconds(15)
                + "\",\"utilization\":0.0,\"memory_used_mb\":1.0,\"power_watts\":100.0,\"clock_mhz\":1980,"
                + "\"processes\":1}");

        JsonNode idles = gpus.get(1);
        assertThat(idles.required("ever_used").asBoolean()).isFalse();
        assertThat(idles.required("ever_had_process").asBoolean()).isFalse();
        assertThat(idles.required("idle_since").asString()).isEqualTo(NOW.minusSeconds(60).toString());
        assertThat(idles.required("energy_joules").asDouble()).isEqualTo(100.75);
        assertThat(gpus.get(2).toString()).isEqualTo(
                "{\"node\":\"g1\",\"gpu\":\"GPU-c\",\"hold\":\"unread\",\"vendor\":\"nvidia\",\"sample_count\":0,"
                        + "\"absent\":{}}");
        assertThat(read("/v1/jobs/held").required("avg_gpu_usage").asDouble()).as("idle ones are among them")
                .isEqualTo(20);
        assertThat(read("/v1/jobs?q=held").required("jobs").get(0).has("gpus")).isFalse();
        assertThat(metrics("job_id=\"held\",.*gpu_id=\"GPU-b\"")).contains("hpc_job_gpu_device_idle_seconds 45",
                "hpc_job_gpu_device_held_seconds 45", "hpc_job_gpu_device_energy_joules_total 100.75",
                "hpc_job_gpu_device_processes 0", "hpc_job_gpu_device_clock_hertz 1980000000");
        assertThat(metrics("job_id=\"held\",.*gpu_id=\"GPU-a\"")).contains("hpc_job_gpu_device_idle_seconds 15");
    }

    private static List<String> metrics(String labels) {
        return operator.get("/metrics").body().lines().filter(line -> line.matches("hpc_.*\\{.*" + labels + ".*"))
                .map(line -> line.replaceFirst("\\{.*}", "")).toList();
    }

    @Test
    void readingsCountOnceHoweverOftenAndInWhateverOrderTheyCome() {
        List<String> batches = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            batches.add(batch("g2", NOW.minusSeconds(15L * (40 - i)), job("mixed"),
                    gpu("GPU-m", "mixed", i % 10 == 3 ? 100 : 0, 7_000_000.25 + 10 * i * i, i % 2)));
        }
        Collections.shuffle(batches, new Random(7));
        batches.forEach(batch -> send(batch, "stored"));
        batches.subList(0, 20).forEach(batch -> send(batch, "duplicate"));
        JsonNode gpu = gpus("mixed").get(0);
        assertThat(gpu.required("sample_count").asInt()).isEqualTo(40);
        assertThat(gpu.required("avg_utilization").asDouble()).isEqualTo(10);
        assertThat(gpu.required("energy_joules").asDouble()).isCloseTo(10 * 39 * 39, within(0.001));
        assertThat(gpu.required("held_seconds").asDouble()).isEqualTo(600);
        assertThat(gpu.required("first_used_at").asString()).isEqualTo(NOW.minusSeconds(15 * 37).toString());
        assertThat(gpu.required("idle_since").asString()).isEqualTo(NOW.minusSeconds(15 * 7).toString());
        assertThat(gpu.required("ever_had_process").asBoolean()).isTrue();
    }

    @Test
    void anEnergyCounterThatBeginsAnewLosesNothing() {
        double[] joules = {9_000, 9_500, 100, 700, 50, 60};
        for (int i = 0; i < joules.length; i++) {
            told("g3", NOW.minusSeconds(15L * (joules.length - i)), job("anew"), gpu("GPU-n", "anew", 5, joules[i], 1));
        }
        assertThat(gpus("anew").get(0).required("energy_joules").asDouble()).isEqualTo(500 + 100 + 600 + 50 + 10);
        told("g3", NOW.minusSeconds(200), job("anew"), gpu("GPU-n", "anew", 5, 8_000, 1));
        told("g3", NOW.minusSeconds(250), job("anew"), gpu("GPU-n", "anew", 5, 8_900, 1));
        assertThat(gpus("anew").get(0).required("energy_joules").asDouble())
                .as("late, and before an earlier beginning").isEqualTo(1260 + 1000 + 8000);
    }

    @Test
    void aSharedGpuGivesNoJobAFigureAndNamesThoseThatShareIt() {
        String shared = """
                {"gpu": "GPU-s", "vendor": "nvidia", "shared_by": ["share-1", "share-2"], "utilization_percent": 70,
                 "energy_joules": 5, "memory_used_bytes": 5, "processes": 3}""";
        told("g4", NOW, job("share-1") + "," + job("share-2"), shared);
        for (String id : List.of("share-1", "share-2")) {
            JsonNode job = read("/v1/jobs/" + id);
            assertThat(job.has("gpu_usage")).isFalse();
            assertThat(job.has("avg_gpu_usage")).isFalse();
            assertThat(job.required("gpus")).hasSize(1);
            assertThat(job.required("gpus").get(0).toString()).isEqualTo("{\"node\":\"g4\",\"gpu\":\"GPU-s\","
                    + "\"hold\":\"shared\",\"jobs\":[\"share-1\",\"share-2\"],\"vendor\":\"nvidia\",\"sample_count\":0,"
                    + "\"held_seconds\":15.0,\"absent\":{}}");
            assertThat(read("/v1/jobs/" + id + "/series?metric=utilization_percent").required("series")).isEmpty();
        }
        assertThat(metrics("gpu_id=\"GPU-s\"")).contains("hpc_node_gpu_device_jobs 2",
                "hpc_node_gpu_device_utilization_percent 70")
                .noneMatch(line -> line.startsWith("hpc_job_"));
    }

    @Test
    void aGpuWhoseSourcesDisagreeIsUnsureAndSaysWhy() {
        started("claim-1", "g5", "\"GPU-u\"");
        told("g5", NOW, job("claim-1") + "," + job("claim-2"), """
                {"gpu": "GPU-u", "claimed_by": ["claim-1", "claim-2"], "utilization_percent": 70,
                 "absent": {"job_id": "the prolog said claim-1, but a process of claim-2 has it open"}}""");
        JsonNode gpus = gpus("claim-1");
        assertThat(texts(gpus, "hold")).as("it is not told as unread beside that").containsExactly("unsure");
        assertThat(gpus.get(0).required("absent").required("job_id").asString()).contains("a process of claim-2");
        assertThat(gpus.get(0).has("avg_utilization")).isFalse();
        assertThat(texts(gpus("claim-2"), "hold")).containsExactly("unsure");
    }

    @Test
    void readingsThatComeAfterTheJobsEndStillCount() {
        started("late", "g6", "\"GPU-l\"");
        assertThat(agent.post("/v1/events/job-finished", """
                {"job_id": "late", "node": "g6", "exit_code": 0, "start_time": "%s", "timestamp": "%s"}"""
                .formatted(NOW.minusSeconds(3600), NOW.minusSeconds(60))).status()).isEqualTo(200);
        assertThat(texts(gpus("late"), "hold")).containsExactly("unread");
        told("g6", NOW.minusSeconds(90), job("late"), gpu("GPU-l", "late", 25, 10, 1));
        assertThat(texts(gpus("late"), "hold")).containsExactly("alone");
        assertThat(read("/v1/jobs/late").required("avg_gpu_usage").asDouble()).isEqualTo(25);
    }

    @Test
    void gpusThatSlurmNamesByIndexAreUnreadOnlyIfMoreWereGivenThanRead() {
        started("index", "g7", "\"3\", \"7\"");
        assertThat(texts(gpus("index"), "gpu")).containsExactly("3", "7");
        told("g7", NOW.minusSeconds(15), job("index"), gpu("GPU-x", "index", 1, 1, 1));
        assertThat(texts(gpus("index"), "gpu")).as("minor 3 is read").containsExactly("GPU-x", "7");
        told("g7", NOW, job("index"), gpu("GPU-x", "index", 1, 1, 1) + "," + gpu("GPU-y", "index", 1, 1, 1));
        assertThat(texts(gpus("index"), "gpu")).as("index 7 is one of them").containsExactly("GPU-x", "GPU-y");
    }

    @Test
    void ofSeveralReadingsOfAJobTheNewestBringsItsGpus() {
        String earlier = "{\"job_id\": \"twice\", \"memory_usage_bytes\": 1, \"timestamp\": \"%s\"}"
                .formatted(NOW.minusSeconds(5));
        told("g8", NOW, earlier + "," + job("twice"), gpu("GPU-t", "twice", 50, 1, 1));
        assertThat(gpus("twice").get(0).required("sample_count").asInt()).isEqualTo(1);
        assertThat(gpus("twice").get(0).required("latest").required("timestamp").asString())
                .isEqualTo(NOW.toString());
    }

    @Test
    void aNodeTellsOfAllItsGpusAlsoThoseThatNobodyHolds() {
        told("g9", NOW, job("n-1"), gpu("GPU-h", "n-1", 50, 1, 1) + """
                , {"gpu": "GPU-free", "utilization_percent": 0, "ecc_errors": 2, "xid": 79,
                 "throttled": ["hw_thermal_slowdown"], "absent": {"energy_joules": "not counted"}}""");
        JsonNode gpus = read("/v1/nodes/g9").required("gpus");
        assertThat(gpus.get(0).required("job_id").asString()).isEqualTo("n-1");
        assertThat(gpus.get(1).toString()).isEqualTo("{\"gpu\":\"GPU-free\",\"shared_by\":[],\"claimed_by\":[],"
                + "\"utilization_percent\":0.0,\"throttled\":[\"hw_thermal_slowdown\"],\"ecc_errors\":2,\"xid\":79,\"xids\":[79],"
                + "\"absent\":{\"energy_joules\":\"not counted\"}}");
        assertThat(metrics("gpu_id=\"GPU-free\".*xid=\"79\"")).singleElement().asString()
                .startsWith("hpc_node_gpu_device_xid_timestamp_seconds " + NOW.getEpochSecond());
        told("g9", NOW.plusSeconds(1), job("n-1"), "{\"gpu\": \"GPU-free\", \"xids\": [13]}");
        assertThat(metrics("node=\"g9\".*xid=")).as("none of them is forgotten").hasSize(2);
        told("g9", NOW.plusSeconds(2), job("n-1"), gpu("GPU-h", "n-1", 50, 1, 1)
                + """
                , {"gpu": "GPU-free", "utilization_percent": 0, "ecc_errors": 2, "throttled": ["hw_thermal_slowdown"]}""");
        assertThat(metrics("gpu_id=\"GPU-free\"(?!.*xid=)")).containsExactly("hpc_node_gpu_device_jobs 0",
                "hpc_node_gpu_device_utilization_percent 0", "hpc_node_gpu_device_ecc_errors_total 2",
                "hpc_node_gpu_device_throttled 1");
        assertThat(metrics("node=\"g9\".*parent=\"GPU-whole\"")).containsExactly("hpc_node_gpu_device_info 1");
        assertThat(read("/v1/nodes").required("nodes")).noneMatch(node -> node.has("gpus"));
        finish("n-1", "g9");
        JsonNode held = read("/v1/nodes/g9").required("gpus").get(0);
        assertThat(held.has("job_id")).isFalse();
        assertThat(held.required("absent").required("job_id").asString()).contains("does not run any more");
    }

    private static void finish(String job, String node) {
        assertThat(agent.post("/v1/events/job-finished",
                "{\"job_id\": \"%s\", \"node\": \"%s\", \"exit_code\": 0}".formatted(job, node)).status())
                .isEqualTo(200);
    }

    @Test
    void anErrorOfTheDriverStaysWithTheRunThatHadTheGpu() {
        told("g10", NOW.minusSeconds(30), job("err"), """
                {"gpu": "GPU-e", "job_id": "err", "xid": 45, "xids": [48, 45], "ecc_errors": 7,
                 "throttled": ["power_cap", "hw_thermal_slowdown"]}""");
        told("g10", NOW.minusSeconds(15), job("err"), """
                {"gpu": "GPU-e", "job_id": "err", "xid": 63, "ecc_errors": 9, "throttled": ["power_cap"]}""");
        told("g10", NOW, job("err"), "{\"gpu\": \"GPU-e\", \"job_id\": \"err\"}");
        assertThat(gpus("err").get(0).required("faults")).isEqualTo(JsonMapper.shared().readTree("""
                {"xids": [45, 48, 63], "possible_xids": [], "ecc_errors": 2, "slowdown_percent": 33.333,
                 "slowdowns": ["hw_thermal_slowdown"]}"""));
        assertThat(gpus("err").get(0).has("ever_used")).as("nothing told").isFalse();
        assertThat(gpus("err").get(0).has("idle_since")).isFalse();
    }

    private static String xids(JsonNode gpus) {
        JsonNode faults = gpus.get(0).required("faults");
        return faults.required("xids") + " " + faults.required("possible_xids");
    }

    @Test
    void anErrorBetweenTwoReadingsIsPossiblyOfEachJobThatHadTheGpuMeanwhile() {
        String error = "{\"gpu\": \"GPU-m\", \"job_id\": %s, \"xids\": [79], \"device\": {\"minor\": 3}}";
        told("g11", NOW.minusSeconds(45), job("long-ago"), gpu("GPU-m", "long-ago", 50, 1, 1));
        told("g11", NOW.minusSeconds(15), job("before"), gpu("GPU-m", "before", 50, 1, 1));
        agent.post("/v1/events/job-started", """
                {"job_id": "seconds", "user": "ada", "node_list": ["g11"], "node": "g11", "gpu_allocation": 1, "gpu_devices": ["3"],
                 "start_time": "%s"}""".formatted(NOW.minusSeconds(9)));
        agent.post("/v1/events/job-finished", """
                {"job_id": "seconds", "node": "g11", "exit_code": 1, "start_time": "%s", "timestamp": "%s"}"""
                .formatted(NOW.minusSeconds(9), NOW.minusSeconds(6)));
        told("g11", NOW, "{\"job_id\": \"after\", \"since\": \"" + NOW.minusSeconds(4) + "\"}",
                error.formatted("\"after\""));
        assertThat(xids(gpus("before"))).isEqualTo("[] [79]");
        assertThat(xids(gpus("after"))).isEqualTo("[] [79]");
        assertThat(xids(gpus("seconds"))).isEqualTo("[] [79]");
        assertThat(texts(gpus("seconds"), "hold")).containsExactly("unsure");
        assertThat(gpus("long-ago").get(0).required("faults").required("possible_xids")).isEmpty();
        assertThat(read("/v1/jobs/seconds/verdict").toString()).contains("gpu_fault", "Xid 79 (it fell off the bus)");

        told("g11", NOW.plusSeconds(15), job("after"), error.formatted("\"after\"").replace("79", "13"));
        assertThat(xids(gpus("after"))).isEqualTo("[13] [79]");
        assertThat(xids(gpus("before"))).isEqualTo("[] [79]");
    }

    @Test
    void anErrorOfAGpuIsPossiblyOfEachJobThatSharesItOrHasAPartOfIt() {
        told("g12", NOW, job("half-1") + "," + job("half-2") + "," + job("part"), """
                {"gpu": "GPU-half", "shared_by": ["half-1", "half-2"], "xids": [95]},
                {"gpu": "GPU-whole-12", "xids": [79]},
                {"gpu": "MIG-12", "job_id": "part", "device": {"parent": "GPU-whole-12"}}""");
        assertThat(xids(gpus("half-1"))).isEqualTo("[] [95]");
        assertThat(xids(gpus("half-2"))).isEqualTo("[] [95]");
        assertThat(xids(gpus("part"))).isEqualTo("[] [79]");
    }
}
