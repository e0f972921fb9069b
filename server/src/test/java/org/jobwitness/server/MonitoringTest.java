package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.Dashboards.Dashboard;
import org.jobwitness.server.Dashboards.Query;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.PrometheusProcess;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * What dashboards, alerts and recording rules ask is answered: by a real Prometheus with the configuration of deploy/prometheus, which
 * scrapes a server with the simulated cluster. Beside it there is a cluster of one job, of which everything is known.
 */
class MonitoringTest {
    private static final Duration PATIENCE = Duration.ofSeconds(180);
    private static final Pattern LABEL_VALUES = Pattern.compile("label_values\\((.*), (\\w+)\\)");
    private static final Pattern LABEL_OF_LINK = Pattern.compile("\\$\\{__(?:data\\.fields|field\\.labels)\\.(\\w+)");
    /** What is changed of the configuration, lest the test wait for minutes; address and token beside it. */
    private static final Map<String, String> FASTER = Map.of("scrape_interval: 15s", "scrape_interval: 1s",
            "scrape_timeout: 15s", "scrape_timeout: 1s", "evaluation_interval: 60s", "evaluation_interval: 1s");
    /** A query that names one of these may find nothing here. */
    private static final Map<String, String> NOT_HERE = Map.of(
            "jobwitness_agent_", "no agent of a node runs beside the test",
            "hpc_node_agent_waiting_", "none of the simulated cluster's nodes is behind",
            "storage_operation_errors_total", "there is none until the database has failed");
    /** A job whose id means something else as a pattern. */
    private static final String BUSY = "7+1";
    /** The values that are chosen, where a dashboard lets choose; each must be among those it offers. */
    private static final Map<String, List<String>> CHOSEN = Map.of("cluster", List.of("alpha"), "partition",
            List.of("gpu"), "account", List.of("physics"), "user", List.of("ada"), "job", List.of(BUSY, "10"), "node",
            List.of("n1", "n2"));

    @TempDir
    static Path folder;
    private static TestServer server;
    private static PrometheusProcess prometheus;

    @BeforeAll
    static void prometheusScrapesAServerWithTheSimulatedCluster() throws Exception {
        PrometheusProcess.assumeInstalled();
        server = TestServer.startWithAuth("--seed-demo=true", "--default-cluster=alpha");
        TestServer.Client operator = server.as(Role.OPERATOR);
        tellOfACluster(operator, Instant.now());
        prometheus = PrometheusProcess.start(configuration(), folder);
        Waiting.until("Prometheus has scraped the server", PATIENCE, prometheus::log,
                () -> isAnswered("up{job=\"jobwitness\"} == 1", true));
        post(operator, "/v1/batches", busyNode(2, Instant.now()));
        Waiting.until("the runtime of job 10 is recorded", PATIENCE, prometheus::log,
                () -> isAnswered("job:hpc_job_runtime_seconds:max{job_id=\"10\"}", true));
        post(operator, "/v1/events/job-finished", """
                {"job_id": "10", "exit_code": 0, "signal": 0, "node": "n1"}""");
    }

    private static void tellOfACluster(TestServer.Client operator, Instant now) throws Exception {
        for (String job : List.of(BUSY, "8", "9", "10")) {
            post(operator, "/v1/events/job-started", """
                    {"job_id": "%s", "user": "ada", "node_list": ["n1"], "cpus_per_node": "8", "partition": "gpu",
                     "account": "physics", "start_time": "%s"}""".formatted(job, now.minusSeconds(600)));
        }
        post(operator, "/v1/events/job-finished", """
                {"job_id": "9", "exit_code": 3, "signal": 0, "node": "n1"}""");
        post(operator, "/v1/batches", busyNode(1, now));
        post(operator, "/v1/batches", batch("n2", 1, now.minusSeconds(600), "", ""));
        post(operator, "/v1/batches", """
                {"version": 1, "node": "n2", "boot_id": "b", "sequence": 99, "timestamp": "%s", "jobs":
                 [{"job_id": "old", "memory_usage_bytes": 1}]}""".formatted(now.minus(Duration.ofDays(30))));
        try (Connection connection = server.sql(); Statement sql = connection.createStatement()) {
            sql.execute("update node set state = 'drained', state_at = now() + interval '1 hour'"
                    + " where node = 'n1'");
            sql.execute(
                    """
                    insert into job (recorded_at, cluster, job_id, start_seen, nodes, partition, gpu_devices, end_seen,
                        oom_killed, superseded, requeued, state, newest)
                    values (now(), 'alpha', '11', false, '{}', 'gpu', '{}', false, false, false, false, 'pending', true)""");
        }
    }

