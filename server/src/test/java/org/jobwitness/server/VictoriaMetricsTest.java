package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.testing.VictoriaMetricsProcess;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * The rules hold in VictoriaMetrics, too: the cases that promtool runs for Prometheus, with VictoriaMetrics' answers. Its own
 * vmalert-tool, which runs such cases, is not in Debian; its vmalert does not replay alerts that have to last.
 */
class VictoriaMetricsTest {
    private static final YAMLMapper YAML = new YAMLMapper();
    private static final Path RULES = Dashboards.PROMETHEUS.resolve("rules");
    /** Of the evaluation, as of the cases. */
    private static final int STEP = 60;
    /** Longer than any rule looks back. */
    private static final int DAYS_APART = 20;
    private static final long START = 1_750_000_000L / 86_400 * 86_400;
    private static final Pattern REPEATED = Pattern.compile("(-?[0-9.]+)([+-][0-9.]+)?x([0-9]+)");
    private static final Pattern DURATION = Pattern.compile("([0-9]+)([smhd])");
    private static final Map<String, Integer> SECONDS = Map.of("s", 1, "m", 60, "h", 3600, "d", 86_400);

    @TempDir
    static Path folder;
    private static VictoriaMetricsProcess server;

    @BeforeAll
    static void start() throws Exception {
        server = VictoriaMetricsProcess.start(folder);
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    /** Each is at a time of its own: in the database, time goes on. */
    static Stream<Arguments> cases() {
        List<JsonNode> tests = list(YAML.readTree(Dashboards.PROMETHEUS.resolve("tests/alerts.yml").toFile()), "tests");
        return IntStream.range(0, tests.size()).mapToObj(i -> Arguments.of(tests.get(i).required("name").asString(),
                tests.get(i), START + (long) DAYS_APART * 86_400 * i));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void alertsFireAsInPrometheus(String name, JsonNode test, long start) throws Exception {
        List<JsonNode> expected = list(test, "alert_rule_test");
        long end = start + expected.stream().mapToLong(alert -> seconds(alert, "eval_time")).max().orElseThrow();
        server.store(samples(test, start));
        for (JsonNode rule : rules("recording.yml")) {
            record(rule, start, end);
        }
        for (JsonNode alert : expected) {
            assertThat(firing(alert.required("alertname").asString(), start, start + seconds(alert, "eval_time")))
                    .as("%s: %s", name, alert)
                    .containsExactlyInAnyOrderElementsOf(list(alert, "exp_alerts").stream()
                            .map(each -> labels(each.required("exp_labels"), Map.of())).toList());
        }
    }

    private static String samples(JsonNode test, long start) {
        StringBuilder lines = new StringBuilder();
        for (JsonNode series : list(test, "input_series")) {
            String name = series.required("series").asString();
            // In promtool's cases time begins at 0.
            boolean isTime = name.replaceFirst("\\{.*", "").matches(".*_time(stamp)?_seconds");
            List<Double> values = values(series.required("values").asString());
            for (int i = 0; i < values.size(); i++) {
                if (!values.get(i).isNaN()) {
                    lines.append(name).append(' ').append(values.get(i) + (isTime ? start : 0)).append(' ')
                            .append((start + i * seconds(test, "interval")) * 1000).append('\n');
                }
            }
        }
        return lines.toString();
    }

    /** NaN where there is none, or a stale marker, which cannot be imported. */
    private static List<Double> values(String notation) {
        List<Double> values = new ArrayList<>();
        for (String word : notation.split(" ")) {
            Matcher repeated = REPEATED.matcher(word);
            if (repeated.matches()) {
                double growth = repeated.group(2) == null ? 0 : Double.parseDouble(repeated.group(2));
                for (int i = 0; i <= Integer.parseInt(repeated.group(3)); i++) {
                    values.add(Double.parseDouble(repeated.group(1)) + growth * i);
                }
            } else if (word.startsWith("_x")) {
                IntStream.range(0, Integer.parseInt(word.substring(2))).forEach(_ -> values.add(Double.NaN));
            } else {
                values.add(word.equals("stale") || word.equals("_") ? Double.NaN : Double.parseDouble(word));
            }
        }
        return values;
    }

    private static void record(JsonNode rule, long start, long end) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (JsonNode series : server.query(rule.required("expr").asString(), start, end, STEP)) {
            StringBuilder name = new StringBuilder(rule.required("record").asString()).append('{');
            labels(series.required("metric"), extra(rule)).forEach((label, value) -> name.append(label).append("=\"")
                    .append(value.replace("\\", "\\\\").replace("\"", "\\\"")).append("\","));
            for (JsonNode point : series.required("values")) {
                lines.append(name).append("} ").append(point.get(1).asString()).append(' ')
                        .append(point.get(0).asLong() * 1000).append('\n');
            }
        }
        if (!lines.isEmpty()) {
            server.store(lines.toString());
        }
    }

    /** The labels of the alerts that fire then: their expression has had an answer at each evaluation for long enough. */
    private static List<Map<String, String>> firing(String alert, long start, long at) throws IOException {
        List<Map<String, String>> firing = new ArrayList<>();
        for (JsonNode rule : rules("alerts.yml")) {
            if (!rule.path("alert").asString("").equals(alert)) {
                continue;
            }
            for (JsonNode series : server.query(rule.required("expr").asString(), start, at, STEP)) {
                Set<Long> answered = new HashSet<>();
                series.required("values").forEach(point -> answered.add(point.get(0).asLong()));
                long since = at;
                while (answered.contains(since - STEP)) {
                    since -= STEP;
                }
                if (answered.contains(at) && at - since >= seconds(rule.path("for").asString("0s"))) {
                    firing.add(labels(series.required("metric"), extra(rule)));
                }
            }
        }
        return firing;
    }

    private static Map<String, String> extra(JsonNode rule) {
        return labels(rule.path("labels"), Map.of());
    }

    private static Map<String, String> labels(JsonNode labels, Map<String, String> more) {
        Map<String, String> all = new TreeMap<>();
        labels.propertyStream().forEach(label -> all.put(label.getKey(), label.getValue().asString()));
        all.remove("__name__");
        all.putAll(more);
        return all;
    }

    private static List<JsonNode> rules(String file) {
        return list(YAML.readTree(RULES.resolve(file).toFile()), "groups").stream()
                .flatMap(group -> list(group, "rules").stream()).toList();
    }

    private static List<JsonNode> list(JsonNode node, String field) {
        return node.required(field).valueStream().toList();
    }

    private static long seconds(JsonNode node, String field) {
        return seconds(node.required(field).asString());
    }

    /** Of a duration such as 1h30m. */
    private static long seconds(String duration) {
        return DURATION.matcher(duration).results().mapToLong(VictoriaMetricsTest::part).sum();
    }

    private static long part(MatchResult part) {
        return Long.parseLong(part.group(1)) * SECONDS.get(part.group(2));
    }
}
