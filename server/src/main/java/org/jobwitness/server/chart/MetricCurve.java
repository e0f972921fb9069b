package org.jobwitness.server.chart;

import java.util.Arrays;
import java.util.BitSet;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.wire.Figure;

/** The values that a series has of one metric, and where there is a gap between two of them. Pure. */
final class MetricCurve {
    private static final Figure INTERVAL_OF_JOB = Figure.INTERVAL_MS;
    private static final Figure INTERVAL_OF_GPU = Figure.GPU_INTERVAL_MS;
    /** A sample that is later, in intervals, is not the next one: agents are seldom late by a half. */
    private static final double MAX_DELAY = 1.5;
    /** A rate over a longer time, in intervals, would say nothing in particular. */
    private static final double MAX_RATE_INTERVALS = 3;

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

    /** Whether nothing is known of part of the time since the one before. */
    boolean hasGapBefore(int place) {
        return gaps.get(place);
    }

    int gaps() {
        return gaps.cardinality();
    }

    /** The figure with the interval of a sample. */
    static Figure intervalOf(Figure.Of of) {
        return of == Figure.Of.JOB ? INTERVAL_OF_JOB : INTERVAL_OF_GPU;
    }

    /**
     * The values of a metric in a series.
     *
     * @param series with the metric's figure, and with the interval
     */
    static MetricCurve of(Series series, Metric metric) {
        long[] intervals = intervalsMicros(series, metric);
        return metric.isRate() ? rates(series, metric, intervals) : levels(series, metric, intervals);
    }

    private static MetricCurve levels(Series series, Metric metric, long[] intervals) {
        double[] all = sum(series, metric);
        Builder builder = new Builder(all.length);
        for (int row = 0; row < all.length; row++) {
            if (row > 0 && series.timeMicros(row) - series.timeMicros(row - 1) > MAX_DELAY * intervals[row]) {
                builder.gap();
            }
            if (Double.isNaN(all[row])) {
                builder.gap();
            } else {
                builder.add(series.timeMicros(row), all[row]);
            }
        }
        return builder.curve();
    }

    private static double[] sum(Series series, Metric metric) {
        double[] sum = series.of(metric.figure()).clone();
        for (Figure other : metric.others()) {
            double[] added = series.of(other);
            for (int row = 0; row < sum.length; row++) {
                sum[row] += Double.isNaN(added[row]) ? 0 : added[row];
            }
        }
        return sum;
    }

    private static MetricCurve rates(Series series, Metric metric, long[] intervals) {
        double[] all = series.of(metric.figure());
        Builder builder = new Builder(all.length);
        int before = -1;
        for (int row = 0; row < all.length; row++) {
            if (Double.isNaN(all[row])) {
                continue;
            }
            long micros = before < 0 ? Long.MAX_VALUE : series.timeMicros(row) - series.timeMicros(before);
            if (micros <= MAX_RATE_INTERVALS * intervals[row] && all[row] >= all[before]) {
                builder.add(series.timeMicros(row), (all[row] - all[before]) / (micros / 1e6) * metric.perSecond());
            } else {
                builder.gap();
            }
            before = row;
        }
        return builder.curve();
    }

    /** The samples' own intervals; where one has none, the median distance of samples. */
    private static long[] intervalsMicros(Series series, Metric metric) {
        double[] given = series.of(intervalOf(metric.figure().of()));
        long median = medianDistance(series);
        return Arrays.stream(given).mapToLong(ms -> Double.isNaN(ms) ? median : (long) (ms * 1e3)).toArray();
    }

    private static long medianDistance(Series series) {
        long[] distances = new long[Math.max(series.size() - 1, 0)];
        for (int i = 0; i < distances.length; i++) {
            distances[i] = series.timeMicros(i + 1) - series.timeMicros(i);
        }
        Arrays.sort(distances);
        return distances.length == 0 ? 0 : distances[distances.length / 2];
    }

    /** Collects values along a series. */
    private static final class Builder {
        private final long[] times;
        private final double[] values;
        private final BitSet gaps = new BitSet();
        private int size;
        private boolean gap;

        Builder(int maxRows) {
            times = new long[maxRows];
            values = new double[maxRows];
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
