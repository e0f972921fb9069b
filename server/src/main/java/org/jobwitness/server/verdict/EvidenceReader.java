package org.jobwitness.server.verdict;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Database.inPortions;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.server.verdict.RunEvidence.OnGpu;
import org.jobwitness.server.verdict.RunEvidence.OnNode;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.server.verdict.RunEvidence.Said;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a verdict rests on: of one run all of it, of the runs that go on or have just ended what the findings need. Asks for
 * sums, never for samples, so that a long run costs no more than a short one.
 */
public final class EvidenceReader {
    private static final Duration DAY = Duration.ofDays(1);
    /** Of a larger array, these tell enough. */
    private static final int MOST_TASKS = 2000;
    /** Who submits more than this in a day is known to submit many. */
    private static final int MOST_JOBS_OF_A_DAY = 2000;
    private static final String RUN = """
            job.job_key, job.job_id, job.cluster, job.user_name, job.nodes, job.state, job.reason, job.confirmed,
            job.start_time, job.end_time, job.deadline, coalesce(job.cpus, job.requested_cpus) as run_cpus,
            coalesce(job.memory_mb, job.requested_memory_mb) as run_memory_mb,
            coalesce(job.gpus, job.requested_gpus) as run_gpus, job.raw_state, job.scheduler_state, job.final_state,
            job.exit_code, job.exit_signal, job.derived_exit_code, job.start_seen, job.end_seen, job.requeued,
            job.superseded, job.oom_killed, job.scheduler ->> 'name' as name,
            job.scheduler ->> 'state_reason' as state_reason,
            job.scheduler ->> 'cancelled_by' as cancelled_by, job.scheduler ->> 'array_job_id' as array_job_id,
            (job.scheduler ->> 'time_limit_minutes')::double precision * 60 as time_limit,
            (job.scheduler ->> 'suspended_seconds')::double precision as suspended""";
    private final Database database;
    private final JobQueries jobs;
    private final Clock clock;

    public EvidenceReader(Database database, JobQueries jobs, Clock clock) {
        this.database = database;
        this.jobs = jobs;
        this.clock = clock;
    }

