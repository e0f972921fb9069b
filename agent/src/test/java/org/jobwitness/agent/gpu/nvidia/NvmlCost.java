package org.jobwitness.agent.gpu.nvidia;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * What a reading of eight GPUs costs on our side of NVML, with a library that answers at once. Run by hand, in the folder agent and
 * with the launcher's options; bench/results.md has what came out.
 */
final class NvmlCost {
    private static final int GPUS = 8;
    private static final int SAMPLES_A_CYCLE = 90;

    private NvmlCost() {
    }

    public static void main(String[] args) throws Exception {
        Path folder = Files.createTempDirectory("nvml");
        StubNvml stub = new StubNvml(StubNvml.build(folder), folder);
        stub.set("gpus", GPUS);
        try (Nvml nvml = stub.source()) {
            long began = System.nanoTime();
            nvml.read();
            System.out.printf("the first reading, with linking: %.0f ms%n", (System.nanoTime() - began) / 1e6);
            double now = 1000;
            for (int cycles : new int[]{10, 90, 900, 2000, 2000}) {
                long[] micros = new long[cycles];
                for (int i = 0; i < cycles; i++) {
                    now += 15;
                    for (int gpu = 0; gpu < GPUS; gpu++) {
                        stub.busy(gpu, now, SAMPLES_A_CYCLE, i % 100);
                    }
                    long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
                    nvml.read();
                    micros[i] = (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before) / 1000;
                }
                Arrays.sort(micros);
                System.out.printf("%d readings: median %d us of CPU, 95 %% below %d us%n", cycles, micros[cycles / 2],
                        micros[cycles * 95 / 100]);
            }
        }
    }
}
