package org.jobwitness.server.chunk;

import java.util.Arrays;

/**
 * Packs a series of whole numbers: the numbers themselves, their differences or the differences of these, less what is
 * usual among them, divided by what divides them all. All arithmetic is that of 64 bits with wrap-around, so that what
 * overflows on the way here overflows back on the way there. docs/packed-history.md has the bytes. For one thread.
 */
final class SeriesCodec {
    static final int ALL_THE_SAME = 0;
    static final int BYTES = 1;
    static final int BITS = 2;
    /** As many zeros, with no one behind them, say that the 64 bits of the number follow. */
    static final int LONGEST_QUOTIENT = 24;
    private static final int ORDERS = 3;
    private static final int PROBES = 9;

    /** Scratch of one chunk: residuals of the column at hand. */
    private final long[] residuals;
    private final long[] probes = new long[PROBES];

    SeriesCodec(int rows) {
        residuals = new long[rows];
    }

    /**
     * Appends a series.
     *
     * @param length how many of the values belong to it, at least 1
     * @param head where everything goes but what is packed bit by bit
     * @param noise where that goes: numbers that no compression makes smaller, so they stay out of its way
     */
    void encode(long[] values, int length, ByteSink head, ByteSink noise) {
        int order = bestOrder(values, length);
        int count = length - order;
        difference(values, length, order);
        long base = usual(count);
        long divisor = scale(count, base);
        int packing = divisor == 0 ? ALL_THE_SAME : packing(count);
        head.put(order | (packing << 2));
        if (order > 0) {
            head.putSigned(values[0]);
        }
        if (order > 1) {
            head.putSigned(values[1] - values[0]);
        }
        head.putSigned(base);
        if (packing == BYTES) {
            head.putUnsigned(divisor);
            for (int i = 0; i < count; i++) {
                head.putUnsigned(residuals[i]);
            }
        } else if (packing == BITS) {
            head.putUnsigned(divisor);
            int low = lowBits(count);
            head.put(low);
            putBits(count, low, noise);
        }
    }

    /** The order whose residuals take the fewest bits, by a rough count. */
    private int bestOrder(long[] values, int length) {
        if (length < ORDERS + 1) {
            return 0;
        }
        long base0 = probe(values, length, 0);
        long base1 = probe(values, length, 1);
        long base2 = probe(values, length, 2);
        int bits0 = 0;
        int bits1 = 0;
        int bits2 = 0;
        long before = values[1];
        long difference = values[1] - values[0];
        for (int i = 2; i < length; i++) {
            long value = values[i];
            long next = value - before;
            bits0 += size(value - base0);
            bits1 += size(next - base1);
            bits2 += size(next - difference - base2);
            before = value;
            difference = next;
        }
        if (bits0 <= bits1 && bits0 <= bits2) {
            return 0;
        }
        return bits1 <= bits2 ? 1 : 2;
    }

    private static int size(long residual) {
        return 64 - Long.numberOfLeadingZeros(residual ^ (residual >> 63));
    }

    /** The median of some residuals of an order, from all over the series. */
    private long probe(long[] values, int length, int order) {
        int count = Math.min(PROBES, length - order);
        for (int i = 0; i < count; i++) {
            int at = order + (int) ((long) i * (length - order - 1) / Math.max(1, count - 1));
            probes[i] = switch (order) {
                case 0 -> values[at];
                case 1 -> values[at] - values[at - 1];
                default -> values[at] - 2 * values[at - 1] + values[at - 2];
            };
        }
        return median(count);
    }

    private long median(int count) {
        Arrays.sort(probes, 0, count);
        return probes[count / 2];
    }

    private void difference(long[] values, int length, int order) {
        switch (order) {
            case 0 -> System.arraycopy(values, 0, residuals, 0, length);
            case 1 -> {
                for (int i = 1; i < length; i++) {
                    residuals[i - 1] = values[i] - values[i - 1];
                }
            }
            default -> {
                for (int i = 2; i < length; i++) {
                    residuals[i - 2] = values[i] - 2 * values[i - 1] + values[i - 2];
                }
            }
        }
    }

    private long usual(int count) {
        int probed = Math.min(PROBES, count);
        for (int i = 0; i < probed; i++) {
            probes[i] = residuals[(int) ((long) i * (count - 1) / Math.max(1, probed - 1))];
        }
        return median(probed);
    }

    /**
     * Takes the base off the residuals, divides them by their greatest common divisor, and makes them zigzag.
     *
     * @return the divisor; 0 if all of them are the base
     */
    private long scale(int count, long base) {
        long divisor = 0;
        for (int i = 0; i < count; i++) {
            long residual = residuals[i] - base;
            residuals[i] = residual;
            if (divisor != 1) {
                divisor = commonDivisor(divisor, residual);
            }
        }
        int shift = Long.numberOfTrailingZeros(divisor);
        boolean isPowerOfTwo = divisor == 1L << shift;
        for (int i = 0; i < count; i++) {
            long residual = residuals[i];
            // A shift is many times faster than a division, and most divisors are a page or one.
            residuals[i] = ByteSink.zigzag(isPowerOfTwo ? residual >> shift : divisor == 0 ? 0 : residual / divisor);
        }
        return divisor;
    }

