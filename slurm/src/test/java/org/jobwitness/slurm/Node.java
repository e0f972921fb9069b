package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A node as a hook sees it: the variables that slurmd sets, a spool, the programs on the PATH, and a syslog that can be
 * read. The hook is a copy of the script with another PATH line, which is the only way to put a program of ours in its
 * way: it takes its PATH from nobody.
 */
final class Node {
    /** What a hook promises, and something for a machine that is busy with other tests. */
    static final Duration PROMISE = Duration.ofMillis(2200);

    private static final Path SCRIPT = Path.of("prolog").toAbsolutePath();
    private static final String SCRIPT_PATH = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";

    final Path folder;
    final Path spool;
    private final Map<String, String> environment = new TreeMap<>();
    private List<String> shell = Shells.here().getFirst();

    /** How a run went; output is what slurmd would have read, until the last holder of it let go. */
    record Run(int exitCode, String output, Duration wall) {
        void keptItsPromise() {
            assertThat(exitCode).isZero();
            assertThat(output).isEmpty();
            assertThat(wall).isLessThan(PROMISE);
        }
    }

    Node(Path folder, String url) throws IOException {
        this.folder = folder;
        this.spool = folder.resolve("spool");
        Files.createDirectory(folder.resolve("bin"));
        var script = Files.readString(SCRIPT);
        assertThat(script).containsOnlyOnce("\n" + SCRIPT_PATH + " ");
        script = script.replace(SCRIPT_PATH, "PATH=" + folder.resolve("bin") + SCRIPT_PATH.replace("PATH=", ":"));
        for (var name : List.of("prolog", "epilog", "epilogslurmctld"))
            executable(folder.resolve(name), script);
        program("logger", "printf '%s\\n' \"$*\" >>" + folder.resolve("syslog"));
        with("OBSERVABILITY_API_URL", url);
        with("JOBWITNESS_SPOOL_DIR", spool.toString());
        with("JOBWITNESS_CONF", folder.resolve("jobwitness.conf").toString());
        with("SLURMD_NODENAME", "n1");
        with("SLURM_CLUSTER_NAME", "rig");
        with("SLURM_JOB_ID", "57");
        with("SLURM_JOB_UID", "1001");
        with("SLURM_JOB_USER", "alice");
        with("SLURM_JOB_NODELIST", "n1");
    }

    Node with(String name, String value) {
        environment.put(name, value);
        return this;
    }

    Node without(String name) {
        environment.remove(name);
        return this;
    }

    Node under(List<String> anotherShell) {
        shell = anotherShell;
        return this;
    }

    /** Puts a shell script before the system's program of that name. */
    Node program(String name, String script) throws IOException {
        executable(folder.resolve("bin").resolve(name), "#!/bin/sh\n" + script + "\n");
        return this;
    }

    Node configured(String text) throws IOException {
        Files.writeString(folder.resolve("jobwitness.conf"), text);
        return this;
    }

    Run prolog() throws Exception {
        return run(command("prolog"));
    }

    Run epilog() throws Exception {
        return run(command("epilog"));
    }

    Run epilogslurmctld() throws Exception {
        return run(command("epilogslurmctld"));
    }

    /**
     * Runs the prolog in a mount namespace of its own, between two pieces of shell, as {@code "$hook"} would. Only the
     * hook's own time counts.
     */
    Run prologInNamespace(String before, String after) throws Exception {
        var times = folder.resolve("times");
        var wrapped = """
                PATH=/usr/sbin:/usr/bin:/sbin:/bin
                set -e
                %s
                set +e
                began=$(date +%%s%%N)
                "$@"
                code=$?
                ended=$(date +%%s%%N)
                echo $(((ended - began) / 1000000)) >%s
                %s
                exit $code
                """.formatted(before, times, after);
        var command = new ArrayList<>(List.of("/usr/bin/unshare", "-m", "/bin/sh", "-c", wrapped, "sh"));
        command.addAll(command("prolog"));
        var run = run(command);
        assertThat(times).as("preparation, which said: " + run.output()).exists();
        return new Run(run.exitCode(), run.output(),
                Duration.ofMillis(Long.parseLong(Files.readString(times).strip())));
    }

    static boolean mayUnshare() {
        try {
            return new ProcessBuilder("/usr/bin/unshare", "-m", "true").start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Names of the events in the spool, drafts too. */
    List<String> kept() throws IOException {
        return names(spool.resolve("events"));
    }

    List<String> refused() throws IOException {
        return names(spool.resolve("refused"));
    }

    List<String> syslog() throws IOException {
        var file = folder.resolve("syslog");
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    /** Makes the spool as a hook would. */
    Node withSpool() throws IOException {
        var mode = PosixFilePermissions.fromString("rwxr-xr-x");
        for (var made : List.of(spool, spool.resolve("events"), spool.resolve("refused"))) {
            Files.createDirectory(made);
            Files.setPosixFilePermissions(made, mode);
        }
        return this;
    }

    Node withEvent(String name, String body) throws IOException {
        Files.writeString(spool.resolve("events").resolve(name), body + "\n");
        return this;
    }

    List<String> command(String hook) {
        var command = new ArrayList<>(shell);
        command.add(folder.resolve(hook).toString());
        return command;
    }

    Run run(List<String> command) throws Exception {
        return run(command, environment);
    }

    static Run run(List<String> command, Map<String, String> environment) throws Exception {
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(environment);
        var began = System.nanoTime();
        var process = builder.start();
        process.getOutputStream().close();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Run(process.exitValue(), output, Duration.ofNanos(System.nanoTime() - began));
    }

    private static List<String> names(Path directory) throws IOException {
        if (!Files.exists(directory))
            return List.of();
        try (var files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void executable(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