    /**
     * Of the newest run of a job id, or the one asked for; empty if there is none that the caller may see.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    Optional<RunEvidence> read(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run) {
        return jobs.find(caller, jobId, cluster, run).flatMap(this::read);
    }

    private Optional<RunEvidence> read(Job job) {
        Instant now = clock.instant();
        List<JobOomKill> kills = Objects.requireNonNullElse(job.oomKillEvents(), List.of());
        return database.snapshot("verdict", handle -> handle
                .createQuery("select " + RUN + ", (job.scheduler ->> 'submit_time')::timestamptz as submit_time"
                        + ", end_seen and (scheduler_state is null or exists (select from job_node"
                        + " where job_node.job_key = job.job_key and ended)) as epilog_seen from job where job_key = :run")
                .bind("run", job.run())
                .map((row, _) -> {
                    Run found = run(row, time(row, "submit_time"));
                    return new RunEvidence(now, found, said(row, row.getBoolean("epilog_seen")),
                            onNodes(found, RunUse.onNodes(handle, found.key(), now)),
                            onGpus(RunUse.ofGpus(handle, found.key(), now)), kills, otherTasks(handle, found),
                            shortJobs(handle, found, now));
                }).findFirst());
    }

    private static List<Task> otherTasks(Handle handle, Run run) {
        if (run.arrayJobId() == null || run.user() == null) {
            return List.of();
        }
        return handle.createQuery("""
                select state, reason, confirmed, cardinality(nodes) as nodes, oom_killed,
                    extract(epoch from end_time - start_time)::double precision as seconds,
                    greatest((scheduler ->> 'suspended_seconds')::double precision, figures.suspended_seen) as suspended,
                    (scheduler ->> 'time_limit_minutes')::double precision * 60 as time_limit,
                    coalesce(memory_mb, requested_memory_mb) * 1048576.0 / greatest(cardinality(nodes), 1) as memory,
                    figures.*
                from job left join lateral (
                    select max(greatest(memory_peak_bytes, memory_max_bytes)) as memory_peak,
                        max(latest[%2$d]) as memory_limit, max(anon_max_bytes + coalesce(latest[%3$d], 0)) as needed,
                        max(coalesce(job_node.cpus, latest[%1$d], job.cpus)) as cpus,
                        max(cpu_max / 100 * coalesce(job_node.cpus, latest[%1$d], job.cpus)) as cpus_used,
                        min(cpu_count) as samples, sum(covered_ms) / 1000.0 as covered,
                        max(suspended_ms) / 1000.0 as suspended_seen
                    from job_figures left join job_node using (job_key, node)
                    where job_figures.job_key = job.job_key) figures on true
                where scheduler ->> 'array_job_id' = :array and cluster = :cluster and user_name = :user and newest
                    and state in ('completed', 'failed', 'cancelled') and job_key <> :run
                order by listed_at desc limit :most""".formatted(Figure.CPUS.number(),
                Figure.MEMORY_LIMIT_BYTES.number(), Figure.MEMORY_SHMEM_BYTES.number()))
                .bind("array", run.arrayJobId()).bind("cluster", run.cluster()).bind("user", run.user())
                .bind("run", run.key()).bind("most", MOST_TASKS).map((row, _) -> task(row)).list();
    }

    private static Task task(ResultSet row) throws SQLException {
        Reason reason = constant(Reason.class, row.getString("reason"));
        double limit = number(row, "memory_limit");
        return new Task(state(row), reason, row.getBoolean("confirmed"), row.getInt("nodes"),
                Math.max(0, number(row, "seconds") - row.getDouble("suspended")),
                number(row, "time_limit"), number(row, "memory_peak"),
                Double.isNaN(limit) ? number(row, "memory") : limit, number(row, "needed"), number(row, "cpus"),
                number(row, "cpus_used"), row.getLong("samples"),
                number(row, "covered") / (number(row, "seconds") * Math.max(1, row.getInt("nodes"))),
                row.getBoolean("oom_killed") || reason == Reason.OUT_OF_MEMORY);
    }

    /** Counted only where it matters, and among the newest only: what comes after many is many. */
    private static int shortJobs(Handle handle, Run run, Instant now) {
        if (run.user() == null || run.name() == null || run.start() == null || !run.hasEnded()
                || run.seconds(now) >= Thresholds.SHORT.toSeconds()) {
            return 0;
        }
        return handle.createQuery("""
                select count(*) from (
                    select scheduler ->> 'name' as name, cluster, end_time - start_time as took
                    from job where user_name = :user and listed_at between :from and :to
                    order by listed_at desc limit :most) of_day
                where name = :name and cluster = :cluster and took < :short * interval '1 second'""")
                .bind("user", run.user()).bind("name", run.name()).bind("cluster", run.cluster())
                .bind("from", run.start().minus(DAY)).bind("to", run.start()).bind("most", MOST_JOBS_OF_A_DAY)
                .bind("short", Thresholds.SHORT.toSeconds()).mapTo(Integer.class).one();
    }

    /** A run, what it used, and the evidence that is made of both. */
    record Recent(RunEvidence evidence, List<RunUse.NodeUsage> onNodes, List<RunUse.GpuUsage> gpus) {
        Recent {
            onNodes = List.copyOf(onNodes);
            gpus = List.copyOf(gpus);
        }
    }

    /**
     * Tells of each newest run that goes on or ended since, as far as findings need it: nothing of other runs, and OOM kills by
     * number only. To be called in a transaction: what is read comes in portions.
     */
    void eachRecent(Handle handle, Instant now, Instant since, Consumer<Recent> consumer) {
        try (Stream<RunUse.NodeUsage> allOnNodes = RunUse.onNodesSince(handle, since, now);
                Stream<RunUse.GpuUsage> allGpus = RunUse.ofGpusSince(handle, since, now)) {
            ByRun<RunUse.NodeUsage> onNodes = new ByRun<>(allOnNodes.iterator(), RunUse.NodeUsage::run);
            ByRun<RunUse.GpuUsage> gpus = new ByRun<>(allGpus.iterator(), RunUse.GpuUsage::run);
            inPortions(handle.createQuery("select " + RUN + " from job where " + RunUse.RUNNING_OR_ENDED_SINCE
                    + " order by job_key").bind("since", since))
                    .map((row, _) -> new Told(run(row, null), said(row, row.getBoolean("end_seen"))))
                    .useStream(runs -> runs.forEach(told -> consumer.accept(
                            recent(now, told, onNodes.of(told.run().key()), gpus.of(told.run().key())))));
        }
    }

    private record Told(Run run, Said said) {
    }

    private static Recent recent(Instant now, Told told, List<RunUse.NodeUsage> onNodes, List<RunUse.GpuUsage> gpus) {
        return new Recent(
                new RunEvidence(now, told.run(), told.said(), onNodes(told.run(), onNodes), onGpus(gpus), List.of(),
                        List.of(), 0),
                onNodes, gpus);
    }

