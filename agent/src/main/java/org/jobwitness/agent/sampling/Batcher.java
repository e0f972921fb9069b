package org.jobwitness.agent.sampling;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;
import org.jspecify.annotations.Nullable;

/** Puts readings into batches. Urgent readings are collected for a moment, so that many at once make one batch. */
final class Batcher {
    private static final long COLLECT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int MAX_JOBS = 1000;

    private final Outbox outbox;
    private final Supplier<Optional<String>> cluster;
    private final String agentVersion;
    private final NodeClock clock;
    private final BatchNumbers numbers = new BatchNumbers();
    /** By node. */
    private final Map<String, List<JobReading>> urgent = new TreeMap<>();
    private @Nullable Long urgentDueNanos;
    private final AtomicLong kills = new AtomicLong();

    Batcher(Outbox outbox, Supplier<Optional<String>> cluster, String agentVersion, NodeClock clock) {
        this.outbox = outbox;
        this.cluster = cluster;
        this.agentVersion = agentVersion;
        this.clock = clock;
    }

    /**
     * All readings of a node at one time.
     *
     * @param intervalMs since the readings before; null if there were none
     */
    record NodeReadings(Instant at, @Nullable Integer intervalMs, List<JobReading> jobs, List<GpuReading> gpus,
            @Nullable NodeFigures figures) {
    }

    /** OOM kills in all batches so far. */
    long kills() {
        return kills.get();
    }

    void addUrgent(String node, JobReading reading) {
        urgent.computeIfAbsent(node, _ -> new ArrayList<>()).add(reading);
        if (urgentDueNanos == null) {
            urgentDueNanos = clock.nanoTime() + COLLECT_NANOS;
        }
    }

    /** Nanoseconds until urgent readings are due; the maximum if there are none. */
    long nanosUntilDue() {
        return urgentDueNanos == null ? Long.MAX_VALUE : Math.max(0, urgentDueNanos - clock.nanoTime());
    }

    void sendUrgentIfDue() {
        if (urgentDueNanos == null || nanosUntilDue() > 0) {
            return;
        }
        urgentDueNanos = null;
        Instant at = clock.instant();
        urgent.forEach((node, jobs) -> send(node, new NodeReadings(at, null, jobs, List.of(), null), true));
        urgent.clear();
    }

    void send(String node, NodeReadings readings) {
        send(node, readings, false);
    }

    private void send(String node, NodeReadings readings, boolean atOnce) {
        List<JobReading> jobs = readings.jobs();
        kills.addAndGet(jobs.stream().mapToInt(job -> job.oomKillEvents().size()).sum());
        List<GpuReading> gpusLeft = new ArrayList<>(readings.gpus());
        int from = 0;
        do {
            int to = Math.min(jobs.size(), from + MAX_JOBS);
            List<JobReading> jobsOfBatch = jobs.subList(from, to);
            Set<String> ids = jobsOfBatch.stream().map(JobReading::jobId).collect(Collectors.toSet());
            List<GpuReading> gpusOfBatch = new ArrayList<>(
                    gpusLeft.stream().filter(gpu -> ids.containsAll(NodeGpus.jobsOf(gpu))).toList());
            gpusLeft.removeAll(gpusOfBatch);
            if (to == jobs.size()) {
                gpusLeft.forEach(gpu -> gpusOfBatch.add(NodeGpus.withoutJobs(gpu)));
            }
            outbox.add(new Batch(Batch.VERSION, cluster.get().orElse(null), node, numbers.bootId(), numbers.next(node),
                    readings.at(), readings.intervalMs(), agentVersion, from == 0 ? readings.figures() : null,
                    jobsOfBatch, gpusOfBatch), atOnce);
            from = to;
        } while (from < jobs.size());
    }
}
