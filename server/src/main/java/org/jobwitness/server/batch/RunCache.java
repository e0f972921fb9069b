package org.jobwitness.server.batch;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Supplier;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.ObservedRun;
import org.jspecify.annotations.Nullable;

/**
 * Which run it is that an agent sees, so that the database is not asked for each job of each batch. What this server hears of a job
 * makes it forget what it thought; what another server hears of it, comes after some minutes. Called by the threads of requests.
 */
final class RunCache {
    private static final Duration STAYS = Duration.ofMinutes(5);
    /** Some stay this much shorter: agents that began together, as when the server starts, must not ask together for ever. */
    private static final Duration SPREAD = Duration.ofMinutes(3);

    private final Clock clock;
    private final Map<JobName, Map<Sight, Entry>> known = new ConcurrentHashMap<>();
    /** How often something was forgotten of the jobs of one hash: what was asked of them before may be wrong by then. */
    private final AtomicLongArray forgotten = new AtomicLongArray(1 << 12);
    private volatile Instant nextSweep;

    private record JobName(String cluster, String jobId) {
    }

    /** How an agent sees a job: by what name, from where. */
    record Sight(Identity identity, @Nullable Instant since, String node, boolean oomKilled) {
    }

    private record Entry(ObservedRun seen, Instant until) {
    }

    RunCache(Clock clock) {
        this.clock = clock;
        nextSweep = clock.instant().plus(STAYS);
    }

    ObservedRun get(Sight sight, Supplier<ObservedRun> otherwise) {
        Instant now = clock.instant();
        JobName job = new JobName(sight.identity().cluster(), sight.identity().jobId());
        Entry entry = known.getOrDefault(job, Map.of()).get(sight);
        if (entry != null && now.isBefore(entry.until())) {
            return entry.seen();
        }
        int hash = hash(job);
        long before = forgotten.get(hash);
        ObservedRun seen = otherwise.get();
        if (forgotten.get(hash) == before) {
            known.computeIfAbsent(job, _ -> new ConcurrentHashMap<>()).put(sight, new Entry(seen, until(now)));
            if (forgotten.get(hash) != before) {
                known.remove(job); // it was forgotten a moment too early
            }
        }
        sweep(now);
        return seen;
    }

    private static Instant until(Instant now) {
        return now.plus(STAYS).minusMillis(ThreadLocalRandom.current().nextLong(SPREAD.toMillis()));
    }

    /** A listener of {@code JobTable}. */
    void forget(JobChange change) {
        Identity identity = change.run().identity();
        JobName job = new JobName(identity.cluster(), identity.jobId());
        forgotten.incrementAndGet(hash(job));
        known.remove(job);
    }

    private int hash(JobName job) {
        return Math.floorMod(job.hashCode(), forgotten.length());
    }

    private void sweep(Instant now) {
        if (now.isAfter(nextSweep)) {
            nextSweep = now.plus(STAYS);
            known.values().forEach(sights -> sights.values().removeIf(entry -> now.isAfter(entry.until())));
            known.values().removeIf(Map::isEmpty);
        }
    }
}
