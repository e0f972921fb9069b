package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jobwitness.server.db.CopyRows;
import org.jobwitness.server.db.Database;
import org.postgresql.PGStatement;

/**
 * Owns the two buffers that samples are written to: one is active, the other closing, which is packed and then emptied. They
 * are rotated only while nobody writes: writers share a lock that a rotation has alone.
 */
final class SampleBuffer {
    private static final String COLUMNS = " (job_key, node, gpu, at, figures)";
    private static final String LOCK = "hashtextextended('sample_buffer', 0)";
    private static final long ALL = Long.MAX_VALUE;
    private static final int ROWS_AT_ONCE = 5_000;

    private SampleBuffer() {
    }

    /**
     * The closing buffer.
     *
     * @param sealedTo runs with a lower key are packed
     */
    record Closing(int buffer, long sealedTo, Instant closedAt) {
        boolean isSealed() {
            return sealedTo == ALL;
        }

        String table() {
            return SampleBuffer.table(buffer);
        }
    }

    static String table(int buffer) {
        return "sample_buffer_" + buffer;
    }

    /** Adds samples to the active buffer; of GPUs, those that a job holds alone. */
    static void add(Handle handle, List<Sample> samples) throws SQLException {
        CopyRows rows = new CopyRows(5);
        for (Sample sample : samples) {
            put(rows, sample.run(), sample.node(), "", sample.at(), sample.figures());
            for (Sample.Gpu gpu : sample.gpus()) {
                if (gpu.isAlone()) {
                    put(rows, sample.run(), sample.node(), gpu.gpu(), sample.at(), gpu.figures());
                }
            }
        }
        write(handle, rows);
    }

    private static void put(CopyRows rows, long run, String node, String gpu, Instant at, Figures figures) {
        double[] values = figures.toArray();
        rows.row().put(run).put(node).put(gpu).put(at).putDoubles(values, values.length);
    }

    private static void write(Handle handle, CopyRows rows) throws SQLException {
        handle.execute("select pg_advisory_xact_lock_shared(" + LOCK + ")");
        // Read only now: a statement's snapshot is taken when it starts, before it waits for a lock.
        rows.write(handle, table(active(handle)) + COLUMNS);
    }

    private static int active(Handle handle) {
        return handle.createQuery("select buffer from sample_buffer where is_active").mapTo(Integer.class).one();
    }

    /** Copies rows of the closing buffer to the active one. */
    static void carryOver(Handle handle, List<BufferRow> rows) throws SQLException {
        CopyRows copy = new CopyRows(5);
        rows.forEach(row -> copy.row().put(row.run()).put(row.node()).put(row.gpu()).put(row.at())
                .putDoubles(row.figures(), row.length()));
        if (copy.count() > 0) {
            write(handle, copy);
        }
    }

    /**
     * Swaps active and closing. A server that has lost its leadership without knowing comes too late: the closing buffer is
     * not empty any more, and nothing changes.
     */
    static void rotate(Handle handle, Instant now) {
        // This row before that lock, in the order of packing: else each could wait for the other.
        Closing closing = closing(handle);
        handle.execute("select pg_advisory_xact_lock(" + LOCK + ")");
        handle.createUpdate("update sample_buffer set is_active = not is_active, activated_at = :now, sealed_to = 0"
                + " where not exists (select from " + closing.table() + ")").bind("now", now).execute();
    }

    /** When the active buffer became active. */
    static Instant activatedAt(Handle handle) {
        return handle.createQuery("select activated_at from sample_buffer where is_active").mapTo(Instant.class).one();
    }

    /** Whether the active buffer holds about so many rows that are older; from one in a hundred of its pages. */
    static boolean hasAbout(Handle handle, int rows, Instant olderThan) {
        return handle.createQuery("select count(*) from " + table(active(handle))
                + " tablesample system (1) where at < :at").bind("at", olderThan).mapTo(Long.class).one() * 100 >= rows;
    }

    /** The closing buffer; locked until the transaction ends, so that two servers do not pack the same. */
    static Closing closing(Handle handle) {
        return handle.createQuery("""
                select closing.buffer, closing.sealed_to, active.activated_at from sample_buffer closing
                join sample_buffer active on active.is_active where not closing.is_active for update of closing""")
                .map((row, _) -> new Closing(row.getInt("buffer"), row.getLong("sealed_to"),
                        knownTime(row, "activated_at")))
                .one();
    }

    /** The last run of about the next so many rows of the closing buffer; 0 if none are left. */
    static long nextSlice(Handle handle, Closing closing, int rows) {
        return handle.createQuery("select coalesce(max(job_key), 0) from (select job_key from " + closing.table()
                + " where job_key >= :from order by job_key limit :rows) slice").bind("from", closing.sealedTo())
                .bind("rows", rows).mapTo(Long.class).one();
    }

    @FunctionalInterface
    interface Consumer {
        void accept(BufferRow row) throws SQLException;
    }

    /** Reads a slice by run, node, GPU and time, without the rows of deleted runs. */
    static void each(Handle handle, Closing closing, long last, Consumer consumer) throws SQLException {
        try (PreparedStatement query = handle.getConnection().prepareStatement("select job_key, node, gpu, at, figures"
                + " from " + closing.table() + " where job_key between ? and ?"
                + " and exists (select from job where job.job_key = " + closing.table() + ".job_key)"
                + " order by job_key, node, gpu, at")) {
            query.unwrap(PGStatement.class).setPrepareThreshold(-1);
            query.setFetchSize(ROWS_AT_ONCE);
            query.setLong(1, closing.sealedTo());
            query.setLong(2, last);
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    consumer.accept(new BufferRow(row.getLong("job_key"), string(row, "node"), string(row, "gpu"),
                            knownTime(row, "at"), doubles(row, "figures")));
                }
            }
        }
    }

    /** From now on readers find the rows of all runs up to {@code last} in chunks. */
    static void sealed(Handle handle, Closing closing, long last) {
        setSealedTo(handle, closing, last + 1);
    }

    static void allSealed(Handle handle, Closing closing) {
        setSealedTo(handle, closing, ALL);
    }

    private static void setSealedTo(Handle handle, Closing closing, long to) {
        handle.createUpdate("update sample_buffer set sealed_to = :to where buffer = :buffer").bind("to", to)
                .bind("buffer", closing.buffer()).execute();
    }

    /**
     * Empties a sealed buffer. Readers wait behind a TRUNCATE that waits for a slow reader, so its timeout is short.
     *
     * @return whether it is empty
     */
    static boolean empty(Handle handle, Closing closing) {
        handle.execute("set local lock_timeout = '200ms'");
        handle.savepoint("before_truncate");
        try {
            handle.execute("truncate " + closing.table());
        } catch (JdbiException e) {
            if (!Database.isLockTimeout(e)) {
                throw e;
            }
            handle.rollbackToSavepoint("before_truncate");
            return false;
        }
        setSealedTo(handle, closing, 0);
        return true;
    }
}
