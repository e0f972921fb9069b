package org.jobwitness.server.job;

import static org.jobwitness.server.db.Columns.string;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.json.Json;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Deletes runs with their figures: of one job id on request, and old ones by retention. Their audit trail stays. */
public final class JobDeletion {
    private static final Logger log = LoggerFactory.getLogger(JobDeletion.class);
    /** The end may be unknown; and with a wrong clock a new run may seem old. */
    private static final String OLD = "%1$s.state not in ('pending', 'running') and %1$s.recorded_at < :before"
            + " and coalesce(%1$s.end_time, %1$s.listed_at) < :before";
    /** Runs of a job id explain each other: they are deleted from the oldest on, and the newest last. */
    private static final String DELETABLE = OLD.formatted("job") + " and not exists (select from job earlier"
            + " where earlier.job_id = job.job_id and earlier.cluster = job.cluster"
            + " and earlier.listed_at <= job.listed_at and not (" + OLD.formatted("earlier") + "))";
    private static final String DELETE = """
            with deleted as (delete from job where %s returning cluster),
            counted as (
                insert into job_deleted (cluster, runs, ended_before)
                select cluster, count(*), cast(:before as timestamptz) from deleted group by cluster
                on conflict (cluster) do update set runs = job_deleted.runs + excluded.runs,
                    ended_before = greatest(job_deleted.ended_before, excluded.ended_before))
            select count(*) from deleted""";

    private final JobTable jobs;
    private final Database database;
    private final RunTable runs;
    private final AuditTable audit;

    public JobDeletion(JobTable jobs, Database database, Json json) {
        this.jobs = jobs;
        this.database = database;
        this.runs = new RunTable(json);
        this.audit = new AuditTable(json);
    }

    /**
     * Deletes all runs of a job id. Their last states stay in the audit trail.
     *
     * @return how many runs there were
     */
    public int delete(Caller caller, String cluster, String jobId) {
        Identity identity = Identity.ofJob(cluster, jobId);
        List<Run> deleted = jobs.inTransaction("job_delete", identity, handle -> {
            List<Run> found = runs.runsOf(handle, identity, null);
            for (Run run : found) {
                audit.add(handle, caller, AuditTable.Action.DELETED, run, null, run.audited(), Map.of());
                EndedRuns.add(handle, run);
            }
            handle.createQuery(DELETE.formatted("job_key = any(:keys)")).bind("before", (Instant) null)
                    .bindArray("keys", Long.class, found.stream().map(Run::key).toList()).mapTo(Long.class).one();
            return found;
        });
        deleted.forEach(run -> jobs.notifyListeners(new JobChange(run, null)));
        if (!deleted.isEmpty()) {
            log.info("job_deleted job_id={} cluster=\"{}\" runs={} correlation_id={}", jobId, cluster, deleted.size(),
                    caller.correlationId());
        }
        return deleted.size();
    }

    /**
     * Deletes some of the runs that ended before a moment. To be called until it returns 0; job ids that are being written
     * are left for a later call.
     *
     * @param limit about this many nodes of runs at most, so that the transaction is short; but at least one run
     * @return how many runs
     */
    public long deleteEndedBefore(Instant before, int limit) {
        return database.write("job_delete", handle -> {
            List<Identity> jobIds = lockDeletable(handle, before, limit);
            // The condition again: before it was locked, a job id may have changed.
            return handle
                    .createQuery(DELETE.formatted(
                            "(cluster, job_id) in (select * from unnest(:clusters, :job_ids)) and " + DELETABLE))
                    .bindArray("clusters", String.class, jobIds.stream().map(Identity::cluster).toList())
                    .bindArray("job_ids", String.class, jobIds.stream().map(Identity::jobId).toList())
                    .bind("before", before).mapTo(Long.class).one();
        });
    }

    private static List<Identity> lockDeletable(Handle handle, Instant before, int limit) {
        return handle.createQuery("""
                with old as (
                    (select cluster, job_id, job_key, greatest(cardinality(nodes), 1) as nodes from job
                    where coalesce(end_time, 'infinity'::timestamptz) < :before and %1$s
                    order by coalesce(end_time, 'infinity'::timestamptz), job_key limit :limit)
                    union all
                    (select cluster, job_id, job_key, greatest(cardinality(nodes), 1) from job
                    where end_time is null and listed_at < :before and %1$s
                    order by listed_at limit :limit)),
                counted as (
                    select cluster, job_id, nodes, sum(nodes) over (order by job_key) as so_far from old),
                chosen as materialized (
                    select distinct cluster, job_id from counted where so_far <= :limit or so_far = nodes)
                select cluster, job_id from chosen
                where pg_try_advisory_xact_lock(hashtextextended(cluster || '/' || job_id, 0))""".formatted(DELETABLE))
                .bind("before", before).bind("limit", limit)
                .map((row, _) -> Identity.ofJob(string(row, "cluster"), string(row, "job_id"))).list();
    }
}
