package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.figure;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.wire.SamplePage;
import org.jspecify.annotations.Nullable;

/**
 * Owns the samples and the figures that they add up to. Both are written in one statement, from the samples that were
 * new, so that one which comes twice counts once and the figures are right whoever writes at the same time. Called by the
 * threads of requests.
 */
public final class SampleStore {
    /** How far ahead of ours a sender's clock may be. */
    private static final Duration CLOCKS_DIFFER = Duration.ofMinutes(5);
    private static final int PORTION = 5_000;

    private final Database database;
    private final Duration retention;
    private final Clock clock;
    private final Counter stored;
    private final Counter refused;

    /**
     * Made with where samples go.
     *
     * @param retention how old a sample may be
     */
    public SampleStore(Database database, Duration retention, Clock clock, PrometheusRegistry metrics) {
        this.database = database;
        this.retention = retention;
        this.clock = clock;
        stored = Counter.builder().name("jobwitness_samples_total").help("Samples taken in, by what became of them.")
                .labelNames("status").register(metrics);
        refused = Counter.builder().name("jobwitness_samples_refused_total")
                .help("Samples that were not taken in, by why.").labelNames("reason").register(metrics);
    }

    /** Why a sample of this moment cannot be stored; empty if it can. */
    public Optional<String> trouble(Instant at) {
        Instant now = clock.instant();
        if (at.isBefore(now.minus(retention))) {
            return Optional.of("lies further back than samples are kept, which is " + retention.toDays() + " days");
        }
        return at.isAfter(now.plus(CLOCKS_DIFFER))
                ? Optional.of("lies in the future; this server's clock says " + now.truncatedTo(ChronoUnit.SECONDS))
                : Optional.empty();
    }

    /**
     * Stores samples of any runs. Those that are there already, that are too old or of the future, or whose run is not
     * known, are left out.
     *
     * @return how many were new
     */
    public int add(List<Sample> samples) {
        List<Sample> timely = samples.stream().filter(sample -> trouble(sample.at()).isEmpty()).toList();
        refused.labelValues("time").inc(samples.size() - timely.size());
        int added = 0;
        for (int from = 0; from < timely.size(); from += PORTION) {
            List<Sample> portion = timely.subList(from, Math.min(timely.size(), from + PORTION));
            added += database.write("samples_add", handle -> add(handle, portion));
        }
        stored.labelValues("new").inc(added);
        stored.labelValues("skipped").inc(timely.size() - added);
        return added;
    }

    /** What became of a sample that was told by hand. */
    public sealed interface ByHand {

        /** It is stored, or was already. */
        record Stored(Instant at) implements ByHand {
        }

        /** Another sample of that moment says otherwise. */
        record Conflict() implements ByHand {
        }
    }

    /**
     * Stores one sample, inside a transaction that keeps other writers by hand away from its run.
     *
     * @param given when it was, if its sender told: then it may come again. Else its own time serves, or the next one that is
     *     free.
     */
    public ByHand addByHand(Handle handle, Sample sample, @Nullable Instant given) {
        Sample next = sample;
        while (add(handle, List.of(next)) == 0) {
            if (given != null) {
                stored.labelValues("skipped").inc();
                return isThere(handle, next) ? new ByHand.Stored(next.at()) : new ByHand.Conflict();
            }
            next = next.at(next.at().plus(1, ChronoUnit.MICROS));
        }
        stored.labelValues("new").inc();
        return new ByHand.Stored(next.at());
    }

    private static boolean isThere(Handle handle, Sample sample) {
        return handle.createQuery("""
                select exists (select from sample where job_key = :run and at = :at and node = :node
                    and cpu_usage_percent is not distinct from :cpu and memory_bytes is not distinct from :memory
                    and gpu_usage_percent is not distinct from :gpu)""").bind("run", sample.run())
                .bind("at", sample.at()).bind("node", sample.node()).bind("cpu", sample.cpuUsagePercent())
                .bind("memory", sample.memoryBytes()).bind("gpu", sample.gpuUsagePercent()).mapTo(Boolean.class).one();
    }

