package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.whole;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.sample.OomKillTable;
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
            return switch (form) {
                case AskedId.OfJob job -> find("job_id = :id", Map.of("id", job.id()));
                case AskedId.OfTask task -> find("scheduler ->> 'array_job_id' = :array"
                        + " and scheduler ->> 'array_task_id' = :task",
                        Map.of("array", task.array(), "task", task.task()));
                case AskedId.OfPart part -> find("job_id = :id and het_job_id = :leader",
                        Map.of("id", part.id(), "leader", part.leader()));
                case AskedId.OfArray array ->
                    find("scheduler ->> 'array_job_id' = :array", Map.of("array", array.array()));
            };
        }

        private Optional<String> find(String condition, Map<String, String> values) {
            return JobQueries.bindScope(handle.createQuery("select job_id from job where " + condition
                    + " and cluster = coalesce(:cluster, cluster) and " + JobQueries.visibleTo(scope)
                    + " order by listed_at desc, recorded_at desc, job_key desc limit 1").bindMap(values)
                    .bind("cluster", cluster), scope).mapTo(String.class).findFirst();
        }
    }

    /**
     * The array as a whole, if that is what an id names.
     *
     * @param run the run that was found by the id
     */
    static Optional<JobArray> array(Handle handle, Scope scope, String asked, long run) {
        return JobQueries.bindScope(handle.createQuery("""
                select count(*) as tasks,
                    count(*) filter (where state = 'pending') as pending,
                    count(*) filter (where state = 'running') as running,
                    count(*) filter (where state = 'completed') as completed,
                    count(*) filter (where state = 'failed') as failed,
                    count(*) filter (where state = 'cancelled') as cancelled,
                    (array_agg(scheduler ->> 'array_task_id' order by listed_at desc, job_key desc))[1] as newest
                from job where scheduler ->> 'array_job_id' = :array and scheduler ->> 'array_task_id' is not null
                    and cluster = (select cluster from job where job_key = :run) and newest and %s"""
                .formatted(JobQueries.visibleTo(scope))).bind("array", AskedId.withoutZeros(asked)).bind("run", run),
                scope)
                .map((row, _) -> array(row, AskedId.withoutZeros(asked))).findOne().filter(array -> array.tasks() > 0);
    }

    private static JobArray array(ResultSet row, String id) throws SQLException {
        return new JobArray(id, row.getLong("tasks"), row.getLong("pending"), row.getLong("running"),
                row.getLong("completed"), row.getLong("failed"), row.getLong("cancelled"),
                id + "_" + row.getString("newest"));
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
        return JobQueries.bindScope(handle.createQuery("""
                select job_key from job
                where job_id = :job_id and cluster = coalesce(:cluster, cluster)
                    and job_key = coalesce(:run, job_key) and %s
                order by listed_at desc, recorded_at desc, job_key desc limit 1"""
                .formatted(JobQueries.visibleTo(caller.scope()))).bind("job_id", jobId).bind("cluster", cluster)
                .bind("run", run), caller.scope()).mapTo(Long.class).findFirst();
    }

    /** OOM kills of a run whose moment was seen, the earliest first. */
    public static List<JobOomKill> oomKills(Handle handle, long run) {
        return handle.createQuery("""
                select * from oom_kill where job_key = :run order by at, node, step, cause limit :max""")
                .bind("run", run).bind("max", OomKillTable.MAX_OF_A_RUN).map((row, _) -> oomKill(row)).list();
    }

    private static JobOomKill oomKill(ResultSet row) throws SQLException {
        String step = string(row, "step");
        return new JobOomKill(knownTime(row, "at"), string(row, "node"), step.isEmpty() ? null : step,
                row.getInt("killed"), whole(row, "limit_bytes"),
                Objects.requireNonNull(constant(OomCause.class, row.getString("cause"))));
    }
}
