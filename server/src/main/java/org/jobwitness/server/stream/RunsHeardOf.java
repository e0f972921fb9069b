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
 * What is known of the runs that samples come from, so that the database is not asked for each sample. What this server hears of a
 * run comes in at once; what another server hears of it, or what was heard while nobody listened, counts after a minute. Used by
 * one thread.
 */
final class RunsHeardOf {
    private static final Duration STAYS = Duration.ofMinutes(1);
    private static final int MOST = 50_000;

    private final Clock clock;
    /** The one that was heard of last is the last. */
    private final Map<Long, Entry> known = new LinkedHashMap<>();

    private record Entry(JobTraits traits, Instant until) {
    }

    RunsHeardOf(Clock clock) {
        this.clock = clock;
    }

    void put(long run, JobTraits traits) {
        known.remove(run);
        known.put(run, new Entry(traits, clock.instant().plus(STAYS)));
        if (known.size() > MOST) {
            Iterator<Long> oldest = known.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    void forget(long run) {
        known.remove(run);
    }

    Optional<JobTraits> get(long run) {
        Entry entry = known.get(run);
        return entry != null && clock.instant().isBefore(entry.until())
                ? Optional.of(entry.traits())
                : Optional.empty();
    }
}
