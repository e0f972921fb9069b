package org.jobwitness.server.verdict;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;

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
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.Caller;
import org.jobwitness.server.job.Figure;
import org.jobwitness.server.job.Figures;
import org.jobwitness.server.job.JobQueries;
import org.jobwitness.server.verdict.Evidence.OnGpu;
import org.jobwitness.server.verdict.Evidence.OnNode;
import org.jobwitness.server.verdict.Evidence.Run;
import org.jobwitness.server.verdict.Evidence.Said;
import org.jobwitness.server.verdict.Evidence.Task;
import org.jobwitness.wire.GpuHold;
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
            job.succeeded, job.oom_killed, job.scheduler ->> 'name' as name,
            job.scheduler ->> 'state_reason' as state_reason,
            job.scheduler ->> 'cancelled_by' as cancelled_by, job.scheduler ->> 'array_job_id' as array_job_id,
            (job.scheduler ->> 'time_limit_minutes')::double precision * 60 as time_limit""";
    private static final String ON_NODE = """
            on_node.node, job_node.cpus as node_cpus, cpu_count, covered_ms, last_sample_at, cpu_sum, cpu_max,
            greatest(memory_peak_bytes, memory_max_bytes) as memory_peak, anon_max_bytes, cpu_throttled_usec,
            memory_stall_usec, io_stall_usec, oom_kills, latest""";
    private static final String ON_GPU = """
            job_gpu_figures.job_key, node, gpu, hold, held_from, utilization_count, utilization_sum, utilization_max,
            last_used_at, read_at, processes_max""";

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
    Optional<Evidence> read(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run) {
        return jobs.find(caller, jobId, cluster, run).flatMap(this::read);
    }

    private Optional<Evidence> read(Job job) {
        Instant now = clock.instant();
        List<JobOomKill> kills = Objects.requireNonNullElse(job.oomKillEvents(), List.of());
        return database.snapshot("verdict", handle -> handle
                .createQuery("select " + RUN + ", (job.scheduler ->> 'submit_time')::timestamptz as submit_time"
                        + ", end_seen and (scheduler_state is null or exists (select from job_node"
                        + " where job_node.job_key = job.job_key and ended)) as epilog_seen from job where job_key = :run")
                .bind("run", job.run())
                .map((row, _) -> {
                    Run found = run(row, time(row, "submit_time"));
                    return new Evidence(now, found, said(row, row.getBoolean("epilog_seen")), onNodes(handle, found),
                            onGpus(handle, found), kills,
                            otherTasks(handle, found), shortJobs(handle, found, now));
                }).findFirst());
    }

    private static List<OnNode> onNodes(Handle handle, Run run) {
        return handle.createQuery("select " + ON_NODE + """
                 from job_figures on_node left join job_node using (job_key, node)
                where on_node.job_key = :run order by on_node.node""").bind("run", run.key())
                .map((row, _) -> onNode(row, run)).list();
    }

    private static List<OnGpu> onGpus(Handle handle, Run run) {
        return handle.createQuery("select " + ON_GPU + " from job_gpu_figures where job_key = :run order by node, gpu")
                .bind("run", run.key()).map((row, _) -> onGpu(row)).list();
    }

    private static List<Task> otherTasks(Handle handle, Run run) {
        if (run.arrayJobId() == null || run.user() == null) {
            return List.of();
        }
        return handle.createQuery("""
                select state, reason, confirmed, cardinality(nodes) as nodes, oom_killed,
                    extract(epoch from end_time - start_time)::double precision as seconds,
                    (scheduler ->> 'time_limit_minutes')::double precision * 60 as time_limit,
                    coalesce(memory_mb, requested_memory_mb) * 1048576.0 / greatest(cardinality(nodes), 1) as memory,
                    figures.*
                from job left join lateral (
                    select max(greatest(memory_peak_bytes, memory_max_bytes)) as memory_peak,
                        max(latest[%2$d]) as memory_limit, max(anon_max_bytes + coalesce(latest[%3$d], 0)) as needed,
                        max(coalesce(job_node.cpus, latest[%1$d], job.cpus)) as cpus,
                        max(cpu_max / 100 * coalesce(job_node.cpus, latest[%1$d], job.cpus)) as cpus_used,
                        min(cpu_count) as samples, sum(covered_ms) / 1000.0 as covered
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
        return new Task(state(row), reason, row.getBoolean("confirmed"), row.getInt("nodes"), number(row, "seconds"),
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

    /**
     * Tells of each newest run that goes on or ended since, as far as findings need it: nothing of other runs, and OOM kills by
     * number only. To be called in a transaction: what is read comes in portions.
     */
    void eachRecent(Handle handle, Instant now, Instant since, Consumer<Evidence> consumer) {
        try (Stream<NodeRow> rows = handle.createQuery("with job as materialized (select * from job where newest"
                + """
                         and state = 'running' and state in ('pending', 'running')
                    union all
                    select * from job where newest and state not in ('pending', 'running')
                        and coalesce(end_time, 'infinity'::timestamptz) >= :since
                        and coalesce(end_time, recorded_at) >= :since)
                    select\s""" + RUN + ", " + ON_NODE + """
                 from job left join job_figures on_node using (job_key)
                left join job_node on job_node.job_key = job.job_key and job_node.node = on_node.node
                order by job.job_key""").bind("since", since).setFetchSize(1000).map((row, _) -> nodeRow(row)).stream();
                Stream<GpuRow> gpuRows = handle.createQuery("select " + ON_GPU + """
                         from job join job_gpu_figures using (job_key)
                        where newest and (state in ('pending', 'running')
                            or (coalesce(end_time, 'infinity'::timestamptz) >= :since
                                and coalesce(end_time, recorded_at) >= :since))
                        order by job_key""").bind("since", since).setFetchSize(1000)
                        .map((row, _) -> new GpuRow(row.getLong("job_key"), onGpu(row))).stream()) {
            new Grouping(now, gpuRows.iterator(), consumer).all(rows.iterator());
        }
    }

    private record NodeRow(Run run, Said said, @Nullable OnNode onNode) {
    }

    private record GpuRow(long run, OnGpu onGpu) {
    }

    /** Brings the rows of each run together; both kinds come in the order of runs. */
    private static final class Grouping {
        private final Instant now;
        private final Iterator<GpuRow> gpuRows;
        private final Consumer<Evidence> consumer;
        private final List<OnNode> nodes = new ArrayList<>();
        private @Nullable NodeRow current;
        private @Nullable GpuRow nextGpu;

        Grouping(Instant now, Iterator<GpuRow> gpuRows, Consumer<Evidence> consumer) {
            this.now = now;
            this.gpuRows = gpuRows;
            this.consumer = consumer;
            this.nextGpu = gpuRows.hasNext() ? gpuRows.next() : null;
        }

        void all(Iterator<NodeRow> rows) {
            rows.forEachRemaining(row -> {
                if (current != null && current.run().key() != row.run().key()) {
                    tell(current);
                }
                current = row;
                if (row.onNode() != null) {
                    nodes.add(row.onNode());
                }
            });
            if (current != null) {
                tell(current);
            }
        }

        private void tell(NodeRow row) {
            List<OnGpu> gpus = new ArrayList<>();
            while (nextGpu != null && nextGpu.run() <= row.run().key()) {
                if (nextGpu.run() == row.run().key()) {
                    gpus.add(nextGpu.onGpu());
                }
                nextGpu = gpuRows.hasNext() ? gpuRows.next() : null;
            }
            consumer.accept(new Evidence(now, row.run(), row.said(), nodes, gpus, List.of(), List.of(), 0));
            nodes.clear();
        }
    }

    private static NodeRow nodeRow(ResultSet row) throws SQLException {
        Run run = run(row, null);
        return new NodeRow(run, said(row, row.getBoolean("end_seen")),
                row.getString("node") == null ? null : onNode(row, run));
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
                number(row, "run_cpus"), number(row, "run_memory_mb"), number(row, "run_gpus"),
                row.getString("array_job_id"));
    }

    private static Said said(ResultSet row, boolean epilogSeen) throws SQLException {
        JobState byScheduler = constant(JobState.class, row.getString("scheduler_state"));
        return new Said(row.getString("raw_state"), row.getString("state_reason"),
                byScheduler != null && byScheduler.isFinal() && !"lost".equals(row.getString("reason")),
                constant(JobState.class, row.getString("final_state")),
                row.getObject("exit_code", Integer.class), row.getObject("exit_signal", Integer.class),
                row.getObject("derived_exit_code", Integer.class), row.getString("cancelled_by"),
                row.getBoolean("start_seen"), epilogSeen, row.getBoolean("requeued"), row.getBoolean("succeeded"),
                row.getBoolean("oom_killed"));
    }

    private static OnNode onNode(ResultSet row, Run run) throws SQLException {
        Figures latest = Figures.of(Figure.Of.JOB, doubles(row, "latest"));
        String node = string(row, "node");
        double cpus = number(row, "node_cpus");
        if (Double.isNaN(cpus)) {
            cpus = node.isEmpty() || run.nodes().size() == 1 ? run.cpus() : latest.value(Figure.CPUS);
        }
        long samples = row.getLong("cpu_count");
        return new OnNode(node, cpus, samples, number(row, "covered_ms") / 1e3, time(row, "last_sample_at"),
                samples == 0 ? Double.NaN : row.getDouble("cpu_sum") / samples, number(row, "cpu_max"),
                latest.value(Figure.CPU_USAGE_PERCENT), number(row, "memory_peak"),
                latest.value(Figure.MEMORY_LIMIT_BYTES), number(row, "anon_max_bytes"),
                latest.value(Figure.MEMORY_SHMEM_BYTES), number(row, "cpu_throttled_usec") / 1e6,
                number(row, "memory_stall_usec") / 1e6, number(row, "io_stall_usec") / 1e6, number(row, "oom_kills"));
    }

    private static OnGpu onGpu(ResultSet row) throws SQLException {
        long samples = row.getLong("utilization_count");
        return new OnGpu(string(row, "node"), string(row, "gpu"),
                Objects.requireNonNull(constant(GpuHold.class, row.getString("hold"))), knownTime(row, "held_from"),
                samples, samples == 0 ? Double.NaN : row.getDouble("utilization_sum") / samples,
                number(row, "utilization_max"), time(row, "last_used_at"), time(row, "read_at"),
                number(row, "processes_max"));
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
