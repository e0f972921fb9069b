package org.jobwitness.server.http;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** CSV as RFC 4180 has it: a header, then rows, commas between the fields, CR LF behind each row. Unknown is an empty field. */
public final class Csv {
    public static final String CONTENT_TYPE = "text/csv; charset=utf-8; header=present";
    private static final Pattern TO_BE_QUOTED = Pattern.compile("[\",\\r\\n]|^\\s|\\s$");
    private static final double LARGEST_WHOLE = 1L << 53;

    private Csv() {
    }

    /** A row of fields that are what {@link #text} and {@link #number} answered. */
    public static String row(String... fields) {
        return Arrays.stream(fields).collect(Collectors.joining(",", "", "\r\n"));
    }

    /**
     * Somebody's text. A spreadsheet would run one that begins as a formula does; so it gets an apostrophe before it, which
     * is how a spreadsheet is told that it is text. No name that a node or a GPU really has begins so, and numbers do not go
     * this way.
     */
    public static String text(@Nullable String text) {
        if (text == null || text.isEmpty()) {
            return "";
        }
        String plain = "=+-@\t\r".indexOf(text.charAt(0)) < 0 ? text : "'" + text;
        return TO_BE_QUOTED.matcher(plain).find() ? '"' + plain.replace("\"", "\"\"") + '"' : plain;
    }

    /** A number in full, as every program reads it; NaN is unknown. */
    public static String number(double number) {
        if (Double.isNaN(number)) {
            return "";
        }
        return number == Math.rint(number) && Math.abs(number) <= LARGEST_WHOLE
                ? Long.toString((long) number)
                : BigDecimal.valueOf(number).toPlainString();
    }
}