    /** A batch with all figures of a job and its GPUs. */
    private static String busyNode(int sequence, Instant at) {
        return batch("n1", sequence, at, """
                {"job_id": "%s", "cpus_used": 6.0, "cpu_usage_usec": 3600123456, "cpu_throttled_usec": 1500000,
                 "cpu_pressure_usec": 2000001, "memory_usage_bytes": 4294967296, "memory_limit_bytes": 8589934592,
                 "memory_peak_bytes": 5368709120, "memory_anon_bytes": 3221225472, "memory_file_bytes": 1073741824,
                 "memory_swap_bytes": 4096, "memory_pressure_usec": 250000, "memory_stall_usec": 125000,
                 "oom_events": 1, "oom_kills": 1, "pids": 24, "io_read_bytes": 1099511627776, "io_write_bytes": 512,
                 "io_pressure_usec": 1, "io_stall_usec": 0},
                {"job_id": "8", "cpus_used": 1.0}""".formatted(BUSY), """
                {"gpu": "GPU-1", "vendor": "nvidia", "job_id": "%1$s", "utilization_percent": 90.5,
                 "memory_used_bytes": 42949672960, "memory_total_bytes": 85899345920, "power_watts": 312.25,
                 "temperature_celsius": 64, "energy_joules": 123456.789, "processes": 2, "clock_mhz": 1755,
                 "throttled": ["sw_power_cap"], "ecc_errors": 0, "xid": 13, "device": {"model": "NVIDIA H100"}},
                {"gpu": "GPU-2", "vendor": "nvidia", "job_id": "%1$s", "utilization_percent": 0, "processes": 0,
                 "energy_joules": 1000}""".formatted(BUSY));
    }

    /** Its figures are those of the last reading for as long as the test takes. */
    private static String batch(String node, int sequence, Instant at, String jobs, String gpus) {
        return """
                {"version": 1, "node": "%s", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 86400000,
                 "node_figures": {"total_cpus": 64, "total_memory_bytes": 274877906944, "total_gpus": 4,
                    "cpu_usage_percent": 12.5, "memory_usage_bytes": 1073741824, "gpu_usage_percent": 45.25,
                    "cpu_load": 7.25},
                 "jobs": [%s], "gpus": [%s]}""".formatted(node, sequence, at, jobs, gpus);
    }

    private static void post(TestServer.Client operator, String target, String json) {
        Exchange answer = operator.post(target, json);
        assertThat(answer.status()).as("%s", answer).isEqualTo(200);
    }

    /** That of deploy/prometheus, with this server and its token. */
    private static Path configuration() throws IOException {
        Path copy = Files.createDirectories(folder.resolve("prometheus"));
        Files.createDirectories(copy.resolve("rules"));
        for (Path rules : Dashboards.files(Dashboards.PROMETHEUS.resolve("rules"), ".yml")) {
            Files.copy(rules, copy.resolve("rules").resolve(rules.getFileName()));
        }
        Path token = Files.writeString(folder.resolve("jobwitness.token"),
                server.as(Role.SCRAPE).token().orElseThrow());
        Map<String, String> changes = new HashMap<>(FASTER);
        changes.put("localhost:8080", "127.0.0.1:" + server.port());
        changes.put("/etc/prometheus/jobwitness.token", token.toString());
        String text = Files.readString(Dashboards.PROMETHEUS.resolve("prometheus.yml"));
        for (Map.Entry<String, String> change : changes.entrySet()) {
            assertThat(text).contains(change.getKey());
            text = text.replace(change.getKey(), change.getValue());
        }
        return Files.writeString(copy.resolve("prometheus.yml"), text);
    }

