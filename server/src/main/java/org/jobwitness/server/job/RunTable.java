package org.jobwitness.server.job;

import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Columns;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.EpilogReading;
import org.jspecify.annotations.Nullable;

/** The tables {@code job} and {@code job_node}: runs, and what each has on its nodes. All within the caller's transaction. */
final class RunTable {
    private final RunColumns columns;
    private final NodeColumns onNode = new NodeColumns();
    private final String select;
    private final String insert;
    private final String update;
    private final String writeOnNode;

    RunTable(Json json) {
        columns = new RunColumns(json);
        select = "select job.*, " + onNode.sql("on_node.%1$s as %3$s")
                + " from job left join job_node on_node on on_node.job_key = job.job_key and on_node.node = :node"
                + " where job_id = :job_id and cluster = :cluster";
        insert = "insert into job (" + columns.sql("%1$s") + ", newest) values (" + columns.sql("%2$s") + ", true)";
        update = "update job set " + columns.sql("%s = %s") + " where job_key = :key";
        writeOnNode = "insert into job_node (job_key, " + onNode.sql("%1$s") + ") values (:key, " + onNode.sql("%2$s")
                + ") on conflict (job_key, node) do update set " + onNode.sql("%1$s = excluded.%1$s");
    }

    /** Locks a job id, whether it has runs yet or not, until the transaction ends. */
    static void lock(Handle handle, Identity identity) {
        handle.createQuery("select pg_advisory_xact_lock(hashtextextended(:cluster || '/' || :job_id, 0))")
                .bind("cluster", identity.cluster()).bind("job_id", identity.jobId()).mapTo(String.class).findFirst();
    }

    /** All runs of a job id, each with what it has on the reporting node. */
    List<Run> runsOf(Handle handle, Identity identity, @Nullable NodeAllocation reporting) {
        return handle.createQuery(select)
                .bind("job_id", identity.jobId()).bind("cluster", identity.cluster())
                .bind("node", reporting == null ? null : reporting.node())
                .map((row, _) -> columns.read(row, onNode.read(row))).list();
    }

    /** Stores a new run, and returns it with its key. */
    Run insert(Handle handle, Run run) {
        Run stored = run.withKey(columns.bind(handle.createUpdate(insert), run)
                .executeAndReturnGeneratedKeys("job_key").mapTo(Long.class).one());
        writeOnNode(handle, stored);
        return stored;
    }

    /** Writes what has changed, if anything has. */
    void update(Handle handle, Run before, Run after) {
        if (!after.withOnNode(null).equals(before.withOnNode(null))) {
            columns.bind(handle.createUpdate(update), after).bind("key", after.key()).execute();
        }
        if (!Objects.equals(after.onNode(), before.onNode())) {
            writeOnNode(handle, after);
        }
    }

    private void writeOnNode(Handle handle, Run run) {
        if (run.onNode() != null) {
            onNode.bind(handle.createUpdate(writeOnNode), run.onNode()).bind("key", run.key()).execute();
        }
    }

    /** Writes the nodes that the evidence names, each with its CPUs if they are known. */
    static void addNodes(Handle handle, long run, Evidence evidence) {
        handle.createUpdate("""
                insert into job_node (job_key, node, cpus)
                select :key, incoming.node, incoming.cpus from unnest(:nodes, :cpus) as incoming (node, cpus)
                on conflict (job_key, node) do update set cpus = excluded.cpus
                where job_node.cpus is null and excluded.cpus is not null""").bind("key", run)
                .bindArray("nodes", String.class, evidence.attributes().nodes())
                .bindArray("cpus", Integer.class, evidence.cpusOfNodes()).execute();
    }

    /** Takes nodes from a run that are none of it; their figures stay. */
    static void removeNodes(Handle handle, long run, List<String> nodes) {
        if (!nodes.isEmpty()) {
            handle.createUpdate("delete from job_node where job_key = :key and node = any(:nodes)").bind("key", run)
                    .bindArray("nodes", String.class, nodes).execute();
        }
    }

    /** Ends a run that goes on on all nodes but those that it still has. */
    static void release(Handle handle, long run, List<String> kept) {
        handle.createUpdate("""
                update job_node set ended = true where job_key = :key and not ended and node <> all(:kept)""")
                .bind("key", run).bindArray("kept", String.class, kept).execute();
    }

    /**
     * A run on one of its nodes. Its end is that of the node where the node itself has reported it, where there is no other
     * node, or where the scheduler or the sender of an event knows the final state; a run that is lost may turn up again.
     */
    static ObservedRun observed(Handle handle, long run, String node) {
        ObservedRun unknown = new ObservedRun(run, node, null, null, 0);
        return observed(handle, List.of(unknown)).stream().findFirst().orElse(unknown);
    }

    /** Some runs as they are now, without those that are gone. */
    static Set<ObservedRun> observed(Handle handle, Collection<ObservedRun> runs) {
        return handle.createQuery("""
                select job_key, node, job_node.cpus, case
                    when job.state in ('pending', 'running') or job.reason is not distinct from 'lost' then null
                    when job_node.ended or cardinality(job.nodes) <= 1 or job.final_state is not null
                        or job.scheduler_state not in ('pending', 'running') then job.end_time end as ended_at,
                    cast(cast(job.xmin as text) as bigint) as version
                from unnest(:runs, :nodes) as seen (job_key, node) join job using (job_key)
                left join job_node using (job_key, node)""")
                .bindArray("runs", Long.class, runs.stream().map(ObservedRun::run).toList())
                .bindArray("nodes", String.class, runs.stream().map(ObservedRun::node).toList())
                .map((row, _) -> new ObservedRun(row.getLong("job_key"), Columns.string(row, "node"),
                        row.getObject("cpus", Integer.class), Columns.time(row, "ended_at"), row.getLong("version")))
                .collect(Collectors.toUnmodifiableSet());
    }

    /** Marks the newest run of a job id, and no other. */
    static void markNewest(Handle handle, Identity identity) {
        handle.createUpdate("""
                update job set newest = not newest
                where job_id = :job_id and cluster = :cluster and newest <> (job_key = (
                    select job_key from job where job_id = :job_id and cluster = :cluster
                    order by listed_at desc, recorded_at desc, job_key desc limit 1))""")
                .bind("job_id", identity.jobId()).bind("cluster", identity.cluster()).execute();
    }

    /** Adds what the epilog read of a run. Counters only grow, so that a repeated or late reading does no harm. */
    static void addReading(Handle handle, long run, String node, EpilogReading reading) {
        handle.createUpdate("""
                insert into job_figures (job_key, node, cpu_usage_usec, memory_peak_bytes, oom_kills)
                values (:key, :node, :cpu, :memory, :oom)
                on conflict (job_key, node) do update set
                    cpu_usage_usec = greatest(job_figures.cpu_usage_usec, excluded.cpu_usage_usec),
                    memory_peak_bytes = greatest(job_figures.memory_peak_bytes, excluded.memory_peak_bytes),
                    oom_kills = greatest(job_figures.oom_kills, excluded.oom_kills)""").bind("key", run)
                .bind("node", node).bind("cpu", reading.cpuUsageUsec()).bind("memory", reading.memoryPeakBytes())
                .bind("oom", reading.oomKills()).execute();
    }
}
