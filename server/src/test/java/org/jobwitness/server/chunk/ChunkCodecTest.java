package org.jobwitness.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.airlift.compress.v3.zstd.ZstdCompressor;
import io.airlift.compress.v3.zstd.ZstdDecompressor;
import io.airlift.compress.v3.zstd.ZstdJavaCompressor;
import io.airlift.compress.v3.zstd.ZstdJavaDecompressor;
import io.airlift.compress.v3.zstd.ZstdNativeCompressor;
import io.airlift.compress.v3.zstd.ZstdNativeDecompressor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jobwitness.server.testing.LongTests;
import org.junit.jupiter.api.Test;

class ChunkCodecTest {
    private static final BitSet NONE = new BitSet();
    private static final Path PAGE = Path.of("../docs/packed-history.md");
    private static final Path GOLDEN = Path.of("src/test/resources/sample/chunks");
    private static final Pattern HEX_BLOCK = Pattern.compile("```text\\n((?:[0-9a-f]{2} .*\\n)+)```");
    private static final Pattern HEX_OF_LINE = Pattern.compile("^((?:[0-9a-f]{2} )+) ");

    @Test
    void whatWasPackedComesBack() throws UnreadableChunkException {
        for (int seed = 0; seed < LongTests.times(2_000, 20_000); seed++) {
            Chunk chunk = new ChunkShapes(seed).any();
            assertThat(ChunkCodec.decode(ChunkCodec.encode(chunk))).as("seed %s", seed).isEqualTo(withValues(chunk));
        }
    }

    private static Chunk withValues(Chunk chunk) {
        return new Chunk(chunk.times(), chunk.rows() == 0
                ? List.of()
                : chunk.columns().stream().filter(column -> column.values() > 0).toList());
    }

    @Test
    void theLargestChunkComesBack() throws UnreadableChunkException {
        Random random = new Random(1);
        ChunkColumn[] columns = new ChunkColumn[Chunk.MAX_VALUES / Chunk.MAX_ROWS];
        for (int i = 0; i < columns.length; i++) {
            columns[i] = ChunkColumn.whole(i + 1, random.longs(Chunk.MAX_ROWS).toArray(), NONE);
        }
        long[] times = random.longs(Chunk.MAX_ROWS).sorted().toArray();
        Chunk chunk = new Chunk(times, List.of(columns));
        assertThat(ChunkCodec.decode(ChunkCodec.encode(chunk))).isEqualTo(chunk);
    }

    @Test
    void theManyColumnsOfASecondsHourComeBack() throws UnreadableChunkException {
        long[] times = new Random(2).longs(3_600).sorted().toArray();
        List<ChunkColumn> columns = IntStream.rangeClosed(1, Chunk.MAX_COLUMNS)
                .mapToObj(id -> ChunkColumn.whole(id, times, NONE)).toList();
        assertThat(ChunkCodec.decode(ChunkCodec.encode(new Chunk(times, columns))))
                .isEqualTo(new Chunk(times, columns));
    }

    @Test
    void doublesComeBackBitForBit() throws UnreadableChunkException {
        double[] values = {-0.0, 0.0, Double.NaN, Double.longBitsToDouble(0xfff0_0000_0000_0001L), 12.25, 1.0 / 3};
        Chunk chunk = new Chunk(new long[]{1, 2, 3, 4, 5, 6}, List.of(ChunkColumn.doubles(3, values, NONE)));
        ChunkColumn column = ChunkCodec.decode(ChunkCodec.encode(chunk)).column(3).orElseThrow();
        for (int row = 0; row < values.length; row++) {
            assertThat(Double.doubleToRawLongBits(column.doubleAt(row)))
                    .isEqualTo(Double.doubleToRawLongBits(values[row]));
        }
    }

