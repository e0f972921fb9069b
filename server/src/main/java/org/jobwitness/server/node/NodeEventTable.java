package org.jobwitness.server.node;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/** Owns what happened to nodes, by the scheduler's record: when one booted, and when and why it was taken out of service. */
public final class NodeEventTable {
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
        return handle.createQuery("""
                select * from node_event where cluster = :cluster and node = any(:nodes) and at between :from and :to
                order by at, node, kind limit 100""").bind("cluster", cluster)
                .bindArray("nodes", String.class, nodes).bind("from", from).bind("to", to)
                .map((row, _) -> new Event(string(row, "node"), knownTime(row, "at"),
                        Objects.requireNonNull(constant(Kind.class, row.getString("kind"))),
                        row.getString("reason")))
                .list();
    }

    /** Deletes those before a time. */
    public static int forget(Handle handle, Instant before) {
        return handle.createUpdate("delete from node_event where at < :before").bind("before", before).execute();
    }
}
