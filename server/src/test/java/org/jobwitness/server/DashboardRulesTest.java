package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.server.Dashboards.Dashboard;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Rules for every panel of deploy/grafana, so that a dashboard does not mislead. Each breach is a sentence. */
class DashboardRulesTest {
    /** Of Grafana's units, those that a person reads without a calculator; a count has none. */
    private static final Set<String> UNITS = Set.of("none", "percent", "percentunit", "bytes", "Bps", "s", "ops",
            "watt",
            "kwatth", "celsius", "hertz", "dateTimeAsIso", "dateTimeFromNow");
    /** As in the command: red is bad, yellow is to be looked at, green is good; blue, purple and text say nothing. */
    private static final Set<String> COLOURS = Set.of("red", "yellow", "green", "blue", "purple", "text");
    private static final Set<String> BAD = Set.of("down", "failed", "fail", "critical", "not_responding");
    private static final Pattern LINK = Pattern.compile("\"url\":\"(/d/[^\"]*)\"");

    static List<Dashboard> dashboards() {
        return Dashboards.all();
    }

    @ParameterizedTest
    @MethodSource("dashboards")
    void noDashboardMisleads(Dashboard dashboard) {
        assertThat(breaches(dashboard)).as(dashboard.uid()).isEmpty();
    }

    /** A copy of a panel with one thing changed, and what is said of it. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            /description | "Jobs" | no description that is a sentence
            /fieldConfig/defaults/unit | "joule" | unit joule
            /fieldConfig/defaults/noValue | "" | does not say what no data means
            /fieldConfig/defaults/thresholds/steps/0/color | "green" | green whatever its value is
            /fieldConfig/defaults/thresholds/steps/0/color | "orange" | the colour orange
            /fieldConfig/overrides/0/properties/0/value/fixedColor | "green" | failed is green
            /datasource/uid | "jobwitness-prometheus" | a data source that cannot be chosen
            /fieldConfig/defaults/links/0/url | "/d/jobwitness-job?var-job=1" | a link without a time range
            /fieldConfig/defaults/links/0/url | "/d/jobwitness-job?var-job=1&from=now-1h&to=now" | a link that loses the data source
            """)
    void aBreachIsASentence(String where, String value, String said) {
        JsonNode dashboard = JsonMapper.shared().readTree("""
                {"uid": "x", "templating": {"list": []}, "panels": [
                    {"type": "stat", "title": "Failed", "description": "Jobs.",
                     "datasource": {"type": "prometheus", "uid": "${datasource}"},
                     "fieldConfig": {"defaults": {"unit": "none", "noValue": "No job failed", "links": [{"url":
                            "/d/jobwitness-job?var-datasource=${datasource:percentencode}&${__url_time_range}"}],
                        "thresholds": {"steps": [{"color": "text", "value": null}]}, "color": {"mode": "thresholds"}},
                     "overrides": [{"matcher": {"id": "byRegexp", "options": "/^failed/"},
                        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}]}]},
                     "targets": []}]}""");
        assertThat(breaches(new Dashboard(dashboard))).isEmpty();
        set(dashboard, "/panels/0" + where, value);
        assertThat(breaches(new Dashboard(dashboard))).singleElement().asString().startsWith("Failed: ").contains(said);
    }

    @Test
    void aDropDownOfAllJobsIsOne() {
        JsonNode dashboard = JsonMapper.shared().readTree("""
                {"uid": "x", "panels": [], "templating": {"list": [{"name": "job", "type": "query",
                    "definition": "label_values(hpc_job_info, job_id)"}]}}""");
        assertThat(breaches(new Dashboard(dashboard))).singleElement().asString().contains("loads the id of every job");
    }

    private static void set(JsonNode node, String pointer, String value) {
        int slash = pointer.lastIndexOf('/');
        node.at(pointer.substring(0, slash)).asObject().set(pointer.substring(slash + 1),
                JsonMapper.shared().readTree(value));
    }

    private static List<String> breaches(Dashboard dashboard) {
        Stream<String> variables = dashboard.variables().stream()
                .filter(variable -> variable.path("definition").asString("").matches(".*,\\s*job_id\\)"))
                .map(variable -> "variable " + variable.get("name").asString()
                        + " loads the id of every job, 30,000 on a large cluster: make it a text box");
        Stream<String> panels = dashboard.panels().stream().filter(panel -> !panel.get("type").asString().equals("row"))
                .flatMap(panel -> breaches(panel).map(breach -> panel.required("title").asString() + ": " + breach));
        return Stream.concat(variables, panels).toList();
    }

    private static Stream<String> breaches(JsonNode panel) {
        JsonNode defaults = panel.at("/fieldConfig/defaults");
        return Stream.of(
                panel.path("description").asString("").endsWith(".") ? "" : "it has no description that is a sentence",
                defaults.path("noValue").asString("").isBlank() ? "it does not say what no data means (noValue)" : "",
                without(units(panel), UNITS, "it has the unit %s; known are " + UNITS),
                units(panel).isEmpty() ? "it has no unit" : "",
                colours(panel), thresholds(defaults), badWords(panel), dataSources(panel), links(panel))
                .filter(Predicate.not(String::isEmpty));
    }

    private static List<JsonNode> units(JsonNode panel) {
        Stream<JsonNode> ofColumns = Dashboards.list(panel.at("/fieldConfig/overrides")).stream()
                .flatMap(override -> override.required("properties").valueStream())
                .filter(property -> property.required("id").asString().equals("unit"))
                .map(property -> property.required("value"));
        return Stream.concat(panel.findValues("unit").stream(), ofColumns).toList();
    }

    private static String without(List<JsonNode> values, Set<String> allowed, String sentence) {
        return values.stream().map(JsonNode::asString).filter(Predicate.not(allowed::contains)).findFirst()
                .map(sentence::formatted).orElse("");
    }

    private static String colours(JsonNode panel) {
        List<JsonNode> steps = panel.findValues("steps").stream().filter(JsonNode::isArray)
                .flatMap(JsonNode::valueStream).map(step -> step.required("color")).toList();
        String sentence = "it has the colour %s; known are " + COLOURS;
        String inSteps = without(steps, COLOURS, sentence);
        return inSteps.isEmpty() ? without(panel.findValues("fixedColor"), COLOURS, sentence) : inSteps;
    }

    /** Green at the lowest value is right only where more is worse, and never of use: a GPU that is held and idle is not good. */
    private static String thresholds(JsonNode defaults) {
        JsonNode steps = defaults.at("/thresholds/steps");
        if (!steps.path(0).path("color").asString("").equals("green")) {
            return "";
        }
        return steps.size() == 1
                ? "it is green whatever its value is, at 0 and at down as well: use text or blue"
                : defaults.path("unit").asString("").startsWith("percent") ? "it is green at 0 %" : "";
    }