    @Test
    void nullIsNotZero() throws UnreadableChunkException {
        BitSet absent = new BitSet();
        absent.set(1);
        Chunk chunk = new Chunk(new long[]{1, 2, 3}, List.of(ChunkColumn.whole(1, new long[]{0, 9, 0}, absent)));
        ChunkColumn column = ChunkCodec.decode(ChunkCodec.encode(chunk)).column(1).orElseThrow();
        assertThat(column.isNull(1)).isTrue();
        assertThat(column.wholeAt(0)).isZero();
        assertThatThrownBy(() -> column.wholeAt(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> column.doubleAt(0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void unorderedOrUnequalRowsAreNoChunk() {
        assertThatThrownBy(() -> new Chunk(new long[]{1, 1}, List.of())).hasMessageContaining("row 1");
        assertThatThrownBy(() -> new Chunk(new long[]{2, 1}, List.of())).hasMessageContaining("later");
        ChunkColumn column = ChunkColumn.whole(1, new long[1], NONE);
        assertThatThrownBy(() -> new Chunk(new long[]{1, 2}, List.of(column))).hasMessageContaining("column 1");
        assertThatThrownBy(() -> new Chunk(new long[]{1}, List.of(column, column))).hasMessageContaining("two of 1");
        assertThatThrownBy(() -> new Chunk(new long[Chunk.MAX_ROWS + 1], List.of())).hasMessageContaining("at most");
        assertThatThrownBy(() -> ChunkColumn.whole(0, new long[1], NONE)).hasMessageContaining("id");
    }

    @Test
    void aColumnOfAnUnknownTypeIsPassedOver() throws UnreadableChunkException {
        long[] values = {5, 7, 700};
        Chunk chunk = new Chunk(new long[]{1, 2, 3},
                List.of(ChunkColumn.whole(1, values, NONE), ChunkColumn.whole(2, values, NONE)));
        byte[] bytes = ChunkCodec.encode(chunk);
        assertThat(bytes[8]).as("stored").isZero();
        int type = ChunkCodec.HEADER + 2 + column(bytes, ChunkCodec.HEADER + 2) + 1;
        bytes[type] = 99;
        sign(bytes);
        assertThat(ChunkCodec.decode(bytes, id -> id != 1).columns()).containsExactly(chunk.columns().get(1));
        assertThatThrownBy(() -> ChunkCodec.decode(bytes)).isInstanceOf(UnreadableChunkException.class)
                .hasMessageContaining("column 1 is of the unknown type 99");
    }

    /** The length of the column at some place, its own head included; none of the numbers is longer than a byte. */
    private static int column(byte[] bytes, int at) {
        return 3 + bytes[at + 2];
    }

    @Test
    void anUnknownVersionIsRefused() {
        byte[] bytes = ChunkCodec.encode(new ChunkShapes(1).any(10));
        bytes[3] = 2;
        sign(bytes);
        assertThatThrownBy(() -> ChunkCodec.decode(bytes)).isInstanceOf(UnreadableChunkException.class)
                .hasMessage("the chunk is of version 2 of the format, this server reads version 1");
    }

    private static void sign(byte[] bytes) {
        ByteBuffer.wrap(bytes).putInt(ChunkCodec.CHECKSUM, ChunkCodec.checksum(bytes));
    }

    @Test
    void everyFlippedBitIsFound() {
        for (int seed = 0; seed < 40; seed += LongTests.times(5, 1)) {
            byte[] bytes = ChunkCodec.encode(new ChunkShapes(seed).any(seed * 3));
            for (int bit = 0; bit < Math.min(bytes.length, 2_000) * 8; bit++) {
                byte[] flipped = bytes.clone();
                flipped[bit / 8] ^= (byte) (1 << bit % 8);
                assertThatThrownBy(() -> ChunkCodec.decode(flipped)).isInstanceOf(UnreadableChunkException.class);
            }
        }
    }

    @Test
    void everyTruncationIsFound() {
        for (int seed = 0; seed < 40; seed += LongTests.times(5, 1)) {
            byte[] bytes = ChunkCodec.encode(new ChunkShapes(seed).any(seed * 3));
            for (int length = 0; length < bytes.length; length++) {
                byte[] cut = Arrays.copyOf(bytes, length);
                assertThatThrownBy(() -> ChunkCodec.decode(cut)).isInstanceOf(UnreadableChunkException.class);
            }
        }
    }

    /** With a checksum that is right, so that what lies behind it is asked too. */
    @Test
    void whateverTheBytesSayTheAnswerIsAChunkOrWhatIsWrong() {
        Random random = new Random(5);
        int read = 0;
        long begun = System.nanoTime();
        for (int i = 0; i < LongTests.times(10_000, 100_000); i++) {
            byte[] bytes = i % 10 == 0
                    ? random(random)
                    : mutated(ChunkCodec.encode(new ChunkShapes(i % 500).any(random.nextInt(40))), random);
            sign(bytes);
            try {
                Chunk chunk = ChunkCodec.decode(bytes);
                assertThat(chunk.rows()).isLessThanOrEqualTo(Chunk.MAX_ROWS);
                read++;
            } catch (UnreadableChunkException e) {
                assertThat(e).hasMessageMatching("(?s).{10,}");
            }
        }
        assertThat(read).isPositive();
        assertThat(System.nanoTime() - begun).as("a ms each at most").isLessThan(100_000_000_000L);
    }

    private static byte[] random(Random random) {
        byte[] bytes = new byte[ChunkCodec.HEADER + random.nextInt(100)];
        random.nextBytes(bytes);
        int stored = bytes.length - ChunkCodec.HEADER;
        ByteBuffer.wrap(bytes).putInt(0x4a574301).putInt(0).put((byte) random.nextInt(2))
                .putInt(random.nextBoolean() ? stored : random.nextInt());
        return bytes;
    }

    private static byte[] mutated(byte[] bytes, Random random) {
        byte[] mutated = bytes;
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = 8 + random.nextInt(mutated.length - 8);
            switch (random.nextInt(4)) {
                case 0 -> mutated[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> mutated[at] = (byte) random.nextInt();
                case 2 -> mutated[at] = (byte) 0xff;
                default -> {
                    int length = Math.max(ChunkCodec.HEADER, mutated.length + random.nextInt(9) - 4);
                    mutated = Arrays.copyOf(mutated, length);
                }
            }
        }
        return mutated;
    }

    @Test
    void theCLibraryAndTheJavaOneReadEachOther() {
        byte[] plain = new byte[5_000];
        for (int i = 0; i < plain.length; i++) {
            plain[i] = (byte) (i * i / 1_000);
        }
        List<ZstdDecompressor> readers = List.of(new ZstdNativeDecompressor(), new ZstdJavaDecompressor());
        for (ZstdCompressor writer : List.of(new ZstdNativeCompressor(1), new ZstdJavaCompressor())) {
            byte[] frame = new byte[Zstd.maxCompressedLength(plain.length)];
            int length = writer.compress(plain, 0, plain.length, frame, 0, frame.length);
            assertThat(length).isLessThan(plain.length);
            for (ZstdDecompressor reader : readers) {
                byte[] back = new byte[plain.length];
                assertThat(reader.decompress(frame, 0, length, back, 0, back.length)).isEqualTo(plain.length);
                assertThat(back).isEqualTo(plain);
            }
        }
    }

    /** {@code -Dupdate.golden=true} writes those that are missing; never those that are there. */
    @Test
    void chunksOfVersion1StayReadable() throws IOException, UnreadableChunkException {
        for (int number = 1; number <= 12; number++) {
            Chunk chunk = new ChunkShapes(1_000 + number).any(new int[]{0, 1, 2, 3, 17, 60}[number % 6]);
            Path file = GOLDEN.resolve("version-1-" + number + ".hex");
            if (Boolean.getBoolean("update.golden") && !Files.exists(file)) {
                Files.writeString(file, HexFormat.of().formatHex(ChunkCodec.encode(chunk))
                        .replaceAll("(.{120})", "$1\n").strip() + "\n");
            }
            byte[] bytes = HexFormat.of().parseHex(Files.readString(file).replace("\n", ""));
            assertThat(ChunkCodec.decode(bytes)).as("%s", file).isEqualTo(withValues(chunk));
        }
    }

    @Test
    void theExampleOfThePageIsTrue() throws IOException, UnreadableChunkException {
        BitSet absent = new BitSet();
        absent.set(2);
        Chunk chunk = new Chunk(
                new long[]{1_790_000_000_000_000L, 1_790_000_015_000_120L, 1_790_000_030_000_040L,
                        1_790_000_045_000_090L},
                List.of(ChunkColumn.whole(1, new long[]{40_960, 40_960, 40_960, 49_152}, NONE),
                        ChunkColumn.doubles(2, new double[]{12.5, 99.25, 0, 40}, absent)));
        byte[] bytes = ChunkCodec.encode(chunk);
        Matcher block = HEX_BLOCK.matcher(Files.readString(PAGE));
        assertThat(block.find()).isTrue();
        StringBuilder hex = new StringBuilder();
        for (String line : block.group(1).lines().toList()) {
            Matcher start = HEX_OF_LINE.matcher(line);
            assertThat(start.find()).as(line).isTrue();
            hex.append(start.group(1).replace(" ", ""));
        }
        assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(hex.toString());
        assertThat(ChunkCodec.decode(HexFormat.of().parseHex(hex))).isEqualTo(chunk);
    }
}
