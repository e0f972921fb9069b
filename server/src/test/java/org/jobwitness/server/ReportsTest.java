package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.TestServer.Client;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** Reports of the simulated cluster. Days that are over have no more ends, so their sums must be those of the jobs. */
@Timeout(300)
class ReportsTest {
    private static final LocalDate TODAY = LocalDate.ofInstant(Instant.now(), ZoneOffset.UTC);
    private static final String PERIOD = "from=" + TODAY.minusDays(8) + "&to=" + TODAY;

    private static TestServer server;
    private static List<JsonNode> jobs;

    @BeforeAll
    static void start() throws InterruptedException {
        server = TestServer.startWithAuth("--seed-demo=true");
        Waiting.until("all ends are summed", Duration.ofMinutes(2), () -> report("").toString(),
                () -> report("").required("pending").asInt() == 0
                        && report("").required("total").required("runs").asInt() > 50);
        jobs = ended();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static Client operator() {
        return server.as(Role.OPERATOR);
    }

    private static JsonNode report(String parameters) {
        Exchange response = operator().get("/v1/reports?" + PERIOD + parameters);
        assertThat(response.status()).as("%s", response).isEqualTo(200);
        return response.json();
    }

    /** All runs that ended on these days. */
    private static List<JsonNode> ended() {
        List<JsonNode> all = new ArrayList<>();
        String cursor = "";
        while (cursor != null) {
            JsonNode page = operator().get("/v1/jobs?state=completed,failed,cancelled&limit=1000" + cursor).json();
            page.required("jobs").forEach(job -> {
                if (job.has("end_time") && Instant.parse(job.required("end_time").asString())
                        .isBefore(TODAY.atStartOfDay().toInstant(ZoneOffset.UTC))) {
                    all.add(job);
                }
            });
            cursor = page.has("next_cursor") ? "&cursor=" + page.required("next_cursor").asString() : null;
        }
        return all;
    }

    private static double cpuSeconds(JsonNode job) {
        return job.path("allocated_cpus").asDouble() * job.path("runtime_seconds").asDouble();
    }

    @Test
    void rowsAddUpToTheJobsInThemToTheSecond() {
        for (String by : List.of("user", "account", "partition")) {
            Map<String, Double> expected = new TreeMap<>();
            Map<String, Integer> runs = new TreeMap<>();
            for (JsonNode job : jobs) {
                String key = by.equals("user")
                        ? job.path("user").asString("")
                        : job.required("scheduler").path(by).asString("");
                expected.merge(key, cpuSeconds(job), Double::sum);
                runs.merge(key, 1, Integer::sum);
            }
            JsonNode report = report("&limit=10000&by=" + by);
            assertThat(report.required("groups").asInt()).isEqualTo(expected.size());
            report.required("rows").forEach(row -> {
                String key = row.path("key").asString("");
                assertThat(row.required("runs").asInt()).as(key).isEqualTo(runs.get(key));
                assertThat(row.required("cpu").required("allocated").asDouble() * 3600).as("%s %s", by, key)
                        .isCloseTo(expected.get(key), within(1.0));
            });
        }
    }

    @Test
    void theRowsOfWeeksOfNodesAndOfModelsAddUpToTheTotal() {
        double all = jobs.stream().mapToDouble(ReportsTest::cpuSeconds).sum() / 3600;
        for (String parameters : List.of("", "&by=user&every=day", "&by=partition&every=week", "&by=node",
                "&by=gpu_model",
                "&by=cluster&every=month", "&by=node&every=day")) {
            JsonNode report = report("&limit=10000" + parameters);
            double rows = 0;
            double lost = 0;
            for (JsonNode row : report.required("rows")) {
                rows += row.required("cpu").required("allocated").asDouble();
                for (JsonNode end : row.required("ends")) {
                    lost += end.required("cpu_hours").asDouble();
                }
            }
            JsonNode total = report.required("total");
            assertThat(total.required("cpu").required("allocated").asDouble()).as(parameters).isCloseTo(all,
                    within(0.01));
            assertThat(rows).as(parameters).isCloseTo(all, within(0.05));
            assertThat(lost).as("all ends of %s", parameters).isCloseTo(all, within(0.1));
        }
    }

    @Test
    void usedAndWastedHoursAreThoseOfTheMeasuredOnes() {
        JsonNode total = report("").required("total");
        for (String resource : List.of("cpu", "gpu", "memory")) {
            JsonNode hours = total.required(resource);
            double allocated = hours.required("allocated").asDouble();
            double measured = allocated * (1 - hours.required("not_measured").asDouble());
            assertThat(allocated).isPositive();
            assertThat(hours.required("used").asDouble() + hours.required("wasted").asDouble()).as(resource)
                    .isCloseTo(measured, within(0.01 * allocated));
        }
        assertThat(total.required("coverage").asDouble()).isBetween(0.8, 1.0);
        assertThat(total.required("gpu_energy_kwh").asDouble()).isPositive();
        double busy = jobs.stream().filter(job -> job.has("avg_cpu_usage"))
                .mapToDouble(job -> cpuSeconds(job) * job.required("avg_cpu_usage").asDouble() / 100).sum() / 3600;
        assertThat(total.required("cpu").required("used").asDouble()).isCloseTo(busy, within(0.05 * busy));
    }

    @Test
    void csvHasTheRowsAndTextFromUsersIsNoFormula() {
        Exchange csv = operator().get("/v1/reports?by=user&format=csv&" + PERIOD);
        List<String> lines = csv.body().lines().toList();
        assertThat(lines.getFirst()).startsWith("period,user,runs,not_measured_runs,failed_runs");
        assertThat(lines).hasSize(1 + report("&by=user").required("rows").size())
                .allMatch(line -> line.split(",", -1).length == lines.getFirst().split(",").length);
        assertThat(csv.header("Content-Disposition")).hasValue(
                "attachment; filename=\"report-" + TODAY.minusDays(8) + "-" + TODAY + ".csv\"");
    }

    @Test
    void aUserSeesOwnRunsOnly() {
        String user = jobs.getFirst().required("user").asString();
        Client own = server.signedIn(user, null, null, Duration.ofHours(1));
        JsonNode all = report("&by=user&user=" + user);
        JsonNode seen = own.get("/v1/reports?by=user&" + PERIOD).json();
        assertThat(seen.required("rows").toString()).isEqualTo(all.required("rows").toString());
        assertThat(seen.required("groups").asInt()).isOne();
        for (String by : List.of("account", "partition", "node", "gpu_model", "cluster")) {
            assertThat(own.get("/v1/reports?by=" + by + "&" + PERIOD).json().required("rows").toString())
                    .isEqualTo(report("&by=" + by + "&user=" + user).required("rows").toString());
        }
        Client nobody = server.signedIn("stranger", null, null, Duration.ofHours(1));
        JsonNode none = nobody.get("/v1/reports?by=user&" + PERIOD).json();
        assertThat(none.required("rows")).isEmpty();
        assertThat(none.required("total").required("runs").asInt()).isZero();
        assertThat(nobody.get("/v1/reports?by=user&user=" + user + "&" + PERIOD).json().required("groups").asInt())
                .isZero();
    }

    @Test
    void whereAChangeWouldFreeTheMostIsFoundWithTheLinesForIt() {
        JsonNode talk = operator().get("/v1/reports/talk?" + PERIOD).json();
        assertThat(talk.required("topics").valueStream().map(topic -> topic.required("resource").asString()))
                .contains("cpu", "gpu", "memory");
        for (String resource : List.of("cpu", "gpu", "memory")) {
            List<JsonNode> topics = talk.required("topics").valueStream()
                    .filter(topic -> topic.required("resource").asString().equals(resource)).toList();
            assertThat(topics).hasSizeBetween(1, 5).isSortedAccordingTo(
                    Comparator.comparingDouble(topic -> -topic.required("wasted").asDouble()));
            topics.forEach(topic -> assertThat(topic.required("wasted").asDouble()).isPositive()
                    .isLessThanOrEqualTo(topic.required("allocated").asDouble()));
            JsonNode example = topics.getFirst().required("example");
            JsonNode verdict = operator().get("/v1/jobs/" + example.required("id").asString() + "/verdict?run="
                    + example.required("run").asLong()).json();
            assertThat(example.required("lines")).isEqualTo(verdict.at("/next/lines"));
            assertThat(verdict.toString()).contains(example.required("sentence").toString());
        }
        double wasted = report("&by=user&sort=gpu_wasted").at("/rows/0/gpu/wasted").asDouble();
        assertThat(talk.required("topics").valueStream()
                .filter(topic -> topic.required("resource").asString().equals("gpu"))
                .mapToDouble(topic -> topic.required("wasted").asDouble()).max().orElseThrow())
                .isBetween(0.01, wasted + 0.001);
    }

    @Test
    void usersSeeTheirOwnTopicsAndNoFaults() {
        String user = operator().get("/v1/reports/talk?" + PERIOD).json().at("/topics/0/user").asString();
        Client own = server.signedIn(user, null, null, Duration.ofHours(1));
        JsonNode talk = own.get("/v1/reports/talk?" + PERIOD).json();
        assertThat(talk.required("topics")).isNotEmpty();
        talk.required("topics").forEach(topic -> assertThat(topic.required("user").asString()).isEqualTo(user));
        assertThat(server.signedIn("stranger", null, null, Duration.ofHours(1)).get("/v1/reports/talk").json()
                .required("topics")).isEmpty();
        assertThat(own.get("/v1/reports/faults").status()).isEqualTo(403);
        JsonNode faults = operator().get("/v1/reports/faults?" + PERIOD).json();
        assertThat(faults.required("nodes").asInt()).isEqualTo(16);
        assertThat(operator().get("/v1/reports/faults?from=2026-01-01&to=2026-04-04").status()).isEqualTo(400);
    }

    @Test
    void aCsvOfSomeRowsSaysHowManyThereAre() {
        int groups = report("&by=user").required("groups").asInt();
        Exchange csv = operator().get("/v1/reports?by=user&limit=2&format=csv&" + PERIOD);
        assertThat(csv.body().lines()).hasSize(3);
        assertThat(csv.header("X-Total-Rows")).hasValue(Integer.toString(groups));
    }

    @Test
    void whatCannotBeAskedIsRefused() {
        for (String bad : List.of("by=owner", "every=year", "from=2026-13-01", "from=2026-11-01T00:00:00Z",
                "to=1900-01-01",
                "from=2026-11-02&to=2026-11-02", "from=2000-01-01&to=2026-01-01", "limit=0", "limit=10001",
                "sort=user", "format=xml", "user=", "run=1")) {
            Exchange refused = operator().get("/v1/reports?" + bad);
            assertThat(refused.status()).as("%s", refused).isEqualTo(400);
            assertThat(refused.field()).as(bad).isIn(bad.split("=")[0], "from");
        }
        JsonNode hostile = operator().get("/v1/reports?user=%27%20or%20true%20--").json();
        assertThat(hostile.required("rows")).isEmpty();
    }
}
