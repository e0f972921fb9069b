package org.jobwitness.server.chunk;

import io.airlift.compress.v3.MalformedInputException;
import io.airlift.compress.v3.zstd.ZstdCompressor;
import io.airlift.compress.v3.zstd.ZstdDecompressor;
import io.airlift.compress.v3.zstd.ZstdJavaCompressor;
import io.airlift.compress.v3.zstd.ZstdJavaDecompressor;
import io.airlift.compress.v3.zstd.ZstdNativeCompressor;
import io.airlift.compress.v3.zstd.ZstdNativeDecompressor;

/** Zstandard frames. The C library where it can be loaded, else the same in Java, some four times slower. */
final class Zstd {
    /** Higher levels save less than 1 % of what is packed here. */
    private static final int LEVEL = 1;

    private Zstd() {
    }

    /**
     * Compresses the first bytes of an array.
     *
     * @return the length of the frame
     */
    static int compress(byte[] plain, int length, byte[] frame) {
        ZstdCompressor compressor = ZstdNativeCompressor.isEnabled()
                ? new ZstdNativeCompressor(LEVEL)
                : new ZstdJavaCompressor();
        return compressor.compress(plain, 0, length, frame, 0, frame.length);
    }

    static int maxCompressedLength(int length) {
        return length + (length >> 7) + 512;
    }

    /** Fills an array from a frame that must hold just as much. */
    static void decompress(byte[] bytes, int from, int length, byte[] plain) throws UnreadableChunkException {
        ZstdDecompressor decompressor = ZstdNativeDecompressor.isEnabled()
                ? new ZstdNativeDecompressor()
                : new ZstdJavaDecompressor();
        try {
            int actual = decompressor.decompress(bytes, from, length, plain, 0, plain.length);
            if (actual != plain.length) {
                throw new UnreadableChunkException("its frame holds " + actual + " bytes, of " + plain.length);
            }
        } catch (MalformedInputException | IllegalArgumentException e) {
            throw new UnreadableChunkException("its frame cannot be decompressed: " + e.getMessage());
        }
    }
}
