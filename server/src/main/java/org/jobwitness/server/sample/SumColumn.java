package org.jobwitness.server.sample;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.statement.Update;
import org.jspecify.annotations.Nullable;

/**
 * A column of a table of sums: how stored and new values merge, and what new samples put into it.
 *
 * @param value of a time its microseconds, of an array and of JSON its text
 */
record SumColumn<S>(String name, String type, Merge merge, Function<S, @Nullable Object> value) {

    /** How stored and new values come together. Null is nothing. */
    enum Merge {
        ADD("coalesce(stored.%1$s + excluded.%1$s, stored.%1$s, excluded.%1$s)"),
        MAX("greatest(stored.%1$s, excluded.%1$s)"),
        MIN("least(stored.%1$s, excluded.%1$s)"),
        FIRST("coalesce(stored.%1$s, excluded.%1$s)"),
        NEWEST("case when stored.last_sample_at > excluded.last_sample_at then stored.%1$s else excluded.%1$s end"),
        NEWEST_KNOWN("""
                case when stored.last_sample_at > excluded.last_sample_at then coalesce(stored.%1$s, excluded.%1$s)
                    else coalesce(excluded.%1$s, stored.%1$s) end"""),
        OLDEST_KNOWN("""
                case when stored.held_from <= excluded.held_from then coalesce(stored.%1$s, excluded.%1$s)
                    else coalesce(excluded.%1$s, stored.%1$s) end"""),
        /** Each element once. */
        UNION("array(select distinct unnest(stored.%1$s || excluded.%1$s) order by 1)"),
        FIRST_ENERGY("""
                case when stored.first_energy_at <= excluded.first_energy_at or excluded.first_energy_at is null
                    then stored.%1$s else excluded.%1$s end"""),
        LAST_ENERGY("""
                case when stored.last_energy_at >= excluded.last_energy_at or excluded.last_energy_at is null
                    then stored.%1$s else excluded.%1$s end"""),
        /**
         * What both have counted, and what was counted between them; where they overlap, what one knows beyond the other's
         * ends. A counter that is lower than before has restarted, and has counted what it shows.
         */
        ENERGY("""
                case when stored.%1$s is null or excluded.%1$s is null then coalesce(stored.%1$s, excluded.%1$s)
                    else stored.%1$s
                        + case when excluded.first_energy_at >= stored.first_energy_at then 0
                            when excluded.last_energy_at > stored.first_energy_at
                                then greatest(0, stored.first_energy_joules - excluded.first_energy_joules)
                            else excluded.%1$s + stored.first_energy_joules
                                - case when stored.first_energy_joules >= excluded.last_energy_joules
                                    then excluded.last_energy_joules else 0 end end
                        + case when excluded.last_energy_at <= stored.last_energy_at then 0
                            when excluded.first_energy_at < stored.last_energy_at
                                then greatest(0, excluded.last_energy_joules - stored.last_energy_joules)
                            else excluded.%1$s + excluded.first_energy_joules
                                - case when excluded.first_energy_joules >= stored.last_energy_joules
                                    then stored.last_energy_joules else 0 end end end"""),
        EITHER_OF_NEWEST("""
                case when stored.last_sample_at > excluded.last_sample_at then stored.%1$s
                    when stored.last_sample_at = excluded.last_sample_at then stored.%1$s or excluded.%1$s
                    else excluded.%1$s end""");

        private final String sql;

        Merge(String sql) {
            this.sql = sql;
        }
    }

    /** Inserts rows, given as an array for each column, or merges them into those that are stored. */
    static <S> String upsert(String table, List<String> keys, List<SumColumn<S>> columns) {
        String key = String.join(", ", keys);
        return "insert into " + table + " as stored (" + key + ", " + list(columns, SumColumn::name) + ") select " + key
                + ", " + list(columns, SumColumn::received) + " from unnest(:" + String.join(", :", keys) + ", "
                + list(columns, column -> ":" + column.name) + ") as incoming (" + key + ", "
                + list(columns, SumColumn::name) + ") on conflict (" + key + ") do update set "
                + list(columns,
                        column -> column.name + " = " + String.format(Locale.ROOT, column.merge.sql, column.name));
    }

    private static <S> String list(List<SumColumn<S>> columns, Function<SumColumn<S>, String> text) {
        return columns.stream().map(text).collect(Collectors.joining(", "));
    }

    static <S> Update bind(Update update, List<SumColumn<S>> columns, Collection<S> sums) {
        for (SumColumn<S> column : columns) {
            List<@Nullable Object> values = new ArrayList<>(sums.size());
            sums.forEach(sum -> values.add(column.sentValue(sum)));
            update.bindArray(column.name, column.sent(), values.toArray());
        }
        return update;
    }

    /** The type that is sent through {@code unnest}, which would flatten an array of arrays. */
    private Class<?> sent() {
        return switch (type) {
            case "bigint", "timestamptz" -> Long.class;
            case "integer" -> Integer.class;
            case "double precision" -> Double.class;
            case "boolean" -> Boolean.class;
            default -> String.class;
        };
    }

    private String received() {
        return switch (type) {
            case "timestamptz" -> "timestamptz 'epoch' + incoming." + name + " * interval '1 microsecond'";
            case "double precision[]", "text[]", "integer[]", "jsonb" -> "cast(incoming." + name + " as " + type + ")";
            default -> "incoming." + name;
        };
    }

    private @Nullable Object sentValue(S sum) {
        Object sent = value.apply(sum);
        return type.equals("integer") && sent != null ? Integer.valueOf(((Number) sent).intValue()) : sent;
    }
}
