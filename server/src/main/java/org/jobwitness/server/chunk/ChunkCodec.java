package org.jobwitness.server.chunk;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.zip.CRC32C;
import org.jobwitness.server.chunk.ChunkColumn.Kind;

/**
 * Packs chunks into bytes and back, exactly; docs/packed-history.md describes the format, byte by byte. What was packed
 * stays readable: a change of the format needs a new {@link #VERSION}, and this one's chunks must still be read.
 */
public final class ChunkCodec {
    static final int VERSION = 1;
    static final int HEADER = 13;
    /** The longest content that is decompressed: as many values as a chunk may have, and all that stands before them. */
    static final int MAX_CONTENT = 16 << 20;
    /** Where the checksum stands. */
    static final int CHECKSUM = 4;
    private static final int MAGIC = ('J' << 16) | ('W' << 8) | 'C';
    private static final int STORED = 0;
    private static final int ZSTD = 1;
    private static final int TIMES = 0;
    private static final int TYPE_WHOLE = 0;
    private static final int TYPE_DOUBLE = 1;
    /** This, and one more for each digit behind the point. */
    private static final int TYPE_DECIMAL = 2;
    private static final int NO_NULLS = 0;
    private static final int SOME_NULLS = 1;

    private ChunkCodec() {
    }

    /** Packs a chunk. Columns without any value are left out. */
    public static byte[] encode(Chunk chunk) {
        int rows = chunk.rows();
        ByteSink content = new ByteSink(64 + 16 * rows);
        content.putUnsigned(rows);
        if (rows > 0) {
            ByteSink body = new ByteSink(64 + 2 * rows);
            SeriesCodec series = new SeriesCodec(rows);
            List<ChunkColumn> columns = chunk.columns().stream().filter(column -> column.values() > 0).toList();
            content.putUnsigned(columns.size());
            body.put(NO_NULLS);
            series.encode(chunk.times(), rows, body);
            putColumn(TIMES, TYPE_WHOLE, body, content);
            long[] scratch = new long[rows];
            for (ChunkColumn column : columns) {
                encode(column, scratch, series, body, content);
            }
        }
        return container(content);
    }

    private static void encode(ChunkColumn column, long[] scratch, SeriesCodec series, ByteSink body,
            ByteSink content) {
        int rows = column.rows();
        int length = column.values();
        long[] values = column.bits();
        if (length == rows) {
            body.put(NO_NULLS);
        } else {
            body.put(SOME_NULLS);
            putRows(column.present(), rows, body);
            BitSet present = column.present();
            int at = 0;
            for (int row = present.nextSetBit(0); row >= 0; row = present.nextSetBit(row + 1)) {
                scratch[at++] = values[row];
            }
            values = scratch;
        }
        int type = TYPE_WHOLE;
        if (column.kind() == Kind.DOUBLE) {
            if (length == rows) {
                System.arraycopy(values, 0, scratch, 0, rows);
                values = scratch;
            }
            int digits = Decimals.scale(values, length);
            type = digits < 0 ? TYPE_DOUBLE : TYPE_DECIMAL + digits;
        }
        series.encode(values, length, body);
        putColumn(column.id(), type, body, content);
    }

    /** A bit a row, the first row lowest. */
    private static void putRows(BitSet present, int rows, ByteSink body) {
        byte[] bits = new byte[(rows + 7) / 8];
        byte[] set = present.toByteArray();
        System.arraycopy(set, 0, bits, 0, set.length);
        body.put(bits, bits.length);
    }

    private static void putColumn(int id, int type, ByteSink body, ByteSink content) {
        content.putUnsigned(id);
        content.put(type);
        content.putUnsigned(body.size());
        content.put(body.array(), body.size());
        body.clear();
    }

    private static byte[] container(ByteSink content) {
        byte[] frame = new byte[Zstd.maxCompressedLength(content.size())];
        int length = Zstd.compress(content.array(), content.size(), frame);
        boolean isSmaller = length < content.size();
        int stored = isSmaller ? length : content.size();
        byte[] chunk = new byte[HEADER + stored];
        ByteBuffer.wrap(chunk).putInt((MAGIC << 8) | VERSION).putInt(0).put((byte) (isSmaller ? ZSTD : STORED))
                .putInt(content.size()).put(isSmaller ? frame : content.array(), 0, stored)
                .putInt(CHECKSUM, checksum(chunk));
        return chunk;
    }

    /** CRC-32C of all bytes but its own. */
    static int checksum(byte[] chunk) {
        CRC32C crc = new CRC32C();
        crc.update(chunk, 0, CHECKSUM);
        crc.update(chunk, CHECKSUM + 4, chunk.length - CHECKSUM - 4);
        return (int) crc.getValue();
    }

    /** Reads a chunk with all its columns. */
    public static Chunk decode(byte[] bytes) throws UnreadableChunkException {
        return decode(bytes, _ -> true);
    }

