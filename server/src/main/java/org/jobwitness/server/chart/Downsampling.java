package org.jobwitness.server.chart;

import java.util.Arrays;

/** Makes few points of many samples, so that a chart shows no less: each point has the minimum, mean and maximum of its time. Pure. */
final class Downsampling {
    private Downsampling() {
    }

    /**
     * How wide buckets must be, for no more than so many of them to lie between two moments. They begin at multiples of their
     * width, so that they stay the same while time goes on.
     *
     * @param intervalMicros between samples; the width is a multiple of it, so that each bucket has as many
     * @param max how many buckets there may be, 1 or more
     */
    static long stepMicros(long fromMicros, long toMicros, long intervalMicros, int max) {
        long span = Math.max(toMicros - fromMicros, 1);
        long step = Math.max(Math.ceilDiv(Math.ceilDiv(span, max), intervalMicros), 1) * intervalMicros;
        while (buckets(fromMicros, toMicros, step) > max) {
            step += intervalMicros;
        }
        return step;
    }

    private static long buckets(long fromMicros, long toMicros, long step) {
        return Math.floorDiv(toMicros - 1, step) - Math.floorDiv(fromMicros, step) + 1;
    }

    /**
     * The points of a curve: each of its values by itself if there are few enough of them, else buckets. A gap is one point
     * without values; one that begins and ends within a bucket, or in two that follow each other, cannot be seen any more.
     *
     * @param max how many points there may be without buckets
     */
    static Points of(MetricCurve curve, long stepMicros, int max) {
        return curve.size() + curve.gaps() <= max ? each(curve) : buckets(curve, stepMicros);
    }

    private static Points each(MetricCurve curve) {
        Points points = new Points(curve.size() + curve.gaps());
        for (int i = 0; i < curve.size(); i++) {
            long time = curve.timeMicros(i);
            if (curve.hasGapBefore(i) && time > curve.timeMicros(i - 1) + 1) {
                points.gap((time + curve.timeMicros(i - 1)) / 2);
            }
            points.begin(time);
            points.add(curve.value(i));
        }
        return points.trimmed();
    }

    private static Points buckets(MetricCurve curve, long step) {
        Points points = new Points(2 * curve.size());
        for (int i = 0; i < curve.size(); i++) {
            long bucket = Math.floorDiv(curve.timeMicros(i), step);
            long before = i == 0 ? bucket - 1 : Math.floorDiv(curve.timeMicros(i - 1), step);
            if (curve.hasGapBefore(i) && bucket > before + 1) {
                points.gap((before + 1) * step);
            }
            if (bucket > before) {
                points.begin(bucket * step);
            }
            points.add(curve.value(i));
        }
        return points.trimmed();
    }

    /** What a chart draws. Where the values are NaN there is a gap. */
    static final class Points {
        private long[] times;
        private double[] min;
        private double[] mean;
        private double[] max;
        private int size;
        private double sum;
        private int count;

        private Points(int maxPoints) {
            times = new long[maxPoints];
            min = new double[maxPoints];
            mean = new double[maxPoints];
            max = new double[maxPoints];
        }

        private void gap(long timeMicros) {
            times[size] = timeMicros;
            min[size] = Double.NaN;
            mean[size] = Double.NaN;
            max[size++] = Double.NaN;
        }

        private void begin(long timeMicros) {
            times[size] = timeMicros;
            min[size] = Double.POSITIVE_INFINITY;
            max[size++] = Double.NEGATIVE_INFINITY;
            sum = 0;
            count = 0;
        }

        /** To the point that was begun last. */
        private void add(double value) {
            int last = size - 1;
            sum += value;
            count++;
            min[last] = Math.min(min[last], value);
            max[last] = Math.max(max[last], value);
            mean[last] = Math.clamp(sum / count, min[last], max[last]); // rounding may go beyond
        }

        private Points trimmed() {
            times = Arrays.copyOf(times, size);
            min = Arrays.copyOf(min, size);
            mean = Arrays.copyOf(mean, size);
            max = Arrays.copyOf(max, size);
            return this;
        }

        int size() {
            return size;
        }

        /** Each later than the one before. None of these arrays is to be changed. */
        long[] timesMicros() {
            return times;
        }

        double[] min() {
            return min;
        }

        double[] mean() {
            return mean;
        }

        double[] max() {
            return max;
        }
    }
}
