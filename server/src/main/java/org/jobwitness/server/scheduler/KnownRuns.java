package org.jobwitness.server.scheduler;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.time;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jobwitness.server.db.Database;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;

/** Reads what is known of many runs at once, to compare it with Slurm's record. */
final class KnownRuns {
    private static final String SELECT = """
            select job_id, scheduler_start, state, raw_state, scheduler_state, scheduler_reason, deadline,
                greatest(recorded_at, start_time, (
                    select max(last_sample_at) from job_figures where job_figures.job_key = job.job_key)) as last_report_at
            from job
            """;

    private final Database database;

    KnownRuns(Database database) {
        this.database = database;
    }

    /** Those that are pending or running. */
    List<KnownRun> open(String cluster) {
        return database.read("scheduler_known", handle -> handle
                .createQuery(SELECT + "where cluster = :cluster and state in ('pending', 'running')")
                .bind("cluster", cluster).map((row, _) -> run(row)).list());
    }

    /** The newest run of each job id. */
    List<KnownRun> newest(String cluster, Collection<String> jobIds) {
        return database.read("scheduler_known", handle -> handle
                .createQuery(SELECT + "where cluster = :cluster and newest and job_id = any(:ids)")
                .bind("cluster", cluster).bindArray("ids", String.class, jobIds).map((row, _) -> run(row)).list());
    }

    /** All runs of the job ids. */
    List<KnownRun> all(String cluster, Collection<String> jobIds) {
        return database.read("scheduler_known", handle -> handle
                .createQuery(SELECT + "where cluster = :cluster and job_id = any(:ids)")
                .bind("cluster", cluster).bindArray("ids", String.class, jobIds).map((row, _) -> run(row)).list());
    }

    /**
     * The jobs of which a run ended in a time without a final state in Slurm's record, or was cancelled without the name of a user;
     * the newest first.
     */
    List<String> unaccounted(String cluster, Instant from, Instant to, int max) {
        return database.read("scheduler_known", handle -> handle.createQuery("""
                select job_id from job
                where cluster = :cluster and state not in ('pending', 'running')
                    and coalesce(end_time, 'infinity'::timestamptz) >= :from
                    and coalesce(end_time, recorded_at) between :from and :to
                    and (coalesce(scheduler_state, 'running') in ('pending', 'running')
                        or scheduler_reason in ('lost', 'cancelled'))
                order by coalesce(end_time, recorded_at) desc limit :max""").bind("cluster", cluster)
                .bind("from", from).bind("to", to).bind("max", max).mapTo(String.class).list());
    }

    /** The nodes whose GPUs of the job's newest run are known. */
    Set<String> nodesWithKnownGpus(String cluster, String jobId) {
        return database.read("scheduler_known", handle -> new HashSet<>(handle.createQuery("""
                select node from job join job_node using (job_key)
                where cluster = :cluster and job_id = :job_id and newest and job_node.gpus is not null""")
                .bind("cluster", cluster).bind("job_id", jobId).mapTo(String.class).list()));
    }

    private static KnownRun run(ResultSet row) throws SQLException {
        JobState bySlurm = constant(JobState.class, row.getString("scheduler_state"));
        Reason reason = constant(Reason.class, row.getString("scheduler_reason"));
        return new KnownRun(string(row, "job_id"), time(row, "scheduler_start"),
                Objects.requireNonNull(constant(JobState.class, string(row, "state"))), row.getString("raw_state"),
                bySlurm != null && bySlurm.isFinal() && reason != Reason.LOST, reason,
                knownTime(row, "last_report_at"), time(row, "deadline"));
    }
}
