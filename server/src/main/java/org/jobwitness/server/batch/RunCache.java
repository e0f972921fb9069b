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
 * Caches which run an agent observes, so that the database is not asked for each job of each batch. A change of a job by this
 * server invalidates its entries; a change by another server shows after some minutes. Called by the threads of requests.
 */
final class RunCache {
    private static final Duration TTL = Duration.ofMinutes(5);
    /** Entries expire up to this much earlier, so that entries made together, as after a start, do not expire together. */
    private static final Duration JITTER = Duration.ofMinutes(3);

    private final Clock clock;
    private final Map<JobName, Map<CacheKey, Entry>> entriesByJob = new ConcurrentHashMap<>();
    /** How often jobs of one hash were invalidated: a lookup that started before an invalidation may be stale. */
    private final AtomicLongArray invalidations = new AtomicLongArray(1 << 12);
    private volatile Instant nextSweep;

    private record JobName(String cluster, String jobId) {
    }

    /** What identifies a run to an agent. */
    record CacheKey(Identity identity, @Nullable Instant since, String node, boolean oomKilled) {
    }

    private record Entry(ObservedRun seen, Instant until) {
    }

    RunCache(Clock clock) {
        this.clock = clock;
        nextSweep = clock.instant().plus(TTL);
    }

    ObservedRun get(CacheKey key, Supplier<ObservedRun> lookup) {
        Instant now = clock.instant();
        JobName job = new JobName(key.identity().cluster(), key.identity().jobId());
        Entry entry = entriesByJob.getOrDefault(job, Map.of()).get(key);
        if (entry != null && now.isBefore(entry.until())) {
            return entry.seen();
        }
        int hash = hash(job);
        long count = invalidations.get(hash);
        ObservedRun seen = lookup.get();
        if (invalidations.get(hash) == count) {
            entriesByJob.computeIfAbsent(job, _ -> new ConcurrentHashMap<>()).put(key, new Entry(seen, until(now)));
            if (invalidations.get(hash) != count) {
                entriesByJob.remove(job); // invalidated meanwhile
            }
        }
        sweep(now);
        return seen;
    }

    private static Instant until(Instant now) {
        return now.plus(TTL).minusMillis(ThreadLocalRandom.current().nextLong(JITTER.toMillis()));
    }

    /** A listener of {@code JobTable}. */
    void invalidate(JobChange change) {
        Identity identity = change.run().identity();
        JobName job = new JobName(identity.cluster(), identity.jobId());
        invalidations.incrementAndGet(hash(job));
        entriesByJob.remove(job);
    }

    private int hash(JobName job) {
        return Math.floorMod(job.hashCode(), invalidations.length());
    }

    private void sweep(Instant now) {
        if (now.isAfter(nextSweep)) {
            nextSweep = now.plus(TTL);
            entriesByJob.values().forEach(entries -> entries.values().removeIf(entry -> now.isAfter(entry.until())));
            entriesByJob.values().removeIf(Map::isEmpty);
        }
    }
}
