package org.jobwitness.wire;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Checks that the records of this package share. Each returns the value that it was given. */
final class Checks {
    /** "s" and 64 bits in Crockford's base 32 (Slurm: src/common/sluid.c); Slurm prints upper case and reads both. */
    private static final Pattern SLUID = Pattern.compile("s[0-9A-F][0-9A-HJKMNP-TV-Z]{12}");
    private static final Pattern NODE = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?");
    private static final Pattern FIGURE = Pattern.compile("[a-z][a-z0-9_]{0,63}");
    /** The database writes numbers in full, and one of hundreds of digits could not be read back. */
    private static final double MAX_NUMBER = 1e30;
    private static final long MAX_UID = 0xffff_fffeL;
    private static final Instant EARLIEST = Instant.parse("1970-01-01T00:00:00Z");
    private static final Instant LATEST = Instant.parse("2200-01-01T00:00:00Z");
    private static final int MAX_OOM_KILLS = 64;

    private Checks() {
    }

    static @Nullable String sluid(String field, @Nullable String sluid) {
        if (sluid == null) {
            return null;
        }
        String upper = sluid.isEmpty()
                ? sluid
                : sluid.charAt(0) + sluid.substring(1).toUpperCase(Locale.ROOT);
        if (!SLUID.matcher(upper).matches()) {
            throw new InvalidFieldException(field,
                    "must be s and 13 digits of Slurm's base 32, such as s5K1KKYAYG5D00");
        }
        return upper;
    }

    static @Nullable String node(String field, @Nullable String name) {
        if (name != null && !NODE.matcher(name).matches()) {
            throw new InvalidFieldException(field, "must be one host name of letters, digits and . _ -");
        }
        return name;
    }

    static <T> T required(String field, @Nullable T value) {
        if (value == null) {
            throw new InvalidFieldException(field, "is required");
        }
        return value;
    }

    /** A required line of text. */
    static String requiredText(String field, @Nullable String text, int maxLength) {
        if (required(field, text).isBlank()) {
            throw new InvalidFieldException(field, "must not be blank");
        }
        return required(field, text(field, text, maxLength));
    }

    /** Untrusted text, made safe and short for a message. */
    static String shown(String text) {
        String plain = text.codePoints().map(c -> Character.isISOControl(c) || isLoneSurrogate(c) ? '?' : c).limit(81)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        return '"' + (plain.length() > 80 ? plain.substring(0, 80) + "…" : plain) + '"';
    }

    /** A line of untrusted text, kept as it is; it must be possible to store and to show it. */
    static @Nullable String text(String field, @Nullable String text, int maxLength) {
        if (text == null) {
            return null;
        }
        if (text.isBlank()) {
            throw new InvalidFieldException(field, "must not be blank; leave it out when it is not known");
        }
        if (text.length() > maxLength) {
            throw new InvalidFieldException(field,
                    "must be at most " + maxLength + " characters, was " + text.length());
        }
        if (!isPlain(text)) {
            throw new InvalidFieldException(field, "must not hold control characters or broken Unicode");
        }
        return text;
    }

