package org.jobwitness.bench;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jobwitness.server.db.CopyRows;

/** Binary COPY of samples into a table with the tails' columns and index, and nothing else; one connection. */
final class BareCopy implements AutoCloseable {
    private final Connection connection;
    private final Handle handle;

    /** A sample. */
    static final class Row {
        private final long run;
        private final String node;
        private final String gpu;
        private final Instant at;
        private final double[] figures;

        /**
         * Takes the array over.
         *
         * @param gpu empty if it is of no GPU
         */
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
        try (Statement make = connection.createStatement()) {
            make.execute("drop table if exists bare_buffer");
            make.execute("create table bare_buffer (like sample_buffer_0 including all)");
        }
        connection.setAutoCommit(false);
        handle = Jdbi.open(connection);
    }

    /** Copies all; returns how many nanoseconds that took. */
    long copy(List<Row> rows, int rowsOfCommit) throws SQLException {
        try (Statement empty = connection.createStatement()) {
            empty.execute("truncate bare_buffer");
        }
        connection.commit();
        long begun = System.nanoTime();
        for (int from = 0; from < rows.size(); from += rowsOfCommit) {
            CopyRows copy = new CopyRows(5);
            for (Row row : rows.subList(from, Math.min(rows.size(), from + rowsOfCommit))) {
                copy.row().put(row.run).put(row.node).put(row.gpu).put(row.at)
                        .putDoubles(row.figures, row.figures.length);
            }
            copy.write(handle, "bare_buffer (job_key, node, gpu, at, figures)");
            connection.commit();
        }
        return System.nanoTime() - begun;
    }

    @Override
    public void close() throws SQLException {
        handle.close();
        connection.close();
    }
}
