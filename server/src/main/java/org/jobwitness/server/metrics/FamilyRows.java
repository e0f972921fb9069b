package org.jobwitness.server.metrics;

import java.nio.file.Path;
import java.util.List;
import java.util.function.IntPredicate;

/** Things that all have the same families, put aside as {@link MetricRows} until these are written. One thread at a time. */
final class FamilyRows<T> implements AutoCloseable {
    private final List<Family<T>> families;
    private final MetricRows rows;
    private final double[] values;

    FamilyRows(Path folder, List<Family<T>> families) {
        this.families = families;
        rows = new MetricRows(folder, families.size());
        values = new double[families.size()];
    }

    /** Adds a thing, if its series are admitted. */
    void add(Labels labels, T thing, IntPredicate admits) {
        int series = 0;
        for (int column = 0; column < values.length; column++) {
            values[column] = families.get(column).value().applyAsDouble(thing);
            series += Double.isNaN(values[column]) ? 0 : 1;
        }
        if (admits.test(series)) {
            rows.add(labels, values);
        }
    }

    void write(Exposition out) {
        for (int column = 0; column < values.length; column++) {
            rows.each(column, families.get(column).begin(out)::sample);
        }
    }

    @Override
    public void close() {
        rows.close();
    }
}
