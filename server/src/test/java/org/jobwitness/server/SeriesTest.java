package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.Feed;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What jobs used over time, told as agents do, and read back for a chart. */
class SeriesTest {
    private static final Instant HOUR = Instant.now().truncatedTo(ChronoUnit.HOURS);
    private static final String ALL = "cpu_usage_percent,memory_usage_bytes,cpus_used,io_read_bytes_per_second,"
            + "cpu_pressure_percent,utilization_percent,energy_joules_per_second";

    private static TestServer server;
    private static TestServer.Client operator;
    private static Feed feed;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
        operator = server.as(Role.OPERATOR);
        feed = new Feed(server);
    }

    @AfterAll
    static void stop() {
        feed.close();
        server.close();
    }

    private static JsonNode page(String target) {
        Exchange exchange = operator.get("/v1/jobs/" + target);
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(200);
        return exchange.json();
    }

    private static String csv(String target) {
        Exchange exchange = operator.send("GET", "/v1/jobs/" + target, "", "Accept", "text/csv");
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(200);
        assertThat(exchange.header("Content-Type").orElseThrow()).startsWith("text/csv");
        return exchange.body();
    }

    /** Each series as its name and its means. */
    private static List<String> means(JsonNode page) {
        return page.required("series").valueStream().map(series -> series.path("node").asString("") + " "
                + series.path("gpu").asString("") + " " + series.required("metric").asString() + " "
                + series.required("mean")).toList();
    }

    private static Instant at(Instant start, int tick) {
        return start.plus(Duration.ofSeconds(15L * tick));
    }

    @Test
    void aFewSamplesAreShownAsTheyAreWithGapsRatesAndCauses() {
        Instant start = HOUR.minus(Duration.ofHours(2));
        feed.started("few", "n1", start);
        String job = "\"cpus\": 4, \"cpus_used\": %s, \"memory_usage_bytes\": %d, \"io_read_bytes\": %d,"
                + " \"cpu_pressure_usec\": %d, \"absent\": {\"gpu_usage_percent\": \"no driver, \\\"none\\\"\"}";
        feed.told("n1", at(start, 0), 15_000, "few", job.formatted(4, 1L << 40, 0, 0), "");
        feed.told("n1", at(start, 1), 15_000, "few", job.formatted(1, 0, 30_000_000, 3_000_000), "");
        feed.told("n1", at(start, 3), 15_000, "few", job.formatted(0, 5, 30_000_000, 33_000_000), "");
        feed.told("n1", at(start, 9), 15_000, "few", job.formatted(0.5, 5, 60_000_000, 33_000_000), "");
        String metrics = "few/series?metric=cpu_usage_percent,memory_usage_bytes,gpu_usage_percent"
                + "&metric=io_read_bytes_per_second,cpu_pressure_percent&to=" + start.plusSeconds(600);
        JsonNode page = page(metrics);
        assertThat(page.required("from").asString()).isEqualTo(start.toString());
        assertThat(page.required("to").asString()).isEqualTo(start.plusSeconds(600).toString());
        assertThat(page.required("step_ms").asInt()).isEqualTo(15_000);
        assertThat(means(page)).containsExactly("n1  cpu_usage_percent [100.0,25.0,null,0.0,null,12.5]",
                "n1  memory_usage_bytes [1.099511627776E12,0.0,null,5.0,null,5.0]",
                "n1  io_read_bytes_per_second [2000000.0,0.0]", "n1  cpu_pressure_percent [20.0,100.0]");
        JsonNode first = page.required("series").get(0);
        assertThat(first.required("min")).isEqualTo(first.required("mean")).isEqualTo(first.required("max"));
        assertThat(first.required("times").valueStream().map(JsonNode::asString))
                .containsExactly(at(start, 0).toString(), at(start, 1).toString(), at(start, 2).toString(),
                        at(start, 3).toString(), at(start, 6).toString(), at(start, 9).toString());
        assertThat(page.required("absent").toString()).isEqualTo("[{\"metric\":\"gpu_usage_percent\",\"node\":\"n1\","
                + "\"cause\":\"no driver, \\\"none\\\"\"}]");
        assertThat(csv(metrics)).isEqualTo("""
                time,metric,unit,node,gpu,min,mean,max
                <0>,cpu_usage_percent,percent,n1,,100,100,100
                <1>,cpu_usage_percent,percent,n1,,25,25,25
                <3>,cpu_usage_percent,percent,n1,,0,0,0
                <9>,cpu_usage_percent,percent,n1,,12.5,12.5,12.5
                <0>,memory_usage_bytes,bytes,n1,,1099511627776,1099511627776,1099511627776
                <1>,memory_usage_bytes,bytes,n1,,0,0,0
                <3>,memory_usage_bytes,bytes,n1,,5,5,5
                <9>,memory_usage_bytes,bytes,n1,,5,5,5
                <1>,io_read_bytes_per_second,bytes_per_second,n1,,2000000,2000000,2000000
                <3>,io_read_bytes_per_second,bytes_per_second,n1,,0,0,0
                <1>,cpu_pressure_percent,percent,n1,,20,20,20
                <3>,cpu_pressure_percent,percent,n1,,100,100,100
                """.replace("<0>", at(start, 0).toString()).replace("<1>", at(start, 1).toString())
                .replace("<3>", at(start, 3).toString()).replace("<9>", at(start, 9).toString()).replace("\n", "\r\n"));
        assertThat(csv("few/series?metric=memory_usage_bytes&points=2&to=" + start.plusSeconds(600)).lines().skip(1))
                .as("2 buckets of 75 s, aligned").hasSize(2)
                .last().asString().endsWith(",5,5,5");
    }

    @Test
    void ofEachGpuThereIsASeriesAndTheyCanBeToldApart() {
        Instant start = HOUR.minus(Duration.ofHours(2));
        feed.started("gpus", "g[1-2]", start);
        for (String node : List.of("g1", "g2")) {
            for (int tick = 0; tick < 3; tick++) {
                feed.told(node, at(start, tick), 15_000, "gpus", "", """
                        {"gpu": "=1+1", "job_id": "gpus", "utilization_percent": %d, "energy_joules": %d},
                        {"gpu": "a, \\"b\\"", "job_id": "gpus", "power_watts": 300.5,
                         "absent": {"utilization_percent": "not told by this driver"}}""".formatted(90 + tick,
                        4500 * tick));
            }
        }
        String metrics = "gpus/series?metric=utilization_percent,energy_joules_per_second,power_watts";
        assertThat(means(page(metrics))).containsExactly("g1 =1+1 utilization_percent [90.0,91.0,92.0]",
                "g1 =1+1 energy_joules_per_second [300.0,300.0]", "g1 a, \"b\" power_watts [300.5,300.5,300.5]",
                "g2 =1+1 utilization_percent [90.0,91.0,92.0]", "g2 =1+1 energy_joules_per_second [300.0,300.0]",
                "g2 a, \"b\" power_watts [300.5,300.5,300.5]");
        assertThat(page(metrics + "&node=g2&gpu=%3D1%2B1").required("series")).hasSize(2);
        JsonNode one = page("gpus/series?node=g2&gpu=" + RequestGenerator.encoded("a, \"b\""));
        assertThat(means(one)).containsExactly("g2 a, \"b\" power_watts [300.5,300.5,300.5]");
        assertThat(one.required("absent").toString()).isEqualTo("[{\"metric\":\"utilization_percent\",\"node\":\"g2\","
                + "\"gpu\":\"a, \\\"b\\\"\",\"cause\":\"not told by this driver\"}]");
        assertThat(means(page("gpus/series"))).as("of the job").containsExactly(
                "g1  gpu_usage_percent [90.0,91.0,92.0]", "g2  gpu_usage_percent [90.0,91.0,92.0]");
        assertThat(csv(metrics + "&node=g1").lines().skip(1).map(row -> row.substring(row.indexOf(',') + 1)))
                .contains("utilization_percent,percent,g1,'=1+1,90,90,90",
                        "power_watts,watts,g1,\"a, \"\"b\"\"\",300.5,300.5,300.5");
    }

    /** Three hours on two nodes, with jitter, gaps, and figures that are not there. */
    private static List<Runnable> threeHours(String jobId) {
        Instant start = HOUR.minus(Duration.ofHours(4));
        List<Runnable> told = new ArrayList<>();
        told.add(() -> feed.started(jobId, "s[1-2]", start));
        Random random = new Random(7);
        for (int tick = 0; tick < 180; tick++) {
            for (String node : List.of("s1", "s2")) {
                Instant at = start.plusSeconds(60L * tick).plusMillis(random.nextInt(2_000)
                        + (node.equals("s1") ? 0 : 31_000));
                boolean knowsMemory = random.nextInt(10) > 0;
                String job = "\"cpus\": 8, \"cpus_used\": " + random.nextInt(800) / 100.0 + ", \"cpu_usage_usec\": "
                        + (tick * 240_000_000L + random.nextInt(1_000_000)) + ", \"io_read_bytes\": " + tick * 4096L
                        + ", \"cpu_pressure_usec\": " + tick * 60_000L
                        + (knowsMemory ? ", \"memory_usage_bytes\": " + random.nextLong(1L << 40) : "");
                String gpu = "{\"gpu\": \"0\", \"job_id\": \"" + jobId + "\", \"utilization_percent\": "
                        + random.nextInt(101) + ", \"energy_joules\": " + (tick * 18_000 + random.nextDouble()) + "}";
                if (tick < 70 || tick > 80) {
                    told.add(() -> feed.told(node, at, 60_000, jobId, job, gpu));
                }
            }
        }
        return told;
    }

    private static List<Object> answers(String jobId) {
        List<Object> answers = new ArrayList<>();
        String toNow = "&to=" + HOUR;
        for (String rest : List.of(toNow, toNow + "&points=5000", toNow + "&points=50", toNow + "&points=7",
                toNow + "&node=s2&points=40",
                "&from=" + HOUR.minus(Duration.ofMinutes(215)) + "&to=" + HOUR.minus(Duration.ofMinutes(100)))) {
            ObjectNode page = (ObjectNode) page(jobId + "/series?metric=" + ALL + rest);
            page.remove(List.of("job_id", "run"));
            assertThat(page.required("series").size()).isEqualTo(rest.contains("node") ? 7 : 14);
            answers.add(page.toString());
            answers.add(csv(jobId + "/series?metric=" + ALL + rest));
        }
        return answers;
    }

    @Test
    void beforeItIsPackedAfterwardsAndInBetweenTheAnswersAreTheSame() throws Exception {
        List<Runnable> whole = threeHours("whole");
        List<Runnable> halves = threeHours("halves");
        whole.forEach(Runnable::run);
        List<Object> before = answers("whole");
        halves.subList(0, 200).forEach(Runnable::run);
        feed.seal();
        assertThat(packed("whole")).as("packed").isPositive();
        assertThat(waiting("whole") + waiting("halves")).as("in a tail").isZero();
        assertThat(answers("whole")).as("packed").isEqualTo(before);
        halves.subList(200, halves.size()).forEach(Runnable::run);
        assertThat(packed("halves")).isPositive();
        assertThat(waiting("halves")).isPositive();
        assertThat(answers("halves")).as("half and half").isEqualTo(before);
        feed.seal();
        assertThat(waiting("halves")).isZero();
        assertThat(answers("halves")).as("packed in two").isEqualTo(before);
    }

    private static long packed(String jobId) throws SQLException {
        return server.rows("chunk join job using (job_key) where job_id = '" + jobId + "'");
    }

    private static long waiting(String jobId) throws SQLException {
        String where = " join job using (job_key) where job_id = '" + jobId + "'";
        return server.rows("sample_buffer_0" + where) + server.rows("sample_buffer_1" + where);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 29, 30, 179, 180, 500})
    void thereAreNoMorePointsThanWereAskedFor(int points) {
        Instant start = HOUR.minus(Duration.ofHours(2));
        if (operator.get("/v1/jobs/points").status() == 404) {
            feed.started("points", "p1", start);
            IntStream.range(0, 60).forEach(tick -> feed.told("p1", at(start, 2 * tick), 30_000, "points",
                    "\"memory_usage_bytes\": " + tick, ""));
        }
        JsonNode page = page("points/series?metric=memory_usage_bytes&points=" + points);
        JsonNode series = page.required("series").get(0);
        assertThat(series.required("times").size()).isBetween(1, points);
        assertThat(page.required("step_ms").asLong() % 30_000).isZero();
        assertThat(series.required("min").get(0).asDouble()).as("the first").isZero();
        assertThat(series.required("max").valueStream().mapToDouble(JsonNode::asDouble).max()).as("the last")
                .hasValue(59);
        assertThat(series.required("times").size()).isEqualTo(points >= 60 ? 60 : series.required("mean").size());
    }

    @Test
    void withoutBoundsItIsTheWholeRunAndTheSamplesAroundIt() {
        Instant start = HOUR.minus(Duration.ofHours(3));
        feed.started("bounds", "b1", start);
        feed.told("b1", start.minusMillis(1_500), 15_000, "bounds", "\"pids\": 1", "");
        server.as(Role.AGENT).post("/v1/events/job-finished",
                "{\"job_id\":\"bounds\",\"exit_code\":0,\"timestamp\":\"" + start.plusSeconds(100) + "\"}");
        JsonNode page = page("bounds/series?metric=pids");
        assertThat(page.required("from").asString()).isEqualTo(start.minusMillis(1_500).toString());
        assertThat(page.required("to").asString()).isEqualTo(start.plusSeconds(100).toString());
        feed.told("b1", start.plusSeconds(101), 15_000, "bounds", "\"pids\": 2, \"last\": true", "");
        page = page("bounds/series?metric=pids");
        assertThat(page.required("to").asString()).isEqualTo(start.plusSeconds(102).toString());
        assertThat(means(page)).containsExactly("b1  pids [1.0,null,2.0]");
        assertThat(means(page("bounds/series?metric=pids&from=" + start.plusSeconds(101) + "&to="
                + start.plusSeconds(101)))).isEmpty();
        assertThat(means(page("bounds/series?metric=pids&from=" + start.plusSeconds(101)))).hasSize(1);
        assertThat(means(page("bounds/series?metric=pids&to=" + start.plusSeconds(101))))
                .containsExactly("b1  pids [1.0]");
        assertThat(means(page("bounds/series?from=2190-01-01T00:00:00Z"))).isEmpty();
        assertThat(means(page("bounds/series?node=nobody"))).isEmpty();
    }

    @Test
    void aJobWithoutSamplesHasNoSeries() {
        operator.post("/v1/jobs", "{\"id\":\"idle\",\"user\":\"alice\",\"nodes\":[\"i1\"]}");
        JsonNode page = page("idle/series");
        assertThat(page.required("series")).isEmpty();
        assertThat(page.required("absent")).isEmpty();
        assertThat(csv("idle/series")).isEqualTo("time,metric,unit,node,gpu,min,mean,max\r\n");
    }

    @Test
    void whatWasToldByHandIsShownToo() {
        operator.post("/v1/jobs", "{\"id\":\"hand\",\"user\":\"alice\",\"nodes\":[\"h1\"]}");
        for (int minute : List.of(3, 2, 1)) {
            operator.post("/v1/jobs/hand/metrics", "{\"cpu_usage\": %d, \"memory_usage_mb\": 1, \"timestamp\": \"%s\"}"
                    .formatted(minute, HOUR.minus(Duration.ofMinutes(minute))));
        }
        assertThat(means(page("hand/series?format=json"))).containsExactly("h1  cpu_usage_percent [3.0,2.0,1.0]",
                "h1  memory_usage_bytes [1048576.0,1048576.0,1048576.0]");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', textBlock = """
            ''          ; text/csv                         ; text/csv
            ''          ; Text/CSV, text/plain             ; text/csv
            ''          ; application/json, text/csv         ; application/json
            ''          ; */*                              ; application/json
            format=csv  ; application/json                 ; text/csv
            format=json ; text/csv                         ; application/json
            """)
    void theParameterWinsOverTheHeader(String parameter, String accept, String type) {
        operator.post("/v1/jobs", "{\"id\":\"formats\",\"user\":\"alice\",\"nodes\":[\"i1\"]}");
        Exchange exchange = operator.send("GET", "/v1/jobs/formats/series?" + parameter, "", "Accept", accept);
        assertThat(exchange.header("Content-Type").orElseThrow()).startsWith(type);
        assertThat(exchange.header("Content-Disposition").isPresent()).isEqualTo(type.equals("text/csv"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWouldBeTooMuchIsRefused(boolean isExpected) throws SQLException {
        String jobId = "much-" + isExpected;
        feed.started(jobId, "m[1-99]", HOUR.minus(Duration.ofHours(3)));
        try (Connection connection = server.sql(); var statement = connection.createStatement()) {
            String run = "(select job_key from job where job_id = '" + jobId + "')";
            statement.execute("insert into sample_buffer_0 (job_key, node, gpu, at, figures) select " + run
                    + ", 'm' || n, '', '" + HOUR.minus(Duration.ofHours(2)) + "'::timestamptz + t * interval '5 s',"
                    + " array[5000, t] from generate_series(1, 99) n, generate_series(1, 1400) t");
            if (isExpected) {
                statement.execute("insert into job_figures (job_key, node, sample_count, covered_ms, first_sample_at,"
                        + " last_sample_at) select " + run + ", 'm' || n, 1400, 7000000, '"
                        + HOUR.minus(Duration.ofHours(2)) + "', '" + HOUR + "' from generate_series(1, 99) n");
            }
        }
        String target = "/v1/jobs/" + jobId + "/series?metric=cpu_usage_percent&points=";
        Exchange refused = operator.get(target + 5000);
        assertThat(refused.status()).isEqualTo(400);
        assertThat(refused.field()).isEqualTo("points");
        assertThat(refused.message()).contains("400000", "fewer points", "one node");
        String below = target.substring("/v1/jobs/".length());
        assertThat(csv(below + 1300).lines().skip(1).count()).isBetween(50_000L, 99 * 1300L);
        assertThat(csv(below + "5000&node=m7").lines().skip(1).count()).isEqualTo(1400);
        assertThat(csv(below + "5000&to=" + HOUR.minus(Duration.ofMinutes(90))).lines().skip(1).count())
                .as("a part of it").isEqualTo(99 * 359);
    }
}
