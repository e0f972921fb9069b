package org.jobwitness.agent.spool;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * A queue on disk. The sampler's thread puts, the sending thread takes, any thread asks for the depth; {@link #force} is
 * the sending thread's, because it may take seconds and holds up nobody else. Nothing here throws: what cannot be written
 * waits in memory, the oldest of it goes when that is full, and goes to the disk, in order, once that works again.
 *
 * <p>What {@link #put} has written survives this process, however it ends; what was forced survives the machine.
 * Acknowledgement is not written down: a file is deleted when all of it is acknowledged, so a restart finds again what
 * had been acknowledged of the first file, which is little. The service knows a batch that it has seen.
 *
 * <p>The folder (0700) has {@code lock}, held by the process that uses it, and segments (0600), named
 * {@code <number, 16 digits>.segment}, the oldest with the lowest number. A segment is records, one behind the other, and
 * is given no more once it has 64 KiB. A record, its numbers with the highest byte first:
 *
 * <pre>
 *  0  4  the letters JWB1
 *  4  4  length of the body, at most 1 MiB
 *  8  8  when it was put, milliseconds since 1970
 * 16  4  CRC32C of the 16 bytes before and of the body
 * 20     the body
 * </pre>
 *
 * What is not a sound record is passed over, up to the next place where one begins: a torn end, bytes that have changed.
 */
public final class BatchSpool implements AutoCloseable {
    static final int MOST_IN_MEMORY_BYTES = 4 << 20;

    private record Waiting(Item item, Instant putAt) {
        int bytes() {
            return item.body().length;
        }
    }

    private final SpoolFolder folder;
    private final long mostBytes;
    private final Duration mostAge;
    private final InstantSource clock;
    private final Log log;

    /** All of these are older than those in memory. */
    private final Deque<Segment> segments = new ArrayDeque<>();
    private final Deque<Waiting> memory = new ArrayDeque<>();
    private long bytesInMemory;
    /** What {@link #oldest} gave last, as long as it is the oldest. */
    private @Nullable Item handedOut;
    private boolean isClosed;

    private long tooOld;
    private long tooMuch;
    private long damaged;
    private long diskFailures;
    private boolean isDiskFailing;
    private boolean isDropping;

    /**
     * Never fails: a folder that cannot be used is tried again with each put.
     *
     * @param mostBytes on disk; the oldest segment goes when there is more
     * @param mostAge older ones go, a segment at a time
     */
    public BatchSpool(Path folder, long mostBytes, Duration mostAge, InstantSource clock, Log log) {
        this.folder = new SpoolFolder(folder);
        this.mostBytes = mostBytes;
        this.mostAge = mostAge;
        this.clock = clock;
        this.log = log;
        synchronized (this) {
            try {
                open();
            } catch (IOException | RuntimeException e) {
                diskFailed(e);
            }
        }
    }

    private void open() throws IOException {
        if (folder.isOpen()) {
            return;
        }
        for (Path file : folder.open()) {
            try {
                Segment segment = Segment.leftBehind(file);
                noteDamage(segment);
                if (segment.records() == 0) {
                    segment.delete();
                } else {
                    segments.add(segment);
                }
            } catch (IOException e) {
                diskFailed(e);
            }
        }
        dropWhatIsTooMuch();
    }

    /** Keeps a body of at most 1 MiB; a larger one no service would take. */
    public synchronized void put(byte[] body) {
        Instant now = clock.instant();
        if (body.length > Segment.LARGEST_BODY) {
            dropped("too_large", 1);
            tooMuch++;
            return;
        }
        memory.add(new Waiting(new Item(body), now));
        bytesInMemory += body.length;
        if (!isClosed) {
            writeDown();
        }
        dropWhatIsTooOld(now);
        dropWhatIsTooMuch();
    }

    private void writeDown() {
        int moved = 0;
        try {
            open();
            for (Waiting first = memory.peekFirst(); first != null; first = memory.peekFirst()) {
                append(first.item().body(), first.putAt());
                bytesInMemory -= memory.removeFirst().bytes();
                moved++;
            }
        } catch (IOException | RuntimeException e) {
            diskFailed(e);
            return;
        }
        if (isDiskFailing) {
            isDiskFailing = false;
            log.info("spool_disk_works folder=" + folder + " written_from_memory=" + moved);
        }
    }

    private void append(byte[] body, Instant putAt) throws IOException {
        Segment last = segments.peekLast();
        if (last != null && last.takesMore()) {
            last.append(body, putAt);
        } else {
            segments.add(Segment.create(folder.newSegment(), body, putAt));
        }
    }

    /** The oldest body that has not been removed: the same again until it is. */
    public synchronized Optional<Item> oldest() {
        dropWhatIsTooOld(clock.instant());
        if (handedOut == null) {
            handedOut = readOldest();
        }
        return Optional.ofNullable(handedOut);
    }

    private @Nullable Item readOldest() {
        for (Segment first = segments.peekFirst(); first != null; first = segments.peekFirst()) {
            try {
                byte @Nullable [] body = first.read();
                noteDamage(first);
                if (body != null) {
                    return new Item(body);
                }
            } catch (IOException | RuntimeException e) {
                diskFailed(e);
                damaged++;
            }
            removeFirstSegment();
        }
        Waiting first = memory.peekFirst();
        return first == null ? null : first.item();
    }

    /** Takes an item out of the queue; one that has been dropped meanwhile is no longer there. */
    public synchronized void remove(Item item) {
        if (handedOut != item) {
            return;
        }
        handedOut = null;
        Segment first = segments.peekFirst();
        if (first == null) {
            bytesInMemory -= memory.removeFirst().bytes();
        } else {
            try {
                first.removeOldest();
                noteDamage(first);
                if (first.records() == 0) {
                    removeFirstSegment();
                }
            } catch (IOException | RuntimeException e) {
                diskFailed(e);
                removeFirstSegment();
            }
        }
        if (isDropping && segments.isEmpty() && memory.isEmpty()) {
            isDropping = false;
            log.info("spool_empty_again dropped_too_old=" + tooOld + " dropped_too_much=" + tooMuch);
        }
    }

    private void removeFirstSegment() {
        Segment first = segments.removeFirst();
        handedOut = null;
        try {
            first.delete();
        } catch (IOException | RuntimeException e) {
            diskFailed(e);
        }
    }

    private void dropWhatIsTooOld(Instant now) {
        Instant limit = now.minus(mostAge);
        for (Segment first = segments.peekFirst(); first != null
                && first.newest().isBefore(limit); first = segments.peekFirst()) {
            tooOld += first.records();
            dropped("too_old", first.records());
            removeFirstSegment();
        }
        while (segments.isEmpty() && !memory.isEmpty() && memory.getFirst().putAt().isBefore(limit)) {
            tooOld++;
            dropped("too_old", 1);
            removeFirstInMemory();
        }
    }

    private void dropWhatIsTooMuch() {
        long bytes = bytesOnDisk();
        while (bytes > mostBytes && segments.size() > 1) {
            Segment first = segments.getFirst();
            bytes -= first.bytes();
            tooMuch += first.records();
            dropped("too_much", first.records());
            removeFirstSegment();
        }
        while (bytesInMemory > MOST_IN_MEMORY_BYTES) {
            tooMuch++;
            dropped("too_much_in_memory", 1);
            removeFirstInMemory();
        }
    }

    private void removeFirstInMemory() {
        if (segments.isEmpty()) {
            handedOut = null;
        }
        bytesInMemory -= memory.removeFirst().bytes();
    }

    private long bytesOnDisk() {
        return segments.stream().mapToLong(Segment::bytes).sum();
    }

    /** Asks the disk to keep what has been put; for when it may have to stay for long. */
    public void force() {
        List<Path> unforced = new ArrayList<>();
        synchronized (this) {
            for (Segment segment : segments) {
                if (!segment.isForced()) {
                    segment.setForced();
                    unforced.add(segment.file());
                }
            }
        }
        if (unforced.isEmpty()) {
            return;
        }
        try {
            folder.force(unforced);
        } catch (IOException | RuntimeException e) {
            diskFailed(e);
        }
    }

    public synchronized Depth depth() {
        Segment first = segments.peekFirst();
        Waiting waiting = memory.peekFirst();
        Instant oldest = first != null ? first.oldest() : waiting != null ? waiting.putAt() : null;
        return new Depth(segments.stream().mapToInt(Segment::records).sum() + memory.size(),
                bytesOnDisk() + bytesInMemory, oldest, memory.size(), tooOld, tooMuch, damaged, diskFailures);
    }

    private synchronized void diskFailed(Exception cause) {
        diskFailures++;
        if (!isDiskFailing) {
            isDiskFailing = true;
            log.warn("spool_disk_failed folder=" + folder + " cause=\"" + cause
                    + "\"; what cannot be written is kept in memory, as far as it fits");
        }
    }

    private void noteDamage(Segment segment) {
        int met = segment.takeDamaged();
        if (met > 0 && damaged == 0) {
            log.warn("spool_damaged file=" + segment.file()
                    + "; what is damaged is passed over, and counted from now on");
        }
        damaged += met;
    }

    private void dropped(String cause, int batches) {
        if (!isDropping) {
            isDropping = true;
            log.warn("spool_drops cause=" + cause + " batches=" + batches
                    + "; more are counted, until the queue is empty");
        }
    }

    /** What is in the queue stays on disk. Whatever is put from now on is lost with the process. */
    @Override
    public void close() {
        synchronized (this) {
            if (isClosed) {
                return;
            }
            if (!memory.isEmpty()) {
                writeDown();
            }
            isClosed = true;
        }
        force();
        try {
            folder.close();
        } catch (IOException e) {
            diskFailed(e);
        }
    }
}
