package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.micros;

import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jobwitness.wire.OomKill;

/** Owns the OOM kills of runs: {@code oom_kill}. */
public final class OomKillTable {
    /** How many per run are kept and shown. */
    public static final int MAX_OF_A_RUN = 100;

    private record OfRun(long run, String node, OomKill kill) {
    }

    private OomKillTable() {
    }

    /**
     * Adds the OOM kills of samples; duplicates count once. A program that is restarted after each kill could cause them
     * without end: of a run that has the maximum of earlier ones, no more are kept.
     */
    static void add(Handle handle, List<Sample> samples) {
        List<OfRun> all = samples.stream().flatMap(sample -> sample.oomKills().stream()
                .map(kill -> new OfRun(sample.run(), sample.node(), kill))).toList();
        if (all.isEmpty()) {
            return;
        }
        handle.createUpdate("""
                insert into oom_kill (job_key, at, node, step, cause, killed, limit_bytes)
                select job_key, at, node, step, cause, killed, limit_bytes
                from (
                    select job_key, timestamptz 'epoch' + micros * interval '1 microsecond' as at, node, step, cause,
                        killed, limit_bytes
                    from unnest(:job_key, :micros, :node, :step, :cause, :killed, :limit_bytes)
                        as incoming (job_key, micros, node, step, cause, killed, limit_bytes)) incoming
                where not exists (
                    select from oom_kill stored where stored.job_key = incoming.job_key and stored.at < incoming.at
                    order by stored.at offset :max - 1)
                on conflict do nothing""")
                .bindArray("job_key", Long.class, each(all, OfRun::run))
                .bindArray("micros", Long.class, each(all, of -> micros(of.kill().timestamp())))
                .bindArray("node", String.class, each(all, OfRun::node))
                .bindArray("step", String.class, each(all, of -> of.kill().step() == null ? "" : of.kill().step()))
                .bindArray("cause", String.class, each(all, of -> of.kill().cause().toString()))
                .bindArray("killed", Integer.class, each(all, of -> of.kill().killed()))
                .bindArray("limit_bytes", Long.class, each(all, of -> of.kill().limitBytes()))
                .bind("max", MAX_OF_A_RUN).execute();
    }
}
