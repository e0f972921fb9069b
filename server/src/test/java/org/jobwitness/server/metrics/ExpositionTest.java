package org.jobwitness.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpositionTest {
    private final StringWriter written = new StringWriter();

    private Exposition text() {
        return Exposition.to(written, false);
    }

    @Test
    void aGaugeHasHelpTypeAndOneLineASample() {
        Exposition gauge = text().gauge("hpc_things", "How many things.", "kind", "place");
        gauge.sample(2, "big", "here");
        gauge.sample(0.5, "small", "");
        assertThat(written).hasToString("""
                # HELP hpc_things How many things.
                # TYPE hpc_things gauge
                hpc_things{kind="big",place="here"} 2
                hpc_things{kind="small",place=""} 0.5
                """);
    }

    @Test
    void aSampleWithoutLabelsHasNoBraces() {
        text().gauge("hpc_things", "Things.").sample(1);
        assertThat(written.toString()).endsWith("\nhpc_things 1\n");
    }

    @Test
    void aCounterKeepsItsNameInTheTextFormat() {
        text().counter("hpc_job_total", "Jobs.").sample(3);
        assertThat(written.toString()).isEqualTo("# HELP hpc_job_total Jobs.\n# TYPE hpc_job_total counter\n"
                + "hpc_job_total 3\n");
    }

    @Test
    void aCounterIsNamedWithoutItsSuffixInOpenMetrics() {
        Exposition.to(written, true).counter("hpc_job_total", "Jobs.").sample(3);
        assertThat(written.toString()).isEqualTo("# HELP hpc_job Jobs.\n# TYPE hpc_job counter\nhpc_job_total 3\n");
    }

    @Test
    void whatWouldEndALabelIsEscapedAndAllElseIsKept() {
        text().gauge("m", "Help.", "l").sample(1, "a\"b\\c\nd {e=f} 'g', ü 漢 😀");
        assertThat(written.toString()).endsWith("\nm{l=\"a\\\"b\\\\c\\nd {e=f} 'g', ü 漢 😀\"} 1\n");
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "-0.0, 0", "1, 1", "-3, -3", "0.25, 0.25", "1e9, 1000000000", "1e14, 100000000000000",
            "1e15, 1.0E15", "1795391954.547, 1.795391954547E9", "1e-7, 1.0E-7"})
    void wholeNumbersAreWrittenAsSuchAndNothingIsRounded(double value, String as) {
        text().gauge("m", "Help.").sample(value);
        assertThat(written.toString()).endsWith("\nm " + as + "\n");
        assertThat(Double.parseDouble(as)).isEqualTo(value + 0.0);
    }

    @Test
    void aSampleNeedsAValueForEachLabel() {
        Exposition gauge = text().gauge("m", "Help.", "one", "two");
        assertThatThrownBy(() -> gauge.sample(1, "only")).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("m has 2 labels");
    }

    @Test
    void aReaderWhoHasGoneEndsTheWriting() {
        Writer gone = new Writer() {
            @Override
            public void write(char[] text, int from, int count) throws IOException {
                throw new IOException("gone");
            }

            @Override
            public void flush() {
            }

            @Override
            public void close() {
            }
        };
        assertThatThrownBy(() -> Exposition.to(gone, false).gauge("m", "Help."))
                .isInstanceOf(UncheckedIOException.class);
    }
}
