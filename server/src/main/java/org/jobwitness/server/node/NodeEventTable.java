package org.jobwitness.server.node;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Database.streaming;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/** Owns what happened to nodes, by the scheduler's record: when one booted, and when and why it was taken out of service. */
public final class NodeEventTable {
    /** The most that are read of one run, the earliest of them. */
    public static final int MAX_OF_A_RUN = 100;

    private NodeEventTable() {
    }

    /** What happened to a node. */
    public enum Kind {
        BOOTED,
        /** The scheduler gives it no work because something is wrong with it. */
        DOWN,
        /** It gets no more work, because an administrator or a health check said so. */
        DRAINED
    }

    /**
     * An event.
     *
     * @param reason null if none was given
     */
    public record Event(String node, Instant at, Kind kind, @Nullable String reason) {
    }

    private record Row(String cluster, Event event) {
    }

    /** Of readings that have been reported over and over. Slurm computes when a node booted, to a second or so. */
    static void store(Handle handle, List<NodeReading> readings) {
        List<Row> rows = new ArrayList<>();
        for (NodeReading reading : readings) {
            Instant booted = reading.bootedAt();
            Instant since = reading.reasonAt();
            Kind kind = kind(reading.state());
            if (booted != null) {
                rows.add(new Row(reading.cluster(), new Event(reading.node(), booted, Kind.BOOTED, null)));
            }
            if (since != null && kind != null) {
                rows.add(new Row(reading.cluster(), new Event(reading.node(), since, kind, reading.stateReason())));
            }
        }
        if (!rows.isEmpty()) {
            handle.createUpdate("""
                    insert into node_event (cluster, node, at, kind, reason)
                    select cluster, node, reported_at, kind, reason
                    from unnest(:clusters, :nodes, :times, :kinds, :reasons) as incoming (cluster, node, us, kind, reason)
                    cross join lateral (select timestamptz 'epoch' + us * interval '1 microsecond' as reported_at) reported
                    where not exists (select from node_event known
                        where known.cluster = incoming.cluster and known.node = incoming.node
                            and known.kind = incoming.kind
                            and known.at between reported_at - interval '1 minute' and reported_at + interval '1 minute')
                    on conflict do nothing""")
                    .bindArray("clusters", String.class, each(rows, Row::cluster))
                    .bindArray("nodes", String.class, each(rows, row -> row.event().node()))
                    .bindArray("times", Long.class, each(rows, row -> micros(row.event().at())))
                    .bindArray("kinds", String.class,
                            each(rows, row -> row.event().kind().toString().toLowerCase(Locale.ROOT)))
                    .bindArray("reasons", String.class, each(rows, row -> row.event().reason())).execute();
        }
    }

    private static @Nullable Kind kind(NodeReading.@Nullable State state) {
        return switch (state) {
            case DOWN, FAIL, NOT_RESPONDING, INVALID_REG -> Kind.DOWN;
            case DRAINED, DRAINING -> Kind.DRAINED;
            case null, default -> null;
        };
    }

    /** Of some nodes in a time, the earliest first. */
    public static List<Event> of(Handle handle, String cluster, List<String> nodes, Instant from, Instant to) {
        return handle.createQuery("select * from node_event where cluster = :cluster and node = any(:nodes)"
                + " and at between :from and :to order by at, node, kind limit " + MAX_OF_A_RUN)
                .bind("cluster", cluster)
                .bindArray("nodes", String.class, nodes).bind("from", from).bind("to", to)
                .map((row, _) -> event(row)).list();
    }

    /** What happened to a node of a run. */
    public record OfRun(long run, Event event) {
    }

    /**
     * The same of the nodes of all newest runs that go on or ended since, from their start until some time after their end, in the
     * order of the runs' keys. To be called in a transaction.
     */
    public static Stream<OfRun> ofRunsSince(Handle handle, Instant since, Instant now, Duration noticedAfter) {
        return streaming(handle.createQuery("""
                select job_key, event.node, event.at, event.kind, event.reason
                from current_job(:since) job cross join lateral unnest(job.nodes) as held (node)
                join node_event event on event.cluster = job.cluster and event.node = held.node and event.at
                    between job.start_time and coalesce(job.end_time, :now) + :margin_ms * interval '1 millisecond'
                where job.state <> 'pending' order by job_key, event.at, event.node, event.kind""")
                .bind("since", since).bind("now", now).bind("margin_ms", noticedAfter.toMillis()))
                .map((row, _) -> new OfRun(row.getLong("job_key"), event(row))).stream();
    }

    private static Event event(ResultSet row) throws SQLException {
        return new Event(string(row, "node"), knownTime(row, "at"),
                Objects.requireNonNull(constant(Kind.class, row.getString("kind"))), row.getString("reason"));
    }

    /** Deletes those before a time. */
    public static int forget(Handle handle, Instant before) {
        return handle.createUpdate("delete from node_event where at < :before").bind("before", before).execute();
    }
}
