package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.time;

import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.job.Identity;

/** Finds running jobs of a node of which no agent reads anything any more, and which Slurm is not asked about. */
public final class SilentRuns {
    private SilentRuns() {
    }

    /** A run, and when it was last read on any of its nodes. */
    public record Silent(Identity identity, Instant lastReadAt) {
    }

    /** Those that have been read on the node, but not since. A job that was never read may be one that the agent cannot read. */
    public static List<Silent> of(Handle handle, String cluster, String node, Instant since) {
        return handle.createQuery("""
                select job.job_id, job.sluid, job.scheduler_start, job_read.last_at
                from job_node join job on job.job_key = job_node.job_key
                join lateral (select max(last_sample_at) as last_at, bool_or(node = :node) as is_read_here
                    from job_figures where job_figures.job_key = job.job_key and last_sample_at is not null) job_read
                    on job_read.is_read_here and job_read.last_at < :since
                where job_node.node = :node and job.cluster = :cluster and job.state = 'running'
                    and job.scheduler_state is null""")
                .bind("node", node).bind("cluster", cluster).bind("since", since)
                .map((row, _) -> new Silent(new Identity(cluster, string(row, "job_id"), row.getString("sluid"),
                        time(row, "scheduler_start")), knownTime(row, "last_at")))
                .list();
    }
}
