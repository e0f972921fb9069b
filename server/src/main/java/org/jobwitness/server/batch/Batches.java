package org.jobwitness.server.batch;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.batch.AgentBatches.BatchNumber;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.GroupCommit;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.Figures;
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

/** Takes batches in, whoever brings them: finds the runs that they are of, and commits many of them together. */
public final class Batches implements AutoCloseable {
    private static final int ROWS_AT_ONCE = 5_000;
    private static final NodeFigures SILENT_NODE = new NodeFigures(null, null, null, null, null, null, null);
    /** About 30 MB. */
    private static final int MOST_ROWS_WAITING = 50_000;
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    /** So many connections are asked at once which runs the jobs are: as a server starts, all agents' jobs are new to it. */
    private static final int LOOKUPS_AT_ONCE = 4;

    private final Database database;
    private final JobTable jobs;
    private final SampleStore samples;
    private final NodeTable nodes;
    private final AgentsWaiting agentsWaiting;
    private final Clock clock;
    private final String defaultCluster;
    private final RunCache runs;
    private final Semaphore lookups = new Semaphore(LOOKUPS_AT_ONCE);
    private final GroupCommit<Prepared, BatchResponse.Status> writer;
    private final Counter taken;
    private final Counter corrected;
    private final Histogram lag;

    /**
     * A batch, ready to be written.
     *
     * @param node null if nothing is told of the node itself
     * @param waiting null if the agent did not tell
     */
    private record Prepared(BatchNumber number, @Nullable NodeReading node, List<Sample> samples,
            AgentsWaiting.@Nullable Waiting waiting) {
        int rows() {
            return 1 + samples.stream()
                    .mapToInt(sample -> 1 + sample.gpus().size() + sample.oomKills().size()).sum();
        }
    }

    /**
     * Made with where batches go.
     *
     * @param defaultCluster for batches that name none
     */
    public Batches(Database database, JobTable jobs, SampleStore samples, NodeTable nodes,
            AgentsWaiting agentsWaiting, Clock clock, String defaultCluster, PrometheusRegistry metrics) {
        this.database = database;
        this.jobs = jobs;
        this.samples = samples;
        this.nodes = nodes;
        this.agentsWaiting = agentsWaiting;
        this.clock = clock;
        this.defaultCluster = defaultCluster;
        runs = new RunCache(clock);
        jobs.onChange(runs::forget);
        taken = Counter.builder().name("jobwitness_batches_total").help("Batches received, by result.")
                .labelNames("status").register(metrics);
        for (BatchResponse.Status status : BatchResponse.Status.values()) {
            taken.initLabelValues(status.toString());
        }
        corrected = Counter.builder().name("jobwitness_batches_clock_corrected_total")
                .help("Batches whose times were corrected, because the sender's clock was off by minutes.")
                .register(metrics);
        lag = Histogram.builder().name("jobwitness_ingest_lag_seconds")
                .help("Time from an agent's reading to its arrival here, of batches that were stored.")
                .classicUpperBounds(.1, .5, 1, 5, 15, 60, 300, 1800, 7200, 86400).classicOnly().register(metrics);
        writer = new GroupCommit<>("batch-writer", ROWS_AT_ONCE, MOST_ROWS_WAITING, PATIENCE, Prepared::rows,
                this::commit);
        GaugeWithCallback.builder().name("jobwitness_batch_rows_waiting")
                .help("Rows of batches that wait to be written.")
                .callback(gauge -> gauge.call(writer.weightWaiting())).register(metrics);
    }

    /**
     * Takes one batch; returns when it is durable.
     *
     * @param sentAt what the sender's clock said when it sent the batch; null if it did not tell
     * @param waiting null if it did not tell
     * @throws GroupCommit.TooMuch if more comes in than can be written
     */
    BatchResponse take(Caller caller, Batch batch, @Nullable Instant sentAt, AgentsWaiting.@Nullable Told waiting)
            throws GroupCommit.TooMuch {
        List<BatchResponse.Refused> refused = new ArrayList<>();
        Duration offset = offset(sentAt);
        Duration age = Duration.between(batch.timestamp().plus(offset), clock.instant());
        BatchResponse.Status status = writer.submit(prepare(caller, batch, offset, waiting, refused));
        if (status == BatchResponse.Status.STORED) {
            lag.observe(Math.max(0, age.toMillis() / 1e3));
        }
        return new BatchResponse(status, Batch.VERSION, refused);
    }

    /** Takes many batches whose times are right; returns when all are durable. */
    public void takeAll(Caller caller, List<Batch> batches) throws GroupCommit.TooMuch {
        writer.submitAll(batches.stream().map(batch -> prepare(caller, batch, Duration.ZERO, null, new ArrayList<>())));
    }

