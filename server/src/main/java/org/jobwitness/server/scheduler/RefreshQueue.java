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
 * Chooses which jobs are looked up although their state has not changed: the light list does not tell that somebody has given a
 * job more time, or another name, or for what a job waits now. A few a round, so that slurmctld has little to do: who was not
 * looked at for longest, and before most others who runs though its time is over, since it must have been given more. Those that
 * wait have half of the looks at most, however many they are. For one thread.
 */
final class RefreshQueue {
    /** With a round each quarter of a minute, 80 a minute; slurmctld's own limit, where it is set, is 120 for a user. */
    private static final int MOST_OF_A_ROUND = 20;
    private static final int MOST_THAT_WAIT = MOST_OF_A_ROUND / 2;
    private static final Duration SELDOM = Duration.ofMinutes(5);
    /** A run whose time is over is chosen as if its last look were so much longer ago. Others have their turn even so. */
    private static final Duration PRECEDENCE = Duration.ofHours(1);

    private final Map<String, Instant> looks = new HashMap<>();

    /** Forgets the jobs that Slurm has no more. */
    void forgetAllBut(Set<String> jobIds) {
        looks.keySet().retainAll(jobIds);
    }

    /** @param open those that wait or run, and whose state is known to be the listed one */
    List<KnownRun> due(Collection<KnownRun> open, Instant now) {
        List<KnownRun> waiting = due(open, JobState.PENDING, MOST_THAT_WAIT, now);
        List<KnownRun> running = due(open, JobState.RUNNING, MOST_OF_A_ROUND - waiting.size(), now);
        return Stream.concat(running.stream(), waiting.stream()).toList();
    }

    private List<KnownRun> due(Collection<KnownRun> open, JobState state, int most, Instant now) {
        return open.stream().filter(run -> run.state() == state && !lookedAt(run).plus(SELDOM).isAfter(now))
                .sorted(Comparator.comparing(run -> run.isOver(now) ? lookedAt(run).minus(PRECEDENCE) : lookedAt(run)))
                .limit(most).toList();
    }

    private Instant lookedAt(KnownRun run) {
        return looks.getOrDefault(run.jobId(), Instant.EPOCH);
    }

    void lookedAt(String jobId, Instant now) {
        looks.put(jobId, now);
    }
}
