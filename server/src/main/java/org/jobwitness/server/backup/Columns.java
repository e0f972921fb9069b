package org.jobwitness.server.backup;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;

/** The columns of a table, as the database has them. */
final class Columns {
    private Columns() {
    }

    /** Those that are stored and not computed from others. */
    static List<String> of(Handle handle, String table) {
        return handle.createQuery("""
                select cast(attname as text) from pg_attribute
                where attrelid = to_regclass(:table) and attnum > 0 and not attisdropped and attgenerated = ''
                order by attnum""").bind("table", table).mapTo(String.class).list();
    }

    /** Those whose numbers a sequence gives out. */
    static List<String> generatedKeys(Handle handle, String table) {
        return handle.createQuery("""
                select cast(attname as text) from pg_attribute
                where attrelid = to_regclass(:table) and attnum > 0 and not attisdropped and attidentity <> ''
                order by attnum""").bind("table", table).mapTo(String.class).list();
    }

    /** The last number that was given out; empty if there was none. */
    static Optional<Long> lastNumber(Handle handle, String table, String column) {
        return handle.createQuery("""
                select pg_sequence_last_value(cast(pg_get_serial_sequence(:table, :column) as regclass))""")
                .bind("table", table).bind("column", column).mapTo(Long.class).findOne();
    }

    static void setLastNumber(Handle handle, String table, String column, long last) {
        handle.createQuery("select setval(cast(pg_get_serial_sequence(:table, :column) as regclass), :last)")
                .bind("table", table).bind("column", column).bind("last", last).mapTo(Long.class).one();
    }

    /** For a statement. */
    static String list(List<String> columns) {
        return columns.stream().map(column -> '"' + column.replace("\"", "\"\"") + '"')
                .collect(Collectors.joining(", "));
    }
}
