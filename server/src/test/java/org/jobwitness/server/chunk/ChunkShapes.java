package org.jobwitness.server.chunk;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/** Makes chunks of all shapes, the same ones for the same seed. */
final class ChunkShapes {
    private static final int[] ROWS = {0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 240, 240, 240, 900, 3_600};
    private static final double[] ODD = {0.0, -0.0, Double.NaN, Double.longBitsToDouble(0x7ff8_0000_0000_0001L),
            Double.longBitsToDouble(0xfff0_0000_0000_0001L), Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY,
            Double.MIN_VALUE, Double.MAX_VALUE, 0.1, 1e300, 9_007_199_254_740_993.0, 1.0 / 3};

    private final Random random;

    ChunkShapes(long seed) {
        random = new Random(seed);
    }

    Chunk any() {
        return any(ROWS[random.nextInt(ROWS.length)]);
    }

    Chunk any(int rows) {
        List<ChunkColumn> columns = new ArrayList<>();
        int id = 0;
        for (int i = random.nextInt(18); i > 0; i--) {
            id += 1 + random.nextInt(random.nextInt(10) == 0 ? 3_000 : 3);
            columns.add(random.nextInt(4) == 0
                    ? ChunkColumn.doubles(id, doubles(rows), absent(rows))
                    : ChunkColumn.whole(id, whole(rows), absent(rows)));
        }
        return new Chunk(times(rows), columns);
    }

    private long[] times(int rows) {
        long[] times = new long[rows];
        boolean isExtreme = rows > 1 && random.nextInt(10) == 0;
        long time = random.nextInt(8) == 0 ? Long.MIN_VALUE : 1_790_000_000_000_000L + random.nextInt(1_000_000);
        int jitter = random.nextBoolean() ? 1 : 1 + random.nextInt(1_000_000);
        for (int row = 0; row < rows; row++) {
            times[row] = time;
            time += 15_000_000 + random.nextInt(jitter) + (random.nextInt(100) == 0 ? 600_000_000L : 0);
        }
        if (isExtreme) {
            times[rows - 1] = Long.MAX_VALUE;
        }
        return times;
    }

    private BitSet absent(int rows) {
        BitSet absent = new BitSet();
        switch (random.nextInt(5)) {
            case 0 -> absent.set(0, rows);
            case 1 -> {
                for (int row = 0; row < rows; row++) {
                    absent.set(row, random.nextBoolean());
                }
            }
            case 2 -> {
                int from = random.nextInt(rows + 1);
                absent.set(from, from + random.nextInt(rows - from + 1));
            }
            default -> {
                // None is absent, which is the usual case.
            }
        }
        return absent;
    }

    private long[] whole(int rows) {
        long[] values = new long[rows];
        int shape = random.nextInt(10);
        long value = random.nextLong() >> random.nextInt(64);
        long slope = random.nextLong() >> (20 + random.nextInt(44));
        long unit = 1L << random.nextInt(20);
        for (int row = 0; row < rows; row++) {
            values[row] = switch (shape) {
                case 0 -> value;
                case 1 -> value + row * slope;
                case 2 -> value + (long) row * row * slope;
                case 3 -> (value + row * slope + random.nextInt(1000)) * unit;
                case 4 -> random.nextInt(20) == 0 ? value = random.nextInt(100) : (value += random.nextInt(10_000));
                case 5 -> random.nextLong();
                case 6 -> random.nextLong() >> random.nextInt(64);
                case 7 -> random.nextBoolean() ? Long.MIN_VALUE : Long.MAX_VALUE;
                case 8 -> random.nextInt(30) == 0 ? value = random.nextInt(1 << 20) * 4096L : value;
                default -> new long[]{0, -1, 1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MIN_VALUE + 1}[random.nextInt(6)];
            };
        }
        return values;
    }

    private double[] doubles(int rows) {
        double[] values = new double[rows];
        int shape = random.nextInt(5);
        double power = Math.pow(10, random.nextInt(11));
        for (int row = 0; row < rows; row++) {
            values[row] = switch (shape) {
                case 0 -> random.nextInt(100_000) / power;
                case 1 -> random.nextGaussian();
                case 2 -> ODD[random.nextInt(ODD.length)];
                case 3 -> Double.longBitsToDouble(random.nextLong());
                default -> random.nextInt(50) == 0 ? -0.0 : random.nextInt(1000);
            };
        }
        return values;
    }
}
