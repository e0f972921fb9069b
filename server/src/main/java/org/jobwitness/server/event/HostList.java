package org.jobwitness.server.event;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jobwitness.wire.InvalidFieldException;

/**
 * Slurm's host list expressions, such as {@code n[001-003,7],gpu[1-2]-ib[0-1]}: names and brackets of numbers and ranges,
 * several brackets in a name, digits padded as the range's first number is (Slurm: src/common/hostlist.c).
 */
public final class HostList {
    /** Slurm's own limit for one expression (MAX_RANGE). */
    static final int MAX_NAMES = 65_536;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?");
    private static final int MAX_NAME_LENGTH = 255;
    private static final int MAX_DIGITS = 9;

    private final String field;
    private final String expression;
    private final List<String> names = new ArrayList<>();

    private HostList(String field, String expression) {
        this.field = field;
        this.expression = expression;
    }

    /**
     * All names of all expressions, in their order, each once.
     *
     * @throws InvalidFieldException if one is not an expression, or they name too many hosts
     */
    public static List<String> expand(String field, List<String> expressions) {
        List<String> all = new ArrayList<>();
        for (String expression : expressions) {
            HostList list = new HostList(field, expression);
            list.expandAll();
            all.addAll(list.names);
            if (all.size() > MAX_NAMES) {
                throw list.tooMany();
            }
        }
        return all.stream().distinct().toList();
    }

    private void expandAll() {
        int depth = 0;
        int begin = 0;
        for (int i = 0; i <= expression.length(); i++) {
            char c = i == expression.length() ? ',' : expression.charAt(i);
            if (c == '[') {
                depth++;
            } else if (c == ']') {
                depth--;
            }
            if (depth < 0 || depth > 1 || (i == expression.length() && depth != 0)) {
                throw wrong("has unbalanced brackets");
            }
            if (c == ',' && depth == 0) {
                expand("", expression.substring(begin, i));
                begin = i + 1;
            }
        }
    }

    private void expand(String done, String rest) {
        int open = rest.indexOf('[');
        if (open < 0) {
            add(done + rest);
            return;
        }
        int close = rest.indexOf(']', open);
        String before = done + rest.substring(0, open);
        if (before.length() > MAX_NAME_LENGTH) {
            throw wrong("has a name longer than " + MAX_NAME_LENGTH + " characters");
        }
        String after = rest.substring(close + 1);
        for (String range : rest.substring(open + 1, close).split(",", -1)) {
            String[] ends = range.split("-", -1);
            if (ends.length > 2 || !isNumber(ends[0]) || !isNumber(ends[ends.length - 1])) {
                throw wrong("has [" + range + "] where a number or a range such as 001-003 belongs");
            }
            int first = Integer.parseInt(ends[0]);
            int last = Integer.parseInt(ends[ends.length - 1]);
            if (last < first) {
                throw wrong("has a range that runs backwards: " + range);
            }
            if (last - first >= MAX_NAMES) {
                throw tooMany();
            }
            for (int n = first; n <= last; n++) {
                String digits = Integer.toString(n);
                expand(before + "0".repeat(Math.max(0, ends[0].length() - digits.length())) + digits, after);
            }
        }
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.length() <= MAX_DIGITS && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private void add(String name) {
        if (!NAME.matcher(name).matches()) {
            throw wrong(name.isEmpty() ? "has an empty name" : "has a name that is not a host's");
        }
        if (names.size() == MAX_NAMES) {
            throw tooMany();
        }
        names.add(name);
    }

    private InvalidFieldException tooMany() {
        return new InvalidFieldException(field, "names more than " + MAX_NAMES + " hosts");
    }

    private InvalidFieldException wrong(String what) {
        String shown = expression.length() > 80 ? expression.substring(0, 80) + "…" : expression;
        return new InvalidFieldException(field, what + ": " + shown);
    }
}
