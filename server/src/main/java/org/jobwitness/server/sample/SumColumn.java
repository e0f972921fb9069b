package org.jobwitness.server.sample;

import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * A column of a table of sums: how stored and new values merge, and what new samples put into it. It has a number or a text.
 *
 * @param number of a time its microseconds, of a boolean 1 or 0; NaN is null
 * @param text of an array and of JSON as well
 */
record SumColumn<S>(String name, String type, Merge merge, @Nullable ToDoubleFunction<S> number,
        @Nullable Function<S, @Nullable String> text) {

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

    static <S> SumColumn<S> number(String name, String type, Merge merge, ToDoubleFunction<S> value) {
        return new SumColumn<>(name, type, merge, value, null);
    }

    static <S> SumColumn<S> text(String name, String type, Merge merge, Function<S, @Nullable String> value) {
        return new SumColumn<>(name, type, merge, null, value);
    }

    double numberOf(S sum) {
        return Objects.requireNonNull(number, name).applyAsDouble(sum);
    }

    @Nullable
    String textOf(S sum) {
        return Objects.requireNonNull(text, name).apply(sum);
    }

    /** The value as its type, of an incoming one, which is double precision or text. */
    String received(String of) {
        return switch (type) {
            case "timestamptz" -> "timestamptz 'epoch' + " + of + " * interval '1 microsecond'";
            case "boolean" -> of + " = 1";
            // Not least(), which passes over null.
            case "integer" -> "cast(case when " + of + " > 2147483647 then 2147483647 else " + of + " end as integer)";
            case "text", "double precision" -> of;
            default -> "cast(" + of + " as " + type + ")";
        };
    }

    String merged() {
        return name + " = " + String.format(Locale.ROOT, merge.sql, name);
    }
}
