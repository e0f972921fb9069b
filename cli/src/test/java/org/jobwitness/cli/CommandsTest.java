package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.data.Offset;
import org.jobwitness.cli.CliRun.Shell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every command against the real server with the simulated cluster; and the transcripts in docs/cli.md and in
 * transcripts.md, which are what these commands print. {@code -Dupdate.docs=true} writes them anew.
 */
class CommandsTest {
    private static final List<Path> PAGES = List.of(Path.of("../docs/cli.md"),
            Path.of("src/test/resources/transcripts.md"));
    private static final Pattern TRANSCRIPT = Pattern.compile("```text\n\\$ jobwitness ([^\n]*)\n(.*?)```\n",
            Pattern.DOTALL);
    private static final Pattern GRAPH = Pattern.compile("[▁▂▃▄▅▆▇█░▏▎▍▌▋▊▉]+");
    private static final Pattern FIGURE = Pattern.compile(
            "[0-9]+-[0-9]{2}(?::[0-9]{2}){2}|[0-9]+(?::[0-9]{2})*(?:\\.[0-9]+)?");
    private static final Pattern BLANKS = Pattern.compile("\\s+");
    private static final Pattern DATE = Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}");
    private static final Pattern START = Pattern.compile("\"start_time\":\"([^\"]+)\"");
    /** TimeArgument the first story's job begins, on the page. */
    private static final LocalDateTime BEGINNING = LocalDateTime.parse("2026-11-16T13:57:04");
    private static final String FIRST = "1002";
    /** One of each kind of response. */
    private static final List<String> SHOWN = List.of("doctor --url=http://127.0.0.1:1", "why 1002", "why 1018",
            "why 1022", "why 1034", "why 1055", "why 1059", "why 1063", "why 1092", "why 1099", "job 1022",
            "job 1055", "seff 1022");

    @TempDir
    static Path folder;

    private static DemoServer server;
    private static Shell shell;
    private static LocalDate firstDay;

    @BeforeAll
    static void start() throws IOException {
        server = new DemoServer(folder);
        shell = Shell.empty().with("JOBWITNESS_URL", server.url()).with("JOBWITNESS_TOKEN_FILE",
                server.token("operator"));
        Matcher start = START.matcher(shell.run("job", "--json", FIRST).out());
        assertThat(start.find()).isTrue();
        LocalDateTime utc = LocalDateTime.parse(start.group(1), DateTimeFormatter.ISO_DATE_TIME);
        shell = shell.in(zoneWhere(utc.toLocalTime(), BEGINNING.toLocalTime()));
        firstDay = utc.atOffset(ZoneOffset.UTC).atZoneSameInstant(shell.zone()).toLocalDate();
    }

    /** The demo began when the server did. In this zone, it began at the time of day that the page has. */
    private static ZoneId zoneWhere(LocalTime utc, LocalTime local) {
        int seconds = Math.floorMod(local.toSecondOfDay() - utc.toSecondOfDay(), 86_400);
        return ZoneOffset.ofTotalSeconds(seconds > 43_200 ? seconds - 86_400 : seconds);
    }

    @AfterAll
    static void stop() throws IOException {
        server.close();
    }

    @Test
    void theTranscriptsAreWhatTheCommandsPrint() throws IOException {
        List<String> commands = new ArrayList<>();
        for (Path page : PAGES) {
            assertTranscripts(page, commands);
        }
        assertThat(commands).containsAll(SHOWN);
    }

    private static void assertTranscripts(Path page, List<String> commands) throws IOException {
        String written = TRANSCRIPT.matcher(Files.readString(page)).replaceAll(transcript -> {
            commands.add(transcript.group(1));
            CliRun run = shell.run(transcript.group(1).split(" "));
            boolean findsProblem = transcript.group(1).startsWith("doctor");
            assertThat(run.status()).as(run.toString()).isEqualTo(findsProblem ? 1 : 0);
            return Matcher.quoteReplacement("```text\n$ jobwitness " + transcript.group(1) + "\n"
                    + onThePagesDays(run.out()) + "```\n");
        });
        if (Boolean.getBoolean("update.docs")) {
            Files.writeString(page, written);
        }
        String now = Files.readString(page);
        assertThat(shape(now)).as("%s; -Dupdate.docs=true writes it anew", page).isEqualTo(shape(written));
        List<Double> figures = figures(now);
        List<Double> others = figures(written);
        for (int i = 0; i < figures.size(); i++) {
            assertThat(others.get(i)).as("figure %d of %s", i, page).isCloseTo(figures.get(i),
                    Offset.offset(Math.max(1, 0.02 * figures.get(i))));
        }
    }

    /** All but figures, graphs and where lines break: the samples of the demo fall on other seconds each time. */
    private static String shape(String page) {
        return BLANKS.matcher(FIGURE.matcher(GRAPH.matcher(page).replaceAll("~")).replaceAll("#")).replaceAll(" ");
    }

    /** Times of day and durations, Slurm's {@code days-hours:minutes:seconds} among them, in seconds; other numbers as they are. */
    private static List<Double> figures(String page) {
        return FIGURE.matcher(page).results().map(figure -> {
            String[] days = figure.group().split("-");
            double sum = 0;
            for (String part : days[days.length - 1].split(":")) {
                sum = 60 * sum + Double.parseDouble(part);
            }
            return days.length == 1 ? sum : 86_400 * Double.parseDouble(days[0]) + sum;
        }).toList();
    }

    private static String onThePagesDays(String out) {
        long days = ChronoUnit.DAYS.between(firstDay, BEGINNING.toLocalDate());
        return DATE.matcher(out).replaceAll(date -> LocalDate.parse(date.group()).plusDays(days).toString());
    }

    @Test
    void everyStoryOfTheDemoHasAVerdict() throws IOException {
        for (String story : stories()) {
            CliRun why = shell.run(story.split(" "));

            assertThat(why.status()).as(why.toString()).isZero();
            assertThat(why.out()).contains("\nEvidence\n", "\nNext time\n").doesNotContain("UTC");
        }
    }

    /** For the first job of each line of docs/demo.md. */
    private static List<String> stories() throws IOException {
        List<String> stories = Files.readAllLines(Path.of("../docs/demo.md")).stream()
                .filter(line -> line.matches("\\| [0-9].*")).map(line -> "why " + line.split("[ ,|]+")[1]).toList();
        assertThat(stories).hasSizeGreaterThanOrEqualTo(16);
        return stories;
    }

    @Test
    void whatWasAnsweredIsShownAsItIs() {
        for (String command : List.of("jobs", "job 1018", "why 1018", "seff 1018", "top")) {
            CliRun run = shell.run((command + " --json").split(" "));

            assertThat(run.status()).isZero();
            assertThat(run.out()).startsWith("{\"").endsWith("}\n");
        }
    }

    @Test
    void theListIsOfThoseWhoWereAskedFor() {
        CliRun failed = shell.run("jobs", "--state=failed", "--reason=out_of_memory", "--search=star",
                "--cluster=demo");
        CliRun nobodys = shell.run("jobs", "--me");

        assertThat(failed.out().lines().skip(1)).isNotEmpty()
                .allSatisfy(line -> assertThat(line).contains("failed: out of memory", "star-index"));
        assertThat(nobodys.out()).isEqualTo("No matching jobs.\n");
    }

    @Test
    void aLongListGoesOnWhereItEnded() {
        CliRun first = shell.run("jobs", "--limit=3", "--to=2d");
        String last = first.out().lines().reduce((_, line) -> line).orElseThrow();
        CliRun second = shell.run("jobs", "--limit=3", "--to=2d", last);

        assertThat(last).startsWith("--cursor=");
        assertThat(ids(second)).hasSize(3).doesNotContainAnyElementsOf(ids(first));
    }

    private static List<String> ids(CliRun list) {
        return list.out().lines().filter(line -> line.matches("[0-9]{3,} .*")).map(line -> line.split(" ")[0]).toList();
    }

    @Test
    void aJobShowsEachOfItsNodesAndGpus() {
        assertThat(shell.run("job", "1002").out()).contains("Nodes     2: c09 c10").containsPattern("c09 +94 %")
                .containsPattern("c10 +94 %");
        assertThat(shell.run("job", "1022").out().lines().filter(line -> line.matches("g04 gpu[0-3] .* GPU-.*")))
                .hasSize(4);
        assertThat(shell.run("job", "1063").out()).contains("Requeued  1 time; earlier runs: jobwitness why 1063\n");
        assertThat(shell.run("job", "1018").out()).contains("Killed    1 process for lack of memory",
                "on c10, step 0: it had reached its limit of 64.0 GiB");
    }

    @Test
    void aRunBeforeTheNewestIsShownOnRequest() {
        Matcher run = Pattern.compile("\"id\":\"1063\",\"run\":([0-9]+)").matcher(
                shell.run("jobs", "--search=1063", "--json").out());
        assertThat(run.results().map(found -> shell.run("why", "1063", "--run=" + found.group(1)).out().lines()
                .findFirst().orElseThrow())).containsExactlyInAnyOrder("Job 1063 completed after 2 h 45 min.",
                        "Job 1063 was requeued after 2 h 50 min.");
    }

    @Test
    void whatRunsNowIsOnTop() {
        CliRun top = shell.run("top", "--order=time");

        assertThat(top.status()).isZero();
        assertThat(top.out()).containsPattern("^[0-9]+ jobs running on [0-9]+ nodes, with [0-9]+ CPUs");
        assertThat(ids(top)).isNotEmpty();
    }

    @Test
    void theDoctorFindsTheServiceWell() {
        CliRun doctor = shell.run("doctor");

        assertThat(doctor.out()).contains("ok       service", "ok       database", "ok       token", "ok       clock",
                "16 of 16 nodes report");
        assertThat(doctor.status()).isZero();
    }

    @Test
    void whatIsNotKnownIsSaid() {
        CliRun run = shell.run("why", "4711");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.errors()).isEqualTo("jobwitness: no job 4711 is recorded\n");
    }

    @Test
    void whatTheServiceDoesNotAllowIsATypingError() {
        assertThat(shell.run("jobs", "--state=sleeping").status()).isEqualTo(2);
        assertThat(shell.run("jobs", "--limit=5000").errors()).contains("limit");
        assertThat(shell.run("why", "../nodes").status()).isEqualTo(2);
    }

    @Test
    void withoutATokenOrWithAnothersItSaysWhatToDo() {
        CliRun without = Shell.empty().with("JOBWITNESS_URL", server.url()).run("jobs");
        CliRun agents = shell.run("jobs", "--token-file=" + server.token("agent"));
        CliRun doctor = Shell.empty().with("JOBWITNESS_URL", server.url()).run("doctor");

        assertThat(without.status()).isEqualTo(4);
        assertThat(without.errors()).contains("JOBWITNESS_TOKEN_FILE");
        assertThat(agents.status()).isEqualTo(4);
        assertThat(doctor.status()).isEqualTo(1);
        assertThat(doctor.out()).containsPattern("problem +token");
    }
}
