package org.jobwitness.server.batch;

import static org.jobwitness.server.db.Columns.each;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.SqlStatement;
import org.jdbi.v3.core.statement.Update;
import org.jobwitness.wire.Batch;

/**
 * Owns the table of the batches that are stored already. An agent's numbers are kept as ranges, so an agent takes one row
 * however many batches it sends.
 */
public final class AgentBatches {
    private static final String INCOMING = """
            with incoming as (
                select * from unnest(:clusters, :nodes, :boot_ids, :sequences)
                    as incoming (cluster, node, boot_id, sequence))
            """;

    /** What names a batch. */
    record BatchNumber(String cluster, String node, String bootId, long sequence) {
        private static final Comparator<BatchNumber> BY_AGENT = Comparator.comparing(BatchNumber::cluster)
                .thenComparing(BatchNumber::node).thenComparing(BatchNumber::bootId);

        static BatchNumber of(Batch batch, String defaultCluster) {
            return new BatchNumber(batch.cluster() == null ? defaultCluster : batch.cluster(), batch.node(),
                    batch.bootId(),
                    batch.sequence());
        }
    }

    private record Known(BatchNumber number, boolean isStored) {
    }

    private AgentBatches() {
    }

    /**
     * Marks batches as stored, in the handle's transaction; others that mark batches of the same agents wait until it ends.
     *
     * @return those that had not been stored before
     */
    static Set<BatchNumber> take(Handle handle, List<BatchNumber> numbers, Instant now) {
        List<BatchNumber> agents = new ArrayList<>(numbers);
        agents.sort(BatchNumber.BY_AGENT);
        List<Known> known = lock(handle, agents);
        if (known.size() < agents.size()) {
            bind(handle, """
                    insert into agent_batches (cluster, node, boot_id, stored, last_at)
                    select distinct cluster, node, boot_id, int8multirange(), cast(:now as timestamptz) from incoming
                    order by cluster, node, boot_id on conflict do nothing""", agents).bind("now", now).execute();
            known = lock(handle, agents);
        }
        Set<BatchNumber> fresh = new HashSet<>();
        known.stream().filter(batch -> !batch.isStored()).forEach(batch -> fresh.add(batch.number()));
        if (!fresh.isEmpty()) {
            List<BatchNumber> added = fresh.stream().sorted(BatchNumber.BY_AGENT).toList();
            bind(handle, """
                    update agent_batches set stored = stored + added.numbers,
                        last_at = greatest(last_at, date_trunc('day', cast(:now as timestamptz), 'UTC'))
                    from (select cluster, node, boot_id, range_agg(int8range(sequence, sequence + 1)) as numbers
                        from incoming group by cluster, node, boot_id) added
                    where agent_batches.cluster = added.cluster and agent_batches.node = added.node
                        and agent_batches.boot_id = added.boot_id""", added).bind("now", now).execute();
        }
        return fresh;
    }

    /** Whether this batch and the ones before it, as many in all, are stored. */
    static boolean isUnbroken(Handle handle, BatchNumber number, int count) {
        return handle.createQuery("""
                select stored @> int8range(:first, :last, '[]') from agent_batches
                where cluster = :cluster and node = :node and boot_id = :boot_id""")
                .bind("cluster", number.cluster()).bind("node", number.node()).bind("boot_id", number.bootId())
                .bind("first", number.sequence() - count + 1).bind("last", number.sequence())
                .mapTo(Boolean.class).findFirst().orElse(false);
    }

    /** Deletes agents' boots without any batch since a moment; returns how many. */
    public static int forget(Handle handle, Instant before) {
        return handle.createUpdate("delete from agent_batches where last_at < :before").bind("before", before)
                .execute();
    }

    private static List<Known> lock(Handle handle, List<BatchNumber> ordered) {
        String sql = """
                select cluster, node, boot_id, sequence, stored @> sequence as is_stored
                from incoming join agent_batches using (cluster, node, boot_id)
                order by cluster, node, boot_id for update of agent_batches""";
        return bind(handle.createQuery(INCOMING + sql), ordered).map((row, _) -> new Known(new BatchNumber(
                row.getString("cluster"), row.getString("node"), row.getString("boot_id"), row.getLong("sequence")),
                row.getBoolean("is_stored"))).list();
    }

    private static Update bind(Handle handle, String sql, List<BatchNumber> numbers) {
        return bind(handle.createUpdate(INCOMING + sql), numbers);
    }

    private static <S extends SqlStatement<S>> S bind(S statement, List<BatchNumber> numbers) {
        return statement.bindArray("clusters", String.class, each(numbers, BatchNumber::cluster))
                .bindArray("nodes", String.class, each(numbers, BatchNumber::node))
                .bindArray("boot_ids", String.class, each(numbers, BatchNumber::bootId))
                .bindArray("sequences", Long.class, each(numbers, BatchNumber::sequence));
    }
}
