package org.jobwitness.server.batch;

import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;
import org.jobwitness.server.db.Database;

/**
 * Owns the table of agents whose queue is overdue, as they report with each batch: batches from an outage of this server, or
 * events that it refuses. An agent that cannot send at all is not among them: it is silent, and its node's newest
 * reading is old.
 */
public final class AgentQueueTable {
    /** Longer than jitter, a retry and a script's own attempt take. */
    private static final Duration NORMAL_DELAY = Duration.ofMinutes(1);
    private static final Duration REPORT_TTL = Duration.ofMinutes(5);
    /** As in the alert AgentBehind. */
    private static final Duration OVERDUE = Duration.ofMinutes(15);
    private static final int MAX_NAMED = 5;

    private final Database database;
    private final Clock clock;

    public AgentQueueTable(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * What an agent had in its queue when it sent a batch, besides that batch.
     *
     * @param events of prolog and epilog
     * @param oldest how long the oldest entry had waited
     */
    record QueueReport(int batches, int events, Duration oldest) {
    }

    /**
     * What an agent still has to send.
     *
     * @param events of prolog and epilog
     * @param since when the oldest entry was read
     */
    public record Queue(String cluster, String node, int batches, int events, Instant since) {
    }

    /** Stores what agents report, in the handle's transaction; of each agent the last report counts. */
    void store(Handle handle, List<Queue> reported) {
        Instant now = clock.instant();
        Map<List<String>, Queue> last = new TreeMap<>(Comparator.comparing((List<String> key) -> key.getFirst())
                .thenComparing(List::getLast));
        reported.forEach(queue -> last.put(List.of(queue.cluster(), queue.node()), queue));
        Map<Boolean, List<Queue>> byDelay = last.values().stream()
                .collect(Collectors.partitioningBy(queue -> queue.since().isBefore(now.minus(NORMAL_DELAY))));
        List<Queue> behind = Objects.requireNonNull(byDelay.get(true));
        List<Queue> current = Objects.requireNonNull(byDelay.get(false));
        if (!behind.isEmpty()) {
            bind(handle.createUpdate("""
                    insert into agent_queue as stored (cluster, node, batches, events, since, reported_at)
                    select cluster, node, batches, events, timestamptz 'epoch' + us * interval '1 microsecond', :now
                    from unnest(:clusters, :nodes, :batches, :events, :since)
                        as incoming (cluster, node, batches, events, us)
                    order by cluster, node
                    on conflict (cluster, node) do update set batches = excluded.batches, events = excluded.events,
                        since = excluded.since, reported_at = excluded.reported_at
                    where excluded.reported_at >= stored.reported_at"""), behind)
                    .bindArray("batches", Integer.class, each(behind, Queue::batches))
                    .bindArray("events", Integer.class, each(behind, Queue::events))
                    .bindArray("since", Long.class, each(behind, queue -> micros(queue.since())))
                    .bind("now", now).execute();
        }
        if (!current.isEmpty()) {
            bind(handle.createUpdate("""
                    delete from agent_queue where (cluster, node) in (
                        select cluster, node from agent_queue
                        join unnest(:clusters, :nodes) as incoming (cluster, node) using (cluster, node)
                        order by cluster, node for update of agent_queue)"""), current).execute();
        }
    }

    private static Update bind(Update update, List<Queue> queues) {
        return update.bindArray("clusters", String.class, each(queues, Queue::cluster))
                .bindArray("nodes", String.class, each(queues, Queue::node));
    }

    /** The overdue queues of agents that reported lately, the longest overdue first. */
    public Stream<Queue> overdue(Handle handle) {
        return handle.createQuery("""
                select cluster, node, batches, events, since from agent_queue where reported_at > :reported_after
                order by since, cluster, node""").bind("reported_after", clock.instant().minus(REPORT_TTL))
                .setFetchSize(1000)
                .map((row, _) -> new Queue(string(row, "cluster"), string(row, "node"), row.getInt("batches"),
                        row.getInt("events"), knownTime(row, "since")))
                .stream();
    }

    /** Which nodes have a queue that is long overdue, and since when; empty if none has. */
    public Optional<String> problem() {
        Instant limit = clock.instant().minus(OVERDUE);
        List<Queue> queues = database.read("agent_queues", handle -> {
            try (Stream<Queue> all = overdue(handle)) {
                return all.takeWhile(queue -> queue.since().isBefore(limit)).toList();
            }
        });
        if (queues.isEmpty()) {
            return Optional.empty();
        }
        String named = queues.stream().limit(MAX_NAMED)
                .map(queue -> queue.node() + " since " + queue.since().truncatedTo(ChronoUnit.SECONDS))
                .collect(Collectors.joining(", "));
        return Optional.of("readings or events wait on " + queues.size() + " nodes, the oldest for longer than "
                + OVERDUE.toMinutes() + " minutes: " + named + (queues.size() > MAX_NAMED ? ", ..." : "")
                + "; after an outage of this server that passes, otherwise the agent's log on the node says why");
    }
}
