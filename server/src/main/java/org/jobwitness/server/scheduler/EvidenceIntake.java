package org.jobwitness.server.scheduler;

import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/** Passes Slurm's record of jobs on as evidence, as far as it is new. For one thread. */
final class EvidenceIntake {
    private static final int BATCH = 100;

    private final Slurm slurm;
    private final JobTable jobs;
    private final KnownRuns known;
    private final JobEvidence evidence;
    private final SchedulerMetrics metrics;
    private final Clock clock;
    /** Slurm's own name of it, once that is known. */
    private String cluster;
    /** Joins the changes of one round in the audit trail and the log. */
    private String roundId = "";

    EvidenceIntake(Slurm slurm, JobTable jobs, KnownRuns known, JobEvidence evidence, SchedulerMetrics metrics,
            Clock clock, String defaultCluster) {
        this.slurm = slurm;
        this.jobs = jobs;
        this.known = known;
        this.evidence = evidence;
        this.metrics = metrics;
        this.clock = clock;
        this.cluster = defaultCluster;
    }

    void startRound() {
        roundId = "round-" + UUID.randomUUID();
    }

    String cluster() {
        return cluster;
    }

    void cluster(String name) {
        cluster = name;
    }

    void take(SlurmJob job) {
        Evidence.Reported incoming = reported(job);
        if (incoming == null) {
            return;
        }
        Caller caller = caller(job.accounted());
        apply(incoming, caller);
        List<NodeAllocation> gpus = incoming.state() == JobState.RUNNING ? evidence.gpus(job) : List.of();
        if (!gpus.isEmpty()) {
            Set<String> nodes = known.nodesWithKnownGpus(incoming.identity().cluster(), job.jobId());
            gpus.stream().filter(node -> !nodes.contains(node.node()))
                    .forEach(node -> jobs.apply(caller, incoming.on(node)));
        }
    }

    /** Takes what may have changed, if the run is still in the same state; the rest of it is known. */
    void takeChanges(SlurmJob job, KnownRun run) {
        Evidence.Reported incoming = reported(job);
        if (incoming != null && incoming.state() == run.state() && run.startedAt(incoming.identity().startTime())) {
            apply(incoming.again(), caller(false));
        } else {
            take(job);
        }
    }

    /** Takes the attributes of a run whose end is known, and stays as it is known. */
    void takeTerms(SlurmJob job, KnownRun run) {
        Evidence.Reported incoming = reported(job);
        if (incoming != null && incoming.rawState().equals(run.rawState())
                && run.startedAt(incoming.identity().startTime())) {
            apply(incoming.ofEnded(run.reason()), caller(false));
        }
    }

    /** Takes the ends among the runs of slurmdbd that are new. */
    void takeEnds(List<SlurmJob> accounted, Leadership leadership) throws InterruptedException {
        List<SlurmJob> ended = accounted.stream().filter(job -> job.state().end().isPresent()).toList();
        for (List<SlurmJob> some : Portions.of(ended, BATCH)) {
            leadership.check();
            Map<String, List<KnownRun>> runs = known
                    .all(cluster, some.stream().map(SlurmJob::jobId).collect(Collectors.toSet())).stream()
                    .collect(Collectors.groupingBy(KnownRun::jobId));
            some.stream().map(job -> startedAsKnown(job, runs.getOrDefault(job.jobId(), List.of())))
                    .filter(job -> isNew(job, runs.getOrDefault(job.jobId(), List.of()))).forEach(this::take);
        }
    }

    /**
     * slurmdbd has a record for each size of a job, and the last one starts when the size changed. A run that began between the
     * submission and that start is the same one: a requeued job has another time of submission.
     */
    private static SlurmJob startedAsKnown(SlurmJob job, List<KnownRun> runs) {
        Instant submit = job.submit();
        Instant start = job.start();
        if (submit == null || start == null || runs.stream().anyMatch(run -> run.startedAt(start))) {
            return job;
        }
        return runs.stream().map(KnownRun::start).filter(Objects::nonNull)
                .filter(known -> !known.isBefore(submit) && known.isBefore(start)).findFirst().map(job::withStart)
                .orElse(job);
    }

    private boolean isNew(SlurmJob job, List<KnownRun> runs) {
        Evidence.Reported incoming = reported(job);
        return incoming != null && runs.stream().noneMatch(run -> run.hasEnd(incoming.identity().startTime(),
                incoming.rawState(), incoming.reason()));
    }

    /** Takes a run that Slurm no longer knows as lost. */
    void lose(KnownRun run) {
        jobs.lose(caller(true), new Evidence.Lost(new Identity(cluster, run.jobId(), null, run.start()),
                run.lastReportAt()));
    }

    private Evidence.@Nullable Reported reported(SlurmJob job) {
        Instant now = clock.instant();
        return evidence.of(job, cluster, now).orElse(null);
    }

    private void apply(Evidence.Reported incoming, Caller caller) {
        metrics.evidence.labelValues(jobs.apply(caller, incoming).status().toString()).inc();
    }

    private Caller caller(boolean accounted) {
        return Caller.program("scheduler", slurm.source(accounted), roundId);
    }
}
