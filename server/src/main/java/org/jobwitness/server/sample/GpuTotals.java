package org.jobwitness.server.sample;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jspecify.annotations.Nullable;

/** What new samples of a GPU of a run add up to; figures are of the time in which the run held the GPU alone. */
final class GpuTotals {
    private final Totals totals = new Totals(Figure.Of.GPU);
    private final Energy energy = new Energy();
    private @Nullable String vendor;
    private @Nullable GpuDevice device;
    private GpuHold hold = GpuHold.ALONE;
    private List<String> jobs = List.of();
    private Instant heldFrom = Instant.MAX;
    private Instant last = Instant.MIN;
    private @Nullable Instant readAt;
    private @Nullable Instant firstUsed;
    private @Nullable Instant lastUsed;
    private @Nullable Integer xid;
    private Figures latest = Figures.ofGpu().build();
    private Map<String, String> absent = Map.of();
    private long samples;

    void add(Instant at, Sample.Gpu gpu) {
        Figures figures = gpu.figures();
        samples += gpu.isAlone() ? 1 : 0;
        double use = figures.value(Figure.UTILIZATION_PERCENT);
        totals.add(figures);
        energy.add(at, figures.value(Figure.ENERGY_JOULES));
        vendor = gpu.vendor() == null ? vendor : gpu.vendor().toString();
        device = device == null ? gpu.device() : device;
        Long intervalMs = figures.whole(Figure.GPU_INTERVAL_MS);
        heldFrom = min(heldFrom, intervalMs == null ? at : at.minusMillis(intervalMs));
        if (!Double.isNaN(use)) {
            readAt = max(readAt, at);
        }
        if (use > 0) {
            firstUsed = min(firstUsed, at);
            lastUsed = max(lastUsed, at);
        }
        if (!at.isBefore(last)) {
            last = at;
            latest = figures;
            absent = gpu.absent();
            hold = gpu.hold();
            jobs = gpu.jobs();
            xid = gpu.xid() == null ? xid : gpu.xid();
        } else if (xid == null) {
            xid = gpu.xid();
        }
    }

    private static Instant min(@Nullable Instant one, Instant other) {
        return one == null || other.isBefore(one) ? other : one;
    }

    private static Instant max(@Nullable Instant one, Instant other) {
        return one == null || other.isAfter(one) ? other : one;
    }

    Totals figures() {
        return totals;
    }

    Energy energy() {
        return energy;
    }

    @Nullable
    String vendor() {
        return vendor;
    }

    @Nullable
    GpuDevice device() {
        return device;
    }

    GpuHold hold() {
        return hold;
    }

    List<String> jobs() {
        return jobs;
    }

    Instant heldFrom() {
        return heldFrom;
    }

    Instant last() {
        return last;
    }

    @Nullable
    Instant readAt() {
        return readAt;
    }

    @Nullable
    Instant firstUsed() {
        return firstUsed;
    }

    @Nullable
    Instant lastUsed() {
        return lastUsed;
    }

    @Nullable
    Integer xid() {
        return xid;
    }

    Figures latest() {
        return latest;
    }

    Map<String, String> absent() {
        return absent;
    }

    long samples() {
        return samples;
    }

    /** Readings of a GPU's energy counter. */
    static final class Energy {
        private final NavigableMap<Instant, Double> readings = new TreeMap<>();

        private void add(Instant at, double joules) {
            if (!Double.isNaN(joules)) {
                readings.put(at, joules);
            }
        }

        @Nullable
        Instant firstAt() {
            return readings.isEmpty() ? null : readings.firstKey();
        }

        @Nullable
        Instant lastAt() {
            return readings.isEmpty() ? null : readings.lastKey();
        }

        @Nullable
        Double first() {
            return readings.isEmpty() ? null : readings.firstEntry().getValue();
        }

        @Nullable
        Double last() {
            return readings.isEmpty() ? null : readings.lastEntry().getValue();
        }

        /** From the first to the last; a counter that is lower than before has restarted. */
        @Nullable
        Double joules() {
            if (readings.isEmpty()) {
                return null;
            }
            double joules = 0;
            double before = readings.firstEntry().getValue();
            for (double now : readings.values()) {
                joules += now >= before ? now - before : now;
                before = now;
            }
            return joules;
        }
    }
}
