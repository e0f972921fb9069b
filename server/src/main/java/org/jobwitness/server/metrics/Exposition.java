package org.jobwitness.server.metrics;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import org.jspecify.annotations.Nullable;

/**
 * Writes metric families line by line, in Prometheus' text format or in OpenMetrics. Keeps nothing: families and samples
 * go out in the order in which they are written.
 */
final class Exposition {
    private final Writer out;
    private final boolean openMetrics;
    private final String[] labelNames;
    private final String sample;

    private Exposition(Writer out, boolean openMetrics, String sample, String[] labelNames) {
        this.out = out;
        this.openMetrics = openMetrics;
        this.sample = sample;
        this.labelNames = labelNames;
    }

    static Exposition to(Writer out, boolean openMetrics) {
        return new Exposition(out, openMetrics, "", new String[0]);
    }

    /** Begins a gauge; its samples follow. */
    Exposition gauge(String name, String help, String... labels) {
        return family(name, "gauge", name, help, labels);
    }

    /**
     * Begins a counter; its samples follow.
     *
     * @param name ends in {@code _total}
     */
    Exposition counter(String name, String help, String... labels) {
        String family = openMetrics ? name.substring(0, name.length() - "_total".length()) : name;
        return family(family, "counter", name, help, labels);
    }

    private Exposition family(String family, String type, String sampleName, String help, String[] labels) {
        write("# HELP " + family + " " + help + "\n# TYPE " + family + " " + type + "\n");
        return new Exposition(out, openMetrics, sampleName, labels);
    }

    /** One sample. An unknown label value is empty, which is the same as no label. */
    void sample(double value, String... labelValues) {
        if (labelValues.length != labelNames.length) {
            throw new IllegalArgumentException(sample + " has " + labelNames.length + " labels");
        }
        try {
            out.write(sample);
            for (int i = 0; i < labelNames.length; i++) {
                out.write(i == 0 ? "{" : ",");
                out.write(labelNames[i]);
                out.write("=\"");
                escape(labelValues[i]);
                out.write('"');
            }
            out.write(labelNames.length == 0 ? " " : "} ");
            out.write(value == Math.rint(value) && Math.abs(value) < 1e15
                    ? Long.toString((long) value)
                    : Double.toString(value));
            out.write('\n');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One sample, unless its value is not known. */
    void sampleIfKnown(@Nullable Number value, String... labelValues) {
        if (value != null) {
            sample(value.doubleValue(), labelValues);
        }
    }

    private void escape(String value) throws IOException {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '\\' -> out.write("\\\\");
                case '"' -> out.write("\\\"");
                case '\n' -> out.write("\\n");
                default -> out.write(c);
            }
        }
    }

    private void write(String text) {
        try {
            out.write(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
