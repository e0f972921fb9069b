package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.wire.SeriesPage.Series;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    void tasksThatWaitTogetherAreCalledAsBySqueue() {
        service.replace("\"scheduler\":{", """
                "array":{"id":"1018","tasks":9,"pending":9,"running":0,"completed":0,"failed":0,"cancelled":0,\
                "incomplete":"Slurm cut off its list"},\
                "scheduler":{"array_job_id":"1018","array_tasks":"2-9,...","array_task_count":9,""");
        service.replace("\"start_time\":\"2026-11-17T15:22:51Z\",", "");
        assertThat(shell.run("job", "1018").out()).startsWith("""
                Job array 1018: at least 9 tasks recorded, 9 pending

                  There may be more tasks: Slurm cut off its list.
                  All of them wait together, as the job below. To list all tasks:
                    jobwitness jobs 1018

                Job 1018 (1018_[2-9,...])""");
    }

    @Test
    void whereTheServiceKnowsItThePageIsTheLastLine() {
        String address = "https://example.org/jobwitness/jobs/1018?run=7";
        String line = "\nIn a browser:\n  " + address + "\n";
        assertThat(shell.run("why", "1018").out()).doesNotContain("In a browser");
        service.link("<" + address + ">; rel=\"alternate\"; type=\"text/html\"");
        for (String command : List.of("why", "job")) {
            assertThat(shell.run(command, "1018").out()).endsWith(line);
            assertThat(shell.run(command, "1018", "--json").out()).doesNotContain(address);
        }
        for (String wrong : List.of("<javascript:alert(1)>", "<https://a b>", "<https://a\u009b31m>", "https://a")) {
            service.link(wrong + "; rel=\"alternate\"; type=\"text/html\"");
            assertThat(shell.run("why", "1018").out()).doesNotContain("In a browser");
        }
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
        assertThat(shell.run("why", "1018").out()).startsWith(summary + """
                  ENDS                   TASKS  CPU-HOURS  LIST
                  completed                  7       14.5  1-4,6-8
                  failed: out of memory      2        3.3  5,9
                  failed: exit code          1        0.5  10

                  1018_5: Job 1018_5 ran out of memory on c10.
                    #SBATCH --mem=96G

                  Typical: 1018_3, 1 h 2 min, 92 % of its CPUs, 40.0 GiB of memory
                  Worst: 1018_5, 1 h 30 min
                  To submit the 3 tasks again that did not complete:
                    #SBATCH --array=5,9-10
                  For all tasks: Based on the highest use of 10 runs of the job array, plus the margin shown.
                    #SBATCH --time=01:30:00

                """ + "Step 0 needed more");
        assertThat(shell.run("job", "1018").out()).startsWith(summary + "Job 1018 (1018_3)");
        assertThat(shell.run("seff", "1018").out()).startsWith(summary + "Job ID: 1018\nArray Job ID: 1018_3\n");
        service.asked().clear();
        shell.run("why", "1018_[4-9%2]");
        shell.run("why", "slurm-1018");
        shell.run("why", "1018_3.batch");
        shell.run("why", "1018+1");
        assertThat(service.asked().stream().distinct()).containsExactly("/v1/jobs/1018/verdict", "/v1/jobs/1018",
                "/v1/arrays/1018",
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
        assertThat(shell.run("why", "1018").out()).startsWith(summary + "Step 0 needed more");
        assertThat(shell.run("job", "1018").out()).startsWith(summary + "Job 1018 (1018+0)");
        assertThat(shell.run("seff", "1018").out()).startsWith(summary + "Job ID: 1018\n");
        assertThat(shell.run("jobs").out()).contains("\n1018+0 ");
    }

    @Test
    void aListTakesIdsRangesOutputFilesAndFolders(@TempDir Path folder) throws IOException {
        shell.run("jobs", "500_[1-3]", "--state=failed");
        shell.run("top", "510+1");
        assertThat(service.queries()).satisfiesExactly(
                query -> assertThat(query).contains("id=500_[1-3]", "state=failed", "limit=25"),
                query -> assertThat(query).contains("id=510+1", "state=running"));
        service.queries().clear();
        for (String name : List.of("slurm-12.out", "slurm-500_7.err", "slurm-9.out.gz", "result.out", "slurm-x.out")) {
            Files.writeString(folder.resolve(name), "");
        }
        shell.run("jobs", "7-9", folder.toString(), "logs/slurm-8.out", "slurm-4711.out", "8");
        assertThat(service.queries()).extracting(query -> query.replaceFirst(".*id=([^&]*).*", "$1"))
                .containsExactly("7", "8", "9", "12", "500_7", "4711");
        assertThat(service.queries()).allMatch(query -> query.contains("limit=1000"));
        assertThat(shell.run("jobs", "9-7").errors()).contains("a range must go up");
        assertThat(shell.run("jobs", "1-1001").status()).isEqualTo(2);
        assertThat(shell.run("jobs", "1-600", "1001-1600").errors()).contains("more than 1000 jobs");
        assertThat(shell.run("jobs", folder.getParent().resolve(Files.createDirectory(folder.resolve("empty")))
                .toString()).errors()).contains("there is no file such as slurm-4711.out");
        assertThat(shell.run("jobs", "--json", "1", "2").errors()).contains("take one id at most");
        assertThat(shell.run("top", "1", "2").errors()).contains("unexpected argument \"2\"");
    }

    @Test
    void aListShowsEfficiencyAndIsCsv() {
        service.replace("\"name\":\"", "\"name\":\"=");
        CliRun run = shell.run("jobs", "--csv");
        String csv = run.out();
        List<String> lines = csv.lines().toList();
        assertThat(lines.getFirst()).startsWith("id,run,cluster,user,account,partition,name,state,reason,start_time");
        assertThat(lines).hasSizeGreaterThan(1)
                .allMatch(line -> line.split(",", -1).length == lines.getFirst().split(",").length);
        assertThat(csv).contains(",'=").doesNotContain(",=");
        assertThat(run.errors()).as("that it is not all").matches("jobwitness: only [0-9]+ of 111 jobs are shown; "
                + "the next begin at --cursor=\\S+\n");
        assertThat(shell.run("jobs", "1", "2").errors())
                .contains(" of 222 jobs are shown; ask for the id of a large array");
        assertThat(service.queries()).last().asString().contains("limit=1000");
        assertThat(shell.run("jobs", "--efficiency").out().lines()).first().asString()
                .matches("JOB +USER +STATE +ELAPSED +TIME +CPU +MEMORY.*");
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
        assertThat(shell.run("why", "1018").out()).contains("\nfailed, of ?[31mroot, 2026");
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

        assertThat(out).contains("Memory grew until 23:32:16.", "64 GiB. (kernel, 23:32:16)",
                "of gsingh, 2026-11-17 20:52:51 to 23:32:18", "requeued), 2026-11-17 17:30:00")
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
        assertThat(shell.run("job", "1018").out()).contains("2 h 39 min of 6 h",
                "suspended for 1 h of it");
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
    void anExitStatusSaysWhetherToSubmitAgain() {
        assertThat(shell.run("why", "1018", "--exit-code").status()).isEqualTo(11);
        service.replace("more_memory", "no_use");
        assertThat(shell.run("why", "1018", "--exit-code").status()).isEqualTo(14);
        assertThat(shell.run("why", "1018").status()).isZero();
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
                "jobs --limit=many", "jobs --limit=0", "jobs --me=x", "jobs --user", "jobs 2-1", "--jobs",
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

    /** Each form that sacct takes, too; NOW is 14:00 in this zone. */
    @ParameterizedTest
    @CsvSource({"12h, 2026-11-23T00:00:00Z", "1w, 2026-11-16T12:00:00Z", "now, 2026-11-23T12:00:00Z",
            "now-2days, 2026-11-21T12:00:00Z", "now-1week, 2026-11-16T12:00:00Z", "now-90, 2026-11-23T11:58:30Z",
            "now-3hours, 2026-11-23T09:00:00Z", "now+1minute, 2026-11-23T12:01:00Z", "today, 2026-11-22T22:00:00Z",
            "midnight, 2026-11-22T22:00:00Z", "noon, 2026-11-23T10:00:00Z", "teatime, 2026-11-22T14:00:00Z",
            "fika, 2026-11-22T13:00:00Z", "13:30, 2026-11-23T11:30:00Z", "21:30:10, 2026-11-22T19:30:10Z",
            "9:30pm, 2026-11-22T19:30:00Z", "12:10AM, 2026-11-22T22:10:00Z", "112226, 2026-11-21T22:00:00Z",
            "1122, 2026-11-21T22:00:00Z", "1224, 2025-12-23T22:00:00Z", "11/22, 2026-11-21T22:00:00Z",
            "11/22/26-21:30, 2026-11-22T19:30:00Z", "11.22.25, 2025-11-21T22:00:00Z",
            "2026-11-22, 2026-11-21T22:00:00Z", "2026-11-22T21:30, 2026-11-22T19:30:00Z",
            "2026-11-22T21:30:00, 2026-11-22T19:30:00Z", "2026-11-22T21:30:00Z, 2026-11-22T21:30:00Z",
            "2026-11-22T21:30:00+05:30, 2026-11-22T16:00:00Z"})
    void timesAreTypedInManyWays(String typed, Instant time) throws Exception {
        assertThat(TimeArgument.parse("--from", typed, NOW, ZoneOffset.ofHours(2))).isEqualTo(time);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "yesterday", "1y", "now-", "now-2fortnights", "25:00", "13:00pm", "2026-13-01",
            "2026-11-31", "0230", "11/22.26", "112226x", "-1d", "999999999999d", "2026-11-22Tnoonish"})
    void whatIsNoTimeIsRefusedWithExamples(String typed) {
        assertThatThrownBy(() -> TimeArgument.parse("--from", typed, NOW, ZoneOffset.UTC))
                .isInstanceOf(Problem.class).hasMessageContaining("now-2days")
                .hasMessageEndingWith("\"" + typed + "\"");
    }

    @Test
    void theFirstThreeLinesSayWhatHappenedWhatWasUsedAndWhatToDo() {
        assertThat(shell.on(new Screen(120, false, true, false)).run("why", "1018").out().lines()).startsWith(
                "Step 0 needed more memory than the 64 GiB that the job had on c10, and the kernel killed it.",
                "It used 2 h 39 min of its 6 h, 13.6 of its 16 CPUs and 64 GiB of its 64 GiB of memory. It had no",
                "GPU.",
                "→ Ask for more memory, or let the program use less. Next time, ask for --mem=96G.",
                "  Questions? https://hpc.example.org/help",
                "",
                "failed, of gsingh, 2026-11-17 15:22:51 to 18:02:18");
    }

    @Test
    void useIsATableWithTheCauseOfWhatIsNotKnown() {
        assertThat(shell.run("why", "1018").out()).contains("""
                Use
                           ASKED   MAY USE        USED
                  time       6 h       6 h  2 h 39 min   44 %  ████████▉░░░░░░░░░░░
                  CPUs        12        16        13.6   85 %  █████████████████░░░
                  memory  64.0 GiB  64.0 GiB    64.0 GiB  100 %  ████████████████████
                  GPUs           1         1   not known
                  memory: on c10, the fullest of 2 nodes
                  GPUs: no agent reported it
                  97 % of its time was measured
                """.replace("           ASKED   MAY USE        USED", "             ASKED   MAY USE        USED")
                .replace("time       6 h       6 h", "time         6 h       6 h")
                .replace("CPUs        12        16 ", "CPUs          12        16 "));
    }

    @Test
    void anotherRunIsNamedWithTheWayToSeeIt() {
        assertThat(shell.run("why", "1018").out()).contains("An earlier run of it: cancelled (requeued),"
                + " 2026-11-17 12:00:00, jobwitness why 1018 --run=12");
    }

    @Test
    void aFailedJobHasItsExitStatusItsWaitAndItsBars() {
        assertThat(shell.run("job", "1018").out()).contains("Exit      0:125, Slurm's mark of an out-of-memory kill",
                "Submitted 2026-11-17 15:17:41, waited 5 min 10 s", "Ran       2026-11-17 15:22:51 to 18:02:18",
                "Time      ████████▉░░░░░░░░░░░   44 %  2 h 39 min of 6 h",
                "CPU       █████████████████░░░   85 %  13.6 of 16 CPUs on average",
                "Memory    ████████████████████  100 %  64.0 GiB of 64.0 GiB at most");
        assertThat(shell.run("job", "1022").out()).doesNotContain("Exit ");
        service.replace("\"signal\":125", "\"signal\":0");
        assertThat(shell.run("job", "1018").out())
                .contains("Exit      code 0; a step: 0:125, Slurm's mark of an out-of-memory kill");
    }

    @Test
    void eachGpuHasItsNumberItsModelAndItsUuid() {
        assertThat(shell.run("job", "1022").out()).containsPattern(
                "g04 gpu0 +88 % +█+▊░ +65.6 GiB of 80.0 GiB .* A100-SXM4-80GB +GPU-54262d15-597");
        assertThat(shell.run("seff", "1022").out())
                .contains("GPU 0 NVIDIA A100-SXM4-80GB GPU-54262d15-597e-4963-a840-05ed51fbb26f on g04: ");
    }

    @Test
    void whatWasNotMeasuredHasItsCause() {
        service.replace("\"avg_gpu_usage\"", "\"something_else\"");
        assertThat(shell.run("job", "1022").out()).contains("GPU       not known: no agent reported it");
    }

    @Test
    void aJobThatIsWatchedIsShownUntilItEnds() {
        CliRun ended = shell.run("job", "1018", "--watch=1");

        assertThat(ended.out().lines().filter(line -> line.startsWith("Job 1018"))).hasSize(1);
        assertThat(shell.on(CliRun.TERMINAL).run("job", "1018", "--watch").out()).startsWith("\u001b[H\u001b[2J");
        assertThat(shell.on(CliRun.TERMINAL).run("job", "1018").out()).doesNotContain("\u001b[2J");
        assertThat(shell.run("job", "1018", "--watch=0").errors()).contains("--watch must be 1..3600");
    }

    @Test
    void aUsersJobsAreSummedUp() {
        assertThat(shell.run("user", "rsilva").out()).isEqualTo("""
                rsilva, 2026-10-24 12:00:00 to 2026-11-23 12:00:00

                Jobs      6 runs: 4 completed, 2 failed
                Reasons   1 out of memory, 1 timeout
                CPU       ████████████████▏░░░   80 %  of 2356 CPU-hours, of which 90 % were measured
                GPU       ████▍░░░░░░░░░░░░░░░   22 %  of 41 GPU-hours
                Memory    █████████████▋░░░░░░   68 %  at their peaks, on average
                """);
        service.replace("\"cpu_usage\":80.402,", "");
        assertThat(shell.run("user", "rsilva", "--from=1w").out())
                .contains("CPU       2356 CPU-hours; how much was used is not known");
    }

    @Test
    void aReportIsATableAndItsCsvComesAsItIs() {
        String report = shell.run("report", "--by=user", "--from=2026-11-20", "--every=week", "--me").out();
        assertThat(report).startsWith("44 runs that ended from 2026-11-20 to 2026-11-30 (UTC)\n"
                + "2 runs ended just now and will be added.\n")
                .contains("CPU-hours  11972 allocated, 9233 used, 2519 wasted,"
                        + " 235 lost; 1.8 % not measured", "failed: timeout",
                        "\nrsilva         3       0       1718  77 %");
        assertThat(report.lines()).last().isEqualTo("3 of 20 rows; more with --limit or --csv.");
        assertThat(service.queries()).last().asString().contains("by=user", "every=week", "from=2026-11-20", "limit=25",
                "user=").doesNotContain("to=", "sort=", "format=");
        shell.run("report", "--csv", "--to=2026-11-21");
        assertThat(service.queries()).last().asString().contains("format=csv", "limit=10000", "to=2026-11-21");
        assertThat(shell.run("report", "--csv").errors()).isEmpty();
        service.rows("12000");
        assertThat(shell.run("report", "--csv").errors()).matches("jobwitness: 1\\d+ of 12000 rows are left out, the"
                + " smallest; ask for a shorter period or for one account\n");
        assertThat(shell.run("report", "--from=1w", "--limit=0").errors()).contains("--limit must be 1..10000");
    }

    @Test
    void whatIsWorthATalkHasItsLinesToCopy() {
        assertThat(shell.run("report", "--talk", "--user=gsingh", "--limit=3").out()).isEqualTo("""
                By runs that ended from 2026-11-01 to 2026-11-30 (UTC)

                A change would free the most GPU-hours:

                  gsingh, 12 runs of train: 210 of 280 GPU-hours unused
                    Job 1022: 3 of its 4 GPUs were idle. Ask for one GPU.
                    #SBATCH --gpus=1
                """);
        assertThat(service.queries()).last().asString().contains("user=gsingh", "limit=3");
        assertThat(shell.run("report", "--faults").out()).isEqualTo("""
                By runs that ended from 2026-11-01 to 2026-11-30 (UTC), on 16 nodes with 32 GPUs

                  g07, GPU 2 (NVIDIA H100): 3 of 3 runs failed, of 3 of 3 users.

                To keep jobs from them:
                  #SBATCH --exclude=g07
                """);
        assertThat(shell.run("report", "--talk", "--by=user").errors())
                .isEqualTo("jobwitness: --talk does not go with --by\n");
        assertThat(shell.run("report", "--talk", "--faults").errors()).contains("--talk does not go with --faults");
    }

    @Test
    void aTypingErrorGetsWhatWasMeant() {
        assertThat(shell.run("jbos").errors()).isEqualTo("jobwitness: unknown command \"jbos\"; did you mean jobs?\n");
        assertThat(shell.run("wyh", "1").errors()).contains("did you mean why?");
        assertThat(shell.run("sacct").errors()).contains("jobwitness --help lists them");
        assertThat(shell.run("jobs", "--usr=x").errors()).contains("did you mean --user?");
    }

    @Test
    void theManualHasEveryCommandOptionAndStatus() throws IOException {
        String manual = Files.readString(Path.of("../deploy/man/jobwitness.1")).replace("\\-", "-");
        String page = Files.readString(Path.of("../docs/cli.md"));
        assertThat(Jobwitness.COMMANDS).hasSize(11).allSatisfy(command -> {
            assertThat(page).contains("`" + command.name());
            assertThat(manual).contains(".B " + command.name());
            assertThat(command.options()).allSatisfy(option -> assertThat(manual).contains(option.name()));
        });
        for (int status : new int[]{0, 1, 2, 3, 4, 70}) {
            assertThat(manual).contains(".B " + status + "\n");
            assertThat(page).contains("| " + status + " |");
        }
    }

    /** In place of Slurm's: what names in Slurm may contain is only text here. */
    private static final String SINFO = """
            timeout() { if [ "$2" = sinfo ]; then [ "$4" = -N ] && echo 'c01
            c02' || echo 'gpu-a100
            cpu
            $(`rm`)'; else command timeout "$@"; fi; }
            """;

    /** What bash offers behind these words; it separates words at "=". */
    @ParameterizedTest
    @CsvSource({"wh, why", "jobs --sta, --state", "jobs --state = fa, failed",
            "'jobs --state = failed,can', 'failed,cancelled'", "jobs -s pend, pending",
            "jobs --state=comp, --state=completed", "top --order =, cpu memory gpu time",
            "jobs --reason = out, out_of_memory", "doctor --u, --url", "nosuch x, ''",
            "jobs --partition =, cpu gpu-a100 rm", "jobs -p g, gpu-a100", "jobs --node = c0, c01 c02",
            "'jobs --user = nobody,roo', 'nobody,root'", "user roo, root", "user --lim, ''"})
    void completionKnowsCommandsOptionsAndValues(String words, String offered) throws Exception {
        Process bash = new ProcessBuilder("bash", "-c",
                SINFO + shell.run("completion").out() + "COMP_WORDS=(jobwitness " + words
                        + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _complete_jobwitness; echo \"${COMPREPLY[*]}\"")
                .redirectErrorStream(true).start();

        assertThat(new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip()).isEqualTo(offered);
    }
}
