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
 * The two tables that samples are written to, by turns: one is open, the other is packed and then emptied. Which of them
 * is which changes only while nobody writes: writers share a lock that who changes it has alone.
 */
final class SampleBuffer {
    private static final String COLUMNS = " (job_key, node, gpu, at, figures)";
    private static final String LOCK = "hashtextextended('sample_tail', 0)";
    private static final long ALL = Long.MAX_VALUE;
    private static final int ROWS_AT_ONCE = 5_000;

    private SampleBuffer() {
    }

    /** The closed tail, as sealing finds it. */
    record Closed(int tail, long sealedTo, Instant closedAt) {
        boolean isSealed() {
            return sealedTo == ALL;
        }

        String table() {
            return SampleBuffer.table(tail);
        }
    }

    static String table(int tail) {
        return "sample_tail_" + tail;
    }

    /** Adds samples to the open tail; of GPUs, those that a job holds alone. */
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
        // Asked only now: what a statement sees is settled when it begins, before it waits for a lock.
        int open = handle.createQuery("select tail from sample_tail where is_open").mapTo(Integer.class).one();
        rows.write(handle, table(open) + COLUMNS);
    }

    /** Puts rows of the tail that is being packed into the open one. */
    static void carryOver(Handle handle, List<BufferRow> rows) throws SQLException {
        CopyRows copy = new CopyRows(5);
        rows.forEach(row -> copy.row().put(row.run()).put(row.node()).put(row.gpu()).put(row.at())
                .putDoubles(row.figures(), row.length()));
        if (copy.count() > 0) {
            write(handle, copy);
        }
    }

    /**
     * Opens the other tail and closes this one. A server that has lost its turn to another without knowing comes too late: the
     * other tail is not empty any more, and stays as it is.
     */
    static void turn(Handle handle, Instant now) {
        // This row before that lock, as who packs takes them: else each could wait for the other.
        Closed closed = closed(handle);
        handle.execute("select pg_advisory_xact_lock(" + LOCK + ")");
        handle.createUpdate("update sample_tail set is_open = not is_open, opened_at = :now, sealed_to = 0"
                + " where not exists (select from " + closed.table() + ")").bind("now", now).execute();
    }

    /** When the open tail was opened. */
    static Instant openedAt(Handle handle) {
        return handle.createQuery("select opened_at from sample_tail where is_open").mapTo(Instant.class).one();
    }

    /** Whether the open tail holds about so many rows that are older than a moment; from one in a hundred of its pages. */
    static boolean hasAbout(Handle handle, int rows, Instant olderThan) {
        int open = handle.createQuery("select tail from sample_tail where is_open").mapTo(Integer.class).one();
        return handle.createQuery("select count(*) from " + table(open) + " tablesample system (1) where at < :at")
                .bind("at", olderThan).mapTo(Long.class).one() * 100 >= rows;
    }

    /** The closed tail; held until the transaction ends, so that two that seal do not seal the same. */
    static Closed closed(Handle handle) {
        return handle.createQuery("""
                select closed.tail, closed.sealed_to, opened.opened_at from sample_tail closed
                join sample_tail opened on opened.is_open where not closed.is_open for update of closed""")
                .map((row, _) -> new Closed(row.getInt("tail"), row.getLong("sealed_to"), knownTime(row, "opened_at")))
                .one();
    }

    /** The last run of the next so many rows of a closed tail; 0 if none are left. */
    static long nextSlice(Handle handle, Closed closed, int rows) {
        return handle.createQuery("select coalesce(max(job_key), 0) from (select job_key from " + closed.table()
                + " where job_key >= :from order by job_key limit :rows) slice").bind("from", closed.sealedTo())
                .bind("rows", rows).mapTo(Long.class).one();
    }

    @FunctionalInterface
    interface Consumer {
        void accept(BufferRow row) throws SQLException;
    }

    /** Tells of the rows of a slice, run by run, node by node, GPU by GPU, oldest first. Those of runs that are gone are left out. */
    static void each(Handle handle, Closed closed, long last, Consumer consumer) throws SQLException {
        try (PreparedStatement query = handle.getConnection().prepareStatement("select job_key, node, gpu, at, figures"
                + " from " + closed.table() + " where job_key between ? and ?"
                + " and exists (select from job where job.job_key = " + closed.table() + ".job_key)"
                + " order by job_key, node, gpu, at")) {
            query.unwrap(PGStatement.class).setPrepareThreshold(-1);
            query.setFetchSize(ROWS_AT_ONCE);
            query.setLong(1, closed.sealedTo());
            query.setLong(2, last);
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    consumer.accept(new BufferRow(row.getLong("job_key"), string(row, "node"), string(row, "gpu"),
                            knownTime(row, "at"), doubles(row, "figures")));
                }
            }
        }
    }

    /** From now on the rows of all runs up to {@code last} are found packed. */
    static void sealed(Handle handle, Closed closed, long last) {
        handle.createUpdate("update sample_tail set sealed_to = :to where tail = :tail").bind("to", last + 1)
                .bind("tail", closed.tail()).execute();
    }

    static void allSealed(Handle handle, Closed closed) {
        sealed(handle, closed, ALL - 1);
    }

    /**
     * Empties a sealed tail. Whoever reads waits for a TRUNCATE that waits for a slow reader; so it waits no longer than they may.
     *
     * @return whether it is empty
     */
    static boolean empty(Handle handle, Closed closed) {
        handle.execute("set local lock_timeout = '200ms'");
        handle.savepoint("before_truncate");
        try {
            handle.execute("truncate " + closed.table());
        } catch (JdbiException e) {
            if (!Database.isLockTimeout(e)) {
                throw e;
            }
            handle.rollbackToSavepoint("before_truncate");
            return false;
        }
        handle.createUpdate("update sample_tail set sealed_to = 0 where tail = :tail").bind("tail", closed.tail())
                .execute();
        return true;
    }
}
