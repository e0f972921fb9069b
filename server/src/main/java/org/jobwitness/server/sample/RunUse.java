package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.integers;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Database.streaming;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuHold;
import org.jspecify.annotations.Nullable;

/**
 * Reads what runs used on each of their nodes, and of each of their GPUs: sums and newest values, never samples. A sample is
 * fresh up to three of its intervals, of 15 seconds each at least, since a job's first sample is of its first second; where
 * no interval is known, up to five minutes, as in Prometheus. A number that is not known is NaN.
 */
public final class RunUse {
    private static final String IS_FRESH = """
            state = 'running' and last_sample_at
                > cast(:now as timestamptz)
                    - 3 * greatest(15000, coalesce(last_interval_ms, 100000)) * interval '1 millisecond'""";
    private static final String ONE_RUN = "from job where job_key = :run";
    private static final String CURRENT_RUNS = "from current_job(:since) where state <> 'pending'";
    private static final Figures NONE = Figures.ofJob().build();

    private RunUse() {
    }

    /**
     * A run on one of its nodes.
     *
     * @param node empty where figures are of the run as a whole
     * @param runtimeSeconds of a run that goes on, and has the node
     * @param cpus that a run which goes on has there
     * @param oomKills the maximum of all samples and the epilog
     * @param fresh of its last sample, if it goes on and that is fresh; else none
     * @param sums null where nothing is known of its use
     */
    public record NodeUsage(long run, String node, double runtimeSeconds, double cpus, double oomKills, Figures fresh,
            @Nullable Sums sums) {
    }

    /**
     * What a run used on one of its nodes.
     *
     * @param cpus that it was given there
     * @param samples of the CPU use
     * @param coveredSeconds the time that all samples stand for
     * @param suspendedSeconds the part of that in which Slurm had it suspended; its use does not include that part
     * @param cpuPercent, cpuMaxPercent of its CPUs there, average and maximum
     * @param memoryPeak by memory.peak or a sample
     * @param needed the highest sample of anonymous, shared and swapped memory together
     * @param fileMax the highest sample of files in memory: page cache, and shared memory
     * @param swapMax the highest sample of swapped memory
     * @param minLimit, maxLimit its lowest and its highest memory limit there
     * @param oomEvents how often it reached its memory limit with nothing left to reclaim
     * @param latest of its last sample
     */
    public record Sums(double cpus, long samples, double coveredSeconds, double suspendedSeconds,
            @Nullable Instant lastSample, double cpuPercent, double cpuMaxPercent, double memoryPeak, double needed,
            double fileMax, double swapMax, double minLimit, double maxLimit, double oomEvents, double throttledSeconds,
            double memoryStallSeconds,
            double ioStallSeconds, Figures latest) {
    }

    /**
     * A GPU that a run holds, or held.
     *
     * @param heldFrom since when it is known to have it
     * @param samples of its use
     * @param percent, maxPercent its utilization, average and maximum
     * @param lastUsed the newest sample with a utilization above 0
     * @param readAt the newest sample with a utilization
     * @param processes maximum number of the job's processes that had it open
     * @param fresh null unless the run goes on, holds it alone, and its last sample is fresh
     */
    public record GpuUsage(long run, String node, String gpu, @Nullable Integer minor, @Nullable String model,
            GpuHold hold, Instant heldFrom, long samples, double percent, double maxPercent, @Nullable Instant lastUsed,
            @Nullable Instant readAt, double processes,
            Faults faults, @Nullable FreshGpu fresh) {
    }

