package org.jobwitness.server.demo;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/** One GPU of a node of the simulated cluster, or one of the instances into which a GPU is cut (MIG). */
record Gpu(Machine machine, int index) {
    private static final double IDLE_WATTS = 55;
    private static final double IDLE_MEMORY = 0.006;
    private static final double IDLE_CELSIUS = 31;
    private static final int MOST_MHZ = 1410;
    private static final int IDLE_MHZ = 210;
    /** Seconds after which a GPU's energy counter has begun anew, as when its node was started again. */
    private static final long ENERGY_COUNTS = 10_000_000;
    private static final String OF_THE_WHOLE = "the driver tells it of the whole GPU only";
    private static final Map<String, String> WITHOUT_POWER = Map.of("power_watts", OF_THE_WHOLE, "energy_joules",
            OF_THE_WHOLE);
    private static final Map<String, String> WITHOUT_ENERGY = Map.of("energy_joules",
            "the GPU's driver does not count it");

    /** NVIDIA's have UUIDs, AMD's an index. */
    String name() {
        return isAmd() ? String.valueOf(index) : (isInstance() ? "MIG-" : "GPU-") + uuid(index);
    }

    private UUID uuid(int which) {
        int node = machine.name().hashCode();
        return new UUID((Dice.hash(node, which) & ~0xf000L) | 0x4000L,
                (Dice.hash(node, which, 1) & ~(3L << 62)) | 1L << 63);
    }

    private boolean isAmd() {
        return machine.vendor() == GpuVendor.AMD;
    }

    /** Instances come behind the GPUs that are given away whole; all are of one more GPU. */
    boolean isInstance() {
        return index >= machine.wholeGpus();
    }

    private GpuDevice device() {
        int card = Math.min(index, machine.wholeGpus());
        String pciBusId = "00000000:%02X:00.0".formatted(0x17 + 0x22 * card);
        if (isInstance()) {
            return new GpuDevice("NVIDIA A100-SXM4-80GB MIG 3g.40gb", pciBusId, card, "GPU-" + uuid(machine.gpus()));
        }
        return isAmd()
                ? new GpuDevice("AMD Instinct MI210", pciBusId, null, null)
                : new GpuDevice("NVIDIA A100-SXM4-80GB", pciBusId, card, null);
    }

    private long memoryBytes() {
        return (isInstance() ? 40L : isAmd() ? 64L : 80L) << 30;
    }

    private double mostWatts() {
        return isAmd() ? 300 : 400;
    }

    double watts(double use) {
        return Math.rint(IDLE_WATTS + (mostWatts() - IDLE_WATTS) * 0.92 * use);
    }

    /** What its counter of energy shows when a run begins; no run uses so much that the next would find it less. */
    double joulesAt(Instant moment) {
        return mostWatts() * (moment.getEpochSecond() % ENERGY_COUNTS);
    }

    /**
     * What it does in an interval.
     *
     * @param use part of the time in which it works; while it is 0, no process has the GPU open
     * @param memory part of its memory that is used, if a process has it open
     * @param joules that its counter shows
     */
    record Work(double use, double memory, double celsius, double joules) {
    }

    /** What the agent reads of it while no job has it. */
    GpuReading free(Instant moment) {
        return reading(null, List.of(), new Work(0, 0, IDLE_CELSIUS, joulesAt(moment)));
    }

    /** What the agent reads of it. */
    GpuReading reading(@Nullable String jobId, List<String> sharedBy, Work work) {
        boolean idles = work.use() == 0;
        boolean countsEnergy = !isAmd() && !isInstance();
        return GpuReading.builder(name()).device(machine.vendor(), device()).jobId(jobId).sharedBy(sharedBy)
                .put(Figure.UTILIZATION_PERCENT, Math.rint(work.use() * 10_000) / 100)
                .put(Figure.MEMORY_USED_BYTES, Load.pages((idles ? IDLE_MEMORY : work.memory()) * memoryBytes()))
                .put(Figure.MEMORY_TOTAL_BYTES, memoryBytes())
                .put(Figure.POWER_WATTS, isInstance() ? null : watts(work.use()))
                .put(Figure.TEMPERATURE_CELSIUS, work.celsius())
                .put(Figure.ENERGY_JOULES, countsEnergy ? work.joules() : null)
                .put(Figure.PROCESSES, idles ? 0 : 1).put(Figure.CLOCK_MHZ, idles ? IDLE_MHZ : MOST_MHZ)
                .errors(isAmd() ? null : Long.valueOf(0), null).absent(absent()).build();
    }

    private Map<String, String> absent() {
        if (isInstance()) {
            return WITHOUT_POWER;
        }
        return isAmd() ? WITHOUT_ENERGY : Map.of();
    }
}
