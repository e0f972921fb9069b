package org.jobwitness.server.sample;

import java.time.Instant;
import java.util.Map;
import org.jobwitness.wire.Figure;

/** What new samples of a run on a node add up to. */
final class NodeTotals {
    private final Totals figures = new Totals(Figure.Of.JOB);
    private Instant first = Instant.MAX;
    private Instant last = Instant.MIN;
    private Figures latest = Figures.ofJob().build();
    private Map<String, String> absent = Map.of();
    private boolean isLast;
    private boolean isCutShort;
    private long samples;
    private double needed = Double.NaN;

    void add(Sample sample) {
        samples++;
        figures.add(sample.figures());
        needed = maxOf(needed, needed(sample.figures()));
        first = sample.at().isBefore(first) ? sample.at() : first;
        if (!sample.at().isBefore(last)) {
            isLast = sample.isLast() || (isLast && sample.at().equals(last));
            isCutShort = sample.isCutShort() || (isCutShort && sample.at().equals(last));
            last = sample.at();
            latest = sample.figures();
            absent = sample.absent();
        }
    }

    private static double needed(Figures sample) {
        double sum = sample.value(Figure.NEEDED_MEMORY.getFirst());
        for (Figure figure : Figure.NEEDED_MEMORY.subList(1, Figure.NEEDED_MEMORY.size())) {
            double value = sample.value(figure);
            sum += Double.isNaN(value) ? 0 : value;
        }
        return sum;
    }

    private static double maxOf(double max, double value) {
        return max >= value || Double.isNaN(value) ? max : value;
    }

    /** The highest of any sample; NaN if it is not known of any. */
    double needed() {
        return needed;
    }

    Totals figures() {
        return figures;
    }

    Instant first() {
        return first;
    }

    Instant last() {
        return last;
    }

    Figures latest() {
        return latest;
    }

    Map<String, String> absent() {
        return absent;
    }

    boolean isLast() {
        return isLast;
    }

    boolean isCutShort() {
        return isCutShort;
    }

    long samples() {
        return samples;
    }
}
