package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** What a server that agents and scripts have fed says at /metrics: every family, with its exact values. */
class MetricsTest {
    private static final String ODD_USER = "o'Neil \"the \\n\\ one\" ü漢😀 {a=\"b\"}";
    /** As it stands in a label. */
    private static final String ODD_LABEL = "o'Neil \\\"the \\\\n\\\\ one\\\" ü漢😀 {a=\\\"b\\\"}";
    private static final Pattern TYPE = Pattern.compile("# TYPE (\\S+) (\\S+)");
    private static final Pattern LABEL = Pattern.compile("[{,]([a-z_]+)=\"");
    /** Families of which there is nothing to say until something has gone wrong, or has been done for the first time. */
    private static final Set<String> MAY_BE_MISSING = Set.of("storage_operation_errors_total",
            "jobwitness_retention_last_success_timestamp_seconds", "jobwitness_sealing_last_success_timestamp_seconds",
            // where a scheduler is asked
            "jobwitness_scheduler_call_duration_seconds", "jobwitness_scheduler_call_errors_total",
            "jobwitness_scheduler_jobs_total", "jobwitness_scheduler_jobs_unreadable_total",
            "hpc_scheduler_jobs_running", "hpc_scheduler_jobs_seen", "hpc_scheduler_nodes_silent",
            "jobwitness_notice_messages_total",
            "jobwitness_scheduler_jobs_waiting", "jobwitness_scheduler_last_answer_timestamp_seconds");
    private static TestServer server;
    private static Instant now;
    private static List<String> scrape;

    @BeforeAll
    static void agentsAndScriptsFeedAServer() throws Exception {
        server = TestServer.start("--default-cluster=alpha");
        now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        start("100", "ada", "[\"n1\", \"n2\"]", "8(x2)", now.minusSeconds(600));
        start("200", ODD_USER, "[\"n3\"]", null, now.minusSeconds(600));
        start("300", "bob", "[\"n4\"]", "4", now.minusSeconds(600));
        start("400", "bob", "[\"n4\"]", "4", now.minusSeconds(2000));
        start("500", "eve", "[\"n5\"]", "2", now.minusSeconds(600));
        start("600", "eve", "[\"n6\"]", "2", now.minusSeconds(11));
        batch("n1", now, """
                {"job_id": "100", "cpus_used": 6.0, "cpu_usage_usec": 3600123456, "cpu_throttled_usec": 1500000,
                 "cpu_pressure_usec": 2000001, "memory_usage_bytes": 4294967296, "memory_limit_bytes": 8589934592,
                 "memory_peak_bytes": 5368709120, "memory_anon_bytes": 3221225472, "memory_file_bytes": 1073741824,
                 "memory_shmem_bytes": 8192, "memory_swap_bytes": 4096, "memory_pressure_usec": 250000, "memory_stall_usec": 125000,
                 "oom_events": 3, "oom_kills": 2, "pids": 24, "io_read_bytes": 1099511627776, "io_write_bytes": 512,
                 "io_pressure_usec": 1, "io_stall_usec": 0}""", """
                {"gpu": "GPU-1", "vendor": "nvidia", "job_id": "100", "utilization_percent": 90.5,
                 "memory_used_bytes": 42949672960, "memory_total_bytes": 85899345920, "power_watts": 312.25,
                 "temperature_celsius": 64, "energy_joules": 123456.789, "processes": 2, "clock_mhz": 1755,
                 "device": {"model": "H\\"100", "pci_bus_id": "00000000:3B:00.0", "minor": 0}},
                {"gpu": "0", "vendor": "amd", "job_id": "100", "utilization_percent": 0.0},
                {"gpu": "GPU-free", "vendor": "nvidia", "utilization_percent": 1.0, "ecc_errors": 0, "xid": 79}""");
        batch("n2", now, """
                {"job_id": "100", "cpus_used": 1.0, "cpu_usage_usec": 1000000, "memory_usage_bytes": 1048576}""", "");
        batch("n3", now, "{\"job_id\": \"200\", \"cpus\": 16, \"memory_anon_bytes\": 7}",
                "{\"gpu\": \"odd \\\"\\\\ one\", \"job_id\": \"200\", \"temperature_celsius\": -1.5}");
        batch("n4", now, "{\"job_id\": \"300\", \"memory_usage_bytes\": 1, \"oom_kills\": 1, \"last\": true}", "");
        finish("300", "n4", now.minusSeconds(10), 1);
        batch("n4", now.minusSeconds(1500), "{\"job_id\": \"400\", \"memory_usage_bytes\": 1, \"oom_kills\": 5}", "");
        finish("400", "n4", now.minusSeconds(301), 5);
        batch("n6", now.minusSeconds(10), """
                {"job_id": "600", "interval_ms": 1000, "memory_usage_bytes": 6}""", "");
        batch("n5", now.minusSeconds(400), "{\"job_id\": \"500\", \"memory_usage_bytes\": 9, \"oom_kills\": 0}", "");
        assertThat(server.post("/v1/batches", """
                {"version": 1, "node": "n5", "boot_id": "b", "sequence": 99, "timestamp": "%s", "jobs":
                 [{"job_id": "old", "memory_usage_bytes": 1}]}""".formatted(now.minus(30, ChronoUnit.DAYS))).status())
                .isEqualTo(200);
        try (Connection connection = server.sql(); Statement sql = connection.createStatement()) {
            sql.execute("update node set state = 'mixed', state_at = now() where node = 'n1'");
            sql.execute("""
                    insert into job (recorded_at, cluster, job_id, start_seen, nodes, partition, gpu_devices, end_seen,
                        oom_killed, superseded, requeued, state, newest)
                    select now(), 'alpha', id, false, '{}', partition, '{}', false, false, false, false, 'pending', true
                    from (values ('701', 'short,long'), ('702', 'long'), ('703', null)) waiting (id, partition)""");
            sql.execute("insert into agent_queue values ('alpha', 'n1', 240, 2, to_timestamp(1000.5), now())");
        }
        scrape = server.get("/metrics").body().lines().toList();
    }

