package org.jobwitness.server.report;

import static org.jobwitness.server.http.Requests.number;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.parameter;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.http.Context;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.http.ApiException;
import org.jspecify.annotations.Nullable;

/**
 * Which report a caller asks for.
 *
 * @param from, to the days, of which {@code to} is not one
 * @param filters values by dimension
 * @param limit the most rows
 */
public record ReportRequest(Dimension by, Every every, LocalDate from, LocalDate to, Map<Dimension, String> filters,
        Sort sort, int limit) {
    /** The query parameters that it is read from. */
    public static final Set<String> PARAMETERS = Stream.concat(
            Arrays.stream(Dimension.values()).map(Dimension::parameter),
            Stream.of("by", "every", "from", "to", "sort", "limit")).collect(Collectors.toUnmodifiableSet());
    public static final int MAX_ROWS = 10_000;
    private static final int DEFAULT_ROWS = 100;
    private static final int DEFAULT_DAYS = 30;
    private static final int MAX_DAYS = 3_700;

    public ReportRequest {
        filters = Map.copyOf(filters);
    }

    /** What rows may be of, and what they may be limited to. */
    public enum Dimension {
        ACCOUNT("coalesce(account, '')"),
        USER("coalesce(user_name, '')"),
        PARTITION("coalesce(partition, '')"),
        CLUSTER("cluster"),
        NODE("node"),
        GPU_MODEL("gpu_model");

        private final String sql;

        Dimension(String sql) {
            this.sql = sql;
        }

        /** Of columns of {@code report_owner} and {@code report_day}. */
        String sql() {
            return sql;
        }

        public String parameter() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How the period is divided. Weeks are those of ISO 8601. */
    public enum Every {
        PERIOD("date '1970-01-01'", ""),
        DAY("day", "YYYY-MM-DD"),
        WEEK("(date '1969-12-29' + (day - date '1969-12-29') / 7 * 7)", "IYYY\"-W\"IW"),
        MONTH("(day - (date_part('day', day)::integer - 1))", "YYYY-MM");

        private final String sql;
        private final String format;

        Every(String sql, String format) {
            this.sql = sql;
            this.format = format;
        }

        /** The first day, by a column {@code day}. */
        String sql() {
            return sql;
        }

        /** How PostgreSQL's {@code to_char} writes it. */
        String format() {
            return format;
        }

        public String parameter() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** By what rows are sorted, the largest first; this decides which are left out. */
    public enum Sort {
        CPU_HOURS(Amount.CPU_MS),
        CPU_WASTED(Amount.CPU_WASTED_MS),
        GPU_HOURS(Amount.GPU_MS),
        GPU_WASTED(Amount.GPU_WASTED_MS),
        MEMORY_WASTED(Amount.MEMORY_WASTED_MIB_S),
        RUNS(Amount.RUNS);

        private final Amount amount;

        Sort(Amount amount) {
            this.amount = amount;
        }

        Amount amount() {
            return amount;
        }

        public String parameter() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Whether it is about what runs had and used on single nodes. */
    boolean isOfNodes() {
        return by == Dimension.NODE || filters.containsKey(Dimension.NODE);
    }

    /**
     * Reads the query parameters, of which all may be missing.
     *
     * @param today the day in UTC, which is the last one unless another is asked for
     * @param others parameters that somebody else reads
     * @throws ApiException 400
     */
    public static ReportRequest of(Context ctx, LocalDate today, Set<String> others) {
        onlyParameters(ctx, Stream.concat(PARAMETERS.stream(), others.stream()).collect(Collectors.toSet()));
        Period period = period(ctx, today, MAX_DAYS);
        return new ReportRequest(constant(ctx, "by", Dimension.values(), Dimension::parameter, Dimension.ACCOUNT),
                constant(ctx, "every", Every.values(), Every::parameter, Every.PERIOD), period.from(), period.to(),
                filters(ctx),
                constant(ctx, "sort", Sort.values(), Sort::parameter, Sort.CPU_HOURS),
                number(ctx, "limit", DEFAULT_ROWS, 1, MAX_ROWS));
    }

    /** The query parameters that limit it, of which another request may know only some. */
    static Map<Dimension, String> filters(Context ctx) {
        Map<Dimension, String> filters = new TreeMap<>();
        for (Dimension dimension : Dimension.values()) {
            String value = text(ctx, dimension.parameter());
            if (value != null) {
                filters.put(dimension, value);
            }
        }
        return filters;
    }

    static Period period(Context ctx, LocalDate today, int maxDays) {
        LocalDate to = day(ctx, "to", today.plusDays(1));
        LocalDate from = day(ctx, "from", to.minusDays(DEFAULT_DAYS));
        if (!from.isBefore(to) || from.plusDays(maxDays).isBefore(to)) {
            throw ApiException.invalidField("from", "from must be a day before to, which is " + to + ", and at most "
                    + maxDays + " days before it; was " + from);
        }
        return new Period(from, to);
    }

    private static LocalDate day(Context ctx, String name, LocalDate byDefault) {
        String text = parameter(ctx, name).orElse(null);
        if (text == null) {
            return byDefault;
        }
        try {
            LocalDate day = text.matches("[0-9]{4}-[0-9]{2}-[0-9]{2}") ? LocalDate.parse(text) : null;
            if (day != null && day.getYear() >= 1970 && day.getYear() < 2200) {
                return day;
            }
        } catch (DateTimeException e) {
            // The same error as for a day out of bounds.
        }
        throw ApiException.invalidField(name, name + " must be a day between 1970 and 2199, such as 2026-11-22, was "
                + shown(text));
    }

    private static <E> E constant(Context ctx, String name, E[] all, Function<E, String> word, E byDefault) {
        @Nullable
        String text = parameter(ctx, name).orElse(null);
        if (text == null) {
            return byDefault;
        }
        return Arrays.stream(all).filter(one -> word.apply(one).equals(text)).findFirst()
                .orElseThrow(() -> ApiException.invalidField(name, name + " must be one of "
                        + Arrays.stream(all).map(word).collect(Collectors.joining(", ")) + ", was " + shown(text)));
    }
}
