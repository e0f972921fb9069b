package org.jobwitness.server.db;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Columns as the types of our records, and back. */
public final class Columns {
    private Columns() {
    }

    public static String string(ResultSet row, String column) throws SQLException {
        return Objects.requireNonNull(row.getString(column), column);
    }

    public static @Nullable Instant time(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    /** A time that is always there. */
    public static Instant knownTime(ResultSet row, String column) throws SQLException {
        return Objects.requireNonNull(time(row, column), column);
    }

    /** The texts of an array; none where it is null. */
    public static List<String> strings(ResultSet row, String column) throws SQLException {
        Array array = row.getArray(column);
        return array == null ? List.of() : List.of((String[]) array.getArray());
    }

    /** The numbers of an array; none where it is null. */
    public static List<Integer> integers(ResultSet row, String column) throws SQLException {
        Array array = row.getArray(column);
        return array == null ? List.of() : List.of((Integer[]) array.getArray());
    }

    public static <E extends Enum<E>> @Nullable E constant(Class<E> type, @Nullable String name) {
        return name == null ? null : Enum.valueOf(type, name.toUpperCase(Locale.ROOT));
    }

    public static @Nullable Long whole(ResultSet row, String column) throws SQLException {
        long value = row.getLong(column);
        return row.wasNull() ? null : value;
    }

    /** A measured figure in another unit, as people are shown it. */
    public static @Nullable Double figure(ResultSet row, String column, double by) throws SQLException {
        double value = row.getDouble(column);
        return row.wasNull() ? null : rounded(value / by);
    }

    /** To three decimals, more than any source of our figures has. */
    public static double rounded(double figure) {
        return Math.round(figure * 1e3) / 1e3;
    }

    /** The numbers of an array of double precision, in PostgreSQL's text or binary form; NaN where one is null. */
    public static double[] doubles(ResultSet row, String column) throws SQLException {
        byte[] bytes = Objects.requireNonNull(row.getBytes(column), column);
        return bytes[0] == '{' ? doublesOfText(bytes) : doublesOfBinary(ByteBuffer.wrap(bytes));
    }

    private static double[] doublesOfText(byte[] bytes) {
        String inside = new String(bytes, 1, bytes.length - 2, StandardCharsets.US_ASCII);
        return inside.isEmpty()
                ? new double[0]
                : Arrays.stream(inside.split(","))
                        .mapToDouble(text -> text.equals("NULL") ? Double.NaN : Double.parseDouble(text)).toArray();
    }

    private static double[] doublesOfBinary(ByteBuffer in) {
        int dimensions = in.getInt();
        in.getInt(); // whether there are nulls
        in.getInt(); // the type of the elements
        if (dimensions == 0) {
            return new double[0];
        }
        double[] values = new double[in.getInt()];
        in.getInt(); // the number of the first element
        for (int i = 0; i < values.length; i++) {
            values[i] = in.getInt() < 0 ? Double.NaN : in.getDouble();
        }
        return values;
    }

    /** One column of many rows, for {@code unnest}. */
    public static <T, V> @Nullable Object[] each(List<T> rows, Function<T, @Nullable V> column) {
        return rows.stream().map(column).toArray();
    }

    /** A time as it goes through {@code unnest}, exact: {@code timestamptz 'epoch' + us * interval '1 microsecond'}. */
    public static long micros(Instant time) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, time);
    }
}
