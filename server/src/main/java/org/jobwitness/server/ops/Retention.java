package org.jobwitness.server.ops;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.jobwitness.server.batch.AgentBatches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Turn;
import org.jobwitness.server.db.Partition;
import org.jobwitness.server.db.Partition.Parent;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.JobDeletion;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets leave what is older than it has to be kept (samples by whole days, the audit trail by whole months, ended runs one by
 * one), and makes place for what is to come. The work of a {@code LeaderTask}.
 */
public final class Retention {
    private static final Logger log = LoggerFactory.getLogger(Retention.class);
    private static final int RUNS_AT_ONCE = 1000;
    private static final int TRIES_TO_DROP = 10;
    private static final Duration CLOCKS_DIFFER = Duration.ofHours(1);
    /** Between two steps, so that whoever waited has their turn. */
    private static final Duration REST = Duration.ofMillis(50);
    private static final Duration PAUSE = Duration.ofSeconds(3);

    private final Database database;
    private final Partitions partitions;
    private final JobDeletion jobs;
    private final Duration jobRetention;
    private final Clock clock;
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
                .help("When this server last saw to it that nothing older is kept than the settings say.")
                .callback(gauge -> {
                    Instant last = lastSuccess;
                    if (last != null) {
                        gauge.call(last.toEpochMilli() / 1e3);
                    }
                }).register(metrics);
    }

    /** One turn's work. A clock that has gone wrong must not delete what nobody can bring back. */
    public void run(Turn turn) throws InterruptedException {
        Instant databaseTime = database.read("clock", handle -> handle.createQuery("select now()")
                .mapTo(Instant.class).one());
        if (clock.instant().isAfter(databaseTime.plus(CLOCKS_DIFFER))) {
            throw new IllegalStateException("nothing is deleted: this server's clock is ahead of its database's by more"
                    + " than " + CLOCKS_DIFFER.toMinutes() + " minutes; set the one that is wrong");
        }
        for (Partition missing : database.read("partitions_missing", partitions::missing)) {
            turn.check();
            database.write("partition_make", handle -> partitions.make(handle, missing));
        }
        long runs = deleteRuns(turn);
        Dropped days = drop(Parent.CHUNK, turn);
        Dropped months = drop(Parent.AUDIT, turn);
        if (runs > 0 || days.count() > 0 || months.count() > 0) {
            log.info("retention_done samples_days={} runs={} audit_months={}", days.count(), runs, months.count());
        }
        database.write("agent_batches_forget", handle -> AgentBatches.forget(handle, forgettable()));
        if (days.all() && months.all()) {
            lastSuccess = clock.instant();
        }
    }

    /** Nothing of a batch that is sent again after so long would be stored. */
    private Instant forgettable() {
        Duration longer = jobRetention.compareTo(partitions.sampleRetention()) > 0
                ? jobRetention
                : partitions.sampleRetention();
        return clock.instant().minus(longer).minus(Duration.ofDays(1));
    }

    private long deleteRuns(Turn turn) throws InterruptedException {
        Instant before = clock.instant().minus(jobRetention);
        long all = 0;
        for (long some = -1; some != 0; all += some) {
            turn.check();
            some = jobs.deleteEndedBefore(before, RUNS_AT_ONCE);
            deleted.inc(some);
            turn.pause(REST);
        }
        return all;
    }

    /** @param all whether nothing old is left */
    private record Dropped(int count, boolean all) {
    }

    /** What somebody reads for long is left for the next time. Such readers read the table, so they hold up all its parts. */
    private Dropped drop(Parent parent, Turn turn) throws InterruptedException {
        int count = 0;
        boolean all = true;
        int tries = TRIES_TO_DROP;
        for (Partition old : database.read("partitions_old", handle -> partitions.old(handle, parent))) {
            boolean gone = false;
            while (!gone && tries > 0) {
                turn.check();
                try {
                    gone = database.write("partition_drop", handle -> partitions.drop(handle, old));
                } catch (IllegalStateException e) {
                    log.warn("partition_not_dropped partition={} cause=\"{}\"", old.name(), e.getMessage());
                    break; // a view that somebody made on it, or the like: the others need not wait for that
                }
                tries -= gone ? 0 : 1;
                turn.pause(gone ? REST : PAUSE);
            }
            if (gone) {
                dropped.labelValues(parent.toString()).inc();
                count++;
            }
            all &= gone;
        }
        if (tries == 0) {
            log.warn("partitions_not_dropped table={} cause=\"somebody reads it for long\"", parent);
        }
        return new Dropped(count, all);
    }
}