    @AfterAll
    static void stop() {
        if (prometheus != null) {
            prometheus.close();
        }
        if (server != null) {
            server.close();
        }
    }

    static List<Dashboard> dashboards() {
        return Dashboards.all();
    }

    private static Dashboard jobs() {
        return dashboards().stream().filter(dashboard -> dashboard.uid().equals("jobwitness-jobs")).findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @MethodSource("dashboards")
    void everyPanelFindsSomethingWhereEverythingIsChosen(Dashboard dashboard) throws Exception {
        assertAllAnswered(dashboard, chosen(dashboard, false));
    }

    @ParameterizedTest
    @MethodSource("dashboards")
    void everyPanelFindsSomethingWhereOneOfEachIsChosen(Dashboard dashboard) throws Exception {
        assertAllAnswered(dashboard, chosen(dashboard, true));
    }

    private static void assertAllAnswered(Dashboard dashboard, Map<String, String> variables) throws Exception {
        Map<String, String> silent = new TreeMap<>();
        List<Query> queries = dashboard.queries();
        for (Query query : queries) {
            String text = replaced(query.text(), variables);
            if (!isAnswered(text, query.instant()) && NOT_HERE.keySet().stream().noneMatch(text::contains)) {
                silent.put(query.where(), text);
            }
        }
        Waiting.until(dashboard.uid() + " has data everywhere", PATIENCE,
                () -> "Nothing came of " + silent + "\n" + prometheus.log(), () -> {
                    for (Query query : queries) {
                        String text = silent.get(query.where());
                        if (text != null && isAnswered(text, query.instant())) {
                            silent.remove(query.where());
                        }
                    }
                    return silent.isEmpty();
                });
    }

    /**
     * A table of several queries has one row for what several of them tell of. Grafana puts those together whose labels do not
     * contradict each other, and the name of the series is a label.
     */
    @ParameterizedTest
    @MethodSource("dashboards")
    void theRowsOfATableFitTogether(Dashboard dashboard) throws Exception {
        Map<String, String> variables = chosen(dashboard, true);
        for (JsonNode panel : dashboard.panels()) {
            if (panel.required("type").asString().equals("table")) {
                List<JsonNode> targets = Dashboards.list(panel.required("targets"));
                Set<String> first = labels(targets.getFirst(), variables);
                for (JsonNode target : targets.size() > 1 ? targets : List.<JsonNode>of()) {
                    assertThat(labels(target, variables)).as(panel.required("title").asString()).isNotEmpty()
                            .doesNotContain("__name__", "instance").isSubsetOf(first);
                }
            }
        }
    }

    /** A label that a series does not have is nothing in an address, and the link leads to no job and no node. */
    @ParameterizedTest
    @MethodSource("dashboards")
    void everyLinkIsMadeOfLabelsThatItsSeriesHave(Dashboard dashboard) throws Exception {
        Map<String, String> variables = chosen(dashboard, true);
        for (JsonNode panel : dashboard.panels()) {
            Set<String> named = LABEL_OF_LINK.matcher(panel.toString()).results().map(label -> label.group(1))
                    .collect(Collectors.toSet());
            panel.path("transformations").findValues("renameByName").forEach(
                    columns -> columns.valueStream().map(JsonNode::asString).forEach(named::remove));
            Set<String> linked = Dashboards.list(panel.at("/fieldConfig/overrides")).stream()
                    .map(override -> override.required("matcher"))
                    .filter(matcher -> matcher.required("id").asString().equals("byFrameRefID"))
                    .map(matcher -> matcher.required("options").asString()).collect(Collectors.toSet());
            for (JsonNode target : panel.path("targets")) {
                if (!named.isEmpty() && (linked.isEmpty() || linked.contains(target.required("refId").asString()))) {
                    assertThat(labels(target, variables)).as(panel.required("title").asString()).containsAll(named);
                }
            }
        }
    }

    /** One that ended is found by its id, with its times, for as long as Prometheus keeps what it recorded. */
    @Test
    void anEndedJobIsFoundWithItsTimes() throws Exception {
        Dashboard jobs = jobs();
        Map<String, String> variables = chosen(jobs, false);
        variables.put("job", "10");
        JsonNode table = jobs.panels().stream().filter(panel -> panel.at("/title").asString().equals("Ended jobs"))
                .findFirst().orElseThrow();
        List<Double> times = new ArrayList<>();
        for (JsonNode target : table.required("targets")) {
            String query = replaced(target.required("expr").asString(), variables);
            Waiting.until(query + " is answered", PATIENCE, prometheus::log, () -> isAnswered(query, true));
            JsonNode row = prometheus.query(query, "").get(0);
            assertThat(row.at("/metric/user").asString()).isEqualTo("ada");
            assertThat(row.at("/metric/state").asString()).isEqualTo("completed");
            times.add(Double.parseDouble(row.at("/value/1").asString()) / 1000);
        }
        double end = times.getFirst();
        assertThat(end).isBetween(Instant.now().getEpochSecond() - 600.0, Instant.now().getEpochSecond() + 1.0);
        assertThat(end - times.get(1)).isBetween(600.0, 780.0);
    }

    private static Set<String> labels(JsonNode target, Map<String, String> variables) throws Exception {
        String query = replaced(target.required("expr").asString(), variables);
        Waiting.until(query + " is answered", PATIENCE, prometheus::log, () -> isAnswered(query, true));
        return prometheus.query(query, "").valueStream().flatMap(series -> series.get("metric").propertyStream())
                .map(Map.Entry::getKey).collect(Collectors.toSet());
    }

    /** Whether there is a number; a query that Prometheus does not understand fails the test. */
    private static boolean isAnswered(String query, boolean instant) throws IOException {
        long now = Instant.now().getEpochSecond();
        return (instant ? prometheus.query(query, "") : prometheus.query(query, now - 300, now)).valueStream()
                .flatMap(series -> instant ? Stream.of(series.get("value")) : series.get("values").valueStream())
                .anyMatch(point -> !point.get(1).asString().equals("NaN"));
    }

    /** The values of a dashboard's variables, in which those that allow it stand for all or not. */
    private static Map<String, String> chosen(Dashboard dashboard, boolean one) throws Exception {
        Map<String, String> values = new LinkedHashMap<>();
        for (JsonNode variable : dashboard.variables()) {
            String name = variable.required("name").asString();
            String value = switch (variable.required("type").asString()) {
                case "query" -> {
                    boolean several = variable.required("multi").asBoolean();
                    List<String> wanted = CHOSEN.getOrDefault(name, List.of("127.0.0.1:" + server.port()));
                    String definition = replaced(variable.required("definition").asString(), values);
                    awaitOffer(definition, wanted.getFirst());
                    yield !several
                            ? wanted.getFirst()
                            : one ? pattern(wanted) : variable.required("allValue").asString();
                }
                case "textbox" -> !dashboard.withAll().contains(name)
                        ? CHOSEN.get(name).getFirst()
                        : one ? pattern(CHOSEN.get(name)) : variable.at("/current/value").asString();
                default -> variable.at("/current/value").asString();
            };
            values.put(name, value);
        }
        return values;
    }

    /** As Grafana makes it of several values: in a string, which wants a second backslash. */
    private static String pattern(List<String> values) {
        return values.stream().map(value -> value.replaceAll("[\\\\^$.|?*+()\\[\\]{}]", "\\\\\\\\$0"))
                .collect(Collectors.joining("|", "(", ")"));
    }

    /** Waits until a variable offers a value, as Grafana asks for its values. */
    private static void awaitOffer(String definition, String value) throws InterruptedException {
        Matcher values = LABEL_VALUES.matcher(definition);
        assertThat(values.matches()).as(definition).isTrue();
        String target = "label/" + values.group(2) + "/values?match[]=" + PrometheusProcess.encoded(values.group(1));
        Waiting.until(definition + " offers " + value, PATIENCE, prometheus::log,
                () -> Dashboards.list(prometheus.get(target)).stream().map(JsonNode::asString).toList()
                        .contains(value));
    }

    private static String replaced(String query, Map<String, String> variables) {
        String text = query.replace("$__range", "1h").replace("$__rate_interval", "1m");
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            text = text.replaceAll("\\$" + variable.getKey() + "\\b", Matcher.quoteReplacement(variable.getValue()));
        }
        assertThat(text).doesNotContain("$");
        return text;
    }