    /**
     * What the driver of a GPU reported while a run held it alone.
     *
     * @param xids NVIDIA's numbers of errors
     * @param possibleXids others, that may have come while it did not hold it, or not alone
     * @param eccErrors uncorrectable memory errors since the first reading
     * @param slowed samples in which heat or the power supply slowed it down
     * @param slowedBy the driver's words for that
     */
    public record Faults(List<Integer> xids, List<Integer> possibleXids, double eccErrors, long slowed,
            List<String> slowedBy) {
        public static final Faults NONE = new Faults(List.of(), List.of(), Double.NaN, 0, List.of());

        public Faults {
            xids = List.copyOf(xids);
            possibleXids = List.copyOf(possibleXids);
            slowedBy = List.copyOf(slowedBy);
        }

        /** Of a row of {@code job_gpu_figures}. */
        public static Faults of(ResultSet row) throws SQLException {
            double first = orNaN(row, "first_ecc_errors");
            double last = orNaN(row, "last_ecc_errors");
            List<Integer> xids = integers(row, "xids");
            return new Faults(xids,
                    integers(row, "possible_xids").stream().filter(xid -> !xids.contains(xid)).toList(),
                    last < first ? last : last - first, row.getLong("slowed_count"),
                    strings(row, "slowed_by"));
        }
    }

    /**
     * What a GPU does now for the run that holds it alone.
     *
     * @param vendor empty if it is not known
     * @param heldSeconds from its first reading to the last
     * @param idleSeconds since it was last used, at its newest reading, without the time that Slurm had the run suspended
     * @param energyJoules since its first reading
     * @param figures of its last sample
     */
    public record FreshGpu(String vendor, double heldSeconds, double idleSeconds, double energyJoules,
            Figures figures) {
    }

    /** Of one run, by name of the node. */
    public static List<NodeUsage> onNodes(Handle handle, long run, Instant now) {
        return onNodes(handle, ONE_RUN, now).bind("run", run).map((row, _) -> onNode(row)).list();
    }

    /** Of one run, by names of node and GPU. */
    public static List<GpuUsage> ofGpus(Handle handle, long run, Instant now) {
        return ofGpus(handle, ONE_RUN, now).bind("run", run).map((row, _) -> ofGpu(row)).list();
    }

    /** Of all newest runs that go on or ended since, in the order of their keys. To be called in a transaction. */
    public static Stream<NodeUsage> onNodesSince(Handle handle, Instant since, Instant now) {
        return streaming(onNodes(handle, CURRENT_RUNS, now).bind("since", since))
                .map((row, _) -> onNode(row)).stream();
    }

    /** The same of GPUs. */
    public static Stream<GpuUsage> ofGpusSince(Handle handle, Instant since, Instant now) {
        return streaming(ofGpus(handle, CURRENT_RUNS, now).bind("since", since))
                .map((row, _) -> ofGpu(row)).stream();
    }

    /** Joined run by run: a join of whole tables, which an estimate may choose, would read those of all runs that have ended. */
    private static Query onNodes(Handle handle, String runs, Instant now) {
        return handle.createQuery("""
                select job_key, on_node.*, state = 'running' and not coalesce(ended, true) as is_running, %s as is_fresh,
                    case when state = 'running' and not ended and start_time is not null
                        then greatest(0, date_part('epoch', cast(:now as timestamptz) - start_time)) end as runtime
                from (select job_key, state, start_time %s order by job_key) job cross join lateral (
                    select * from (
                        select node, ended, cpus from job_node
                        where job_node.job_key = job.job_key) allocated
                    full join (
                        select node, last_sample_at, last_interval_ms, case when covered_ms is not null then
                                least(covered_ms, (extract(epoch from last_sample_at - first_sample_at) * 1000)::bigint
                                    + greatest(last_interval_ms, covered_ms / nullif(sample_count, 0))) end
                                as covered_ms, suspended_ms, cpu_count, cpu_sum, cpu_max,
                            greatest(memory_peak_bytes, memory_max_bytes) as memory_peak, needed_max_bytes, file_max_bytes,
                            swap_max_bytes,
                            memory_limit_min_bytes, memory_limit_max_bytes,
                            oom_events, cpu_throttled_usec,
                            memory_stall_usec, io_stall_usec, oom_kills, latest
                        from job_figures where job_figures.job_key = job.job_key) used using (node)) on_node
                order by job_key, node""".formatted(IS_FRESH, runs)).bind("now", now);
    }

