package org.jobwitness.server.metrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MetricRowsTest {
    @TempDir
    Path parent;

    private static List<String> column(MetricRows rows, int column) {
        List<String> read = new ArrayList<>();
        rows.each(column, (value, text, from, length) -> read.add(new String(text, from, length, UTF_8) + " " + value));
        return read;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 10, 5_000, 50_000})
    void eachColumnIsReadAsOftenAsWantedInTheOrderOfItsRows(int size) {
        Labels labels = new Labels("n", "text");
        List<String> first = new ArrayList<>();
        List<String> second = new ArrayList<>();
        try (MetricRows rows = new MetricRows(parent, 2)) {
            for (int i = 0; i < size; i++) {
                String text = "ü".repeat(i % 50);
                boolean isKnown = i % 3 != 0;
                rows.add(labels.of("r" + i, text), i, isKnown ? i + 0.5 : Double.NaN);
                first.add("n=\"r" + i + "\",text=\"" + text + "\" " + (double) i);
                if (isKnown) {
                    second.add("n=\"r" + i + "\",text=\"" + text + "\" " + (i + 0.5));
                }
            }
            for (int round = 0; round < 2; round++) {
                assertThat(column(rows, 1).equals(second)).isTrue();
                assertThat(column(rows, 0).equals(first)).isTrue();
            }
        }
    }

    @Test
    void aRowMayBeOfAnyLength() {
        Labels labels = new Labels("text");
        try (MetricRows rows = new MetricRows(parent, 1)) {
            for (int length : new int[]{3, 200_000, 5, 70_000, 1_000_000, 0}) {
                rows.add(labels.of("x".repeat(length)), length);
            }
            List<Double> read = new ArrayList<>();
            rows.each(0, (value, text, from, length) -> {
                assertThat(length).isEqualTo((int) value + "text=\"\"".length());
                read.add(value);
            });
            assertThat(read).containsExactly(3.0, 200_000.0, 5.0, 70_000.0, 1_000_000.0, 0.0);
        }
    }

    @Test
    void nothingIsSeenOfThemInTheFolderThatIsMadeIfItIsMissing() throws Exception {
        Path folder = parent.resolve("not/there");
        try (MetricRows few = new MetricRows(folder, 1)) {
            few.add(new Labels("n").of("1"), 1);
            assertThat(column(few, 0)).containsExactly("n=\"1\" 1.0");
            assertThat(folder).doesNotExist();
        }
        try (MetricRows rows = new MetricRows(folder, 1)) {
            Labels labels = new Labels("n");
            for (int i = 0; i < 10_000; i++) {
                rows.add(labels.of("row " + i), i);
            }
            assertThat(folder).exists();
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files).isEmpty();
            }
            assertThat(column(rows, 0)).hasSize(10_000);
        }
    }
}
