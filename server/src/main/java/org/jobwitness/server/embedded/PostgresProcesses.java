package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The PostgreSQL processes of one data folder: our own, or those that a killed server left running. They are found in /proc by
 * their command lines, which every process may read, and never by postmaster.pid alone: after a crash its pid can be that of
 * a zombie, of another program, or of this server.
 *
 * @param data PostgreSQL's data folder
 * @param signaller pg_ctl, run as PostgreSQL's user: Java itself can send TERM and KILL only
 */
public record PostgresProcesses(Path data, Command signaller) {
    private static final Logger log = LoggerFactory.getLogger(PostgresProcesses.class);
    private static final Duration POLL_INTERVAL = Duration.ofMillis(20);
    private static final Duration FAST_SHUTDOWN_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration ORPHANS_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration IMMEDIATE_SHUTDOWN_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration KILL_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration SIGNAL_TIMEOUT = Duration.ofSeconds(20);

    /** The setting cluster_name: PostgreSQL shows it in the title of every process but the postmaster. */
    String clusterName() {
        var id = UUID.nameUUIDFromBytes(data.toString().getBytes(StandardCharsets.UTF_8)).toString();
        return "jobwitness-" + id.substring(0, 8);
    }

    Path pidFile() {
        return data.resolve("postmaster.pid");
    }

    /** Whether the postmaster with this pid reports in its pid file that it accepts connections. */
    boolean isReady(long postmaster) throws IOException {
        var lines = pidFileLines();
        return lines.size() >= 8 && lines.getFirst().strip().equals(Long.toString(postmaster))
                && lines.get(7).strip().equals("ready");
    }

    /** The port on which a running postmaster accepts connections; empty if none does. */
    OptionalInt readyPort() throws IOException {
        for (var postmaster : running(this::isPostmaster)) {
            if (isReady(postmaster.pid())) {
                return OptionalInt.of(Integer.parseInt(pidFileLines().get(3).strip()));
            }
        }
        return OptionalInt.empty();
    }

    /** All that run now, including the postmaster. */
    List<ProcessHandle> running() throws IOException {
        return running(arguments -> isPostmaster(arguments) || isChild(arguments));
    }

    /**
     * Stops them: the postmaster first, whose children end with it, then what is left by force. Afterwards there is no process
     * and no pid file.
     */
    public void stop() throws IOException, InterruptedException {
        var postmasters = running(this::isPostmaster);
        for (var postmaster : postmasters) {
            signal("INT", postmaster);
        }
        var timeout = postmasters.isEmpty() ? ORPHANS_TIMEOUT : FAST_SHUTDOWN_TIMEOUT;
        if (!awaitNone(timeout)) {
            log.warn("embedded_postgres_stop_timeout waited_s={}", timeout.toSeconds());
            for (var process : running()) {
                signal("QUIT", process);
            }
            if (!awaitNone(IMMEDIATE_SHUTDOWN_TIMEOUT)) {
                running().forEach(ProcessHandle::destroyForcibly);
                if (!awaitNone(KILL_TIMEOUT)) {
                    throw new EmbeddedPostgresException("PostgreSQL's processes %s on %s cannot be stopped"
                            .formatted(running().stream().map(ProcessHandle::pid).toList(), data));
                }
            }
        }
        if (Files.deleteIfExists(pidFile())) {
            log.info("embedded_postgres_stale_pid_file_removed path={}", pidFile());
        }
    }

    private List<ProcessHandle> running(Predicate<List<String>> kind) throws IOException {
        if (!Files.exists(data)) {
            return List.of();
        }
        var owner = Files.getOwner(data);
        return ProcessHandle.allProcesses().filter(process -> isOf(owner, kind, process)).toList();
    }

    private static boolean isOf(UserPrincipal owner, Predicate<List<String>> kind, ProcessHandle process) {
        var proc = Path.of("/proc", Long.toString(process.pid()));
        try {
            // A zombie's command line is empty; another user's process may call itself what it likes.
            var arguments = List.of(Files.readString(proc.resolve("cmdline")).split("\0", -1));
            return kind.test(arguments) && Files.getOwner(proc).equals(owner);
        } catch (IOException e) {
            return false; // ended meanwhile
        }
    }

    /** True from its start on, even while it is still setsid or the like that runs. */
    private boolean isPostmaster(List<String> arguments) {
        var folder = arguments.indexOf("-D") + 1;
        return folder > 0 && folder < arguments.size() && arguments.get(folder).equals(data.toString())
                && arguments.stream().anyMatch(argument -> argument.endsWith("/bin/postgres"));
    }

    private boolean isChild(List<String> arguments) {
        return arguments.getFirst().startsWith("postgres: " + clusterName() + ": ");
    }

    private List<String> pidFileLines() throws IOException {
        try {
            return Files.readAllLines(pidFile());
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private boolean awaitNone(Duration timeout) throws IOException, InterruptedException {
        var start = System.nanoTime();
        while (!running().isEmpty()) {
            if (System.nanoTime() - start > timeout.toNanos()) {
                return false;
            }
            Thread.sleep(POLL_INTERVAL);
        }
        return true;
    }

    private void signal(String name, ProcessHandle process) throws InterruptedException {
        try {
            signaller.then("kill", name, Long.toString(process.pid())).run(SIGNAL_TIMEOUT);
        } catch (IOException e) {
            log.debug("embedded_postgres_signal_failed pid={} cause=\"{}\"", process.pid(), e.getMessage());
        }
    }
}