    /** One statement: samples, the figures of their nodes, and the figures of their GPUs. Rows are locked in one order. */
    private static int add(Handle handle, List<Sample> samples) {
        List<Sample> ofGpus = samples.stream().flatMap(s -> Stream.generate(() -> s).limit(s.gpus().size())).toList();
        List<Sample.Gpu> gpus = samples.stream().flatMap(s -> s.gpus().stream()).toList();
        return handle.createQuery("""
                with said as (
                    select job_key, timestamptz 'epoch' + us * interval '1 microsecond' as at, node, interval_ms, cpu,
                        memory, gpu
                    from unnest(:runs, :times, :nodes, :intervals, :cpus, :memories, :gpu_usages)
                        as said (job_key, us, node, interval_ms, cpu, memory, gpu)
                ), known as (
                    select job_key from job where job_key = any(:runs) order by job_key for key share
                ), fresh as (
                    insert into sample (job_key, at, node, interval_ms, cpu_usage_percent, memory_bytes,
                        gpu_usage_percent)
                    select job_key, at, node, interval_ms, cpu, memory, gpu from said join known using (job_key)
                    order by job_key, at, node
                    on conflict do nothing
                    returning job_key, at, node, interval_ms, cpu_usage_percent as cpu, memory_bytes as memory,
                        gpu_usage_percent as gpu
                ), figures as (
                    insert into job_figures as known (job_key, node, sample_count, covered_ms, last_sample_at,
                        last_interval_ms, cpu_count, cpu_sum, cpu_max, cpu_last, memory_max_bytes, memory_last_bytes,
                        gpu_count, gpu_sum, gpu_max, gpu_last)
                    select job_key, node, count(*), sum(interval_ms), max(at),
                        (array_agg(interval_ms order by at desc))[1],
                        count(cpu), coalesce(sum(cpu), 0), max(cpu),
                        (array_agg(cpu order by at desc) filter (where cpu is not null))[1],
                        max(memory), (array_agg(memory order by at desc) filter (where memory is not null))[1],
                        count(gpu), coalesce(sum(gpu), 0), max(gpu),
                        (array_agg(gpu order by at desc) filter (where gpu is not null))[1]
                    from fresh group by job_key, node order by job_key, node
                    on conflict (job_key, node) do update set
                        sample_count = known.sample_count + excluded.sample_count,
                        covered_ms = coalesce(known.covered_ms + excluded.covered_ms, known.covered_ms,
                            excluded.covered_ms),
                        last_sample_at = greatest(known.last_sample_at, excluded.last_sample_at),
                        last_interval_ms = case when known.last_sample_at > excluded.last_sample_at
                            then known.last_interval_ms else excluded.last_interval_ms end,
                        cpu_count = known.cpu_count + excluded.cpu_count, cpu_sum = known.cpu_sum + excluded.cpu_sum,
                        cpu_max = greatest(known.cpu_max, excluded.cpu_max),
                        cpu_last = case when known.last_sample_at > excluded.last_sample_at
                            then coalesce(known.cpu_last, excluded.cpu_last)
                            else coalesce(excluded.cpu_last, known.cpu_last) end,
                        memory_max_bytes = greatest(known.memory_max_bytes, excluded.memory_max_bytes),
                        memory_last_bytes = case when known.last_sample_at > excluded.last_sample_at
                            then coalesce(known.memory_last_bytes, excluded.memory_last_bytes)
                            else coalesce(excluded.memory_last_bytes, known.memory_last_bytes) end,
                        gpu_count = known.gpu_count + excluded.gpu_count, gpu_sum = known.gpu_sum + excluded.gpu_sum,
                        gpu_max = greatest(known.gpu_max, excluded.gpu_max),
                        gpu_last = case when known.last_sample_at > excluded.last_sample_at
                            then coalesce(known.gpu_last, excluded.gpu_last)
                            else coalesce(excluded.gpu_last, known.gpu_last) end
                ), each_gpu as (
                    select fresh.job_key, fresh.node, fresh.at, fresh.interval_ms, said.gpu, said.vendor,
                        said.utilization, said.memory, said.power, said.temperature
                    from unnest(:gpu_runs, :gpu_times, :gpu_nodes, :gpu_names, :gpu_vendors, :gpu_utilizations,
                        :gpu_memories, :gpu_powers, :gpu_temperatures) as said (job_key, us, node, gpu, vendor,
                        utilization, memory, power, temperature)
                    join fresh on fresh.job_key = said.job_key and fresh.node = said.node
                        and fresh.at = timestamptz 'epoch' + said.us * interval '1 microsecond'
                ), gpu_figures as (
                    insert into job_gpu_figures as known (job_key, node, gpu, gpu_vendor, sample_count, last_sample_at,
                        last_interval_ms, utilization_sum, utilization_count, utilization_max, utilization_last,
                        memory_max_bytes, memory_last_bytes, power_last_watts, temperature_last_celsius)
                    select job_key, node, gpu, max(vendor), count(*), max(at),
                        (array_agg(interval_ms order by at desc))[1], coalesce(sum(utilization), 0),
                        count(utilization), max(utilization), (array_agg(utilization order by at desc))[1],
                        max(memory), (array_agg(memory order by at desc))[1], (array_agg(power order by at desc))[1],
                        (array_agg(temperature order by at desc))[1]
                    from each_gpu group by job_key, node, gpu order by job_key, node, gpu
                    on conflict (job_key, node, gpu) do update set
                        gpu_vendor = coalesce(known.gpu_vendor, excluded.gpu_vendor),
                        sample_count = known.sample_count + excluded.sample_count,
                        last_sample_at = greatest(known.last_sample_at, excluded.last_sample_at),
                        last_interval_ms = case when known.last_sample_at > excluded.last_sample_at
                            then known.last_interval_ms else excluded.last_interval_ms end,
                        utilization_sum = known.utilization_sum + excluded.utilization_sum,
                        utilization_count = known.utilization_count + excluded.utilization_count,
                        utilization_max = greatest(known.utilization_max, excluded.utilization_max),
                        utilization_last = case when known.last_sample_at > excluded.last_sample_at
                            then known.utilization_last else excluded.utilization_last end,
                        memory_max_bytes = greatest(known.memory_max_bytes, excluded.memory_max_bytes),
                        memory_last_bytes = case when known.last_sample_at > excluded.last_sample_at
                            then known.memory_last_bytes else excluded.memory_last_bytes end,
                        power_last_watts = case when known.last_sample_at > excluded.last_sample_at
                            then known.power_last_watts else excluded.power_last_watts end,
                        temperature_last_celsius = case when known.last_sample_at > excluded.last_sample_at
                            then known.temperature_last_celsius else excluded.temperature_last_celsius end
                )
                select count(*) from fresh""")
                .bindArray("runs", Long.class, each(samples, Sample::run))
                .bindArray("times", Long.class, each(samples, s -> micros(s.at())))
                .bindArray("nodes", String.class, each(samples, Sample::node))
                .bindArray("intervals", Integer.class, each(samples,
                        s -> s.interval() == null ? null : Integer.valueOf((int) s.interval().toMillis())))
                .bindArray("cpus", Double.class, each(samples, Sample::cpuUsagePercent))
                .bindArray("memories", Long.class, each(samples, Sample::memoryBytes))
                .bindArray("gpu_usages", Double.class, each(samples, Sample::gpuUsagePercent))
                .bindArray("gpu_runs", Long.class, each(ofGpus, Sample::run))
                .bindArray("gpu_times", Long.class, each(ofGpus, s -> micros(s.at())))
                .bindArray("gpu_nodes", String.class, each(ofGpus, Sample::node))
                .bindArray("gpu_names", String.class, each(gpus, Sample.Gpu::gpu))
                .bindArray("gpu_vendors", String.class,
                        each(gpus, gpu -> gpu.vendor() == null ? null : gpu.vendor().toString()))
                .bindArray("gpu_utilizations", Double.class, each(gpus, Sample.Gpu::utilizationPercent))
                .bindArray("gpu_memories", Long.class, each(gpus, Sample.Gpu::memoryUsedBytes))
                .bindArray("gpu_powers", Double.class, each(gpus, Sample.Gpu::powerWatts))
                .bindArray("gpu_temperatures", Double.class, each(gpus, Sample.Gpu::temperatureCelsius))
                .mapTo(Integer.class).one();
    }

