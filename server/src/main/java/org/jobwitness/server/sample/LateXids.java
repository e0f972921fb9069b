package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.micros;

import java.time.Instant;
import java.util.List;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;
import org.jspecify.annotations.Nullable;

/**
 * Errors that the driver of a GPU reported between two readings. A run that had the GPU at the first of them and not at the second
 * may have met them: often they are what ended it. So may one that began and ended between the two.
 *
 * @param minor the GPU's minor number, by which Slurm may name it; null if it is not known
 * @param from somewhat before the first reading
 * @param to the second reading
 */
public record LateXids(String cluster, String node, String gpu, @Nullable Integer minor, List<Integer> xids,
        Instant from,
        Instant to) {
    private static final String RECENT = """
            with recent as (
                select job_key, start_time, end_time from job
                where cluster = :cluster and coalesce(end_time, 'infinity'::timestamptz) >= %1$s
                    and (start_time is null or start_time < %2$s)
            )
            """.formatted(time("from_micros"), time("to_micros"));
    private static final String ADD = RECENT + """
            update job_gpu_figures stored set possible_xids = array(
                select distinct unnest(stored.possible_xids || cast(:xids as integer[])) order by 1)
            from recent where stored.job_key = recent.job_key and stored.node = :node and stored.gpu = :gpu
                and last_sample_at >= %1$s and last_sample_at < %2$s""".formatted(time("from_micros"),
            time("to_micros"));
    private static final String ADD_UNREAD = RECENT + """
            insert into job_gpu_figures (job_key, node, gpu, sample_count, last_sample_at, utilization_sum,
                utilization_count, hold, held_from, possible_xids)
            select job_key, node, cast(:gpu as text), 0, end_time, 0, 0, 'unsure', start_time, cast(:xids as integer[])
            from recent join job_node using (job_key)
            where node = :node and gpu_devices && array[cast(:gpu as text), cast(:minor as text)] and start_time >= %1$s
                and end_time < %2$s
            on conflict do nothing""".formatted(time("from_micros"), time("to_micros"));

    public LateXids {
        xids = List.copyOf(xids);
    }

    private static String time(String micros) {
        return "(timestamptz 'epoch' + :" + micros + " * interval '1 microsecond')";
    }

    /** After the samples of the second reading. */
    void add(Handle handle) {
        bind(handle.createUpdate(ADD)).execute();
        bind(handle.createUpdate(ADD_UNREAD)).bind("minor", minor == null ? null : minor.toString()).execute();
    }

    private Update bind(Update update) {
        return update.bind("cluster", cluster).bind("node", node).bind("gpu", gpu)
                .bindArray("xids", Integer.class, xids).bind("from_micros", micros(from))
                .bind("to_micros", micros(to));
    }
}
