package org.jobwitness.server.embedded;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.jobwitness.server.Waiting;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.Databases;

/** The oldest PostgreSQL that the server promises to work with; pom.xml puts its archive into target. */
public final class OldestPostgres implements AutoCloseable {
    private static final Path ARCHIVE = Path.of("target", "postgres-14", "postgres-14.jar");
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final String PASSWORD = "only-for-this-test";

    private static Databases databases;

    private final PostgresProcesses processes;
    private final int port;

    private OldestPostgres(PostgresProcesses processes, int port) {
        this.processes = processes;
        this.port = port;
    }

    public static boolean runsHere() {
        return System.getProperty("os.name").equals("Linux") && System.getProperty("os.arch").equals("amd64");
    }

    /** Those in one that all tests of this process share. */
    public static synchronized Databases databases() {
        try {
            if (databases == null) {
                Path folder = Waiting.passable(Files.createTempDirectory("jobwitness-oldest"));
                OldestPostgres shared = start(folder.resolve("postgres"), Waiting.freePort());
                Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                    shared.close();
                    delete(folder);
                }));
                databases = new Databases(shared.address());
            }
            return databases;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Those that were given out. */
    public static synchronized void dropDatabases() {
        if (databases != null) {
            databases.drop();
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Starts it with new, empty data files.
     *
     * @param dataFolder must be one that other users can get to: PostgreSQL does not run as root
     */
    public static OldestPostgres start(Path dataFolder, int port) throws IOException, InterruptedException {
        PostgresFolder folder = PostgresFolder.in(dataFolder);
        Path programs = Files.createDirectory(folder.path().resolve("programs"));
        Files.setPosixFilePermissions(programs, PosixFilePermissions.fromString("rwxr-xr-x"));
        unpackInto(programs);
        Path data = folder.unfinished("data");
        PostgresUser user = PostgresUser.of(folder, programs, data);
        Path password = folder.unfinished("password").resolve("password");
        Files.writeString(password, PASSWORD);
        user.own(password.getParent());
        user.own(data);
        user.program(programs, "initdb").then("--pgdata=" + data, "--username=postgres", "--auth=scram-sha-256",
                "--pwfile=" + password, "--encoding=UTF8", "--no-locale", "--no-sync").run(PATIENCE);
        PostgresProcesses processes = new PostgresProcesses(data, user.program(programs, "pg_ctl"));
        new Postmaster(user.program(programs, "postgres"), processes, folder.log(), PATIENCE).start(port);
        return new OldestPostgres(processes, port);
    }

    private static void unpackInto(Path programs) throws IOException {
        try (ZipFile jar = new ZipFile(ARCHIVE.toFile());
                InputStream archive = jar.getInputStream(jar.getEntry("postgres-linux-x86_64.txz"));
                TarArchiveInputStream tar = new TarArchiveInputStream(
                        new XZCompressorInputStream(new BufferedInputStream(archive)))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                Path path = programs.resolve(entry.getName());
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                } else if (entry.isSymbolicLink()) {
                    Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
                } else {
                    Files.createDirectories(path.getParent());
                    Files.copy(tar, path);
                    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
                }
            }
        }
    }

    public DatabaseAddress address() {
        return new DatabaseAddress("jdbc:postgresql://127.0.0.1:" + port + "/postgres?sslmode=disable", "postgres",
                PASSWORD);
    }

    @Override
    public void close() {
        try {
            processes.stop();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
