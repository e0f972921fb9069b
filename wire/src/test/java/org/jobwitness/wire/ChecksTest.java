package org.jobwitness.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChecksTest {
    private static void assertRefused(ThrowingCallable check, String rule) {
        assertThatThrownBy(check).isInstanceOfSatisfying(InvalidFieldException.class,
                e -> assertThat(e.field()).startsWith("f")).hasMessageContaining(rule);
    }

    @Test
    void whatIsNotGivenIsNoError() {
        assertThat(Checks.sluid("f", null)).isNull();
        assertThat(Checks.node("f", null)).isNull();
        assertThat(Checks.text("f", null, 1)).isNull();
        assertThat(Checks.size("f", null)).isNull();
        assertThat(Checks.percent("f", null)).isNull();
        assertThat(Checks.time("f", null)).isNull();
        assertThat(Checks.texts("f", null, 1, 1)).isEmpty();
        assertThat(Checks.list("f", null, 1)).isEmpty();
        assertThat(Checks.causes("f", null)).isEmpty();
        assertRefused(() -> Checks.required("f", null), "f is required");
    }

    @ParameterizedTest
    @CsvSource({"s5K1KKYAYG5D00, s5K1KKYAYG5D00", "s5k1kkyayg5d00, s5K1KKYAYG5D00"})
    void aSluidIsInUpperCase(String given, String sluid) {
        assertThat(Checks.sluid("f", given)).isEqualTo(sluid);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "S5K1KKYAYG5D00", "s5K1KKYAYG5D0", "s5K1KKYAYG5D000", "sG000000000000",
            "s5K1KKYAYG5D0I", "s5K1KKYAYG5D0U", "s5K1KKYAYG5D0 "})
    void whatIsNoSluidIsRefused(String given) {
        assertRefused(() -> Checks.sluid("f", given), "must be s and 13 digits");
    }

    @ParameterizedTest
    @ValueSource(strings = {"n1", "N", "gpu-1.example.org", "a_b"})
    void aNodeIsAHostName(String name) {
        assertThat(Checks.node("f", name)).isEqualTo(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", ".n", "n.", "-n", "n[1-2]", "n 1", "n\u00e4"})
    void whatIsNoHostNameIsRefused(String name) {
        assertRefused(() -> Checks.node("f", name), "must be one host name");
        assertRefused(() -> Checks.node("f", "n".repeat(256)), "must be one host name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " a ", "j\u00fcrgen", "\ud83d\ude00", "<script>", "'; drop table job"})
    void aTextIsKeptAsItIs(String text) {
        assertThat(Checks.text("f", text, 20)).isEqualTo(text);
        assertThat(Checks.requiredText("f", text, 20)).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '|', value = {"||, must not be blank", "| |, must not be blank",
            "|123456|, must be at most 5 characters"})
    void aTextIsNotBlankAndNotLong(String text, String rule) {
        assertRefused(() -> Checks.text("f", text, 5), rule);
        assertRefused(() -> Checks.requiredText("f", text, 5), rule);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u0000", "a\nb", "a\u007fb", "a\u0085", "\ud83d", "\ude00a"})
    void aTextCanBeStoredAndShown(String text) {
        assertRefused(() -> Checks.text("f", text, 20), "must not hold control characters or broken Unicode");
    }

    @Test
    void aMessageShowsAShortAndPlainText() {
        assertThat(Checks.shown("a")).isEqualTo("\"a\"");
        assertThat(Checks.shown("a\n\u0000\ud83db")).isEqualTo("\"a???b\"");
        assertThat(Checks.shown("x".repeat(81))).isEqualTo('"' + "x".repeat(80) + "…\"");
    }

    @Test
    void aNumberLiesWithinItsBounds() {
        assertThat(Checks.within("f", 1, 1, 2)).isOne();
        assertThat(Checks.within("f", 2, 1, 2)).isEqualTo(2);
        assertRefused(() -> Checks.within("f", 0, 1, 2), "must be 1..2, was 0");
        assertRefused(() -> Checks.within("f", 3, 1, 2), "must be 1..2, was 3");
        assertRefused(() -> Checks.within("f", 1e6 + 1, 0.0, 1e6), "must be 0..1000000, was 1000001");
        assertRefused(() -> Checks.within("f", Double.NaN, 0.0, 1.0), "was NaN");
        assertRefused(() -> Checks.within("f", Double.POSITIVE_INFINITY, 0.0, 1.0), "was Infinity");
        assertRefused(() -> Checks.within("f", 1e300, 0.0, 1.0), "was 1.0E300");
    }

    @Test
    void aSizeIsWhatADoubleHoldsExactly() {
        assertThat(Checks.size("f", 1L << 53)).isEqualTo(1L << 53);
        assertRefused(() -> Checks.size("f", (1L << 53) + 1), "must be 0..9007199254740992");
        assertRefused(() -> Checks.size("f", -1L), "was -1");
    }

    @Test
    void minusZeroIsZero() {
        assertThat(Checks.percent("f", -0.0)).isEqualTo(0.0).extracting(Double::doubleToRawLongBits).isEqualTo(0L);
        assertThat(Checks.memoryMb("f", -0.0)).extracting(Double::doubleToRawLongBits).isEqualTo(0L);
        assertThat(Checks.percent("f", 100.0)).isEqualTo(100);
        assertRefused(() -> Checks.percent("f", 100.1), "must be 0..100, was 100.1");
        assertRefused(() -> Checks.memoryMb("f", -1e-3), "was -0.001");
    }

    @Test
    void aTimeIsOneThatTheDatabaseKeeps() {
        assertThat(Checks.time("f", Instant.parse("2026-11-22T21:34:10.123456789Z")))
                .isEqualTo("2026-11-22T21:34:10.123456Z");
        assertRefused(() -> Checks.time("f", Instant.parse("1969-12-31T23:59:59Z")), "between 1970 and 2200");
        assertRefused(() -> Checks.time("f", Instant.parse("2200-01-01T00:00:01Z")), "between 1970 and 2200");
    }

    @Test
    void aListIsBoundedHasNoGapsAndCannotBeChanged() {
        assertThat(Checks.list("f", List.of(1, 2), 2)).containsExactly(1, 2).isUnmodifiable();
        assertRefused(() -> Checks.list("f", List.of(1, 2), 1), "must have at most 1 entries, had 2");
        assertRefused(() -> Checks.list("f", Arrays.asList(1, null), 2), "f[1] is required");
        assertThat(Checks.texts("f", List.of("a"), 1, 1)).containsExactly("a").isUnmodifiable();
        assertRefused(() -> Checks.texts("f", List.of("a", "bc"), 2, 1), "f[1] must be at most 1 characters");
        assertRefused(() -> Checks.texts("f", Arrays.asList("a", null), 2, 1), "f[1] must not be null");
        assertRefused(() -> Checks.texts("f", List.of("a", " "), 2, 1), "f[1] must not be blank");
        assertRefused(() -> Checks.texts("f", List.of("a", "b"), 1, 1), "must have at most 1 entries");
    }

    @Test
    void causesAreNamedByFigures() {
        assertThat(Checks.causes("f", Map.of("pids", "p", "io_read_bytes", "denied")))
                .containsExactly(Map.entry("io_read_bytes", "denied"), Map.entry("pids", "p"));
        assertRefused(() -> Checks.causes("f", Map.of("Pids", "p")), "must be named by figures");
        assertRefused(() -> Checks.causes("f", Map.of("pids", " ")), "f.pids must not be blank");
        assertRefused(() -> Checks.causes("f", Collections.singletonMap("pids", null)), "f.pids is required");
        Map<String, String> many = new HashMap<>();
        IntStream.rangeClosed(0, 64).forEach(i -> many.put("f" + i, "x"));
        assertRefused(() -> Checks.causes("f", many), "must have at most 64 entries, had 65");
    }

    @Test
    void anyJsonIsTakenThatCanBeReadAgain() {
        Checks.json("f", Arrays.asList(null, true, Map.of("a", List.of(1e30, -1e-30, 0.0)), "\t\n"), 100);
        assertRefused(() -> Checks.json("f", List.of(1e31), 100), "no number beyond 1e30");
        assertRefused(() -> Checks.json("f", List.of(1e-31), 100), "closer to 0 than 1e-30");
        assertRefused(() -> Checks.json("f", List.of(Double.NaN), 100), "no number beyond 1e30");
        assertRefused(() -> Checks.json("f", Map.of("a\u0000", 1), 100), "must not hold the character NUL");
        assertRefused(() -> Checks.json("f", List.of("\ud83d"), 100), "broken Unicode");
        assertRefused(() -> Checks.json("f", Collections.nCopies(100, ""), 100), "at most 100 characters of text");
    }
}