    private static Query ofGpus(Handle handle, String runs, Instant now) {
        return handle.createQuery("""
                select job_key, node, gpu, coalesce(job_gpu_figures.gpu_vendor, '') as vendor,
                    (device ->> 'minor')::integer as minor, device ->> 'model' as model, hold, held_from,
                    utilization_count, utilization_sum, utilization_max, last_used_at, read_at, processes_max, xids,
                    possible_xids,
                    first_ecc_errors, last_ecc_errors, slowed_count, slowed_by,
                    hold = 'alone' and %s as is_fresh, date_part('epoch', last_sample_at - held_from) as held,
                    case when read_at is not null then greatest(0,
                        date_part('epoch', read_at - coalesce(last_used_at, held_from)) - coalesce((
                            select suspended_ms / 1e3 from job_figures
                            where job_figures.job_key = job.job_key and job_figures.node = job_gpu_figures.node), 0))
                        end as idle,
                    energy_joules, latest
                from (select job_key, state %s) job join job_gpu_figures using (job_key)
                order by job_key, node, gpu""".formatted(IS_FRESH, runs)).bind("now", now);
    }

    private static NodeUsage onNode(ResultSet row) throws SQLException {
        double given = orNaN(row, "cpus");
        Sums sums = row.getObject("cpu_count") == null ? null : sums(row, given);
        Figures fresh = sums != null && row.getBoolean("is_fresh") ? sums.latest() : NONE;
        double cpus = Double.isNaN(given) ? fresh.value(Figure.CPUS) : given;
        return new NodeUsage(row.getLong("job_key"), string(row, "node"), orNaN(row, "runtime"),
                row.getBoolean("is_running") ? cpus : Double.NaN, orNaN(row, "oom_kills"), fresh, sums);
    }

    private static Sums sums(ResultSet row, double cpus) throws SQLException {
        long samples = row.getLong("cpu_count");
        return new Sums(cpus, samples, orNaN(row, "covered_ms") / 1e3, orNaN(row, "suspended_ms") / 1e3,
                time(row, "last_sample_at"),
                samples == 0 ? Double.NaN : row.getDouble("cpu_sum") / samples, orNaN(row, "cpu_max"),
                orNaN(row, "memory_peak"), orNaN(row, "needed_max_bytes"), orNaN(row, "file_max_bytes"),
                orNaN(row, "swap_max_bytes"),
                orNaN(row, "memory_limit_min_bytes"), orNaN(row, "memory_limit_max_bytes"),
                orNaN(row, "oom_events"), orNaN(row, "cpu_throttled_usec") / 1e6,
                orNaN(row, "memory_stall_usec") / 1e6, orNaN(row, "io_stall_usec") / 1e6,
                Figures.of(Figure.Of.JOB, doubles(row, "latest")));
    }

    private static GpuUsage ofGpu(ResultSet row) throws SQLException {
        long samples = row.getLong("utilization_count");
        return new GpuUsage(row.getLong("job_key"), string(row, "node"), string(row, "gpu"),
                row.getObject("minor", Integer.class), row.getString("model"),
                Objects.requireNonNull(constant(GpuHold.class, row.getString("hold"))), knownTime(row, "held_from"),
                samples, samples == 0 ? Double.NaN : row.getDouble("utilization_sum") / samples,
                orNaN(row, "utilization_max"), time(row, "last_used_at"), time(row, "read_at"),
                orNaN(row, "processes_max"), Faults.of(row),
                row.getBoolean("is_fresh") ? freshGpu(row) : null);
    }

    private static FreshGpu freshGpu(ResultSet row) throws SQLException {
        return new FreshGpu(string(row, "vendor"), orNaN(row, "held"), orNaN(row, "idle"), orNaN(row, "energy_joules"),
                Figures.of(Figure.Of.GPU, doubles(row, "latest")));
    }

    private static double orNaN(ResultSet row, String column) throws SQLException {
        double value = row.getDouble(column);
        return row.wasNull() ? Double.NaN : value;
    }
}
