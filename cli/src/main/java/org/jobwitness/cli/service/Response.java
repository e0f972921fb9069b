package org.jobwitness.cli.service;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A response of the service.
 *
 * @param status of HTTP
 * @param link the response's Link header; null if it has none
 * @param rows its X-Total-Rows header: how many rows there are, of which a CSV may have fewer; null if it has none
 */
public record Response(int status, String body, @Nullable String link, @Nullable String rows) {
    private static final Pattern PAGE = Pattern
            .compile("<(https?://[!#-;=?-~]{1,2000})>; rel=\"alternate\"; type=\"text/html\"");

    /** Where a browser shows the same; empty where the service does not know its public address. */
    public Optional<String> page() {
        Matcher page = PAGE.matcher(link == null ? "" : link);
        return page.matches() ? Optional.of(page.group(1)) : Optional.empty();
    }

    /**
     * The JSON as it came, except for characters that control a terminal or hide others: they are written as JSON's escapes,
     * which mean the same. They can only occur within strings.
     */
    public String json() {
        StringBuilder safe = new StringBuilder(body.length());
        for (int i = 0; i < body.length(); i++) {
            char c = body.charAt(i);
            int type = Character.getType(c);
            boolean escaped = c == 0x7f || (c > 0x7f && (type == Character.CONTROL || type == Character.FORMAT
                    || type == Character.LINE_SEPARATOR || type == Character.PARAGRAPH_SEPARATOR));
            if (escaped) {
                safe.append("\\u").append(Integer.toHexString(0x10000 | c).substring(1));
            } else if (c >= ' ' || c == '\n') {
                safe.append(c);
            }
        }
        return safe.toString().stripTrailing() + "\n";
    }

    /** How many rows a CSV lacks, besides its first line. */
    public long missingRows() {
        return rows == null || !rows.matches("[0-9]{1,18}")
                ? 0
                : Math.max(0, Long.parseLong(rows) - Math.max(0, body.lines().count() - 1));
    }

    /** The CSV as it came, with lines as Unix has them, and a question mark in place of each character that controls a terminal. */
    public String csv() {
        StringBuilder safe = new StringBuilder(body.length());
        for (char c : body.replace("\r\n", "\n").toCharArray()) {
            boolean isControl = c != '\n' && (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT);
            safe.append(isControl ? '?' : c);
        }
        return safe.toString();
    }
}
