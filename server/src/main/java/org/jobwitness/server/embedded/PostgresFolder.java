package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder "postgres" in the data folder: programs, data files and log of the embedded PostgreSQL. What takes time to create
 * gets a temporary name and is renamed when it is complete, so a kill at any moment leaves either all of it or leftovers that
 * the next start removes.
 */
public record PostgresFolder(Path dataFolder) {
    private static final Logger log = LoggerFactory.getLogger(PostgresFolder.class);
    private static final long MIN_FREE_BYTES = 300L << 20;
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    /** Where PostgreSQL runs as another user, the group of that user must be able to reach the data files. */
    private static final Set<PosixFilePermission> MAX_PERMISSIONS = PosixFilePermissions.fromString("rwx--x---");

    public static PostgresFolder in(Path dataFolder) throws IOException {
        var folder = new PostgresFolder(dataFolder);
        Files.createDirectories(folder.path(), PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        var permissions = Files.getPosixFilePermissions(folder.path());
        if (permissions.retainAll(MAX_PERMISSIONS)) {
            Files.setPosixFilePermissions(folder.path(), permissions);
        }
        for (var leftover : folder.entries("unfinished-")) {
            // Best effort: a program of the killed start may still be writing there for a moment.
            try {
                delete(leftover);
            } catch (IOException e) {
                log.warn("embedded_postgres_cleanup_failed path={} cause=\"{}\"", leftover, e.toString());
            }
        }
        return folder;
    }

    public Path path() {
        return dataFolder.resolve("postgres");
    }

    public Path log() {
        return path().resolve("postgres.log");
    }

    /** A new, empty folder under a name that no earlier start has used. */
    public Path unfinished(String name) throws IOException {
        return Files.createTempDirectory(path(), "unfinished-" + name + "-");
    }

    /** Renames what is complete; returns when the new name is on disk. */
    void finish(Path unfinished, Path complete) throws IOException {
        Files.move(unfinished, complete, StandardCopyOption.ATOMIC_MOVE);
        try (var parent = FileChannel.open(complete.getParent(), StandardOpenOption.READ)) {
            parent.force(true);
        }
    }

    /** Writes a file that only the owner of its folder may read. Readers see the old content or the new. */
    void write(Path file, String content) throws IOException {
        var unfinished = Files.createTempFile(path(), "unfinished-", "");
        Files.writeString(unfinished, content, StandardOpenOption.SYNC);
        for (var attribute : List.of("unix:gid", "unix:uid")) {
            Files.setAttribute(unfinished, attribute, Files.getAttribute(file.getParent(), attribute));
        }
        finish(unfinished, file);
    }

    List<Path> entries(String prefix) throws IOException {
        try (var entries = Files.newDirectoryStream(path(), prefix + "*")) {
            return StreamSupport.stream(entries.spliterator(), false).sorted().toList();
        }
    }

    void removeOthers(String prefix, Path kept) throws IOException {
        for (var entry : entries(prefix)) {
            if (!entry.equals(kept)) {
                delete(entry);
            }
        }
    }

    void requireFreeSpace() throws IOException {
        // Not by its FileStore, which needs a mount point: in a chroot there may be none.
        var free = path().toFile().getUsableSpace();
        if (free < MIN_FREE_BYTES) {
            throw new EmbeddedPostgresException("The embedded PostgreSQL needs " + (MIN_FREE_BYTES >> 20) + " MiB in "
                    + path() + ", and " + (free >> 20) + " MiB are free: make room, set JOBWITNESS_DATA_DIR to a folder"
                    + " on a larger disk, or set DATABASE_URL");
        }
    }

    private static void delete(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) throws IOException {
                if (e != null) {
                    throw e;
                }
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
