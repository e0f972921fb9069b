package org.jobwitness.server.db;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/**
 * A statement of plain JDBC that writes many rows, given as an array for each column. The arrays go in PostgreSQL's binary
 * format, while Jdbi sends the text of each element; what is in a batch is bound millions of times. Parameters are bound in the
 * order of the statement. Not thread-safe.
 */
public final class ArrayStatement implements AutoCloseable {
    private final PGConnection connection;
    private final PreparedStatement statement;
    private int bound;

    /** In the handle's transaction. */
    public ArrayStatement(Handle handle, String sql) throws SQLException {
        connection = handle.getConnection().unwrap(PGConnection.class);
        statement = handle.getConnection().prepareStatement(sql);
    }

    public ArrayStatement bind(long[] values) throws SQLException {
        return bindArray("int8", values);
    }

    public ArrayStatement bind(double[] values) throws SQLException {
        return bindArray("float8", values);
    }

    public ArrayStatement bind(@Nullable Long[] values) throws SQLException {
        return bindArray("int8", values);
    }

    public ArrayStatement bind(@Nullable Integer[] values) throws SQLException {
        return bindArray("int4", values);
    }

    public ArrayStatement bind(@Nullable Double[] values) throws SQLException {
        return bindArray("float8", values);
    }

    public ArrayStatement bind(@Nullable String[] values) throws SQLException {
        return bindArray("text", values);
    }

    private ArrayStatement bindArray(String type, Object values) throws SQLException {
        statement.setArray(++bound, connection.createArrayOf(type, values));
        return this;
    }

    public ArrayStatement bind(String value) throws SQLException {
        statement.setString(++bound, value);
        return this;
    }

    public ArrayStatement bind(long value) throws SQLException {
        statement.setLong(++bound, value);
        return this;
    }

    public ArrayStatement bind(int value) throws SQLException {
        statement.setInt(++bound, value);
        return this;
    }

    public ArrayStatement bind(Instant value) throws SQLException {
        statement.setObject(++bound, value.atOffset(ZoneOffset.UTC));
        return this;
    }

    /** One column of many rows; likewise the others. */
    public static <T> @Nullable String[] texts(List<T> rows, Function<T, @Nullable String> column) {
        return rows.stream().map(column).toArray(String[]::new);
    }

    public static <T> @Nullable Integer[] integers(List<T> rows, Function<T, @Nullable Integer> column) {
        return rows.stream().map(column).toArray(Integer[]::new);
    }

    public static <T> @Nullable Long[] longs(List<T> rows, Function<T, @Nullable Long> column) {
        return rows.stream().map(column).toArray(Long[]::new);
    }

    public static <T> @Nullable Double[] doubles(List<T> rows, Function<T, @Nullable Double> column) {
        return rows.stream().map(column).toArray(Double[]::new);
    }

    /** Runs it, and returns the number of rows that it changed. */
    public int execute() throws SQLException {
        return statement.executeUpdate();
    }

    public ResultSet query() throws SQLException {
        return statement.executeQuery();
    }

    @Override
    public void close() throws SQLException {
        statement.close();
    }
}
