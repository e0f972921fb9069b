package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.whole;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.sample.OomKillTable;
import org.jobwitness.wire.HetJob;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.OomCause;
import org.jspecify.annotations.Nullable;

/** Finds a run for those who read its row themselves. */
public final class RunLookup {
    private RunLookup() {
    }

    /**
     * The id under which a job is recorded that is asked for by any of the forms of {@link AskedId}; what was asked for, if
     * there is none that the caller may see.
     *
     * @param cluster null for any
     */
    static String recordedId(Handle handle, Scope scope, String asked, @Nullable String cluster) {
        Lookup lookup = new Lookup(handle, scope, cluster);
        return AskedId.forms(asked).stream().flatMap(form -> lookup.find(form).stream()).findFirst().orElse(asked);
    }

    /** Finds a recorded job by one form of an id: of several, the one with the newest run. */
    private record Lookup(Handle handle, Scope scope, @Nullable String cluster) {
        Optional<String> find(AskedId form) {
            Condition condition = form.condition("asked_");
            Condition visible = Visibility.of(scope);
            return handle.createQuery("select job_id from job where (" + condition.sql()
                    + ") and cluster = coalesce(:cluster, cluster) and " + visible.sql()
                    + " order by listed_at desc, recorded_at desc, job_key desc limit 1").bindMap(condition.values())
                    .bindMap(visible.values()).bind("cluster", cluster).mapTo(String.class).findFirst();
        }
    }

    /**
     * The job array or the heterogeneous job as a whole, if that is what an id names.
     *
     * @param run the run that was found by the id
     */
    static JobRows.Whole partOf(Handle handle, Scope scope, String asked, long run) {
        return new JobRows.Whole(array(handle, scope, asked, run).orElse(null),
                hetJob(handle, scope, asked, run).orElse(null));
    }

    /** A job for several tasks counts for those of its list that have none of their own: the list may be some minutes old. */
    private static Optional<JobArray> array(Handle handle, Scope scope, String asked, long run) {
        String id = AskedId.withoutZeros(asked);
        Condition visible = Visibility.of(scope);
        return handle.createQuery("""
                with part as (
                    select state, scheduler ->> 'array_task_id' as task, listed_at, job_key,
                        case when scheduler ->> 'array_task_id' is null and start_time is null
                            then scheduler ->> 'array_tasks' end as list,
                        (scheduler ->> 'array_task_count')::bigint as count
                    from job where scheduler ->> 'array_job_id' = :array and newest and %s
                        and cluster = (select cluster from job
                            where job_key = :run and scheduler ->> 'array_job_id' = :array)
                ), counted as (
                    select part.*, case when task is not null then 1 when list is not null then greatest(1, count - (
                        select count(*) from part own where array_has_task(part.list, own.task::bigint))) else 0 end as tasks
                    from part)
                select sum(tasks) as tasks,
                    sum(tasks) filter (where state = 'pending') as pending,
                    sum(tasks) filter (where state = 'running') as running,
                    sum(tasks) filter (where state = 'completed') as completed,
                    sum(tasks) filter (where state = 'failed') as failed,
                    sum(tasks) filter (where state = 'cancelled') as cancelled,
                    (array_agg(task order by listed_at desc, job_key desc) filter (where task is not null))[1] as newest_task,
                    coalesce(bool_or(list like '%%...%%'), false) as is_cut
                from counted""".formatted(visible.sql())).bindMap(visible.values()).bind("array", id).bind("run", run)
                .map((row, _) -> new JobArray(id, row.getLong("tasks"), row.getLong("pending"),
                        row.getLong("running"), row.getLong("completed"), row.getLong("failed"),
                        row.getLong("cancelled"),
                        row.getString("newest_task") == null ? null : id + "_" + row.getString("newest_task"),
                        row.getBoolean("is_cut") ? "Slurm cut off its list of the tasks that wait together" : null))
                .findOne().filter(array -> array.tasks() > 0);
    }

    private static Optional<HetJob> hetJob(Handle handle, Scope scope, String asked, long run) {
        String leader = AskedId.withoutZeros(asked);
        Condition visible = Visibility.of(scope);
        return handle.createQuery("""
                select count(*) as jobs,
                    count(*) filter (where state = 'pending') as pending,
                    count(*) filter (where state = 'running') as running,
                    count(*) filter (where state = 'completed') as completed,
                    count(*) filter (where state = 'failed') as failed,
                    count(*) filter (where state = 'cancelled') as cancelled
                from job where het_job_id = :leader and newest and %s
                    and cluster = (select cluster from job where job_key = :run and het_job_id = :leader)"""
                .formatted(visible.sql())).bindMap(visible.values()).bind("leader", leader).bind("run", run)
                .map((row, _) -> new HetJob(leader, row.getLong("jobs"), row.getLong("pending"),
                        row.getLong("running"), row.getLong("completed"), row.getLong("failed"),
                        row.getLong("cancelled")))
                .findOne().filter(job -> job.components() > 0);
    }

    /**
     * The key of the newest run of a job id in any of its forms, or of the one asked for; empty if there is none that the caller may see.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    public static Optional<Long> key(Handle handle, Caller caller, String asked, @Nullable String cluster,
            @Nullable Long run) {
        String jobId = recordedId(handle, caller.scope(), asked, cluster);
        Condition visible = Visibility.of(caller.scope());
        return handle.createQuery("""
                select job_key from job
                where job_id = :job_id and cluster = coalesce(:cluster, cluster)
                    and job_key = coalesce(:run, job_key) and %s
                order by listed_at desc, recorded_at desc, job_key desc limit 1"""
                .formatted(visible.sql())).bindMap(visible.values()).bind("job_id", jobId).bind("cluster", cluster)
                .bind("run", run).mapTo(Long.class).findFirst();
    }

    /** OOM kills of a run whose moment was seen, the earliest first. */
    public static List<JobOomKill> oomKills(Handle handle, long run) {
        return oomKills(handle, List.of(run)).getOrDefault(run, List.of());
    }

    /** The same of several runs; without those that have none. */
    static Map<Long, List<JobOomKill>> oomKills(Handle handle, List<Long> runs) {
        Map<Long, List<JobOomKill>> ofRuns = new HashMap<>();
        handle.createQuery("""
                select oom_kill.* from unnest(:keys) as run (job_key) cross join lateral (
                    select * from oom_kill where oom_kill.job_key = run.job_key
                    order by at, node, step, cause limit :max) oom_kill
                order by job_key, at, node, step, cause""").bindArray("keys", Long.class, runs)
                .bind("max", OomKillTable.MAX_OF_A_RUN)
                .map((row, _) -> ofRuns.computeIfAbsent(row.getLong("job_key"), _ -> new ArrayList<>())
                        .add(oomKill(row)))
                .list();
        return ofRuns;
    }

    private static JobOomKill oomKill(ResultSet row) throws SQLException {
        String step = string(row, "step");
        return new JobOomKill(knownTime(row, "at"), string(row, "node"), step.isEmpty() ? null : step,
                row.getInt("killed"), whole(row, "limit_bytes"),
                Objects.requireNonNull(constant(OomCause.class, row.getString("cause"))));
    }
}
