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
 * Makes the agent release the GPUs, so that one can be reset or repartitioned, by a file in the agent's folder.
 * {@code release-gpus} holds the end of the release, in milliseconds since 1970; the agent confirms with {@code gpus-released},
 * which has the same content. The release survives a restart of the agent, and ends by itself.
 */
public final class GpuRelease {
    private static final String REQUEST = "release-gpus";
    private static final String CONFIRMATION = "gpus-released";
    private static final Pattern MILLIS = Pattern.compile("[0-9]{1,15}");
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");

    private GpuRelease() {
    }

    /** The agent's side, for the sampler's thread. */
    public static final class Responder {
        private final Path folder;
        private final Gpus gpus;
        private final InstantSource clock;
        private final Log log;
        private @Nullable Instant until;

        public Responder(Path folder, Gpus gpus, InstantSource clock, Log log) {
            this.folder = folder;
            this.gpus = gpus;
            this.clock = clock;
            this.log = log;
        }

        /** Releases or reacquires the GPUs, as the folder now requests. To be called when it changes, and in each cycle. */
        public void update() {
            Optional<Instant> requested = read(folder.resolve(REQUEST)).filter(end -> end.isAfter(clock.instant()));
            if (requested.isEmpty()) {
                if (until != null) {
                    until = null;
                    delete(REQUEST);
                    delete(CONFIRMATION);
                    gpus.reacquire();
                    log.info("gpus_reacquired");
                }
            } else if (!requested.get().equals(until)) {
                Instant end = requested.get();
                until = end;
                log.info("gpu_release_requested until=" + end);
                gpus.release("released until " + end + " by release-gpus", () -> released(end));
            }
        }

        /** Called by the thread of the source that was released last. */
        private void released(Instant end) {
            try {
                write(folder, CONFIRMATION, end);
                log.info("gpus_released until=" + end);
            } catch (IOException e) {
                log.warn("gpu_release_confirmation_failed cause=\"" + e + "\"");
            }
        }

        private void delete(String name) {
            try {
                Files.deleteIfExists(folder.resolve(name));
            } catch (IOException e) {
                log.warn("delete_failed file=" + folder.resolve(name) + " cause=\"" + e + "\"");
            }
        }
    }

    public enum Outcome {
        RELEASED,
        /** No agent uses this folder. One that starts follows the request. */
        NO_AGENT,
        /** Requested, but not confirmed within the timeout. */
        NOT_YET
    }

    /**
     * Requests the release from the agent of this folder, and waits for its confirmation.
     *
     * @throws IOException if the folder cannot be written, or belongs to another user
     */
    public static Outcome request(Path folder, Instant until, Duration timeout)
            throws IOException, InterruptedException {
        if (!Files.isDirectory(folder)) {
            return Outcome.NO_AGENT;
        }
        Instant requested = Instant.ofEpochMilli(until.toEpochMilli());
        write(folder, REQUEST, requested);
        long end = System.nanoTime() + timeout.toNanos();
        while (!read(folder.resolve(CONFIRMATION)).equals(Optional.of(requested))) {
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

    /** Withdraws a request. */
    public static void withdraw(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(REQUEST));
    }

    /** Whether an agent runs: it holds the lock of its spool. */
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
            return Optional.empty(); // missing, or just deleted
        }
    }

    /** Atomically, and never as another user than the folder's, least of all root. */
    private static void write(Path folder, String name, Instant until) throws IOException {
        Path draft = folder.resolve(name + "." + ProcessHandle.current().pid() + "." + System.nanoTime());
        try (SeekableByteChannel file = Files.newByteChannel(draft,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(OWNER_ONLY))) {
            if (!owner(draft).equals(owner(folder))) {
                throw new AccessDeniedException(folder.toString(), null, "it belongs to another user");
            }
            file.write(ByteBuffer.wrap((until.toEpochMilli() + "\n").getBytes(StandardCharsets.US_ASCII)));
            Files.move(draft, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(draft);
        }
    }

    private static Object owner(Path file) throws IOException {
        return Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }
}
