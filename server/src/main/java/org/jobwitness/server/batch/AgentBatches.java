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
 * Owns the table of which batches have been taken. An agent's numbers are kept as ranges, so one that sends all of them takes one
 * row, however many they are.
 */
public final class AgentBatches {
    private static final String SAID = """
            with said as (
                select * from unnest(:clusters, :nodes, :boot_ids, :sequences) as said (cluster, node, boot_id, sequence))
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

    /** Whether a number has been taken, in the order in which they were asked for. */
    private record Asked(BatchNumber number, boolean isTaken) {
    }

    private AgentBatches() {
    }

    /**
     * Takes numbers, in the handle's transaction; whoever takes another number of the same agents waits until it ends.
     *
     * @return those that had not been taken before
     */
    static Set<BatchNumber> take(Handle handle, List<BatchNumber> numbers, Instant now) {
        List<BatchNumber> agents = new ArrayList<>(numbers);
        agents.sort(BatchNumber.BY_AGENT);
        List<Asked> asked = ask(handle, agents);
        if (asked.size() < agents.size()) {
            bind(handle, """
                    insert into agent_batches (cluster, node, boot_id, taken, last_at)
                    select distinct cluster, node, boot_id, int8multirange(), cast(:now as timestamptz) from said
                    order by cluster, node, boot_id on conflict do nothing""", agents).bind("now", now).execute();
            asked = ask(handle, agents);
        }
        Set<BatchNumber> fresh = new HashSet<>();
        asked.stream().filter(answer -> !answer.isTaken()).forEach(answer -> fresh.add(answer.number()));
        if (!fresh.isEmpty()) {
            List<BatchNumber> taken = fresh.stream().sorted(BatchNumber.BY_AGENT).toList();
            bind(handle, """
                    update agent_batches set taken = taken + said.numbers,
                        last_at = greatest(last_at, date_trunc('day', cast(:now as timestamptz), 'UTC'))
                    from (select cluster, node, boot_id, range_agg(int8range(sequence, sequence + 1)) as numbers
                        from said group by cluster, node, boot_id) said
                    where agent_batches.cluster = said.cluster and agent_batches.node = said.node
                        and agent_batches.boot_id = said.boot_id""", taken).bind("now", now).execute();
        }
        return fresh;
    }

    /** Forgets agents' boots of which nothing has come since a moment; how many. */
    public static int forget(Handle handle, Instant before) {
        return handle.createUpdate("delete from agent_batches where last_at < :before").bind("before", before)
                .execute();
    }

    private static List<Asked> ask(Handle handle, List<BatchNumber> ordered) {
        String sql = """
                select cluster, node, boot_id, sequence, taken @> sequence as is_taken
                from said join agent_batches using (cluster, node, boot_id)
                order by cluster, node, boot_id for update of agent_batches""";
        return bind(handle.createQuery(SAID + sql), ordered).map((row, _) -> new Asked(new BatchNumber(
                row.getString("cluster"), row.getString("node"), row.getString("boot_id"), row.getLong("sequence")),
                row.getBoolean("is_taken"))).list();
    }

    private static Update bind(Handle handle, String sql, List<BatchNumber> numbers) {
        return bind(handle.createUpdate(SAID + sql), numbers);
    }

    private static <S extends SqlStatement<S>> S bind(S statement, List<BatchNumber> numbers) {
        return statement.bindArray("clusters", String.class, each(numbers, BatchNumber::cluster))
                .bindArray("nodes", String.class, each(numbers, BatchNumber::node))
                .bindArray("boot_ids", String.class, each(numbers, BatchNumber::bootId))
                .bindArray("sequences", Long.class, each(numbers, BatchNumber::sequence));
    }
}
