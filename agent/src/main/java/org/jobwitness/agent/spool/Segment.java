package org.jobwitness.agent.spool;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One file of the queue: records, appended at the end and removed from the front. {@link BatchSpool} describes the format. Removals
 * are kept in memory only. No file stays open. Guarded by {@link BatchSpool}.
 */
final class Segment {
    static final int MAX_BODY_BYTES = 1 << 20;
    /** A file of this size is closed: so much is sent again at most after a restart. */
    static final int FULL_BYTES = 64 << 10;

    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");
    private static final int MARKER = 0x4A574231; // JWB1
    private static final int HEADER_BYTES = 20;
    private static final int CRC_OFFSET = 16;
    private static final int MAX_FILE_BYTES = FULL_BYTES + HEADER_BYTES + MAX_BODY_BYTES;

    private record Entry(long offset, int bytes, Instant putAt) {
    }

    /** @param damaged number of sections that are no records */
    private record Scan(Deque<Entry> valid, int damaged) {
    }

    private final Path file;
    private boolean isOpen;
    private boolean isForced;
    /** After the last complete record. */
    private long end;
    private int records;
    private Instant oldest;
    private Instant newest;
    /** When the newest was put, on the monotonic clock. */
    private long newestNanos;
    /** The positions of the records; null unless this is the segment that is read. */
    private @Nullable Deque<Entry> entries;
    private int damaged;

    private Segment(Path file, Instant putAt) {
        this.file = file;
        this.oldest = putAt;
        this.newest = putAt;
    }

    /** Creates the file, with its first record. */
    static Segment create(Path file, byte[] body, Instant putAt, long putNanos) throws IOException {
        Segment segment = new Segment(file, putAt);
        try {
            segment.append(body, putAt, putNanos);
        } catch (IOException e) {
            segment.delete();
            throw e;
        }
        return segment;
    }

    /** A file of an earlier process. It is not appended to, because its end may be incomplete. */
    static Segment leftBehind(Path file) throws IOException {
        Segment segment = new Segment(file, Instant.EPOCH);
        Scan scan = segment.scan();
        Deque<Entry> found = scan.valid();
        segment.damaged = scan.damaged();
        segment.records = found.size();
        if (!found.isEmpty()) {
            segment.oldest = found.getFirst().putAt();
            segment.newest = found.getLast().putAt();
            segment.end = found.getLast().offset() + found.getLast().bytes();
        }
        return segment;
    }

    /** After a failure the segment accepts no more records. */
    void append(byte[] body, Instant putAt, long putNanos) throws IOException {
        isOpen = false;
        ByteBuffer record = record(body, putAt);
        int bytes = record.remaining();
        try (FileChannel channel = end == 0 ? make() : open(StandardOpenOption.WRITE)) {
            long position = end;
            while (record.hasRemaining()) {
                position += channel.write(record, position);
            }
        }
        if (entries != null) {
            entries.add(new Entry(end, bytes, putAt));
        }
        end += bytes;
        if (records++ == 0) {
            oldest = putAt;
        }
        newest = putAt;
        newestNanos = putNanos;
        isForced = false;
        isOpen = end < FULL_BYTES;
    }

    /** The oldest body; null if no record is valid any more. */
    byte @Nullable [] read() throws IOException {
        Deque<Entry> left = entries();
        for (Entry entry = left.peekFirst(); entry != null; entry = left.peekFirst()) {
            ByteBuffer record = ByteBuffer.allocate(entry.bytes());
            try (FileChannel channel = open(StandardOpenOption.READ)) {
                readFully(channel, record, entry.offset());
            } catch (EOFException e) {
                record.clear();
            }
            if (bytesOfValidRecord(record, 0) == entry.bytes()) {
                byte[] body = new byte[entry.bytes() - HEADER_BYTES];
                record.get(HEADER_BYTES, body);
                return body;
            }
            damaged++;
            removeOldest();
        }
        return null;
    }

