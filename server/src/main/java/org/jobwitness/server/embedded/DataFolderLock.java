package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The lock on a data folder, held by one server at a time. The kernel releases it with the process, so kill -9 leaves nothing to
 * clean up.
 */
final class DataFolderLock implements AutoCloseable {
    /**
     * Those that this process holds. A POSIX file lock belongs to the process, and closing <em>any</em> channel of the file
     * releases it: a second attempt in this process must be refused before it opens the file.
     */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path file;
    private final FileChannel channel;

    private DataFolderLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes the lock of an existing folder.
     *
     * @param folder a real path, so that two spellings of one folder are one lock
     */
    static DataFolderLock take(Path folder) throws IOException {
        var file = folder.resolve("lock");
        if (!HELD.add(file)) {
            throw refusal(folder, "this process");
        }
        var taken = false;
        try {
            var channel = FileChannel.open(file, Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ,
                    StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            try {
                taken = channel.tryLock() != null;
                if (!taken) {
                    throw refusal(folder, "process " + Files.readString(file).strip());
                }
                channel.truncate(0);
                channel.write(ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8)));
                return new DataFolderLock(file, channel);
            } finally {
                if (!taken) {
                    channel.close();
                }
            }
        } finally {
            if (!taken) {
                HELD.remove(file);
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (channel.isOpen()) {
            channel.close();
            HELD.remove(file);
        }
    }

    private static EmbeddedPostgresException refusal(Path folder, String holder) {
        return new EmbeddedPostgresException(("The data folder %s is in use by another jobwitness-server (%s)."
                + " Stop that one first, or give this one its own folder with JOBWITNESS_DATA_DIR.")
                .formatted(folder, holder));
    }
}
