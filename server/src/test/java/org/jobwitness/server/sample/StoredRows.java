package org.jobwitness.server.sample;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkCodec;
import org.jobwitness.server.chunk.ChunkColumn;
import org.jobwitness.server.chunk.UnreadableChunkException;
import org.jobwitness.server.db.Columns;
import org.jobwitness.wire.Figure;

/**
 * The samples as they lie in PostgreSQL, each as often as it is there: where a reader of history takes what is there twice for
 * one, these are two.
 */
public final class StoredRows {
    private StoredRows() {
    }

    /**
     * One row.
     *
     * @param gpu empty if it is of no GPU
     * @param mark cpu_usage_usec of a job, memory_used_bytes of a GPU
     */
    public record Stored(String jobId, String node, String gpu, Instant at, long mark) implements Comparable<Stored> {
        @Override
        public int compareTo(Stored other) {
            int order = jobId.compareTo(other.jobId);
            order = order == 0 ? node.compareTo(other.node) : order;
            order = order == 0 ? gpu.compareTo(other.gpu) : order;
            order = order == 0 ? at.compareTo(other.at) : order;
            return order == 0 ? Long.compare(mark, other.mark) : order;
        }
    }

    /** Those of jobs whose id begins so, in order. */
    public static List<Stored> of(Connection connection, String jobs) throws SQLException {
        List<Stored> rows = new ArrayList<>();
        try (PreparedStatement query = connection.prepareStatement("""
                select job_id, kept.* from job join (
                    select job_key, node, gpu, null as at, null as figures, data from chunk
                    union all
                    select job_key, node, gpu, at, figures, null from buffered_sample) kept using (job_key)
                where starts_with(job_id, ?)""")) {
            query.setString(1, jobs);
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    String jobId = row.getString("job_id");
                    String node = row.getString("node");
                    String gpu = row.getString("gpu");
                    int number = (gpu.isEmpty() ? Figure.CPU_USAGE_USEC : Figure.MEMORY_USED_BYTES).number();
                    byte[] data = row.getBytes("data");
                    if (data == null) {
                        rows.add(new Stored(jobId, node, gpu, Columns.knownTime(row, "at"),
                                (long) Columns.doubles(row, "figures")[number - 1]));
                    } else {
                        addAll(rows, jobId, node, gpu, number, data);
                    }
                }
            }
        }
        rows.sort(null);
        return rows;
    }

    private static void addAll(List<Stored> rows, String jobId, String node, String gpu, int number, byte[] data) {
        try {
            Chunk chunk = ChunkCodec.decode(data);
            ChunkColumn marks = chunk.column(number).orElseThrow();
            for (int row = 0; row < chunk.rows(); row++) {
                long micros = chunk.timeMicros(row);
                Instant at = Instant.ofEpochSecond(Math.floorDiv(micros, 1_000_000),
                        Math.floorMod(micros, 1_000_000) * 1000L);
                rows.add(new Stored(jobId, node, gpu, at, marks.wholeAt(row)));
            }
        } catch (UnreadableChunkException e) {
            throw new AssertionError(e);
        }
    }

    /** Figures whose number of samples is not that of the rows that are there, or of which there are no rows; those of chunks by their counts. */
    public static List<String> miscounted(Connection connection) throws SQLException {
        List<String> wrong = new ArrayList<>();
        try (PreparedStatement query = connection.prepareStatement("""
                with kept as (
                    select job_key, node, gpu, sum(rows) as rows from (
                        select job_key, node, gpu, rows from chunk
                        union all
                        select job_key, node, gpu, 1 from buffered_sample) rows
                    where job_key in (select job_key from job) group by job_key, node, gpu),
                told as (
                    select job_key, node, '' as gpu, sample_count from job_figures
                    union all
                    select job_key, node, gpu, sample_count from job_gpu_figures)
                select format('%s %s %s: %s rows, %s told', job_key, node, gpu, rows, sample_count)
                from kept full join told using (job_key, node, gpu) where rows is distinct from sample_count""");
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                wrong.add(row.getString(1));
            }
        }
        return wrong;
    }
}