    void removeOldest() throws IOException {
        Deque<Entry> left = entries();
        left.pollFirst();
        records = left.size();
        if (!left.isEmpty()) {
            oldest = left.getFirst().putAt();
        }
    }

    private Deque<Entry> entries() throws IOException {
        if (entries == null) {
            entries = scan().valid();
            damaged += Math.max(0, records - entries.size());
            records = entries.size();
        }
        return entries;
    }

    /** Finds the valid records, also after damage. */
    private Scan scan() throws IOException {
        ByteBuffer bytes;
        try (FileChannel channel = open(StandardOpenOption.READ)) {
            bytes = ByteBuffer.allocate((int) Math.min(channel.size(), MAX_FILE_BYTES));
            readFully(channel, bytes, 0);
        }
        Deque<Entry> found = new ArrayDeque<>();
        int damages = 0;
        boolean isInDamage = false;
        for (int at = 0; at < bytes.limit();) {
            int valid = bytesOfValidRecord(bytes, at);
            if (valid > 0) {
                Instant putAt = Instant.ofEpochMilli(bytes.getLong(at + 8));
                found.add(new Entry(at, valid, putAt));
                at += valid;
            } else {
                damages += isInDamage ? 0 : 1;
                at++;
            }
            isInDamage = valid == 0;
        }
        return new Scan(found, damages);
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long from) throws IOException {
        long position = from;
        while (into.hasRemaining()) {
            int read = channel.read(into, position);
            if (read < 0) {
                throw new EOFException("shorter than it was");
            }
            position += read;
        }
    }

    private static ByteBuffer record(byte[] body, Instant putAt) {
        ByteBuffer record = ByteBuffer.allocate(HEADER_BYTES + body.length)
                .putInt(MARKER).putInt(body.length).putLong(putAt.toEpochMilli());
        record.position(HEADER_BYTES).put(body);
        record.putInt(CRC_OFFSET, checksum(record, 0, record.limit()));
        return record.flip();
    }

    /** 0 if there is no valid record at that position. */
    private static int bytesOfValidRecord(ByteBuffer bytes, int at) {
        int left = bytes.limit() - at;
        if (left < HEADER_BYTES || bytes.getInt(at) != MARKER) {
            return 0;
        }
        int length = bytes.getInt(at + 4);
        if (length < 0 || length > MAX_BODY_BYTES || length > left - HEADER_BYTES) {
            return 0;
        }
        int all = HEADER_BYTES + length;
        return checksum(bytes, at, all) == bytes.getInt(at + CRC_OFFSET) ? all : 0;
    }

    /** Of a record without its checksum. */
    private static int checksum(ByteBuffer bytes, int at, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(at, CRC_OFFSET));
        crc.update(bytes.slice(at + HEADER_BYTES, length - HEADER_BYTES));
        return (int) crc.getValue();
    }

    private FileChannel make() throws IOException {
        return FileChannel.open(file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    }

    private FileChannel open(StandardOpenOption how) throws IOException {
        return FileChannel.open(file, how, LinkOption.NOFOLLOW_LINKS);
    }

    void delete() throws IOException {
        Files.deleteIfExists(file);
    }

    Path file() {
        return file;
    }

    boolean isOpen() {
        return isOpen;
    }

    boolean isForced() {
        return isForced;
    }

    /** Set before the sync, so that a record appended meanwhile does not count as forced. */
    void setForced() {
        isForced = true;
    }

    int records() {
        return records;
    }

    long bytes() {
        return end;
    }

    Instant oldest() {
        return oldest;
    }

    Instant newest() {
        return newest;
    }

    long newestNanos() {
        return newestNanos;
    }

    void setNewestNanos(long nanos) {
        newestNanos = nanos;
    }

    /** The damage found since the last call. */
    int takeDamaged() {
        int found = damaged;
        damaged = 0;
        return found;
    }
}
