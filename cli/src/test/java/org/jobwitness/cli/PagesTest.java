package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jobwitness.cli.CliRun.Shell;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.wire.SeriesPage.Series;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is made of answers that stand still, also of hostile ones. */
class PagesTest {
    private static final Instant NOW = Instant.parse("2026-11-23T12:00:00Z");

    private StubService service;
    private Shell shell;

    @BeforeEach
    void start() throws IOException {
        service = new StubService();
        shell = new Shell(Shell.empty().environment(), CliRun.NO_TERMINAL, Path.of("/nonexistent"),
                Clock.fixed(NOW, ZoneOffset.UTC), ZoneOffset.UTC).with("JOBWITNESS_URL", service.url());
    }

    @AfterEach
    void stop() {
        service.close();
    }

    @Test
    void anArrayIsSummedUpAboveTheTaskThatItsIdFinds() {
        service.replace("\"scheduler\":{", """
                "array":{"id":"1018","tasks":12,"pending":0,"running":2,"completed":9,"failed":1,"cancelled":0,\
                "newest":"1018_11"},"scheduler":{"array_job_id":"1018","array_task_id":3,""");
        String summary = """
                Job array 1018: 12 tasks recorded, 2 running, 9 completed, 1 failed

                  The newest task is 1018_11. The job below is 1018_3. To list all tasks:
                    jobwitness jobs 1018

                """;
        assertThat(shell.run("why", "1018").out()).startsWith(summary + "Job 1018 of ");
        assertThat(shell.run("job", "1018").out()).startsWith(summary + "Job 1018 (1018_3)");
        assertThat(shell.run("seff", "1018").out()).startsWith(summary + "Job ID: 1018\nArray Job ID: 1018_3\n");
        service.asked().clear();
        shell.run("why", "1018_[4-9%2]");
        shell.run("why", "slurm-1018");
        shell.run("why", "1018_3.batch");
        shell.run("why", "1018+1");
        assertThat(service.asked().stream().distinct()).containsExactly("/v1/jobs/1018/verdict", "/v1/jobs/1018",
                "/v1/jobs/1018_3.batch/verdict", "/v1/jobs/1018+1/verdict");
    }

    @Test
    void aHeterogeneousJobIsSummedUpAboveTheComponentThatItsIdFinds() {
        service.replace("\"scheduler\":{", """
                "het_job":{"id":"1018","components":2,"pending":0,"running":0,"completed":1,"failed":1,"cancelled":0},\
                "scheduler":{"het_job_id":"1018","het_job_offset":0,""");
        String summary = """
                Heterogeneous job 1018: 2 components recorded, 1 completed, 1 failed

                  The job below is 1018+0. To list all components:
                    jobwitness jobs 1018

                """;
        assertThat(shell.run("why", "1018").out()).startsWith(summary + "Job 1018 of ");
        assertThat(shell.run("job", "1018").out()).startsWith(summary + "Job 1018 (1018+0)");
        assertThat(shell.run("seff", "1018").out()).startsWith(summary + "Job ID: 1018\n");
        assertThat(shell.run("jobs").out()).contains("\n1018+0 ");
    }

    @Test
    void aListTakesAnIdAndNoMoreThanOne() {
        shell.run("jobs", "500_[1-3]", "--state=failed");
        shell.run("top", "510+1");
        assertThat(service.queries()).satisfiesExactly(
                query -> assertThat(query).contains("id=500_[1-3]", "state=failed"),
                query -> assertThat(query).contains("id=510+1", "state=running"));
        assertThat(shell.run("jobs", "1", "2").status()).isEqualTo(2);
        assertThat(shell.run("jobs", "1", "2").errors()).contains("unexpected argument \"2\"");
    }

