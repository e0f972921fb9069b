package org.jobwitness.server.verdict;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.verdict.RunRow.number;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict.OtherRun;

/** Reads what a verdict needs of other runs of the same user that its reader may see. */
final class OtherRuns {
    private static final Duration DAY = Duration.ofDays(1);
    /** These are enough of a larger array. */
    private static final int MAX_TASKS = 2000;
    /** A user who submits more than this in a day is known to submit many. */
    private static final int MAX_JOBS_OF_A_DAY = 2000;
    /** A job that is requeued more often has another problem than these can show. */
    private static final int MAX_RUNS = 20;

    private OtherRuns() {
    }

    /** The newest runs of the other tasks of a run's job array that have ended. */
    static List<Task> ofArray(Handle handle, Condition visible, Run run) {
        if (run.arrayJobId() == null || run.user() == null) {
            return List.of();
        }
        return handle.createQuery("""
                select state, reason, confirmed, cardinality(nodes) as nodes, oom_killed,
                    extract(epoch from end_time - start_time)::double precision as seconds,
                    suspended_seconds as suspended, (scheduler ->> 'time_limit_minutes')::double precision * 60 as time_limit,
                    coalesce(memory_mb, requested_memory_mb) * 1048576.0 / greatest(cardinality(nodes), 1) as memory,
                    max_node_memory as memory_peak, max_node_memory_limit as memory_limit,
                    max_node_memory_needed as needed, max_node_memory_share as peak_share,
                    max_node_needed_share as needed_share, max_node_cpus as cpus, max_node_cpus_used as cpus_used,
                    min_node_samples as samples, covered_ms / 1000.0 as covered
                from job join job_use using (job_key)
                where scheduler ->> 'array_job_id' = :array and cluster = :cluster and user_name = :user and newest
                    and state in ('completed', 'failed', 'cancelled') and job_key <> :run and %s
                order by listed_at desc limit :max""".formatted(visible.sql())).bindMap(visible.values())
                .bind("array", run.arrayJobId()).bind("cluster", run.cluster()).bind("user", run.user())
                .bind("run", run.key()).bind("max", MAX_TASKS)
                .map((row, _) -> task(row, run.terms().memoryPerCpuMb() > 0)).list();
    }

    /** @param isPerCpu whether memory was asked for by CPU: then a node with few CPUs may be full beside one with much memory */
    private static Task task(ResultSet row, boolean isPerCpu) throws SQLException {
        Reason reason = constant(Reason.class, row.getString("reason"));
        double limit = number(row, "memory_limit");
        double ofPeak = isPerCpu ? number(row, "peak_share") * limit : Double.NaN;
        double ofNeeded = isPerCpu ? number(row, "needed_share") * limit : Double.NaN;
        return new Task(RunRow.state(row), reason, row.getBoolean("confirmed"), row.getInt("nodes"),
                Math.max(0, number(row, "seconds") - row.getDouble("suspended")),
                number(row, "time_limit"), known(ofPeak, number(row, "memory_peak")),
                known(limit, number(row, "memory")),
                known(ofNeeded, number(row, "needed")), number(row, "cpus"),
                number(row, "cpus_used"), row.getLong("samples"),
                number(row, "covered") / (number(row, "seconds") * Math.max(1, row.getInt("nodes"))),
                row.getBoolean("oom_killed") || reason == Reason.OUT_OF_MEMORY);
    }

    private static double known(double value, double otherwise) {
        return Double.isNaN(value) ? otherwise : value;
    }

    /** The other runs of the same job, the newest first. An id that Slurm used again for another user is another job. */
    static List<OtherRun> ofJob(Handle handle, Condition visible, Run run) {
        return handle.createQuery("""
                select job_key, state, reason, start_time, end_time, (listed_at, recorded_at, job_key)
                    > (select listed_at, recorded_at, job_key from job where job_key = :run) as later
                from job where job_id = :job_id and cluster = :cluster and job_key <> :run
                    and user_name is not distinct from :user and %s
                order by listed_at desc, recorded_at desc, job_key desc limit :max""".formatted(visible.sql()))
                .bindMap(visible.values())
                .bind("run", run.key()).bind("job_id", run.id()).bind("cluster", run.cluster())
                .bind("user", run.user()).bind("max", MAX_RUNS)
                .map((row, _) -> new OtherRun(row.getLong("job_key"), row.getBoolean("later"), RunRow.state(row),
                        constant(Reason.class, row.getString("reason")), time(row, "start_time"),
                        time(row, "end_time")))
                .list();
    }

    /** Counted only where it matters, and among the newest only: what comes after many is many. */
    static int shortJobs(Handle handle, Condition visible, Run run, Instant now) {
        if (run.user() == null || run.name() == null || run.start() == null || !run.hasEnded()
                || run.seconds(now) >= Thresholds.SHORT.toSeconds()) {
            return 0;
        }
        return handle.createQuery("""
                select count(*) from (
                    select scheduler ->> 'name' as name, cluster, end_time - start_time as took
                    from job where user_name = :user and listed_at between :from and :to and %s
                    order by listed_at desc limit :max) of_day
                where name = :name and cluster = :cluster and took < :short * interval '1 second'"""
                .formatted(visible.sql())).bindMap(visible.values())
                .bind("user", run.user()).bind("name", run.name()).bind("cluster", run.cluster())
                .bind("from", run.start().minus(DAY)).bind("to", run.start()).bind("max", MAX_JOBS_OF_A_DAY)
                .bind("short", Thresholds.SHORT.toSeconds()).mapTo(Integer.class).one();
    }
}
