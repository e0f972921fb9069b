package org.jobwitness.wire;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run used over time, as series of a chart.
 *
 * @param from inclusive
 * @param to exclusive
 * @param stepMs width of the buckets, if a series has more samples than the maximum number of points; otherwise each sample is a
 *     bucket
 * @param absent why a requested metric has no values
 */
public record SeriesPage(String jobId, long run, String cluster, Instant from, Instant to, long stepMs,
        List<Series> series, List<Absent> absent) {

    public SeriesPage {
        series = List.copyOf(series);
        absent = List.copyOf(absent);
    }

    /**
     * Lists of the same length. Where {@code min}, {@code mean} and {@code max} are null, there is a gap.
     *
     * @param node null if the samples are of the job as a whole
     * @param gpu null if they are not of a GPU
     * @param times the start of each bucket, or the time of each sample if each is a bucket
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

    public record Absent(String metric, @Nullable String node, @Nullable String gpu, String cause) {
    }
}
