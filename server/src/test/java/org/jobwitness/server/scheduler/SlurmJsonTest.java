package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jobwitness.server.access.Scope.Account;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.job.WaitStatus;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Reason;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** What is read from Slurm's JSON: from answers of a real Slurm 24.11.5 and 26.05.5, and from shapes that other versions have. */
class SlurmJsonTest {
    private static final Path REST = Path.of("../slurm/captured/slurm-24.11/rest");
    private static final Instant NOW = Instant.parse("2026-11-23T12:30:00Z");

    private final SlurmJson json = new SlurmJson();
    private final JobEvidence evidence = new JobEvidence(new Json());

    private static InputStream open(String file) throws IOException {
        return Files.newInputStream(REST.resolve(file));
    }

    /** Each job as {@code state reason exit}. */
    private TreeMap<String, String> told(List<SlurmJob> jobs) {
        return jobs.stream().collect(Collectors.toMap(
                job -> job.jobId() + (job.accounted() ? " " + job.submit().getEpochSecond() % 1000 : ""),
                job -> evidence.of(job, "c", NOW).map(said -> said.state() + " " + said.reason() + " "
                        + (said.exit() == null ? "-" : said.exit().exitCode() + ":" + said.exit().signal())
                        + (said.identity().startTime() == null ? " never began" : "")).orElse("nothing"),
                (one, other) -> one, TreeMap::new));
    }

    @ParameterizedTest
    @ValueSource(strings = {"v0.0.40", "v0.0.41", "v0.0.42"})
    void eachVersionsListTellsTheSame(String version) throws Exception {
        TreeMap<String, String> newest = told(json.jobs(open("after/v0.0.42/slurm-jobs.json")).list());
        TreeMap<String, String> told = told(json.jobs(open("after/" + version + "/slurm-jobs.json")).list());
        assertThat(told).isNotEmpty();
        assertThat(newest).containsAllEntriesOf(told);
        assertThat(json.states(open("after/" + version + "/slurm-jobs-state.json")).list())
                .extracting(entry -> entry.name() + " " + entry.state().raw())
                .hasSize(35).contains("1 TIMEOUT", "21_9 PENDING")
                .contains(version.equals("v0.0.40") ? "18_1 COMPLETED" : "19_1 COMPLETED"); // Slurmrestd tells why
        assertThat(json.nodes(open("after/" + version + "/slurm-nodes.json")).list())
                .extracting(node -> node.name() + " " + node.state() + " " + node.reason() + " " + node.gpus())
                .containsExactly("n1 mixed null 2", "n2 drained disk is \"slow null");
    }

    @ParameterizedTest
    @ValueSource(strings = {"v0.0.42", "v0.0.43", "v0.0.44", "v0.0.45"})
    void eachVersionOfANewSlurmTellsTheSame(String version) throws Exception {
        String newSlurm = "../../slurm-26.05/rest/";
        TreeMap<String, String> newest = told(json.jobs(open(newSlurm + "v0.0.45/slurm-jobs.json")).list());
        TreeMap<String, String> told = told(json.jobs(open(newSlurm + version + "/slurm-jobs.json")).list());
        assertThat(told).containsEntry("5", "failed out_of_memory 0:125");
        assertThat(newest).containsAllEntriesOf(told);
        assertThat(json.states(open(newSlurm + version + "/slurm-jobs-state.json")).list())
                .extracting(entry -> entry.name() + " " + entry.state().raw())
                .contains("2 FAILED", "20_0 COMPLETED", "8 TIMEOUT");
    }

