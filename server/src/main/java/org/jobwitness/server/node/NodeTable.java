package org.jobwitness.server.node;

import static org.jobwitness.server.db.ArrayStatement.doubles;
import static org.jobwitness.server.db.ArrayStatement.integers;
import static org.jobwitness.server.db.ArrayStatement.longs;
import static org.jobwitness.server.db.ArrayStatement.texts;
import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.rounded;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Database.streaming;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.ArrayStatement;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodePage;
import org.jspecify.annotations.Nullable;

/** Owns the newest reading of each node. Called by the threads of requests. */
public final class NodeTable {
    private static final String STORE = """
            insert into node as stored (cluster, node, at, interval_ms, state_at, state, raw_state,
                state_reason, total_cpus, total_memory_bytes, total_gpus, cpu_usage_percent, memory_usage_bytes,
                gpu_usage_percent, cpu_load, gpus, memory_for_jobs_bytes, partitions)
            select cluster, node, case when interval_ms is not null or state is null then reported_at end, interval_ms,
                case when state is not null then reported_at end, state, raw_state, state_reason,
                total_cpus, total_memory_bytes, total_gpus, cpu, memory, gpu, load, cast(devices as jsonb),
                for_jobs, string_to_array(partitions, ',')
            from unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                as incoming (cluster, node, us, interval_ms, state, raw_state, state_reason, total_cpus,
                total_memory_bytes, total_gpus, cpu, memory, gpu, load, devices, for_jobs, partitions)
            cross join lateral (select timestamptz 'epoch' + us * interval '1 microsecond' as reported_at) reported_at
            on conflict (cluster, node) do update set
                state = case when excluded.state_at >= coalesce(stored.state_at, excluded.state_at)
                    then excluded.state else stored.state end,
                raw_state = case when excluded.state_at >= coalesce(stored.state_at, excluded.state_at)
                    then excluded.raw_state else stored.raw_state end,
                state_reason = case when excluded.state_at >= coalesce(stored.state_at, excluded.state_at)
                    then excluded.state_reason else stored.state_reason end,
                state_at = greatest(stored.state_at, excluded.state_at),
                total_cpus = coalesce(excluded.total_cpus, stored.total_cpus),
                total_memory_bytes = coalesce(excluded.total_memory_bytes, stored.total_memory_bytes),
                total_gpus = coalesce(excluded.total_gpus, stored.total_gpus),
                memory_for_jobs_bytes = coalesce(excluded.memory_for_jobs_bytes, stored.memory_for_jobs_bytes),
                partitions = coalesce(excluded.partitions, stored.partitions),
                cpu_usage_percent = %1$s excluded.cpu_usage_percent else stored.cpu_usage_percent end,
                memory_usage_bytes = %1$s excluded.memory_usage_bytes else stored.memory_usage_bytes end,
                gpu_usage_percent = %1$s excluded.gpu_usage_percent else stored.gpu_usage_percent end,
                cpu_load = %1$s excluded.cpu_load else stored.cpu_load end,
                gpus = %1$s excluded.gpus else stored.gpus end,
                interval_ms = %1$s excluded.interval_ms else stored.interval_ms end,
                at = greatest(stored.at, excluded.at)
            where excluded.at >= coalesce(stored.at, excluded.at)
                or excluded.state_at >= coalesce(stored.state_at, excluded.state_at)"""
            .formatted("case when excluded.at >= coalesce(stored.at, excluded.at) then");
    /** How long a state counts without being confirmed. */
    private static final Duration STATE_TTL = Duration.ofMinutes(5);
    /** Nodes that were taken out of slurm.conf are not reported any more. */
    private static final Duration SIZE_TTL = Duration.ofDays(1);

    private final Database database;
    private final Json json;

    public NodeTable(Database database, Json json) {
        this.database = database;
        this.json = json;
    }

    /** As {@link #store(Handle, List)}, in a transaction of its own. */
    public void store(List<NodeReading> readings) {
        database.write("nodes_store", handle -> {
            store(handle, readings);
            return true;
        });
    }

