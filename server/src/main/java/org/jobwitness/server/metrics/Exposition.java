package org.jobwitness.server.metrics;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * Writes metric families line by line, in Prometheus' text format or in OpenMetrics. Keeps nothing: families and samples
 * go out in the order in which they are written. A scrape has a million lines, so they are made as bytes, without an
 * object for each.
 */
final class Exposition {
    private static final int BUFFER = 32 * 1024;
    /** Numbers with at most six decimals are written as such; up to here they are exact. */
    private static final double MICROS_ARE_EXACT = 9e15;
    private static final double WHOLE_ARE_EXACT = 1e18;

    private final OutputStream out;
    private final boolean openMetrics;
    private final byte[] buffer = new byte[BUFFER];
    private final byte[] digits = new byte[20];
    private int used;

    Exposition(OutputStream out, boolean openMetrics) {
        this.out = out;
        this.openMetrics = openMetrics;
    }

    /** Begins a gauge; its samples follow. */
    Samples gauge(String name, String help, String... labels) {
        return family(name, "gauge", name, help, labels);
    }

    /**
     * Begins a counter; its samples follow.
     *
     * @param name ends in {@code _total}
     */
    Samples counter(String name, String help, String... labels) {
        String family = openMetrics ? name.substring(0, name.length() - "_total".length()) : name;
        return family(family, "counter", name, help, labels);
    }

    private Samples family(String family, String type, String sampleName, String help, String[] labels) {
        write("# HELP " + family + " " + help + "\n# TYPE " + family + " " + type + "\n");
        return new Samples(sampleName, labels);
    }

    /** Of the family that was begun last. */
    final class Samples {
        private final byte[] bare;
        private final byte[] opened;
        private final Labels labels;

        private Samples(String name, String[] labels) {
            bare = (name + " ").getBytes(StandardCharsets.US_ASCII);
            opened = (name + "{").getBytes(StandardCharsets.US_ASCII);
            this.labels = new Labels(labels);
        }

        /** One sample. */
        void sample(double value, String... labelValues) {
            labels.of(labelValues);
            sample(value, labels.text(), 0, labels.length());
        }

        /**
         * One sample.
         *
         * @param text holds its labels, as {@link Labels} makes them
         */
        void sample(double value, byte[] text, int from, int length) {
            write(length == 0 ? bare : opened, 0, bare.length);
            if (length > 0) {
                write(text, from, length);
                write('}');
                write(' ');
            }
            write(value);
            write('\n');
        }
    }

    /** As Prometheus reads it; no digit is lost. */
    private void write(double value) {
        long whole = (long) value;
        if (whole == value && Math.abs(value) < WHOLE_ARE_EXACT) {
            writeWhole(whole, 0);
            return;
        }
        double micros = Math.rint(value * 1e6);
        if (Math.abs(micros) < MICROS_ARE_EXACT && micros / 1e6 == value) {
            writeWhole((long) micros, 6);
        } else {
            write(Double.toString(value));
        }
    }

    /** A whole number, or one with decimals that has been made whole; no zeros at the end of decimals. */
    private void writeWhole(long number, int decimals) {
        if (number < 0) {
            write('-');
        }
        long rest = Math.abs(number);
        int at = digits.length;
        int left = decimals;
        while (left > 0 && rest % 10 == 0) {
            rest /= 10;
            left--;
        }
        for (; left > 0; left--, rest /= 10) {
            digits[--at] = (byte) ('0' + rest % 10);
            if (left == 1) {
                digits[--at] = '.';
            }
        }
        do {
            digits[--at] = (byte) ('0' + rest % 10);
            rest /= 10;
        } while (rest > 0);
        write(digits, at, digits.length - at);
    }

    private void write(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        write(bytes, 0, bytes.length);
    }

    private void write(char ascii) {
        if (used == buffer.length) {
            flush();
        }
        buffer[used++] = (byte) ascii;
    }

    private void write(byte[] bytes, int from, int length) {
        for (int done = 0; done < length;) {
            if (used == buffer.length) {
                flush();
            }
            int part = Math.min(length - done, buffer.length - used);
            System.arraycopy(bytes, from + done, buffer, used, part);
            used += part;
            done += part;
        }
    }

    /** Hands on what has been written so far. */
    void flush() {
        try {
            out.write(buffer, 0, used);
            used = 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
