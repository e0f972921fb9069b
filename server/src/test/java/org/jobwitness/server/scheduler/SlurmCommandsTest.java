package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.throwable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.scheduler.SlurmException.Problem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How squeue, sacct and scontrol are run; scripts play them. */
class SlurmCommandsTest {
    private static final Path CAPTURED = Path.of("../slurm/captured/slurm-24.11/rest").toAbsolutePath();

    @TempDir
    Path folder;
    private SlurmCommands commands;

    private void play(String command, String script) throws IOException {
        Files.setPosixFilePermissions(
                Files.writeString(folder.resolve(command), "#!/bin/sh\necho \"$*\" >>" + folder + "/args\n" + script),
                PosixFilePermissions.fromString("rwx------"));
    }

    private SlurmCommands commands(Optional<Integer> version) {
        commands = new SlurmCommands(folder, Optional.of("/etc/slurm/other.conf"), version, Duration.ofMillis(800));
        return commands;
    }

    @AfterEach
    void close() {
        commands.close();
    }

    @Test
    void whatTheyPrintIsRead() throws Exception {
        play("squeue", "cat " + CAPTURED + "/cli/squeue.json");
        play("sacct", "cat " + CAPTURED + "/cli/sacct.json");
        play("scontrol", "cat " + CAPTURED + "/after/v0.0.42/slurm-nodes.json");
        SlurmCommands slurm = commands(Optional.of(42));
        Listing listing = slurm.list();
        assertThat(listing.entries()).isNotEmpty().allSatisfy(entry -> assertThat(entry.job()).isNotNull());
        assertThat(slurm.job(listing.entries().getFirst().jobId())).hasSize(1);
        assertThat(slurm.ended(Instant.parse("2026-11-23T11:00:00Z"), Instant.parse("2026-11-23T12:00:00Z")))
                .isNotEmpty();
        assertThat(slurm.accounted(List.of("3", "4"))).isNotEmpty();
        assertThat(slurm.nodes()).hasSize(2).allSatisfy(node -> {
            assertThat(node.memoryForJobsMb()).isEqualTo(node.memoryMb()).isPositive();
            assertThat(node.partitions()).contains("batch");
        });
        assertThat(Files.readAllLines(folder.resolve("args"))).contains("--json=v0.0.42 --all --states=all",
                "--json=v0.0.42 --allusers --duplicates --allocations --starttime=2026-11-23T11:00:00"
                        + " --endtime=2026-11-23T12:00:00 --state=COMPLETED,CANCELLED,FAILED,TIMEOUT,NODE_FAIL,PREEMPTED,"
                        + "BOOT_FAIL,DEADLINE,OUT_OF_MEMORY,REQUEUED",
                "--json=v0.0.42 --allusers --duplicates --allocations --jobs=3,4", "--json=v0.0.42 show nodes");
    }

    @Test
    void coordinatorsAreReadFromWhatSacctmgrPrints() throws Exception {
        play("sacctmgr", "case \"$*\" in *withcoord) cat " + CAPTURED + "/coordinators/cli/sacctmgr-users.json ;;"
                + " *) cat " + CAPTURED + "/coordinators/cli/sacctmgr-assoc.json ;; esac");
        SlurmCommands slurm = commands(Optional.empty());
        assertThat(slurm.users()).contains(new SlurmUser("carol", List.of("physics")));
        assertThat(slurm.accounts()).contains(new SlurmAccount("one", "optics", "physics"),
                new SlurmAccount("two", "optics", "root")).hasSize(8);
        assertThat(Files.readAllLines(folder.resolve("args"))).containsExactly("--json show user withcoord",
                "--json show assoc");
    }

    @Test
    void theyGetAnEnvironmentOfTheirOwn() throws Exception {
        play("squeue", "echo '{\"jobs\": []}'; env | grep -v ^_ | cut -d= -f1 | sort >" + folder + "/env");
        commands(Optional.empty()).list();
        assertThat(Files.readAllLines(folder.resolve("env"))).contains("SLURM_CONF", "TZ").doesNotContain("HOME",
                "JAVA_HOME");
    }

    @Test
    void whatGoesWrongIsToldApart() throws Exception {
        play("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
        assertProblem(Problem.AWAY, "Unable to contact slurm controller");
        play("squeue", "echo 'slurm_load_jobs error: Protocol authentication error' >&2; exit 1");
        assertProblem(Problem.UNAUTHORIZED, "Protocol authentication error");
        play("squeue", "echo '{\"jobs\": [], \"errors\": [{\"error\": \"no\"}]}'");
        assertProblem(Problem.REFUSED, "no");
        play("squeue", "sleep 60 & wait");
        assertProblem(Problem.SLOW, "squeue took longer");
        play("squeue", "printf '{\"jobs\": [';  sleep 60");
        assertProblem(Problem.SLOW, "squeue took longer");
        Files.delete(folder.resolve("squeue"));
        assertProblem(Problem.AWAY, "squeue cannot be run");
    }

    private void assertProblem(Problem trouble, String message) {
        try (SlurmCommands slurm = commands(Optional.empty())) {
            assertThatThrownBy(slurm::list).asInstanceOf(throwable(SlurmException.class))
                    .returns(trouble, SlurmException::problem).hasMessageContaining(message);
        }
    }
}
