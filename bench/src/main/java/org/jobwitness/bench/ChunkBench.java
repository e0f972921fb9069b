package org.jobwitness.bench;

import io.airlift.compress.v3.zstd.ZstdNativeCompressor;
import io.airlift.compress.v3.zstd.ZstdNativeDecompressor;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkCodec;
import org.jobwitness.server.chunk.ChunkColumn;
import org.jobwitness.server.chunk.UnreadableChunkException;

/** The packed format, compared with zstd of the same rows and with 8 bytes a value; one thread. */
public final class ChunkBench {
    private static final int CHUNKS = 500;
    private static final int ROUNDS = 8;

    private ChunkBench() {
    }

    private interface Format {
        byte[] pack(Chunk chunk);

        /** Returns a part of the content. */
        long unpack(byte[] bytes) throws UnreadableChunkException;
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        for (int round = 0; round < ROUNDS; round++) {
            // The first rounds warm up; the last one counts.
            boolean isLast = round == ROUNDS - 1;
            ChunkSeries series = new ChunkSeries(7);
            run("15 figures", Stream.generate(series::ofJob).limit(CHUNKS).toList(), isLast);
            run("GPU, 4 figures", Stream.generate(series::ofGpu).limit(CHUNKS).toList(), isLast);
        }
    }

    private static void run(String name, List<Chunk> chunks, boolean print) throws UnreadableChunkException {
        measure(name + ", packed", chunks, new Packed(), print);
        measure(name + ", zstd of rows", chunks, new Compressed(), print);
        measure(name + ", rows", chunks, new Plain(), print);
    }

    private static void measure(String name, List<Chunk> chunks, Format format, boolean print)
            throws UnreadableChunkException {
        long start = System.nanoTime();
        List<byte[]> packed = chunks.stream().map(format::pack).toList();
        long between = System.nanoTime();
        long seen = 0;
        for (byte[] bytes : packed) {
            seen += format.unpack(bytes);
        }
        long end = System.nanoTime();
        if (print) {
            double rows = (double) chunks.size() * ChunkSeries.ROWS;
            double bytes = packed.stream().mapToLong(chunk -> chunk.length).sum();
            int figures = chunks.getFirst().columns().size();
            System.out.printf(Locale.ROOT,
                    "%-28s %6.2f bytes/row %5.2f bytes/value %6.2f M rows/s packing %6.1f ns/row unpacking (%d)%n",
                    name,
                    bytes / rows, bytes / rows / figures, rows / (between - start) * 1e3, (end - between) / rows,
                    seen & 1);
        }
    }

    private static final class Packed implements Format {
        @Override
        public byte[] pack(Chunk chunk) {
            return ChunkCodec.encode(chunk);
        }

        @Override
        public long unpack(byte[] bytes) throws UnreadableChunkException {
            Chunk chunk = ChunkCodec.decode(bytes);
            return chunk.timeMicros(chunk.rows() - 1);
        }
    }

    private static final class Plain implements Format {
        @Override
        public byte[] pack(Chunk chunk) {
            List<ChunkColumn> columns = chunk.columns();
            ByteBuffer rows = ByteBuffer.allocate(chunk.rows() * (1 + columns.size()) * Long.BYTES);
            for (int row = 0; row < chunk.rows(); row++) {
                rows.putLong(chunk.timeMicros(row));
                for (ChunkColumn column : columns) {
                    rows.putLong(column.wholeAt(row));
                }
            }
            return rows.array();
        }

        @Override
        public long unpack(byte[] bytes) {
            ByteBuffer rows = ByteBuffer.wrap(bytes);
            long sum = 0;
            while (rows.hasRemaining()) {
                sum += rows.getLong();
            }
            return sum;
        }
    }

    private static final class Compressed implements Format {
        private final Plain plain = new Plain();
        private final ZstdNativeCompressor compressor = new ZstdNativeCompressor(1);
        private final ZstdNativeDecompressor decompressor = new ZstdNativeDecompressor();

        @Override
        public byte[] pack(Chunk chunk) {
            byte[] rows = plain.pack(chunk);
            byte[] frame = new byte[compressor.maxCompressedLength(rows.length)];
            int length = compressor.compress(rows, 0, rows.length, frame, 0, frame.length);
            return Arrays.copyOf(frame, length);
        }

        @Override
        public long unpack(byte[] bytes) {
            byte[] rows = new byte[(int) decompressor.getDecompressedSize(bytes, 0, bytes.length)];
            decompressor.decompress(bytes, 0, bytes.length, rows, 0, rows.length);
            return plain.unpack(rows);
        }
    }
}
