package org.jobwitness.agent.gpu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * How another program makes the agent let go of the GPUs, so that one can be reset or cut anew: by a file in the agent's folder.
 * {@code release-gpus} holds until when, in milliseconds since 1970; the agent answers with {@code gpus-released}, which says the
 * same. It holds over a restart of the agent, and ends by itself.
 */
public final class GpuRelease {
    private static final String REQUEST = "release-gpus";
    private static final String ANSWER = "gpus-released";
    private static final Pattern MILLIS = Pattern.compile("[0-9]{1,15}");
    private static final Set<PosixFilePermission> OURS_ALONE = PosixFilePermissions.fromString("rw-------");

    private GpuRelease() {
    }

    /** The agent's side, for the sampler's thread. */
    public static final class Heeding {
        private final Path folder;
        private final Gpus gpus;
        private final InstantSource clock;
        private final Log log;
        private @Nullable Instant until;

        public Heeding(Path folder, Gpus gpus, InstantSource clock, Log log) {
            this.folder = folder;
            this.gpus = gpus;
            this.clock = clock;
            this.log = log;
        }

        /** Lets go or takes up again, as the folder asks now. To be called when it changes, and at each interval. */
        public void look() {
            Optional<Instant> asked = read(folder.resolve(REQUEST)).filter(end -> end.isAfter(clock.instant()));
            if (asked.isEmpty()) {
                if (until != null) {
                    until = null;
                    remove(REQUEST);
                    remove(ANSWER);
                    gpus.take();
                    log.info("gpus_taken_again");
                }
            } else if (!asked.get().equals(until)) {
                Instant end = asked.get();
                until = end;
                log.info("gpus_release_asked until=" + end);
                gpus.release("let go until " + end + " by release-gpus", () -> released(end));
            }
        }

        /** By the thread of the source that was last to let go. */
        private void released(Instant end) {
            try {
                write(folder, ANSWER, end);
                log.info("gpus_released until=" + end);
            } catch (IOException e) {
                log.warn("gpus_released_not_said cause=\"" + e + "\"");
            }
        }

        private void remove(String name) {
            try {
                Files.deleteIfExists(folder.resolve(name));
            } catch (IOException e) {
                log.warn("not_removed file=" + folder.resolve(name) + " cause=\"" + e + "\"");
            }
        }
    }

    /** What came of a request. */
    public enum Outcome {
        RELEASED,
        /** No agent has this folder. One that starts heeds the request. */
        NO_AGENT,
        /** It was asked, and has not said yet that it has. */
        NOT_YET
    }

    /**
     * Asks the agent of this folder to let go, and waits until it has.
     *
     * @throws IOException if the folder cannot be written, or is not of the user who asks
     */
    public static Outcome ask(Path folder, Instant until, Duration patience) throws IOException, InterruptedException {
        if (!Files.isDirectory(folder)) {
            return Outcome.NO_AGENT;
        }
        Instant asked = Instant.ofEpochMilli(until.toEpochMilli());
        write(folder, REQUEST, asked);
        long end = System.nanoTime() + patience.toNanos();
        while (!read(folder.resolve(ANSWER)).equals(Optional.of(asked))) {
            if (!isUsed(folder)) {
                return Outcome.NO_AGENT;
            }
            if (System.nanoTime() - end > 0) {
                return Outcome.NOT_YET;
            }
            Thread.sleep(20);
        }
        return Outcome.RELEASED;
    }

    /** Takes a request back. */
    public static void withdraw(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(REQUEST));
    }

    /** Whether an agent runs: it holds the lock of its queue. */
    private static boolean isUsed(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder.resolve("lock"), StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS); FileLock lock = channel.tryLock()) {
            return lock == null;
        } catch (NoSuchFileException e) {
            return false;
        } catch (OverlappingFileLockException e) {
            return true;
        }
    }

    private static Optional<Instant> read(Path file) {
        try {
            String text = Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.size(file) <= 16
                    ? Files.readString(file, StandardCharsets.US_ASCII).strip()
                    : "";
            return MILLIS.matcher(text).matches()
                    ? Optional.of(Instant.ofEpochMilli(Long.parseLong(text)))
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // it is not there, or has just gone
        }
    }

    /** All of it at once, so that nobody reads half of it; and never as another user than the folder's, root least of all. */
    private static void write(Path folder, String name, Instant until) throws IOException {
        Path made = folder.resolve(name + "." + ProcessHandle.current().pid() + "." + System.nanoTime());
        try (SeekableByteChannel file = Files.newByteChannel(made,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(OURS_ALONE))) {
            if (!owner(made).equals(owner(folder))) {
                throw new AccessDeniedException(folder.toString(), null, "it belongs to another user");
            }
            file.write(ByteBuffer.wrap((until.toEpochMilli() + "\n").getBytes(StandardCharsets.US_ASCII)));
            Files.move(made, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(made);
        }
    }

    private static Object owner(Path file) throws IOException {
        return Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }
}
