package org.jobwitness.server.sample;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkColumn;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/** Collects the samples of one series. For one thread. */
final class SeriesBuilder {
    private final String node;
    private final String gpu;
    private final List<Figure> figures;
    private final long from;
    private final long to;
    private long[] times = new long[256];
    private final double[][] values;
    private int size;

    SeriesBuilder(String node, String gpu, List<Figure> figures, long from, long to) {
        this.node = node;
        this.gpu = gpu;
        this.figures = figures;
        this.from = from;
        this.to = to;
        values = new double[figures.size()][times.length];
    }

    boolean isOf(String otherNode, String otherGpu) {
        return node.equals(otherNode) && gpu.equals(otherGpu);
    }

    void add(long timeMicros, double[] row) {
        reserve(1);
        times[size] = timeMicros;
        for (int i = 0; i < values.length; i++) {
            int number = figures.get(i).number();
            values[i][size] = number <= row.length ? row[number - 1] : Double.NaN;
        }
        size++;
    }

    void add(Chunk chunk) {
        int first = 0;
        while (first < chunk.rows() && chunk.timeMicros(first) < from) {
            first++;
        }
        int end = chunk.rows();
        while (end > first && chunk.timeMicros(end - 1) >= to) {
            end--;
        }
        int count = end - first;
        reserve(count);
        System.arraycopy(chunk.times(), first, times, size, count);
        for (int i = 0; i < values.length; i++) {
            fill(values[i], chunk.column(figures.get(i).number()).orElse(null), first, count);
        }
        size += count;
    }

    private void fill(double[] into, @Nullable ChunkColumn column, int first, int count) {
        if (column == null) {
            Arrays.fill(into, size, size + count, Double.NaN);
            return;
        }
        long[] bits = column.bits();
        boolean isWhole = column.kind() == ChunkColumn.Kind.WHOLE;
        boolean hasAll = column.values() == column.rows();
        for (int row = 0; row < count; row++) {
            into[size + row] = !hasAll && column.isNull(first + row)
                    ? Double.NaN
                    : isWhole ? bits[first + row] : Double.longBitsToDouble(bits[first + row]);
        }
    }

    private void reserve(int more) {
        if (size + more > times.length) {
            int length = Math.max(2 * times.length, size + more);
            times = Arrays.copyOf(times, length);
            for (int i = 0; i < values.length; i++) {
                values[i] = Arrays.copyOf(values[i], length);
            }
        }
    }

    boolean isEmpty() {
        return size == 0;
    }

    Series build() {
        times = Arrays.copyOf(times, size);
        for (int i = 0; i < values.length; i++) {
            values[i] = Arrays.copyOf(values[i], size);
        }
        if (Chunk.firstUnordered(times) < size) {
            sort();
        }
        return new Series(node, gpu, times, figures, values);
    }

    /** Orders by time; of duplicates, the first stays. */
    private void sort() {
        long[] unordered = times;
        int[] order = IntStream.range(0, size).boxed().sorted(Comparator.comparingLong(row -> unordered[row]))
                .mapToInt(row -> row).toArray();
        int[] once = IntStream.range(0, size)
                .filter(i -> i == 0 || unordered[order[i]] != unordered[order[i - 1]]).map(i -> order[i]).toArray();
        times = Arrays.stream(once).mapToLong(row -> unordered[row]).toArray();
        for (int i = 0; i < values.length; i++) {
            double[] column = values[i];
            values[i] = Arrays.stream(once).mapToDouble(row -> column[row]).toArray();
        }
    }
}
