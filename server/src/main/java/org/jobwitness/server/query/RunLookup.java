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
import org.jdbi.v3.core.statement.Query;
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

    private static Optional<JobArray> array(Handle handle, Scope scope, String asked, long run) {
        return summary(handle, scope, "scheduler ->> 'array_job_id'", "scheduler ->> 'array_task_id' is not null",
                asked,
                run).map(
                        (row, _) -> new JobArray(AskedId.withoutZeros(asked), row.getLong("jobs"),
                                row.getLong("pending"), row.getLong("running"), row.getLong("completed"),
                                row.getLong("failed"), row.getLong("cancelled"),
                                AskedId.withoutZeros(asked) + "_" + row.getString("newest_task")))
                .findOne().filter(array -> array.tasks() > 0);
    }

    private static Optional<HetJob> hetJob(Handle handle, Scope scope, String asked, long run) {
        return summary(handle, scope, "het_job_id", "true", asked, run).map((row, _) -> new HetJob(
                AskedId.withoutZeros(asked), row.getLong("jobs"), row.getLong("pending"), row.getLong("running"),
                row.getLong("completed"), row.getLong("failed"), row.getLong("cancelled")))
                .findOne().filter(job -> job.components() > 0);
    }

    /** @param id what all jobs of the whole have in common */
    private static Query summary(Handle handle, Scope scope, String id, String condition, String asked, long run) {
        Condition visible = Visibility.of(scope);
        return handle.createQuery("""
                select count(*) as jobs,
                    count(*) filter (where state = 'pending') as pending,
                    count(*) filter (where state = 'running') as running,
                    count(*) filter (where state = 'completed') as completed,
                    count(*) filter (where state = 'failed') as failed,
                    count(*) filter (where state = 'cancelled') as cancelled,
                    (array_agg(scheduler ->> 'array_task_id' order by listed_at desc, job_key desc))[1] as newest_task
                from job where %1$s = :whole and %2$s and newest
                    and cluster = (select cluster from job where job_key = :run and %1$s = :whole) and %3$s"""
                .formatted(id, condition, visible.sql())).bindMap(visible.values())
                .bind("whole", AskedId.withoutZeros(asked)).bind("run", run);
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
