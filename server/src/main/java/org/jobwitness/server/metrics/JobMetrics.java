package org.jobwitness.server.metrics;

import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.JobQueries;
import org.jobwitness.wire.JobState;

/** The hpc_job_ families, as the database has them at the moment of the scrape. */
public final class JobMetrics {
    private final Database database;
    private final JobQueries jobs;
    private final Clock clock;
    private final Map<String, LongAdder> begun = new ConcurrentHashMap<>();
    private final Map<String, Long> before = new ConcurrentHashMap<>();
    private boolean counted;

    public JobMetrics(Database database, JobQueries jobs, Clock clock) {
        this.database = database;
        this.jobs = jobs;
        this.clock = clock;
    }

    /** Counts new runs; a listener of {@code JobTable}. */
    public void count(JobChange change) {
        if (change.before() == null) {
            begun.computeIfAbsent(change.after().identity().cluster(), _ -> new LongAdder()).increment();
        }
    }

    void write(Exposition out) {
        Instant now = clock.instant();
        database.snapshot("metrics", handle -> {
            Map<String, Map<JobState, Long>> states = jobs.countByState(handle);
            Exposition total = out.gauge("hpc_job_state_total", "Jobs by state; of each job id its newest run.",
                    "cluster", "state");
            states.forEach((cluster, counts) -> {
                for (JobState state : JobState.values()) {
                    total.sample(counts.getOrDefault(state, 0L), cluster, state.toString());
                }
            });

            Exposition runs = out.counter("hpc_job_total", "Runs of jobs that the service has come to know.",
                    "cluster");
            runsEver(handle).forEach((cluster, count) -> runs.sample(count, cluster));

            Exposition info = out.gauge("hpc_job_info",
                    "1 for each job that runs or ended less than 5 minutes ago, with what names it.", "cluster",
                    "job_id",
                    "user", "partition", "account", "name");
            jobs.eachRecent(handle, now, job -> info.sample(1, job.cluster(), job.jobId(), job.user(), job.partition(),
                    job.account(), ""));

            Exposition state = out.gauge("hpc_job_state",
                    "1 for the state and reason that a job has; jobs as in hpc_job_info.", "cluster", "job_id", "state",
                    "reason");
            jobs.eachRecent(handle, now,
                    job -> state.sample(1, job.cluster(), job.jobId(), job.state(), job.reason()));

            Exposition runtime = out.gauge("hpc_job_runtime_seconds", "How long a running job has been running.",
                    "cluster", "job_id", "user", "node");
            jobs.eachRunningOnNode(handle, now, job -> runtime.sample(job.runtimeSeconds(), job.cluster(), job.jobId(),
                    job.user(), job.node()));
            return null;
        });
        out.gauge("hpc_exporter_last_collect_timestamp_seconds", "When these figures were collected.")
                .sample(now.toEpochMilli() / 1e3);
    }

    /** A counter must not fall when old runs are deleted: what was there at first, and what has come since. */
    private synchronized Map<String, Long> runsEver(Handle handle) {
        if (!counted) {
            jobs.countRuns(handle).forEach((cluster, count) -> before.put(cluster,
                    Math.max(0, count - (begun.containsKey(cluster) ? begun.get(cluster).sum() : 0))));
            counted = true;
        }
        Map<String, Long> ever = new TreeMap<>(before);
        begun.forEach((cluster, count) -> ever.merge(cluster, count.sum(), Long::sum));
        return ever;
    }
}
