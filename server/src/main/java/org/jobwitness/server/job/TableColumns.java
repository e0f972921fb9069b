package org.jobwitness.server.job;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.statement.SqlStatement;
import org.jobwitness.server.db.Columns;
import org.jspecify.annotations.Nullable;

/**
 * Columns of a table, each once: its name, the value that a row has for it, and how it is read.
 *
 * @param <R> what is stored as a row
 */
abstract class TableColumns<R> {
    private final List<Column<R, ?>> all = new ArrayList<>();
    private final String prefix;

    /** @param prefix of the columns' names in results and among the placeholders, beside another table's */
    TableColumns(String prefix) {
        this.prefix = prefix;
    }

    /**
     * All of them as SQL, each made of the format with its name in the table, its placeholder, and its name in a result.
     *
     * @param format such as {@code %1$s = %2$s}
     */
    final String sql(String format) {
        return all.stream()
                .map(column -> String.format(Locale.ROOT, format, column.name().substring(prefix.length()),
                        column.placeholder(), column.name()))
                .collect(Collectors.joining(", "));
    }

    /** Binds all placeholders. */
    final <S extends SqlStatement<S>> S bind(S statement, R row) {
        all.forEach(column -> column.bind(statement, row));
        return statement;
    }

    @FunctionalInterface
    interface Reader<T> {
        @Nullable
        T read(ResultSet row, String name) throws SQLException;
    }

    /**
     * A column.
     *
     * @param name in a result
     * @param value what is bound: a list as an array of texts, all else by its class
     */
    record Column<R, T>(String name, String placeholder, Function<R, @Nullable Object> value, Reader<T> reader) {
        @Nullable
        T read(ResultSet row) throws SQLException {
            return reader.read(row, name);
        }

        T known(ResultSet row) throws SQLException {
            return Objects.requireNonNull(read(row), name);
        }

        private void bind(SqlStatement<?> statement, R row) {
            Object bound = value.apply(row);
            if (bound instanceof List<?> texts) {
                statement.bindArray(name, String.class, texts);
            } else {
                statement.bind(name, bound);
            }
        }
    }

    /** @param cast of the placeholder, such as {@code cast(%s as jsonb)} */
    final <T> Column<R, T> add(String name, String cast, Function<R, @Nullable Object> value, Reader<T> reader) {
        String inResult = prefix + name;
        Column<R, T> column = new Column<>(inResult, String.format(Locale.ROOT, cast, ":" + inResult), value, reader);
        all.add(column);
        return column;
    }

    private <T> Column<R, T> add(String name, Function<R, @Nullable Object> value, Reader<T> reader) {
        return add(name, "%s", value, reader);
    }

    final Column<R, String> text(String name, Function<R, @Nullable String> value) {
        return add(name, value::apply, ResultSet::getString);
    }

    final Column<R, Integer> integer(String name, Function<R, @Nullable Integer> value) {
        return add(name, value::apply, (row, column) -> row.getObject(column, Integer.class));
    }

    final Column<R, Long> bigint(String name, Function<R, @Nullable Long> value) {
        return add(name, value::apply, (row, column) -> row.getObject(column, Long.class));
    }

    final Column<R, Boolean> flag(String name, Function<R, @Nullable Boolean> value) {
        return add(name, value::apply, (row, column) -> row.getObject(column, Boolean.class));
    }

    final Column<R, Instant> time(String name, Function<R, @Nullable Instant> value) {
        return add(name, value::apply, Columns::time);
    }

    final Column<R, List<String>> texts(String name, Function<R, List<String>> value) {
        return add(name, value::apply, Columns::strings);
    }

    final <E extends Enum<E>> Column<R, E> constants(String name, Class<E> type, Function<R, @Nullable E> value) {
        return add(name, row -> Objects.toString(value.apply(row), null),
                (row, column) -> Columns.constant(type, row.getString(column)));
    }
}
