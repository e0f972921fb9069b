package org.jobwitness.server.batch;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.batch.AgentBatches.BatchNumber;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.job.ObservedRun;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.sample.Figures;
import org.jobwitness.server.sample.LateXids;
import org.jobwitness.server.sample.Sample;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.BatchResponse;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/** Prepares batches for writing: finds the run of each job, and refuses what cannot be stored. Called by the threads of requests. */
final class Preparation {
    private static final Duration LOOKUP_TIMEOUT = Duration.ofSeconds(20);
    /** Connections that look up runs at once: after a start of the server, all agents' jobs are new to it. */
    private static final int MAX_LOOKUPS = 4;

    private static final Duration DEFAULT_INTERVAL = Duration.ofSeconds(15);
    /** Slurm's times are whole seconds. */
    private static final Duration PRECISION = Duration.ofSeconds(1);
    /** Slurm's KillWait and UnkillableStepTimeout, as they are set where they are long. */
    private static final Duration SLOW_END = Duration.ofMinutes(5);

    private final JobTable jobs;
    private final SampleStore samples;
    private final Clock clock;
    private final String defaultCluster;
    private final RunCache runs;
    private final Semaphore lookups = new Semaphore(MAX_LOOKUPS);

    /** @param defaultCluster for batches that name none */
    Preparation(JobTable jobs, SampleStore samples, Clock clock, String defaultCluster) {
        this.jobs = jobs;
        this.samples = samples;
        this.clock = clock;
        this.defaultCluster = defaultCluster;
        runs = new RunCache(jobs::observed, clock);
        jobs.onChange(runs::invalidate);
    }

    /**
     * Prepares one batch.
     *
     * @param offset how far the sender's clock is behind ours
     * @param refused receives what is left out
     */
    Prepared prepare(Caller caller, Batch batch, Duration offset, AgentQueueTable.@Nullable QueueReport report,
            List<BatchResponse.Refused> refused) {
        BatchNumber number = number(batch);
        List<Sample> ofJobs = new ArrayList<>();
        for (JobReading job : batch.jobs()) {
            Instant readAt = readAt(batch, job).plus(offset);
            Optional<String> problem = samples.problem(readAt);
            if (problem.isPresent()) {
                samples.refused("time", 1);
                refused.add(new BatchResponse.Refused(job.jobId(), "its time, " + readAt + ", " + problem.get()));
            } else {
                try {
                    sample(caller, number, batch, job, readAt, offset, oomKills(job, offset, refused))
                            .ifPresent(ofJobs::add);
                } catch (ApiException e) {
                    samples.refused("node", 1);
                    refused.add(new BatchResponse.Refused(job.jobId(), String.valueOf(e.getMessage())));
                }
            }
        }
        return new Prepared(number, node(number, batch, batch.timestamp().plus(offset)), ofJobs,
                lateXids(number, batch, batch.timestamp().plus(offset)),
                report == null ? null : queue(number, report));
    }

    private static List<LateXids> lateXids(BatchNumber number, Batch batch, Instant at) {
        Duration interval = batch.intervalMs() == null ? DEFAULT_INTERVAL : Duration.ofMillis(batch.intervalMs());
        return batch.gpus().stream().filter(gpu -> !gpu.allXids().isEmpty())
                .map(gpu -> new LateXids(number.cluster(), number.node(), gpu.gpu(),
                        gpu.device() == null ? null : gpu.device().minor(), gpu.allXids(),
                        at.minus(interval.multipliedBy(3).dividedBy(2)), at))
                .toList();
    }

    BatchNumber number(Batch batch) {
        return BatchNumber.of(batch, defaultCluster);
    }

    private AgentQueueTable.Queue queue(BatchNumber number, AgentQueueTable.QueueReport report) {
        return new AgentQueueTable.Queue(number.cluster(), number.node(), report.batches(), report.events(),
                clock.instant().minus(report.oldest()));
    }

    /** By our clock. A kill whose own time cannot be right is left out alone: the rest of the reading may be right. */
    private List<OomKill> oomKills(JobReading job, Duration offset, List<BatchResponse.Refused> refused) {
        List<OomKill> kept = new ArrayList<>();
        for (OomKill kill : job.oomKillEvents()) {
            Instant at = kill.timestamp().plus(offset);
            samples.problem(at).ifPresentOrElse(
                    problem -> refused.add(new BatchResponse.Refused(job.jobId(),
                            "the time of an OOM kill, " + at + ", " + problem)),
                    () -> kept.add(new OomKill(at, kill.step(), kill.killed(), kill.limitBytes(), kill.cause())));
        }
        return kept;
    }

