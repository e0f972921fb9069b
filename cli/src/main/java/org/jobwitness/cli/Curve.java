package org.jobwitness.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jobwitness.wire.SeriesPage.Series;
import org.jspecify.annotations.Nullable;

/** Series put into as many slots of time as a line on the screen has characters. */
final class Curve {
    private Curve() {
    }

    /** The mean of each slot; null where nothing was measured. */
    static List<@Nullable Double> of(Series series, Instant from, Instant to, int slots) {
        double[] sums = new double[slots];
        int[] counts = new int[slots];
        double span = Math.max(1, Duration.between(from, to).toMillis());
        for (int i = 0; i < series.times().size(); i++) {
            Double mean = series.mean().get(i);
            double at = Duration.between(from, series.times().get(i)).toMillis() / span;
            if (mean != null && at <= 1) {
                // A bucket may begin a little before the time that was asked for.
                int slot = Math.clamp((int) (at * slots), 0, slots - 1);
                sums[slot] += mean;
                counts[slot]++;
            }
        }
        List<@Nullable Double> curve = new ArrayList<>(slots);
        for (int slot = 0; slot < slots; slot++) {
            curve.add(counts[slot] == 0 ? null : Double.valueOf(sums[slot] / counts[slot]));
        }
        return filled(curve);
    }

    /** Where points are farther apart than slots, each lasts until the next; what lies beyond two of them is a gap. */
    private static List<@Nullable Double> filled(List<@Nullable Double> curve) {
        int[] known = IntStream.range(0, curve.size()).filter(i -> curve.get(i) != null).toArray();
        int apart = known.length < 2 ? 1 : steps(known)[(known.length - 1) / 2];
        List<@Nullable Double> filled = new ArrayList<>(curve);
        for (int at : known) {
            for (int i = at + 1; i < Math.min(at + apart, curve.size()) && filled.get(i) == null; i++) {
                filled.set(i, curve.get(at));
            }
        }
        return filled;
    }

    /** How far apart those are that are known, sorted. */
    private static int[] steps(int[] known) {
        int[] steps = new int[known.length - 1];
        Arrays.setAll(steps, i -> known[i + 1] - known[i]);
        Arrays.sort(steps);
        return steps;
    }

    /** Several of one length: their mean where they share a whole, such as percentages, else their sum. */
    static List<@Nullable Double> together(List<List<@Nullable Double>> curves, boolean mean) {
        List<@Nullable Double> all = new ArrayList<>();
        int slots = curves.isEmpty() ? 0 : curves.getFirst().size();
        for (int slot = 0; slot < slots; slot++) {
            double sum = 0;
            int count = 0;
            for (List<@Nullable Double> curve : curves) {
                Double value = curve.get(slot);
                if (value != null) {
                    sum += value;
                    count++;
                }
            }
            all.add(count == 0 ? null : Double.valueOf(mean ? sum / count : sum));
        }
        return all;
    }
}
