package org.jobwitness.server.sample;

import java.time.Instant;
import java.util.Map;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/** What new samples of a run on a node add up to. */
final class NodeTotals {
    private final Totals figures = new Totals(Figure.Of.JOB);
    private Instant first = Instant.MAX;
    private Instant last = Instant.MIN;
    private Figures latest = Figures.ofJob().build();
    private Map<String, String> absent = Map.of();
    private boolean isLast;
    private long samples;
    private double needed = Double.NaN;

    void add(Sample sample) {
        samples++;
        figures.add(sample.figures());
        needed = maxOf(needed, needed(sample.figures()));
        first = sample.at().isBefore(first) ? sample.at() : first;
        if (!sample.at().isBefore(last)) {
            isLast = sample.isLast() || (isLast && sample.at().equals(last));
            last = sample.at();
            latest = sample.figures();
            absent = sample.absent();
        }
    }

    private static double needed(Figures sample) {
        return Double.isNaN(sample.value(Figure.NEEDED_MEMORY.getFirst()))
                ? Double.NaN
                : Figure.NEEDED_MEMORY.stream().mapToDouble(sample::value).filter(Double::isFinite).sum();
    }

    private static double maxOf(double max, double value) {
        return max >= value || Double.isNaN(value) ? max : value;
    }

    /** The highest of any sample; null if it is not known of any. */
    @Nullable
    Long needed() {
        return Double.isNaN(needed) ? null : Long.valueOf((long) needed);
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

    long samples() {
        return samples;
    }
}
