package org.jobwitness.server.chart;

import java.util.Arrays;
import java.util.BitSet;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.wire.Figure;

/** The values that a series has of one metric, and where there is a gap between two of them. Pure. */
final class MetricCurve {
    private static final Figure INTERVAL_OF_JOB = Figure.INTERVAL_MS;
    private static final Figure INTERVAL_OF_GPU = Figure.GPU_INTERVAL_MS;
    /** What comes later than this is not the next sample: agents are seldom late by a half. */
    private static final double NEXT = 1.5;
    /** A counter tells of the time since it was read before, but over more than this it would tell of nothing in particular. */
    private static final double TOLD_BY_COUNTER = 3;

    private final long[] timesMicros;
    private final double[] values;
    private final BitSet gaps;

    /**
     * Takes the arrays over.
     *
     * @param timesMicros each later than the one before
     * @param values none of them NaN
     * @param gaps the places of those that have a gap before them; never the first
     */
    MetricCurve(long[] timesMicros, double[] values, BitSet gaps) {
        this.timesMicros = timesMicros;
        this.values = values;
        this.gaps = gaps;
    }

    int size() {
        return timesMicros.length;
    }

    long timeMicros(int place) {
        return timesMicros[place];
    }

    double value(int place) {
        return values[place];
    }

    /** Whether nothing is known of some time between this one and the one before. */
    boolean hasGapBefore(int place) {
        return gaps.get(place);
    }

    int gaps() {
        return gaps.cardinality();
    }

    /** Which figure tells how long a sample stands for. */
    static Figure intervalOf(Figure.Of of) {
        return of == Figure.Of.JOB ? INTERVAL_OF_JOB : INTERVAL_OF_GPU;
    }

    /**
     * What a series tells of a metric.
     *
     * @param series with the metric's figure, and with the interval
     */
    static MetricCurve of(Series series, Metric metric) {
        long[] intervals = intervalsMicros(series, metric);
        return metric.isRate() ? rates(series, metric, intervals) : levels(series, metric, intervals);
    }

    private static MetricCurve levels(Series series, Metric metric, long[] intervals) {
        double[] all = series.of(metric.figure());
        Drawing drawing = new Drawing(all.length);
        for (int row = 0; row < all.length; row++) {
            if (row > 0 && series.timeMicros(row) - series.timeMicros(row - 1) > NEXT * intervals[row]) {
                drawing.gap();
            }
            if (Double.isNaN(all[row])) {
                drawing.gap();
            } else {
                drawing.add(series.timeMicros(row), all[row]);
            }
        }
        return drawing.curve();
    }

    private static MetricCurve rates(Series series, Metric metric, long[] intervals) {
        double[] all = series.of(metric.figure());
        Drawing drawing = new Drawing(all.length);
        int before = -1;
        for (int row = 0; row < all.length; row++) {
            if (Double.isNaN(all[row])) {
                continue;
            }
            long micros = before < 0 ? Long.MAX_VALUE : series.timeMicros(row) - series.timeMicros(before);
            if (micros <= TOLD_BY_COUNTER * intervals[row] && all[row] >= all[before]) {
                drawing.add(series.timeMicros(row), (all[row] - all[before]) / (micros / 1e6) * metric.perSecond());
            } else {
                drawing.gap();
            }
            before = row;
        }
        return drawing.curve();
    }

    /** As the samples say themselves; where one does not, what lies mostly between two of them. */
    private static long[] intervalsMicros(Series series, Metric metric) {
        double[] said = series.of(intervalOf(metric.figure().of()));
        long usual = usualDistance(series);
        return Arrays.stream(said).mapToLong(ms -> Double.isNaN(ms) ? usual : (long) (ms * 1e3)).toArray();
    }

    private static long usualDistance(Series series) {
        long[] distances = new long[Math.max(series.size() - 1, 0)];
        for (int i = 0; i < distances.length; i++) {
            distances[i] = series.timeMicros(i + 1) - series.timeMicros(i);
        }
        Arrays.sort(distances);
        return distances.length == 0 ? 0 : distances[distances.length / 2];
    }

    /** Goes along a series. */
    private static final class Drawing {
        private final long[] times;
        private final double[] values;
        private final BitSet gaps = new BitSet();
        private int size;
        private boolean gap;

        Drawing(int mostRows) {
            times = new long[mostRows];
            values = new double[mostRows];
        }

        void gap() {
            gap = size > 0;
        }

        void add(long timeMicros, double value) {
            gaps.set(size, gap);
            gap = false;
            times[size] = timeMicros;
            values[size++] = value;
        }

        MetricCurve curve() {
            return new MetricCurve(Arrays.copyOf(times, size), Arrays.copyOf(values, size), gaps);
        }
    }
}
