package org.jobwitness.server.chunk;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Reads what {@link ByteSink} wrote, and never behind its end. For one thread. */
final class ByteSource {
    private static final VarHandle LITTLE = MethodHandles.byteArrayViewVarHandle(long[].class,
            ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;
    private int at;
    private final int end;

    ByteSource(byte[] bytes, int from, int to) {
        this.bytes = bytes;
        at = from;
        end = to;
    }

    int left() {
        return end - at;
    }

    int get() throws UnreadableChunkException {
        if (at >= end) {
            throw tooShort();
        }
        return bytes[at++] & 0xFF;
    }

    /** The next bytes as a source of their own; this one goes on behind them. */
    ByteSource part(int length) throws UnreadableChunkException {
        if (length > left()) {
            throw tooShort();
        }
        at += length;
        return new ByteSource(bytes, at - length, at);
    }

    long getUnsigned() throws UnreadableChunkException {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            long next = get();
            value |= (next & 0x7F) << shift;
            if (next < 0x80) {
                if (shift == 63 && next > 1) {
                    break;
                }
                return value;
            }
        }
        throw new UnreadableChunkException("a number has more than 64 bits");
    }

    /** A number of at most {@code highest}. */
    int getUnsigned(int highest, String what) throws UnreadableChunkException {
        long value = getUnsigned();
        if (value < 0 || value > highest) {
            throw new UnreadableChunkException(
                    what + " must be 0.." + highest + ", was " + Long.toUnsignedString(value));
        }
        return (int) value;
    }

    long getSigned() throws UnreadableChunkException {
        return signed(getUnsigned());
    }

    static long signed(long zigzag) {
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }

    /**
     * Reads single bits, from where this source is to its end. Beyond the end they are 0; {@link #finish} tells.
     */
    final class Bits {
        private long bit = 8L * at;

        /** The next bits, lowest first: at least 57 of them are right. */
        private long peek() {
            int index = (int) (bit >>> 3);
            if (index + 8 <= end) {
                return (long) LITTLE.get(bytes, index) >>> (bit & 7);
            }
            long last = 0;
            for (int i = Math.max(0, end - index) - 1; i >= 0; i--) {
                last = (last << 8) | (bytes[index + i] & 0xFF);
            }
            return last >>> (bit & 7);
        }

        /** How many zeros come before the next one, which is read too; {@code most} if there are as many or more. */
        int zeros(int most) {
            int zeros = Long.numberOfTrailingZeros(peek());
            if (zeros >= most) {
                bit += most;
                return most;
            }
            bit += zeros + 1;
            return zeros;
        }

        /** The next bits as a number; 0 to 64. */
        long get(int count) {
            if (count > 56) {
                return get(32) | (get(count - 32) << 32);
            }
            long value = peek() & ((1L << count) - 1);
            bit += count;
            return value;
        }

        /** Checks that all bytes were read, and no more. */
        void finish() throws UnreadableChunkException {
            if ((bit + 7) >>> 3 != end) {
                throw new UnreadableChunkException("values take " + (((bit + 7) >>> 3) - at) + " bytes, but have "
                        + left());
            }
        }
    }

    private static UnreadableChunkException tooShort() {
        return new UnreadableChunkException("it ends in the middle of a number or a column");
    }
}
