package org.jobwitness.server.sample;

import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkCodec;
import org.jobwitness.server.chunk.ChunkColumn;
import org.jobwitness.server.db.CopyRows;
import org.jobwitness.wire.Figure;

/** Packs rows of one series into chunks, and writes them. Made for one transaction; not thread-safe. */
final class ChunkTable {
    private static final String INTO = "chunk (job_key, node, gpu, t0, t1, rows, min, mean, max, data)";
    private static final int BYTES_AT_ONCE = 4 << 20;

    private final Handle handle;
    private CopyRows chunks = new CopyRows(10);

    ChunkTable(Handle handle) {
        this.handle = handle;
    }

    /**
     * Adds one chunk.
     *
     * @param rows of one series, within one hour (UTC), each later than the one before; at most {@code Chunk.MAX_ROWS}
     */
    void add(List<BufferRow> rows) throws SQLException {
        BufferRow first = rows.getFirst();
        List<Figure> figures = Figure.all(first.gpu().isEmpty() ? Figure.Of.JOB : Figure.Of.GPU);
        double[] min = new double[figures.size()];
        double[] mean = new double[figures.size()];
        double[] max = new double[figures.size()];
        List<ChunkColumn> columns = new ArrayList<>();
        int known = 0;
        for (Figure figure : figures) {
            int i = figure.number() - 1;
            double[] values = rows.stream().mapToDouble(row -> row.figure(i))
                    .toArray();
            summarise(values, i, min, mean, max);
            if (!Double.isNaN(mean[i])) {
                columns.add(column(figure, values));
                known = figure.number();
            }
        }
        long[] times = rows.stream().mapToLong(BufferRow::atMicros).toArray();
        Instant last = rows.getLast().at();
        chunks.row().put(first.run()).put(first.node()).put(first.gpu()).put(first.at()).put(last).putInt(rows.size())
                .putReals(min, known).putReals(mean, known).putReals(max, known)
                .put(ChunkCodec.encode(new Chunk(times, columns)));
        if (chunks.size() > BYTES_AT_ONCE) {
            write();
        }
    }

    private static void summarise(double[] values, int i, double[] min, double[] mean, double[] max) {
        double sum = 0;
        int count = 0;
        min[i] = Double.NaN;
        max[i] = Double.NaN;
        for (double value : values) {
            if (!Double.isNaN(value)) {
                sum += value;
                count++;
                min[i] = Double.isNaN(min[i]) ? value : Math.min(min[i], value);
                max[i] = Double.isNaN(max[i]) ? value : Math.max(max[i], value);
            }
        }
        mean[i] = count == 0 ? Double.NaN : sum / count;
    }

    private static ChunkColumn column(Figure figure, double[] values) {
        BitSet absent = new BitSet(values.length);
        long[] whole = new long[values.length];
        for (int row = 0; row < values.length; row++) {
            absent.set(row, Double.isNaN(values[row]));
            whole[row] = (long) values[row];
        }
        return figure.isWhole()
                ? ChunkColumn.whole(figure.number(), whole, absent)
                : ChunkColumn.doubles(figure.number(), values, absent);
    }

    /** Writes what has been added. */
    void write() throws SQLException {
        chunks.write(handle, INTO);
        chunks = new CopyRows(10);
    }
}
