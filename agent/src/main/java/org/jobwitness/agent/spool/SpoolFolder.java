package org.jobwitness.agent.spool;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.agent.files.FileAccess;
import org.jspecify.annotations.Nullable;

/** The folder of the queue: the agent's own, no symbolic link, unreadable to others, and locked by one process. */
final class SpoolFolder implements AutoCloseable {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> LOCK_MODE = PosixFilePermissions.fromString("rw-------");
    private static final Pattern SEGMENT = Pattern.compile("[0-9]{16}\\.segment");

    private final Path folder;
    private @Nullable FileChannel lock;
    private long last;

    SpoolFolder(Path folder) {
        this.folder = folder;
    }

    boolean isOpen() {
        return lock != null;
    }

    /** Creates the folder if necessary, locks it, and lists its segments, oldest first. */
    List<Path> open() throws IOException {
        prepare();
        FileChannel channel = FileChannel.open(folder.resolve("lock"),
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
                PosixFilePermissions.asFileAttribute(LOCK_MODE));
        try {
            if (channel.tryLock() == null) {
                throw new IOException(folder + " is used by another process");
            }
            List<Path> segments = segments();
            lock = channel;
            return segments;
        } catch (OverlappingFileLockException e) {
            throw new IOException(folder + " is used by this process already", e);
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
    }

    private void prepare() throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            Path parent = folder.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        }
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(folder + " is not a folder");
        }
        if (FileAccess.of(folder).uid() != FileAccess.ownUid()) {
            throw new IOException(folder + " belongs to another user");
        }
        if (!Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS).equals(OWNER_ONLY)) {
            Files.setPosixFilePermissions(folder, OWNER_ONLY);
        }
    }

    private List<Path> segments() throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path file : entries) {
                String name = file.getFileName().toString();
                if (SEGMENT.matcher(name).matches()) {
                    last = Math.max(last, Long.parseLong(name.substring(0, 16)));
                    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                            && FileAccess.of(file).foreignWriter().isEmpty()) {
                        files.add(file);
                    }
                }
            }
        }
        Collections.sort(files);
        return files;
    }

    /** A name after all others; the folder is recreated if it was deleted. */
    Path newSegment() throws IOException {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            prepare();
        }
        String number = String.valueOf(++last);
        return folder.resolve("0".repeat(16 - number.length()) + number + ".segment");
    }

    /** Syncs these files and the folder to disk. This can take seconds. */
    void force(List<Path> files) throws IOException {
        for (Path file : files) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
                channel.force(false);
            } catch (NoSuchFileException e) {
                // deleted meanwhile
            }
        }
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    @Override
    public void close() throws IOException {
        if (lock != null) {
            lock.close();
        }
    }

    @Override
    public String toString() {
        return folder.toString();
    }
}
