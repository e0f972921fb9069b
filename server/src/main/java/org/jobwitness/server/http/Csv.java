package org.jobwitness.server.http;

import static org.jobwitness.server.http.Requests.parameter;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.http.Context;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** CSV as RFC 4180 has it: a header, then rows, commas between the fields, CR LF behind each row. An unknown value is an empty field. */
public final class Csv {
    public static final String CONTENT_TYPE = "text/csv; charset=utf-8; header=present";
    private static final Pattern NEEDS_QUOTES = Pattern.compile("[\",\\r\\n]|^\\s|\\s$");
    private static final double MAX_EXACT_INTEGER = 1L << 53;

    private Csv() {
    }

    /**
     * Whether a request asks for CSV and not JSON, by the parameter {@code format} or else by {@code Accept}.
     *
     * @throws ApiException 400 for another format
     */
    public static boolean isAskedFor(Context ctx) {
        String format = parameter(ctx, "format").orElse(null);
        if (format != null && !format.equals("json") && !format.equals("csv")) {
            throw ApiException.invalidField("format", "format must be json or csv, was " + shown(format));
        }
        String accept = ctx.header("Accept");
        return format != null
                ? format.equals("csv")
                : accept != null && accept.toLowerCase(Locale.ROOT).contains("text/csv")
                        && !accept.contains("application/json");
    }

    /** A row of fields made by {@link #text} and {@link #number}. */
    public static String row(String... fields) {
        return Arrays.stream(fields).collect(Collectors.joining(",", "", "\r\n"));
    }

    /**
     * Text from users. A spreadsheet would run one that looks like a formula, so an apostrophe goes before it, which marks it
     * as text. No real name of a node or a GPU starts like that, and numbers do not go this way.
     */
    public static String text(@Nullable String text) {
        if (text == null || text.isEmpty()) {
            return "";
        }
        String plain = "=+-@\t\r".indexOf(text.charAt(0)) < 0 ? text : "'" + text;
        return NEEDS_QUOTES.matcher(plain).find() ? '"' + plain.replace("\"", "\"\"") + '"' : plain;
    }

    /** Without an exponent; NaN is unknown. */
    public static String number(double number) {
        if (Double.isNaN(number)) {
            return "";
        }
        return number == Math.rint(number) && Math.abs(number) <= MAX_EXACT_INTEGER
                ? Long.toString((long) number)
                : BigDecimal.valueOf(number).toPlainString();
    }
}
