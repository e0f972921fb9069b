package org.jobwitness.server.chart;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.wire.Figure;

/**
 * What changed for a run on one node, by its samples: an agent reads a job when its memory limit changes, and sees whether it is
 * suspended at each reading.
 *
 * @param suspensions the earliest first; of too many the first
 * @param limits changes of the memory limit, the earliest first; of too many the first
 */
public record RunChanges(List<Suspension> suspensions, List<Limit> limits) {
    public static final RunChanges NONE = new RunChanges(List.of(), List.of());
    /** Of each kind. */
    static final int MAX_CHANGES = 100;
    static final List<Figure> FIGURES = List.of(Figure.INTERVAL_MS, Figure.SUSPENDED_MS, Figure.MEMORY_LIMIT_BYTES);

    public RunChanges {
        suspensions = List.copyOf(suspensions);
        limits = List.copyOf(limits);
    }

    /**
     * Both ends are known to an interval of samples.
     *
     * @param isOver whether a later sample shows that it ran on
     */
    public record Suspension(Instant from, Instant to, boolean isOver) {
    }

    /**
     * The memory limit became another one.
     *
     * @param at the first sample that has it
     */
    public record Limit(Instant at, double beforeBytes, double afterBytes) {
    }

    /** Of a series with {@link #FIGURES}. */
    static RunChanges of(Series series) {
        return new RunChanges(suspensions(series), limits(series));
    }

    private static List<Suspension> suspensions(Series series) {
        double[] suspended = series.of(Figure.SUSPENDED_MS);
        List<Suspension> found = new ArrayList<>();
        long from = -1;
        long to = -1;
        for (int row = 0; row < suspended.length; row++) {
            boolean isSuspended = suspended[row] > 0;
            if (isSuspended) {
                long start = series.timeMicros(row) - (long) (suspended[row] * 1e3);
                from = from < 0 ? start : from;
                to = series.timeMicros(row);
            }
            boolean isOver = suspended[row] == 0;
            if (from >= 0 && (isOver || row == suspended.length - 1)) {
                found.add(new Suspension(time(from), time(to), isOver));
                from = -1;
            }
        }
        return found.subList(0, Math.min(found.size(), MAX_CHANGES));
    }

    private static List<Limit> limits(Series series) {
        double[] limits = series.of(Figure.MEMORY_LIMIT_BYTES);
        List<Limit> found = new ArrayList<>();
        double before = Double.NaN;
        for (int row = 0; row < limits.length && found.size() < MAX_CHANGES; row++) {
            double limit = limits[row];
            if (!Double.isNaN(limit)) {
                if (!Double.isNaN(before) && limit != before) {
                    found.add(new Limit(time(series.timeMicros(row)), before, limit));
                }
                before = limit;
            }
        }
        return found;
    }

    private static Instant time(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }
}