    private static String badWords(JsonNode panel) {
        Stream<String> fixed = Dashboards.list(panel.at("/fieldConfig/overrides")).stream()
                .filter(override -> override.toString().contains("\"fixedColor\":\"green\""))
                .map(override -> override.at("/matcher/options").asString()).flatMap(
                        names -> BAD.stream().filter(word -> names.matches(".*\\b" + word + "\\b.*")));
        Stream<String> mapped = panel.findValues("mappings").stream().flatMap(JsonNode::valueStream)
                .flatMap(mapping -> mapping.path("options").propertyStream())
                .filter(word -> word.getValue().path("color").asString("").equals("green"))
                .flatMap(word -> Stream.of(word.getKey(), word.getValue().path("text").asString("")))
                .filter(BAD::contains);
        return Stream.concat(fixed, mapped).findFirst().map(word -> word + " is green").orElse("");
    }

    private static String dataSources(JsonNode panel) {
        return panel.findValues("datasource").stream().map(source -> source.path("uid").asString(""))
                .filter(uid -> !uid.equals("${datasource}")).findFirst()
                .map(uid -> "it has " + uid + ", a data source that cannot be chosen; use ${datasource}").orElse("");
    }

    /** A job's table links to the time in which the job ran, and all else to the time that is looked at. */
    private static String links(JsonNode panel) {
        List<String> urls = LINK.matcher(panel.toString()).results().map(link -> link.group(1)).toList();
        if (urls.stream().anyMatch(url -> !url.contains("var-datasource=${datasource:percentencode}"))) {
            return urls.stream().anyMatch(url -> !timed(url))
                    ? "it has a link without a time range"
                    : "it has a link that loses the data source";
        }
        boolean table = panel.required("type").asString().equals("table");
        return urls.stream()
                .anyMatch(
                        url -> !timed(url) || (table && url.startsWith("/d/jobwitness-job?") && !url.contains("from=")))
                                ? "it has a link without the job's time range"
                                : "";
    }

    private static boolean timed(String url) {
        return url.contains("${__url_time_range}") || (url.contains("&from=") && url.contains("&to="));
    }
}
