package org.jobwitness.server.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jobwitness.wire.JobState;

/**
 * Chooses which jobs are looked up although their state has not changed: the light list does not show that a job has more time,
 * another name, or another reason for waiting. A few each round, so that slurmctld has little to do: the ones refreshed longest
 * ago, and before most others those that run past their time limit, since they must have been given more. Pending jobs get half
 * of the lookups at most. For one thread.
 */
final class RefreshQueue {
    /** With four rounds a minute, 80 a minute; slurmctld's own limit, where it is set, is 120 for a user. */
    private static final int MAX_PER_ROUND = 20;
    private static final int MAX_PENDING = MAX_PER_ROUND / 2;
    private static final Duration INTERVAL = Duration.ofMinutes(5);
    /** A run past its time limit is chosen as if it was refreshed so much longer ago. Others get their turn even so. */
    private static final Duration PRECEDENCE = Duration.ofHours(1);

    private final Map<String, Instant> refreshes = new HashMap<>();

    /** Forgets all other jobs: Slurm no longer lists them. */
    void retain(Set<String> jobIds) {
        refreshes.keySet().retainAll(jobIds);
    }

    /** @param open pending or running, and their state is known to be the listed one */
    List<KnownRun> due(Collection<KnownRun> open, Instant now) {
        List<KnownRun> pending = due(open, JobState.PENDING, MAX_PENDING, now);
        List<KnownRun> running = due(open, JobState.RUNNING, MAX_PER_ROUND - pending.size(), now);
        return Stream.concat(running.stream(), pending.stream()).toList();
    }

    private List<KnownRun> due(Collection<KnownRun> open, JobState state, int max, Instant now) {
        return open.stream().filter(run -> run.state() == state && !refreshedAt(run).plus(INTERVAL).isAfter(now))
                .sorted(Comparator.comparing(
                        run -> run.isPastDeadline(now) ? refreshedAt(run).minus(PRECEDENCE) : refreshedAt(run)))
                .limit(max).toList();
    }

    private Instant refreshedAt(KnownRun run) {
        return refreshes.getOrDefault(run.jobId(), Instant.EPOCH);
    }

    /** Whether it was looked up since it is listed. */
    boolean wasRefreshed(String jobId) {
        return refreshes.containsKey(jobId);
    }

    /** Makes it due before others. */
    void refreshNext(String jobId) {
        refreshes.replace(jobId, Instant.EPOCH);
    }

    void refreshed(String jobId, Instant now) {
        refreshes.put(jobId, now);
    }
}
