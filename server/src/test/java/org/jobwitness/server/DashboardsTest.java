package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.Dashboards.Dashboard;
import org.jobwitness.server.Dashboards.Query;
import org.jobwitness.server.Dashboards.Rule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The files of deploy/grafana and deploy/prometheus agree with each other and with the docs. {@link MonitoringTest} runs them. */
class DashboardsTest {
    private static final int COLUMNS = 24;
    private static final Pattern LINK = Pattern.compile("/d/([\\w-]+)");
    private static final Pattern ROW_OF_TABLE = Pattern.compile("^\\| `(\\w+)` \\| (.*)$", Pattern.MULTILINE);
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{?(\\w+)");

    static List<Dashboard> dashboards() {
        List<Dashboard> all = Dashboards.all();
        assertThat(all).hasSize(6);
        return all;
    }

    @ParameterizedTest
    @MethodSource("dashboards")
    void everyPanelHasItsPlace(Dashboard dashboard) {
        Set<Integer> ids = new HashSet<>();
        Set<String> taken = new HashSet<>();
        for (JsonNode panel : dashboard.panels()) {
            String title = panel.required("title").asString();
            assertThat(title).isNotBlank();
            assertThat(ids.add(panel.required("id").asInt())).as("id of %s is its own", title).isTrue();
            JsonNode place = panel.required("gridPos");
            int left = place.required("x").asInt();
            int right = left + place.required("w").asInt();
            int top = place.required("y").asInt();
            assertThat(right).as(title).isBetween(left + 1, COLUMNS);
            for (int y = top; y < top + place.required("h").asInt(); y++) {
                for (int x = left; x < right; x++) {
                    assertThat(taken.add(x + "," + y)).as("%s has its place for itself", title).isTrue();
                }
            }
            if (!panel.required("type").asString().equals("row")) {
                assertThat(panel.required("targets")).as(title).isNotEmpty();
            }
        }
    }

    @Test
    void everyDashboardHasAnIdOfItsOwnAndEveryLinkLeadsToOne() throws IOException {
        List<String> uids = dashboards().stream().map(Dashboard::uid).toList();
        assertThat(uids).doesNotHaveDuplicates();
        for (Dashboard dashboard : dashboards()) {
            Set<String> targets = LINK.matcher(dashboard.json().toString()).results().map(link -> link.group(1))
                    .collect(Collectors.toSet());
            assertThat(uids).as(dashboard.uid()).containsAll(targets);
        }
        for (Path file : Dashboards.files(Dashboards.GRAFANA.resolve("dashboards"), ".json")) {
            assertThat(uids).contains("jobwitness-" + file.getFileName().toString().replace(".json", ""));
        }
    }

    /** Else Grafana would take all jobs, or all nodes, to a dashboard that draws each series of one. */
    @ParameterizedTest
    @MethodSource("dashboards")
    void aLinkBringsWhatIsChosenOnlyToWhereAllCanBeChosen(Dashboard dashboard) {
        Set<String> reached = new HashSet<>();
        for (JsonNode link : dashboard.json().required("links")) {
            String tag = link.at("/tags/0").asString();
            for (Dashboard target : dashboards()) {
                if (Dashboards.list(target.json().required("tags")).stream()
                        .anyMatch(of -> of.asString().equals(tag))) {
                    reached.add(target.uid());
                    Set<String> shared = target.variables().stream().map(of -> of.required("name").asString())
                            .filter(dashboard.withAll()::contains).collect(Collectors.toSet());
                    assertThat(!link.required("includeVars").asBoolean() || target.withAll().containsAll(shared))
                            .as("%s to %s with %s", dashboard.uid(), target.uid(), shared).isTrue();
                }
            }
        }
        assertThat(reached).containsExactlyInAnyOrderElementsOf(dashboards().stream().map(Dashboard::uid).toList());
    }

    @ParameterizedTest
    @CsvSource({"jobwitness-job, ${page}/jobs/${job:percentencode}?cluster=${cluster:percentencode}",
            "jobwitness-node, ${page}/nodes/${node:percentencode}?cluster=${cluster:percentencode}"})
    void aJobAndANodeLinkToThePageOfTheServer(String uid, String url) throws IOException {
        Dashboard dashboard = dashboards().stream().filter(one -> one.uid().equals(uid)).findFirst().orElseThrow();
        assertThat(dashboard.json().required("links").valueStream().map(link -> link.required("url").asString()))
                .contains(url);
        assertThat(dashboard.variables()).filteredOn(one -> one.required("name").asString().equals("page"))
                .singleElement().satisfies(page -> {
                    assertThat(page.required("type").asString()).isEqualTo("constant");
                    assertThat(page.required("skipUrlSync").asBoolean())
                            .as("nobody chooses by an address where the link leads").isTrue();
                });
    }

    /** One that the dashboard does not have would stand in the query as it is, and find nothing. */
    @ParameterizedTest
    @MethodSource("dashboards")
    void everyVariableThatAQueryNamesIsThere(Dashboard dashboard) {
        List<String> known = new ArrayList<>(List.of("__range", "__rate_interval"));
        for (JsonNode variable : dashboard.variables()) {
            assertThat(variables(variable.path("definition").asString(""))).as("chain of %s", variable.get("name"))
                    .isSubsetOf(known);
            known.add(variable.required("name").asString());
        }
        for (Query query : dashboard.queries()) {
            assertThat(variables(query.text())).as(query.where()).isSubsetOf(known);
        }
    }

    /**
     * Grafana puts a variable of which one value is chosen into a query as it is, where a job id like {@code 12+1} would be
     * another pattern; of several it makes a pattern that finds them. What is typed is meant as one.
     */
    @ParameterizedTest
    @MethodSource("dashboards")
    void whatIsOneValueIsComparedAndWhatMayBeSeveralIsAPattern(Dashboard dashboard) {
        List<String> asked = Stream.concat(
                dashboard.variables().stream().flatMap(variable -> Stream.of(variable.path("definition").asString(""),
                        variable.at("/query/query").asString(""))),
                dashboard.queries().stream().map(Query::text)).toList();
        for (JsonNode variable : dashboard.variables()) {
            if (List.of("query", "textbox").contains(variable.required("type").asString())) {
                String name = variable.required("name").asString();
                Pattern use = Pattern.compile("([=!]~?)\\s*\"[^\"]*\\$\\{?" + name + "\\b");
                assertThat(asked.stream().flatMap(text -> use.matcher(text).results()).map(found -> found.group(1)))
                        .as("%s of %s", name, dashboard.uid()).isNotEmpty()
                        .containsOnly(dashboard.withAll().contains(name) ? "=~" : "=");
            }
        }
    }

    private static Set<String> variables(String text) {
        return VARIABLE.matcher(text).results().map(name -> name.group(1)).collect(Collectors.toSet());
    }

    /** A site chooses another Prometheus in the box above; no file has to be changed for it. */
    @ParameterizedTest
    @MethodSource("dashboards")
    void theProvisionedPrometheusIsTheOneThatIsChosenFirst(Dashboard dashboard) {
        JsonNode provisioned = new YAMLMapper()
                .readTree(Dashboards.GRAFANA.resolve("provisioning/datasources/jobwitness.yml"));
        JsonNode variable = dashboard.variables().getFirst();
        assertThat(variable.required("name").asString()).isEqualTo("datasource");
        assertThat(variable.at("/current/value").asString())
                .isEqualTo(provisioned.at("/datasources/0/uid").asString());
    }

    @Test
    void everySeriesThatIsAskedForIsDocumentedOrRecorded() throws IOException {
        Set<String> known = Dashboards.rules().stream().filter(rule -> !rule.isAlert()).map(Rule::name)
                .collect(Collectors.toCollection(TreeSet::new));
        for (String page : List.of("../docs/metrics.md", "../docs/agent.md")) {
            ROW_OF_TABLE.matcher(Files.readString(Path.of(page))).results().forEach(row -> {
                known.add(row.group(1));
                if (row.group(2).startsWith("histogram ")) {
                    Stream.of("_bucket", "_sum", "_count").forEach(suffix -> known.add(row.group(1) + suffix));
                }
            });
        }
        List<Query> queries = Stream.concat(dashboards().stream().flatMap(dashboard -> dashboard.queries().stream()),
                Dashboards.rules().stream().map(Rule::query)).toList();
        assertThat(queries.size()).isGreaterThan(200);
        for (Query query : queries) {
            assertThat(query.names()).as(query.where()).isSubsetOf(known);
        }
    }

    /** A rule that nobody asks for costs Prometheus a series for each job. */
    @Test
    void everythingThatIsRecordedIsAskedFor() {
        Set<String> asked = Stream.concat(dashboards().stream().flatMap(dashboard -> dashboard.queries().stream()),
                Dashboards.rules().stream().map(Rule::query)).flatMap(query -> query.names().stream())
                .collect(Collectors.toSet());
        assertThat(Dashboards.rules()).filteredOn(rule -> !rule.isAlert())
                .allSatisfy(rule -> assertThat(asked).contains(rule.name()));
    }

    @Test
    void everyAlertSaysHowBadItIsAndWhatToDoAndIsTriedBothWays() {
        List<Rule> alerts = Dashboards.rules().stream().filter(Rule::isAlert).toList();
        assertThat(alerts).hasSizeGreaterThan(10).allSatisfy(alert -> {
            assertThat(alert.yaml().at("/labels/severity").asString()).isIn("critical", "warning", "info");
            assertThat(alert.yaml().at("/annotations/summary").asString()).isNotBlank();
            assertThat(alert.yaml().at("/annotations/description").asString()).endsWith(".").hasSizeGreaterThan(80);
        });
        Map<String, List<Integer>> cases = Dashboards.alertCases();
        assertThat(cases).containsOnlyKeys(alerts.stream().map(Rule::name).toList());
        assertThat(cases).allSatisfy((alert, fired) -> assertThat(fired).as(alert).contains(0)
                .anySatisfy(count -> assertThat(count).isPositive()));
    }

    @Test
    void thePageHasEachAlertAndEachDashboard() throws IOException {
        String page = Files.readString(Path.of("../docs/monitoring.md"));
        Map<String, String> alerts = Dashboards.rules().stream().filter(Rule::isAlert).collect(Collectors.toMap(
                Rule::name, alert -> alert.yaml().at("/labels/severity").asString(), (a, _) -> a, TreeMap::new));
        Map<String, String> onPage = ROW_OF_TABLE.matcher(page).results().collect(Collectors.toMap(
                row -> row.group(1), row -> row.group(2).split(" ")[0], (a, _) -> a, TreeMap::new));
        assertThat(onPage).isEqualTo(alerts);
        Function<MatchResult, String> title = row -> row.group(1);
        assertThat(Pattern.compile("^\\| \\*([^*]+)\\* \\|", Pattern.MULTILINE).matcher(page).results().map(title))
                .containsExactlyInAnyOrderElementsOf(dashboards().stream()
                        .map(dashboard -> dashboard.json().required("title").asString()).toList());
    }
}
