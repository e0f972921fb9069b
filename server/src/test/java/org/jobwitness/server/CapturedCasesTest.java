package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * The main journey on real input: what real Slurms gave their hooks goes through our scripts into a running server, and
 * must come out as the runs that are written down in captured/expected-*.txt. Each Slurm is a cluster.
 */
class CapturedCasesTest {
    private static final Path SCRIPTS = Path.of("../slurm");

    @TempDir
    static Path folder;
    private static TestServer server;

    /** How many of their hooks are ours. */
    private static final Map<String, Integer> HOOKS = Map.of("slurm-24.11", 126, "slurm-26.05", 122);

    /** A line of captured/expected-*.txt; exit is {@code code:signal}, or {@code -} if the node cannot know. */
    private record Expected(String capture, String job, Instant start, Instant end, List<String> nodes, String exit,
            String state, String reason, boolean confirmed, String cause) {

        static List<Expected> all(String slurm) throws IOException {
            return Files.readAllLines(Path.of("src/test/resources/captured/expected-" + slurm + ".txt")).stream()
                    .filter(line -> !line.startsWith("#")).map(line -> of(line.split("\\s+"))).toList();
        }

        private static Expected of(String[] c) {
            return new Expected(c[0], c[1], Instant.ofEpochSecond(Long.parseLong(c[2])),
                    Instant.ofEpochSecond(Long.parseLong(c[3])),
                    c[4].equals("n[1-2]") ? List.of("n1", "n2") : List.of(c[4]), c[5], c[6], c[7], c[8].equals("yes"),
                    c[9]);
        }

        static Expected of(String capture, JsonNode job) {
            JsonNode scheduler = job.get("scheduler");
            return new Expected(capture, job.get("id").stringValue(),
                    Instant.parse(job.get("start_time").stringValue()),
                    Instant.parse(job.get("end_time").stringValue()),
                    job.get("nodes").valueStream().map(JsonNode::stringValue).toList(),
                    scheduler.has("exit_code") ? scheduler.get("exit_code") + ":" + scheduler.get("signal") : "-",
                    job.get("state").stringValue(), job.get("reason").stringValue(),
                    job.get("confirmed").booleanValue(), verdict(job).required("cause").stringValue());
        }
    }

    @BeforeAll
    static void startAndReplay() throws Exception {
        server = TestServer.start();
        for (String slurm : HOOKS.keySet()) {
            replay(slurm);
        }
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @CsvSource({"slurm-24.11, 60", "slurm-26.05, 58"})
    void everyCapturedJobComesOutAsTheRunsThatItWas(String slurm, int runs) throws Exception {
        List<Expected> expected = Expected.all(slurm);
        assertThat(expected).hasSize(runs);
        List<Expected> found = new ArrayList<>();
        for (JsonNode job : jobs(slurm)) {
            // The capture's name is not part of a run: the expected line of the same job and start lends its own.
            Expected nameless = Expected.of("", job);
            String capture = expected.stream()
                    .filter(e -> e.job().equals(nameless.job()) && e.start().equals(nameless.start())).findFirst()
                    .map(Expected::capture).orElse("not expected");
            found.add(Expected.of(capture, job));
        }
        assertThat(found).containsExactlyInAnyOrderElementsOf(expected);
    }

    /** But that the prologs of a job which gave up a node since then are noted to tell of more CPUs than it has. */
    @ParameterizedTest
    @CsvSource({"slurm-24.11, 0", "slurm-26.05, 2"})
    void theSameHooksOnceMoreChangeNothing(String slurm, int noted) throws Exception {
        List<JsonNode> runs = jobs(slurm);
        long lines = auditLines(slurm);

        replay(slurm);

        assertThat(jobs(slurm)).isEqualTo(runs);
        assertThat(auditLines(slurm)).isEqualTo(lines + noted);
    }

    @Test
    void whatOnlyARunInsideTheJobCanReadIsKept() {
        JsonNode oom = get("/v1/jobs/52?cluster=slurm-24.11");
        assertThat(oom.get("oom_kills").longValue()).isEqualTo(1);
        assertThat(oom.get("max_memory_usage_mb").doubleValue()).isEqualTo(60);
        assertThat(oom.get("cpu_seconds").doubleValue()).isPositive();
        assertThat(oom.get("cgroup_path").stringValue()).isEqualTo("/system.slice/n2_slurmstepd.scope/job_52");
    }

    @Test
    void theGpuThatTheJobHadIsKnownAndItsVendorIsNot() {
        JsonNode job = get("/v1/jobs/34?cluster=slurm-24.11");
        assertThat(job.get("allocated_gpus").intValue()).isEqualTo(1);
        assertThat(job.get("gpu_devices").valueStream().map(JsonNode::stringValue)).containsExactly("0");
        assertThat(job.has("gpu_vendor")).isFalse();
    }

    private static void replay(String slurm) throws Exception {
        Path out = folder.resolve("replay.out");
        Process replay = new ProcessBuilder(SCRIPTS.resolve("replay").toString(), "--url",
                "http://127.0.0.1:" + server.port(), "--spool", folder.resolve("spool").toString(),
                ofCluster(slurm).toString()).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertThat(replay.waitFor(3, TimeUnit.MINUTES)).isTrue();
        assertThat(Files.readAllLines(out)).hasSize(HOOKS.get(slurm))
                .allSatisfy(line -> assertThat(line).endsWith("sent"));
    }

    /** What was captured, with a cluster's name of its own: they were all named alike. */
    private static Path ofCluster(String slurm) throws IOException {
        Path captured = SCRIPTS.resolve("captured").resolve(slurm);
        Path renamed = folder.resolve(slurm);
        try (Stream<Path> files = Files.walk(captured)) {
            for (Path file : files.filter(file -> file.getFileName().toString().startsWith("hooks-job")).toList()) {
                Path copy = renamed.resolve(captured.relativize(file));
                Files.createDirectories(copy.getParent());
                Files.writeString(copy, Files.readString(file).replaceAll("(?m)^SLURM_CLUSTER_NAME=.*$",
                        "SLURM_CLUSTER_NAME=" + slurm));
            }
        }
        return renamed;
    }

    private static JsonNode verdict(JsonNode job) {
        return get("/v1/jobs/" + job.get("id").stringValue() + "/verdict?run=" + job.get("run")).get("outcome");
    }

    @ParameterizedTest
    @ValueSource(strings = {"slurm-24.11", "slurm-26.05"})
    void aVerdictIsSureOfNoMoreThanTheRunIs(String slurm) {
        for (JsonNode job : jobs(slurm)) {
            JsonNode outcome = verdict(job);
            assertThat(outcome.get("confirmed")).as("%s", outcome).isEqualTo(job.get("confirmed"));
            assertThat(outcome.get("evidence").size()).isPositive();
        }
    }

    private static List<JsonNode> jobs(String slurm) {
        return get("/v1/jobs?limit=1000").get("jobs").valueStream()
                .filter(job -> job.get("cluster").stringValue().equals(slurm)).toList();
    }

    private static long auditLines(String slurm) {
        long lines = 0;
        for (JsonNode job : jobs(slurm)) {
            lines += get("/v1/jobs/" + job.get("id").stringValue() + "/audit?run=" + job.get("run")).get("audit")
                    .size();
        }
        return lines;
    }

    private static JsonNode get(String target) {
        Exchange answer = server.get(target);
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        return answer.json();
    }
}
