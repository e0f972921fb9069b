package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.slurm.Service.json;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** Which values get into an event, and that no value does anything else. */
class ValuesTest {
    /** Each variable that a hook reads, with a value that it tells, and the fields that this makes. */
    private static final Map<String, String> GOOD = new TreeMap<>(Map.ofEntries(Map.entry("SLURMD_NODENAME", "n1"),
            Map.entry("SLURM_CLUSTER_NAME", "rig"), Map.entry("SLURM_JOB_UID", "1001"),
            Map.entry("SLURM_JOB_USER", "alice"), Map.entry("SLURM_JOB_NODELIST", "n1"),
            Map.entry("SLURM_JOB_SLUID", "s5K1KKYAYG5D00"), Map.entry("SLURM_JOB_START_TIME", "1795384828"),
            Map.entry("SLURM_JOB_END_TIME", "1795388429"), Map.entry("SLURM_JOB_PARTITION", "batch"),
            Map.entry("SLURM_JOB_ACCOUNT", "proj1"), Map.entry("SLURM_JOB_RESTART_COUNT", "2"),
            Map.entry("SLURM_JOB_CPUS_PER_NODE", "4(x2),1"), Map.entry("SLURM_HET_JOB_ID", "56"),
            Map.entry("SLURM_JOB_GPUS", "0,1"), Map.entry("ROCR_VISIBLE_DEVICES", "0,1"),
            Map.entry("SLURM_JOB_QOS", "high")));
    private static final Map<String, String> GOOD_AT_THE_END = Map.of("SLURM_JOB_EXIT_CODE", "768",
            "SLURM_JOB_EXIT_CODE2", "3:0", "SLURM_JOB_DERIVED_EC", "253");

    @TempDir
    Path folder;

    private Service service;
    private Node node;

    @BeforeEach
    void serviceIsUp() throws Exception {
        service = new Service();
        node = new Node(folder, service.url()).with("JOBWITNESS_NOW", "1795384829");
    }

    @AfterEach
    void close() {
        service.close();
    }

    @Test
    void everythingThatIsKnownIsTold() throws Exception {
        GOOD.forEach(node::with);

        assertThat(started()).isEqualTo(
                json("""
                {"job_id": "57", "cluster": "rig", "sluid": "s5K1KKYAYG5D00", "user": "alice", "uid": 1001,
                 "node": "n1", "node_list": ["n1"], "partition": "batch", "account": "proj1", "restart_count": 2,
                 "cpus_per_node": "4(x2),1", "het_job_id": "56", "start_time": "2026-11-22T22:00:28Z",
                 "end_time": "2026-11-22T23:00:29Z", "timestamp": "2026-11-22T22:00:29Z",
                 "gpu_allocation": 2, "gpu_devices": ["0", "1"], "gpu_vendor": "amd", "scheduler": {"qos": "high"}}"""));
    }

    @Test
    void onTheControllerNameAndArrayAreToldAndNoNode() throws Exception {
        node.with("SLURM_SCRIPT_CONTEXT", "epilog_slurmctld").with("SLURM_JOB_NAME", "relax-2.0")
                .with("SLURM_ARRAY_JOB_ID", "55").with("SLURM_ARRAY_TASK_ID", "2").with("SLURM_JOB_QOS", "high")
                .with("SLURM_HET_JOB_OFFSET", "1")
                .with("SLURM_JOB_START_TIME", "1795384828").with("SLURM_JOB_END_TIME", "1795384829")
                .with("SLURM_JOB_EXIT_CODE", "768").with("SLURM_JOB_EXIT_CODE2", "3:0");

        node.epilogslurmctld().keptItsPromise();

        var body = service.request().body();
        body.remove("event_id");
        assertThat(body).isEqualTo(json("""
                {"job_id": "57", "cluster": "rig", "user": "alice", "uid": 1001, "node_list": ["n1"],
                 "start_time": "2026-11-22T22:00:28Z", "timestamp": "2026-11-22T22:00:29Z", "raw_status": 768,
                 "exit_code": 3, "signal": 0,
                 "scheduler": {"name": "relax-2.0", "array_job_id": "55", "array_task_id": 2,
                               "het_job_offset": 1, "qos": "high"}}"""));
    }

