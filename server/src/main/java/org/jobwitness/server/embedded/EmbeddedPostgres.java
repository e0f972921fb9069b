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
 * A PostgreSQL of our own in the data folder, for a server that was given no DATABASE_URL.
 *
 * <p>It is durable (fsync on), reachable from this machine only and by password only, and always runs with this
 * release's settings: what an earlier, killed server left running is stopped and started anew. While it is open it is
 * kept running: if PostgreSQL's main process is killed it comes back on the same port, so that a connection pool
 * recovers by itself. The caller closes it last, after everything that uses the database; it is no shutdown hook.
 */
public final class EmbeddedPostgres implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(EmbeddedPostgres.class);

    /** Below the range that outgoing connections take their ports from, so the port is still free for a restart. */
    private static final int FIRST_PORT = 15000;
    private static final int PORTS = 1000;
    private static final int PORTS_TRIED = 10;

    private static final Duration LOG_CHECK = Duration.ofMinutes(5);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

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
     * Starts it, after making the folder, the programs and the data files where they are missing.
     *
     * @param dataFolder JOBWITNESS_DATA_DIR
     * @param startTimeout how long PostgreSQL may take until it answers; after a crash it first reads its log anew,
     *        which can take minutes
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
     * Where the PostgreSQL of a server that uses a data folder now can be reached, for who reads beside it; empty if none
     * runs there, so that it can be started.
     *
     * @throws EmbeddedPostgresException if there is no PostgreSQL's data in the folder
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
            // Signals are sent to nobody here.
            var port = new PostgresProcesses(data, Command.of("pg_ctl")).readyOn();
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

    /** Stops PostgreSQL in order, by force if need be; afterwards nothing of it runs and the data folder is free. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        var begun = Instant.now();
        var interrupted = Thread.interrupted();
        try {
            watcher.interrupt();
            watcher.join();
            postmaster.processes().stop();
            log.info("embedded_postgres_stopped ms={}", millisSince(begun));
        } catch (InterruptedException e) {
            interrupted = true;
            log.warn("embedded_postgres_stop_interrupted: the next start stops it");
        } catch (IOException | EmbeddedPostgresException e) {
            log.error("embedded_postgres_stop_failed error=\"{}\"", e.getMessage());
        } finally {
            release(lock);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static EmbeddedPostgres start(Path dataFolder, Duration startTimeout, DataFolderLock lock)
            throws IOException, InterruptedException {
        var begun = Instant.now();
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
                        millisSince(begun));
                return postgres;
            } catch (EmbeddedPostgresException e) {
                if (isFree(port)) {
                    throw e;
                }
                log.info("embedded_postgres_port_taken port={}", port);
            }
        }
        throw new EmbeddedPostgresException("No port of %d to %d on 127.0.0.1 is free for the embedded PostgreSQL"
                .formatted(FIRST_PORT, FIRST_PORT + PORTS - 1));
    }

    /** The watcher's work, until close interrupts it; meanwhile no other thread starts or stops PostgreSQL. */
    private void watch(Process first) {
        try {
            var process = first;
            var pause = FIRST_PAUSE;
            while (true) {
                var up = Instant.now();
                while (!process.waitFor(LOG_CHECK.toMillis(), TimeUnit.MILLISECONDS)) {
                    trimLog();
                }
                log.warn("embedded_postgres_gone pid={} exit_code={} port={}", process.pid(), process.exitValue(),
                        port);
                pause = up.until(Instant.now()).compareTo(LONGEST_PAUSE) > 0 ? FIRST_PAUSE : longer(pause);
                process = restart(pause);
            }
        } catch (InterruptedException e) {
            // Closing.
        }
    }

    private Process restart(Duration firstPause) throws InterruptedException {
        var begun = Instant.now();
        for (var pause = firstPause;; pause = longer(pause)) {
            Thread.sleep(pause);
            try {
                postmaster.processes().stop();
                var process = postmaster.start(port);
                log.warn("embedded_postgres_restarted port={} pid={} ms={}", port, process.pid(),
                        millisSince(begun));
                return process;
            } catch (IOException | EmbeddedPostgresException e) {
                log.error("embedded_postgres_restart_failed next_try_ms={} error=\"{}\"", longer(pause).toMillis(),
                        e.getMessage());
            }
        }
    }

    private void trimLog() {
        try {
            postmaster.trimLog();
        } catch (IOException e) {
            log.warn("embedded_postgres_log_not_trimmed error=\"{}\"", e.toString());
        }
    }

    private static void release(DataFolderLock lock) {
        try {
            lock.close();
        } catch (IOException e) {
            log.warn("embedded_postgres_lock_not_released error=\"{}\"", e.toString());
        }
    }

    private static Duration longer(Duration pause) {
        var twice = pause.multipliedBy(2);
        return twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
    }

    /** A folder has its own first choice: it mostly keeps its port, and servers on one machine do not compete. */
    private static List<Integer> freePorts(Path dataFolder) {
        var first = dataFolder.toString().hashCode();
        return IntStream.range(0, PORTS).map(i -> FIRST_PORT + Math.floorMod(first + i, PORTS))
                .filter(EmbeddedPostgres::isFree).limit(PORTS_TRIED).boxed().toList();
    }

    private static boolean isFree(int port) {
        try (var socket = new ServerSocket(port, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    private static long millisSince(Instant begun) {
        return begun.until(Instant.now()).toMillis();
    }
}
