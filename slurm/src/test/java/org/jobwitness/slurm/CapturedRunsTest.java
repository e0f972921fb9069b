package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.slurm.Service.json;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/** Every environment that a real Slurm gave its hooks, given to ours again. */
class CapturedRunsTest {
    @TempDir
    Path folder;

    /** Those of Slurm 24.11 in each shell, all others in the first. */
    static Stream<Arguments> everyRunInEveryShell() {
        var runs = Captured.all();
        assertThat(runs.stream().filter(run -> run.isOf("24.11"))).hasSize(126);
        assertThat(runs.stream().filter(run -> run.isOf("26.05"))).hasSize(122);
        var first = Shells.here().getFirst();
        return Shells.here().stream().flatMap(shell -> runs.stream()
                .filter(run -> run.isOf("24.11") || shell.equals(first)).map(run -> Arguments.of(shell, run)));
    }

    @ParameterizedTest
    @MethodSource("everyRunInEveryShell")
    void tellsTheServiceOnceAndKeepsNothing(List<String> shell, Captured captured) throws Exception {
        try (var service = new Service()) {
            var ran = run(shell, captured, service);

            ran.keptItsPromise();
            var request = service.request();
            var body = request.body();
            var given = captured.environment();
            var finished = captured.hook().equals("epilog");
            assertThat(request.path())
                    .isEqualTo("POST /v1/events/" + (finished ? "job-finished" : "job-started"));
            assertThat(request.headers()).containsEntry("Content-Type", "application/json")
                    .containsEntry("X-Changed-By", "slurm").containsEntry("X-Source", "slurm-" + captured.hook())
                    .containsEntry("X-Correlation-Id", body.get("event_id").stringValue())
                    .doesNotContainKey("Authorization");
            assertThat(body.get("event_id").stringValue()).matches("[A-Za-z0-9._-]{1,128}");
            assertThat(body.get("job_id").stringValue()).isEqualTo(given.get("SLURM_JOB_ID"));
            assertThat(body.get("cluster").stringValue()).isEqualTo(given.get("SLURM_CLUSTER_NAME"));
            assertThat(body.get("node").stringValue()).isEqualTo(captured.node());
            assertThat(body.get("uid").longValue()).isEqualTo(Long.parseLong(given.get("SLURM_JOB_UID")));
            // Before 23.02, it has the older name alone.
            assertThat(body.get("node_list").get(0).stringValue())
                    .isEqualTo(given.getOrDefault("SLURM_JOB_NODELIST", given.get("SLURM_NODELIST")));
            assertThat(body.has("start_time")).isEqualTo(given.containsKey("SLURM_JOB_START_TIME"));
            if (body.has("start_time"))
                assertThat(Instant.parse(body.get("start_time").stringValue()))
                        .isEqualTo(Instant.ofEpochSecond(Long.parseLong(given.get("SLURM_JOB_START_TIME"))));
            assertThat(body.path("sluid").stringValue(null)).isEqualTo(given.get("SLURM_JOB_SLUID"));
            assertThat(body.has("account")).isEqualTo(given.containsKey("SLURM_JOB_ACCOUNT"));
            assertThat(body.has("end_time")).isEqualTo(!finished && given.containsKey("SLURM_JOB_END_TIME"));
            assertThat(body.has("exit_code")).isEqualTo(finished && !captured.insideTheJob());
            assertThat(body.has("reading")).isEqualTo(finished && captured.insideTheJob());
            assertThat(folder.resolve("spool/events")).isEmptyDirectory();
            assertThat(folder.resolve("spool/refused")).isEmptyDirectory();
        }
    }

    @Test
    void prologTellsWhoRunsWhereAndUntilWhen() throws Exception {
        assertThat(events("contain/a-exit0", "prolog", "n1")).containsExactly(json("""
                {"job_id": "20", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n1", "node_list": ["n1"],
                 "partition": "batch", "account": "proj1", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:44:10Z", "end_time": "2026-11-22T22:44:12Z",
                 "timestamp": "2026-11-22T21:44:12Z"}"""));
    }