    /**
     * Stores readings of any nodes, in the handle's transaction. Readings older than the stored one change nothing. Figures
     * replace the stored ones, unless the reading is the scheduler's, which has a state and no interval; whatever else is
     * null leaves the stored value.
     */
    public void store(Handle handle, List<NodeReading> readings) throws SQLException {
        Map<List<String>, NodeReading> newest = new TreeMap<>(Comparator.comparing((List<String> key) -> key.getFirst())
                .thenComparing(List::getLast));
        readings.forEach(reading -> newest.merge(List.of(reading.cluster(), reading.node()), reading,
                (one, other) -> other.at().isBefore(one.at()) ? one : other));
        List<NodeReading> ordered = List.copyOf(newest.values());
        try (ArrayStatement store = new ArrayStatement(handle, STORE)) {
            store.bind(texts(ordered, NodeReading::cluster)).bind(texts(ordered, NodeReading::node))
                    .bind(ordered.stream().mapToLong(reading -> micros(reading.at())).toArray())
                    .bind(integers(ordered, NodeTable::intervalMs))
                    .bind(texts(ordered, r -> r.state() == null ? null : r.state().toString()))
                    .bind(texts(ordered, NodeReading::rawState)).bind(texts(ordered, NodeReading::stateReason))
                    .bind(integers(ordered, NodeReading::totalCpus)).bind(longs(ordered, NodeReading::totalMemoryBytes))
                    .bind(integers(ordered, NodeReading::totalGpus))
                    .bind(doubles(ordered, NodeReading::cpuUsagePercent))
                    .bind(longs(ordered, NodeReading::memoryUsageBytes))
                    .bind(doubles(ordered, NodeReading::gpuUsagePercent)).bind(doubles(ordered, NodeReading::cpuLoad))
                    .bind(texts(ordered, reading -> reading.gpus().isEmpty() ? "[]" : json.text(reading.gpus())))
                    .bind(longs(ordered, NodeReading::memoryForJobsBytes)).bind(texts(ordered, NodeTable::partitions))
                    .execute();
        }
        NodeEventTable.store(handle, ordered);
        GpuErrorTable.store(handle, readings);
    }

    private static @Nullable String partitions(NodeReading reading) {
        return reading.partitions() == null ? null : String.join(",", reading.partitions());
    }

    private static @Nullable Integer intervalMs(NodeReading reading) {
        return reading.interval() == null ? null : Integer.valueOf((int) reading.interval().toMillis());
    }

    /**
     * Every node of which anything is known, including those that only running jobs name which the scope may see.
     *
     * @param cluster, name null for all
     */
    public NodePage list(Scope scope, @Nullable String cluster, @Nullable String name, int limit, int offset,
            Instant now) {
        Condition visible = Visibility.of(scope);
        String known = known(visible);
        List<Node> found = new ArrayList<>();
        long total = database.snapshot("nodes_list", handle -> {
            handle.createQuery(known + """
                    select known.*, seen.jobs from known
                    left join (
                        select cluster, node, array_agg(job_id order by job_id) as jobs from running
                        group by cluster, node) seen using (cluster, node)
                    order by cluster, node limit :limit offset :offset""").bindMap(visible.values())
                    .bind("cluster", cluster).bind("name", name).bind("limit", limit).bind("offset", offset)
                    .map((row, _) -> node(row, name != null, now)).forEach(found::add);
            return handle.createQuery(known + "select count(*) from known").bindMap(visible.values())
                    .bind("cluster", cluster).bind("name", name).mapTo(Long.class).one();
        });
        return new NodePage(found, total, limit, offset);
    }

    /** The start of a query: the tables {@code running}, jobs on nodes, and {@code known}, all nodes. */
    private static String known(Condition visible) {
        return """
            with running as materialized (
                select cluster, node, job_id from job join job_node using (job_key)
                where newest and state in ('pending', 'running') and state = 'running' and not ended
                    and cluster = coalesce(:cluster, cluster) and node = coalesce(:name, node) and %s
            ), known as (
                select * from (
                    select cluster, node from node
                    union
                    select cluster, node from running) names left join node using (cluster, node)
                where cluster = coalesce(:cluster, cluster) and node = coalesce(:name, node)
            )
            """.formatted(visible.sql());
    }

    private Node node(ResultSet row, boolean withGpus, Instant now) throws SQLException {
        List<String> ids = strings(row, "jobs");
        String cluster = string(row, "cluster");
        String name = string(row, "node");
        boolean isKnown = isKnown(row);
        NodeReading last = isKnown ? reading(row, now) : NodeReading.builder(cluster, name, now).build();
        List<GpuReading> gpus = withGpus && isKnown ? last.gpus().stream().map(gpu -> gpu.naming(ids)).toList() : null;
        return new Node(name, cluster, last.state() == null ? null : last.state().toString(), last.rawState(),
                last.stateReason(), time(row, "at"), last.totalCpus(), mebibytes(last.totalMemoryBytes()),
                last.totalGpus(),
                shown(last.cpuUsagePercent()), mebibytes(last.memoryUsageBytes()), shown(last.gpuUsagePercent()),
                shown(last.cpuLoad()), ids, gpus);
    }

