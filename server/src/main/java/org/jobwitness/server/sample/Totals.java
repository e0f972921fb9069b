package org.jobwitness.server.sample;

import java.util.Arrays;
import org.jobwitness.wire.Figure;

/** Count, sum, minimum and maximum of each figure over some samples. */
final class Totals {
    private final Figure.Of of;
    /** By number less 1, as all that follow. */
    private final long[] counts;
    private final double[] sums;
    /** NaN where nothing was counted. */
    private final double[] maxima;
    private final double[] minima;

    Totals(Figure.Of of) {
        this.of = of;
        int figures = Figure.all(of).size();
        counts = new long[figures];
        sums = new double[figures];
        maxima = new double[figures];
        minima = new double[figures];
        Arrays.fill(maxima, Double.NaN);
        Arrays.fill(minima, Double.NaN);
    }

    void add(Figures sample) {
        for (int i = 0; i < counts.length; i++) {
            double value = sample.at(i);
            if (!Double.isNaN(value)) {
                maxima[i] = counts[i] == 0 ? value : Math.max(maxima[i], value);
                minima[i] = counts[i] == 0 ? value : Math.min(minima[i], value);
                sums[i] += value;
                counts[i]++;
            }
        }
    }

    long count(Figure figure) {
        return counts[index(figure)];
    }

    /** 0 where nothing was counted. */
    double sum(Figure figure) {
        return sums[index(figure)];
    }

    /** NaN where nothing was counted. */
    double max(Figure figure) {
        return maxima[index(figure)];
    }

    /** NaN where nothing was counted. */
    double min(Figure figure) {
        return minima[index(figure)];
    }

    private int index(Figure figure) {
        if (figure.of() != of) {
            throw new IllegalArgumentException(figure + " is not measured of a " + of);
        }
        return figure.number() - 1;
    }
}
