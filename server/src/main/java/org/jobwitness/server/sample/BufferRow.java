package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.micros;

import java.time.Instant;

/** One row of a buffer, as it is read for packing. */
final class BufferRow {
    private final long run;
    private final String node;
    private final String gpu;
    private final Instant at;
    private final double[] figures;

    /** Takes the array over. */
    BufferRow(long run, String node, String gpu, Instant at, double[] figures) {
        this.run = run;
        this.node = node;
        this.gpu = gpu;
        this.at = at;
        this.figures = figures;
    }

    long run() {
        return run;
    }

    /** Empty if it is of the job as a whole. */
    String node() {
        return node;
    }

    /** Empty if it is of no GPU. */
    String gpu() {
        return gpu;
    }

    Instant at() {
        return at;
    }

    long atMicros() {
        return micros(at);
    }

    boolean isOfSameSeries(BufferRow other) {
        return run == other.run && node.equals(other.node) && gpu.equals(other.gpu);
    }

    /** By number less 1; NaN where nothing was read. */
    double figure(int place) {
        return place < figures.length ? figures[place] : Double.NaN;
    }

    /** Not to be changed. */
    double[] figures() {
        return figures;
    }

    int length() {
        return figures.length;
    }
}
