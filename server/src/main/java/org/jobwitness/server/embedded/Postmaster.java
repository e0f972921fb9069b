package org.jobwitness.server.embedded;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts PostgreSQL's main process on its data files, and keeps its log small.
 *
 * @param program postgres, run as PostgreSQL's user
 * @param logFile where it writes its log
 * @param startTimeout how long crash recovery may take
 */
public record Postmaster(Command program, PostgresProcesses processes, Path logFile, Duration startTimeout) {
    private static final Logger log = LoggerFactory.getLogger(Postmaster.class);
    private static final Duration POLL_INTERVAL = Duration.ofMillis(20);
    private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(5);
    private static final long MAX_LOG_BYTES = 10L << 20;
    private static final int MAX_LOG_BYTES_SHOWN = 4096;

    /**
     * What we depend on, passed at every start so that it is the same for every data folder. Everything else, such as
     * shared_buffers, is for the administrator, in postgresql.conf.
     */
    private static final List<String> SETTINGS = List.of("listen_addresses=127.0.0.1", "unix_socket_directories=",
            "max_connections=50", "authentication_timeout=10s", "fsync=on", "full_page_writes=on",
            "synchronous_commit=on", "timezone=UTC", "log_timezone=UTC",
            // Dynamic shared memory is allocated at the start: /dev/shm is small in containers, and systemd-logind
            // removes an ordinary user's segments from it when that user logs out.
            "min_dynamic_shared_memory=32MB",
            // To stderr, which is our file, and without statements, which could hold private data of users.
            "log_destination=stderr", "logging_collector=off", "log_line_prefix=%m [%p] ", "log_statement=none",
            "log_min_duration_statement=-1", "log_min_error_statement=panic");

    /**
     * Returns when PostgreSQL accepts connections on the port of 127.0.0.1; if it fails to, none of its processes is left
     * running.
     */
    public Process start(int port) throws IOException, InterruptedException {
        if (!Files.exists(logFile)) {
            Files.createFile(logFile,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
        rotateLog();
        var logStart = Files.size(logFile);
        var process = command(port).builder().directory(processes.data().toFile())
                .redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile.toFile())).start();
        var ready = false;
        try {
            awaitReady(process, logStart);
            ready = true;
            return process;
        } finally {
            if (!ready) {
                processes.stop();
            }
        }
    }

    /** Limits the log to two files of bounded size. PostgreSQL appends, so it continues at the start of the emptied file. */
    void rotateLog() throws IOException {
        if (Files.size(logFile) > MAX_LOG_BYTES) {
            Files.copy(logFile, logFile.resolveSibling(logFile.getFileName() + ".1"),
                    StandardCopyOption.REPLACE_EXISTING);
            try (var file = FileChannel.open(logFile, StandardOpenOption.WRITE)) {
                file.truncate(0);
            }
        }
    }

    private Command command(int port) {
        // A session of its own protects it from the SIGINT of a Ctrl-C: the server stops it last.
        var command = Command.of("setsid").then(program).then("-D", processes.data().toString());
        var settings = new ArrayList<>(SETTINGS);
        settings.add("port=" + port);
        settings.add("cluster_name=" + processes.clusterName());
        for (var setting : settings) {
            command = command.then("-c", setting);
        }
        return command;
    }

    private void awaitReady(Process process, long logStart) throws IOException, InterruptedException {
        var start = System.nanoTime();
        var reported = Duration.ZERO;
        while (!processes.isReady(process.pid())) {
            var waited = Duration.ofNanos(System.nanoTime() - start);
            if (process.waitFor(POLL_INTERVAL.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new EmbeddedPostgresException(
                        "PostgreSQL ended with exit code " + process.exitValue() + " while it started; its log "
                                + logFile + ": " + logSince(logStart));
            }
            if (waited.compareTo(startTimeout) > 0) {
                throw new EmbeddedPostgresException("PostgreSQL was not ready after " + waited.toSeconds()
                        + " s; its log " + logFile + ": " + logSince(logStart));
            }
            if (waited.minus(reported).compareTo(PROGRESS_INTERVAL) > 0) {
                reported = waited;
                log.info("embedded_postgres_starting waited_s={} log=\"{}\"", waited.toSeconds(),
                        lastLogLine(logStart));
            }
        }
    }

    private String lastLogLine(long start) throws IOException {
        var lines = logSince(start);
        return lines.substring(lines.lastIndexOf(" | ") + 1).strip();
    }

    private String logSince(long start) throws IOException {
        try (var file = new RandomAccessFile(logFile.toFile(), "r")) {
            var from = Math.min(file.length(), Math.max(start, file.length() - MAX_LOG_BYTES_SHOWN));
            var bytes = new byte[(int) (file.length() - from)];
            file.seek(from);
            file.readFully(bytes);
            return Command.lastLines(new String(bytes, StandardCharsets.UTF_8));
        }
    }
}
