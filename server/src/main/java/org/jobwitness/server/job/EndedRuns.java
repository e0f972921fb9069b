package org.jobwitness.server.job;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;

/**
 * Which runs have ended, or changed since: entries are written in the transaction of the change, and taken in that of whoever
 * takes them into account, so that a kill between the two loses none and repeats none.
 */
public final class EndedRuns {
    /** Agents send every 15 s, and a last reading when the run's cgroup is gone. */
    private static final Duration LAST_READINGS = Duration.ofMinutes(2);

    private EndedRuns() {
    }

    /**
     * Adds an entry for a run that has ended, had ended before, or is deleted. After a report that comes late it is due at once, and
     * again when agents that were cut off, too, should have sent their queue.
     */
    static void add(Handle handle, Run run) {
        handle.createUpdate("""
                insert into ended_run (job_key, due_at)
                select :run, due_at from (
                    select now() + :ms * interval '1 millisecond' as later,
                        cast(:end as timestamptz) + :ms * interval '1 millisecond' as usual) due
                cross join lateral (values (case when usual <= now() then now() end),
                    (case when usual > now() then least(usual, later) else later end)) each (due_at)
                where due_at is not null""")
                .bind("run", run.key()).bind("end", run.end().at()).bind("ms", LAST_READINGS.toMillis()).execute();
    }

    /** Deletes the entries that are due, the oldest first, and returns their runs; what a later statement reads of these is as new. */
    public static List<Long> take(Handle handle, Instant now, int limit) {
        return handle.createQuery("""
                with taken as (
                    delete from ended_run where entry_id in (
                        select entry_id from ended_run where due_at <= :now order by due_at, entry_id limit :limit)
                    returning job_key)
                select distinct job_key from taken order by job_key""").bind("now", now).bind("limit", limit)
                .mapTo(Long.class).list();
    }
}
