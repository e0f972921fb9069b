package org.jobwitness.server.embedded;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.zip.ZipFile;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Databases;

/** The oldest PostgreSQL that the server promises to work with; pom.xml puts its archive into target. */
public final class OldestPostgres implements ScratchPostgres.Installation {
    private static final Path ARCHIVE = Path.of("target", "postgres-14", "postgres-14.jar");
    private static final Duration TIMEOUT = Duration.ofMinutes(1);
    private static final String PASSWORD = "only-for-this-test";

    private static ScratchPostgres shared;

    private OldestPostgres() {
    }

    public static boolean runsHere() {
        return System.getProperty("os.name").equals("Linux") && System.getProperty("os.arch").equals("amd64");
    }

    /** Those in one that all tests of this process share. */
    public static synchronized Databases databases() {
        try {
            if (shared == null) {
                shared = ScratchPostgres.startIn("test-postgres-14", new OldestPostgres()).untilTheEnd();
            }
            return shared.databases();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Those that were given out. */
    public static synchronized void dropDatabases() {
        if (shared != null) {
            shared.databases().drop();
        }
    }

    @Override
    public Path unpackInto(PostgresFolder folder) throws IOException {
        Path programs = folder.path().resolve("programs-14");
        if (!Files.isDirectory(programs)) {
            Path unfinished = folder.unfinished("programs");
            unpack(unfinished);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rwxr-xr-x"));
            folder.finish(unfinished, programs);
        }
        return programs;
    }

    private static void unpack(Path programs) throws IOException {
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

    @Override
    public Path data(PostgresFolder folder) {
        return folder.path().resolve("data-14");
    }

    @Override
    public DatabaseAddress prepare(PostgresFolder folder, Path programs, PostgresUser user)
            throws IOException, InterruptedException {
        if (!Files.isDirectory(data(folder))) {
            Path unfinished = folder.unfinished("data");
            Path password = folder.unfinished("password").resolve("password");
            Files.writeString(password, PASSWORD);
            user.own(password.getParent());
            user.own(unfinished);
            user.program(programs, "initdb").then("--pgdata=" + unfinished, "--username=postgres",
                    "--auth=scram-sha-256", "--pwfile=" + password, "--encoding=UTF8", "--no-locale", "--no-sync")
                    .run(TIMEOUT);
            folder.finish(unfinished, data(folder));
        }
        return new DatabaseAddress("jdbc:postgresql://127.0.0.1:0/postgres?sslmode=disable", "postgres", PASSWORD);
    }
}
