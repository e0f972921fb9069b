package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Slurm starts its hooks in whatever state it is in itself. Slurm 26.05.5 blocks SIGCHLD for Prolog and Epilog under
 * {@code PrologFlags=RunInJob}, 22.05.8 for EpilogSlurmctld and MailProg: dash then sleeps in {@code wait} for ever.
 */
class StartedOddlyTest {
    private static final String ENV = "/usr/bin/env";

    @TempDir
    Path folder;

    /** What starts the hook, as the beginning of a command. */
    static List<List<String>> starters() {
        return List.of(List.of(ENV, "--block-signal=CHLD"), List.of(ENV, "--block-signal"),
                List.of(ENV, "--ignore-signal=CHLD"), List.of(ENV, "--ignore-signal"),
                List.of(ENV, "--block-signal", "--ignore-signal"), inShell("exec <&- >&- 2>&-"),
                inShell("exec 3</dev/null 4>/dev/null 5<&3 9<&3"), inShell("umask 0777"), inShell("umask 0"),
                inShell("mkdir \"$gone\" && cd \"$gone\" && rmdir \"$gone\""),
                inShell("export TZ=:/no/such LC_ALL=fa_IR.UTF-8 LANG=tr_TR LANGUAGE=ar_EG IFS=0123456789/ PS4=x"),
                inShell("export CDPATH=/tmp ENV=/no/such BASH_ENV=/no/such POSIXLY_CORRECT=y"),
                inShell("ulimit -n 16"), inShell("ulimit -c 0; ulimit -s 512; ulimit -t 5"));
    }

    private static List<String> inShell(String before) {
        return List.of("/bin/bash", "--norc", "-c", before + "; exec \"$@\"", "sh");
    }

    static Stream<Arguments> startersAndShells() {
        return starters().stream().flatMap(starter -> Shells.here().stream()
                .map(shell -> Arguments.of(starter, shell)));
    }

    @ParameterizedTest
    @MethodSource("startersAndShells")
    void theEventIsSentAtOnce(List<String> starter, List<String> shell) throws Exception {
        assumeTrue(canBlockSignals(), "env cannot block signals: coreutils are older than 8.31");
        try (var service = new Service()) {
            var node = node(service.url(), shell);
            for (String hook : List.of("prolog", "epilog", "epilogslurmctld")) {
                endsInTime(node.run(started(starter, node, hook)));
            }

            assertThat(service.requests()).extracting(Service.Request::path).containsExactly(
                    "POST /v1/events/job-started", "POST /v1/events/job-finished", "POST /v1/events/job-finished");
            assertThat(node.kept()).isEmpty();
        }
    }

    static Stream<Arguments> signalsAndShells() {
        return startersAndShells().filter(start -> start.get()[0].toString().contains("--block-signal"));
    }

    @ParameterizedTest
    @MethodSource("signalsAndShells")
    void theHookEndsThoughTheServiceHangs(List<String> starter, List<String> shell) throws Exception {
        assumeTrue(canBlockSignals(), "env cannot block signals: coreutils are older than 8.31");
        try (var silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            var node = node("http://127.0.0.1:" + silent.getLocalPort(), shell);

            endsInTime(node.run(started(starter, node, "prolog")));

            assertThat(node.kept()).hasSize(1);
        }
    }

    @Test
    void theWorkerIsEndedThoughSignalsAreBlocked() throws Exception {
        assumeTrue(canBlockSignals(), "env cannot block signals: coreutils are older than 8.31");
        for (List<String> shell : Shells.here()) {
            var folder = Files.createTempDirectory(this.folder, "shell");
            var node = new Node(folder, "http://127.0.0.1:1").under(shell).program("curl",
                    "trap '' TERM HUP; exec sleep 30");

            node.run(started(List.of(ENV, "--block-signal"), node, "prolog")).keptItsPromise();
        }
    }

    /** Whether a shell complains of a locale or a folder that is gone before it reads our first line is not ours to say. */
    private static void endsInTime(Node.Run run) {
        assertThat(run.exitCode()).as(run.output()).isZero();
        assertThat(run.wall()).isLessThan(Node.PROMISE);
    }

    private Node node(String url, List<String> shell) throws Exception {
        return new Node(folder, url).under(shell).with("gone", folder.resolve("gone").toString());
    }

    private static List<String> started(List<String> starter, Node node, String hook) {
        var command = new ArrayList<>(starter);
        command.addAll(node.command(hook));
        return command;
    }

    private static boolean canBlockSignals() throws Exception {
        var process = new ProcessBuilder(ENV, "--block-signal", "true").start();
        return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    }
}
