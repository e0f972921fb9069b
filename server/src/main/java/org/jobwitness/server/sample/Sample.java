package org.jobwitness.server.sample;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * What a run used on one node, at one moment.
 *
 * @param run the run's key
 * @param node empty if it is of the job as a whole
 * @param figures of the job on the node
 * @param isLast whether the node's agent marked it as the last
 * @param absent why figures are missing, by their names
 * @param gpus each of the job's GPUs on the node, and those that it shares or may hold
 * @param oomKills of the job on the node, since the sample before
 */
public record Sample(long run, String node, Instant at, Figures figures, boolean isLast, Map<String, String> absent,
        List<Gpu> gpus, List<OomKill> oomKills) {
    private static final List<Figure> TOTALS = List.of(Figure.CPU_USAGE_USEC, Figure.MEMORY_PEAK_BYTES);

    public Sample {
        absent = Map.copyOf(absent);
        gpus = List.copyOf(gpus);
        oomKills = List.copyOf(oomKills);
    }

    /** With figures of the job only. */
    public Sample(long run, String node, Instant at, Figures figures) {
        this(run, node, at, figures, false, Map.of(), List.of(), List.of());
    }

    /** Whether it is the last, and lacks totals that the node's agent had read earlier: they do not tell of the whole run. */
    boolean isCutShort() {
        return isLast && TOTALS.stream().anyMatch(total -> JobReading.REMOVED.equals(absent.get(total.toString())));
    }

    /** The same figures at another time. */
    Sample at(Instant other) {
        return new Sample(run, node, other, figures, isLast, absent, gpus, oomKills);
    }

    /**
     * What a GPU's driver reports beside figures; see {@code wire.GpuReading}.
     *
     * @param xids of the time in which the run had the GPU alone
     * @param possibleXids that may be of another time, or another run
     * @param eccErrors a counter; null if it was not read
     */
    public record Faults(List<Integer> xids, List<Integer> possibleXids, @Nullable Long eccErrors,
            List<String> throttled) {
        /** Nothing. */
        public static final Faults NONE = possible(List.of());

        public Faults {
            xids = List.copyOf(xids);
            possibleXids = List.copyOf(possibleXids);
            throttled = List.copyOf(throttled);
        }

        /** Of a GPU of which nothing is attributed to the run for sure. */
        public static Faults possible(List<Integer> xids) {
            return new Faults(List.of(), xids, null, List.of());
        }
    }

    /**
     * One GPU of the job.
     *
     * @param gpu its UUID, or its index on the node
     * @param jobs that share it, or may hold it; empty where the job holds it alone
     * @param figures none, unless the job holds it alone
     * @param faults that the driver reported in its interval
     */
    public record Gpu(String gpu, GpuHold hold, List<String> jobs, @Nullable GpuVendor vendor,
            @Nullable GpuDevice device, Figures figures, Faults faults, Map<String, String> absent) {

        public Gpu {
            jobs = List.copyOf(jobs);
            absent = Map.copyOf(absent);
        }

        boolean isAlone() {
            return hold == GpuHold.ALONE;
        }
    }
}
