package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.Logged;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The simulated cluster as who looks at the server sees it, and as docs/demo.md and stories.md say. */
class DemoTest {
    /** A field with its value, or with the least and the most that a number is. */
    private static final Pattern FIELD = Pattern.compile("`([a-z0-9_.]+)=([^`]*)`");
    private static final Pattern RANGE = Pattern.compile("(-?[0-9.]+)\\.\\.(-?[0-9.]+)");

    private static final Path STORIES = Path.of("src/test/resources/demo/stories.md");
    /** The heading between the two tables of that page. */
    private static final String VERDICTS = "\n## Verdicts\n";

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.start("--seed-demo=true");
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void withAnotherSchedulerItIsIgnoredWithAWarning() {
        try (Logged logged = new Logged(Server.class);
                TestServer other = TestServer.start("--seed-demo=true", "--scheduler-backend=slurm",
                        "--slurm-base-url=http://127.0.0.1:9")) {
            assertThat(logged.lines())
                    .contains("WARNING demo_ignored cause=\"SCHEDULER_BACKEND is slurm\"");
            assertThat(other.get("/v1/jobs").json().required("total").asInt()).isZero();
            assertThat(other.get("/v1/health").json().required("checks").has("demo")).isFalse();
        }
    }

    /** One line of the document's table. */
    private record Line(String jobs, String shows) {
        List<String> ids() {
            return Arrays.stream(jobs.split(", ")).flatMap(part -> {
                String[] ends = part.split(" to ");
                return IntStream.rangeClosed(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]))
                        .mapToObj(String::valueOf);
            }).toList();
        }
    }

    private static List<String[]> rows(String text) {
        return text.lines().filter(line -> line.matches("\\| [0-9].*")).map(line -> line.split(" *\\| *")).toList();
    }

    private static List<Line> table() throws IOException {
        return rows(Files.readString(STORIES).split(VERDICTS, 2)[0]).stream().map(cells -> new Line(cells[1], cells[2]))
                .toList();
    }

    @Test
    void everyStoryIsAsTheDocumentTellsIt() throws IOException {
        List<String> wrong = new ArrayList<>();
        int fields = 0;
        for (Line line : table()) {
            String[] runs = line.shows().split("; run before: ");
            for (String id : line.ids()) {
                JsonNode newest = server.get("/v1/jobs/" + id).json();
                fields += compare(id, newest, runs[0], wrong);
                if (runs.length > 1) {
                    JsonNode all = server.get("/v1/jobs/" + id + "/runs").json().path("runs");
                    assertThat(all.size()).isEqualTo(2);
                    fields += compare(id + " before", all.get(1), runs[1], wrong);
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(fields).isGreaterThan(40);
    }

    private static int compare(String id, JsonNode job, String shows, List<String> wrong) {
        Matcher field = FIELD.matcher(shows);
        int found = 0;
        while (field.find()) {
            found++;
            JsonNode value = job.at("/" + field.group(1).replace('.', '/'));
            Matcher range = RANGE.matcher(field.group(2));
            boolean holds = range.matches()
                    ? value.isNumber() && value.asDouble() >= Double.parseDouble(range.group(1))
                            && value.asDouble() <= Double.parseDouble(range.group(2))
                    : value.asString().equals(field.group(2));
            if (!holds) {
                wrong.add(id + ": " + field.group() + " but it is " + value + " in " + job);
            }
        }
        return found;
    }

    @Test
    void theDocumentTellsOfEveryStoryInTheWordsOfItsJobs() throws IOException {
        List<String> jobs = new ArrayList<>();
        for (String[] cells : rows(Files.readString(Path.of("../docs/demo.md")))) {
            jobs.add(cells[1]);
            String id = new Line(cells[1], "").ids().getFirst();

            assertThat(server.get("/v1/jobs/" + id).json().at("/scheduler/extra/story").asString())
                    .isEqualTo(cells[2]);
        }
        assertThat(table().stream().map(Line::jobs)).containsExactlyElementsOf(jobs);
        assertThat(table()).hasSizeGreaterThanOrEqualTo(16);
    }

    /** A line of the table of verdicts; the findings and options are those in backquotes. */
    private record VerdictLine(String job, String verdict, Set<String> findings, List<String> options) {
        static List<VerdictLine> told() throws IOException {
            return rows(Files.readString(STORIES).split(VERDICTS, 2)[1]).stream()
                    .map(cells -> new VerdictLine(cells[1], cells[2], Set.copyOf(quoted(cells[3])), quoted(cells[4])))
                    .toList();
        }

        private static List<String> quoted(String cell) {
            return Pattern.compile("`([^`]+)`").matcher(cell).results().map(word -> word.group(1)).toList();
        }

        static VerdictLine of(String job) {
            JsonNode verdict = server.get("/v1/jobs/" + job + "/verdict").json();
            JsonNode outcome = verdict.required("outcome");
            return new VerdictLine(job,
                    "`" + outcome.required("cause").asString() + "`: " + outcome.required("headline").asString(),
                    verdict.required("findings").valueStream().map(finding -> finding.required("rule").asString())
                            .collect(Collectors.toSet()),
                    verdict.at("/next/options").valueStream().map(option -> option.required("name").asString() + "="
                            + option.required("value").asString()).toList());
        }
    }

    @Test
    void everyVerdictIsAsTheDocumentTellsIt() throws IOException {
        List<VerdictLine> told = VerdictLine.told();

        assertThat(told.stream().map(line -> VerdictLine.of(line.job()))).containsExactlyElementsOf(told);
        assertThat(told).hasSizeGreaterThanOrEqualTo(16);
    }

    @Test
    void theWeekIsThereWithItsUsersAndNodes() {
        JsonNode week = server.get("/v1/jobs?limit=1000&cluster=demo").json();
        List<JsonNode> jobs = new ArrayList<>();
        week.path("jobs").forEach(jobs::add);

        assertThat(jobs.stream().map(job -> job.path("user").asString()).distinct()).hasSize(20);
        assertThat(jobs.size()).isBetween(100, 130);
        assertThat(jobs).allSatisfy(job -> assertThat(job.path("cluster").asString()).isEqualTo("demo"));
    }

    @Test
    void jobsRunAndWaitNow() {
        assertThat(server.get("/v1/jobs?state=running&cluster=demo").json().path("total").asInt())
                .isGreaterThanOrEqualTo(2);
        assertThat(server.get("/v1/jobs?state=pending&cluster=demo").json().path("total").asInt())
                .isGreaterThanOrEqualTo(2);
    }

    @Test
    void everyNodeHasItsSeries() throws IOException {
        String metrics = Http.anonymous(server.port()).get("/metrics").body();

        assertThat(metrics.lines().filter(line -> line.startsWith("hpc_node_total_cpus{")).toList()).hasSize(16);
        assertThat(metrics).contains("hpc_node_state{", "hpc_job_cpu_usage_percent{");
    }

    @Test
    void everyNodeIsThereAndOneIsDrained() {
        assertThat(server.get("/v1/nodes").json().path("nodes").size()).isEqualTo(16);
        assertThat(server.get("/v1/nodes/c08").json().path("state").asString()).isEqualTo("drained");
        assertThat(server.get("/v1/health").json().at("/checks/demo").asString()).isEqualTo("ok");
    }

    @Test
    void aJobsSamplesCoverItsTime() {
        JsonNode job = server.get("/v1/jobs/1006").json();
        JsonNode samples = server.get("/v1/jobs/1006/metrics?limit=10000").json();

        assertThat(job.path("coverage").asDouble()).isBetween(0.99, 1.0);
        assertThat(samples.path("total").asInt()).isEqualTo(job.path("sample_count").asInt());
    }
}