    /** As people have them in panels of their own. */
    @ParameterizedTest
    @ValueSource(strings = {"hpc_job_cpu_usage_percent{job_id=~\"$job\",user=~\"$user\"}",
            "hpc_job_memory_usage_bytes/1024/1024/1024",
            "histogram_quantile(0.95, sum(rate(storage_operation_duration_seconds_bucket[5m])) by (le, operation))"})
    void queriesOfOthersGoOn(String query) throws Exception {
        Map<String, String> variables = chosen(jobs(), true);
        variables.put("job", "8");
        String text = replaced(query, variables);
        Waiting.until(text + " is answered", PATIENCE, prometheus::log, () -> isAnswered(text, true));
    }

    @Test
    void everyRuleWorksAndEveryRecordedSeriesIsThere() throws Exception {
        List<String> recorded = Dashboards.rules().stream().filter(rule -> !rule.isAlert())
                .map(rule -> rule.name() + (rule.yaml().has("labels")
                        ? "{le=\"" + rule.yaml().at("/labels/le").asString() + "\"}"
                        : ""))
                .toList();
        assertThat(recorded).doesNotHaveDuplicates();
        for (String series : recorded) {
            Waiting.until(series + " is recorded", PATIENCE, prometheus::log, () -> isAnswered(series, true));
        }
        List<JsonNode> rules = Dashboards.list(prometheus.get("rules").get("groups")).stream()
                .flatMap(group -> Dashboards.list(group.get("rules")).stream()).toList();
        assertThat(rules).hasSameSizeAs(Dashboards.rules())
                .allSatisfy(rule -> assertThat(rule.get("health").asString()).as("%s", rule).isEqualTo("ok"));
    }

    @Test
    void promtoolAgreesAndEachAlertFiresWhenItShould() throws Exception {
        for (Path tests : Dashboards.files(Dashboards.PROMETHEUS.resolve("tests"), ".yml")) {
            assertPasses("test", "rules", tests.toString());
        }
        assertPasses("check", "config", folder.resolve("prometheus/prometheus.yml").toString());
    }

    /** VictoriaMetrics counts the first value of a counter as growth in these, and Prometheus does not. */
    @Test
    void noRuleRestsOnTheFirstValueOfACounter() throws Exception {
        for (Path rules : Dashboards.files(Dashboards.PROMETHEUS.resolve("rules"), ".yml")) {
            assertThat(Files.readAllLines(rules)).as("%s", rules)
                    .filteredOn(line -> !line.startsWith("#"))
                    .noneMatch(line -> line.matches(".*\\b(increase|changes|delta)\\(.*"));
        }
    }

    private static void assertPasses(String... arguments) throws Exception {
        PrometheusProcess.Verdict verdict = PrometheusProcess.promtool(folder, Path.of("/dev/null"), arguments);
        assertThat(verdict.status()).as(verdict.said()).isZero();
    }
}
