package org.jobwitness.server.query;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of an array that wait together, or were cancelled together, as one job.
 *
 * @param text Slurm's expression, such as {@code 1-9,20-40:4%2}; it ends with dots if it does not have all of them
 * @param ranges those that it has in full
 */
public record ArrayTasks(String text, List<Range> ranges) {
    static final int MAX_LENGTH = 256;
    private static final String CUT = "...";
    private static final Pattern AT_ONCE = Pattern.compile("%[0-9]+$");
    private static final Pattern RANGE = Pattern.compile("([0-9]{1,9})(?:-([0-9]{1,9})(?::([1-9][0-9]{0,8}))?)?");
    /** slurmdbd has them as bits, the lowest task last: as many as MaxArraySize can be. */
    private static final Pattern BITS = Pattern.compile("0x([0-9a-fA-F]{1,1000004})");

    public ArrayTasks {
        ranges = List.copyOf(ranges);
    }

    /** Tasks {@code first}, {@code first + step} and so on, up to {@code last}. */
    record Range(long first, long last, long step) {
        long count() {
            return last < first ? 0 : (last - first) / step + 1;
        }

        boolean contains(long task) {
            return task >= first && task <= last && (task - first) % step == 0;
        }
    }

    /** Empty if it is no such expression. */
    public static Optional<ArrayTasks> parse(@Nullable String expression) {
        if (expression == null) {
            return Optional.empty();
        }
        Matcher bits = BITS.matcher(expression);
        String text = shortened(bits.matches() ? ofBits(new BigInteger(bits.group(1), 16)) : expression.strip());
        String list = AT_ONCE.matcher(text).replaceFirst("");
        List<String> parts = new ArrayList<>(List.of(list.replace(CUT, "").split(",", -1)));
        if (list.endsWith(CUT)) {
            parts.removeLast(); // where it was cut off
        }
        List<Range> ranges = new ArrayList<>();
        for (String part : parts) {
            Matcher ends = RANGE.matcher(part);
            if (!ends.matches()) {
                return Optional.empty();
            }
            long first = Long.parseLong(ends.group(1));
            ranges.add(new Range(first, ends.group(2) == null ? first : Long.parseLong(ends.group(2)),
                    ends.group(3) == null ? 1 : Long.parseLong(ends.group(3))));
        }
        ArrayTasks tasks = new ArrayTasks(text, ranges);
        return tasks.count() < 1 || tasks.count() > Integer.MAX_VALUE ? Optional.empty() : Optional.of(tasks);
    }

    private static String shortened(String text) {
        return text.length() <= MAX_LENGTH
                ? text
                : text.substring(0, text.lastIndexOf(',', MAX_LENGTH - CUT.length() - 1) + 1) + CUT;
    }

    private static String ofBits(BigInteger bits) {
        StringBuilder text = new StringBuilder();
        BigInteger rest = bits;
        int at = 0;
        while (rest.signum() > 0 && text.length() <= MAX_LENGTH) {
            int gap = rest.getLowestSetBit();
            rest = rest.shiftRight(gap);
            int length = rest.not().getLowestSetBit();
            rest = rest.shiftRight(length);
            int first = at + gap;
            at = first + length;
            text.append(text.isEmpty() ? "" : ",").append(first).append(length == 1 ? "" : "-" + (at - 1));
        }
        return text.toString();
    }

    /** Whether there may be more of them than it has. */
    public boolean isCut() {
        return text.contains(CUT);
    }

    /** How many there are, at least. */
    public long count() {
        return Math.max(isCut() ? 1 : 0, ranges.stream().mapToLong(Range::count).sum());
    }

    /** Their numbers, as far as it has them. */
    public LongStream numbers() {
        return ranges.stream().flatMapToLong(range -> LongStream.range(0, range.count())
                .map(place -> range.first() + place * range.step()));
    }

    /** Whether it has this task. */
    boolean contains(long task) {
        return ranges.stream().anyMatch(range -> range.contains(task));
    }
}
