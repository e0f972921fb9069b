package org.jobwitness.server.demo;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jobwitness.wire.Figure;
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

    /** What is known of a model: its size, and what its driver does not report. */
    private enum Model {
        A100("NVIDIA A100-SXM4-80GB", 80, 400, Map.of()),
        A100_INSTANCE("NVIDIA A100-SXM4-80GB MIG 3g.40gb",
                40,
                400,
                Map.of("power_watts",
                        "the driver reports it for the whole GPU only", "energy_joules",
                        "the driver reports it for the whole GPU only")),
        MI210("AMD Instinct MI210", 64, 300, Map.of("energy_joules", "the GPU's driver does not count it"));

        private final String label;
        private final long memoryBytes;
        private final double maxWatts;
        @SuppressWarnings("ImmutableEnumChecker") // made by Map.of
        private final Map<String, String> absent;

        Model(String label, long memoryGb, double maxWatts, Map<String, String> absent) {
            this.label = label;
            this.memoryBytes = memoryGb << 30;
            this.maxWatts = maxWatts;
            this.absent = absent;
        }
    }

    private Model model() {
        if (node.vendor() == GpuVendor.AMD) {
            return Model.MI210;
        }
        return index < WHOLE_GPUS ? Model.A100 : Model.A100_INSTANCE;
    }

    /** NVIDIA's have UUIDs, AMD's an index. */
    String name() {
        return switch (model()) {
            case A100 -> "GPU-" + uuid(index);
            case A100_INSTANCE -> "MIG-" + uuid(index);
            case MI210 -> String.valueOf(index);
        };
    }

    private UUID uuid(int which) {
        int host = node.name().hashCode();
        return new UUID((SeededRandom.hash(host, which) & ~0xf000L) | 0x4000L,
                (SeededRandom.hash(host, which, 1) & ~(3L << 62)) | 1L << 63);
    }

    private GpuDevice device() {
        int card = Math.min(index, WHOLE_GPUS);
        return new GpuDevice(model().label, String.format(Locale.ROOT, "00000000:%02X:00.0", 0x17 + 0x22 * card),
                model() == Model.MI210 ? null : Integer.valueOf(card),
                model() == Model.A100_INSTANCE ? "GPU-" + uuid(node.gpus()) : null);
    }

    double watts(double use) {
        return Math.rint(IDLE_WATTS + (model().maxWatts - IDLE_WATTS) * 0.92 * use);
    }

    /** Its energy counter when a run starts; no run uses so much that the next would find it less. */
    double joulesAt(Instant moment) {
        return model().maxWatts * (moment.getEpochSecond() % ENERGY_COUNTER_SECONDS);
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
        Model model = model();
        boolean idle = work.use() == 0;
        Map<String, String> absent = model.absent;
        Double watts = absent.containsKey("power_watts") ? null : Double.valueOf(watts(work.use()));
        Double joules = absent.containsKey("energy_joules") ? null : Double.valueOf(work.joules());
        Long eccErrors = model == Model.MI210 ? null : Long.valueOf(0);
        double memory = (idle ? IDLE_MEMORY : work.memory()) * model.memoryBytes;
        return GpuReading.builder(name()).device(node.vendor(), device()).jobId(jobId).sharedBy(sharedBy)
                .put(Figure.UTILIZATION_PERCENT, Math.rint(work.use() * 10_000) / 100)
                .put(Figure.MEMORY_USED_BYTES, UsageModel.pages(memory))
                .put(Figure.MEMORY_TOTAL_BYTES, model.memoryBytes)
                .put(Figure.POWER_WATTS, watts)
                .put(Figure.TEMPERATURE_CELSIUS, work.celsius())
                .put(Figure.ENERGY_JOULES, joules)
                .put(Figure.PROCESSES, idle ? 0 : 1).put(Figure.CLOCK_MHZ, idle ? IDLE_MHZ : MAX_MHZ)
                .errors(eccErrors, List.of()).absent(absent).build();
    }
}
