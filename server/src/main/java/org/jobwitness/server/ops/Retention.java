package org.jobwitness.server.ops;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jobwitness.server.access.AccessEvents;
import org.jobwitness.server.batch.AgentBatches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.db.Partition;
import org.jobwitness.server.db.Partition.Parent;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.node.GpuErrorTable;
import org.jobwitness.server.node.NodeEventTable;
import org.jobwitness.server.report.DaySums;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes what is older than its retention (samples by whole days, the audit trail by whole months, ended runs one by one), and
 * creates partitions ahead. The work of a {@code LeaderTask}.
 */
public final class Retention {
    private static final Logger log = LoggerFactory.getLogger(Retention.class);
    private static final int RUNS_AT_ONCE = 1000;
    private static final int MAX_DROP_ATTEMPTS = 10;
    private static final Duration MAX_CLOCK_DIFFERENCE = Duration.ofHours(1);
    /** Between two steps, so that others get their locks. */
    private static final Duration STEP_PAUSE = Duration.ofMillis(50);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(3);

    private final Database database;
    private final Partitions partitions;
    private final JobDeletion jobs;
    private final Duration jobRetention;
    private final Clock clock;
    private final RetentionClock trust = new RetentionClock(System::nanoTime);
    private final Counter dropped;
    private final Counter deleted;
    private volatile @Nullable Instant lastSuccess;

    public Retention(Database database, Partitions partitions, JobDeletion jobs, Duration jobRetention, Clock clock,
            PrometheusRegistry metrics) {
        this.database = database;
        this.partitions = partitions;
        this.jobs = jobs;
        this.jobRetention = jobRetention;
        this.clock = clock;
        dropped = Counter.builder().name("jobwitness_retention_partitions_dropped_total")
                .help("Days of samples and months of the audit trail that this server dropped.").labelNames("table")
                .register(metrics);
        for (Parent parent : Parent.values()) {
            dropped.initLabelValues(parent.toString());
        }
        deleted = Counter.builder().name("jobwitness_retention_runs_deleted_total")
                .help("Old runs of jobs that this server deleted.").register(metrics);
        GaugeWithCallback.builder().name("jobwitness_retention_last_success_timestamp_seconds")
                .help("When this server last deleted all that was past its retention.")
                .callback(gauge -> {
                    Instant last = lastSuccess;
                    if (last != null) {
                        gauge.call(last.toEpochMilli() / 1e3);
                    }
                }).register(metrics);
    }

    /** Deletes nothing while this server's clock may be ahead: what is deleted cannot be restored. */
    public void run(Leadership leadership) throws InterruptedException {
        Instant databaseTime = database.read("clock", handle -> handle.createQuery("select now()")
                .mapTo(Instant.class).one());
        if (clock.instant().isAfter(databaseTime.plus(MAX_CLOCK_DIFFERENCE))) {
            throw new IllegalStateException("nothing is deleted: this server's clock is ahead of its database's by more"
                    + " than " + MAX_CLOCK_DIFFERENCE.toMinutes() + " minutes; set the one that is wrong");
        }
        for (Partition missing : database.read("partitions_missing", partitions::missing)) {
            leadership.check();
            database.write("partition_make", handle -> Partitions.create(handle, missing));
        }
        requireTrust();
        long runs = deleteRuns(leadership);
        Dropped days = dropExpired(Parent.CHUNK, leadership);
        Dropped months = dropExpired(Parent.AUDIT, leadership);
        if (runs > 0 || days.count() > 0 || months.count() > 0) {
            log.info("retention_done samples_days={} runs={} audit_months={}", days.count(), runs, months.count());
        }
        database.write("node_events_forget",
                handle -> NodeEventTable.forget(handle, clock.instant().minus(jobRetention)));
        database.write("access_events_forget", handle -> {
            AccessEvents.forget(handle, clock.instant().minus(partitions.auditRetention()));
            return true;
        });
        database.write("reports_forget",
                handle -> DaySums.forget(handle, clock.instant().minus(partitions.auditRetention())));
        database.write("gpu_errors_forget",
                handle -> GpuErrorTable.forget(handle, clock.instant().minus(jobRetention)));
        database.write("agent_batches_forget", handle -> AgentBatches.forget(handle, forgettable()));
        if (days.complete() && months.complete()) {
            lastSuccess = clock.instant();
        }
    }

    private void requireTrust() {
        Instant now = clock.instant();
        RetentionClock.Turn turn = database.write("retention_clock", handle -> trust.turn(handle, now));
        if (!turn.isBelieved()) {
            throw new IllegalStateException("nothing is deleted: this server's clock says "
                    + now.truncatedTo(ChronoUnit.SECONDS) + ", and it last deleted at "
                    + turn.trustedAt().truncatedTo(ChronoUnit.SECONDS) + ", of which "
                    + turn.waited().toHours() + " hours were counted. If the clock is right, run"
                    + " jobwitness-server retention --confirm");
        }
    }

    /** A batch that is sent again after this long would not be stored anyway. */
    private Instant forgettable() {
        Duration longer = jobRetention.compareTo(partitions.sampleRetention()) > 0
                ? jobRetention
                : partitions.sampleRetention();
        return clock.instant().minus(longer).minus(Duration.ofDays(1));
    }

    private long deleteRuns(Leadership leadership) throws InterruptedException {
        Instant before = clock.instant().minus(jobRetention);
        long all = 0;
        for (long some = -1; some != 0; all += some) {
            leadership.check();
            some = jobs.deleteEndedBefore(before, RUNS_AT_ONCE);
            deleted.inc(some);
            leadership.pause(STEP_PAUSE);
        }
        return all;
    }

    /** @param complete whether nothing expired is left */
    private record Dropped(int count, boolean complete) {
    }

    /** What a long query reads is left for the next time. Such a query locks the whole table, not one partition. */
    private Dropped dropExpired(Parent parent, Leadership leadership) throws InterruptedException {
        int count = 0;
        boolean complete = true;
        int attempts = MAX_DROP_ATTEMPTS;
        for (Partition expired : database.read("partitions_old", handle -> partitions.expired(handle, parent))) {
            boolean gone = false;
            while (!gone && attempts > 0) {
                leadership.check();
                try {
                    gone = database.write("partition_drop", handle -> partitions.drop(handle, expired));
                } catch (IllegalStateException e) {
                    log.warn("partition_drop_failed partition={} cause=\"{}\"", expired.name(), e.getMessage());
                    break; // such as a view that depends on it: the others can still be dropped
                }
                attempts -= gone ? 0 : 1;
                leadership.pause(gone ? STEP_PAUSE : RETRY_PAUSE);
            }
            if (gone) {
                dropped.labelValues(parent.toString()).inc();
                count++;
            }
            complete &= gone;
        }
        if (attempts == 0) {
            log.warn("partition_drop_postponed table={} cause=\"lock timeout\"", parent);
        }
        return new Dropped(count, complete);
    }
}