    /** Names of jobs and users are told as they are, escaped as JSON wants it. */
    private static boolean isText(String value) {
        return value.matches("[ -~]{1,255}") && !value.isBlank() && !value.equals("(null)");
    }

    @ParameterizedTest
    @MethodSource("hostileValuesInEveryShell")
    void whatAUserCallsAJobIsToldAsItIsIfItIsPrintable(List<String> shell, String value) throws Exception {
        node.under(shell).with("SLURM_SCRIPT_CONTEXT", "epilog_slurmctld");
        for (var name : List.of("SLURM_JOB_NAME", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_QOS",
                "SLURM_HET_JOB_OFFSET"))
            node.with(name, value);

        node.epilogslurmctld().keptItsPromise();

        var scheduler = service.request().body().path("scheduler");
        assertThat(scheduler.propertyNames()).isEqualTo(isText(value) ? Set.of("name") : Set.of());
        assertThat(scheduler.path("name").asString(value)).isEqualTo(value);
        assertThat(folder.resolve("hit")).doesNotExist();
    }

    static Stream<Arguments> hostileValuesInEveryShell() {
        return Shells.here().stream().flatMap(shell -> Stream
                .of("", " ", "\n", "a b", "\"", "\\", "a\",\"user\":\"root", "a\nuser=root", "$(touch hit)",
                        "`touch hit`",
                        "$HOME", "*", "{a,b}", "a;touch hit", "a'b", "(null)", "\r", "\t1", "é", "x".repeat(65_000),
                        "1".repeat(65_000), "0".repeat(65_000),
                        "--output=hit", "\u0001")
                .map(value -> Arguments.of(shell, value)));
    }

    @ParameterizedTest
    @MethodSource("hostileValuesInEveryShell")
    void valueThatDoesNotFitIsLeftOutEverywhere(List<String> shell, String value) throws Exception {
        node.under(shell);
        GOOD.keySet().forEach(name -> node.with(name, value));
        GOOD_AT_THE_END.keySet().forEach(name -> node.with(name, value));
        node.with("CUDA_VISIBLE_DEVICES", value).with("ZE_AFFINITY_MASK", value).with("SLURM_NODELIST", value)
                .with("SLURM_JOB_COMMENT", value).with("SLURM_JOB_WORK_DIR", value).with("SPANK_X", value)
                .with("SLURM_UID", value).with("SLURM_JOB_STDOUT", value);

        for (var run : List.of(node.prolog(), node.epilog()))
            run.keptItsPromise();

        assertThat(service.requests()).hasSize(2);
        for (var request : service.requests()) {
            var body = request.body();
            assertThat(body.get("job_id").stringValue()).isEqualTo("57");
            assertThat(body.get("event_id").stringValue()).matches("57-(started|finished)-1795384829-[0-9]+");
            assertThat(body.has("user")).isEqualTo(isText(value));
            assertThat(body.path("user").asString(value)).isEqualTo(value);
            body.remove(List.of("event_id", "job_id", "timestamp", "user"));
            assertThat(body).isEmpty();
        }
        assertThat(Path.of("hit")).doesNotExist();
        assertThat(folder.resolve("hit")).doesNotExist();
        assertThat(node.kept()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "+1", "1e3", "0x10", "08", "00", "1.5", "1 ", "99999999999"})
    void numberInAnotherShapeIsLeftOut(String number) throws Exception {
        node.with("SLURM_JOB_UID", number).with("SLURM_HET_JOB_ID", number);

        var body = with("SLURM_JOB_RESTART_COUNT", number);

        assertThat(body.has("restart_count") || body.has("uid") || body.has("het_job_id")).isFalse();
    }

    @ParameterizedTest
    @MethodSource("hugeNodeListsInEveryShell")
    void nodeListMayBeLongButNotEndless(List<String> shell, int length, boolean told) throws Exception {
        var list = "n".repeat(length);

        node.under(shell);

        assertThat(with("SLURM_JOB_NODELIST", list).get("node_list").get(0).stringValue())
                .isEqualTo(told ? list : "n1");
    }

    static Stream<Arguments> hugeNodeListsInEveryShell() {
        return Shells.here().stream().flatMap(
                shell -> Stream.of(Arguments.of(shell, 16_000, true), Arguments.of(shell, 120_000, false)));
    }

