package org.jobwitness.server.stream;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.query.JobTraits;

/**
 * Traits of the runs that samples belong to, so that not each sample takes a query. A change on this server counts at once; one
 * on another server, or while there was no listener, after a minute. Used by one thread.
 */
final class RunTraitsCache {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final int MAX_ENTRIES = 50_000;

    private final Clock clock;
    /** The newest entry is the last. */
    private final Map<Long, Entry> entries = new LinkedHashMap<>();

    private record Entry(JobTraits traits, Instant until) {
    }

    RunTraitsCache(Clock clock) {
        this.clock = clock;
    }

    void put(long run, JobTraits traits) {
        entries.remove(run);
        entries.put(run, new Entry(traits, clock.instant().plus(TTL)));
        if (entries.size() > MAX_ENTRIES) {
            Iterator<Long> oldest = entries.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    void forget(long run) {
        entries.remove(run);
    }

    Optional<JobTraits> get(long run) {
        Entry entry = entries.get(run);
        return entry != null && clock.instant().isBefore(entry.until())
                ? Optional.of(entry.traits())
                : Optional.empty();
    }
}