    /** How far the sender's clock is behind ours, if that is more than clocks differ: then it is wrong, and all that it told. */
    private Duration offset(@Nullable Instant sentAt) {
        if (sentAt == null) {
            return Duration.ZERO;
        }
        Duration offset = Duration.between(sentAt, clock.instant()).truncatedTo(ChronoUnit.SECONDS);
        if (offset.abs().compareTo(SampleStore.CLOCKS_DIFFER) <= 0) {
            return Duration.ZERO;
        }
        corrected.inc();
        return offset;
    }

    private Prepared prepare(Caller caller, Batch batch, Duration offset, AgentsWaiting.@Nullable Told waiting,
            List<BatchResponse.Refused> refused) {
        BatchNumber number = BatchNumber.of(batch, defaultCluster);
        Instant at = batch.timestamp().plus(offset);
        List<Sample> ofJobs = new ArrayList<>();
        for (JobReading job : batch.jobs()) {
            Instant readAt = readAt(batch, job).plus(offset);
            Optional<String> trouble = samples.trouble(readAt);
            if (trouble.isPresent()) {
                samples.refused("time", 1);
                refused.add(new BatchResponse.Refused(job.jobId(), "its time, " + readAt + ", " + trouble.get()));
            } else {
                ofJobs.add(sample(caller, number, batch, job, readAt, offset, oomKills(job, offset, refused)));
            }
        }
        boolean tells = batch.nodeFigures() != null || !batch.gpus().isEmpty();
        return new Prepared(number, tells && samples.trouble(at).isEmpty() ? reading(number, batch, at) : null, ofJobs,
                waiting == null
                        ? null
                        : new AgentsWaiting.Waiting(number.cluster(), number.node(), waiting.batches(),
                                waiting.events(), clock.instant().minus(waiting.oldest())));
    }

    /** By our clock. One whose own time cannot be right is left out alone: the reading that brings it may be. */
    private List<OomKill> oomKills(JobReading job, Duration offset, List<BatchResponse.Refused> refused) {
        List<OomKill> kept = new ArrayList<>();
        for (OomKill kill : job.oomKillEvents()) {
            Instant at = kill.timestamp().plus(offset);
            samples.trouble(at).ifPresentOrElse(
                    trouble -> refused.add(new BatchResponse.Refused(job.jobId(),
                            "the time of an OOM kill, " + at + ", " + trouble)),
                    () -> kept.add(new OomKill(at, kill.step(), kill.killed(), kill.limitBytes(), kill.cause())));
        }
        return kept;
    }

    private Sample sample(Caller caller, BatchNumber number, Batch batch, JobReading job, Instant at, Duration offset,
            List<OomKill> oomKills) {
        Instant since = job.since() == null ? null : job.since().plus(offset);
        Identity identity = new Identity(number.cluster(), job.jobId(), job.sluid(), job.startTime());
        boolean metItsLimit = metItsLimit(job, oomKills);
        JobTable.Seen seen = runs.get(new RunCache.Sight(identity, job.since(), batch.node(), metItsLimit),
                () -> observe(caller, evidence(identity, batch, job, since, at, metItsLimit)));
        Integer intervalMs = job.intervalMs() == null ? batch.intervalMs() : job.intervalMs();
        List<Sample.Gpu> gpus = gpus(batch, job, intervalMs);
        Map<String, String> absent = new LinkedHashMap<>(job.absent());
        Integer cpus = seen.cpus() == null ? job.cpus() : seen.cpus();
        if (cpus == null && job.cpusUsed() != null) {
            absent.putIfAbsent(Figure.CPU_USAGE_PERCENT.toString(), "nobody told how many CPUs the job has");
        }
        return new Sample(seen.run(), batch.node(), at, figures(job, intervalMs, cpus, use(gpus)),
                Boolean.TRUE.equals(job.last()), absent, gpus, oomKills);
    }

    /** Those that the job holds, with their figures, and those that it shares or may hold, without. */
    private static List<Sample.Gpu> gpus(Batch batch, JobReading job, @Nullable Integer intervalMs) {
        String id = job.jobId();
        Figures none = Figures.ofGpu().put(Figure.GPU_INTERVAL_MS, intervalMs).build();
        List<Sample.Gpu> gpus = new ArrayList<>();
        for (GpuReading gpu : batch.gpus()) {
            if (id.equals(gpu.jobId())) {
                gpus.add(new Sample.Gpu(gpu.gpu(), GpuHold.ALONE, List.of(), gpu.vendor(), gpu.device(),
                        figures(gpu, intervalMs), gpu.xid(), gpu.absent()));
            } else if (gpu.sharedBy().contains(id)) {
                gpus.add(new Sample.Gpu(gpu.gpu(), GpuHold.SHARED, gpu.sharedBy(), gpu.vendor(), gpu.device(), none,
                        null, gpu.absent()));
            } else if (gpu.claimedBy().contains(id)) {
                gpus.add(new Sample.Gpu(gpu.gpu(), GpuHold.UNSURE, gpu.claimedBy(), gpu.vendor(), gpu.device(), none,
                        null, gpu.absent()));
            }
        }
        return gpus.isEmpty() || !isNewest(batch, job) ? List.of() : gpus;
    }

