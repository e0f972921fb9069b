package org.jobwitness.server.chart;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.wire.Figure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which values a series has of a metric, how fast a counter grows, and where nothing is known. */
class MetricCurveTest {
    private static final Set<Figure> OF_THE_SAMPLE = EnumSet.of(Figure.INTERVAL_MS, Figure.SUSPENDED_MS,
            Figure.GPU_INTERVAL_MS);

    private static final double SECOND = 1e6;

    /** Samples as {@code seconds:value}, without a value where none was read; the interval is 10 s if it is told at all. */
    private static String drawn(Metric metric, String samples, double intervalMs) {
        String[][] rows = Arrays.stream(samples.split(" ")).map(row -> row.split(":", 2)).toArray(String[][]::new);
        long[] times = Stream.of(rows).mapToLong(row -> (long) (Double.parseDouble(row[0]) * SECOND)).toArray();
        double[] values = Stream.of(rows).mapToDouble(row -> row[1].isEmpty() ? Double.NaN : Double.parseDouble(row[1]))
                .toArray();
        double[] intervals = new double[times.length];
        Arrays.fill(intervals, intervalMs);
        Figure.Of of = metric.figure().of();
        MetricCurve curve = MetricCurve.of(new Series("n1", of == Figure.Of.JOB ? "" : "0", times,
                List.of(MetricCurve.intervalOf(of), metric.figure()), new double[][]{intervals, values}), metric);
        StringBuilder drawn = new StringBuilder();
        for (int i = 0; i < curve.size(); i++) {
            drawn.append(curve.hasGapBefore(i) ? " |" : "").append(' ').append(curve.timeMicros(i) / SECOND).append(':')
                    .append(curve.value(i));
        }
        return drawn.toString().strip().replaceAll("\\.0(?![0-9])", "");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
            as it is               ; 0:1 10:2 20:3          ; 0:1 10:2 20:3
            late, but next         ; 0:1 14:2 20:3          ; 0:1 14:2 20:3
            one is missing         ; 0:1 20:3 30:4          ; 0:1 | 20:3 30:4
            one was not read       ; 0:1 10: 20:3           ; 0:1 | 20:3
            several were not read  ; 0:1 10: 20: 30: 40:5   ; 0:1 | 40:5
            nothing at first       ; 0: 10: 20:3            ; 20:3
            nothing at last        ; 0:1 10: 40:            ; 0:1
            nothing at all         ; 0: 10:                 ; ``
            zero is a value        ; 0:0 10:0               ; 0:0 10:0
            """)
    void aLevelIsShownAsItIs(String what, String samples, String curve) {
        assertThat(drawn(Metric.of(Figure.MEMORY_USAGE_BYTES), samples, 10_000)).as(what).isEqualTo(curve);
        assertThat(drawn(Metric.of(Figure.POWER_WATTS), samples, 10_000)).as(what).isEqualTo(curve);
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
            by the second              ; 0:0 10:50 20:50 25:75         ; 10:5 20:0 25:5
            the first has none         ; 0:70                          ; ``
            one is missing             ; 0:0 10:10 30:50 40:60         ; 10:1 30:2 40:1
            one was not read           ; 0:0 10:10 20: 30:50 40:60     ; 10:1 30:2 40:1
            as long as it tells        ; 0:0 10:10 40:40               ; 10:1 40:1
            longer than it tells       ; 0:0 10:10 40.1:40 50:139      ; 10:1 | 50:10
            it falls                   ; 0:0 10:10 20:5 30:15          ; 10:1 | 30:1
            it falls at first          ; 0:9 10:0 20:5                 ; 20:0.5
            it stands still            ; 0:9 10:9                      ; 10:0
            """)
    void aCounterIsShownAsHowFastItGrows(String what, String samples, String curve) {
        String slower = drawn(Metric.of(Figure.IO_READ_BYTES), samples, 10_000);
        assertThat(slower).as(what).isEqualTo(curve);
        assertThat(drawn(Metric.of(Figure.ENERGY_JOULES), samples, 10_000)).as(what).isEqualTo(slower);
    }

    @Test
    void timeIsShownAsPercentOfTheTimeThatWentByAndCpuTimeAsCpus() {
        assertThat(drawn(Metric.of(Figure.CPU_PRESSURE_USEC), "0:0 10:5000000", 10_000)).isEqualTo("10:50");
        assertThat(drawn(Metric.of(Figure.CPU_USAGE_USEC), "0:0 10:25000000", 10_000)).isEqualTo("10:2.5");
    }

    @Test
    void whereNoIntervalIsToldWhatLiesMostlyBetweenSamplesIsIt() {
        assertThat(drawn(Metric.of(Figure.MEMORY_USAGE_BYTES), "0:1 60:2 120:3 300:4 360:5", Double.NaN))
                .isEqualTo("0:1 60:2 120:3 | 300:4 360:5");
        assertThat(drawn(Metric.of(Figure.MEMORY_USAGE_BYTES), "0:1 86400:2", Double.NaN)).isEqualTo("0:1 86400:2");
        assertThat(drawn(Metric.of(Figure.MEMORY_USAGE_BYTES), "0:1", Double.NaN)).isEqualTo("0:1");
    }

    @Test
    void eachFigureButThoseOfTheSampleItselfIsShownByOneMetric() {
        assertThat(Metric.all().stream().filter(metric -> metric.others().isEmpty()).map(Metric::figure))
                .doesNotHaveDuplicates()
                .containsExactlyInAnyOrderElementsOf(Stream.of(Figure.values())
                        .filter(figure -> !OF_THE_SAMPLE.contains(figure)).toList());
        assertThat(Metric.all()).filteredOn(metric -> metric.others().isEmpty())
                .allSatisfy(metric -> assertThat(metric.perSecond() > 0).isEqualTo(metric.isRate())
                        .isEqualTo(!metric.toString().equals(metric.figure().toString())));
    }

    @Test
    void neededMemoryIsAddedUpMomentByMoment() {
        double unread = Double.NaN;
        Series series = new Series("n1", "", new long[]{0, 10_000_000, 20_000_000, 30_000_000},
                List.of(Figure.INTERVAL_MS, Figure.MEMORY_ANON_BYTES, Figure.MEMORY_SHMEM_BYTES,
                        Figure.MEMORY_SWAP_BYTES),
                new double[][]{{10_000, 10_000, 10_000, 10_000}, {1, 6, unread, 2}, {7, 1, 9, unread},
                        {unread, 5, 9, unread}});
        MetricCurve curve = MetricCurve.of(series, Metric.named("memory_needed_bytes").orElseThrow());
        assertThat(IntStream.range(0, curve.size()).mapToObj(curve::value)).containsExactly(8.0, 12.0, 2.0);
        assertThat(curve.hasGapBefore(2)).isTrue();
        assertThat(series.of(Figure.MEMORY_ANON_BYTES)).containsExactly(1, 6, unread, 2);
    }
}