    /**
     * Reads a chunk, but only the columns that are wanted. The others cost nothing, and may be of a type that this
     * version does not know.
     *
     * @param wanted says of a column's id whether to read it
     */
    public static Chunk decode(byte[] bytes, IntPredicate wanted) throws UnreadableChunkException {
        if (bytes.length < HEADER) {
            throw new UnreadableChunkException(
                    "a chunk has at least " + HEADER + " bytes, these are " + bytes.length);
        }
        ByteBuffer header = ByteBuffer.wrap(bytes);
        int start = header.getInt();
        if (start >>> 8 != MAGIC) {
            throw new UnreadableChunkException("a chunk begins with JWC, these bytes do not");
        }
        if ((start & 0xFF) != VERSION) {
            throw new UnreadableChunkException("the chunk is of version " + (start & 0xFF)
                    + " of the format, this server reads version " + VERSION);
        }
        int checksum = header.getInt();
        if (checksum != checksum(bytes)) {
            throw new UnreadableChunkException(String.format(Locale.ROOT,
                    "the chunk is damaged: its checksum is %08x, it says %08x", checksum(bytes), checksum));
        }
        return decode(content(bytes, header.get(), header.getInt()), wanted);
    }

    private static ByteSource content(byte[] bytes, int compression, int length) throws UnreadableChunkException {
        int stored = bytes.length - HEADER;
        if (length < 0 || length > MAX_CONTENT) {
            throw new UnreadableChunkException(
                    "the chunk's content must be 0.." + MAX_CONTENT + " bytes; it says " + length);
        }
        if (compression == ZSTD) {
            byte[] plain = new byte[length];
            Zstd.decompress(bytes, HEADER, stored, plain);
            return new ByteSource(plain, 0, length);
        }
        if (compression != STORED) {
            throw new UnreadableChunkException("the chunk's content has the unknown compression " + compression);
        }
        if (length != stored) {
            throw new UnreadableChunkException(
                    "the chunk's content is not compressed, but has two lengths: " + length + " and " + stored);
        }
        return new ByteSource(bytes, HEADER, bytes.length);
    }

    /** A column as it is stored. */
    private record Packed(int id, int type, ByteSource body) {
        static Packed read(ByteSource content) throws UnreadableChunkException {
            int id = content.getUnsigned(ChunkColumn.MAX_ID, "a column's id");
            int type = content.get();
            return new Packed(id, type, content.part(content.getUnsigned(MAX_CONTENT, "a column's length")));
        }
    }

    private static Chunk decode(ByteSource content, IntPredicate wanted) throws UnreadableChunkException {
        int rows = content.getUnsigned(Chunk.MAX_ROWS, "a chunk's number of rows");
        long[] times = new long[0];
        List<ChunkColumn> columns = new ArrayList<>();
        if (rows > 0) {
            int max = Math.min(Chunk.MAX_COLUMNS, Chunk.MAX_VALUES / rows);
            int count = content.getUnsigned(max, "the number of columns of " + rows + " rows");
            times = times(rows, Packed.read(content));
            int last = TIMES;
            for (int i = 0; i < count; i++) {
                Packed packed = Packed.read(content);
                if (packed.id() <= last) {
                    throw new UnreadableChunkException("column " + packed.id() + " comes after column " + last);
                }
                last = packed.id();
                if (wanted.test(last)) {
                    columns.add(column(rows, packed));
                }
            }
        }
        if (content.left() > 0) {
            throw new UnreadableChunkException("there are bytes behind the last column");
        }
        return new Chunk(times, columns);
    }

    private static long[] times(int rows, Packed packed) throws UnreadableChunkException {
        if (packed.id() != TIMES || packed.type() != TYPE_WHOLE || packed.body().get() != NO_NULLS) {
            throw new UnreadableChunkException("the first column of a chunk must be its times");
        }
        long[] times = SeriesCodec.decode(rows, packed.body());
        int unordered = Chunk.firstUnordered(times);
        if (unordered < rows) {
            throw new UnreadableChunkException("row " + unordered + " is not later than the one before");
        }
        return times;
    }

    private static ChunkColumn column(int rows, Packed packed) throws UnreadableChunkException {
        if (packed.type() > TYPE_DECIMAL + Decimals.MAX_DIGITS) {
            throw new UnreadableChunkException("column " + packed.id() + " is of the unknown type " + packed.type());
        }
        BitSet present = present(rows, packed);
        int length = present.cardinality();
        long[] values = SeriesCodec.decode(length, packed.body());
        if (packed.type() >= TYPE_DECIMAL) {
            for (int i = 0; i < length; i++) {
                values[i] = Double
                        .doubleToRawLongBits(Decimals.unscaled(values[i], packed.type() - TYPE_DECIMAL));
            }
        }
        Kind kind = packed.type() == TYPE_WHOLE ? Kind.WHOLE : Kind.DOUBLE;
        return new ChunkColumn(packed.id(), kind, length == rows ? values : spread(values, rows, present), present);
    }

    private static BitSet present(int rows, Packed packed) throws UnreadableChunkException {
        int nulls = packed.body().get();
        if (nulls == NO_NULLS) {
            BitSet all = new BitSet(rows);
            all.set(0, rows);
            return all;
        }
        if (nulls != SOME_NULLS) {
            throw new UnreadableChunkException("column " + packed.id() + " has an unknown mark of nulls");
        }
        byte[] bits = new byte[(rows + 7) / 8];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = (byte) packed.body().get();
        }
        BitSet present = BitSet.valueOf(bits);
        if (present.length() > rows || present.isEmpty()) {
            throw new UnreadableChunkException(
                    "column " + packed.id() + " has values in rows that are not there, or none");
        }
        return present;
    }

    private static long[] spread(long[] values, int rows, BitSet present) {
        long[] spread = new long[rows];
        int at = 0;
        for (int row = present.nextSetBit(0); row >= 0; row = present.nextSetBit(row + 1)) {
            spread[row] = values[at++];
        }
        return spread;
    }
}
