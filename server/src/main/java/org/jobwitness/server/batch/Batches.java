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
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.batch.AgentBatches.BatchNumber;
import org.jobwitness.server.db.Company;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.GroupCommit;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Accepted;
import org.jobwitness.server.node.NodeLimit;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.Sample;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.BatchResponse;
import org.jobwitness.wire.JobId;
import org.jspecify.annotations.Nullable;

/** Stores batches, many of them in one transaction. */
public final class Batches implements AutoCloseable {
    private static final int ROWS_AT_ONCE = 5_000;
    /** About 30 MB. */
    private static final int MAX_ROWS_WAITING = 50_000;
    private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(20);
    /** Most of the cost of a batch is its transaction's; an agent sends one in 15 s, and does not mind. */
    private static final Duration MAX_WAIT_FOR_COMPANY = Duration.ofMillis(50);

    private final Database database;
    private final SampleStore samples;
    private final NodeTable nodes;
    private final AgentQueueTable agentQueues;
    private final Clock clock;
    private final VanishedJobs vanished;
    private final Preparation preparation;
    private final GroupCommit<Prepared, BatchResponse.Status> writer;
    private final Counter received;
    private final Counter corrected;
    private final Histogram lag;

    /** @param defaultCluster for batches that name none */
    public Batches(Database database, JobTable jobs, SampleStore samples, NodeTable nodes,
            AgentQueueTable agentQueues, Clock clock, String defaultCluster, PrometheusRegistry metrics) {
        this.database = database;
        this.samples = samples;
        this.nodes = nodes;
        this.agentQueues = agentQueues;
        this.clock = clock;
        vanished = new VanishedJobs(database, jobs);
        preparation = new Preparation(jobs, samples, clock, defaultCluster);
        received = Counter.builder().name("jobwitness_batches_total").help("Batches received, by result.")
                .labelNames("status").register(metrics);
        for (BatchResponse.Status status : BatchResponse.Status.values()) {
            received.initLabelValues(status.toString());
        }
        corrected = Counter.builder().name("jobwitness_batches_clock_corrected_total")
                .help("Batches whose times were corrected, because the sender's clock was off by minutes.")
                .register(metrics);
        lag = Histogram.builder().name("jobwitness_ingest_lag_seconds")
                .help("Time from an agent's reading to its arrival here, of batches that were stored.")
                .classicUpperBounds(.1, .5, 1, 5, 15, 60, 300, 1800, 7200, 86400).classicOnly().register(metrics);
        writer = new GroupCommit<>("batch-writer", ROWS_AT_ONCE, MAX_ROWS_WAITING, WRITE_TIMEOUT,
                new Company(MAX_WAIT_FOR_COMPANY, System::nanoTime), Prepared::rows, this::commit);
        GaugeWithCallback.builder().name("jobwitness_batch_rows_waiting")
                .help("Rows of batches that wait to be written.")
                .callback(gauge -> gauge.call(writer.weightWaiting())).register(metrics);
    }

    /**
     * Stores one batch; returns when it is durable.
     *
     * @param sentAt when the batch was sent, by the sender's clock; null if it is not known
     * @param queue null if the sender reported none
     * @param limit of nodes, after the sender has been found to be one that may report this one
     * @throws GroupCommit.QueueFull if more comes in than can be written
     */
    BatchResponse take(Caller caller, Accepted<Batch> accepted, @Nullable Instant sentAt,
            AgentQueueTable.@Nullable QueueReport queue, NodeLimit limit) throws GroupCommit.QueueFull {
        Batch batch = accepted.value();
        caller.reports().check(preparation.number(batch).cluster(), List.of(batch.node()));
        limit.check(batch.cluster(), batch.node());
        List<BatchResponse.Refused> refused = new ArrayList<>(refused(accepted));
        Duration offset = offset(sentAt);
        Duration age = Duration.between(batch.timestamp().plus(offset), clock.instant());
        BatchResponse.Status status = writer.submit(preparation.prepare(caller, batch, offset, queue, refused));
        if (status == BatchResponse.Status.STORED) {
            lag.observe(Math.max(0, age.toMillis() / 1e3));
            vanished.check(caller, preparation.number(batch), batch.timestamp().plus(offset));
        }
        String leftOut = Accepted.describe(accepted.leftOut());
        return BatchResponse.of(status, Batch.VERSION, refused, leftOut.isEmpty() ? null : leftOut);
    }

    /** The readings that are left out as a whole, as far as they name their job. */
    private static List<BatchResponse.Refused> refused(Accepted<Batch> accepted) {
        return accepted.dropped().stream().filter(dropped -> dropped.list().equals("jobs"))
                .filter(dropped -> dropped.jobId() != null && JobId.isValid(dropped.jobId()))
                .map(dropped -> new BatchResponse.Refused(String.valueOf(dropped.jobId()), dropped.problem())).toList();
    }

    /** Stores many batches whose times are right; returns when all are durable. */
    public void takeAll(Caller caller, List<Batch> batches) throws GroupCommit.QueueFull {
        writer.submitAll(batches.stream()
                .map(batch -> preparation.prepare(caller, batch, Duration.ZERO, null, new ArrayList<>())));
    }

    /** How far the sender's clock is behind ours; zero if that is within tolerance. */
    private Duration offset(@Nullable Instant sentAt) {
        if (sentAt == null) {
            return Duration.ZERO;
        }
        Duration offset = Duration.between(sentAt, clock.instant()).truncatedTo(ChronoUnit.SECONDS);
        if (offset.abs().compareTo(SampleStore.CLOCK_TOLERANCE) <= 0) {
            return Duration.ZERO;
        }
        corrected.inc();
        return offset;
    }

    /** In one transaction: decides which batches are new, and writes all that they have. */
    private List<BatchResponse.Status> commit(List<Prepared> batches) {
        List<Sample> written = new ArrayList<>();
        Set<BatchNumber> fresh = database.write("batches", handle -> {
            written.clear();
            Set<BatchNumber> notStored = AgentBatches.take(handle,
                    batches.stream().map(Prepared::number).distinct().toList(), clock.instant());
            List<Prepared> added = first(batches, notStored);
            written.addAll(samples.add(handle, added.stream().flatMap(batch -> batch.samples().stream()).toList()));
            added.stream().flatMap(batch -> batch.lateXids().stream()).forEach(late -> samples.add(handle, late));
            List<NodeReading> readings = added.stream().map(Prepared::node).filter(Objects::nonNull).toList();
            if (!readings.isEmpty()) {
                nodes.store(handle, readings);
            }
            agentQueues.store(handle, added.stream().map(Prepared::queue).filter(Objects::nonNull).toList());
            return notStored;
        });
        samples.added(written);
        List<BatchResponse.Status> statuses = new ArrayList<>();
        for (Prepared batch : batches) {
            BatchResponse.Status status = fresh.remove(batch.number())
                    ? BatchResponse.Status.STORED
                    : BatchResponse.Status.DUPLICATE;
            received.labelValues(status.toString()).inc();
            statuses.add(status);
        }
        return statuses;
    }

    /** Of each number the first batch that has it. */
    private static List<Prepared> first(List<Prepared> batches, Set<BatchNumber> numbers) {
        Map<BatchNumber, Prepared> first = new LinkedHashMap<>();
        batches.stream().filter(batch -> numbers.contains(batch.number()))
                .forEach(batch -> first.putIfAbsent(batch.number(), batch));
        return List.copyOf(first.values());
    }

    /** Writes what waits, and accepts no more. */
    @Override
    public void close() {
        writer.close();
    }
}
