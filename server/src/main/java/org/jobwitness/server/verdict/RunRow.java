package org.jobwitness.server.verdict;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import org.jobwitness.server.verdict.RunEvidence.ReportedEnd;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;

/** A row of table {@code job}, as evidence. */
record RunRow(Run run, ReportedEnd end) {
    static final String COLUMNS = """
            job.job_key, job.job_id, job.cluster, job.user_name, job.partition, job.account, job.nodes, job.state, job.reason, job.confirmed,
            job.start_time, job.end_time, job.deadline, coalesce(job.cpus, job.requested_cpus) as run_cpus,
            coalesce(job.memory_mb, job.requested_memory_mb) as run_memory_mb,
            coalesce(job.gpus, job.requested_gpus) as run_gpus, job.raw_state, job.scheduler_state, job.final_state,
            job.exit_code, job.exit_signal, job.derived_exit_code, job.start_seen, job.requeued, job.superseded,
            job.oom_killed, job.scheduler ->> 'name' as name, job.scheduler ->> 'state_reason' as state_reason,
            job.scheduler ->> 'state_description' as state_description,
            (job.scheduler ->> 'batch')::boolean as batch,
            case when job.reason = 'node_failure' then (
                select record.scheduler ->> 'failed_node' from job record
                where record.job_id = job.job_id and record.cluster = job.cluster
                    and (record.job_key = job.job_key or record.restart_count = coalesce(job.restart_count, 0) + 1)
                    and record.scheduler ->> 'failed_node' = any(job.nodes) limit 1) end as failed_node,
            job.scheduler ->> 'cancelled_by' as cancelled_by, job.scheduler ->> 'array_job_id' as array_job_id,
            coalesce(job.requested_cpus, 0) as asked_cpus, coalesce(job.requested_memory_mb, 0) as asked_memory_mb,
            job.requested_gpus as asked_gpus, coalesce((job.scheduler ->> 'tasks')::integer, 0) as tasks,
            coalesce((job.scheduler ->> 'cpus_per_task')::integer, 0) as cpus_per_task,
            coalesce((job.scheduler ->> 'memory_per_cpu_mb')::bigint, 0) as memory_per_cpu_mb,
            coalesce((job.scheduler ->> 'memory_per_node_mb')::bigint, 0) as memory_per_node_mb,
            job.scheduler ->> 'memory_per_tres' is not null as memory_per_tres,
            job.scheduler ->> 'cpus_per_tres' is not null as cpus_per_tres,
            job.scheduler ->> 'tres_per_job' as tres_per_job, job.scheduler ->> 'tres_per_node' as tres_per_node,
            job.scheduler ->> 'tres_per_socket' as tres_per_socket, job.scheduler ->> 'tres_per_task' as tres_per_task,
            coalesce((job.scheduler ->> 'exclusive')::boolean, false) as exclusive,
            (job.scheduler ->> 'time_limit_minutes')::double precision * 60 as time_limit,
            (job.scheduler ->> 'suspended_seconds')::double precision as suspended,
            (job.scheduler ->> 'submit_time')::timestamptz as submit_time""";
    /** Whether an epilog reported the end, for {@link #of}: where Slurm reported it, too, a node says which. */
    static final String EPILOG_SEEN = """
            job.end_seen and (job.scheduler_state is null or exists (
                select from job_node where job_node.job_key = job.job_key and ended)) as epilog_seen""";

    static RunRow of(ResultSet row, boolean epilogSeen) throws SQLException {
        return new RunRow(run(row), end(row, epilogSeen));
    }

    private static Run run(ResultSet row) throws SQLException {
        Instant start = time(row, "start_time");
        Instant deadline = time(row, "deadline");
        double limit = number(row, "time_limit");
        return new Run(string(row, "job_id"), row.getLong("job_key"), string(row, "cluster"),
                row.getString("user_name"), row.getString("name"), strings(row, "nodes"), state(row),
                constant(Reason.class, row.getString("reason")), row.getObject("confirmed", Boolean.class),
                time(row, "submit_time"), start, time(row, "end_time"), deadline,
                Double.isNaN(limit) && start != null && deadline != null
                        ? Duration.between(start, deadline).toMillis() / 1e3
                        : limit,
                number(row, "suspended"), number(row, "run_cpus"), number(row, "run_memory_mb"),
                number(row, "run_gpus"), row.getString("array_job_id"), terms(row), row.getString("partition"),
                row.getString("account"));
    }

    private static RunEvidence.Terms terms(ResultSet row) throws SQLException {
        return new RunEvidence.Terms(row.getInt("asked_cpus"), row.getLong("asked_memory_mb"),
                number(row, "asked_gpus"),
                row.getInt("tasks"), row.getInt("cpus_per_task"),
                row.getLong("memory_per_cpu_mb"), row.getLong("memory_per_node_mb"),
                row.getBoolean("memory_per_tres"), row.getBoolean("cpus_per_tres"), row.getBoolean("exclusive"),
                GpuRequest.of(row.getString("tres_per_job"), row.getString("tres_per_node"),
                        row.getString("tres_per_socket"), row.getString("tres_per_task")));
    }

    private static ReportedEnd end(ResultSet row, boolean epilogSeen) throws SQLException {
        JobState bySlurm = constant(JobState.class, row.getString("scheduler_state"));
        return new ReportedEnd(row.getString("raw_state"), row.getString("state_reason"),
                row.getString("state_description"),
                bySlurm != null && bySlurm.isFinal() && !"lost".equals(row.getString("reason")),
                constant(JobState.class, row.getString("final_state")), row.getObject("exit_code", Integer.class),
                row.getObject("exit_signal", Integer.class), row.getObject("derived_exit_code", Integer.class),
                row.getString("failed_node"),
                row.getString("cancelled_by"), row.getBoolean("start_seen"), epilogSeen, row.getBoolean("requeued"),
                row.getBoolean("superseded"), row.getBoolean("oom_killed"), row.getObject("batch", Boolean.class));
    }

    static JobState state(ResultSet row) throws SQLException {
        return Objects.requireNonNull(constant(JobState.class, row.getString("state")));
    }

    /** NaN where it is not known. */
    static double number(ResultSet row, String column) throws SQLException {
        double value = row.getDouble(column);
        return row.wasNull() ? Double.NaN : value;
    }
}
