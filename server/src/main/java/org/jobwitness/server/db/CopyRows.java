package org.jobwitness.server.db;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Instant;
import org.jdbi.v3.core.Handle;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/**
 * Rows to be written with COPY in its binary format (PostgreSQL's documentation of COPY, "Binary Format"): the
 * cheapest way to insert. Values are put in the order of the columns. Not thread-safe.
 */
public final class CopyRows {
    private static final byte[] HEADER = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xff, '\r', '\n', 0, 0, 0, 0, 0,
            0, 0, 0, 0};
    private static final int FLOAT8 = 701;
    private static final int FLOAT4 = 700;
    /** PostgreSQL counts microseconds from 2000-01-01T00:00:00Z. */
    private static final long EPOCH_MICROS = 946_684_800_000_000L;
    private static final int BUFFER_SIZE = 64 << 10;

    private final int columns;
    private ByteBuffer rows = ByteBuffer.allocate(BUFFER_SIZE).put(HEADER);
    private long count;

    public CopyRows(int columns) {
        this.columns = columns;
    }

    public CopyRows row() {
        room(2).putShort((short) columns);
        count++;
        return this;
    }

    public CopyRows put(long value) {
        room(12).putInt(8).putLong(value);
        return this;
    }

    /** For a column of type integer. */
    public CopyRows putInt(int value) {
        room(8).putInt(4).putInt(value);
        return this;
    }

    public CopyRows put(String text) {
        return put(text.getBytes(StandardCharsets.UTF_8));
    }

    public CopyRows put(byte[] bytes) {
        room(4 + bytes.length).putInt(bytes.length).put(bytes);
        return this;
    }

    /** A moment, to the microsecond. */
    public CopyRows put(Instant time) {
        return put(Columns.micros(time) - EPOCH_MICROS);
    }

    /** An array of double precision; NaN stands for null. */
    public CopyRows putDoubles(double[] values, int length) {
        return putArray(FLOAT8, values, length);
    }

    /** An array of real; NaN stands for null. */
    public CopyRows putReals(double[] values, int length) {
        return putArray(FLOAT4, values, length);
    }

    private CopyRows putArray(int type, double[] values, int length) {
        int size = type == FLOAT8 ? 8 : 4;
        ByteBuffer out = room(4 + 20 + length * (4 + size));
        int start = out.position();
        out.putInt(0).putInt(length == 0 ? 0 : 1);
        int hasNulls = out.position();
        out.putInt(0).putInt(type);
        if (length > 0) {
            out.putInt(length).putInt(1);
        }
        for (int i = 0; i < length; i++) {
            if (Double.isNaN(values[i])) {
                out.putInt(-1).putInt(hasNulls, 1);
            } else if (type == FLOAT8) {
                out.putInt(8).putDouble(values[i]);
            } else {
                out.putInt(4).putFloat((float) values[i]);
            }
        }
        out.putInt(start, out.position() - start - 4);
        return this;
    }

    private ByteBuffer room(int bytes) {
        if (rows.remaining() < bytes) {
            rows = ByteBuffer.allocate(Math.max(2 * rows.capacity(), rows.position() + bytes)).put(rows.flip());
        }
        return rows;
    }

    public long count() {
        return count;
    }

    public int size() {
        return rows.position();
    }

    /**
     * Writes the rows, in the handle's transaction.
     *
     * @param into the table and its columns, as COPY names them; never anything from outside
     */
    public void write(Handle handle, String into) throws SQLException {
        if (count == 0) {
            return;
        }
        room(2).putShort((short) -1);
        CopyIn copy = handle.getConnection().unwrap(PGConnection.class).getCopyAPI()
                .copyIn("copy " + into + " from stdin (format binary)");
        try {
            for (int at = 0; at < rows.position(); at += BUFFER_SIZE) {
                copy.writeToCopy(rows.array(), at, Math.min(BUFFER_SIZE, rows.position() - at));
            }
            copy.endCopy();
        } finally {
            if (copy.isActive()) {
                copy.cancelCopy();
            }
        }
    }
}