    @Test
    void oomOfAStepStandsInTheDerivedExitCodeOnly() throws Exception {
        assertThat(events("contain/c2-oom-step", "epilog", "n1")).containsExactly(json("""
                {"job_id": "23", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n1", "node_list": ["n1"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:44:42Z", "timestamp": "2026-11-22T21:45:01Z",
                 "raw_status": 256, "exit_code": 1, "signal": 0, "derived_exit_code": 253}"""));
    }

    @Test
    void cancelledJobLooksLikeASuccess() throws Exception {
        assertThat(events("contain/d-scancel", "epilog", "n2")).containsExactly(json("""
                {"job_id": "26", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n2", "node_list": ["n2"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:44:14Z", "timestamp": "2026-11-22T21:44:44Z",
                 "raw_status": 0, "exit_code": 0, "signal": 0, "derived_exit_code": 0}"""));
    }

    @Test
    void jobThatRanOutOfTimeEndsAfterTheDeadlineOfItsProlog() throws Exception {
        var started = events("contain/e-timeout", "prolog", "n2").getFirst();
        var finished = events("contain/e-timeout", "epilog", "n2").getFirst();

        assertThat(started.get("end_time").stringValue()).isEqualTo("2026-11-22T21:45:18Z");
        assertThat(finished.get("timestamp").stringValue()).isEqualTo("2026-11-22T21:45:28Z");
        assertThat(finished.get("exit_code").intValue()).isZero();
    }

    @Test
    void runsOfARequeuedJobDifferInTheirStartAndNotInTheirRestartCount() throws Exception {
        var first = events("contain/i-requeue", "epilog", "n1");
        var second = events("contain/i-requeue", "epilog", "n2");

        assertThat(first).containsExactly(json("""
                {"job_id": "32", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n1", "node_list": ["n1"],
                 "partition": "batch", "restart_count": 1, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:45:32Z", "timestamp": "2026-11-22T21:46:03Z",
                 "raw_status": 0, "exit_code": 0, "signal": 0, "derived_exit_code": 0}"""));
        assertThat(second).containsExactly(json("""
                {"job_id": "32", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n2", "node_list": ["n2"],
                 "partition": "batch", "restart_count": 1, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:46:08Z", "timestamp": "2026-11-22T21:46:14Z",
                 "raw_status": 0, "exit_code": 0, "signal": 0, "derived_exit_code": 0}"""));
    }

    @Test
    void failedStepOfASuccessfulJobIsTold() throws Exception {
        assertThat(events("contain/j-steps", "epilog", "n2")).containsExactly(json("""
                {"job_id": "33", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n2", "node_list": ["n2"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "2",
                 "start_time": "2026-11-22T21:45:46Z", "timestamp": "2026-11-22T21:46:05Z",
                 "raw_status": 0, "exit_code": 0, "signal": 0, "derived_exit_code": 1280}"""));
    }

    @Test
    void gpusAreTheOnesOfThisNode() throws Exception {
        var started = events("contain/k-gpu", "prolog", "n1").getFirst();
        // All vendors' variables are set here, so that the vendor hangs on the devices of the machine that runs this.
        started.remove("gpu_vendor");

        assertThat(started).isEqualTo(json("""
                {"job_id": "34", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n1", "node_list": ["n1"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:45:46Z", "end_time": "2026-11-22T22:45:47Z",
                 "timestamp": "2026-11-22T21:45:47Z", "gpu_allocation": 1, "gpu_devices": ["0"]}"""));
    }

    @Test
    void signalThatEndedTheScriptIsTold() throws Exception {
        assertThat(events("contain/l-selfterm", "epilog", "n2")).containsExactly(json("""
                {"job_id": "35", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n2", "node_list": ["n2"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:45:41Z", "timestamp": "2026-11-22T21:45:45Z",
                 "raw_status": 15, "exit_code": 0, "signal": 15, "derived_exit_code": 0}"""));
    }

