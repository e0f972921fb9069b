package org.jobwitness.server.sample;

import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/** Count, sum, minimum and maximum of each figure over some samples. */
final class Totals {
    private final Map<Figure, Total> totals = new TreeMap<>();

    /** Of one figure. */
    static final class Total {
        private long count;
        private double sum;
        private double max = Double.NEGATIVE_INFINITY;
        private double min = Double.POSITIVE_INFINITY;

        private void add(double value) {
            if (!Double.isNaN(value)) {
                count++;
                sum += value;
                max = Math.max(max, value);
                min = Math.min(min, value);
            }
        }

        long count() {
            return count;
        }

        double sum() {
            return sum;
        }

        @Nullable
        Double max() {
            return count == 0 ? null : Double.valueOf(max);
        }

        @Nullable
        Long wholeMax() {
            return count == 0 ? null : Long.valueOf((long) max);
        }

        @Nullable
        Long wholeMin() {
            return count == 0 ? null : Long.valueOf((long) min);
        }

        @Nullable
        Long wholeSum() {
            return count == 0 ? null : Long.valueOf((long) sum);
        }
    }

    Totals(Figure.Of of) {
        Figure.all(of).forEach(figure -> totals.put(figure, new Total()));
    }

    void add(Figures sample) {
        totals.forEach((figure, total) -> total.add(sample.value(figure)));
    }

    Total of(Figure figure) {
        return Objects.requireNonNull(totals.get(figure), () -> figure + " is not among these figures");
    }
}
