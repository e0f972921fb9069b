package org.jobwitness.server.scheduler;

import java.time.Clock;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jspecify.annotations.Nullable;

/** Polls slurmctld: its light list of jobs, and those of them that have changed, one by one. For one thread. */
final class ControllerPoll {
    private static final int MAX_LOOKUPS = 200;
    private static final int MAX_ENDED = 20;
    /** Between two checks of the leadership. */
    private static final int BATCH = 100;

    private final Slurm slurm;
    private final KnownRuns known;
    private final EvidenceIntake intake;
    private final SchedulerMetrics metrics;
    private final Clock clock;
    private final RefreshQueue refreshes = new RefreshQueue();

    ControllerPoll(Slurm slurm, KnownRuns known, EvidenceIntake intake, SchedulerMetrics metrics, Clock clock) {
        this.slurm = slurm;
        this.known = known;
        this.intake = intake;
        this.metrics = metrics;
        this.clock = clock;
    }

    /**
     * Reads the list of jobs, and looks up those that have changed.
     *
     * @return runs that have not ended as far as is known, and are not in the list
     */
    List<KnownRun> compare(Leadership leadership) throws SlurmException, InterruptedException {
        Listing listing = metrics.timed("list", slurm::list);
        if (listing.cluster() != null) {
            intake.cluster(listing.cluster());
        }
        metrics.unreadable.inc(listing.unreadable());
        List<Listing.Entry> entries = listing.entries();
        Set<String> ids = entries.stream().map(Listing.Entry::jobId).collect(Collectors.toSet());
        List<KnownRun> open = known.open(intake.cluster());
        Map<String, KnownRun> runs = newest(ids);
        refreshes.retain(ids);
        List<Listing.Entry> changed = entries.stream()
                .filter(entry -> isNew(entry.state(), runs.get(entry.jobId()))).toList();
        if (lookUp(changed, leadership)) {
            refresh(entries, runs, leadership);
            completeEnded(entries, runs, leadership);
        }
        boolean isComplete = listing.unreadable() == 0;
        return open.stream().filter(run -> isComplete && Slurm.isJobId(run.jobId()) && !ids.contains(run.jobId()))
                .toList();
    }

    private Map<String, KnownRun> newest(Collection<String> jobIds) {
        return known.newest(intake.cluster(), jobIds).stream()
                .collect(Collectors.toMap(KnownRun::jobId, run -> run));
    }

    private static boolean isNew(SlurmState state, @Nullable KnownRun run) {
        return run == null || run.isBehind(state);
    }

    /**
     * Ended jobs first, pending ones last: there may be more than can be looked up at once.
     *
     * @return whether all have been looked up
     */
    private boolean lookUp(List<Listing.Entry> changed, Leadership leadership)
            throws SlurmException, InterruptedException {
        List<SlurmJob> complete = changed.stream().flatMap(entry -> Stream.ofNullable(entry.job())).toList();
        for (List<SlurmJob> some : Portions.of(complete, BATCH)) {
            leadership.check();
            some.forEach(job -> {
                take(job);
                refreshes.refreshed(job.jobId(), clock.instant());
            });
        }
        List<String> ids = changed.stream().filter(entry -> entry.job() == null)
                .sorted(Comparator.comparingInt(ControllerPoll::rank))
                .map(Listing.Entry::jobId).filter(Slurm::isJobId).distinct().toList();
        metrics.waiting.set(Math.max(0, ids.size() - MAX_LOOKUPS));
        for (String id : ids.subList(0, Math.min(ids.size(), MAX_LOOKUPS))) {
            leadership.check();
            List<SlurmJob> found = metrics.timed("job", () -> slurm.job(id));
            refreshes.refreshed(id, clock.instant());
            Map<String, KnownRun> runs = newest(found.stream().map(SlurmJob::jobId).toList());
            found.stream().filter(job -> isNew(job.state(), runs.get(job.jobId()))).forEach(this::take);
        }
        return ids.size() <= MAX_LOOKUPS;
    }

    /** A task of an array that starts leaves the list of those that wait together as the job with the array's id. */
    private void take(SlurmJob job) {
        intake.take(job);
        if (job.arrayJobId() != null && !job.arrayJobId().equals(job.jobId())) {
            refreshes.refreshNext(job.arrayJobId());
        }
    }

    /** slurmdbd may report an end first, and does not know all in what terms the job asked: that is read once. */
    private void completeEnded(List<Listing.Entry> entries, Map<String, KnownRun> runs, Leadership leadership)
            throws SlurmException, InterruptedException {
        List<Listing.Entry> ended = entries.stream().filter(entry -> {
            KnownRun run = runs.get(entry.jobId());
            return run != null && run.hasEnd() && entry.state().raw().equals(run.rawState())
                    && !refreshes.wasRefreshed(entry.jobId());
        }).limit(MAX_ENDED).toList();
        for (Listing.Entry entry : ended) {
            leadership.check();
            KnownRun run = Objects.requireNonNull(runs.get(entry.jobId()));
            SlurmJob complete = entry.job();
            List<SlurmJob> found = complete != null
                    ? List.of(complete)
                    : metrics.timed("job", () -> slurm.job(run.jobId()));
            refreshes.refreshed(run.jobId(), clock.instant());
            found.stream().filter(job -> job.jobId().equals(run.jobId()))
                    .forEach(job -> intake.takeTerms(job, run));
        }
    }

    private static int rank(Listing.Entry entry) {
        SlurmState.Meaning meaning = entry.state().meaning().orElse(null);
        if (meaning == null) {
            return 3;
        }
        return switch (meaning.state()) {
            case COMPLETED, FAILED, CANCELLED -> 0;
            case RUNNING -> 1;
            case PENDING -> 2;
        };
    }

    /** Reads some of the pending and running jobs again, whose state has not changed. */
    private void refresh(List<Listing.Entry> entries, Map<String, KnownRun> runs, Leadership leadership)
            throws SlurmException, InterruptedException {
        Map<KnownRun, Listing.Entry> open = new HashMap<>();
        for (Listing.Entry entry : entries) {
            KnownRun run = runs.get(entry.jobId());
            if (run != null && !run.state().isFinal() && !run.isBehind(entry.state())) {
                open.put(run, entry);
            }
        }
        for (KnownRun run : refreshes.due(open.keySet(), clock.instant())) {
            leadership.check();
            SlurmJob complete = Objects.requireNonNull(open.get(run)).job();
            List<SlurmJob> found = complete != null
                    ? List.of(complete)
                    : metrics.timed("job", () -> slurm.job(run.jobId()));
            refreshes.refreshed(run.jobId(), clock.instant());
            found.stream().filter(job -> job.jobId().equals(run.jobId()))
                    .forEach(job -> intake.takeChanges(job, run));
        }
    }
}