    /** Java cannot hand such bytes to a process itself. */
    @Test
    void bytesThatAreNoUtf8AreLeftOut() throws Exception {
        for (var shell : Shells.here()) {
            var command = new ArrayList<>(List.of("/bin/sh", "-c",
                    "export SLURM_JOB_USER=$(printf 'ali\\377ce') SLURM_JOB_PARTITION=$(printf '\\303'); exec \"$@\"",
                    "sh"));
            command.addAll(node.with("SLURM_JOB_PARTITION", "x").under(shell).command("prolog"));

            node.run(command).keptItsPromise();
        }

        assertThat(service.requests()).hasSameSizeAs(Shells.here());
        for (var request : service.requests()) {
            assertThat(request.body().get("user").stringValue()).isEqualTo("1001");
            assertThat(request.body().has("partition")).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "5 7", "57\n", "08", "-1", "57_1", "99999999999"})
    void withoutAJobIdThereIsNothingToTell(String id) throws Exception {
        node.with("SLURM_JOB_ID", id);

        node.prolog().keptItsPromise();
        node.without("SLURM_JOB_ID").epilog().keptItsPromise();

        assertThat(service.requests()).isEmpty();
        assertThat(node.spool).doesNotExist();
    }

    @Test
    void userWithoutAUsableNameIsTheNumber() throws Exception {
        assertThat(with("SLURM_JOB_USER", "ali\u0001ce").get("user").stringValue()).isEqualTo("1001");
    }

    @Test
    void userOfADomainIsToldAsSlurmHasIt() throws Exception {
        assertThat(with("SLURM_JOB_USER", "DOMAIN\\alice").get("user").stringValue()).isEqualTo("DOMAIN\\alice");
    }

    @Test
    void nodeListThatCannotBeToldIsThisNode() throws Exception {
        assertThat(with("SLURM_JOB_NODELIST", "n[1-2] n3").get("node_list"))
                .isEqualTo(json("{\"a\":[\"n1\"]}").get("a"));
    }

    @Test
    void cpusOfNodesAreLeftOutWithAListOfNodesThatIsUnfit() throws Exception {
        node.with("SLURM_JOB_CPUS_PER_NODE", "4(x3)");
        assertThat(with("SLURM_JOB_NODELIST", "n[1-2] n3").has("cpus_per_node")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"n1", "n[001-003,7]", "gpu-a[1-2],b.example.org", "rack[1-2]node[3-4]_x"})
    void hostListsAreToldAsTheyAre(String list) throws Exception {
        assertThat(with("SLURM_JOB_NODELIST", list).get("node_list").get(0).stringValue()).isEqualTo(list);
    }

    @Test
    void olderNameOfTheNodeListServes() throws Exception {
        node.without("SLURM_JOB_NODELIST");

        assertThat(with("SLURM_NODELIST", "n[1-9]").get("node_list").get(0).stringValue()).isEqualTo("n[1-9]");
    }

    @Test
    void longNodeNameLeavesTheEventIdShortEnough() throws Exception {
        var body = with("SLURMD_NODENAME", "n".repeat(200));

        assertThat(body.get("node").stringValue()).hasSize(200);
        assertThat(service.request().body().get("event_id").stringValue()).matches("57-started-1795384829-[0-9]+");
    }

