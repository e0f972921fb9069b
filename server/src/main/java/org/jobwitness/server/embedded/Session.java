package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The processes of a session (setsid), as /proc/PID/stat names it (proc_pid_stat(5)). A process stays in its session when its
 * parent has ended, so those are found too that a list of descendants misses.
 *
 * @param leader the pid of the process that began it
 */
record Session(long leader) {
    private static final Logger log = LoggerFactory.getLogger(Session.class);
    private static final Duration KILL_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration POLL_INTERVAL = Duration.ofMillis(5);
    private static final int STATE = 0;
    private static final int SESSION = 3;

    static Session of(Process leader) {
        return new Session(leader.pid());
    }

    /** Kills all processes of it. One that is about to be killed may start another, so it looks until there is none. */
    void kill() {
        var start = System.nanoTime();
        var interrupted = Thread.interrupted();
        for (var left = processes(); !left.isEmpty(); left = processes()) {
            if (System.nanoTime() - start > KILL_TIMEOUT.toNanos()) {
                log.warn("embedded_postgres_kill_timeout pids={}", left.stream().map(ProcessHandle::pid).toList());
                break;
            }
            left.forEach(ProcessHandle::destroyForcibly);
            interrupted |= paused();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Those that run; zombies have ended. */
    private List<ProcessHandle> processes() {
        return ProcessHandle.allProcesses().filter(process -> isMember(process.pid())).toList();
    }

    private boolean isMember(long pid) {
        try {
            // The name before it, in parentheses, may hold anything.
            var stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"), StandardCharsets.ISO_8859_1);
            var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            return fields[SESSION].equals(Long.toString(leader)) && !fields[STATE].equals("Z");
        } catch (IOException e) {
            return false; // ended meanwhile
        }
    }

    private static boolean paused() {
        try {
            Thread.sleep(POLL_INTERVAL);
            return false;
        } catch (InterruptedException e) {
            return true;
        }
    }
}
