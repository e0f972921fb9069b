package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jspecify.annotations.Nullable;

/** Numbers, times, names and text from users, as they stand in sentences. */
public final class Phrases {
    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    private static final int MAX_LENGTH = 80;
    private static final int MAX_SENTENCE_LENGTH = 300;
    private static final int MAX_NAMES = 4;

    private Phrases() {
    }

    /** {@code Job 123}, at the beginning of a sentence. */
    static String job(RunEvidence evidence) {
        return "Job " + evidence.run().id();
    }

    /** {@code  after 3 h}; empty if it is not known how long the run took. */
    static String after(RunEvidence evidence) {
        double seconds = evidence.run().seconds(evidence.now());
        return Double.isNaN(seconds) ? "" : " after " + time(seconds);
    }

    /** {@code  on n1}; empty where figures are of the job as a whole. */
    static String on(String node) {
        return node.isEmpty() ? "" : " on " + plain(node);
    }

    /** {@code GPU 2 (NVIDIA H100 80GB HBM3, GPU-1a6f7c52-...) on n1}; what is not known is left out. */
    static String gpu(GpuUsage gpu) {
        List<String> names = Stream.of(gpu.model(), gpu.gpu()).filter(Objects::nonNull).map(Phrases::plain).toList();
        String name = gpu.minor() == null
                ? names.getLast() + (names.size() == 1 ? "" : " (" + names.getFirst() + ")")
                : gpu.minor() + " (" + String.join(", ", names) + ")";
        return "GPU " + name + on(gpu.node());
    }

    /** The verb for a count, as {@link #number} shows it. */
    static String were(double count) {
        return number(count).equals("1") ? " was" : " were";
    }

    static String were(long count) {
        return count == 1 ? " was" : " were";
    }

    static String lostWork(long kills) {
        return "The work of the killed " + (kills == 1 ? "process" : "processes") + " may be missing.";
    }

    /** To the second: what a sentence says of a time, and what its {@code times} list. */
    static Instant moment(Instant at) {
        return at.truncatedTo(ChronoUnit.SECONDS);
    }

    /** {@code 3 h 20 min}, {@code 2 days 4 h}, {@code 35 s}. */
    public static String time(double seconds) {
        long whole = Math.round(seconds);
        long days = whole / 86_400;
        long hours = whole % 86_400 / 3600;
        long minutes = whole % 3600 / 60;
        if (days > 0) {
            return count(days, "day") + (hours == 0 ? "" : " " + hours + " h");
        }
        if (hours > 0) {
            return hours + " h" + (minutes == 0 ? "" : " " + minutes + " min");
        }
        if (minutes > 0) {
            return minutes + " min" + (whole % 60 == 0 || minutes >= 10 ? "" : " " + whole % 60 + " s");
        }
        return whole == 0 && seconds > 0 ? "less than 1 s" : whole + " s";
    }

    static String time(Duration time) {
        return time(time.toMillis() / 1e3);
    }

    /** In the unit that makes it short: {@code 23.4 GiB}. */
    public static String bytes(double bytes) {
        double value = bytes;
        int unit = 0;
        while (value >= 1023.95 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        return number(value) + " " + UNITS[unit];
    }

    /** With one decimal, unless that is 0. */
    public static String number(double value) {
        long tenths = Math.round(value * 10);
        return tenths / 10 + (tenths % 10 == 0 ? "" : "." + Math.abs(tenths % 10));
    }

    public static String percent(double percent) {
        return percent > 0 && percent < 0.05 ? "less than 0.1 %" : number(percent) + " %";
    }

    /** {@code 1 process}, {@code 3 processes}. */
    public static String count(long count, String one) {
        return count(count, one, one + "s");
    }

    static String count(long count, String one, String many) {
        return count + " " + (count == 1 ? one : many);
    }

    /** Some names, and how many more there are. */
    static String names(List<String> names) {
        List<String> shown = names.stream().limit(MAX_NAMES).map(Phrases::plain).toList();
        int rest = names.size() - shown.size();
        if (rest > 0) {
            return String.join(", ", shown) + " and " + rest + " more";
        }
        return list(shown);
    }

    /** {@code a, b and c}. */
    static String list(List<String> items) {
        return items.size() < 2
                ? String.join("", items)
                : String.join(", ", items.subList(0, items.size() - 1)) + " and " + items.getLast();
    }

    /** Text from users or Slurm in quotation marks, so that it cannot be taken for ours. */
    static String quoted(String text) {
        return "“" + plain(text) + "”";
    }

    /** As {@link #quoted}, of a text that may be a sentence or two. */
    static String quotedSentence(String text) {
        return "“" + plain(text, MAX_SENTENCE_LENGTH) + "”";
    }

    /** Text from users or Slurm as one short line, without what steers a terminal, turns the reading direction or ends our quotation. */
    public static String plain(String text) {
        return plain(text, MAX_LENGTH);
    }

    private static String plain(String text, int maxLength) {
        String safe = text.codePoints().map(c -> isHarmless(c) ? c : '?').limit(maxLength + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        return safe.codePointCount(0, safe.length()) > maxLength
                ? safe.substring(0, safe.offsetByCodePoints(0, maxLength)) + "…"
                : safe;
    }

    private static boolean isHarmless(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                false;
            default -> c != '“' && c != '”';
        };
    }

    /** {@code the batch script}, {@code step 0}. */
    static String step(@Nullable String step) {
        if (step == null) {
            return "a step";
        }
        return switch (step) {
            case "batch", "interactive" -> "the " + stepName(step);
            case "extern" -> "a process " + stepName(step);
            default -> stepName(step);
        };
    }

    /** {@code batch script}, {@code step 0}. */
    static String stepName(String step) {
        return switch (step) {
            case "batch" -> "batch script";
            case "interactive" -> "interactive shell";
            case "extern" -> "outside of Slurm's steps";
            default -> "step " + plain(step);
        };
    }
}