    /** Empty if it was read when the run had ended already: Slurm may leave a job's cgroup behind, empty. */
    private Optional<Sample> sample(Caller caller, BatchNumber number, Batch batch, JobReading job, Instant at,
            Duration offset, List<OomKill> oomKills) {
        Instant since = job.since() == null ? null : job.since().plus(offset);
        Identity identity = new Identity(number.cluster(), job.jobId(), job.sluid(), job.startTime());
        boolean hitItsLimit = hitItsLimit(job, oomKills);
        ObservedRun seen = runs.get(new RunCache.CacheKey(identity, job.since(), batch.node(), hitItsLimit),
                () -> observe(caller, evidence(identity, batch, job, since, at, hitItsLimit)));
        Integer intervalMs = job.intervalMs() == null ? batch.intervalMs() : job.intervalMs();
        if (isAfterEnd(seen, at, intervalMs, Boolean.TRUE.equals(job.last()) || !oomKills.isEmpty())) {
            samples.refused("ended", 1);
            return Optional.empty();
        }
        List<Sample.Gpu> gpus = gpus(batch, job, intervalMs, hasRunThroughout(job, since, at, intervalMs));
        Map<String, String> absent = new LinkedHashMap<>(job.absent());
        Integer cpus = seen.cpus() == null ? job.cpus() : seen.cpus();
        if (cpus == null && job.cpusUsed() != null) {
            absent.putIfAbsent(Figure.CPU_USAGE_PERCENT.toString(), "the job's number of CPUs is not known");
        }
        return Optional.of(new Sample(seen.run(), batch.node(), at, figures(job, intervalMs, cpus, use(gpus)),
                Boolean.TRUE.equals(job.last()), absent, gpus, oomKills));
    }

    /** @param isOfItsEnd whether it is the last reading, or one of an OOM kill: processes may be slow to end */
    private static boolean isAfterEnd(ObservedRun seen, Instant at, @Nullable Integer intervalMs, boolean isOfItsEnd) {
        if (seen.endedAt() == null) {
            return false;
        }
        Duration interval = intervalMs == null ? DEFAULT_INTERVAL : Duration.ofMillis(intervalMs);
        return at.isAfter(seen.endedAt().plus(isOfItsEnd ? interval.plus(SLOW_END) : PRECISION));
    }

    /** The GPUs that the job holds, with figures, and those that it shares or may hold, without. */
    private static List<Sample.Gpu> gpus(Batch batch, JobReading job, @Nullable Integer intervalMs,
            boolean heldThroughout) {
        String id = job.jobId();
        Figures none = Figures.ofGpu().put(Figure.GPU_INTERVAL_MS, intervalMs).build();
        List<Sample.Gpu> gpus = new ArrayList<>();
        for (GpuReading gpu : batch.gpus()) {
            if (id.equals(gpu.jobId())) {
                gpus.add(new Sample.Gpu(gpu.gpu(), GpuHold.ALONE, List.of(), gpu.vendor(), gpu.device(),
                        figures(gpu, intervalMs), faults(batch, gpu, heldThroughout), gpu.absent()));
            } else if (gpu.sharedBy().contains(id)) {
                gpus.add(new Sample.Gpu(gpu.gpu(), GpuHold.SHARED, gpu.sharedBy(), gpu.vendor(), gpu.device(), none,
                        Sample.Faults.possible(xids(batch, gpu)), gpu.absent()));
            } else if (gpu.claimedBy().contains(id)) {
                gpus.add(new Sample.Gpu(gpu.gpu(), GpuHold.UNSURE, gpu.claimedBy(), gpu.vendor(), gpu.device(), none,
                        Sample.Faults.possible(xids(batch, gpu)), gpu.absent()));
            }
        }
        return gpus.isEmpty() || !isNewest(batch, job) ? List.of() : gpus;
    }

    /** Errors of the whole GPU may be of any of its parts, and those of an interval in which the job began of another job. */
    private static Sample.Faults faults(Batch batch, GpuReading gpu, boolean heldThroughout) {
        return new Sample.Faults(heldThroughout ? gpu.allXids() : List.of(),
                heldThroughout ? xidsOfWhole(batch, gpu) : xids(batch, gpu), gpu.eccErrors(), gpu.throttled());
    }

    private static List<Integer> xids(Batch batch, GpuReading gpu) {
        return Stream.concat(gpu.allXids().stream(), xidsOfWhole(batch, gpu).stream()).distinct().toList();
    }

    private static List<Integer> xidsOfWhole(Batch batch, GpuReading gpu) {
        String whole = gpu.device() == null ? null : gpu.device().parent();
        return whole == null
                ? List.of()
                : batch.gpus().stream().filter(other -> other.gpu().equals(whole))
                        .flatMap(other -> other.allXids().stream()).toList();
    }

    /** Whether it ran for the whole interval of a reading, as far as its start is known. */
    private static boolean hasRunThroughout(JobReading job, @Nullable Instant since, Instant at,
            @Nullable Integer intervalMs) {
        Instant start = since == null ? job.startTime() : since;
        return start == null || intervalMs == null || !start.isAfter(at.minusMillis(intervalMs));
    }

