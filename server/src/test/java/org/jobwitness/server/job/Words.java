package org.jobwitness.server.job;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code key=value} words of a line. Each must be asked for, so that a slip of the pen is not passed over. */
public final class Words {
    /** What is said of a value that is not known. */
    static final String UNKNOWN = "-";
    private static final Instant FIRST_DAY = Instant.parse("2026-03-02T00:00:00Z");
    private static final Pattern TIME = Pattern.compile("(?:\\+([0-9]+)d)?([0-9:]{5,8})");

    private final Map<String, String> left = new LinkedHashMap<>();

    public Words(String line) {
        for (String word : line.isBlank() ? new String[0] : line.strip().split("\\s+")) {
            int equals = word.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("not a key=value: " + word);
            }
            if (left.put(word.substring(0, equals), word.substring(equals + 1)) != null) {
                throw new IllegalArgumentException("said twice: " + word);
            }
        }
    }

    /** These words, and those of the other line that say something else. */
    public Words or(Words defaults) {
        defaults.left.forEach(left::putIfAbsent);
        return this;
    }

    public List<String> keys() {
        return List.copyOf(left.keySet());
    }

    /** The value of a key, null if it is not there or said to be unknown. */
    public String take(String key) {
        String value = left.remove(key);
        return UNKNOWN.equals(value) ? null : value;
    }

    public <T> T take(String key, Function<String, T> as) {
        String value = take(key);
        return value == null ? null : as.apply(value);
    }

    List<String> takeList(String key) {
        String value = take(key);
        return value == null ? List.of() : List.of(value.split(","));
    }

    public void noMore() {
        if (!left.isEmpty()) {
            throw new IllegalArgumentException("not known here: " + left.keySet());
        }
    }

    /** {@code 10:05:00} is a time of the first day, {@code +9d10:05} one of the tenth. */
    public static Instant time(String text) {
        Matcher form = TIME.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException("not a time such as 10:05:00 or +9d10:05: " + text);
        }
        Duration time = Duration.between(LocalTime.MIDNIGHT, LocalTime.parse(form.group(2)));
        return FIRST_DAY.plus(Duration.ofDays(form.group(1) == null ? 0 : Long.parseLong(form.group(1)))).plus(time);
    }

    public static String show(Instant time) {
        long days = Duration.between(FIRST_DAY, time).toDays();
        return (days == 0 ? "" : "+" + days + "d")
                + (time.getNano() == 0 && time.getEpochSecond() % 60 == 0
                        ? time.atOffset(ZoneOffset.UTC).toLocalTime()
                                + ":00"
                        : time.atOffset(ZoneOffset.UTC).toLocalTime());
    }
}
