package org.jobwitness.server.batch;

import static org.jobwitness.server.db.ArrayStatement.texts;
import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.ArrayStatement;
import org.jobwitness.wire.Batch;

/**
 * Owns the table of the batches that are stored already. An agent's numbers are kept as ranges, so an agent takes one row
 * however many batches it sends.
 */
public final class AgentBatches {
    /** Adds the numbers of each agent, if none of them is stored; returns the agents of which that is true. */
    private static final String ADD = """
            insert into agent_batches as known (cluster, node, boot_id, stored, last_at)
            select cluster, node, boot_id, cast(numbers as int8multirange), cast(? as timestamptz)
            from unnest(?, ?, ?, ?) as incoming (cluster, node, boot_id, numbers)
            on conflict (cluster, node, boot_id) do update set stored = known.stored + excluded.stored,
                last_at = greatest(known.last_at, date_trunc('day', excluded.last_at, 'UTC'))
            where not known.stored && excluded.stored
            returning cluster, node, boot_id""";
    private static final String STORED = """
            select incoming.cluster, incoming.node, incoming.boot_id, sequence
            from unnest(?, ?, ?, ?) as incoming (cluster, node, boot_id, sequence)
            join agent_batches using (cluster, node, boot_id) where stored @> sequence""";

    /** A series of numbers. */
    private record Agent(String cluster, String node, String bootId) {
        private static final Comparator<Agent> ORDER = Comparator.comparing(Agent::cluster).thenComparing(Agent::node)
                .thenComparing(Agent::bootId);

        static Agent of(ResultSet row) throws SQLException {
            return new Agent(string(row, "cluster"), string(row, "node"), string(row, "boot_id"));
        }
    }

    /** What names a batch. */
    record BatchNumber(String cluster, String node, String bootId, long sequence) {
        private static BatchNumber of(Agent agent, long sequence) {
            return new BatchNumber(agent.cluster(), agent.node(), agent.bootId(), sequence);
        }

        private Agent agent() {
            return new Agent(cluster, node, bootId);
        }

        static BatchNumber of(Batch batch, String defaultCluster) {
            return new BatchNumber(batch.cluster() == null ? defaultCluster : batch.cluster(), batch.node(),
                    batch.bootId(),
                    batch.sequence());
        }
    }

    private AgentBatches() {
    }

    /**
     * Marks batches as stored, in the handle's transaction; others that mark batches of the same agents wait until it ends.
     *
     * @return those that had not been stored before
     */
    static Set<BatchNumber> take(Handle handle, Collection<BatchNumber> numbers, Instant now) throws SQLException {
        // In one order, so that no two writers wait for each other.
        SortedMap<Agent, Set<Long>> byAgent = new TreeMap<>(Agent.ORDER);
        for (BatchNumber number : numbers) {
            byAgent.computeIfAbsent(number.agent(), _ -> new TreeSet<>()).add(number.sequence());
        }
        Set<Agent> added = add(handle, byAgent, now);
        Set<BatchNumber> fresh = new HashSet<>(numbers);
        if (added.size() < byAgent.size()) {
            // Some of their numbers are stored; their rows are locked now.
            byAgent.keySet().removeAll(added);
            fresh.removeAll(stored(handle, fresh.stream().filter(number -> !added.contains(number.agent())).toList()));
            byAgent.forEach((agent, sequences) -> sequences
                    .removeIf(sequence -> !fresh.contains(BatchNumber.of(agent, sequence))));
            byAgent.values().removeIf(Set::isEmpty);
            add(handle, byAgent, now);
        }
        return fresh;
    }

    private static Set<Agent> add(Handle handle, SortedMap<Agent, Set<Long>> numbers, Instant now) throws SQLException {
        Set<Agent> added = new HashSet<>();
        if (numbers.isEmpty()) {
            return added;
        }
        try (ArrayStatement add = new ArrayStatement(handle, ADD)) {
            List<Agent> agents = List.copyOf(numbers.keySet());
            ResultSet row = add.bind(now).bind(texts(agents, Agent::cluster)).bind(texts(agents, Agent::node))
                    .bind(texts(agents, Agent::bootId)).bind(texts(List.copyOf(numbers.values()), AgentBatches::ranges))
                    .query();
            while (row.next()) {
                added.add(Agent.of(row));
            }
        }
        return added;
    }

    private static Set<BatchNumber> stored(Handle handle, List<BatchNumber> numbers) throws SQLException {
        Set<BatchNumber> stored = new HashSet<>();
        try (ArrayStatement select = new ArrayStatement(handle, STORED)) {
            ResultSet row = select.bind(texts(numbers, BatchNumber::cluster)).bind(texts(numbers, BatchNumber::node))
                    .bind(texts(numbers, BatchNumber::bootId))
                    .bind(numbers.stream().mapToLong(BatchNumber::sequence).toArray()).query();
            while (row.next()) {
                stored.add(BatchNumber.of(Agent.of(row), row.getLong("sequence")));
            }
        }
        return stored;
    }

    /** As the text of an int8multirange, which PostgreSQL joins where they touch. */
    private static String ranges(Set<Long> sequences) {
        return sequences.stream().map(sequence -> "[" + sequence + "," + sequence + "]")
                .collect(Collectors.joining(",", "{", "}"));
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
}
