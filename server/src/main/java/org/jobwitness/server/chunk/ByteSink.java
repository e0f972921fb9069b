package org.jobwitness.server.chunk;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A growing array of bytes, with numbers of variable length and single bits. For one thread. */
final class ByteSink {
    private static final VarHandle LITTLE = MethodHandles.byteArrayViewVarHandle(long[].class,
            ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes;
    private int size;
    /** Bits that are not yet in {@code bytes}, the first one lowest. */
    private long bits;
    private int bitCount;

    ByteSink(int capacity) {
        bytes = new byte[Math.max(capacity, 16)];
    }

    int size() {
        return size;
    }

    /** What was written is in the first {@link #size} bytes. */
    byte[] array() {
        return bytes;
    }

    void clear() {
        size = 0;
    }

    void put(int value) {
        room(1);
        bytes[size++] = (byte) value;
    }

    void put(byte[] source, int length) {
        room(length);
        System.arraycopy(source, 0, bytes, size, length);
        size += length;
    }

    /** Seven bits a byte, lowest first; the highest bit says that more follow. 1 to 10 bytes. */
    void putUnsigned(long value) {
        room(10);
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

    /**
     * Puts the lowest bits of a value behind the bits before.
     *
     * @param value no higher bit may be set
     * @param count 0 to 64
     */
    void putBits(long value, int count) {
        bits |= value << bitCount;
        bitCount += count;
        if (bitCount >= 64) {
            room(8);
            LITTLE.set(bytes, size, bits);
            size += 8;
            bitCount -= 64;
            // What did not fit; a shift by 64 would be one by 0.
            bits = bitCount == 0 ? 0 : value >>> (count - bitCount);
        }
    }

    /** Ends a run of bits: the last byte is filled up with zeros. */
    void endBits() {
        for (; bitCount > 0; bitCount -= 8) {
            put((int) bits);
            bits >>>= 8;
        }
        bits = 0;
        bitCount = 0;
    }

    private void room(int count) {
        if (size + count > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(size + count, 2 * bytes.length));
        }
    }
}
