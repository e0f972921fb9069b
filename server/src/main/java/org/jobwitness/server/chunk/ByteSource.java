package org.jobwitness.server.chunk;

/** Reads what {@link ByteSink} wrote, and never behind its end. For one thread. */
final class ByteSource {
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

    /** The next bytes as a source of their own; this one continues behind them. */
    ByteSource part(int length) throws UnreadableChunkException {
        if (length > left()) {
            throw tooShort();
        }
        at += length;
        return new ByteSource(bytes, at - length, at);
    }

    /** Adds one byte to each number, at the eight bits from {@code shift} on. */
    void getPlane(long[] numbers, int from, int shift) throws UnreadableChunkException {
        if (numbers.length - from > left()) {
            throw tooShort();
        }
        for (int i = from; i < numbers.length; i++) {
            numbers[i] |= (bytes[at++] & 0xFFL) << shift;
        }
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

    /** A number of at most {@code max}. */
    int getUnsigned(int max, String what) throws UnreadableChunkException {
        long value = getUnsigned();
        if (value < 0 || value > max) {
            throw new UnreadableChunkException(what + " must be 0.." + max + ", was " + Long.toUnsignedString(value));
        }
        return (int) value;
    }

    long getSigned() throws UnreadableChunkException {
        return signed(getUnsigned());
    }

    static long signed(long zigzag) {
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }

    private static UnreadableChunkException tooShort() {
        return new UnreadableChunkException("it ends in the middle of a number or a column");
    }
}
