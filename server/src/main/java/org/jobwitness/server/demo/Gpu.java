package org.jobwitness.server.demo;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/** One GPU of a node, or one of the instances into which a GPU is cut (MIG). */
record Gpu(SimNode node, int index) {
    private static final double IDLE_WATTS = 55;
    private static final double IDLE_MEMORY = 0.006;
    private static final double IDLE_CELSIUS = 31;
    private static final int MAX_MHZ = 1410;
    private static final int IDLE_MHZ = 210;
    /** Instances follow the four GPUs that jobs get whole; all are of a fifth. */
    private static final int WHOLE_GPUS = 4;
    /** Seconds after which a GPU's energy counter restarts, as after a reboot of its node. */
    private static final long ENERGY_COUNTER_SECONDS = 10_000_000;
    private static final String OF_THE_WHOLE = "the driver reports it for the whole GPU only";
    private static final Map<String, String> WITHOUT_POWER = Map.of("power_watts", OF_THE_WHOLE, "energy_joules",
            OF_THE_WHOLE);
    private static final Map<String, String> WITHOUT_ENERGY = Map.of("energy_joules",
            "the GPU's driver does not count it");

    /** NVIDIA's have UUIDs, AMD's an index. */
    String name() {
        return isAmd() ? String.valueOf(index) : (isInstance() ? "MIG-" : "GPU-") + uuid(index);
    }

    private UUID uuid(int which) {
        int host = node.name().hashCode();
        return new UUID((SeededRandom.hash(host, which) & ~0xf000L) | 0x4000L,
                (SeededRandom.hash(host, which, 1) & ~(3L << 62)) | 1L << 63);
    }

    private boolean isAmd() {
        return node.vendor() == GpuVendor.AMD;
    }

    private boolean isInstance() {
        return index >= WHOLE_GPUS;
    }

    private GpuDevice device() {
        int card = Math.min(index, WHOLE_GPUS);
        String pciBusId = "00000000:%02X:00.0".formatted(0x17 + 0x22 * card);
        if (isInstance()) {
            return new GpuDevice("NVIDIA A100-SXM4-80GB MIG 3g.40gb", pciBusId, card, "GPU-" + uuid(node.gpus()));
        }
        return isAmd()
                ? new GpuDevice("AMD Instinct MI210", pciBusId, null, null)
                : new GpuDevice("NVIDIA A100-SXM4-80GB", pciBusId, card, null);
    }

    private long memoryBytes() {
        return (isInstance() ? 40L : isAmd() ? 64L : 80L) << 30;
    }

    private double maxWatts() {
        return isAmd() ? 300 : 400;
    }

    double watts(double use) {
        return Math.rint(IDLE_WATTS + (maxWatts() - IDLE_WATTS) * 0.92 * use);
    }

    /** Its energy counter when a run starts; no run uses so much that the next would find it less. */
    double joulesAt(Instant moment) {
        return maxWatts() * (moment.getEpochSecond() % ENERGY_COUNTER_SECONDS);
    }

    /**
     * What it does in an interval.
     *
     * @param use part of the time in which it works; while it is 0, no process has the GPU open
     * @param memory part of its memory that is used while a process has it open
     * @param joules its energy counter
     */
    record Work(double use, double memory, double celsius, double joules) {
    }

    /** What the agent reads while no job has it. */
    GpuReading free(Instant moment) {
        return reading(null, List.of(), new Work(0, 0, IDLE_CELSIUS, joulesAt(moment)));
    }

    GpuReading reading(@Nullable String jobId, List<String> sharedBy, Work work) {
        boolean idle = work.use() == 0;
        boolean countsEnergy = !isAmd() && !isInstance();
        return new GpuReading(name(), node.vendor(), device(), jobId, sharedBy, List.of(),
                Math.rint(work.use() * 10_000) / 100,
                UsageModel.pages((idle ? IDLE_MEMORY : work.memory()) * memoryBytes()), memoryBytes(),
                isInstance() ? null : Double.valueOf(watts(work.use())), work.celsius(), idle ? IDLE_MHZ : MAX_MHZ,
                countsEnergy ? Double.valueOf(work.joules()) : null, idle ? 0L : 1L, List.of(),
                isAmd() ? null : Long.valueOf(0), null, absent());
    }

    private Map<String, String> absent() {
        return isInstance() ? WITHOUT_POWER : isAmd() ? WITHOUT_ENERGY : Map.of();
    }
}
