package org.jobwitness.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jobwitness.wire.SeriesPage.Series;
import org.jspecify.annotations.Nullable;

/** The values of a sparkline: a series in as many slots of time as the line has characters. */
final class Sparkline {
    private Sparkline() {
    }

    /** The mean of each slot; null where nothing was measured. */
    static List<@Nullable Double> values(Series series, Instant from, Instant to, int slots) {
        double[] sums = new double[slots];
        int[] counts = new int[slots];
        double span = Math.max(1, Duration.between(from, to).toMillis());
        for (int i = 0; i < series.times().size(); i++) {
            Double mean = series.mean().get(i);
            double at = Duration.between(from, series.times().get(i)).toMillis() / span;
            if (mean != null && at <= 1) {
                // A bucket may start a little before the time that was asked for.
                int slot = Math.clamp((int) (at * slots), 0, slots - 1);
                sums[slot] += mean;
                counts[slot]++;
            }
        }
        List<@Nullable Double> values = new ArrayList<>(slots);
        for (int slot = 0; slot < slots; slot++) {
            values.add(counts[slot] == 0 ? null : Double.valueOf(sums[slot] / counts[slot]));
        }
        return fillBetweenPoints(values);
    }

    /** Where points are farther apart than slots, each lasts until the next. A longer distance than usual is a gap. */
    private static List<@Nullable Double> fillBetweenPoints(List<@Nullable Double> values) {
        int[] known = IntStream.range(0, values.size()).filter(i -> values.get(i) != null).toArray();
        int distance = known.length < 2 ? 1 : distances(known)[(known.length - 1) / 2];
        List<@Nullable Double> filled = new ArrayList<>(values);
        for (int at : known) {
            for (int i = at + 1; i < Math.min(at + distance, values.size()) && filled.get(i) == null; i++) {
                filled.set(i, values.get(at));
            }
        }
        return filled;
    }

    /** Between the known slots, sorted. */
    private static int[] distances(int[] known) {
        int[] distances = new int[known.length - 1];
        Arrays.setAll(distances, i -> known[i + 1] - known[i]);
        Arrays.sort(distances);
        return distances;
    }

    /** The mean of several, slot by slot: of percentages. */
    static List<@Nullable Double> mean(List<List<@Nullable Double>> lines) {
        return combine(lines, DoubleStream::average);
    }

    static List<@Nullable Double> sum(List<List<@Nullable Double>> lines) {
        return combine(lines, values -> values.reduce(Double::sum));
    }

    private static List<@Nullable Double> combine(List<List<@Nullable Double>> lines,
            Function<DoubleStream, OptionalDouble> operation) {
        List<@Nullable Double> combined = new ArrayList<>();
        int slots = lines.isEmpty() ? 0 : lines.getFirst().size();
        for (int i = 0; i < slots; i++) {
            int slot = i;
            OptionalDouble value = operation.apply(lines.stream().map(line -> line.get(slot)).filter(Objects::nonNull)
                    .mapToDouble(Double::doubleValue));
            combined.add(value.isPresent() ? value.getAsDouble() : null);
        }
        return combined;
    }
}
