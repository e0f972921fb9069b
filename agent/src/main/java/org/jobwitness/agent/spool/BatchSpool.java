package org.jobwitness.agent.spool;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * A queue on disk. The sampler's thread puts, the sending thread takes, any thread asks for the depth; {@link #force} is for the
 * sending thread, because it may take seconds. Nothing here throws: items that cannot be written wait in memory, where the oldest
 * are dropped when it is full, and are written, in order, once the disk works again.
 *
 * <p>An item survives the end of this process after {@link #put}, and of the machine after {@link #force}. Removals are not written:
 * a file is deleted when all of its items are removed, so a restart may find a few removed items again. The service recognizes a
 * batch that it has.
 *
 * <p>Age is measured by the monotonic clock, since a host's clock may be set to any time. Of what earlier processes left, it is the
 * sum of the times between the items, each of which counts as a day at most.
 *
 * <p>The folder (0700) has {@code lock}, held by the process that uses it, and segments (0600), named
 * {@code <number, 16 digits>.segment}, the oldest with the lowest number. A segment is records, one behind the other, and
 * is closed once it has 64 KiB. A record, with big-endian numbers:
 *
 * <pre>
 *  0  4  the letters JWB1
 *  4  4  length of the body, at most 1 MiB
 *  8  8  when it was put, milliseconds since 1970
 * 16  4  CRC32C of the 16 bytes before and of the body
 * 20     the body
 * </pre>
 *
 * Bytes that are no valid record are skipped up to the next record: an incomplete end, or damage.
 */
public final class BatchSpool implements AutoCloseable {
    static final int MAX_MEMORY_BYTES = 4 << 20;
    /** A longer time between two items of an earlier process counts as this: the clock may have been set meanwhile. */
    private static final Duration MAX_GAP = Duration.ofDays(1);

    private record Waiting(Item item, Instant putAt, long putNanos) {
        int bytes() {
            return item.body().length;
        }
    }

    private final SpoolFolder folder;
    private final long maxBytes;
    private final Duration maxAge;
    private final NodeClock clock;
    private final Log log;

    /** All of these are older than the items in memory. */
    private final Deque<Segment> segments = new ArrayDeque<>();
    private final Deque<Waiting> memory = new ArrayDeque<>();
    private long bytesInMemory;
    /** The last result of {@link #oldest}, as long as it is the oldest. */
    private @Nullable Item returned;
    private boolean isClosed;

    private long tooOld;
    private long tooMuch;
    private long damaged;
    private long diskFailures;
    private boolean isDiskFailing;
    private boolean isDropping;

    /**
     * Never fails: an unusable folder is tried again with each put.
     *
     * @param maxBytes on disk; above it the oldest segment is dropped
     * @param maxAge older items are dropped, a segment at a time
     */
    public BatchSpool(Path folder, long maxBytes, Duration maxAge, NodeClock clock, Log log) {
        this.folder = new SpoolFolder(folder);
        this.maxBytes = maxBytes;
        this.maxAge = maxAge;
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
                countDamage(segment);
                if (segment.records() == 0) {
                    segment.delete();
                } else {
                    segments.add(segment);
                }
            } catch (IOException e) {
                diskFailed(e);
            }
        }
        setAges();
        dropExcess();
    }

    /** Of what earlier processes left, whose monotonic clock is not known. */
    private void setAges() {
        Instant after = clock.instant();
        long nanos = clock.nanoTime();
        for (Segment segment : segments.reversed()) {
            Duration gap = Duration.between(segment.newest(), after);
            if (gap.compareTo(MAX_GAP) > 0) {
                gap = MAX_GAP;
            }
            nanos -= gap.isNegative() ? 0 : gap.toNanos();
            segment.setNewestNanos(nanos);
            after = segment.newest();
        }
    }

    /** Keeps a body of at most 1 MiB; the service would not accept a larger one. */
    public synchronized void put(byte[] body) {
        if (body.length > Segment.MAX_BODY_BYTES) {
            dropped("too_large", 1);
            tooMuch++;
            return;
        }
        memory.add(new Waiting(new Item(body), clock.instant(), clock.nanoTime()));
        bytesInMemory += body.length;
        if (!isClosed) {
            writeMemory();
        }
        dropExpired();
        dropExcess();
    }

    private void writeMemory() {
        int moved = 0;
        try {
            open();
            for (Waiting first = memory.peekFirst(); first != null; first = memory.peekFirst()) {
                append(first);
                bytesInMemory -= memory.removeFirst().bytes();
                moved++;
            }
        } catch (IOException | RuntimeException e) {
            diskFailed(e);
            return;
        }
        if (isDiskFailing) {
            isDiskFailing = false;
            log.info("spool_disk_recovered folder=" + folder + " written_from_memory=" + moved);
        }
    }

    private void append(Waiting item) throws IOException {
        byte[] body = item.item().body();
        Segment last = segments.peekLast();
        if (last != null && last.isOpen()) {
            last.append(body, item.putAt(), item.putNanos());
        } else {
            segments.add(Segment.create(folder.newSegment(), body, item.putAt(), item.putNanos()));
        }
    }

    /** The oldest item; the same one until it is removed. */
    public synchronized Optional<Item> oldest() {
        dropExpired();
        if (returned == null) {
            returned = readOldest();
        }
        return Optional.ofNullable(returned);
    }

    private @Nullable Item readOldest() {
        for (Segment first = segments.peekFirst(); first != null; first = segments.peekFirst()) {
            try {
                byte @Nullable [] body = first.read();
                countDamage(first);
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

    /** Removes an item, unless it was dropped meanwhile. */
    public synchronized void remove(Item item) {
        if (returned != item) {
            return;
        }
        returned = null;
        Segment first = segments.peekFirst();
        if (first == null) {
            bytesInMemory -= memory.removeFirst().bytes();
        } else {
            try {
                first.removeOldest();
                countDamage(first);
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
            log.info("spool_recovered dropped_too_old=" + tooOld + " dropped_too_much=" + tooMuch);
        }
    }

    private void removeFirstSegment() {
        Segment first = segments.removeFirst();
        returned = null;
        try {
            first.delete();
        } catch (IOException | RuntimeException e) {
            diskFailed(e);
        }
    }

    private void dropExpired() {
        for (Segment first = segments.peekFirst(); first != null
                && isExpired(first.newestNanos()); first = segments.peekFirst()) {
            tooOld += first.records();
            dropped("too_old", first.records());
            removeFirstSegment();
        }
        while (segments.isEmpty() && !memory.isEmpty() && isExpired(memory.getFirst().putNanos())) {
            tooOld++;
            dropped("too_old", 1);
            removeFirstInMemory();
        }
    }

    private boolean isExpired(long putNanos) {
        return clock.nanoTime() - putNanos > maxAge.toNanos();
    }

    private void dropExcess() {
        long bytes = bytesOnDisk();
        while (bytes > maxBytes && segments.size() > 1) {
            Segment first = segments.getFirst();
            bytes -= first.bytes();
            tooMuch += first.records();
            dropped("too_much", first.records());
            removeFirstSegment();
        }
        while (bytesInMemory > MAX_MEMORY_BYTES) {
            tooMuch++;
            dropped("too_much_in_memory", 1);
            removeFirstInMemory();
        }
    }

    private void removeFirstInMemory() {
        if (segments.isEmpty()) {
            returned = null;
        }
        bytesInMemory -= memory.removeFirst().bytes();
    }

    private long bytesOnDisk() {
        return segments.stream().mapToLong(Segment::bytes).sum();
    }

    /** Syncs all items to disk; for when they may have to stay for long. */
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
        Instant oldestInMemory = waiting == null ? null : waiting.putAt();
        Instant oldest = first == null ? oldestInMemory : first.oldest();
        return new Depth(segments.stream().mapToInt(Segment::records).sum() + memory.size(),
                bytesOnDisk() + bytesInMemory, oldest, memory.size(), tooOld, tooMuch, damaged, diskFailures);
    }

    private synchronized void diskFailed(Exception cause) {
        diskFailures++;
        if (!isDiskFailing) {
            isDiskFailing = true;
            log.warn("spool_disk_failed folder=" + folder + " cause=\"" + cause
                    + "\"; items that cannot be written are kept in memory, up to a limit");
        }
    }

    private void countDamage(Segment segment) {
        int met = segment.takeDamaged();
        if (met > 0 && damaged == 0) {
            log.warn("spool_damaged file=" + segment.file()
                    + "; damaged sections are skipped, and counted from now on");
        }
        damaged += met;
    }

    private void dropped(String cause, int batches) {
        if (!isDropping) {
            isDropping = true;
            log.warn("spool_dropped cause=" + cause + " batches=" + batches
                    + "; more are counted until the queue is empty");
        }
    }

    /** The queue stays on disk. Items put after this are lost with the process. */
    @Override
    public void close() {
        synchronized (this) {
            if (isClosed) {
                return;
            }
            if (!memory.isEmpty()) {
                writeMemory();
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
