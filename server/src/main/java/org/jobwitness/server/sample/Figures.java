package org.jobwitness.server.sample;

import java.util.Arrays;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/** A value or nothing for each figure of a job, or of a GPU. Never changes. */
public final class Figures {
    private final Figure.Of of;
    /** By number less 1; NaN where there is nothing. */
    private final double[] values;

    private Figures(Figure.Of of, double[] values) {
        this.of = of;
        this.values = values;
    }

    /**
     * Copied from an array as the database has it.
     *
     * @param byNumber the figure of number 1 first, NaN for what is not known; shorter where the later ones are not
     */
    public static Figures of(Figure.Of of, double[] byNumber) {
        double[] values = new double[Figure.all(of).size()];
        Arrays.fill(values, Double.NaN);
        System.arraycopy(byNumber, 0, values, 0, Math.min(values.length, byNumber.length));
        return new Figures(of, values);
    }

    public static Builder ofJob() {
        return new Builder(Figure.Of.JOB);
    }

    public static Builder ofGpu() {
        return new Builder(Figure.Of.GPU);
    }

    public Figure.Of of() {
        return of;
    }

    /** NaN if there is none. */
    public double value(Figure figure) {
        if (figure.of() != of) {
            throw new IllegalArgumentException(figure + " is not measured of a " + of);
        }
        return values[figure.number() - 1];
    }

    public @Nullable Double get(Figure figure) {
        double value = value(figure);
        return Double.isNaN(value) ? null : Double.valueOf(value);
    }

    /** A figure of whole numbers. */
    public @Nullable Long whole(Figure figure) {
        double value = value(figure);
        return Double.isNaN(value) ? null : Long.valueOf((long) value);
    }

    /** These values, and the other's where there is none. */
    public Figures orElse(Figures other) {
        Builder both = new Builder(of);
        for (Figure figure : Figure.all(of)) {
            both.put(figure, get(figure) == null ? other.get(figure) : get(figure));
        }
        return both.build();
    }

    /** By number less 1; NaN if there is none. */
    double at(int index) {
        return values[index];
    }

    /** Copies all values, by number less 1, into a longer array from a place on; NaN where there is nothing. */
    void copyTo(double[] array, int from) {
        System.arraycopy(values, 0, array, from, values.length);
    }

    /** By number less 1, up to the last one that has a value; NaN where there is nothing. */
    public double[] toArray() {
        return Arrays.copyOf(values, known());
    }

    /** Up to the last one that has a value. */
    private int known() {
        int length = values.length;
        while (length > 0 && Double.isNaN(values[length - 1])) {
            length--;
        }
        return length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Figures figures && of == figures.of && Arrays.equals(values, figures.values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("{");
        Figure.all(of).stream().filter(figure -> get(figure) != null)
                .forEach(figure -> text.append(text.length() == 1 ? "" : ", ").append(figure).append('=')
                        .append(get(figure)));
        return text.append('}').toString();
    }

    public static final class Builder {
        private final Figure.Of of;
        private final double[] values;

        private Builder(Figure.Of of) {
            this.of = of;
            values = new double[Figure.all(of).size()];
            Arrays.fill(values, Double.NaN);
        }

        public Builder put(Figure figure, @Nullable Number value) {
            if (figure.of() != of) {
                throw new IllegalArgumentException(figure + " is not measured of a " + of);
            }
            values[figure.number() - 1] = value == null ? Double.NaN : value.doubleValue();
            return this;
        }

        public Figures build() {
            return new Figures(of, values.clone());
        }
    }
}