    /** Never negative: the lowest long, which has no positive, is divided by 1. */
    private static long commonDivisor(long divisor, long value) {
        if (value == Long.MIN_VALUE) {
            return 1;
        }
        long a = divisor;
        long b = Math.abs(value);
        if (a == 0) {
            return b;
        }
        boolean isPowerOfTwo = (a & (a - 1)) == 0;
        if (isPowerOfTwo && (b & (a - 1)) == 0) {
            return a;
        }
        while (b != 0) {
            long rest = a % b;
            a = b;
            b = rest;
        }
        return a;
    }

    /** Bytes for what repeats itself, which compression then finds; bits for noise, where it finds nothing. */
    private int packing(int count) {
        int repeats = 0;
        long before = 0;
        for (int i = 0; i < count; i++) {
            repeats += residuals[i] == before ? 1 : 0;
            before = residuals[i];
        }
        // Measured on the bench's rows: any limit from a third to a half gives the same within 2 %, bytes alone 13 % more.
        return repeats * 5 > count * 2 ? BYTES : BITS;
    }

    /** How many low bits to write as they are, for the smallest sum. */
    private int lowBits(int count) {
        int total = 0;
        for (int i = 0; i < count; i++) {
            total += 64 - Long.numberOfLeadingZeros(residuals[i]);
        }
        int about = total / count;
        int best = 0;
        long bestCost = Long.MAX_VALUE;
        for (int low = Math.max(0, about - 2); low <= Math.min(63, about + 1); low++) {
            long cost = 0;
            for (int i = 0; i < count; i++) {
                long quotient = residuals[i] >>> low;
                cost += Long.compareUnsigned(quotient, LONGEST_QUOTIENT) >= 0
                        ? LONGEST_QUOTIENT + Long.SIZE
                        : quotient + 1 + low;
            }
            if (cost < bestCost) {
                bestCost = cost;
                best = low;
            }
        }
        return best;
    }

    private void putBits(int count, int low, ByteSink noise) {
        for (int i = 0; i < count; i++) {
            long value = residuals[i];
            long quotient = value >>> low;
            if (Long.compareUnsigned(quotient, LONGEST_QUOTIENT) >= 0) {
                noise.putBits(0, LONGEST_QUOTIENT);
                noise.putBits(value, Long.SIZE);
            } else {
                noise.putBits(1L << quotient, (int) quotient + 1);
                noise.putBits(value & ((1L << low) - 1), low);
            }
        }
        noise.endBits();
    }

    /** Reads a series of as many numbers as the array is long, at least 1, from the whole of both sources. */
    static long[] decode(int length, ByteSource head, ByteSource noise) throws UnreadableChunkException {
        int form = head.get();
        int order = form & 3;
        int packing = form >> 2;
        if (order >= ORDERS || packing > BITS || order > length) {
            throw new UnreadableChunkException("a series of " + length + " values has the unknown form " + form);
        }
        long first = order > 0 ? head.getSigned() : 0;
        long slope = order > 1 ? head.getSigned() : 0;
        long base = head.getSigned();
        long[] values = new long[length];
        if (packing == ALL_THE_SAME) {
            Arrays.fill(values, base);
        } else {
            long divisor = head.getUnsigned();
            if (packing == BYTES) {
                for (int i = order; i < length; i++) {
                    values[i] = ByteSource.signed(head.getUnsigned()) * divisor + base;
                }
            } else {
                readBits(values, order, head.get(), divisor, base, noise);
            }
        }
        if (head.left() > 0 || (packing != BITS && noise.left() > 0)) {
            throw new UnreadableChunkException("a series of " + length + " values has bytes behind its end");
        }
        sum(values, order, first, slope);
        return values;
    }

    private static void readBits(long[] values, int from, int low, long divisor, long base, ByteSource noise)
            throws UnreadableChunkException {
        if (low > 63) {
            throw new UnreadableChunkException("a series has " + low + " low bits, of 63 at most");
        }
        ByteSource.Bits bits = noise.new Bits();
        for (int i = from; i < values.length; i++) {
            long quotient = bits.zeros(LONGEST_QUOTIENT);
            long zigzag = quotient == LONGEST_QUOTIENT ? bits.get(Long.SIZE) : (quotient << low) | bits.get(low);
            values[i] = ByteSource.signed(zigzag) * divisor + base;
        }
        bits.finish();
    }

    /** Makes numbers of differences. */
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
