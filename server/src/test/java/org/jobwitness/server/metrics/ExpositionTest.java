package org.jobwitness.server.metrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpositionTest {
    private static String text(Consumer<Exposition> writing) {
        return written(false, writing);
    }

    private static String written(boolean openMetrics, Consumer<Exposition> writing) {
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        Exposition out = new Exposition(written, openMetrics);
        writing.accept(out);
        out.flush();
        return written.toString(UTF_8);
    }

    @Test
    void aGaugeHasHelpTypeAndOneLineASample() {
        assertThat(text(out -> {
            Exposition.Samples gauge = out.gauge("hpc_things", "How many things.", "kind", "place");
            gauge.sample(2, "big", "here");
            gauge.sample(0.5, "small", "");
        })).isEqualTo("""
                # HELP hpc_things How many things.
                # TYPE hpc_things gauge
                hpc_things{kind="big",place="here"} 2
                hpc_things{kind="small",place=""} 0.5
                """);
    }

    @Test
    void aSampleWithoutLabelsHasNoBraces() {
        assertThat(text(out -> out.gauge("hpc_things", "Things.").sample(1))).endsWith("\nhpc_things 1\n");
    }

    @Test
    void aCounterKeepsItsNameInTheTextFormat() {
        assertThat(text(out -> out.counter("hpc_job_total", "Jobs.").sample(3))).isEqualTo(
                "# HELP hpc_job_total Jobs.\n# TYPE hpc_job_total counter\nhpc_job_total 3\n");
    }

    @Test
    void aCounterIsNamedWithoutItsSuffixInOpenMetrics() {
        assertThat(written(true, out -> out.counter("hpc_job_total", "Jobs.").sample(3)))
                .isEqualTo("# HELP hpc_job Jobs.\n# TYPE hpc_job counter\nhpc_job_total 3\n");
    }

    @Test
    void whatWouldEndALabelIsEscapedAndAllElseIsKept() {
        assertThat(text(out -> out.gauge("m", "Help.", "l").sample(1, "a\"b\\c\nd {e=f} 'g', ü 漢 😀")))
                .endsWith("\nm{l=\"a\\\"b\\\\c\\nd {e=f} 'g', ü 漢 😀\"} 1\n");
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "-0.0, 0", "1, 1", "-3, -3", "10, 10", "0.25, 0.25", "-0.5, -0.5", "93.75, 93.75",
            "100.000001, 100.000001", "-7.05, -7.05", "0.000001, 0.000001", "1e9, 1000000000",
            "1e15, 1000000000000000", "9007199254740993, 9007199254740992", "1795391954.547, 1795391954.547",
            "123456.789012, 123456.789012", "1e-7, 1.0E-7", "0.1234567, 0.1234567", "1e18, 1.0E18", "1e300, 1.0E300",
            "9223372036854775807, 9.223372036854776E18"})
    void numbersAreWrittenInFullAndNothingIsRounded(double value, String as) {
        assertThat(text(out -> out.gauge("m", "Help.").sample(value))).endsWith("\nm " + as + "\n");
        assertThat(Double.parseDouble(as)).isEqualTo(value + 0.0);
    }

    @Test
    void anyNumberIsReadBackAsItWas() {
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 100_000; i++) {
            double value = switch (i % 4) {
                case 0 -> Double.longBitsToDouble(random.nextLong());
                case 1 -> random.nextLong() / 1e6;
                case 2 -> random.nextLong(1L << 55) / 1e6;
                default -> random.nextInt() / 100.0;
            };
            if (Double.isFinite(value)) {
                String line = text(out -> out.gauge("m", "Help.").sample(value)).lines().toList().getLast();
                assertThat(Double.parseDouble(line.substring(2))).as(line).isEqualTo(value + 0.0);
            }
        }
    }

    /** The buffer fills up in the middle of names, labels and numbers. */
    @Test
    void whatIsLongerThanTheBufferComesInOnePiece() {
        String label = "\"".repeat(100_000);
        assertThat(text(out -> out.gauge("m", "Help.", "l").sample(7, label)))
                .endsWith("\nm{l=\"" + "\\\"".repeat(100_000) + "\"} 7\n");
        StringBuilder expected = new StringBuilder("# HELP m Help.\n# TYPE m gauge\n");
        String many = text(out -> {
            Exposition.Samples samples = out.gauge("m", "Help.", "l");
            for (int i = 0; i < 20_000; i++) {
                samples.sample(i / 8.0, "v" + i);
                expected.append("m{l=\"v").append(i).append("\"} ")
                        .append(i % 8 == 0 ? String.valueOf(i / 8) : String.valueOf(i / 8.0)).append('\n');
            }
        });
        assertThat(many.equals(expected.toString())).isTrue();
    }

    @Test
    void aSampleNeedsAValueForEachLabel() {
        assertThatThrownBy(() -> text(out -> out.gauge("m", "Help.", "one", "two").sample(1, "only")))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("2 labels, but 1 values");
    }

    @Test
    void aReaderWhoHasGoneEndsTheWriting() {
        OutputStream gone = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("gone");
            }
        };
        Exposition out = new Exposition(gone, false);
        out.gauge("m", "Help.");
        assertThatThrownBy(out::flush).isInstanceOf(UncheckedIOException.class);
    }
}
