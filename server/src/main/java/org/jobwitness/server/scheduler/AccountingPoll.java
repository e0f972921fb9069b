package org.jobwitness.server.scheduler;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jobwitness.server.db.LeaderTask.Leadership;

/** Polls slurmdbd for the ends of runs. For one thread. */
final class AccountingPoll {
    private static final int MAX_JOBS_PER_CALL = 100;
    private static final int MAX_CALLS_PER_ROUND = 10;
    /** The newest ends first; reading so many takes twenty minutes. */
    private static final int MAX_UNACCOUNTED = 20_000;
    private static final Duration BACKFILL_INTERVAL = Duration.ofHours(1);
    /** Slurm's clock may differ, and slurmdbd may be late. */
    private static final Duration MARGIN = Duration.ofMinutes(5);
    private static final Duration WINDOW = Duration.ofHours(1);
    private static final Duration FIRST_LOOK_BACK = Duration.ofDays(1);
    private static final Duration MAX_LOOK_BACK = Duration.ofDays(7);
    private static final Duration LOST_AFTER = Duration.ofMinutes(30);

    private final Slurm slurm;
    private final KnownRuns known;
    private final ContactTable contacts;
    private final EvidenceIntake intake;
    private final SchedulerMetrics metrics;
    private final Clock clock;
    /** Job ids still to be looked up in this hour. */
    private final Deque<String> unaccounted = new ArrayDeque<>();
    private final PollSchedule backfill = new PollSchedule(BACKFILL_INTERVAL);

    AccountingPoll(Slurm slurm, KnownRuns known, ContactTable contacts, EvidenceIntake intake,
            SchedulerMetrics metrics, Clock clock) {
        this.slurm = slurm;
        this.known = known;
        this.contacts = contacts;
        this.intake = intake;
        this.metrics = metrics;
        this.clock = clock;
    }

    /** Reads the ends since the last time, an hour of them at a time. */
    void readEnds(Leadership leadership) throws SlurmException, InterruptedException {
        Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
        Instant earliest = now.minus(MAX_LOOK_BACK);
        Instant from = contacts.endsReadTo().map(to -> to.minus(MARGIN)).orElse(now.minus(FIRST_LOOK_BACK));
        for (Instant at = from.isBefore(earliest) ? earliest : from; at.isBefore(now); at = at.plus(WINDOW)) {
            leadership.check();
            Instant begin = at;
            boolean isLast = !at.plus(WINDOW).isBefore(now);
            Instant end = isLast ? now.plus(MARGIN) : at.plus(WINDOW);
            intake.takeEnds(metrics.timed("ended", () -> slurm.ended(begin, end)), leadership);
            contacts.endsReadTo(isLast ? now : end, clock.instant());
        }
    }

    /** Looks up runs that slurmctld no longer lists; those that slurmdbd does not know either are lost after a while. */
    void resolveVanished(List<KnownRun> vanished, Leadership leadership) throws SlurmException, InterruptedException {
        List<List<KnownRun>> portions = Portions.of(vanished, MAX_JOBS_PER_CALL);
        for (List<KnownRun> some : portions.subList(0, Math.min(portions.size(), MAX_CALLS_PER_ROUND))) {
            List<SlurmJob> found = lookUp(some.stream().map(KnownRun::jobId).toList(), leadership);
            Set<String> ids = found.stream().map(SlurmJob::jobId).collect(Collectors.toSet());
            Instant latest = clock.instant().minus(LOST_AFTER);
            some.stream().filter(run -> !ids.contains(run.jobId()) && run.lastReportAt().isBefore(latest))
                    .forEach(intake::lose);
        }
    }

    /**
     * slurmdbd may record an end long after it, when that time has already been read: it was down itself, or slurmctld had many
     * to send. Where slurmctld's own record was missed, too, the jobs are looked up by their ids, once an hour.
     */
    void backfillLateEnds(Leadership leadership) throws SlurmException, InterruptedException {
        Instant now = clock.instant();
        if (unaccounted.isEmpty() && backfill.isDue(now)) {
            known.unaccounted(intake.cluster(), now.minus(MAX_LOOK_BACK), now.minus(MARGIN), MAX_UNACCOUNTED).stream()
                    .distinct().filter(Slurm::isJobId).forEach(unaccounted::add);
            backfill.answered(now);
        }
        for (int call = 0; call < MAX_CALLS_PER_ROUND && !unaccounted.isEmpty(); call++) {
            List<String> some = unaccounted.stream().limit(MAX_JOBS_PER_CALL).toList();
            lookUp(some, leadership);
            some.forEach(_ -> unaccounted.remove());
        }
    }

    private List<SlurmJob> lookUp(Collection<String> jobIds, Leadership leadership)
            throws SlurmException, InterruptedException {
        leadership.check();
        List<SlurmJob> found = metrics.timed("accounted", () -> slurm.accounted(jobIds));
        intake.takeEnds(found, leadership);
        return found;
    }
}
