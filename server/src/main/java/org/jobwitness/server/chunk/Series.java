package org.jobwitness.server.chunk;

import java.util.List;
import org.jobwitness.wire.Figure;

/** The samples of a run on one node, or of one GPU that it has there: columns of figures over the same moments. */
public final class Series {
    private final String node;
    private final String gpu;
    private final long[] timesMicros;
    private final List<Figure> figures;
    private final double[][] values;

    /**
     * Takes the arrays over; they must not be changed afterwards.
     *
     * @param values by the place of the figure, then of the moment; NaN where nothing was read
     */
    public Series(String node, String gpu, long[] timesMicros, List<Figure> figures, double[][] values) {
        this.node = node;
        this.gpu = gpu;
        this.timesMicros = timesMicros;
        this.figures = List.copyOf(figures);
        this.values = values;
    }

    /** Empty if it is of the job as a whole. */
    public String node() {
        return node;
    }

    /** Empty if it is of no GPU. */
    public String gpu() {
        return gpu;
    }

    /** How many samples there are. */
    public int size() {
        return timesMicros.length;
    }

    /** Microseconds since 1970-01-01T00:00:00Z; each later than the one before. */
    public long timeMicros(int row) {
        return timesMicros[row];
    }

    /** Which were asked for. */
    public List<Figure> figures() {
        return figures;
    }

    /** The values of one of them, by sample; NaN where nothing was read. Not to be changed. */
    public double[] of(Figure figure) {
        int place = figures.indexOf(figure);
        if (place < 0) {
            throw new IllegalArgumentException(figure + " was not asked for");
        }
        return values[place];
    }
}