    /** A batch may bring several readings of a job, but of a GPU one: it goes with the job's newest. */
    private static boolean isNewest(Batch batch, JobReading job) {
        return batch.jobs().stream().filter(other -> other.jobId().equals(job.jobId()))
                .noneMatch(other -> readAt(batch, other).isAfter(readAt(batch, job)));
    }

    private static Instant readAt(Batch batch, JobReading job) {
        return job.timestamp() == null ? batch.timestamp() : job.timestamp();
    }

    private JobTable.Seen observe(Caller caller, Evidence.Observed evidence) {
        boolean isMyTurn = false;
        try {
            isMyTurn = lookups.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            if (!isMyTurn) {
                throw new DatabaseUnavailable("too many jobs are new to this server at once");
            }
            return jobs.observe(caller, evidence);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DatabaseUnavailable("interrupted while it was asked which run a job is", e);
        } finally {
            if (isMyTurn) {
                lookups.release();
            }
        }
    }

    /** The kernel killed a process of it, and not because the node as a whole was out of memory. */
    private static boolean metItsLimit(JobReading job, List<OomKill> oomKills) {
        boolean isCounted = job.oomKills() != null && job.oomKills() > 0
                && (job.oomEvents() == null || job.oomEvents() > 0);
        return isCounted || oomKills.stream().anyMatch(kill -> kill.cause() == OomCause.LIMIT);
    }

    private static Evidence.Observed evidence(Identity identity, Batch batch, JobReading job, @Nullable Instant since,
            Instant at, boolean oomKilled) {
        JobAttributes about = new JobAttributes(job.user(), job.uid(), List.of(batch.node()), null, null, null, null,
                null, null, null,
                null, null, List.of(), null);
        return new Evidence.Observed(identity, since == null ? at : since, since != null,
                new NodeAllocation(batch.node(), null, null, List.of(), job.cgroupPath(), false), about, oomKilled);
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

    /** To two decimals, which pack well and are more than a reading tells. */
    private static double percent(double percent) {
        return Math.rint(percent * 100) / 100;
    }

    private static NodeReading reading(BatchNumber number, Batch batch, Instant at) {
        NodeFigures figures = batch.nodeFigures() == null ? SILENT_NODE : batch.nodeFigures();
        return new NodeReading(number.cluster(), number.node(), at,
                batch.intervalMs() == null ? null : Duration.ofMillis(batch.intervalMs()), null, figures.totalCpus(),
                figures.totalMemoryBytes(), figures.totalGpus(), figures.cpuUsagePercent(), figures.memoryUsageBytes(),
                figures.gpuUsagePercent(), figures.cpuLoad(), newest(batch.gpus()));
    }

    /** One of each: a GPU that went from one job to the next in the interval is told of twice, and the next comes last. */
    private static List<GpuReading> newest(List<GpuReading> gpus) {
        Map<String, GpuReading> byName = new LinkedHashMap<>();
        gpus.forEach(gpu -> byName.put(gpu.gpu(), gpu));
        return List.copyOf(byName.values());
    }

    /** One transaction: which batches are new, and all that these tell. */
    private List<BatchResponse.Status> commit(List<Prepared> batches) {
        List<Sample> written = new ArrayList<>();
        Set<BatchNumber> fresh = database.write("batches", handle -> {
            written.clear();
            Set<BatchNumber> notTaken = AgentBatches.take(handle,
                    batches.stream().map(Prepared::number).distinct().toList(),
                    clock.instant());
            List<Prepared> news = first(batches, notTaken);
            written.addAll(samples.add(handle, news.stream().flatMap(batch -> batch.samples().stream()).toList()));
            List<NodeReading> readings = news.stream().map(Prepared::node).filter(Objects::nonNull).toList();
            if (!readings.isEmpty()) {
                nodes.store(handle, readings);
            }
            agentsWaiting.store(handle, news.stream().map(Prepared::waiting).filter(Objects::nonNull).toList());
            return notTaken;
        });
        samples.added(written);
        List<BatchResponse.Status> answers = new ArrayList<>();
        for (Prepared batch : batches) {
            BatchResponse.Status status = fresh.remove(batch.number())
                    ? BatchResponse.Status.STORED
                    : BatchResponse.Status.DUPLICATE;
            taken.labelValues(status.toString()).inc();
            answers.add(status);
        }
        return answers;
    }

    /** Of each number the first batch that has it. */
    private static List<Prepared> first(List<Prepared> batches, Set<BatchNumber> numbers) {
        Map<BatchNumber, Prepared> first = new LinkedHashMap<>();
        batches.stream().filter(batch -> numbers.contains(batch.number()))
                .forEach(batch -> first.putIfAbsent(batch.number(), batch));
        return List.copyOf(first.values());
    }

    /** Writes what waits, and takes no more. */
    @Override
    public void close() {
        writer.close();
    }
}
