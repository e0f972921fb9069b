package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jobwitness.server.job.WaitStatus;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * An object of Slurm's JSON, read whatever shape its version gives a field: a state is a word or a list of words, a number
 * stands alone or as {@code {set, infinite, number}}, an exit code is a wait(2) status, such a number, or an object of three
 * parts. What is not set, is infinite, or is one of Slurm's marks for no value, is null; so is what has another shape.
 *
 * <p>A field is named by its path: {@code "time/start"}.
 */
record Fields(JsonNode node) {
    /** INFINITE of slurm.h, in 32 and 64 bits. */
    private static final Set<Long> INFINITE = Set.of(0xffff_ffffL, -1L);
    /** NO_VAL, alike. */
    private static final Set<Long> NO_VALUE = Set.of(0xffff_fffeL, -2L);
    private static final Set<String> NO_TEXT = Set.of("None assigned", "(null)", "N/A");
    private static final long MAX_TIME = 4_000_000_000L;
    private static final int MAX_WAIT_STATUS = 0xffff;

    @Nullable
    String text(String path) {
        JsonNode value = at(path);
        String text = value.isString() ? value.stringValue() : value.isIntegralNumber() ? value.toString() : "";
        return text.isBlank() || NO_TEXT.contains(text) ? null : text;
    }

    /** Null where it is not there. */
    @Nullable
    Boolean flag(String path) {
        JsonNode value = at(path);
        return value.isBoolean() ? Boolean.valueOf(value.booleanValue()) : null;
    }

    boolean isTrue(String path) {
        return at(path).asBoolean(false);
    }

    @Nullable
    Long number(String path) {
        return number(at(path));
    }

    /** A number that counts or names something: 0 is none. */
    @Nullable
    Long positive(String path) {
        Long number = number(path);
        return number == null || number <= 0 ? null : number;
    }

    /** Whether Slurm reports that there is no limit, which is more than no value. */
    boolean isInfinite(String path) {
        JsonNode value = at(path);
        return value.isObject()
                ? value.path("infinite").asBoolean(false)
                : value.isIntegralNumber() && value.canConvertToLong() && INFINITE.contains(value.longValue());
    }

    /** Also null if it does not fit. */
    @Nullable
    Integer positiveInt(String path) {
        Long number = positive(path);
        return number == null || number > Integer.MAX_VALUE ? null : Integer.valueOf(number.intValue());
    }

    /** From 0 on; null if it does not fit. */
    @Nullable
    Integer count(String path) {
        Long number = number(path);
        return number == null || number < 0 || number > Integer.MAX_VALUE ? null : Integer.valueOf(number.intValue());
    }

    /** Seconds since 1970; 0 is never. */
    @Nullable
    Instant time(String path) {
        Long seconds = positive(path);
        return seconds == null || seconds > MAX_TIME ? null : Instant.ofEpochSecond(seconds);
    }

    List<String> words(String path) {
        JsonNode value = at(path);
        List<String> words = new ArrayList<>();
        Stream<JsonNode> all = value.isArray() ? value.valueStream() : Stream.of(value);
        all.filter(JsonNode::isString).map(JsonNode::stringValue).filter(word -> !word.isBlank()).forEach(words::add);
        return words;
    }

    List<Fields> list(String path) {
        JsonNode value = at(path);
        return value.isArray() ? value.valueStream().map(Fields::new).toList() : List.of();
    }

    /**
     * How a process ended.
     *
     * <p>Where the status is a word, it is slurmdbd's of v0.0.39 and older, which call each exit code a success
     * (data_parser/v0.0.39, JOB_EXIT_CODE): then the exit code is unknown.
     */
    @Nullable
    WaitStatus exit(String path) {
        JsonNode value = at(path);
        if (!value.has("status")) {
            Long raw = number(value);
            return raw == null || raw < 0 || raw > MAX_WAIT_STATUS ? null : WaitStatus.ofRaw(raw.intValue());
        }
        if (!value.path("status").isArray()) {
            return null;
        }
        Long code = number(value.path("return_code"));
        Long signal = number(value.path("signal").path("id"));
        if (code == null && signal == null) {
            return null;
        }
        return within(code, 255) && within(signal, 127) ? new WaitStatus(orZero(code), orZero(signal)) : null;
    }

    private static int orZero(@Nullable Long number) {
        return number == null ? 0 : number.intValue();
    }

    private static boolean within(@Nullable Long number, int max) {
        return number == null || (number >= 0 && number <= max);
    }

    private JsonNode at(String path) {
        JsonNode value = node;
        for (String name : path.split("/", -1)) {
            value = value.path(name);
        }
        return value;
    }

    private static @Nullable Long number(JsonNode value) {
        if (value.isObject()) {
            return value.path("set").asBoolean(false) && !value.path("infinite").asBoolean(false)
                    ? number(value.path("number"))
                    : null;
        }
        Long number = null;
        if (value.isIntegralNumber() && value.canConvertToLong()) {
            number = value.longValue();
        } else if (value.isString() && value.stringValue().matches("[0-9]{1,18}")) {
            number = Long.valueOf(value.stringValue());
        }
        return number == null || NO_VALUE.contains(number) || INFINITE.contains(number) ? null : number;
    }
}