    /**
     * The samples of a run, newest first; those of one moment on several nodes are one.
     *
     * @param from, to null for no bound; {@code to} is not part of it
     */
    SamplePage read(String jobId, long run, @Nullable Instant from, @Nullable Instant to, int limit) {
        return database.snapshot("samples_read", handle -> {
            String where = "where job_key = :run" + (from == null ? "" : " and at >= :from")
                    + (to == null ? "" : " and at < :to");
            var count = handle.createQuery("select count(distinct at) from sample " + where).bind("run", run);
            var rows = handle.createQuery("""
                    select at, count(*) filter (where node <> '') as nodes,
                        sum(cpu_usage_percent * coalesce(cpus, 1))
                            / nullif(sum(coalesce(cpus, 1)) filter (where cpu_usage_percent is not null), 0) as cpu,
                        sum(memory_bytes) / 1048576.0 as memory_mb,
                        sum(gpu_usage_percent * coalesce(gpus, 1))
                            / nullif(sum(coalesce(gpus, 1)) filter (where gpu_usage_percent is not null), 0) as gpu
                    from sample left join job_node using (job_key, node)
                    """ + where + " group by at order by at desc limit :limit").bind("run", run).bind("limit", limit);
            for (var query : List.of(count, rows)) {
                if (from != null) {
                    query.bind("from", from);
                }
                if (to != null) {
                    query.bind("to", to);
                }
            }
            return new SamplePage(jobId, rows.map((row, _) -> moment(row)).list(), count.mapTo(Long.class).one());
        });
    }