    /** Rows of many runs, in the order of their keys, handed out run by run. */
    private static final class ByRun<T> {
        private final Iterator<T> rows;
        private final ToLongFunction<T> runOf;
        private @Nullable T next;

        ByRun(Iterator<T> rows, ToLongFunction<T> runOf) {
            this.rows = rows;
            this.runOf = runOf;
            this.next = nextOrNull();
        }

        /** To be asked for one run after the other, in the order of their keys. */
        List<T> of(long run) {
            List<T> found = new ArrayList<>();
            for (; next != null && runOf.applyAsLong(next) <= run; next = nextOrNull()) {
                if (runOf.applyAsLong(next) == run) {
                    found.add(next);
                }
            }
            return found;
        }

        private @Nullable T nextOrNull() {
            return rows.hasNext() ? rows.next() : null;
        }
    }

    private static Run run(ResultSet row, @Nullable Instant submit) throws SQLException {
        Instant start = time(row, "start_time");
        Instant deadline = time(row, "deadline");
        double limit = number(row, "time_limit");
        return new Run(string(row, "job_id"), row.getLong("job_key"), string(row, "cluster"),
                row.getString("user_name"), row.getString("name"), strings(row, "nodes"), state(row),
                constant(Reason.class, row.getString("reason")), row.getObject("confirmed", Boolean.class), submit,
                start,
                time(row, "end_time"), deadline,
                Double.isNaN(limit) && start != null && deadline != null
                        ? Duration.between(start, deadline).toMillis() / 1e3
                        : limit,
                number(row, "suspended"), number(row, "run_cpus"), number(row, "run_memory_mb"),
                number(row, "run_gpus"),
                row.getString("array_job_id"));
    }

    private static Said said(ResultSet row, boolean epilogSeen) throws SQLException {
        JobState byScheduler = constant(JobState.class, row.getString("scheduler_state"));
        return new Said(row.getString("raw_state"), row.getString("state_reason"),
                byScheduler != null && byScheduler.isFinal() && !"lost".equals(row.getString("reason")),
                constant(JobState.class, row.getString("final_state")),
                row.getObject("exit_code", Integer.class), row.getObject("exit_signal", Integer.class),
                row.getObject("derived_exit_code", Integer.class), row.getString("cancelled_by"),
                row.getBoolean("start_seen"), epilogSeen, row.getBoolean("requeued"), row.getBoolean("superseded"),
                row.getBoolean("oom_killed"));
    }

    /** Those of which somebody told what it used there. */
    private static List<OnNode> onNodes(Run run, List<RunUse.NodeUsage> all) {
        List<OnNode> nodes = new ArrayList<>(all.size());
        for (RunUse.NodeUsage on : all) {
            RunUse.Sums sums = on.sums();
            if (sums != null) {
                nodes.add(new OnNode(on.node(), cpus(run, on.node(), sums), sums.samples(), sums.coveredSeconds(),
                        sums.suspendedSeconds(), on.fresh().value(Figure.SUSPENDED_MS) > 0, sums.lastSample(),
                        sums.cpuPercent(), sums.cpuMaxPercent(),
                        sums.latest().value(Figure.CPU_USAGE_PERCENT), sums.memoryPeak(),
                        sums.latest().value(Figure.MEMORY_LIMIT_BYTES), sums.anonMax(),
                        sums.latest().value(Figure.MEMORY_SHMEM_BYTES), sums.throttledSeconds(),
                        sums.memoryStallSeconds(), sums.ioStallSeconds(), on.oomKills()));
            }
        }
        return nodes;
    }

    private static double cpus(Run run, String node, RunUse.Sums sums) {
        if (!Double.isNaN(sums.cpus())) {
            return sums.cpus();
        }
        return node.isEmpty() || run.nodes().size() == 1 ? run.cpus() : sums.latest().value(Figure.CPUS);
    }

    private static List<OnGpu> onGpus(List<RunUse.GpuUsage> all) {
        return all.stream().map(gpu -> new OnGpu(gpu.node(), gpu.gpu(), gpu.hold(), gpu.heldFrom(), gpu.samples(),
                gpu.percent(), gpu.maxPercent(), gpu.lastUsed(), gpu.readAt(), gpu.processes())).toList();
    }

    private static JobState state(ResultSet row) throws SQLException {
        return Objects.requireNonNull(constant(JobState.class, row.getString("state")));
    }

    /** NaN where it is not known. */
    private static double number(ResultSet row, String column) throws SQLException {
        double value = row.getDouble(column);
        return row.wasNull() ? Double.NaN : value;
    }
}
