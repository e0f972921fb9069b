package org.jobwitness.bench;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkColumn;

/** An hour of a simulated job on a node, a row every 15 s, as an agent would read it. */
final class ChunkSeries {
    static final int ROWS = 240;
    private static final long STEP_MICROS = 15_000_000;
    private static final int PAGE = 4096;

    private final Random random;

    ChunkSeries(long seed) {
        random = new Random(seed);
    }

    /** 15 figures: three of CPU time, four of memory, eight counters of pages, disks, network and stalls. */
    Chunk ofJob() {
        int cpus = 1 + random.nextInt(64);
        long[][] figures = new long[15][];
        double busy = 0.3 + 0.7 * random.nextDouble();
        figures[0] = counter(cpus * busy * STEP_MICROS, 0.02, 1);
        figures[1] = counter(cpus * busy * 0.03 * STEP_MICROS, 0.1, 1);
        figures[2] = counter(random.nextInt(4) == 0 ? cpus * 0.02 * STEP_MICROS : 0, 0.3, 1);
        figures[3] = memory(1 << 20, 0.7);
        figures[4] = memory(1 << 18, 0.8);
        figures[5] = runningMax(figures[3]);
        figures[6] = memory(1 << 12, 0.97);
        figures[7] = counter(5_000, 0.3, 1);
        figures[8] = bursts(0.01, 20, 1);
        figures[9] = bursts(0.1, 50_000, PAGE);
        figures[10] = bursts(0.15, 20_000, PAGE);
        figures[11] = bursts(0.1, 3_000, 1);
        figures[12] = counter(random.nextInt(3) == 0 ? 50e6 : 2_000, 0.2, 1);
        figures[13] = bursts(0.05, 40_000, 1);
        figures[14] = level(cpus + 3L, 0.02);
        return chunk(figures);
    }

    /** A GPU's use in percent, memory in bytes, power in milliwatts and temperature. */
    Chunk ofGpu() {
        long[][] figures = new long[4][ROWS];
        double period = 8 + 30 * random.nextDouble();
        double heat = 40;
        long[] memory = memory(1 << 22, 0.95);
        for (int row = 0; row < ROWS; row++) {
            double use = Math.clamp(70 + 25 * Math.sin(row / period * 6.28) + 6 * random.nextGaussian(), 0, 100);
            figures[0][row] = Math.round(use);
            figures[1][row] = memory[row] >> 21 << 21;
            figures[2][row] = Math.round((60 + 6.2 * use + 3 * random.nextGaussian()) * 10) * 100;
            heat += 0.1 * (35 + 0.4 * use - heat);
            figures[3][row] = Math.round(heat);
        }
        return chunk(figures);
    }

    private Chunk chunk(long[][] figures) {
        long[] times = new long[ROWS];
        long start = 1_790_000_000_000_000L + random.nextInt(1_000_000_000);
        for (int row = 0; row < ROWS; row++) {
            times[row] = start + row * STEP_MICROS + Math.abs(Math.round(200 * random.nextGaussian()));
        }
        List<ChunkColumn> columns = new ArrayList<>();
        for (int i = 0; i < figures.length; i++) {
            columns.add(ChunkColumn.whole(i + 1, figures[i], new BitSet()));
        }
        return new Chunk(times, columns);
    }

    private long[] counter(double slope, double noise, int unit) {
        long[] values = new long[ROWS];
        long value = (long) (slope * random.nextInt(1000));
        for (int row = 0; row < ROWS; row++) {
            value += Math.max(0, Math.round(slope * (1 + noise * random.nextGaussian()))) * unit;
            values[row] = value;
        }
        return values;
    }

    /** Ramps and plateaus in pages. */
    private long[] memory(int pages, double plateau) {
        long[] values = new long[ROWS];
        long value = 1L + random.nextInt(pages);
        boolean onPlateau = true;
        double slope = 0;
        for (int row = 0; row < ROWS; row++) {
            if (random.nextInt(20) == 0) {
                onPlateau = random.nextDouble() < plateau;
                slope = pages / 100.0 * (random.nextDouble() - 0.3);
            }
            if (!onPlateau) {
                value = Math.max(1, value + Math.round(slope * (1 + 0.2 * random.nextGaussian())));
            }
            values[row] = value * PAGE;
        }
        return values;
    }

    private static long[] runningMax(long[] values) {
        long[] max = values.clone();
        for (int row = 1; row < ROWS; row++) {
            max[row] = Math.max(max[row], max[row - 1]);
        }
        return max;
    }

    private long[] bursts(double chance, int size, int unit) {
        long[] values = new long[ROWS];
        long value = 0;
        for (int row = 0; row < ROWS; row++) {
            value += random.nextDouble() < chance ? (long) random.nextInt(size) * unit : 0;
            values[row] = value;
        }
        return values;
    }

    private long[] level(long usual, double chance) {
        long[] values = new long[ROWS];
        long value = usual;
        for (int row = 0; row < ROWS; row++) {
            value = random.nextDouble() < chance ? usual + random.nextInt(3) : value;
            values[row] = value;
        }
        return values;
    }
}