    /** A loop rather than a stream: texts are checked by the hundred thousand. */
    private static boolean isPlain(String text) {
        for (int at = 0; at < text.length(); at += Character.charCount(text.codePointAt(at))) {
            int c = text.codePointAt(at);
            if (Character.isISOControl(c) || isLoneSurrogate(c)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isLoneSurrogate(int codePoint) {
        return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
    }

    static <N extends Number & Comparable<N>> @Nullable N within(String field, @Nullable N number, N min, N max) {
        if (number != null && (number.compareTo(min) < 0 || number.compareTo(max) > 0)) {
            throw new InvalidFieldException(field,
                    "must be " + plain(min) + ".." + plain(max) + ", was " + plain(number));
        }
        return number;
    }

    /** A number without an exponent, unless that would be very long. */
    private static String plain(Number number) {
        double value = number.doubleValue();
        boolean isShort = Double.isFinite(value) && (value == 0 || (Math.abs(value) > 1e-6 && Math.abs(value) < 1e20));
        return isShort
                ? new BigDecimal(number.toString()).stripTrailingZeros().toPlainString()
                : number.toString();
    }

    /** A count of bytes, microseconds or the like: whole, and small enough that a double holds it exactly. */
    static @Nullable Long size(String field, @Nullable Long size) {
        return within(field, size, 0L, Figure.MAX_WHOLE);
    }

    /** An owner's number: 32 bits without a sign, of which the kernel and Slurm keep the last one for "none". */
    static @Nullable Long uid(String field, @Nullable Long uid) {
        return within(field, uid, 0L, MAX_UID);
    }

    static @Nullable Double percent(String field, @Nullable Double percent) {
        return within(field, withoutSign(percent), 0.0, 100.0);
    }

    static @Nullable Double memoryMb(String field, @Nullable Double mb) {
        return within(field, withoutSign(mb), 0.0, (double) (1L << 40));
    }

    static @Nullable Double cpusUsed(String field, @Nullable Double cpus) {
        return within(field, cpus, 0.0, 1e6);
    }

    static List<OomKill> oomKills(String field, @Nullable List<? extends @Nullable OomKill> kills) {
        return list(field, kills, MAX_OOM_KILLS);
    }

    /** -0.0, a result of rounding, is 0. */
    private static @Nullable Double withoutSign(@Nullable Double zero) {
        return zero == null || zero != 0 ? zero : Double.valueOf(0);
    }

    /**
     * Any JSON that can be stored and read again, up to a size: texts are Unicode without NUL, numbers do not have hundreds of
     * digits.
     */
    static void json(String field, @Nullable Object value, int maxLength) {
        if (lengthOf(field, value) > maxLength) {
            throw new InvalidFieldException(field, "must hold at most " + maxLength
                    + " characters of text, where each text, list and object counts as one more");
        }
    }

    /** Each value counts, even an empty one: otherwise a megabyte of them would have no length. */
    private static long lengthOf(String field, @Nullable Object value) {
        return switch (value) {
            case null -> 4;
            case String text -> {
                if (text.codePoints().anyMatch(c -> c == 0 || isLoneSurrogate(c))) {
                    throw new InvalidFieldException(field, "must not hold the character NUL or broken Unicode");
                }
                yield 1 + text.length();
            }
            case Double number when !(Math.abs(number) <= MAX_NUMBER)
                    || (number != 0 && Math.abs(number) < 1 / MAX_NUMBER) ->
                throw new InvalidFieldException(field,
                        "must hold no number beyond 1e30 and none that is closer to 0 than 1e-30");
            case Map<?, ?> map -> 1 + map.entrySet().stream()
                    .mapToLong(entry -> lengthOf(field, entry.getKey()) + lengthOf(field, entry.getValue())).sum();
            case List<?> list -> 1 + list.stream().mapToLong(element -> lengthOf(field, element)).sum();
            default -> value.toString().length();
        };
    }

    /** A time to the microsecond, which is what the database keeps. */
    static @Nullable Instant time(String field, @Nullable Instant time) {
        if (time == null) {
            return null;
        }
        if (time.isBefore(EARLIEST) || time.isAfter(LATEST)) {
            throw new InvalidFieldException(field, "must lie between 1970 and 2200, was " + time);
        }
        return time.truncatedTo(ChronoUnit.MICROS);
    }

    static List<String> texts(String field, @Nullable List<? extends @Nullable String> texts, int maxCount,
            int maxLength) {
        if (texts == null) {
            return List.of();
        }
        if (texts.size() > maxCount) {
            throw new InvalidFieldException(field, "must have at most " + maxCount + " entries, had " + texts.size());
        }
        return IntStream.range(0, texts.size()).mapToObj(i -> entry(field + "[" + i + "]", texts.get(i), maxLength))
                .toList();
    }

    static <T> List<T> list(String field, @Nullable List<? extends @Nullable T> list, int maxCount) {
        if (list == null) {
            return List.of();
        }
        if (list.size() > maxCount) {
            throw new InvalidFieldException(field, "must have at most " + maxCount + " entries, had " + list.size());
        }
        List<T> checked = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            T entry = list.get(i);
            checked.add(entry == null ? required(field + "[" + i + "]", entry) : entry);
        }
        return Collections.unmodifiableList(checked);
    }

    /** Why figures are absent, by their names. */
    static Map<String, String> causes(String field, @Nullable Map<String, ? extends @Nullable String> causes) {
        if (causes == null) {
            return Map.of();
        }
        if (causes.size() > 64) {
            throw new InvalidFieldException(field, "must have at most 64 entries, had " + causes.size());
        }
        Map<String, String> checked = new TreeMap<>();
        causes.forEach((figure, cause) -> {
            if (!FIGURE.matcher(figure).matches()) {
                throw new InvalidFieldException(field, "must be named by figures such as io_read_bytes, had "
                        + shown(figure));
            }
            checked.put(figure, requiredText(field + "." + figure, cause, 256));
        });
        return Collections.unmodifiableMap(checked);
    }

    private static String entry(String field, @Nullable String text, int maxLength) {
        if (text == null) {
            throw new InvalidFieldException(field, "must not be null");
        }
        return requiredText(field, text, maxLength);
    }
}
