package org.jobwitness.server.metrics;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Labels and numbers of many things: written row by row, read column by column, as often as wanted. More than a few hundred are
 * kept in a file that has no name and goes with its closing, so that memory does not grow with their number. One thread
 * at a time.
 */
final class MetricRows implements AutoCloseable {
    private static final int BUFFER = 64 * 1024;

    private final Path folder;
    private final int columns;
    private ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    private @Nullable FileChannel file;
    private int rows;

    /**
     * None yet.
     *
     * @param folder for the file
     * @param columns how many numbers each has
     */
    MetricRows(Path folder, int columns) {
        this.folder = folder;
        this.columns = columns;
    }

    /** Takes what is asked for. */
    interface Reader {
        /** A number that is known, and the labels of its row: bytes of {@code text}. */
        void row(double value, byte[] text, int from, int length);
    }

    /**
     * Adds a row.
     *
     * @param values NaN where one is not known
     */
    void add(Labels labels, double... values) {
        if (values.length != columns) {
            throw new IllegalArgumentException(columns + " columns, but " + values.length + " values");
        }
        int size = Integer.BYTES + columns * Double.BYTES + labels.length();
        if (buffer.remaining() < size) {
            spill();
            if (buffer.remaining() < size) {
                buffer = ByteBuffer.allocate(size);
            }
        }
        buffer.putInt(size);
        for (double value : values) {
            buffer.putDouble(value);
        }
        buffer.put(labels.text(), 0, labels.length());
        rows++;
    }

    private void spill() {
        try {
            if (file == null) {
                Files.createDirectories(folder);
                // On Linux its name is gone as soon as it is open, so that nothing stays behind, however the server ends.
                file = FileChannel.open(Files.createTempFile(folder, "scrape", null), StandardOpenOption.READ,
                        StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE);
            }
            for (buffer.flip(); buffer.hasRemaining();) {
                file.write(buffer);
            }
            buffer.clear();
        } catch (IOException e) {
            throw new UncheckedIOException("what a scrape collects could not be written in " + folder, e);
        }
    }

    /** Tells of each row in which the number of this column is known. */
    void each(int column, Reader reader) {
        if (file != null && buffer.position() > 0) {
            spill();
        }
        ByteBuffer in = file == null ? buffer.duplicate().flip() : ByteBuffer.allocate(buffer.capacity()).limit(0);
        long position = 0;
        for (int row = 0; row < rows; row++) {
            if (in.remaining() < Integer.BYTES || in.remaining() < in.getInt(in.position())) {
                position += more(in, position);
            }
            int size = in.getInt(in.position());
            double value = in.getDouble(in.position() + Integer.BYTES + column * Double.BYTES);
            int labels = Integer.BYTES + columns * Double.BYTES;
            if (!Double.isNaN(value)) {
                reader.row(value, in.array(), in.position() + labels, size - labels);
            }
            in.position(in.position() + size);
        }
    }

    /** Reads on behind what is left, at least one whole row; a row fits, since it was written from a buffer of this size. */
    private int more(ByteBuffer in, long position) {
        if (file == null) {
            throw new IllegalStateException("rows end early");
        }
        int read = 0;
        try {
            in.compact();
            while (in.hasRemaining()) {
                int n = file.read(in, position + read);
                if (n < 0) {
                    break;
                }
                read += n;
            }
            in.flip();
        } catch (IOException e) {
            throw new UncheckedIOException("what a scrape collected could not be read in " + folder, e);
        }
        return read;
    }

    @Override
    public void close() {
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