    /** Without those of the other cluster that slurmdbd adds because they are below on this one. */
    @ParameterizedTest
    @ValueSource(strings = {"24.11/rest/coordinators/v0.0.40/slurmdb-", "24.11/rest/coordinators/v0.0.41/slurmdb-",
            "24.11/rest/coordinators/v0.0.42/slurmdb-", "24.11/rest/coordinators/cli/sacctmgr-",
            "26.05/rest/coordinators/v0.0.42/slurmdb-", "26.05/rest/coordinators/v0.0.43/slurmdb-",
            "26.05/rest/coordinators/v0.0.44/slurmdb-", "26.05/rest/coordinators/v0.0.45/slurmdb-",
            "26.05/rest/coordinators/cli/sacctmgr-"})
    void whoCoordinatesWhichAccountsIsTold(String files) throws Exception {
        String path = "../../slurm-" + files;
        List<SlurmUser> users = json.users(open(path + "users.json")).list();
        List<SlurmAccount> accounts = SlurmJson.accounts(json.associations(
                open(path + (files.contains("/cli/") ? "assoc.json" : "associations.json"))).list());
        assertThat(users).hasSize(5);
        assertThat(CoordinatorPoll.coordinated(users, accounts)).isEqualTo(Map.of("alice", Set.of(), "root", Set.of(),
                "bob", Set.of(new Account("one", "lasers")), "dave", Set.of(new Account("one", "chem")), "carol",
                Set.of(new Account("one", "physics"), new Account("one", "optics"), new Account("one", "lasers"),
                        new Account("two", "physics"))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"v0.0.42", "v0.0.45"})
    void slurmdbdOfANewSlurmTellsHowEachRunEnded(String version) throws Exception {
        List<SlurmJob> jobs = json.accounted(open("../../slurm-26.05/rest/" + version + "/slurmdb-jobs.json")).list();
        assertThat(jobs).extracting(job -> job.jobId() + " " + job.state().raw())
                .contains("2 FAILED", "5 OUT_OF_MEMORY", "8 TIMEOUT", "13 PENDING+REQUEUED", "41 PREEMPTED",
                        "41 FAILED");
        assertThat(jobs).allSatisfy(job -> assertThat(job.sluid() != null).isEqualTo(version.equals("v0.0.45")));
    }

    @Test
    void slurmctldTellsHowEachJobEnded() throws Exception {
        assertThat(told(json.jobs(open("after/v0.0.42/slurm-jobs.json")).list())).containsAllEntriesOf(new TreeMap<>(
                Map.ofEntries(Map.entry("1", "failed timeout 0:15"),
                        Map.entry("2", "failed deadline 0:1 never began"),
                        Map.entry("3", "failed exit_code 4:0"),
                        Map.entry("4", "cancelled cancelled 0:15"),
                        Map.entry("6", "failed node_failure 0:1"),
                        Map.entry("8", "completed null 0:0"),
                        Map.entry("10", "failed out_of_memory 0:125"),
                        Map.entry("11", "completed null 0:0"),
                        Map.entry("13", "failed signal 0:11"),
                        Map.entry("14", "failed signal 0:15"),
                        Map.entry("20", "failed exit_code 1:0"),
                        Map.entry("21", "pending null - never began"),
                        Map.entry("22", "cancelled cancelled 0:0 never began"),
                        Map.entry("27", "running null -"))));
    }

    @Test
    void slurmdbdTellsEachRunAndWhoCancelled() throws Exception {
        List<SlurmJob> jobs = json.accounted(open("after/v0.0.42/slurmdb-jobs.json")).list();
        assertThat(told(jobs)).contains(Map.entry("3 156", "cancelled requeued 0:0"),
                Map.entry("3 207", "failed exit_code 4:0"),
                Map.entry("4 156", "cancelled cancelled_by_user 0:0"),
                Map.entry("5 156", "cancelled cancelled_by_admin 0:0"),
                Map.entry("7 157", "failed node_failure 1:0"), Map.entry("27 177", "running null -"));
        SlurmJob task = jobs.stream().filter(job -> job.jobId().equals("19")).findFirst().orElseThrow();
        assertThat(task.arrayJobId() + "_" + task.arrayTaskId()).isEqualTo("18_1");
    }

    @Test
    void theCommandsPrintTheSame() throws Exception {
        assertThat(json.accounted(open("cli/sacct.json")).list()).extracting(SlurmJob::jobId).contains("3", "18");
        assertThat(json.accounted(open("cli/sacct-v0.0.40.json")).list()).extracting(SlurmJob::jobId)
                .contains("1", "3");
        assertThat(json.jobs(open("cli/squeue.json")).list()).isNotEmpty();
    }

    @Test
    void gpusAndDeadlineAreToldWhileAJobRuns() throws Exception {
        SlurmJob job = json.jobs(open("during/v0.0.42/slurm-jobs.json")).list().stream()
                .filter(one -> one.jobId().equals("17")).findFirst().orElseThrow();
        Evidence.Reported said = evidence.of(job, "c", NOW).orElseThrow();
        assertThat(said.attributes().deadline()).isEqualTo(Instant.ofEpochSecond(1_795_438_765));
        assertThat(said.identity().cluster()).isEqualTo("vm");
        assertThat(evidence.gpus(job)).containsExactly(new NodeAllocation("n1", 1, null, List.of("0"), null, false));
    }

    @ParameterizedTest
    @CsvSource({"suspended, ", "resumed, 9", "ended, 9"})
    void howLongAJobWasSuspendedIsToldOnceThatIsOver(String when, Integer seconds) throws Exception {
        SlurmJob job = json.jobs(open("../suspend/scontrol-" + when + ".json")).list().getFirst();
        assertThat(job.suspendedSeconds()).isEqualTo(seconds);
        assertThat(evidence.of(job, "c", NOW).orElseThrow().attributes().scheduler().get("suspended_seconds"))
                .isEqualTo(seconds);
    }

    @Test
    void theBooksTellTheSame() throws Exception {
        assertThat(json.accounted(open("../suspend/sacct.json")).list()).extracting(SlurmJob::suspendedSeconds)
                .containsExactly(9);
        assertThat(json.accounted(open("cli/sacct.json")).list()).extracting(SlurmJob::suspendedSeconds)
                .as("others never were").containsOnlyNulls();
    }

    @Test
    void whoIsNotLetInGetsNoEmptyList() throws Exception {
        String text = Files.readString(REST.resolve("errors/wrong-token.txt")).replace("\r", "");
        SlurmJson.Answer<SlurmJob> answer = json.jobs(new ByteArrayInputStream(
                text.substring(text.indexOf("\n\n")).getBytes(StandardCharsets.UTF_8)));
        assertThat(answer.errors()).isNotEmpty().first().extracting(SlurmJson.Complaint::number).isEqualTo(1007L);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `768`                                                   | 3:0
            `{"set": true, "infinite": false, "number": 9}`         | 0:9
            `{"set": false, "infinite": false, "number": 0}`        | -
            `4294967294`                                            | -
            `{"status": "SUCCESS", "return_code": 0}`               | -
            `{"status": "SIGNALED", "signal": {"signal_id": 9}}`    | -
            `{"status": ["ERROR"], "return_code": {"set": true, "infinite": false, "number": 3}, "signal": {"id": {"set": false}}}` | 3:0
            `{"status": ["ERROR"], "return_code": 3}`               | 3:0
            `{"status": ["SIGNALED"], "return_code": {"set": false}, "signal": {"id": {"set": true, "infinite": false, "number": 125}}}` | 0:125
            `{"status": ["PENDING"], "return_code": {"set": false}, "signal": {"id": {"set": false}}}` | -
            `{"status": ["ERROR"], "return_code": {"set": true, "number": 70000}}` | -
            `"3:0"`                                                 | -
            `null`                                                  | -
            """)
    void anExitStatusHasManyShapes(String shape, String exit) {
        WaitStatus read = fields("{\"x\": " + shape + "}").exit("x");
        assertThat(read == null ? "-" : read.exitCode() + ":" + read.signal()).isEqualTo(exit);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `5`                                             | 5
            `"5"`                                           | 5
            `{"set": true, "infinite": false, "number": 5}` | 5
            `{"set": true, "infinite": true, "number": 5}`  |
            `4294967295`                                    |
            `-2`                                            |
            `1e3`                                           |
            `[5]`                                           |
            `99999999999999999999`                          |
            """)
    void aNumberHasManyShapes(String shape, Long number) {
        assertThat(fields("{\"a\": {\"b\": " + shape + "}}").number("a/b")).isEqualTo(number);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `{"set": true, "infinite": false, "number": 60}` | {time_limit_minutes=60}       | 2026-11-23T13:00:00Z
            `{"set": false, "infinite": true, "number": 0}`  | {time_limit_minutes=null}     |
            `{"set": true, "infinite": true, "number": 5}`   | {time_limit_minutes=null}     |
            `4294967295`                                     | {time_limit_minutes=null}     |
            `{"set": false, "infinite": false, "number": 0}` | {}                            |
            `4294967294`                                     | {}                            |
            `null`                                           | {}                            |
            """)
    void thatThereIsNoTimeLimitIsMoreThanNotToSay(String shape, String words, Instant deadline) throws Exception {
        JobAttributes said = attributes("\"time_limit\": " + shape);
        Map<String, Object> ofLimit = new TreeMap<>(said.scheduler());
        ofLimit.keySet().retainAll(List.of("time_limit_minutes"));
        assertThat(ofLimit).hasToString(words);
        assertThat(said.deadline()).isEqualTo(deadline);
    }

    @Test
    void thatAStateHasNoReasonIsMoreThanNotToSay() throws Exception {
        assertThat(attributes("\"state_reason\": \"None\"").scheduler()).containsEntry("state_reason", null);
        assertThat(attributes("\"state_reason\": \"Prolog\"").scheduler()).containsEntry("state_reason", "Prolog");
        assertThat(attributes("\"state_reason\": \"\"").scheduler()).doesNotContainKey("state_reason");
        assertThat(attributes("\"qos\": \"normal\"").scheduler()).doesNotContainKey("state_reason");
        SlurmJob accounted = json.accounted(text("""
                {"jobs": [{"job_id": 9, "state": {"current": ["FAILED"], "reason": "BeginTime"}}]}""")).list()
                .getFirst();
        assertThat(evidence.of(accounted, "c", NOW).orElseThrow().attributes().scheduler())
                .doesNotContainKey("state_reason");
    }

    private JobAttributes pending(String fields) throws Exception {
        SlurmJob job = json.jobs(text("{\"jobs\": [{\"job_id\": 9, \"job_state\": [\"PENDING\"], " + fields + "}]}"))
                .list().getFirst();
        return evidence.of(job, "c", NOW).orElseThrow().attributes();
    }

    @Test
    void slurmsDescriptionOfAWaitIsKeptAsFarAsItCanBeShown() throws Exception {
        assertThat(pending("\"state_reason\": \"Resources\", \"state_description\": \"Nodes are DOWN\"").scheduler())
                .containsEntry("state_reason", "Resources").containsEntry("state_description", "Nodes are DOWN");
        assertThat(pending("\"state_description\": \"\"").scheduler()).containsEntry("state_description", null);
        assertThat(pending("\"state_description\": \"a\\u001bb\"").scheduler())
                .containsEntry("state_description", "a?b");
        assertThat((String) pending("\"state_description\": \"" + "n1,".repeat(9000) + "\"").scheduler()
                .get("state_description")).hasSize(512);
    }

    @Test
    void aJobThatMayStartInSeveralPartitionsIsInAllOfThem() throws Exception {
        assertThat(pending("\"partition\": \"short,long\"").partition()).isEqualTo("short,long");
    }

    @ParameterizedTest
    @CsvSource({"/usr/bin/srun -n1 hostname, false", "salloc, false", "sbatch x.sh, true", "python submit.py, ",
            "'', "})
    void whetherThereIsABatchScriptIsRead(String submitLine, Boolean batch) throws Exception {
        assertThat(json
                .accounted(text("""
                {"jobs": [{"job_id": 9, "state": {"current": ["FAILED"]}, "submit_line": "%s"}]}"""
                        .formatted(submitLine)))
                .list().getFirst().batch()).isEqualTo(batch);
        assertThat(pending("\"batch_flag\": false").scheduler()).containsEntry("batch", false);
        assertThat(pending("\"qos\": \"normal\"").scheduler()).doesNotContainKey("batch");
    }

    @Test
    void whichComponentOfAHeterogeneousJobItIsIsRead() throws Exception {
        JobAttributes component = pending("\"het_job_id\": {\"set\": true, \"number\": 27},"
                + " \"het_job_offset\": {\"set\": true, \"number\": 1}");
        assertThat(component.hetJobId()).isEqualTo("27");
        assertThat(component.scheduler()).containsEntry("het_job_offset", 1);
        JobAttributes leader = pending("\"het_job_id\": 27, \"het_job_offset\": 0");
        assertThat(leader.scheduler()).containsEntry("het_job_offset", 0);
        JobAttributes other = pending("\"het_job_id\": {\"set\": true, \"number\": 0},"
                + " \"het_job_offset\": {\"set\": true, \"number\": 0}");
        assertThat(other.scheduler()).doesNotContainKey("het_job_offset");
        SlurmJob accounted = json.accounted(text("""
                {"jobs": [{"job_id": 28, "state": {"current": ["FAILED"]},
                 "het": {"job_id": 27, "job_offset": {"set": true, "infinite": false, "number": 1}}}]}""")).list()
                .getFirst();
        assertThat(accounted.hetJobId() + "+" + accounted.hetJobOffset()).isEqualTo("27+1");
    }

    /** Without MemSpecLimit, where there is one that can be. */
    @ParameterizedTest
    @CsvSource(value = {"512000, 8000, 504000", "512000, 0, 512000", "512000, null, 512000", "1, 0, null",
            "512000, 512000, 512000"}, nullValues = "none")
    void whatANodeGivesToJobsIsRead(String memory, String kept, String forJobs) throws Exception {
        SlurmNode node = json.nodes(text("{\"nodes\": [{\"name\": \"n1\", \"real_memory\": " + memory
                + ", \"specialized_memory\": " + kept + ", \"partitions\": [\"short\", \"long\"]}]}")).list()
                .getFirst();
        assertThat(String.valueOf(node.memoryForJobsMb())).isEqualTo(forJobs);
        assertThat(node.partitions()).containsExactly("short", "long");
    }

    @Test
    void byWhatOptionItAskedForGpusIsRead() throws Exception {
        assertThat(pending("\"tres_per_node\": \"gres/gpu:a100:2\", \"tres_per_job\": \"\"").scheduler())
                .containsEntry("tres_per_node", "gres/gpu:a100:2").doesNotContainKeys("tres_per_job", "tres_per_task");
        assertThat(pending("\"cpus_per_tres\": \"gres/gpu:8\", \"memory_per_tres\": \"gres/gpu:4096\"").scheduler())
                .containsEntry("cpus_per_tres", "gres/gpu:8").containsEntry("memory_per_tres", "gres/gpu:4096");
    }

    /** NO_VAL, INFINITE and the 0 that stands for everything or for nothing. */
    @Test
    void markersAreNoNumbers() throws Exception {
        JobAttributes read = pending(
                "\"tres_req_str\": \"cpu=0,mem=0,node=1,gres/gpu=0\", \"array_job_id\": 4294967294,"
                        + " \"priority\": 4294967294, \"user_id\": 4294967294, \"het_job_id\": 0, \"time_limit\": 4294967294,"
                        + " \"restart_cnt\": 4294967295, \"submit_time\": 0");
        assertThat(read.requested()).isEqualTo(new Resources(null, null, 0));
        assertThat(read.uid()).isNull();
        assertThat(read.hetJobId()).isNull();
        assertThat(read.restartCount()).isNull();
        assertThat(read.scheduler()).doesNotContainKeys("array_job_id", "priority", "submit_time",
                "time_limit_minutes");
        SlurmJob accounted = json
                .accounted(
                        text("""
                {"jobs": [{"job_id": 9, "state": {"current": ["FAILED"]}, "time": {"end": 0, "start": 4294967294, "limit":
                 {"set": true, "infinite": true, "number": 4294967295}, "suspended": 4294967294}, "tres": {"allocated":
                 [{"type": "cpu", "count": 18446744073709551614}, {"type": "mem", "count": 18446744073709551615}],
                 "requested": [{"type": "cpu", "count": 0}, {"type": "mem", "count": 0},
                  {"type": "gres", "name": "gpu:a100", "count": 2}, {"type": "gres", "name": "gpu:v100", "count": 1}]}}]}"""))
                .list().getFirst();
        assertThat(accounted.unlimited()).isTrue();
        assertThat(accounted.start()).isNull();
        assertThat(accounted.end()).isNull();
        assertThat(accounted.suspendedSeconds()).isNull();
        assertThat(accounted.allocated()).isEqualTo(Resources.UNKNOWN);
        assertThat(accounted.requested()).isEqualTo(new Resources(null, null, 3));
        SlurmNode node = json.nodes(text("{\"nodes\": [{\"name\": \"n1\", \"cpus\": 0, \"real_memory\": 1}]}")).list()
                .getFirst();
        assertThat(node.cpus()).isNull();
        assertThat(node.memoryMb()).as("slurm.conf's default").isNull();
    }

    private JobAttributes attributes(String field) throws Exception {
        SlurmJob job = json.jobs(
                text("""
                {"jobs": [{"job_id": 9, "job_state": ["RUNNING"], "start_time": 1795435200, "end_time": 1795438800, %s}]}"""
                        .formatted(field)))
                .list().getFirst();
        return evidence.of(job, "c", NOW).orElseThrow().attributes();
    }

    private static InputStream text(String json) {
        return new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @CsvSource({"PENDING, pending", "CONFIGURING, pending", "RUNNING+CONFIGURING, pending",
            "PENDING+COMPLETING, pending",
            "REQUEUE_HOLD, pending", "SPECIAL_EXIT, pending", "RESV_DEL_HOLD, pending", "REQUEUE_FED, pending",
            "RUNNING, running", "COMPLETED+COMPLETING, running", "SUSPENDED, running", "COMPLETED+STAGE_OUT, running",
            "RESIZING, running", "RUNNING+SIGNALING, running", "RUNNING+SOMETHING_NEW, running",
            "COMPLETED, completed", "FAILED, failed unknown", "BOOT_FAIL, failed launch_failure",
            "DEADLINE, failed deadline", "FAILED+LAUNCH_FAILED, failed launch_failure",
            "NODE_FAIL, failed node_failure", "OUT_OF_MEMORY, failed out_of_memory", "TIMEOUT, failed timeout",
            "CANCELLED, cancelled cancelled", "PREEMPTED, cancelled preempted",
            "CANCELLED+REVOKED, cancelled revoked", "PENDING+REVOKED, cancelled revoked",
            "REVOKED, cancelled revoked", "SOMETHING_NEW, nothing"})
    void aStateMeansWhatTheContractSays(String raw, String meaning) {
        SlurmState state = new SlurmState(List.of(raw.split("\\+")));
        assertThat(state.meaning().map(m -> m.state() + (m.reason() == null ? "" : " " + m.reason())).orElse("nothing"))
                .isEqualTo(meaning);
        assertThat(state.raw()).isEqualTo(raw);
    }

    @Test
    void whatEndedARunForSlurmdbdMeansThatAJobWaitsForSlurmctld() {
        SlurmState state = new SlurmState(List.of("PENDING", "REQUEUED"));
        assertThat(state.end()).map(SlurmState.Meaning::reason).contains(Reason.REQUEUED);
        assertThat(state.meaning()).map(meaning -> meaning.state().toString()).contains("pending");
    }

    @Test
    void resourcesAreReadFromTheirWords() {
        assertThat(Tres.of("cpu=4,mem=8G,node=1,billing=4,gres/gpu=2,gres/gpu:a100=2"))
                .isEqualTo(new Resources(4, 8192L, 2));
        assertThat(Tres.of("cpu=2,mem=1.50T")).isEqualTo(new Resources(2, 1_572_864L, null));
        assertThat(Tres.of("cpu=4,gres/gpu:a100=2,gres/gpu:h100-80g=1,gres/shard=3").gpus())
                .as("where AccountingStorageTRES names types only").isEqualTo(3);
        assertThat(Tres.of("gres/gpu=0,gres/gpu:a100=0").gpus()).isZero();
        assertThat(Tres.of("mem=100M")).isEqualTo(new Resources(null, 100L, null));
        assertThat(Tres.gpuIndices("gpu:a100:3(IDX:0-1,7)")).containsExactly("0", "1", "7");
        assertThat(Tres.gpuIndices("gpu:2(IDX:0-1),gpu:h100:1(IDX:3),shard:8(-/5)")).containsExactly("0", "1", "3");
        assertThat(Tres.gpuIndices("gpu:2")).isEmpty();
        assertThat(Tres.gpuCount("gpu:a100:4(S:0-1),gpu:h100:2")).isEqualTo(6);
        assertThat(Tres.gpuCount("license:3")).isNull();
    }

    private static Fields fields(String text) {
        return new Fields(JsonMapper.shared().readTree(text));
    }
}
