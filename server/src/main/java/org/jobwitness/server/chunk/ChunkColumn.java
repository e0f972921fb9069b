package org.jobwitness.server.chunk;

import java.util.Arrays;
import java.util.BitSet;

/**
 * The values of one figure, a whole number or a double or nothing in each row. Never changes. A double is kept bit for
 * bit: negative zero is not zero, and each NaN is the NaN it was.
 */
public final class ChunkColumn {
    public static final int MAX_ID = 65_535;

    /** What the values are. */
    public enum Kind {
        WHOLE,
        DOUBLE
    }

    private final int id;
    private final Kind kind;
    /** By row; of a double its bits, of nothing 0. */
    private final long[] bits;
    /** The rows that have a value. */
    private final BitSet present;
    private final int values;

    /** Takes the arrays over; they must not be changed afterwards. */
    ChunkColumn(int id, Kind kind, long[] bits, BitSet present) {
        if (id < 1 || id > MAX_ID) {
            throw new IllegalArgumentException("a column's id must be 1.." + MAX_ID + ", was " + id);
        }
        if (present.length() > bits.length) {
            throw new IllegalArgumentException("column " + id + " has " + bits.length + " rows, but row "
                    + (present.length() - 1) + " was named");
        }
        this.id = id;
        this.kind = kind;
        this.bits = bits;
        this.present = present;
        values = present.cardinality();
        if (values < bits.length) {
            for (int row = present.nextClearBit(0); row < bits.length; row = present.nextClearBit(row + 1)) {
                bits[row] = 0;
            }
        }
    }

    /**
     * A column of whole numbers, copied.
     *
     * @param values one a row
     * @param absent the rows without a value, whatever stands there
     */
    public static ChunkColumn whole(int id, long[] values, BitSet absent) {
        return new ChunkColumn(id, Kind.WHOLE, values.clone(), others(values.length, absent));
    }

    /** A column of doubles, copied; as {@link #whole}. */
    public static ChunkColumn doubles(int id, double[] values, BitSet absent) {
        long[] bits = new long[values.length];
        for (int row = 0; row < bits.length; row++) {
            bits[row] = Double.doubleToRawLongBits(values[row]);
        }
        return new ChunkColumn(id, Kind.DOUBLE, bits, others(values.length, absent));
    }

    private static BitSet others(int rows, BitSet absent) {
        if (absent.length() > rows) {
            throw new IllegalArgumentException("row " + (absent.length() - 1) + " of " + rows + " rows is absent");
        }
        BitSet present = new BitSet(rows);
        present.set(0, rows);
        present.andNot(absent);
        return present;
    }

    public int id() {
        return id;
    }

    public Kind kind() {
        return kind;
    }

    public int rows() {
        return bits.length;
    }

    /** How many rows have a value. */
    public int values() {
        return values;
    }

    public boolean isNull(int row) {
        return !present.get(row);
    }

    /** The whole number of a row that has one. */
    public long wholeAt(int row) {
        return bitsAt(row, Kind.WHOLE);
    }

    /** The double of a row that has one. */
    public double doubleAt(int row) {
        return Double.longBitsToDouble(bitsAt(row, Kind.DOUBLE));
    }

    private long bitsAt(int row, Kind asked) {
        if (kind != asked || isNull(row)) {
            throw new IllegalStateException("column " + id + " (" + kind + ") has no " + asked + " in row " + row);
        }
        return bits[row];
    }

    /** By row, 0 where there is no value; not to be changed. */
    public long[] bits() {
        return bits;
    }

    /** Not to be changed. */
    BitSet present() {
        return present;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ChunkColumn column && id == column.id && kind == column.kind
                && Arrays.equals(bits, column.bits) && present.equals(column.present);
    }

    @Override
    public int hashCode() {
        return 31 * id + Arrays.hashCode(bits);
    }

    @Override
    public String toString() {
        return "column " + id + " (" + kind + ", " + values + " values)";
    }
}
