package org.jobwitness.server.sample;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jspecify.annotations.Nullable;

/** What new samples of a GPU of a run add up to; figures are of the time in which the run held the GPU alone. */
final class GpuTotals {
    private final Totals totals = new Totals(Figure.Of.GPU);
    private final Energy energy = new Energy();
    private final Faults faults = new Faults();
    private @Nullable String vendor;
    private @Nullable GpuDevice device;
    private GpuHold hold = GpuHold.ALONE;
    private List<String> jobs = List.of();
    private Instant heldFrom = Instant.MAX;
    private Instant last = Instant.MIN;
    private @Nullable Instant readAt;
    private @Nullable Instant firstUsed;
    private @Nullable Instant lastUsed;
    private Figures latest = Figures.ofGpu().build();
    private Map<String, String> absent = Map.of();
    private long samples;

    void add(Instant at, Sample.Gpu gpu) {
        Figures figures = gpu.figures();
        samples += gpu.isAlone() ? 1 : 0;
        double use = figures.value(Figure.UTILIZATION_PERCENT);
        totals.add(figures);
        energy.add(at, figures.value(Figure.ENERGY_JOULES));
        faults.add(at, gpu.faults());
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

    Faults faults() {
        return faults;
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

    /** What its driver reported beside figures. */
    static final class Faults {
        /** Reasons for lower clocks that are no choice of an administrator or of the program: heat, and the power supply. */
        private static final Set<String> SLOWDOWNS = Set.of("hw_slowdown", "sw_thermal_slowdown",
                "hw_thermal_slowdown", "hw_power_brake_slowdown");

        private final NavigableSet<Integer> xids = new TreeSet<>();
        private final NavigableSet<Integer> possibleXids = new TreeSet<>();
        private final NavigableMap<Instant, Long> eccErrors = new TreeMap<>();
        private final NavigableSet<String> slowedBy = new TreeSet<>();
        private long slowed;

        private void add(Instant at, Sample.Faults reported) {
            xids.addAll(reported.xids());
            possibleXids.addAll(reported.possibleXids());
            if (reported.eccErrors() != null) {
                eccErrors.put(at, reported.eccErrors());
            }
            List<String> slowdowns = reported.throttled().stream().filter(SLOWDOWNS::contains).toList();
            slowedBy.addAll(slowdowns);
            slowed += slowdowns.isEmpty() ? 0 : 1;
        }

        Set<Integer> xids() {
            return xids;
        }

        Set<Integer> possibleXids() {
            return possibleXids;
        }

        @Nullable
        Long firstEccErrors() {
            return eccErrors.isEmpty() ? null : eccErrors.firstEntry().getValue();
        }

        @Nullable
        Long lastEccErrors() {
            return eccErrors.isEmpty() ? null : eccErrors.lastEntry().getValue();
        }

        /** Samples in which it was slowed down. */
        long slowed() {
            return slowed;
        }

        Set<String> slowedBy() {
            return slowedBy;
        }
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
