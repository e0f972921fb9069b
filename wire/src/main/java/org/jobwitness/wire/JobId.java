package org.jobwitness.wire;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The form of a job id: {@code 123}, {@code 123_4}, or any short name; {@code slurm-123} is {@code 123}. */
public final class JobId {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+-]{0,63}");
    private static final String PREFIX = "slurm-";
    /** {@code 500_[1-3,7%2]} and {@code 500_*}: the tasks of an array that have not started, or all of them. */
    private static final Pattern ARRAY = Pattern
            .compile("((?:slurm-)?[0-9]{1,18})_(?:\\[[0-9,:%.-]{1,1000}]|\\*)");
    /** {@code 500_[7%2]}: the last task of an array that has not started. */
    private static final Pattern TASK = Pattern.compile("((?:slurm-)?[0-9]{1,18}_)\\[([0-9]{1,10})(?:%[0-9]{1,10})?]");

    private JobId() {
    }

    /**
     * Normalizes an id.
     *
     * @param field named in the error
     * @throws InvalidFieldException if it is invalid
     */
    public static String of(String field, @Nullable String id) {
        if (id == null) {
            throw new InvalidFieldException(field, "is required");
        }
        String plain = id.startsWith(PREFIX) && id.length() > PREFIX.length()
                && Character.isDigit(id.charAt(PREFIX.length())) ? id.substring(PREFIX.length()) : id;
        if (!FORM.matcher(id).matches()) {
            throw new InvalidFieldException(field,
                    "must be 1 to 64 letters, digits or . _ + - and begin with a letter or digit, was "
                            + Checks.shown(id));
        }
        return plain;
    }

    /**
     * Normalizes an id that a recorded job is to be found by: one of {@link #of}, or several tasks of an array, which stand for
     * the array.
     *
     * @param field named in the error
     * @throws InvalidFieldException if it is invalid
     */
    public static String asked(String field, @Nullable String id) {
        Matcher task = TASK.matcher(id == null ? "" : id);
        if (task.matches()) {
            return of(field, task.group(1) + task.group(2));
        }
        Matcher array = ARRAY.matcher(id == null ? "" : id);
        return of(field, array.matches() ? array.group(1) : id);
    }

    /** Whether a text has the form of an id. */
    public static boolean isValid(String id) {
        return FORM.matcher(id).matches();
    }

    /** Normalizes ids; empty for null. */
    static List<String> listOf(String field, @Nullable List<? extends @Nullable String> ids, int maxCount) {
        List<String> given = Checks.list(field, ids, maxCount);
        return IntStream.range(0, given.size()).mapToObj(i -> of(field + "[" + i + "]", given.get(i))).distinct()
                .toList();
    }
}
