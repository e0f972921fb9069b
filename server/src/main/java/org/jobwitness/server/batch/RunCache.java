package org.jobwitness.server.batch;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.ObservedRun;
import org.jspecify.annotations.Nullable;

/**
 * Caches which run an agent observes, so that the database is not asked for each job of each batch. A change of a job by this
 * server invalidates its entries; for the changes of another server, all entries are compared with the database once a minute.
 * Called by the threads of requests.
 */
final class RunCache {
    private static final Duration CHECK_INTERVAL = Duration.ofMinutes(1);
    /** Longer than agents wait between two batches. */
    private static final Duration MAX_IDLE = Duration.ofMinutes(5);

    private final Function<List<ObservedRun>, Set<ObservedRun>> observed;
    private final Clock clock;
    private final Map<JobName, Map<CacheKey, Entry>> entriesByJob = new ConcurrentHashMap<>();
    /** How often jobs of one hash were invalidated: a lookup that started before an invalidation may be stale. */
    private final AtomicLongArray invalidations = new AtomicLongArray(1 << 12);
    private final ReentrantLock checking = new ReentrantLock();
    private volatile Instant nextCheck;

    private record JobName(String cluster, String jobId) {
    }

    /** What identifies a run to an agent. */
    record CacheKey(Identity identity, @Nullable Instant since, String node, boolean oomKilled) {
    }

    private static final class Entry {
        private final ObservedRun seen;
        private volatile Instant usedAt;

        Entry(ObservedRun seen, Instant now) {
            this.seen = seen;
            usedAt = now;
        }
    }

    /** @param observed asks the database for some runs as they are now */
    RunCache(Function<List<ObservedRun>, Set<ObservedRun>> observed, Clock clock) {
        this.observed = observed;
        this.clock = clock;
        nextCheck = clock.instant().plus(CHECK_INTERVAL);
    }

    ObservedRun get(CacheKey key, Supplier<ObservedRun> lookup) {
        Instant now = clock.instant();
        check(now);
        JobName job = new JobName(key.identity().cluster(), key.identity().jobId());
        Entry entry = entriesByJob.getOrDefault(job, Map.of()).get(key);
        if (entry != null) {
            entry.usedAt = now;
            return entry.seen;
        }
        int hash = hash(job);
        long count = invalidations.get(hash);
        ObservedRun seen = lookup.get();
        if (invalidations.get(hash) == count) {
            entriesByJob.computeIfAbsent(job, _ -> new ConcurrentHashMap<>()).put(key, new Entry(seen, now));
            if (invalidations.get(hash) != count) {
                entriesByJob.remove(job); // invalidated meanwhile
            }
        }
        return seen;
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

    /** Removes what is idle or stale; by one thread at a time, and again at once if the database could not be asked. */
    private void check(Instant now) {
        if (!now.isBefore(nextCheck) && checking.tryLock()) {
            try {
                if (!now.isBefore(nextCheck)) {
                    removeIf(entry -> now.isAfter(entry.usedAt.plus(MAX_IDLE)));
                    List<ObservedRun> cached = entriesByJob.values().stream()
                            .flatMap(entries -> entries.values().stream())
                            .map(entry -> entry.seen).distinct().toList();
                    Set<ObservedRun> stale = new HashSet<>(cached);
                    stale.removeAll(observed.apply(cached));
                    removeIf(entry -> stale.contains(entry.seen));
                    nextCheck = now.plus(CHECK_INTERVAL);
                }
            } finally {
                checking.unlock();
            }
        }
    }

    private void removeIf(Predicate<Entry> condition) {
        entriesByJob.values().forEach(entries -> entries.values().removeIf(condition));
        entriesByJob.values().removeIf(Map::isEmpty);
    }
}