    /** A batch may have several readings of a job, but one of a GPU: it belongs to the job's newest. */
    private static boolean isNewest(Batch batch, JobReading job) {
        return batch.jobs().stream().filter(other -> other.jobId().equals(job.jobId()))
                .noneMatch(other -> readAt(batch, other).isAfter(readAt(batch, job)));
    }

    private static Instant readAt(Batch batch, JobReading job) {
        return job.timestamp() == null ? batch.timestamp() : job.timestamp();
    }

    private ObservedRun observe(Caller caller, Evidence.Observed evidence) {
        boolean hasPermit = false;
        try {
            hasPermit = lookups.tryAcquire(LOOKUP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            if (!hasPermit) {
                throw new DatabaseUnavailable("too many jobs are new to this server at once");
            }
            return jobs.observe(caller, evidence);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DatabaseUnavailable("interrupted while looking up the run of a job", e);
        } finally {
            if (hasPermit) {
                lookups.release();
            }
        }
    }

    /** The kernel killed one of its processes, and not because the node as a whole was out of memory. */
    private static boolean hitItsLimit(JobReading job, List<OomKill> oomKills) {
        boolean isCounted = job.oomKills() != null && job.oomKills() > 0
                && (job.oomEvents() == null || job.oomEvents() > 0);
        return isCounted || oomKills.stream().anyMatch(kill -> kill.cause() == OomCause.LIMIT);
    }

    private static Evidence.Observed evidence(Identity identity, Batch batch, JobReading job, @Nullable Instant since,
            Instant at, boolean oomKilled) {
        JobAttributes attributes = JobAttributes.of(job.user(), job.uid(), List.of(batch.node()));
        return new Evidence.Observed(identity, since == null ? at : since, since != null,
                new NodeAllocation(batch.node(), null, null, List.of(), job.cgroupPath(), false), attributes,
                oomKilled);
    }

    private static OptionalDouble use(List<Sample.Gpu> gpus) {
        return gpus.stream().mapToDouble(gpu -> gpu.figures().value(Figure.UTILIZATION_PERCENT))
                .filter(percent -> !Double.isNaN(percent)).average();
    }

    private static Figures figures(JobReading job, @Nullable Integer intervalMs, @Nullable Integer cpus,
            OptionalDouble gpuUsage) {
        Figures.Builder figures = Figures.ofJob();
        Figure.all(Figure.Of.JOB).forEach(figure -> figures.put(figure, figure.of(job)));
        Double used = job.cpusUsed();
        return figures.put(Figure.INTERVAL_MS, intervalMs).put(Figure.CPUS, cpus)
                .put(Figure.CPU_USAGE_PERCENT,
                        used == null || cpus == null ? null : Double.valueOf(percent(100 * used / cpus)))
                .put(Figure.GPU_USAGE_PERCENT, gpuUsage.isPresent() ? percent(gpuUsage.getAsDouble()) : null).build();
    }

    private static Figures figures(GpuReading gpu, @Nullable Integer intervalMs) {
        Figures.Builder figures = Figures.ofGpu();
        Figure.all(Figure.Of.GPU).forEach(figure -> figures.put(figure, figure.of(gpu)));
        return figures.put(Figure.GPU_INTERVAL_MS, intervalMs).build();
    }

    /** To two decimals, which pack well and are more precise than a reading. */
    private static double percent(double percent) {
        return Math.rint(percent * 100) / 100;
    }

    private @Nullable NodeReading node(BatchNumber number, Batch batch, Instant at) {
        NodeFigures figures = batch.nodeFigures();
        if ((figures == null && batch.gpus().isEmpty()) || samples.problem(at).isPresent()) {
            return null;
        }
        NodeReading.Builder reading = NodeReading.builder(number.cluster(), number.node(), at)
                .interval(batch.intervalMs() == null ? null : Duration.ofMillis(batch.intervalMs()))
                .gpus(newest(batch.gpus()));
        if (figures != null) {
            reading.totals(figures.totalCpus(), figures.totalMemoryBytes(), figures.totalGpus()).usage(
                    figures.cpuUsagePercent(), figures.memoryUsageBytes(), figures.gpuUsagePercent(),
                    figures.cpuLoad());
        }
        return reading.build();
    }

    /** One reading of each: a GPU that changed jobs in the interval has two, and the next job's comes last. */
    private static List<GpuReading> newest(List<GpuReading> gpus) {
        Map<String, GpuReading> byName = new LinkedHashMap<>();
        gpus.forEach(gpu -> byName.merge(gpu.gpu(), gpu, Preparation::withXids));
        return List.copyOf(byName.values());
    }

    private static GpuReading withXids(GpuReading before, GpuReading last) {
        return last.toBuilder().errors(last.eccErrors(),
                Stream.concat(before.allXids().stream(), last.allXids().stream()).distinct().toList()).build();
    }
}