    @Test
    void theMachinesLanguageChangesNothing() {
        List<String> commands = List.of("why 1018", "job 1018", "seff 1018", "jobs", "top --count=1", "jobs --json",
                "jobs --from=90d", "--help");
        List<String> inEnglish = commands.stream().map(command -> shell.run(command.split(" ")).out()).toList();
        Locale before = Locale.getDefault();
        try {
            for (String language : List.of("fa-IR-u-nu-arabext", "ar-EG-u-nu-arab", "tr-TR")) {
                Locale.setDefault(Locale.forLanguageTag(language));
                assertThat(commands.stream().map(command -> shell.run(command.split(" ")).out())).as(language)
                        .isEqualTo(inEnglish);
            }
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void aHostileNameReachesNoTerminal() {
        // The service takes no control characters in a job's name, but those that turn text around.
        service.replace("star-index", "x\\u202e\\u200bdenwo");
        for (Screen screen : List.of(CliRun.NO_TERMINAL, new Screen(160, true, true, true))) {
            for (String command : List.of("jobs", "job 1018", "top --count=1", "jobs --json", "job 1018 --json")) {
                String out = shell.on(screen).run(command.split(" ")).out();

                assertThat(out.replaceAll("\u001b\\[[0-9]*[mJH]", "").codePoints()).as(out)
                        .allMatch(c -> c == '\n'
                                || (!Character.isISOControl(c) && Character.getType(c) != Character.FORMAT));
                assertThat(out).contains("denwo");
            }
        }
        service.replace("gsingh", "\\u001b[31mroot");
        assertThat(shell.run("why", "1018").out()).startsWith("Job 1018 of ?[31mroot: failed");
        assertThat(shell.run("seff", "1018").out()).contains("User: ?[31mroot\n");
    }

    @Test
    void coloursAreForTerminalsOnly() {
        assertThat(shell.run("why", "1018").out()).doesNotContain("\u001b");
        assertThat(shell.on(CliRun.TERMINAL).run("why", "1018").out()).contains("\u001b[31mfailed\u001b[0m");
    }

    @Test
    void noLineButThoseToCopyIsWiderThanTheTerminal() {
        Screen narrow = new Screen(64, false, true, true);
        for (String command : List.of("why 1018", "job 1018", "job 1022", "jobs", "top --count=1", "doctor")) {
            assertThat(shell.on(narrow).run(command.split(" ")).out().replace("\u001b[H\u001b[2J", "").lines()
                    .filter(line -> !line.startsWith("--cursor=")))
                    .isNotEmpty().allSatisfy(line -> assertThat(line.codePointCount(0, line.length())).as(line)
                            .isLessThanOrEqualTo(64));
        }
    }

    @Test
    void everyTimeIsOfTheZone() {
        service.replace("\"Memory grew until the limit.\"",
                "\"Memory grew until 2026-11-17T18:02:16Z.\", \"times\": [\"2026-11-17T18:02:16Z\"]");
        String out = shell.in(ZoneId.of("Asia/Kolkata")).run("why", "1018").out().replaceAll("\\s+", " ");

        assertThat(out).contains("Memory grew until 2026-11-17 23:32:16.", "step 0, 2026-11-17 23:32:16)")
                .doesNotContain("Z.");
    }

    @Test
    void theOldScriptsOfSeffFindTheirLines() {
        assertThat(shell.run("seff", "1018").out().lines()).containsSubsequence("Job ID: 1018", "Cluster: demo",
                "State: OUT_OF_MEMORY (exit code 0)", "Cores: 16", "CPU Utilized: 1-12:02:54",
                "CPU Efficiency: 84.78% of 1-18:31:12 core-walltime", "Job Wall-clock time: 02:39:27",
                "Memory Utilized: 64.00 GB", "Memory Efficiency: 100.00% of 64.00 GB");
        assertThat(shell.run("seff", "1022").out()).contains("GPUs: 4\nGPU Efficiency: 2");
    }

    @Test
    void timeInWhichAJobWasSuspendedIsNoWallClockTimeAsInSlurmsElapsed() {
        service.replace("\"runtime_seconds\":9567.0", "\"runtime_seconds\":13167.0,\"suspended_seconds\":3600.0");

        assertThat(shell.run("seff", "1018").out()).contains("CPU Efficiency: 84.78% of 1-18:31:12 core-walltime",
                "Job Wall-clock time: 02:39:27");
        assertThat(shell.run("job", "1018").out()).contains("3 h 39 min", "suspended for 1 h of it");
    }

    @Test
    void whatIsNotKnownIsNotZero() {
        service.replace("\"max_memory_usage_mb\"", "\"something_else\"");

        assertThat(shell.run("seff", "1018").out()).contains("Memory Utilized: not known",
                "Memory Efficiency: not known");
        assertThat(shell.run("job", "1018").out()).doesNotContain("at most");
    }

    @Test
    void aJobThatHasNotEndedIsAskedForAgainButNotForEver() {
        service.replace("\"state\": \"failed\"", "\"state\": \"running\"");

        assertThat(shell.run("why", "1018", "--wait=1").status()).isZero();
        assertThat(service.asked().size()).isBetween(2, 3);
    }

    @Test
    void aCurveHasItsGapsAndNoOthers() {
        Instant from = NOW.minusSeconds(100);
        Series series = new Series("cpu_usage_percent", "percent", "n1", null,
                IntStream.of(0, 10, 20, 80, 90).mapToObj(from::plusSeconds).toList(), List.of(),
                Arrays.asList(1.0, 2.0, null,
                        4.0, 5.0),
                List.of());

        assertThat(Sparkline.values(series, from, NOW, 10)).containsExactly(1.0, 2.0, null, null, null, null, null,
                null, 4.0,
                5.0);
        assertThat(Sparkline.values(series, from, NOW, 20)).startsWith(1.0, 1.0, 2.0, 2.0, null).endsWith(4.0, 4.0, 5.0,
                5.0);
        assertThat(Sparkline.mean(List.of(Arrays.asList(1.0, null), Arrays.asList(3.0, null))))
                .containsExactly(2.0, null);
        assertThat(Sparkline.sum(List.of(List.of(1.0), List.of(3.0)))).containsExactly(4.0);
    }

    @Test
    void whatIsTypedWronglyIsStatusTwoAndNothingIsAsked() {
        for (String wrong : List.of("", "jbos", "why", "why 1 2", "why --no-such 1", "job a/b", "jobs --from=yesterday",
                "jobs --limit=many", "jobs --limit=0", "jobs --me=x", "jobs --user", "jobs 1 2", "--jobs",
                "top --delay=0",
                "top --order=name", "why 1 --timeout=0", "why 1 --url=nowhere")) {
            CliRun run = shell.run(wrong.split(" "));

            assertThat(run.status()).as(wrong).isEqualTo(2);
            assertThat(run.errors()).as(wrong).isNotBlank();
        }
        assertThat(service.asked()).isEmpty();
    }

    @Test
    void helpShowsEveryOptionAndAsksNothing() {
        for (Command command : Jobwitness.COMMANDS) {
            CliRun run = shell.run(command.name(), "--help");

            assertThat(run.status()).isZero();
            assertThat(run.out()).startsWith("Usage: jobwitness " + command.name()).contains("-h, --help");
            assertThat(command.options()).allSatisfy(option -> assertThat(run.out()).contains(option.usage()));
            assertThat(shell.run("-h").out()).contains("  " + command.name());
        }
        assertThat(shell.run("-V").out()).isEqualTo(shell.run("why", "--version").out()).startsWith("jobwitness ");
        assertThat(service.asked()).isEmpty();
    }

    @Test
    void timesAreTypedInManyWays() throws Exception {
        ZoneId zone = ZoneOffset.ofHours(2);

        assertThat(TimeArgument.parse("--from", "12h", NOW, zone)).isEqualTo(NOW.minusSeconds(43_200));
        assertThat(TimeArgument.parse("--from", "2026-11-22", NOW, zone))
                .isEqualTo(Instant.parse("2026-11-21T22:00:00Z"));
        assertThat(TimeArgument.parse("--from", "2026-11-22T21:30", NOW, zone))
                .isEqualTo(Instant.parse("2026-11-22T19:30:00Z"));
        assertThat(TimeArgument.parse("--from", "2026-11-22T21:30:00Z", NOW, zone))
                .isEqualTo(Instant.parse("2026-11-22T21:30:00Z"));
    }

    @Test
    void theManualHasEveryCommandOptionAndStatus() throws IOException {
        String manual = Files.readString(Path.of("../deploy/man/jobwitness.1")).replace("\\-", "-");
        String page = Files.readString(Path.of("../docs/cli.md"));
        assertThat(Jobwitness.COMMANDS).hasSize(7).allSatisfy(command -> {
            assertThat(page).contains("`" + command.name());
            assertThat(manual).contains(".B " + command.name());
            assertThat(command.options()).allSatisfy(option -> assertThat(manual).contains(option.name()));
        });
        for (int status : new int[]{0, 1, 2, 3, 4, 70}) {
            assertThat(manual).contains(".B " + status + "\n");
            assertThat(page).contains("| " + status + " |");
        }
    }

    @Test
    void completionKnowsTheCommandsAndTheirOptions() {
        CliRun completion = shell.run("completion");

        assertThat(completion.status()).isZero();
        assertThat(completion.out()).contains("complete -F _complete_jobwitness", "--token-file", "doctor", "--order");
    }
}