    private static void start(String job, String user, String nodes, String cpus, Instant at) {
        assertThat(server.post("/v1/events/job-started", """
                {"job_id": "%s", "user": %s, "node_list": %s, %s "partition": "gpu", "account": "physics",
                 "start_time": "%s"}""".formatted(job, JsonMapper.shared().writeValueAsString(user), nodes,
                cpus == null ? "" : "\"cpus_per_node\": \"" + cpus + "\",", at)).status()).isEqualTo(200);
    }

    private static void finish(String job, String node, Instant at, int oomKills) {
        assertThat(server.post("/v1/events/job-finished", """
                {"job_id": "%s", "node": "%s", "exit_code": 0, "signal": 9, "timestamp": "%s",
                 "reading": {"oom_kills": %d}}""".formatted(job, node, at, oomKills)).status()).isEqualTo(200);
    }

    private static void batch(String node, Instant at, String jobs, String gpus) {
        Exchange answer = server.post("/v1/batches", """
                {"version": 1, "node": "%s", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 60000,
                 "node_figures": {"total_cpus": 64, "total_memory_bytes": 274877906944, "total_gpus": 4,
                    "cpu_usage_percent": 12.5, "memory_usage_bytes": 1073741824, "gpu_usage_percent": 45.25,
                    "cpu_load": 7.25},
                 "jobs": [%s], "gpus": [%s]}""".formatted(node, at.getEpochSecond(), at, jobs, gpus));
        assertThat(answer.json().required("status").asString()).as("%s", answer).isEqualTo("stored");
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    /** Lines of these families, in their order; without the cluster, which is the same on all. */
    private static List<String> lines(String pattern) {
        return scrape.stream().filter(line -> line.matches(pattern + ".*"))
                .map(line -> line.replace("cluster=\"alpha\",", "")).toList();
    }

    private static List<String> withLabels(String labels, String... samples) {
        return Arrays.stream(samples).map(sample -> sample.replaceFirst(" ", "{" + Matcher.quoteReplacement(labels)
                + "} ")).toList();
    }

    @Test
    void everyFigureOfAJobOnANodeIsThereInBaseUnits() {
        assertThat(lines("hpc_job_.*job_id=\"100\".*node=\"n1\"}"))
                .filteredOn(line -> !line.startsWith("hpc_job_runtime_seconds"))
                .containsExactlyElementsOf(withLabels("job_id=\"100\",user=\"ada\",node=\"n1\"",
                        "hpc_job_allocated_cpus 8", "hpc_job_cpu_usage_percent 75",
                        "hpc_job_cpu_seconds_total 3600.123456", "hpc_job_cpu_throttled_seconds_total 1.5",
                        "hpc_job_cpu_pressure_seconds_total 2.000001", "hpc_job_memory_usage_bytes 4294967296",
                        "hpc_job_memory_limit_bytes 8589934592", "hpc_job_memory_peak_bytes 5368709120",
                        "hpc_job_memory_anon_bytes 3221225472", "hpc_job_memory_cache_bytes 1073741824",
                        "hpc_job_memory_shmem_bytes 8192", "hpc_job_memory_swap_bytes 4096",
                        "hpc_job_memory_pressure_seconds_total 0.25",
                        "hpc_job_memory_stall_seconds_total 0.125", "hpc_job_oom_kills_total 2",
                        "hpc_job_processes 24", "hpc_job_io_read_bytes_total 1099511627776",
                        "hpc_job_io_write_bytes_total 512", "hpc_job_io_pressure_seconds_total 0.000001",
                        "hpc_job_io_stall_seconds_total 0", "hpc_job_gpu_usage_percent 45.25"));
    }

    @Test
    void eachNodeOfAJobHasItsOwnFigureAndWhatIsNotKnownHasNoLine() {
        assertThat(lines("hpc_job_.*job_id=\"100\".*node=\"n2\""))
                .filteredOn(line -> !line.startsWith("hpc_job_runtime_seconds"))
                .containsExactlyElementsOf(withLabels("job_id=\"100\",user=\"ada\",node=\"n2\"",
                        "hpc_job_allocated_cpus 8", "hpc_job_cpu_usage_percent 12.5", "hpc_job_cpu_seconds_total 1",
                        "hpc_job_memory_usage_bytes 1048576"));
        assertThat(lines("hpc_job_runtime_seconds\\{.*job_id=\"100\"")).hasSize(2)
                .allSatisfy(line -> assertThat(Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                        .isBetween(600.0, 700.0));
    }

    @Test
    void everyFigureOfAGpuIsThere() {
        assertThat(lines("hpc_job_gpu_device_.*gpu_id=\"GPU-1\"")).containsExactlyElementsOf(withLabels(
                "job_id=\"100\",node=\"n1\",gpu_vendor=\"nvidia\",gpu_id=\"GPU-1\"",
                "hpc_job_gpu_device_utilization_percent 90.5", "hpc_job_gpu_device_memory_used_bytes 42949672960",
                "hpc_job_gpu_device_memory_total_bytes 85899345920", "hpc_job_gpu_device_power_watts 312.25",
                "hpc_job_gpu_device_temperature_celsius 64", "hpc_job_gpu_device_clock_hertz 1755000000",
                "hpc_job_gpu_device_energy_joules_total 0", "hpc_job_gpu_device_processes 2",
                "hpc_job_gpu_device_held_seconds 60", "hpc_job_gpu_device_idle_seconds 0"));
        assertThat(lines("hpc_job_gpu_device_.*gpu_id=\"0\"")).containsExactlyElementsOf(withLabels(
                "job_id=\"100\",node=\"n1\",gpu_vendor=\"amd\",gpu_id=\"0\"",
                "hpc_job_gpu_device_utilization_percent 0", "hpc_job_gpu_device_held_seconds 60",
                "hpc_job_gpu_device_idle_seconds 60"));
        assertThat(lines("hpc_job_.*GPU-free")).isEmpty();
    }

    @Test
    void everyFigureOfAGpuOfANodeIsThereWhoeverHoldsIt() {
        assertThat(lines("hpc_node_gpu_device_(?!info).*gpu_id=\"GPU-1\"")).containsExactlyElementsOf(withLabels(
                "node=\"n1\",gpu_vendor=\"nvidia\",gpu_id=\"GPU-1\"", "hpc_node_gpu_device_jobs 1",
                "hpc_node_gpu_device_utilization_percent 90.5", "hpc_node_gpu_device_memory_used_bytes 42949672960",
                "hpc_node_gpu_device_memory_total_bytes 85899345920", "hpc_node_gpu_device_power_watts 312.25",
                "hpc_node_gpu_device_temperature_celsius 64", "hpc_node_gpu_device_energy_joules_total 123456.789",
                "hpc_node_gpu_device_throttled 0"));
        assertThat(lines("hpc_node_gpu_device_xid_timestamp_seconds")).singleElement().asString()
                .contains("gpu_id=\"GPU-free\",xid=\"79\"} 1");
        assertThat(lines("hpc_node_gpu_device_(?!xid).*gpu_id=\"GPU-free\"")).containsExactlyElementsOf(withLabels(
                "node=\"n1\",gpu_vendor=\"nvidia\",gpu_id=\"GPU-free\"", "hpc_node_gpu_device_jobs 0",
                "hpc_node_gpu_device_utilization_percent 1", "hpc_node_gpu_device_ecc_errors_total 0",
                "hpc_node_gpu_device_throttled 0"));
        assertThat(lines("hpc_node_gpu_device_info")).containsExactly("hpc_node_gpu_device_info{node=\"n1\","
                + "gpu_vendor=\"nvidia\",gpu_id=\"GPU-1\",model=\"H\\\"100\",pci_bus_id=\"00000000:3B:00.0\","
                + "parent=\"\"} 1");
    }

    @Test
    void theFirstReadingOfAJobIsToldUntilTheNextOne() {
        assertThat(lines("hpc_job_memory_usage_bytes.*job_id=\"600\"")).containsExactly(
                "hpc_job_memory_usage_bytes{job_id=\"600\",user=\"eve\",node=\"n6\"} 6");
    }

    @Test
    void oddTextsStayWhatTheyAre() {
        assertThat(lines("hpc_job_.*job_id=\"200\".*node=\"n3\""))
                .filteredOn(line -> !line.startsWith("hpc_job_runtime_seconds")).containsExactly(
                        "hpc_job_allocated_cpus{job_id=\"200\",user=\"" + ODD_LABEL + "\",node=\"n3\"} 16",
                        "hpc_job_memory_anon_bytes{job_id=\"200\",user=\"" + ODD_LABEL + "\",node=\"n3\"} 7",
                        "hpc_job_gpu_device_temperature_celsius{job_id=\"200\",node=\"n3\",gpu_vendor=\"\","
                                + "gpu_id=\"odd \\\"\\\\ one\"} -1.5",
                        "hpc_job_gpu_device_held_seconds{job_id=\"200\",node=\"n3\",gpu_vendor=\"\","
                                + "gpu_id=\"odd \\\"\\\\ one\"} 60");
        assertThat(lines("hpc_job_info\\{.*job_id=\"200\"")).containsExactly("hpc_job_info{job_id=\"200\",user=\""
                + ODD_LABEL + "\",partition=\"gpu\",account=\"physics\",name=\"\"} 1");
    }

    @Test
    void ofAJobThatEndedAMomentAgoItsStateAndItsOomKillsAreLeft() {
        assertThat(lines("hpc_job_.*job_id=\"300\"")).containsExactly(
                "hpc_job_info{job_id=\"300\",user=\"bob\",partition=\"gpu\",account=\"physics\",name=\"\"} 1",
                "hpc_job_state{job_id=\"300\",state=\"cancelled\",reason=\"signal\"} 1",
                "hpc_job_oom_kills_total{job_id=\"300\",user=\"bob\",node=\"n4\"} 1",
                "hpc_job_findings{job_id=\"300\",user=\"bob\",rule=\"oom_killed\",severity=\"critical\"} 1",
                "hpc_job_findings{job_id=\"300\",user=\"bob\",rule=\"low_coverage\",severity=\"warning\"} 1");
        assertThat(lines("hpc_job_.*job_id=\"400\"")).as("ended more than 5 minutes ago").isEmpty();
    }

    @Test
    void aJobWhoseNodeIsSilentKeepsWhatDoesNotAge() {
        assertThat(lines("hpc_job_.*job_id=\"500\".*node="))
                .filteredOn(line -> !line.startsWith("hpc_job_runtime_seconds")).containsExactly(
                        "hpc_job_allocated_cpus{job_id=\"500\",user=\"eve\",node=\"n5\"} 2",
                        "hpc_job_oom_kills_total{job_id=\"500\",user=\"eve\",node=\"n5\"} 0");
    }

    @Test
    void aPendingJobCountsInEachPartitionInWhichItMayStart() {
        assertThat(scrape).filteredOn(line -> line.startsWith("hpc_job_pending_by_partition{"))
                .containsExactlyInAnyOrder("hpc_job_pending_by_partition{cluster=\"alpha\",partition=\"long\"} 2",
                        "hpc_job_pending_by_partition{cluster=\"alpha\",partition=\"short\"} 1");
    }

    @Test
    void everyFigureOfANodeIsThere() {
        assertThat(lines("hpc_node_(?!gpu_device).*node=\"n1\"")).containsExactly(
                "hpc_node_cpu_usage_percent{node=\"n1\"} 12.5",
                "hpc_node_memory_usage_bytes{node=\"n1\"} 1073741824", "hpc_node_gpu_usage_percent{node=\"n1\"} 45.25",
                "hpc_node_cpu_load{node=\"n1\"} 7.25", "hpc_node_total_cpus{node=\"n1\"} 64",
                "hpc_node_total_memory_bytes{node=\"n1\"} 274877906944", "hpc_node_total_gpus{node=\"n1\"} 4",
                "hpc_node_job_count{node=\"n1\"} 1",
                "hpc_node_agent_last_seen_timestamp_seconds{node=\"n1\"} " + now.getEpochSecond(),
                "hpc_node_agent_waiting_batches{node=\"n1\"} 240", "hpc_node_agent_waiting_events{node=\"n1\"} 2",
                "hpc_node_agent_waiting_since_timestamp_seconds{node=\"n1\"} 1000.5",
                "hpc_node_state{node=\"n1\",state=\"idle\"} 0", "hpc_node_state{node=\"n1\",state=\"mixed\"} 1",
                "hpc_node_state{node=\"n1\",state=\"allocated\"} 0", "hpc_node_state{node=\"n1\",state=\"drained\"} 0",
                "hpc_node_state{node=\"n1\",state=\"down\"} 0", "hpc_node_state{node=\"n1\",state=\"unknown\"} 0");
        assertThat(lines("hpc_node_.*node=\"n5\"")).as("an agent that is silent").containsExactly(
                "hpc_node_total_cpus{node=\"n5\"} 64", "hpc_node_total_memory_bytes{node=\"n5\"} 274877906944",
                "hpc_node_total_gpus{node=\"n5\"} 4", "hpc_node_job_count{node=\"n5\"} 1",
                "hpc_node_agent_last_seen_timestamp_seconds{node=\"n5\"} " + now.minusSeconds(400).getEpochSecond());
        assertThat(lines("hpc_node_job_count\\{.*node=\"n4\"")).containsExactly("hpc_node_job_count{node=\"n4\"} 0");
    }

    @Test
    void theServerCountsWhatItTakesIn() {
        assertThat(scrape).contains("jobwitness_batches_total{status=\"stored\"} 8.0",
                "jobwitness_batches_total{status=\"duplicate\"} 0.0", "jobwitness_samples_total{status=\"new\"} 7.0",
                "jobwitness_samples_refused_total{reason=\"time\"} 1.0", "jobwitness_batch_rows_waiting 0.0",
                "jobwitness_ingest_lag_seconds_count 8", "jobwitness_ingest_lag_seconds_bucket{le=\"86400.0\"} 7");
    }

    @Test
    void scrapesAtTheSameTimeDoNotMixTheirLines() throws Exception {
        List<Callable<List<String>>> scrapes = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            scrapes.add(() -> server.get("/metrics").body().lines()
                    .filter(line -> line.startsWith("hpc_") && !line.contains("runtime_seconds")
                            && !line.contains("last_collect"))
                    .toList());
        }
        List<String> alone = scrapes.getFirst().call();
        assertThat(alone).hasSizeGreaterThan(50);
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<List<String>> answer : threads.invokeAll(scrapes)) {
                assertThat(answer.get()).isEqualTo(alone);
            }
        }
    }

    /** Name, type, labels and meaning are the scrape's. Labels that all rows of a table have are in the line before it. */
    @Test
    void thePageHasEachFamilyAsItIsAndNoOther() throws Exception {
        Map<String, String> onPage = new TreeMap<>();
        String labels = "";
        for (String line : Files.readAllLines(Path.of("../docs/metrics.md"))) {
            if (line.matches("Labels( of the rest)?: .*\\.")) {
                labels = line.replaceAll(".*: |\\.$", "");
            }
            if (line.startsWith("| `")) {
                String[] cells = line.split(" \\| ");
                onPage.put(line.split("`")[1],
                        cells.length == 4 ? line : line.replaceFirst(" \\| (\\w+) \\| ", " | $1 | " + labels + " | "));
            }
        }
        Map<String, String> scraped = new TreeMap<>();
        for (String line : scrape) {
            Matcher type = TYPE.matcher(line);
            if (type.matches() && !type.group(1).startsWith("jvm_") && !type.group(1).startsWith("process_")) {
                String name = type.group(1);
                scraped.put(name, "| `%s` | %s | %s | %s |".formatted(name, type.group(2), labels(name), help(name)));
            }
        }
        onPage.keySet().removeIf(name -> MAY_BE_MISSING.contains(name) && !scraped.containsKey(name));
        assertThat(onPage).isEqualTo(scraped).hasSizeGreaterThan(50);
    }

    private static String labels(String family) {
        Pattern sample = Pattern.compile(family + "(_bucket|_count|_sum)?[{ ].*");
        return scrape.stream().filter(line -> sample.matcher(line).matches()).findFirst().stream()
                .flatMap(line -> LABEL.matcher(line).results()).map(label -> label.group(1))
                .filter(label -> !label.equals("le")).collect(Collectors.joining(", "));
    }

    private static String help(String family) {
        String prefix = "# HELP " + family + " ";
        return scrape.stream().filter(line -> line.startsWith(prefix)).findFirst().orElseThrow()
                .substring(prefix.length());
    }
}
