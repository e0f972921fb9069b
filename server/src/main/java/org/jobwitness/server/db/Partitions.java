package org.jobwitness.server.db;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jobwitness.server.db.Partition.Parent;

/**
 * Which partitions there should be, and which there are. They are created ahead, so that some days without it do no harm, and
 * dropped when all of their rows are older than the retention.
 */
public final class Partitions {
    private static final Duration SAMPLES_AHEAD = Duration.ofDays(14);
    private static final Duration AUDIT_AHEAD = Duration.ofDays(14 * 31);
    /** By how much the clocks of servers and database may differ. */
    public static final Duration MARGIN = Duration.ofHours(1);

    private final Duration sampleRetention;
    private final Duration auditRetention;
    private final Clock clock;

    public Partitions(Duration sampleRetention, Duration auditRetention, Clock clock) {
        this.sampleRetention = sampleRetention;
        this.auditRetention = auditRetention;
        this.clock = clock;
    }

    public Duration auditRetention() {
        return auditRetention;
    }

    public Duration sampleRetention() {
        return sampleRetention;
    }

    /** The most urgent first. */
    public List<Partition> missing(Handle handle) {
        Map<String, Partition> wanted = new LinkedHashMap<>();
        wanted().forEach(partition -> wanted.put(partition.name(), partition));
        Set<String> missing = handle.createQuery("""
                select name from unnest(:names) as name where to_regclass(name) is null""")
                .bindArray("names", String.class, List.copyOf(wanted.keySet())).mapTo(String.class).set();
        wanted.keySet().retainAll(missing);
        return List.copyOf(wanted.values());
    }

    private Stream<Partition> wanted() {
        Instant now = clock.instant();
        Instant lately = now.minus(MARGIN);
        return Stream.of(from(Parent.AUDIT, lately, now.plus(AUDIT_AHEAD)),
                from(Parent.CHUNK, lately, now.plus(SAMPLES_AHEAD)),
                from(Parent.CHUNK, lately.minus(sampleRetention), lately).reversed()).flatMap(List::stream);
    }

    private static List<Partition> from(Parent parent, Instant first, Instant last) {
        List<Partition> partitions = new ArrayList<>();
        for (Partition next = parent.at(first); !next.from().isAfter(last); next = next.next()) {
            partitions.add(next);
        }
        return partitions;
    }

    /**
     * Creates one, in the handle's transaction. Any number of servers may do so at once. Readers and writers of the table do
     * not wait for it.
     */
    public static boolean create(Handle handle, Partition partition) {
        handle.execute("select pg_advisory_xact_lock(hashtextextended('partitions', 0))");
        handle.createQuery("select " + partition.parent() + "_partition(:first)").bind("first", partition.first())
                .mapTo(String.class).findFirst();
        return true;
    }

    /** Those that are there, oldest first. */
    public static List<Partition> present(Handle handle, Parent parent) {
        return List.copyOf(named(handle, parent).keySet());
    }

    /** Those with nothing that must be kept, oldest first. */
    public List<Partition> expired(Handle handle, Parent parent) {
        Instant end = clock.instant().minus(MARGIN).minus(switch (parent) {
            case AUDIT -> auditRetention;
            case CHUNK -> sampleRetention;
        });
        return present(handle, parent).stream().filter(partition -> !partition.to().isAfter(end)).toList();
    }

    /**
     * Ours, oldest first, each with its name in SQL. A table that is anything but what {@link #create} makes is not
     * ours.
     */
    private static Map<Partition, String> named(Handle handle, Parent parent) {
        Map<Partition, String> present = new LinkedHashMap<>();
        handle.createQuery("""
                select child.relname, format('%I.%I', namespace.nspname, child.relname) as qualified,
                    cast(bounds[1] as timestamptz) as bound_from, cast(bounds[2] as timestamptz) as bound_to
                from pg_class parent
                join pg_namespace namespace on namespace.oid = parent.relnamespace
                join pg_inherits on inhparent = parent.oid and not inhdetachpending
                join pg_class child on child.oid = inhrelid and child.relkind = 'r'
                    and child.relnamespace = parent.relnamespace
                cross join lateral regexp_match(pg_get_expr(child.relpartbound, child.oid),
                    '^FOR VALUES FROM [(]''([^'']+)''[)] TO [(]''([^'']+)''[)]$') as bounds
                where parent.oid = to_regclass(:parent) and bounds is not null order by bound_from""")
                .bind("parent", parent.toString()).reduceRows(present, (found, row) -> {
                    Partition.of(parent, row.getColumn("relname", String.class),
                            row.getColumn("bound_from", OffsetDateTime.class).toInstant(),
                            row.getColumn("bound_to", OffsetDateTime.class).toInstant())
                            .ifPresent(partition -> found.put(partition, row.getColumn("qualified", String.class)));
                    return found;
                });
        return present;
    }

    /**
     * Drops one, in the handle's transaction. While a DROP waits for a slow reader, all other readers and writers wait for the
     * DROP; so it waits no longer than they may.
     *
     * @return whether it was dropped; false if it can be tried again
     */
    public boolean drop(Handle handle, Partition partition) {
        String name = named(handle, partition.parent()).get(partition);
        if (name == null) {
            return true;
        }
        handle.execute("set local lock_timeout = '200ms'");
        handle.savepoint("before_drop");
        try {
            handle.execute("drop table " + name);
            return true;
        } catch (JdbiException e) {
            if (!Database.isLockTimeout(e)) {
                throw e;
            }
            handle.rollbackToSavepoint("before_drop");
            return false;
        }
    }
}