    /** Whether its agent or the scheduler has reported it. */
    private static boolean isKnown(ResultSet row) throws SQLException {
        return row.getObject("at") != null || row.getObject("state_at") != null;
    }

    private static @Nullable Double mebibytes(@Nullable Long bytes) {
        return bytes == null ? null : Double.valueOf(rounded(bytes / 1048576.0));
    }

    private static @Nullable Double shown(@Nullable Double figure) {
        return figure == null ? null : Double.valueOf(rounded(figure));
    }

    /**
     * A node at one moment.
     *
     * @param jobs how many running jobs have it
     * @param agentSeen time of its agent's newest reading; null if there is none
     * @param last its newest reading; null if only jobs name it
     */
    public record NodeSnapshot(String cluster, String node, long jobs, @Nullable Instant agentSeen,
            @Nullable NodeReading last) {
    }

    /** Every node of which anything is known, without state and figures older than three of their intervals. */
    public Stream<NodeSnapshot> latest(Handle handle, Instant now) {
        return streaming(handle.createQuery("""
                select cluster, node, coalesce(jobs, 0) as jobs, at, interval_ms, state_at, state, raw_state,
                    state_reason, total_cpus, total_memory_bytes, total_gpus, cpu_usage_percent, memory_usage_bytes, gpu_usage_percent,
                    cpu_load, '[]' as gpus
                from node full join (
                    select cluster, node, count(*) as jobs from job join job_node using (job_key)
                    where newest and state in ('pending', 'running') and state = 'running' and not ended
                    group by cluster, node) held using (cluster, node)"""))
                .map((row, _) -> new NodeSnapshot(string(row, "cluster"), string(row, "node"), row.getLong("jobs"),
                        time(row, "at"), isKnown(row) ? reading(row, now) : null))
                .stream();
    }

    /**
     * The most memory that the scheduler gives to jobs on any node of a run's partition, or of its cluster if its partition is not
     * known; null if the scheduler has not told lately.
     */
    public static @Nullable Long largestForJobs(Handle handle, long run, Instant now) {
        return handle.createQuery("""
                select max(memory_for_jobs_bytes) from job join node using (cluster)
                where job_key = :run and node.state_at > :since
                    and (job.partition is null or string_to_array(job.partition, ',') && node.partitions)""")
                .bind("run", run).bind("since", now.minus(SIZE_TTL)).mapTo(Long.class).findOne().orElse(null);
    }

    /** A GPU of a node, as its agent read it last. */
    public record GpuSnapshot(String cluster, String node, GpuReading reading) {
    }

    /** Each GPU whose reading is no older than three of its node's intervals. */
    public Stream<GpuSnapshot> gpus(Handle handle, Instant now) {
        return streaming(handle.createQuery("""
                select cluster, node, gpu from node cross join lateral jsonb_array_elements(gpus) as each (gpu)
                where at > cast(:now as timestamptz) - 3 * coalesce(interval_ms, 100000) * interval '1 millisecond'""")
                .bind("now", now))
                .map((row, _) -> new GpuSnapshot(string(row, "cluster"), string(row, "node"),
                        json.object(string(row, "gpu"), GpuReading.class)))
                .stream();
    }

    private NodeReading reading(ResultSet row, Instant now) throws SQLException {
        Instant readAt = time(row, "at");
        Instant stateAt = time(row, "state_at");
        Instant at = readAt == null ? Objects.requireNonNull(stateAt) : readAt;
        Integer intervalMs = row.getObject("interval_ms", Integer.class);
        Duration interval = intervalMs == null ? null : Duration.ofMillis(intervalMs);
        boolean isFresh = readAt != null
                && at.isAfter(now.minus(interval == null ? Duration.ofMinutes(5) : interval.multipliedBy(3)));
        NodeReading.Builder reading = NodeReading.builder(string(row, "cluster"), string(row, "node"), at)
                .interval(interval).totals(row.getObject("total_cpus", Integer.class),
                        row.getObject("total_memory_bytes", Long.class), row.getObject("total_gpus", Integer.class));
        if (stateAt != null && stateAt.isAfter(now.minus(STATE_TTL))) {
            reading.state(constant(NodeReading.State.class, row.getString("state")), row.getString("state_reason"))
                    .rawState(row.getString("raw_state"));
        }
        if (isFresh) {
            reading.usage(row.getObject("cpu_usage_percent", Double.class),
                    row.getObject("memory_usage_bytes", Long.class), row.getObject("gpu_usage_percent", Double.class),
                    row.getObject("cpu_load", Double.class)).gpus(json.list(string(row, "gpus"), GpuReading.class));
        }
        return reading.build();
    }
}
