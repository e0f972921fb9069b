package org.jobwitness.server.hosts;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.wire.InvalidFieldException;

/**
 * Slurm's host list expressions, such as {@code n[001-003,7],gpu[1-2]-ib[0-1]}: names and brackets of numbers and ranges,
 * several brackets in a name, digits padded as the range's first number is (Slurm: src/common/hostlist.c). A {@code -} before a
 * name takes it out of those before it. A blank may follow a comma.
 */
public final class HostList {
    /** This server's limit for one list. Slurm has its own for one range of one bracket: 64k numbers (MAX_RANGE). */
    static final int MAX_NAMES = 65_536;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?");
    private static final int MAX_NAME_LENGTH = 255;
    private static final int MAX_DIGITS = 18;

    /** Characters of names and numbers that one list may make, each of them counted as 16 more. */
    private static final int MAX_EFFORT = 8 << 20;

    private final String field;
    private final String expression;
    private final Effort effort;
    private final Set<String> names = new LinkedHashSet<>();

    private HostList(String field, String expression, Effort effort) {
        this.field = field;
        this.expression = expression;
        this.effort = effort;
    }

    /** Names that are taken out again, and numbers of which no name is made, take time, too. */
    private static final class Effort {
        private int left = MAX_EFFORT;

        boolean isTooMuch(int characters) {
            left -= Math.min(left, characters + 16);
            return left == 0;
        }
    }

    /**
     * All names of all expressions, in their order, each once.
     *
     * @throws InvalidFieldException if one is not an expression, or they name too many hosts
     */
    public static List<String> expand(String field, List<String> expressions) {
        return List.copyOf(expand(field, expressions, new Effort()));
    }

    private static Set<String> expand(String field, List<String> expressions, Effort effort) {
        Set<String> all = new LinkedHashSet<>();
        for (String expression : expressions) {
            HostList list = new HostList(field, expression, effort);
            list.expandAll();
            all.addAll(list.names);
            if (all.size() > MAX_NAMES) {
                throw list.tooMany();
            }
        }
        return all;
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
                boolean isTrailingComma = i == expression.length() && begin == i && begin > 0;
                if (begin > 0 && expression.startsWith("-", begin)) {
                    expand(field, List.of(expression.substring(begin + 1, i)), effort).forEach(names::remove);
                } else if (!isTrailingComma) {
                    expand(expression.substring(begin, i));
                }
                begin = i + 1;
                while (expression.startsWith(" ", begin) && begin < expression.length() - 1) {
                    begin++;
                }
            }
        }
    }

    /**
     * All names of a name with brackets. Of several, Slurm turns the last one fastest, then the first, then the second, and so
     * on; CPUs per node are in that order.
     */
    private void expand(String text) {
        List<String> fixed = new ArrayList<>();
        List<List<String>> ranges = new ArrayList<>();
        int done = 0;
        for (int open = text.indexOf('['); open >= 0; open = text.indexOf('[', done)) {
            int close = text.indexOf(']', open);
            fixed.add(text.substring(done, open));
            ranges.add(numbers(text.substring(open + 1, close)));
            done = close + 1;
        }
        if (ranges.size() > MAX_NAME_LENGTH) {
            throw wrong("has a name longer than " + MAX_NAME_LENGTH + " characters");
        }
        if (ranges.stream().mapToLong(List::size).reduce(1,
                (a, b) -> Math.min((long) MAX_NAMES + 1, a * b)) > MAX_NAMES) {
            throw tooMany();
        }
        String end = text.substring(done);
        int[] turn = new int[ranges.size()];
        do {
            StringBuilder name = new StringBuilder();
            for (int i = 0; i < turn.length; i++) {
                name.append(fixed.get(i)).append(ranges.get(i).get(turn[i]));
            }
            add(name.append(end).toString());
        } while (next(turn, ranges));
    }

    /** The next combination; false after the last one. */
    private static boolean next(int[] turn, List<List<String>> ranges) {
        int last = turn.length - 1;
        for (int i = 0; i < turn.length; i++) {
            int bracket = i == 0 ? last : i - 1;
            turn[bracket]++;
            if (turn[bracket] < ranges.get(bracket).size()) {
                return true;
            }
            turn[bracket] = 0;
        }
        return false;
    }

    private List<String> numbers(String bracket) {
        List<String> numbers = new ArrayList<>();
        for (String range : bracket.split(",", -1)) {
            String[] ends = range.split("-", -1);
            if (ends.length > 2 || !isNumber(ends[0]) || !isNumber(ends[ends.length - 1])) {
                throw wrong("has [" + range + "] where a number or a range such as 001-003 belongs");
            }
            long first = Long.parseLong(ends[0]);
            long last = Long.parseLong(ends[ends.length - 1]);
            if (last < first) {
                throw wrong("has a range that runs backwards: " + range);
            }
            if (last - first >= MAX_NAMES) {
                throw tooMany();
            }
            for (long n = first; n <= last; n++) {
                String digits = Long.toString(n);
                if (effort.isTooMuch(digits.length())) {
                    throw tooMany();
                }
                numbers.add("0".repeat(Math.max(0, ends[0].length() - digits.length())) + digits);
            }
        }
        return numbers;
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.length() <= MAX_DIGITS && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private void add(String name) {
        if (!NAME.matcher(name).matches()) {
            throw wrong(name.isEmpty() ? "has an empty name" : "has a name that is not a host's");
        }
        names.add(name);
        if (names.size() > MAX_NAMES || effort.isTooMuch(name.length())) {
            throw tooMany();
        }
    }

    private InvalidFieldException tooMany() {
        return new InvalidFieldException(field, "names more than " + MAX_NAMES + " hosts");
    }

    private InvalidFieldException wrong(String what) {
        String shown = expression.length() > 80 ? expression.substring(0, 80) + "…" : expression;
        return new InvalidFieldException(field, what + ": " + shown);
    }
}
