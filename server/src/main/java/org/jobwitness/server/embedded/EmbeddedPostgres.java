package org.jobwitness.server.embedded;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jobwitness.server.db.DatabaseAddress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server's own PostgreSQL in the data folder, for when DATABASE_URL is not set.
 *
 * <p>It is durable (fsync on), reachable from this machine and by password only, and always runs with this release's
 * settings: one that an earlier, killed server left running is restarted. If the postmaster is killed, it is started again on
 * the same port, so that a connection pool recovers. The caller closes it last, after everything that uses the database; it
 * has no shutdown hook.
 */
public final class EmbeddedPostgres implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(EmbeddedPostgres.class);

    /** Below the range of ephemeral ports, so that the port is still free for a restart. */
    private static final int FIRST_PORT = 15000;
    private static final int PORTS = 1000;
    private static final int MAX_PORTS_TRIED = 10;

    private static final Duration LOG_CHECK_INTERVAL = Duration.ofMinutes(5);
    private static final Duration MIN_PAUSE = Duration.ofMillis(100);
    private static final Duration MAX_PAUSE = Duration.ofSeconds(30);

    private final DataFolderLock lock;
    private final Postmaster postmaster;
    private final int port;
    private final DatabaseAddress address;
    private final Thread watcher;
    private boolean closed;

    private EmbeddedPostgres(DataFolderLock lock, Postmaster postmaster, Process process, int port,
            DatabaseAddress address) {
        this.lock = lock;
        this.postmaster = postmaster;
        this.port = port;
        this.address = address;
        this.watcher = Thread.ofVirtual().name("embedded-postgres").unstarted(() -> watch(process));
    }

    /**
     * Starts it, after creating the folder, the programs and the data files where they are missing.
     *
     * @param dataFolder JOBWITNESS_DATA_DIR
     * @param startTimeout how long PostgreSQL may take until it is ready; after a crash it first replays its
     *        write-ahead log, which can take minutes
     * @throws EmbeddedPostgresException if it cannot run here; the message says what to do
     */
    public static EmbeddedPostgres start(Path dataFolder, Duration startTimeout) throws InterruptedException {
        try {
            Files.createDirectories(dataFolder,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            var folder = dataFolder.toRealPath();
            var lock = DataFolderLock.take(folder);
            var started = false;
            try {
                var postgres = start(folder, startTimeout, lock);
                started = true;
                return postgres;
            } finally {
                if (!started) {
                    release(lock);
                }
            }
        } catch (IOException e) {
            throw new EmbeddedPostgresException(("The embedded PostgreSQL cannot start in %s: %s. The folder must be"
                    + " writable by this user; set JOBWITNESS_DATA_DIR to another one, or set DATABASE_URL")
                    .formatted(dataFolder, e), e);
        }
    }

    /**
     * The address of the PostgreSQL that a server runs in a data folder now; empty if none runs there, so that it can be
     * started.
     *
     * @throws EmbeddedPostgresException if there is no database in the folder
     */
    public static Optional<DatabaseAddress> running(Path dataFolder) {
        try {
            var folder = new PostgresFolder(
                    Files.isDirectory(dataFolder) ? dataFolder.toRealPath() : dataFolder);
            var data = Files.isDirectory(folder.path()) ? PostgresData.locate(folder) : folder.path();
            if (!Files.isDirectory(data) || data.equals(folder.path())) {
                throw new EmbeddedPostgresException(("There is no database in %s: set JOBWITNESS_DATA_DIR to the"
                        + " server's data folder, or DATABASE_URL to its database").formatted(dataFolder));
            }
            // No signals are sent here.
            var port = new PostgresProcesses(data, Command.of("pg_ctl")).readyPort();
            return port.isEmpty()
                    ? Optional.empty()
                    : Optional.of(PostgresData.in(data).address(port.getAsInt()));
        } catch (IOException e) {
            throw new EmbeddedPostgresException(("The embedded PostgreSQL in %s cannot be found: %s. Run this as the"
                    + " server's user").formatted(dataFolder, e), e);
        }
    }

    public DatabaseAddress address() {
        return address;
    }

    /** Stops PostgreSQL, by force if need be; then none of its processes runs, and the data folder is free. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        var start = Instant.now();
        var interrupted = Thread.interrupted();
        try {
            watcher.interrupt();
            watcher.join();
            postmaster.processes().stop();
            log.info("embedded_postgres_stopped ms={}", millisSince(start));
        } catch (InterruptedException e) {
            interrupted = true;
            log.warn("embedded_postgres_stop_interrupted: the next start stops it");
        } catch (IOException | EmbeddedPostgresException e) {
            log.error("embedded_postgres_stop_failed cause=\"{}\"", e.getMessage());
        } finally {
            release(lock);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static EmbeddedPostgres start(Path dataFolder, Duration startTimeout, DataFolderLock lock)
            throws IOException, InterruptedException {
        var start = Instant.now();
        var folder = PostgresFolder.in(dataFolder);
        var dataPath = PostgresData.locate(folder);
        var programs = PostgresArchive.unpackInto(folder);
        var user = PostgresUser.of(folder, programs, dataPath);
        var processes = new PostgresProcesses(dataPath, user.program(programs, "pg_ctl"));
        processes.stop();
        var data = PostgresData.prepare(folder, programs, user);
        var postmaster = new Postmaster(user.program(programs, "postgres"), processes, folder.log(), startTimeout);
        for (var port : freePorts(dataFolder)) {
            try {
                var process = postmaster.start(port);
                var postgres = new EmbeddedPostgres(lock, postmaster, process, port, data.address(port));
                postgres.watcher.start();
                log.info("embedded_postgres_started port={} pid={} path={} ms={}", port, process.pid(), data.path(),
                        millisSince(start));
                return postgres;
            } catch (EmbeddedPostgresException e) {
                if (isFree(port)) {
                    throw e;
                }
                log.info("embedded_postgres_port_in_use port={}", port);
            }
        }
        throw new EmbeddedPostgresException("No port of " + FIRST_PORT + " to " + (FIRST_PORT + PORTS - 1)
                + " on 127.0.0.1 is free for the embedded PostgreSQL");
    }

    /** Runs until close interrupts it; meanwhile no other thread starts or stops PostgreSQL. */
    private void watch(Process first) {
        try {
            var process = first;
            var pause = MIN_PAUSE;
            while (true) {
                var up = Instant.now();
                while (!process.waitFor(LOG_CHECK_INTERVAL.toMillis(), TimeUnit.MILLISECONDS)) {
                    rotateLog();
                }
                log.warn("embedded_postgres_exited pid={} exit_code={} port={}", process.pid(), process.exitValue(),
                        port);
                pause = up.until(Instant.now()).compareTo(MAX_PAUSE) > 0 ? MIN_PAUSE : longer(pause);
                process = restart(pause);
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private Process restart(Duration firstPause) throws InterruptedException {
        var start = Instant.now();
        for (var pause = firstPause;; pause = longer(pause)) {
            Thread.sleep(pause);
            try {
                postmaster.processes().stop();
                var process = postmaster.start(port);
                log.warn("embedded_postgres_restarted port={} pid={} ms={}", port, process.pid(),
                        millisSince(start));
                return process;
            } catch (IOException | EmbeddedPostgresException e) {
                log.error("embedded_postgres_restart_failed retry_in_ms={} cause=\"{}\"", longer(pause).toMillis(),
                        e.getMessage());
            }
        }
    }

    private void rotateLog() {
        try {
            postmaster.rotateLog();
        } catch (IOException e) {
            log.warn("embedded_postgres_log_rotation_failed cause=\"{}\"", e.toString());
        }
    }

    private static void release(DataFolderLock lock) {
        try {
            lock.close();
        } catch (IOException e) {
            log.warn("embedded_postgres_unlock_failed cause=\"{}\"", e.toString());
        }
    }

    private static Duration longer(Duration pause) {
        var twice = pause.multipliedBy(2);
        return twice.compareTo(MAX_PAUSE) < 0 ? twice : MAX_PAUSE;
    }

    /** Starting from a hash of the folder's path: it mostly keeps its port, and servers on one machine do not compete. */
    private static List<Integer> freePorts(Path dataFolder) {
        var first = dataFolder.toString().hashCode();
        return IntStream.range(0, PORTS).map(i -> FIRST_PORT + Math.floorMod(first + i, PORTS))
                .filter(EmbeddedPostgres::isFree).limit(MAX_PORTS_TRIED).boxed().toList();
    }

    private static boolean isFree(int port) {
        try (var socket = new ServerSocket(port, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    private static long millisSince(Instant start) {
        return start.until(Instant.now()).toMillis();
    }
}
