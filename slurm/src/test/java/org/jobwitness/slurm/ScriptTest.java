package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The scripts as files, and how they find out what they are. */
class ScriptTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"prolog", "epilog", "epilogslurmctld", "mail", "replay"})
    void shellcheckHasNothingToSay(String script) throws Exception {
        var shellcheck = Path.of("/usr/bin/shellcheck");
        assumeTrue(Files.isExecutable(shellcheck), "shellcheck is not installed");
        var run = new ProcessBuilder(shellcheck.toString(), "-s", "sh", script).redirectErrorStream(true).start();

        assertThat(new String(run.getInputStream().readAllBytes())).isEmpty();
        assertThat(run.waitFor()).isZero();
    }

    @Test
    void allAreOneScript() throws Exception {
        assertThat(Path.of("prolog")).isExecutable();
        for (var name : List.of("epilog", "epilogslurmctld")) {
            assertThat(Files.readAllBytes(Path.of(name))).isEqualTo(Files.readAllBytes(Path.of("prolog")));
            assertThat(Path.of(name)).isExecutable();
        }
    }

    @ParameterizedTest
    @CsvSource({"prolog, prolog_slurmd, job-started", "epilog, epilog_slurmd, job-finished",
            "epilogslurmctld, epilog_slurmctld, job-finished", "epilogslurmctld, '', job-finished",
            "50-jobwitness.sh, prolog_slurmd, job-started", "50-jobwitness.sh, epilog_slurmd, job-finished",
            "prolog, '', job-started", "epilog, '', job-finished"})
    void contextTellsWhatARunIsAndElseTheName(String name, String context, String door) throws Exception {
        try (var service = new Service()) {
            var node = new Node(folder, service.url()).with("SLURM_SCRIPT_CONTEXT", context);
            if (name.contains("jobwitness"))
                Files.createSymbolicLink(folder.resolve(name), folder.resolve("prolog"));

            // Not by a shell of ours: as slurmd starts it, by its first line.
            node.run(List.of(folder.resolve(name).toString())).keptItsPromise();

            assertThat(service.request().path()).isEqualTo("POST /v1/events/" + door);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"prolog_slurmctld", "prolog_task", "epilog_task", "something new"})
    void otherContextsAreNotOurs(String context) throws Exception {
        try (var service = new Service()) {
            var node = new Node(folder, service.url()).with("SLURM_SCRIPT_CONTEXT", context);

            node.prolog().keptItsPromise();
            node.epilog().keptItsPromise();

            assertThat(service.requests()).isEmpty();
            assertThat(node.spool).doesNotExist();
        }
    }

    @Test
    void replayPlaysARequeuedJobInTheOrderOfTime() throws Exception {
        try (var service = new Service()) {
            var run = replay("--url", service.url(), Captured.FOLDER + "/contain/i-requeue");

            assertThat(run.exitCode()).isZero();
            assertThat(run.output()).isEqualTo("""
                    1795383933  prolog  n1  job 32  sent
                    1795383966  epilog  n1  job 32  sent
                    1795383969  prolog  n2  job 32  sent
                    1795383975  epilog  n2  job 32  sent
                    """);
            assertThat(service.requests()).extracting(Service.Request::path).containsExactly(
                    "POST /v1/events/job-started", "POST /v1/events/job-finished", "POST /v1/events/job-started",
                    "POST /v1/events/job-finished");
        }
    }

    @Test
    void replayGivesTheHooksTheCgroupThatTheySaw() throws Exception {
        try (var service = new Service()) {
            replay("--url", service.url(), Captured.FOLDER + "/runinjob/c1-oom-child");

            assertThat(service.requests()).last().extracting(request -> request.body().get("reading")).isEqualTo(Service
                    .json("{\"cpu_usage_usec\": 3222808, \"memory_peak_bytes\": 62914560, \"oom_kills\": 1}"));
        }
    }

    @Test
    void replayPlaysSeveralFoldersAndSaysWhatBecameOfEachEvent() throws Exception {
        try (var service = new Service().answering(400)) {
            var run = replay("--spool", folder + "/spool", "--url", service.url(), Captured.FOLDER + "/alloc/a-exit0",
                    Captured.FOLDER + "/contain/h-twonode");

            assertThat(run.output().lines()).hasSize(6).allMatch(line -> line.endsWith("  refused"));
            assertThat(folder.resolve("spool/refused")).isDirectoryContaining("glob:**-31-finished-*.json");
        }
    }

    @Test
    void replayOfNothingFails() throws Exception {
        assertThat(replay("src").exitCode()).isEqualTo(1);
        assertThat(replay().exitCode()).isEqualTo(2);
        assertThat(replay("--no-such-option", "captured").exitCode()).isEqualTo(2);
    }

    private static Node.Run replay(String... arguments) throws Exception {
        var command = new ArrayList<>(List.of(Path.of("replay").toAbsolutePath().toString()));
        command.addAll(List.of(arguments));
        return Node.run(command, Map.of("PATH", "/usr/bin:/bin"));
    }
}
