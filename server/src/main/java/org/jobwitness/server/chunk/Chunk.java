package org.jobwitness.server.chunk;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Rows of figures over a stretch of time: each row has a moment, and each column a value or nothing for each row. What a
 * column's id means, its unit and its scale are the caller's. Never changes.
 */
public final class Chunk {
    /** More rows than a day at one every 6 s; an hour has 240 at one every 15 s, and 3,600 at one a second. */
    public static final int MAX_ROWS = 16_384;
    public static final int MAX_COLUMNS = 256;
    /** Rows times columns; 8 bytes each in memory. */
    public static final int MAX_VALUES = 1 << 20;

    private final long[] timesMicros;
    private final List<ChunkColumn> columns;

    /**
     * Made of copies.
     *
     * @param timesMicros of the rows, microseconds since 1970-01-01T00:00:00Z, each later than the one before
     * @param columns with as many rows each, no two of one id, in any order
     */
    public Chunk(long[] timesMicros, List<ChunkColumn> columns) {
        this.timesMicros = timesMicros.clone();
        this.columns = columns.stream().sorted(Comparator.comparingInt(ChunkColumn::id)).toList();
        check(this.timesMicros, this.columns);
    }

    private static void check(long[] timesMicros, List<ChunkColumn> columns) {
        int rows = timesMicros.length;
        if (rows > MAX_ROWS || columns.size() > MAX_COLUMNS || (long) rows * columns.size() > MAX_VALUES) {
            throw new IllegalArgumentException("a chunk has at most " + MAX_ROWS + " rows, " + MAX_COLUMNS
                    + " columns and " + MAX_VALUES + " values, was given " + rows + " rows of " + columns.size());
        }
        int unordered = firstUnordered(timesMicros);
        if (unordered < rows) {
            throw new IllegalArgumentException(
                    "row " + unordered + " of a chunk must be later than the one before, was "
                            + timesMicros[unordered] + " after " + timesMicros[unordered - 1]);
        }
        for (int i = 0; i < columns.size(); i++) {
            ChunkColumn column = columns.get(i);
            if (column.rows() != rows) {
                throw new IllegalArgumentException("column " + column.id() + " must have " + rows
                        + " rows as the chunk has, had " + column.rows());
            }
            if (i > 0 && column.id() == columns.get(i - 1).id()) {
                throw new IllegalArgumentException("a chunk has one column of an id, was given two of " + column.id());
            }
        }
    }

    /** The first row that is not later than the one before; the number of rows if there is none. */
    public static int firstUnordered(long[] timesMicros) {
        for (int row = 1; row < timesMicros.length; row++) {
            if (timesMicros[row] <= timesMicros[row - 1]) {
                return row;
            }
        }
        return timesMicros.length;
    }

    public int rows() {
        return timesMicros.length;
    }

    /** Microseconds since 1970-01-01T00:00:00Z. */
    public long timeMicros(int row) {
        return timesMicros[row];
    }

    /** By ascending id. */
    public List<ChunkColumn> columns() {
        return columns;
    }

    /** The column of this id, if the chunk has it; a figure that was null in all rows has none. */
    public Optional<ChunkColumn> column(int id) {
        return columns.stream().filter(column -> column.id() == id).findAny();
    }

    /** Not to be changed. */
    public long[] times() {
        return timesMicros;
    }

    /** A chunk with the same rows and the same columns, bit for bit. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Chunk chunk && Arrays.equals(timesMicros, chunk.timesMicros)
                && columns.equals(chunk.columns);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(timesMicros) + columns.hashCode();
    }

    @Override
    public String toString() {
        return "Chunk of " + rows() + " rows, " + columns;
    }
}
