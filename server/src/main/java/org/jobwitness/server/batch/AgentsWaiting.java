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
 * Owns the table of the agents that have something which should have been sent long ago, as they tell with each batch: what lay
 * in their queue while this server was away, or events that it fails on. An agent that cannot send at all is not
 * among them: it is silent, and its node's last reading is old.
 */
public final class AgentsWaiting {
    /** Longer than what jitter, a retry and a script's own try take. */
    private static final Duration LONG = Duration.ofMinutes(1);
    /** What was told longer ago may have changed since. */
    private static final Duration STAYS = Duration.ofMinutes(5);
    /** The same patience as the alert AgentBehind has. */
    private static final Duration TOO_LONG = Duration.ofMinutes(15);
    private static final int MOST_NAMED = 5;

    private final Database database;
    private final Clock clock;

    public AgentsWaiting(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * What an agent had, when it sent a batch, besides that.
     *
     * @param batches behind it
     * @param events of prolog and epilog
     * @param oldest how long the oldest of all of these had waited
     */
    record Told(int batches, int events, Duration oldest) {
    }

    /**
     * What an agent still has to send.
     *
     * @param batches behind the one with which it told this
     * @param events of prolog and epilog
     * @param since when the oldest of all of them was read, or of that batch, if that is older
     */
    public record Waiting(String cluster, String node, int batches, int events, Instant since) {
    }

    /** Takes in what agents tell, in the handle's transaction; of each agent the last. */
    void store(Handle handle, List<Waiting> told) {
        Instant now = clock.instant();
        Map<List<String>, Waiting> last = new TreeMap<>(Comparator.comparing((List<String> key) -> key.getFirst())
                .thenComparing(List::getLast));
        told.forEach(waiting -> last.put(List.of(waiting.cluster(), waiting.node()), waiting));
        Map<Boolean, List<Waiting>> byLength = last.values().stream()
                .collect(Collectors.partitioningBy(waiting -> waiting.since().isBefore(now.minus(LONG))));
        List<Waiting> behind = Objects.requireNonNull(byLength.get(true));
        List<Waiting> well = Objects.requireNonNull(byLength.get(false));
        if (!behind.isEmpty()) {
            bind(handle.createUpdate("""
                    insert into agent_waiting as known (cluster, node, batches, events, since, told_at)
                    select cluster, node, batches, events, timestamptz 'epoch' + us * interval '1 microsecond', :now
                    from unnest(:clusters, :nodes, :batches, :events, :since) as said (cluster, node, batches, events, us)
                    order by cluster, node
                    on conflict (cluster, node) do update set batches = excluded.batches, events = excluded.events,
                        since = excluded.since, told_at = excluded.told_at
                    where excluded.told_at >= known.told_at"""), behind)
                    .bindArray("batches", Integer.class, each(behind, Waiting::batches))
                    .bindArray("events", Integer.class, each(behind, Waiting::events))
                    .bindArray("since", Long.class, each(behind, waiting -> micros(waiting.since())))
                    .bind("now", now).execute();
        }
        if (!well.isEmpty()) {
            bind(handle.createUpdate("""
                    delete from agent_waiting where (cluster, node) in (
                        select cluster, node from agent_waiting
                        join unnest(:clusters, :nodes) as said (cluster, node) using (cluster, node)
                        order by cluster, node for update of agent_waiting)"""), well).execute();
        }
    }

    private static Update bind(Update update, List<Waiting> waiting) {
        return update.bindArray("clusters", String.class, each(waiting, Waiting::cluster))
                .bindArray("nodes", String.class, each(waiting, Waiting::node));
    }

    /** Those that have waited for long, and have been heard of lately; the longest first. */
    public Stream<Waiting> latest(Handle handle) {
        return handle.createQuery("""
                select cluster, node, batches, events, since from agent_waiting where told_at > :heard
                order by since, cluster, node""").bind("heard", clock.instant().minus(STAYS)).setFetchSize(1000)
                .map((row, _) -> new Waiting(string(row, "cluster"), string(row, "node"), row.getInt("batches"),
                        row.getInt("events"), knownTime(row, "since")))
                .stream();
    }

    /** Which nodes have something that should have been here long ago, and since when; empty if none has. */
    public Optional<String> trouble() {
        Instant limit = clock.instant().minus(TOO_LONG);
        List<Waiting> tooLong = database.read("agents_waiting", handle -> {
            try (Stream<Waiting> all = latest(handle)) {
                return all.takeWhile(waiting -> waiting.since().isBefore(limit)).toList();
            }
        });
        return tooLong.isEmpty()
                ? Optional.empty()
                : Optional.of("readings or events wait on " + tooLong.size() + " nodes, the oldest for longer than "
                        + TOO_LONG.toMinutes() + " minutes: "
                        + tooLong.stream().limit(MOST_NAMED)
                                .map(waiting -> waiting.node() + " since "
                                        + waiting.since().truncatedTo(ChronoUnit.SECONDS))
                                .collect(Collectors.joining(", "))
                        + (tooLong.size() > MOST_NAMED ? ", ..." : "")
                        + "; after this server was away that passes, else the agent's log on the node says why");
    }
}
