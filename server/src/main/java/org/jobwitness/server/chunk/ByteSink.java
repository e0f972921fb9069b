package org.jobwitness.server.chunk;

import java.util.Arrays;

/** A growing array of bytes, with numbers of variable length. For one thread. */
final class ByteSink {
    private byte[] bytes;
    private int size;

    ByteSink(int capacity) {
        bytes = new byte[Math.max(capacity, 16)];
    }

    int size() {
        return size;
    }

    /** The first {@link #size} bytes are what was written. */
    byte[] array() {
        return bytes;
    }

    void clear() {
        size = 0;
    }

    void put(int value) {
        reserve(1);
        bytes[size++] = (byte) value;
    }

    void put(byte[] source, int length) {
        reserve(length);
        System.arraycopy(source, 0, bytes, size, length);
        size += length;
    }

    /** One byte of each number: the eight bits from {@code shift} on. */
    void putPlane(long[] numbers, int from, int to, int shift) {
        reserve(to - from);
        for (int i = from; i < to; i++) {
            bytes[size++] = (byte) (numbers[i] >>> shift);
        }
    }

    /** Seven bits a byte, lowest first; the highest bit says that more follow. 1 to 10 bytes. */
    void putUnsigned(long value) {
        reserve(10);
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            bytes[size++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        bytes[size++] = (byte) rest;
    }

    void putSigned(long value) {
        putUnsigned(zigzag(value));
    }

    /** 0, -1, 1, -2, 2... become 0, 1, 2, 3, 4...: what is small stays small whatever its sign. */
    static long zigzag(long value) {
        return (value << 1) ^ (value >> 63);
    }

    private void reserve(int count) {
        if (size + count > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(size + count, 2 * bytes.length));
        }
    }
}
