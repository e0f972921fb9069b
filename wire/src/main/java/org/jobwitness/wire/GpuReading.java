package org.jobwitness.wire;

import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What one GPU of a node, or one part of it that Slurm allocates on its own, did over the batch's interval. {@link Figure}
 * has the figures of a job's GPU, in the same order and by the same names.
 *
 * <p>Its holder is given in at most one of three ways: one job ({@code jobId}), several together ({@code sharedBy}), or, where
 * the sources disagree, the candidates ({@code claimedBy}; {@code job_id} of {@code absent} says how they disagree). Its
 * use is attributed to a job only in the first case. All three missing: no job holds it.
 *
 * @param gpu its UUID, or its index on the node where it has none
 * @param jobId the one job that holds it
 * @param sharedBy the jobs that have shares of it (Slurm's shard, MPS), even if that is only one
 * @param claimedBy the jobs of which one or more may hold it
 * @param memoryUsedBytes of its own memory
 * @param energyJoules a counter, which may restart with the driver
 * @param processes that have it open; of the job, where one holds it
 * @param clockMhz of its processors
 * @param throttled why it runs below its full speed, in the driver's words, such as sw_power_cap
 * @param eccErrors uncorrectable memory errors since the driver was loaded
 * @param xid NVIDIA's number of the newest error that the driver reported in the interval
 * @param xids all that it reported then, the oldest first
 * @param absent why a figure is missing, by the figure's name
 */
public record GpuReading(String gpu, @Nullable GpuVendor vendor, @Nullable GpuDevice device, @Nullable String jobId,
        List<String> sharedBy, List<String> claimedBy, @Nullable Double utilizationPercent,
        @Nullable Long memoryUsedBytes, @Nullable Long memoryTotalBytes, @Nullable Double powerWatts,
        @Nullable Double temperatureCelsius, @Nullable Double energyJoules, @Nullable Long processes,
        @Nullable Integer clockMhz, List<String> throttled, @Nullable Long eccErrors, @Nullable Integer xid,
        List<Integer> xids, Map<String, String> absent) {
    private static final int MAX_JOBS = 256;
    private static final int MAX_XIDS = 32;
    private static final int MAX_CLOCK_MHZ = 1_000_000;

    public GpuReading {
        gpu = Checks.requiredText("gpu", gpu, 256);
        jobId = jobId == null ? null : JobId.of("job_id", jobId);
        sharedBy = JobId.listOf("shared_by", sharedBy, MAX_JOBS);
        claimedBy = JobId.listOf("claimed_by", claimedBy, MAX_JOBS);
        if (jobId != null && !sharedBy.isEmpty()) {
            throw new InvalidFieldException("shared_by",
                    "must be left out where job_id says that one job holds the GPU");
        }
        if (!claimedBy.isEmpty() && (jobId != null || !sharedBy.isEmpty())) {
            throw new InvalidFieldException("claimed_by",
                    "must be left out where job_id or shared_by says who holds the GPU");
        }
        utilizationPercent = Checks.percent("utilization_percent", utilizationPercent);
        memoryUsedBytes = Checks.size("memory_used_bytes", memoryUsedBytes);
        memoryTotalBytes = Checks.size("memory_total_bytes", memoryTotalBytes);
        powerWatts = watts("power_watts", powerWatts);
        temperatureCelsius = celsius("temperature_celsius", temperatureCelsius);
        clockMhz = Checks.within("clock_mhz", clockMhz, 0, MAX_CLOCK_MHZ);
        energyJoules = joules("energy_joules", energyJoules);
        processes = Checks.size("processes", processes);
        throttled = reasons("throttled", throttled);
        eccErrors = Checks.size("ecc_errors", eccErrors);
        xid = xid("xid", xid);
        xids = xids("xids", xids);
        absent = Checks.causes("absent", absent);
    }

    private static @Nullable Double watts(String field, @Nullable Double watts) {
        return Checks.within(field, watts, 0.0, 1e6);
    }

    private static @Nullable Double celsius(String field, @Nullable Double celsius) {
        return Checks.within(field, celsius, -273.0, 1e4);
    }

    private static @Nullable Double joules(String field, @Nullable Double joules) {
        return Checks.within(field, joules, 0.0, 1e18);
    }

    private static List<String> reasons(String field, @Nullable List<? extends @Nullable String> reasons) {
        return Checks.texts(field, reasons, 16, 64);
    }

    private static @Nullable Integer xid(String field, @Nullable Integer xid) {
        return Checks.within(field, xid, 0, 100_000);
    }

    private static List<Integer> xids(String field, @Nullable List<? extends @Nullable Integer> xids) {
        List<Integer> given = Checks.list(field, xids, MAX_XIDS);
        for (int i = 0; i < given.size(); i++) {
            xid(field + "[" + i + "]", given.get(i));
        }
        return given;
    }

    /** All errors of the interval, also where only the newest was sent. */
    public List<Integer> allXids() {
        return xid == null || xids.contains(xid) ? xids : Stream.concat(xids.stream(), Stream.of(xid)).toList();
    }

    /** How many jobs hold it, or may hold it. */
    public int holders() {
        return jobId != null ? 1 : sharedBy.size() + claimedBy.size();
    }

    /** The same, naming only holders among these jobs; of others it says only that there are some. */
    public GpuReading naming(Collection<String> jobIds) {
        String shown = jobId == null || jobIds.contains(jobId) ? jobId : null;
        List<String> sharing = sharedBy.stream().filter(jobIds::contains).toList();
        List<String> claiming = claimedBy.stream().filter(jobIds::contains).toList();
        Map<String, String> causes = new TreeMap<>(absent);
        boolean hidesHolder = jobId != null && shown == null;
        if (hidesHolder || sharing.size() < sharedBy.size() || claiming.size() < claimedBy.size()) {
            causes.putIfAbsent("job_id", "held by a job that does not run any more, or that you may not see");
        }
        return toBuilder().jobId(shown).sharedBy(sharing).claimedBy(claiming).absent(causes).build();
    }

    /** A reading of a GPU of which nothing is known yet. */
    public static Builder builder(String gpu) {
        return new Builder(gpu);
    }

    /** With all that this reading says. */
    public Builder toBuilder() {
        Builder builder = new Builder(gpu).device(vendor, device).jobId(jobId).sharedBy(sharedBy).claimedBy(claimedBy)
                .throttled(throttled).errors(eccErrors, allXids()).absent(absent);
        Figure.all(Figure.Of.GPU).forEach(figure -> builder.put(figure, figure.of(this)));
        return builder;
    }

    /** Collects what is known of one GPU. A value that no reading may hold is left out, with the cause. */
    public static final class Builder {
        private final String gpu;
        private final Map<Figure, Number> figures = new EnumMap<>(Figure.class);
        private @Nullable GpuVendor vendor;
        private @Nullable GpuDevice device;
        private @Nullable String jobId;
        private List<String> sharedBy = List.of();
        private List<String> claimedBy = List.of();
        private List<String> throttled = List.of();
        private @Nullable Long eccErrors;
        private @Nullable Integer xid;
        private List<Integer> xids = List.of();
        private Map<String, String> absent = Map.of();

        private Builder(String gpu) {
            this.gpu = gpu;
        }

        public Builder device(@Nullable GpuVendor withVendor, @Nullable GpuDevice withDevice) {
            vendor = withVendor;
            device = withDevice;
            return this;
        }

        public Builder jobId(@Nullable String job) {
            jobId = job;
            return this;
        }

        public Builder sharedBy(List<String> jobs) {
            sharedBy = jobs;
            return this;
        }

        public Builder claimedBy(List<String> jobs) {
            claimedBy = jobs;
            return this;
        }

        /** A figure of a GPU; null if it was not read. */
        public Builder put(Figure figure, @Nullable Number value) {
            if (value != null) {
                figures.put(figure, value);
            }
            return this;
        }

        public Builder throttled(List<String> reasons) {
            throttled = reasons;
            return this;
        }

        public Builder errors(@Nullable Long withEccErrors, List<Integer> withXids) {
            eccErrors = withEccErrors;
            xid = withXids.isEmpty() ? null : withXids.getLast();
            xids = withXids;
            return this;
        }

        public Builder absent(Map<String, String> causes) {
            absent = causes;
            return this;
        }

        public GpuReading build() {
            LeftOut out = new LeftOut();
            Long clock = out.orNull(Figure.CLOCK_MHZ.toString(), integer(Figure.CLOCK_MHZ),
                    (field, mhz) -> Checks.within(field, mhz, 0L, (long) MAX_CLOCK_MHZ));
            return new GpuReading(gpu, vendor, device, jobId, sharedBy, claimedBy,
                    decimal(Figure.UTILIZATION_PERCENT, Checks::percent, out), whole(Figure.MEMORY_USED_BYTES, out),
                    whole(Figure.MEMORY_TOTAL_BYTES, out), decimal(Figure.POWER_WATTS, GpuReading::watts, out),
                    decimal(Figure.TEMPERATURE_CELSIUS, GpuReading::celsius, out),
                    decimal(Figure.ENERGY_JOULES, GpuReading::joules, out), whole(Figure.PROCESSES, out),
                    clock == null ? null : Integer.valueOf(clock.intValue()),
                    Objects.requireNonNullElse(out.orNull("throttled", throttled, GpuReading::reasons), List.of()),
                    out.orNull("ecc_errors", eccErrors, Checks::size), out.orNull("xid", xid, GpuReading::xid),
                    Objects.requireNonNullElse(out.orNull("xids", xids, GpuReading::xids), List.of()), out.and(absent));
        }

        private @Nullable Long integer(Figure figure) {
            Number value = figures.get(figure);
            return value == null ? null : Long.valueOf(value.longValue());
        }

        private @Nullable Long whole(Figure figure, LeftOut out) {
            return out.orNull(figure.toString(), integer(figure), Checks::size);
        }

        private @Nullable Double decimal(Figure figure, BiFunction<String, Double, @Nullable Double> check,
                LeftOut out) {
            Number value = figures.get(figure);
            return value == null ? null : out.orNull(figure.toString(), value.doubleValue(), check);
        }
    }
}
