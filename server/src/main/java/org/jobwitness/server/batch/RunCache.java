package org.jobwitness.server.batch;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.JobTable.Seen;
import org.jspecify.annotations.Nullable;

/**
 * Which run it is that an agent sees, so that the database is not asked for each job of each batch. What this server hears of a job
 * makes it forget what it thought; what another server hears of it, comes after some minutes. Called by the threads of requests.
 */
final class RunCache {
    private static final Duration STAYS = Duration.ofMinutes(5);

    private final Clock clock;
    private final Map<JobName, Map<Sight, Entry>> known = new ConcurrentHashMap<>();
    /** Changes whenever something is forgotten: what was asked before may be wrong by then. */
    private final AtomicLong forgotten = new AtomicLong();
    private volatile Instant nextSweep;

    private record JobName(String cluster, String jobId) {
    }

    /** How an agent sees a job: by what name, from where. */
    record Sight(Identity identity, @Nullable Instant since, String node, boolean oomKilled) {
    }

    private record Entry(Seen seen, Instant until) {
    }

    RunCache(Clock clock) {
        this.clock = clock;
        nextSweep = clock.instant().plus(STAYS);
    }

    Seen get(Sight sight, Supplier<Seen> otherwise) {
        Instant now = clock.instant();
        JobName job = new JobName(sight.identity().cluster(), sight.identity().jobId());
        Entry entry = known.getOrDefault(job, Map.of()).get(sight);
        if (entry != null && now.isBefore(entry.until())) {
            return entry.seen();
        }
        long before = forgotten.get();
        Seen seen = otherwise.get();
        if (forgotten.get() == before) {
            known.computeIfAbsent(job, _ -> new ConcurrentHashMap<>()).put(sight, new Entry(seen, now.plus(STAYS)));
        }
        sweep(now);
        return seen;
    }

    /** A listener of {@code JobTable}. */
    void forget(JobChange change) {
        Identity identity = change.run().identity();
        forgotten.incrementAndGet();
        known.remove(new JobName(identity.cluster(), identity.jobId()));
    }

    private void sweep(Instant now) {
        if (now.isAfter(nextSweep)) {
            nextSweep = now.plus(STAYS);
            known.values().forEach(sights -> sights.values().removeIf(entry -> now.isAfter(entry.until())));
            known.values().removeIf(Map::isEmpty);
        }
    }
}