    @ParameterizedTest
    @CsvSource({"1000000000, 2001-09-09T01:46:40Z", "1709164799, 2024-02-28T23:59:59Z",
            "1709164800, 2024-02-29T00:00:00Z",
            "1709251200, 2024-03-01T00:00:00Z", "1735689599, 2024-12-31T23:59:59Z", "1735689600, 2025-01-01T00:00:00Z",
            "1740787199, 2025-02-28T23:59:59Z", "1740787200, 2025-03-01T00:00:00Z", "2147483648, 2038-01-19T03:14:08Z",
            "3999999999, 2096-10-02T07:06:39Z"})
    void unixSecondsBecomeDates(String seconds, String date) throws Exception {
        assertThat(with("SLURM_JOB_START_TIME", seconds).get("start_time").stringValue()).isEqualTo(date);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "999999999", "4294967294", "4294967295", "17953848280", "99999999999999999999"})
    void numbersThatAreNoTimeAreLeftOut(String seconds) throws Exception {
        assertThat(with("SLURM_JOB_START_TIME", seconds).has("start_time")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sEKNKTV3WPV500", "s5K1KKYAYG5D00"})
    void sluidsAreTold(String sluid) throws Exception {
        assertThat(with("SLURM_JOB_SLUID", sluid).get("sluid").stringValue()).isEqualTo(sluid);
    }

    @ParameterizedTest
    @ValueSource(strings = {"s5K1KKYAYG5D0", "s5K1KKYAYG5D000", "x5K1KKYAYG5D00", "s5K1KKYAYG5DIL", "s5k1kkyayg5d00",
            "sGK1KKYAYG5D00", "s5K1KKYAYG5D\n0"})
    void whatIsNoSluidIsLeftOut(String sluid) throws Exception {
        assertThat(with("SLURM_JOB_SLUID", sluid).has("sluid")).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0:125|0|125", "3:0|3|0", "255:64|255|64"})
    void exitCodesAreTold(String both, int exitCode, int signal) throws Exception {
        var body = finished("SLURM_JOB_EXIT_CODE2", both);

        assertThat(body.get("exit_code").intValue()).isEqualTo(exitCode);
        assertThat(body.get("signal").intValue()).isEqualTo(signal);
    }

    @ParameterizedTest
    @ValueSource(strings = {"3", ":", "a:b", "0:", "-1:0", "1:0:0"})
    void halfAnExitCodeIsNotGuessed(String both) throws Exception {
        var body = finished("SLURM_JOB_EXIT_CODE2", both);

        assertThat(body.has("exit_code") || body.has("signal")).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"1795384828, 1795384870, 2026-11-22T22:01:10Z", "1795384828, 1795384827, 2026-11-22T22:00:29Z",
            "1795384828, 1795384890, 2026-11-22T22:00:29Z", "1795384828, 0, 2026-11-22T22:00:29Z",
            "'', 1795384870, 2026-11-22T22:01:10Z"})
    void jobEndsWhenTheControllerSaysUnlessThatCannotBe(String start, String end, String timestamp) throws Exception {
        node.with("SLURM_JOB_START_TIME", start);

        assertThat(finished("SLURM_JOB_END_TIME", end).get("timestamp").stringValue()).isEqualTo(timestamp);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0|1|0", "0,1|2|0 1", "0-3|4|0 1 2 3", "1,4-5,9|4|1 4 5 9"})
    void gpuIndexesAreCounted(String indexes, int count, String devices) throws Exception {
        var body = with("SLURM_JOB_GPUS", indexes);

        assertThat(body.get("gpu_allocation").intValue()).isEqualTo(count);
        assertThat(body.get("gpu_devices").toString()).isEqualTo("[\"" + devices.replace(" ", "\",\"") + "\"]");
        assertThat(body.has("gpu_vendor")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"3-1", "0-64", "0-999", "0-", "-3", "1-2-3", ",", "0,,1", "0-1000000000", "08", "a"})
    void gpuListThatMakesNoSenseIsLeftOut(String indexes) throws Exception {
        var body = with("SLURM_JOB_GPUS", indexes);

        assertThat(body.has("gpu_allocation") || body.has("gpu_devices")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"GPU-aaaa1111-2222-3333-4444-555555555555,GPU-bbbb1111-2222-3333-4444-555555555555",
            "MIG-cccc1111-2222-3333-4444-555555555555",
            "MIG-GPU-dddd1111-2222-3333-4444-555555555555/7/0,MIG-GPU-dddd1111-2222-3333-4444-555555555555/8/0"})
    void uuidsGoBeforeIndexesAndNameTheVendor(String uuids) throws Exception {
        node.with("CUDA_VISIBLE_DEVICES", uuids).with("ROCR_VISIBLE_DEVICES", "0");

        var body = with("SLURM_JOB_GPUS", "0-3");

        assertThat(body.get("gpu_devices").toString()).isEqualTo("[\"" + uuids.replace(",", "\",\"") + "\"]");
        assertThat(body.get("gpu_allocation").intValue()).isEqualTo(uuids.split(",").length);
        assertThat(body.get("gpu_vendor").stringValue()).isEqualTo("nvidia");
    }

    @ParameterizedTest
    @CsvSource({"CUDA_VISIBLE_DEVICES, nvidia", "ROCR_VISIBLE_DEVICES, amd", "ZE_AFFINITY_MASK, intel"})
    void oneVendorsVariableNamesTheVendor(String variable, String vendor) throws Exception {
        node.with(variable, "0");

        assertThat(with("SLURM_JOB_GPUS", "0").get("gpu_vendor").stringValue()).isEqualTo(vendor);
    }

    @ParameterizedTest
    @CsvSource(value = {"nvidiactl, nvidia", "kfd, amd", "nvidiactl kfd, -", "-, -"}, nullValues = "-")
    void allVendorsVariablesLeaveItToTheDevices(String devices, String vendor) throws Exception {
        assumeTrue(Node.mayUnshare(), "needs a mount namespace");
        node.with("SLURM_JOB_GPUS", "0");
        for (var variable : List.of("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"))
            node.with(variable, "0");
        Files.createFile(folder.resolve("null"));

        node.prologInNamespace("""
                mount --bind /dev/null %1$s/null
                mount -t tmpfs tmpfs /dev
                touch /dev/null
                mount --bind %1$s/null /dev/null
                for device in %2$s; do touch /dev/$device; done""".formatted(folder, devices == null ? "" : devices),
                "")
                .keptItsPromise();

        var told = service.request().body().get("gpu_vendor");
        assertThat(told == null ? null : told.stringValue()).isEqualTo(vendor);
    }

    @ParameterizedTest
    @CsvSource({"0::/system.slice/slurmstepd.scope/job_57/step_extern/slurm, /system.slice/slurmstepd.scope/job_57",
            "0::/system.slice/slurmstepd.scope/s5K1KKYAYG5D00/step_extern/slurm, /system.slice/slurmstepd.scope/s5K1KKYAYG5D00"})
    void cgroupIsToldByAHookThatRunsInsideTheJob(String self, String path) throws Exception {
        node.with("JOBWITNESS_SELF_CGROUP", Files.writeString(folder.resolve("self"), self + "\n").toString());

        assertThat(with("SLURM_JOB_SLUID", "s5K1KKYAYG5D00").get("cgroup_path").stringValue()).isEqualTo(path);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0::/", "0::/system.slice/slurmd.service",
            "0::/system.slice/slurmstepd.scope/job_5/step_extern/slurm",
            "0::/system.slice/slurmstepd.scope/job_57/step_batch/slurm", "0::/../job_57/step_extern/slurm",
            "0::/a b/job_57/step_extern/slurm", "4:memory:/slurm/uid_1001/job_57/step_extern/task_0"})
    void otherCgroupsAreNotTheJobs(String self) throws Exception {
        node.with("JOBWITNESS_SELF_CGROUP", Files.writeString(folder.resolve("self"), self + "\n").toString());

        assertThat(started().has("cgroup_path")).isFalse();
    }

    /** The exit code is false inside of a job, whether or not its path can be told. */
    @ParameterizedTest
    @ValueSource(strings = {"0::/a\\x2db.slice/slurmstepd.scope/job_57/step_extern/slurm",
            "0::/../job_57/step_extern/slurm", "0::/system.slice/slurmstepd.scope/s5K1KKYAYG5D00/step_extern/slurm"})
    void epilogInsideAJobNeverTellsAnExitCode(String self) throws Exception {
        node.with("JOBWITNESS_SELF_CGROUP", Files.writeString(folder.resolve("self"), self + "\n").toString())
                .with("SLURM_JOB_EXIT_CODE", "0").with("SLURM_JOB_EXIT_CODE2", "0:0")
                .with("SLURM_JOB_END_TIME", "1795388429");

        var body = finished("SLURM_JOB_DERIVED_EC", "0");

        assertThat(body.propertyNames()).doesNotContain("exit_code", "signal", "raw_status", "derived_exit_code",
                "reading");
        assertThat(body.get("timestamp").stringValue()).isEqualTo("2026-11-22T22:00:29Z");
    }

    private ObjectNode with(String name, String value) throws Exception {
        node.with(name, value);
        return started();
    }

    private ObjectNode started() throws Exception {
        node.prolog().keptItsPromise();
        var body = service.request().body();
        body.remove("event_id");
        return body;
    }

    private ObjectNode finished(String name, String value) throws Exception {
        node.with(name, value).epilog().keptItsPromise();
        return service.request().body();
    }
}