    private static SamplePage.Sample moment(ResultSet row) throws SQLException {
        int nodes = row.getInt("nodes");
        return new SamplePage.Sample(knownTime(row, "at"), nodes == 0 ? null : nodes,
                figure(row, "cpu", 1), figure(row, "memory_mb", 1), figure(row, "gpu", 1));
    }

    /** A job's last sample on one node. */
    public record Latest(String cluster, String jobId, String user, String node, @Nullable Double cpuUsagePercent,
            @Nullable Long memoryBytes, @Nullable Double gpuUsagePercent) {
    }

    /**
     * Tells of each running job on each node whose last sample is no older than three of its intervals; where no interval is
     * known, than five minutes: as long as Prometheus itself takes a sample for fresh.
     */
    public Stream<Latest> latest(Handle handle, Instant now) {
        return handle.createQuery("""
                select cluster, job_id, coalesce(user_name, '') as user_name, node, cpu_last, memory_last_bytes, gpu_last
                from job join job_figures using (job_key)
                where newest and state in ('pending', 'running') and state = 'running' and last_sample_at
                    > cast(:now as timestamptz) - 3 * coalesce(last_interval_ms, 100000) * interval '1 millisecond'""")
                .bind("now", now).setFetchSize(1000)
                .map((row, _) -> new Latest(string(row, "cluster"), string(row, "job_id"), string(row, "user_name"),
                        string(row, "node"), row.getObject("cpu_last", Double.class),
                        row.getObject("memory_last_bytes", Long.class), row.getObject("gpu_last", Double.class)))
                .stream();
    }

    /** The last sample of one GPU of a job. */
    public record LatestGpu(String cluster, String jobId, String node, String gpu, String vendor,
            @Nullable Double utilizationPercent, @Nullable Long memoryUsedBytes, @Nullable Double powerWatts,
            @Nullable Double temperatureCelsius) {
    }

    /** The same for each of their GPUs. */
    public Stream<LatestGpu> latestOfGpus(Handle handle, Instant now) {
        return handle.createQuery("""
                select cluster, job_id, node, gpu, coalesce(job_gpu_figures.gpu_vendor, '') as vendor, utilization_last,
                    memory_last_bytes, power_last_watts, temperature_last_celsius
                from job join job_gpu_figures using (job_key)
                where newest and state in ('pending', 'running') and state = 'running' and last_sample_at
                    > cast(:now as timestamptz) - 3 * coalesce(last_interval_ms, 100000) * interval '1 millisecond'""")
                .bind("now", now).setFetchSize(1000)
                .map((row, _) -> new LatestGpu(string(row, "cluster"), string(row, "job_id"), string(row, "node"),
                        string(row, "gpu"), string(row, "vendor"), row.getObject("utilization_last", Double.class),
                        row.getObject("memory_last_bytes", Long.class),
                        row.getObject("power_last_watts", Double.class),
                        row.getObject("temperature_last_celsius", Double.class)))
                .stream();
    }
}
