package org.jobwitness.wire;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run used over time, as lines of a chart.
 *
 * @param from the beginning of the time that was read
 * @param to its end, not part of it
 * @param stepMs width of the buckets, where a series has more samples than there may be points; in others each sample is a
 *     bucket of its own
 * @param absent why a metric that was asked for has no value at all
 */
public record SeriesPage(String jobId, long run, String cluster, Instant from, Instant to, long stepMs,
        List<Series> series, List<Absent> absent) {

    public SeriesPage {
        series = List.copyOf(series);
        absent = List.copyOf(absent);
    }

    /**
     * One line. Its lists are of one length; where {@code min}, {@code mean} and {@code max} are null, there is a gap, and the
     * line breaks.
     *
     * @param node null if the samples are of the job as a whole
     * @param gpu null if they are of no GPU
     * @param times the beginning of each bucket, or the time of each sample where each is a bucket of its own
     */
    public record Series(String metric, String unit, @Nullable String node, @Nullable String gpu, List<Instant> times,
            List<@Nullable Double> min, List<@Nullable Double> mean, List<@Nullable Double> max) {

        public Series {
            times = List.copyOf(times);
            min = copy(min);
            mean = copy(mean);
            max = copy(max);
        }

        /** With arrays in which NaN stands for null. */
        public static Series of(String metric, String unit, @Nullable String node, @Nullable String gpu,
                List<Instant> times, double[] min, double[] mean, double[] max) {
            return new Series(metric, unit, node, gpu, times, list(min), list(mean), list(max));
        }

        private static List<@Nullable Double> list(double[] values) {
            List<@Nullable Double> list = new ArrayList<>(values.length);
            for (double value : values) {
                list.add(Double.isNaN(value) ? null : Double.valueOf(value));
            }
            return list;
        }

        private static List<@Nullable Double> copy(List<@Nullable Double> values) {
            return Collections.unmodifiableList(new ArrayList<>(values));
        }
    }

    /** A metric without any value. */
    public record Absent(String metric, @Nullable String node, @Nullable String gpu, String cause) {
    }
}
