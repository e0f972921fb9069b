package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.whole;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.sample.OomKillTable;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.OomCause;
import org.jspecify.annotations.Nullable;

/** Finds a run for those who read its row themselves. */
public final class RunLookup {
    private RunLookup() {
    }

    /**
     * The key of the newest run of a job id, or of the one asked for; empty if there is none that the caller may see.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    public static Optional<Long> key(Handle handle, Caller caller, String jobId, @Nullable String cluster,
            @Nullable Long run) {
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
