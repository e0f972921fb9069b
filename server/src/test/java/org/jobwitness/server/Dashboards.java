package org.jobwitness.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** What deploy/grafana and deploy/prometheus ask of Prometheus. */
final class Dashboards {
    static final Path GRAFANA = Path.of("../deploy/grafana");
    static final Path PROMETHEUS = Path.of("../deploy/prometheus");
    /** A recorded series, or one of those that the server and the agent have of their own. */
    private static final Pattern NAME = Pattern.compile("\\b[a-z]\\w*:\\w+:\\w+|\\b(?:hpc|jobwitness|storage)_\\w+");

    private Dashboards() {
    }

    /**
     * Something that is asked.
     *
     * @param where for a message
     * @param instant whether only now is asked for, and not a time range
     */
    record Query(String where, String text, boolean instant) {

        /** The series that it names. */
        Set<String> names() {
            return NAME.matcher(text).results().map(MatchResult::group).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    /** A dashboard as its file has it. */
    record Dashboard(JsonNode json) {
        String uid() {
            return json.required("uid").asString();
        }

        List<JsonNode> panels() {
            return list(json.required("panels"));
        }

        List<JsonNode> variables() {
            return list(json.at("/templating/list"));
        }

        /** The variables for which all values can be chosen at once; a text box that holds a pattern is one. */
        Set<String> withAll() {
            return variables().stream()
                    .filter(variable -> variable.path("includeAll").asBoolean(false)
                            || variable.at("/current/value").asString("").equals(".*"))
                    .map(variable -> variable.required("name").asString())
                    .collect(Collectors.toCollection(TreeSet::new));
        }

        /** Of its panels and annotations. */
        List<Query> queries() {
            List<Query> queries = new ArrayList<>();
            for (JsonNode panel : panels()) {
                for (JsonNode target : panel.path("targets")) {
                    queries.add(new Query("%s, %s %s".formatted(uid(), panel.required("title").asString(),
                            target.required("refId").asString()), target.required("expr").asString(),
                            target.required("instant").asBoolean()));
                }
            }
            for (JsonNode annotation : json.at("/annotations/list")) {
                if (annotation.has("target")) {
                    queries.add(new Query("%s, annotation %s".formatted(uid(), annotation.required("name").asString()),
                            annotation.at("/target/expr").asString(), false));
                }
            }
            return queries;
        }
    }

    /** A rule of Prometheus. */
    record Rule(JsonNode yaml) {
        boolean isAlert() {
            return yaml.has("alert");
        }

        String name() {
            return yaml.required(isAlert() ? "alert" : "record").asString();
        }

        Query query() {
            return new Query("rule " + name(), yaml.required("expr").asString(), true);
        }
    }

    static List<Dashboard> all() {
        return files(GRAFANA.resolve("dashboards"), ".json").stream()
                .map(file -> new Dashboard(JsonMapper.shared().readTree(file))).toList();
    }

    static List<Rule> rules() {
        return files(PROMETHEUS.resolve("rules"), ".yml").stream().map(file -> new YAMLMapper().readTree(file))
                .flatMap(file -> list(file.required("groups")).stream())
                .flatMap(group -> list(group.required("rules")).stream()).map(Rule::new).toList();
    }

    /** For each alert, how many are expected in each of the cases that are written down for it. */
    static Map<String, List<Integer>> alertCases() {
        Map<String, List<Integer>> cases = new TreeMap<>();
        for (Path file : files(PROMETHEUS.resolve("tests"), ".yml")) {
            for (JsonNode test : new YAMLMapper().readTree(file).required("tests")) {
                for (JsonNode expected : test.path("alert_rule_test")) {
                    cases.computeIfAbsent(expected.required("alertname").asString(), _ -> new ArrayList<>())
                            .add(expected.required("exp_alerts").size());
                }
            }
        }
        return cases;
    }

    static List<Path> files(Path folder, String ending) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<JsonNode> list(JsonNode array) {
        return array.valueStream().toList();
    }
}
