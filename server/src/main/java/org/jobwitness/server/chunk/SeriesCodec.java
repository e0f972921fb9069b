package org.jobwitness.server.chunk;

/**
 * Packs a series of whole numbers: the numbers themselves, their differences or the differences of these, divided by their
 * greatest common divisor; the lowest bytes of all of them first, so that compression finds what repeats. All arithmetic is
 * that of 64 bits with wrap-around, so that an overflow while packing is undone while unpacking. docs/packed-history.md
 * describes the bytes. For one thread.
 */
final class SeriesCodec {
    private static final int MAX_ORDER = 2;

    /** Scratch of one chunk: residuals of the current column. */
    private final long[] residuals;

    SeriesCodec(int rows) {
        residuals = new long[rows];
    }

    /**
     * Appends a series.
     *
     * @param length how many of the values belong to it, at least 1
     */
    void encode(long[] values, int length, ByteSink out) {
        int order = bestOrder(values, length);
        difference(values, length, order);
        long divisor = divisor(order, length);
        long allBits = 0;
        for (int i = order; i < length; i++) {
            residuals[i] = ByteSink.zigzag(residuals[i] / divisor);
            allBits |= residuals[i];
        }
        int width = (Long.SIZE - Long.numberOfLeadingZeros(allBits) + Byte.SIZE - 1) / Byte.SIZE;
        out.put(order);
        out.put(width);
        if (order > 0) {
            out.putSigned(values[0]);
        }
        if (order > 1) {
            out.putSigned(values[1] - values[0]);
        }
        out.putUnsigned(divisor);
        for (int plane = 0; plane < width; plane++) {
            out.putPlane(residuals, order, length, plane * Byte.SIZE);
        }
    }

    /** The order whose residuals have the fewest bits. */
    private static int bestOrder(long[] values, int length) {
        long[] bits = new long[MAX_ORDER + 1];
        for (int i = MAX_ORDER; i < length; i++) {
            long difference = values[i] - values[i - 1];
            bits[0] += size(values[i]);
            bits[1] += size(difference);
            bits[2] += size(difference - (values[i - 1] - values[i - 2]));
        }
        if (bits[0] <= bits[1] && bits[0] <= bits[2]) {
            return 0;
        }
        return bits[1] <= bits[2] ? 1 : 2;
    }

    private static int size(long residual) {
        return Long.SIZE - Long.numberOfLeadingZeros(residual ^ (residual >> 63));
    }

    private void difference(long[] values, int length, int order) {
        for (int i = order; i < length; i++) {
            residuals[i] = switch (order) {
                case 0 -> values[i];
                case 1 -> values[i] - values[i - 1];
                default -> values[i] - 2 * values[i - 1] + values[i - 2];
            };
        }
    }

    /** What divides all residuals; 1 if they are all 0, or if one is the lowest long, which has no absolute value. */
    private long divisor(int from, int to) {
        long divisor = 0;
        for (int i = from; i < to && divisor != 1; i++) {
            divisor = residuals[i] == Long.MIN_VALUE ? 1 : commonDivisor(divisor, Math.abs(residuals[i]));
        }
        return Math.max(divisor, 1);
    }

    private static long commonDivisor(long one, long other) {
        long a = one;
        long b = other;
        while (b != 0) {
            long rest = a % b;
            a = b;
            b = rest;
        }
        return a;
    }

    /** Reads a series of {@code length} numbers, at least 1, from the whole source. */
    static long[] decode(int length, ByteSource in) throws UnreadableChunkException {
        int order = in.get();
        int width = in.get();
        if (order > MAX_ORDER || order > length || width > Long.BYTES) {
            throw new UnreadableChunkException(
                    "a series of " + length + " values has the unknown order " + order + " or width " + width);
        }
        long first = order > 0 ? in.getSigned() : 0;
        long slope = order > 1 ? in.getSigned() : 0;
        long divisor = in.getUnsigned();
        long[] values = new long[length];
        for (int plane = 0; plane < width; plane++) {
            in.getPlane(values, order, plane * Byte.SIZE);
        }
        if (in.left() > 0) {
            throw new UnreadableChunkException("a series of " + length + " values has bytes behind its end");
        }
        for (int i = order; i < length; i++) {
            values[i] = ByteSource.signed(values[i]) * divisor;
        }
        sum(values, order, first, slope);
        return values;
    }

    /** Turns differences into numbers. */
    private static void sum(long[] values, int order, long first, long slope) {
        if (order == 0) {
            return;
        }
        long value = first;
        long difference = slope;
        values[0] = value;
        if (order == 2) {
            value += slope;
            values[1] = value;
        }
        for (int i = order; i < values.length; i++) {
            difference = order == 1 ? values[i] : difference + values[i];
            value += difference;
            values[i] = value;
        }
    }
}