    @Test
    void bothNodesOfAJobTellTheWholeList() throws Exception {
        for (var node : List.of("n1", "n2")) {
            assertThat(events("contain/h-twonode", "epilog", node)).containsExactly(json("""
                    {"job_id": "31", "cluster": "rig", "user": "alice", "uid": 1001, "node": "%s",
                     "node_list": ["n[1-2]"], "partition": "batch", "restart_count": 0, "cpus_per_node": "1(x2)",
                     "start_time": "2026-11-22T21:45:32Z", "timestamp": "2026-11-22T21:45:42Z",
                     "raw_status": 256, "exit_code": 1, "signal": 0, "derived_exit_code": 256}""".formatted(node)));
        }
    }

    @Test
    void epilogOfANodeThatTheJobGaveUpTellsWhenAndNotTheDeadline() throws Exception {
        var released = events("slurm-26.05/more/resize", "epilog", "n2").getLast();

        assertThat(released.get("job_id").stringValue()).isEqualTo("46");
        assertThat(released.get("timestamp").stringValue()).isEqualTo("2026-11-30T11:09:52Z");
        assertThat(released.get("node_list")).isEqualTo(json("{\"list\": [\"n2\"]}").get("list"));
        assertThat(released.get("cpus_per_node").stringValue()).isEqualTo("1(x2)");
    }

    @Test
    void jobOfANewSlurmIsNamedByItsSluidWhereverItsCgroupIs() throws Exception {
        assertThat(events("slurm-26.05/runinjob/c1-oom-child", "epilog", "n2")).hasSize(1).allSatisfy(event -> {
            assertThat(event.get("sluid").stringValue()).startsWith("s");
            assertThat(event.get("reading").get("oom_kills").intValue()).isEqualTo(1);
        });
    }

    @Test
    void prologInsideTheJobKnowsItsCgroup() throws Exception {
        assertThat(events("runinjob/c1-oom-child", "prolog", "n2")).containsExactly(json("""
                {"job_id": "52", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n2", "node_list": ["n2"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:59:45Z", "end_time": "2026-11-22T22:59:46Z",
                 "timestamp": "2026-11-22T21:59:47Z", "cgroup_path": "/system.slice/n2_slurmstepd.scope/job_52"}"""));
    }

    @Test
    void epilogInsideTheJobTellsItsLastFiguresInsteadOfAFalseEnd() throws Exception {
        assertThat(events("runinjob/c1-oom-child", "epilog", "n2")).containsExactly(json("""
                {"job_id": "52", "cluster": "rig", "user": "alice", "uid": 1001, "node": "n2", "node_list": ["n2"],
                 "partition": "batch", "restart_count": 0, "cpus_per_node": "1",
                 "start_time": "2026-11-22T21:59:45Z", "timestamp": "2026-11-22T21:59:56Z",
                 "reading": {"cpu_usage_usec": 3222808, "memory_peak_bytes": 62914560, "oom_kills": 1}}"""));
    }

    @Test
    void figuresInsideTheJobAreLeftOutWhereTheKernelHasNone() throws Exception {
        var captured = Captured.one("runinjob/c1-oom-child", "epilog", "n2");
        try (var service = new Service()) {
            var environment = captured.replayed(folder, service.url());
            var cgroup = folder.resolve("cgroup/system.slice/n2_slurmstepd.scope/job_52");
            Files.delete(cgroup.resolve("memory.peak")); // came with Linux 5.19
            Files.writeString(cgroup.resolve("memory.events"), "oom_kill max\n");

            Node.run(List.of(Path.of("epilog").toAbsolutePath().toString()), environment).keptItsPromise();

            assertThat(service.request().body().get("reading")).isEqualTo(json("{\"cpu_usage_usec\": 3222808}"));
        }
    }

    private List<ObjectNode> events(String scenario, String hook, String node) throws Exception {
        var events = new ArrayList<ObjectNode>();
        for (var captured : Captured.all(scenario, hook, node)) {
            try (var service = new Service()) {
                run(Shells.here().getFirst(), captured, service).keptItsPromise();
                var body = service.request().body();
                body.remove("event_id");
                events.add(body);
            }
        }
        return events;
    }

    private Node.Run run(List<String> shell, Captured captured, Service service) throws Exception {
        var command = new ArrayList<>(shell);
        command.add(Path.of(captured.hook()).toAbsolutePath().toString());
        return Node.run(command, captured.replayed(folder, service.url()));
    }
}
