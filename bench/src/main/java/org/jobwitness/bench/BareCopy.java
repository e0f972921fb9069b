package org.jobwitness.bench;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jobwitness.server.db.CopyRows;

/** Binary COPY of samples into a table with the columns and index of the sample buffer, and nothing else; one connection. */
final class BareCopy implements AutoCloseable {
    private final Connection connection;
    private final Handle handle;

    static final class Row {
        private final long run;
        private final String node;
        private final String gpu;
        private final Instant at;
        private final double[] figures;

        /** @param gpu empty if the row is not of a GPU */
        Row(long run, String node, String gpu, Instant at, double[] figures) {
            this.run = run;
            this.node = node;
            this.gpu = gpu;
            this.at = at;
            this.figures = figures;
        }
    }

    BareCopy(ServerUnderTest server) throws SQLException {
        connection = server.sql();
        try (Statement create = connection.createStatement()) {
            create.execute("drop table if exists bare_buffer");
            create.execute("create table bare_buffer (like sample_buffer_0 including all)");
        }
        connection.setAutoCommit(false);
        handle = Jdbi.open(connection);
    }

    /** Returns the nanoseconds that it took. */
    long copy(List<Row> rows, int rowsPerCommit) throws SQLException {
        try (Statement empty = connection.createStatement()) {
            empty.execute("truncate bare_buffer");
        }
        connection.commit();
        long start = System.nanoTime();
        for (int from = 0; from < rows.size(); from += rowsPerCommit) {
            CopyRows copy = new CopyRows(5);
            for (Row row : rows.subList(from, Math.min(rows.size(), from + rowsPerCommit))) {
                copy.row().put(row.run).put(row.node).put(row.gpu).put(row.at)
                        .putDoubles(row.figures, row.figures.length);
            }
            copy.write(handle, "bare_buffer (job_key, node, gpu, at, figures)");
            connection.commit();
        }
        return System.nanoTime() - start;
    }

    @Override
    public void close() throws SQLException {
        handle.close();
        connection.close();
    }
}
