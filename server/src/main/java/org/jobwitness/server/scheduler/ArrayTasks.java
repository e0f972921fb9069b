package org.jobwitness.server.scheduler;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Slurm's expression for tasks of an array that wait together, such as {@code 1-9,20-40:4%2}. */
final class ArrayTasks {
    private static final Pattern RANGE = Pattern.compile("([0-9]{1,9})(?:-([0-9]{1,9})(?::([1-9][0-9]{0,8}))?)?");

    private ArrayTasks() {
    }

    /** How many there are; null if it is none, or cut off: Slurm ends a long one with dots. */
    static @Nullable Integer count(@Nullable String expression) {
        if (expression == null) {
            return null;
        }
        long count = 0;
        for (String range : expression.replaceFirst("%[0-9]+$", "").split(",", -1)) {
            Matcher ends = RANGE.matcher(range);
            if (!ends.matches()) {
                return null;
            }
            long first = Long.parseLong(ends.group(1));
            long last = ends.group(2) == null ? first : Long.parseLong(ends.group(2));
            long step = ends.group(3) == null ? 1 : Long.parseLong(ends.group(3));
            count += last < first ? 0 : (last - first) / step + 1;
        }
        return count < 1 || count > Integer.MAX_VALUE ? null : Integer.valueOf((int) count);
    }
}
