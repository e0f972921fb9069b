package org.jobwitness.server.verdict;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.figure;
import static org.jobwitness.server.db.Columns.rounded;
import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.query.ArrayTasks;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.wire.ArrayVerdict;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

/** Judges job arrays: reads how all tasks ended in one query, and the verdict of one task for each way in which some failed. */
public final class ArrayVerdicts {
    /** The newest of them, of a larger array. */
    private static final int MAX_TASKS = 20_000;
    /** Each costs a verdict. */
    private static final int MAX_EXAMPLES = 5;
    private static final double HOUR = 3600;

    private final Database database;
    private final JobQueries jobs;
    private final Verdicts verdicts;
    private final Clock clock;

    public ArrayVerdicts(Database database, JobQueries jobs, Verdicts verdicts, Clock clock) {
        this.database = database;
        this.jobs = jobs;
        this.verdicts = verdicts;
        this.clock = clock;
    }

    /** A task that has ended. */
    private record Ended(String jobId, long run, long task, JobState state, @Nullable Reason reason, double seconds,
            double cpuSeconds, @Nullable Double cpuPercent, @Nullable Double memoryPeakMb) {
        Ended as(long number) {
            return new Ended(jobId, run, number, state, reason, seconds, cpuSeconds, cpuPercent, memoryPeakMb);
        }

        double idleSeconds() {
            return cpuPercent == null ? -1 : cpuSeconds * (1 - cpuPercent / 100);
        }
    }

    /** A way to end. */
    private record Way(JobState state, @Nullable Reason reason) {
    }

    /**
     * Empty if the id means no job array that the caller may see.
     *
     * @param cluster null for any
     */
    public Optional<ArrayVerdict> of(Caller caller, String asked, @Nullable String cluster) {
        return jobs.findAsked(caller, asked, cluster, null).filter(job -> job.array() != null)
                .map(job -> judge(caller, job, Objects.requireNonNull(job.array())));
    }

    private ArrayVerdict judge(Caller caller, Job newest, JobArray array) {
        List<Ended> ended = ended(caller, array.id(), newest.cluster());
        Optional<Ended> typical = typical(ended);
        Verdict.NextRequest next = verdict(caller, newest.cluster(), typical.map(Ended::jobId).orElse(newest.id()),
                typical.map(Ended::run).orElse(newest.run())).next();
        return new ArrayVerdict(array, newest.cluster(), newest.user(), clock.instant(),
                ends(caller, array.id(), newest.cluster(), ended),
                typical.map(task -> shown(array.id(), task)).orElse(null),
                worst(ended).map(task -> shown(array.id(), task)).orElse(null), next, again(ended),
                ended.size() < MAX_TASKS
                        ? array.incomplete()
                        : "only the newest " + MAX_TASKS + " tasks that ended are looked at");
    }

    private Verdict verdict(Caller caller, String cluster, String jobId, long run) {
        return verdicts.of(caller, jobId, cluster, run).orElseThrow().verdict();
    }

    private List<Ended> ended(Caller caller, String array, String cluster) {
        Condition visible = Visibility.of(caller.scope());
        return database.read("array_tasks", handle -> {
            List<Ended> ended = new ArrayList<>(handle.createQuery("""
                    select job_id, job_key, (scheduler ->> 'array_task_id')::bigint as task, state,
                        nullif(reason, 'unknown') as reason,
                        greatest(0, coalesce(extract(epoch from end_time - start_time), 0)
                            - coalesce(suspended_seconds, 0))::double precision as seconds,
                        coalesce(cpus, 0) as cpus, cpu_avg, memory_max
                    from job join job_use using (job_key)
                    where scheduler ->> 'array_job_id' = :array and cluster = :cluster and newest
                        and scheduler ->> 'array_task_id' is not null and state in ('completed', 'failed', 'cancelled') and %s
                    order by listed_at desc, job_key desc limit :max""".formatted(visible.sql()))
                    .bindMap(visible.values())
                    .bind("array", array).bind("cluster", cluster).bind("max", MAX_TASKS).map((row, _) -> task(row))
                    .list());
            ended.addAll(neverStarted(handle, visible, array, cluster).limit(MAX_TASKS - ended.size()).toList());
            return ended;
        });
    }

    /** Tasks that were cancelled together while they waited, as one job: those of its list that have no job of their own. */
    private static Stream<Ended> neverStarted(Handle handle, Condition visible, String array, String cluster) {
        Set<Long> own = handle.createQuery("select (scheduler ->> 'array_task_id')::bigint from job"
                + " where scheduler ->> 'array_job_id' = :array and cluster = :cluster and newest"
                + " and scheduler ->> 'array_task_id' is not null and " + visible.sql() + " limit :max")
                .bindMap(visible.values()).bind("array", array).bind("cluster", cluster).bind("max", MAX_TASKS)
                .mapTo(Long.class).set();
        return handle.createQuery("""
                select job_id, job_key, 0 as task, state, nullif(reason, 'unknown') as reason, 0.0::double precision as seconds,
                    0 as cpus, null::double precision as cpu_avg, null::double precision as memory_max,
                    scheduler ->> 'array_tasks' as list
                from job
                where scheduler ->> 'array_job_id' = :array and cluster = :cluster and newest and start_time is null
                    and scheduler ->> 'array_task_id' is null and state in ('failed', 'cancelled') and %s
                order by job_key limit :max""".formatted(visible.sql())).bindMap(visible.values())
                .bind("array", array).bind("cluster", cluster).bind("max", MAX_TASKS)
                .map((row, _) -> Map.entry(task(row), ArrayTasks.parse(row.getString("list")))).list().stream()
                .flatMap(job -> job.getValue().stream().flatMap(tasks -> tasks.numbers().boxed())
                        .filter(task -> !own.contains(task)).map(task -> job.getKey().as(task)));
    }

    private static Ended task(ResultSet row) throws SQLException {
        double seconds = row.getDouble("seconds");
        return new Ended(string(row, "job_id"), row.getLong("job_key"), row.getLong("task"), RunRow.state(row),
                constant(Reason.class, row.getString("reason")), seconds, seconds * row.getInt("cpus"),
                figure(row, "cpu_avg", 1), figure(row, "memory_max", 1 << 20));
    }

    private List<ArrayVerdict.End> ends(Caller caller, String array, String cluster, List<Ended> ended) {
        SequencedMap<Way, List<Ended>> ways = ended.stream().collect(Collectors
                .groupingBy(task -> new Way(task.state(), task.reason()), LinkedHashMap::new, Collectors.toList()));
        List<Map.Entry<Way, List<Ended>>> sorted = ways.entrySet().stream()
                .sorted(Comparator.comparingInt(way -> -way.getValue().size())).toList();
        List<Way> explained = sorted.stream().map(Map.Entry::getKey).filter(way -> way.state() != JobState.COMPLETED)
                .limit(MAX_EXAMPLES).toList();
        return sorted.stream().map(way -> new ArrayVerdict.End(way.getKey().state(), way.getKey().reason(),
                way.getValue().size(), list(way.getValue()),
                rounded(way.getValue().stream().mapToDouble(Ended::cpuSeconds).sum() / HOUR),
                explained.contains(way.getKey()) ? example(caller, array, cluster, way.getValue()) : null)).toList();
    }

    private ArrayVerdict.Example example(Caller caller, String array, String cluster, List<Ended> tasks) {
        Ended largest = tasks.stream().max(Comparator.comparingDouble(Ended::cpuSeconds)).orElseThrow();
        Verdict verdict = verdict(caller, cluster, largest.jobId(), largest.run());
        return new ArrayVerdict.Example(array + "_" + largest.task(), largest.run(), verdict.outcome().headline(),
                verdict.retry().how(), verdict.next().lines());
    }

    private static Optional<Ended> typical(List<Ended> ended) {
        List<Ended> done = ended.stream().filter(task -> task.state() == JobState.COMPLETED)
                .sorted(Comparator.comparingDouble(Ended::seconds)).toList();
        return done.isEmpty() ? Optional.empty() : Optional.of(done.get(done.size() / 2));
    }

    private static Optional<Ended> worst(List<Ended> ended) {
        Predicate<Ended> lost = task -> task.state() != JobState.COMPLETED && task.cpuSeconds() > 0;
        return ended.stream().filter(lost).max(Comparator.comparingDouble(Ended::cpuSeconds))
                .or(() -> ended.stream().filter(task -> task.idleSeconds() > 0)
                        .max(Comparator.comparingDouble(Ended::idleSeconds)));
    }

    private static ArrayVerdict.@Nullable Again again(List<Ended> ended) {
        List<Ended> failed = ended.stream().filter(task -> task.state() != JobState.COMPLETED).toList();
        return failed.isEmpty()
                ? null
                : new ArrayVerdict.Again(failed.size(), list(failed), "#SBATCH --array=" + list(failed));
    }

    private static ArrayVerdict.Task shown(String array, Ended task) {
        return new ArrayVerdict.Task(array + "_" + task.task(), task.run(), task.state(), rounded(task.seconds()),
                task.cpuPercent(), task.memoryPeakMb());
    }

    /** {@code 1-3,7}, as sbatch takes it. */
    private static String list(Collection<Ended> tasks) {
        StringBuilder list = new StringBuilder();
        TreeSet<Long> numbers = tasks.stream().map(Ended::task).collect(Collectors.toCollection(TreeSet::new));
        Long first = null;
        for (Long number : numbers) {
            if (first == null) {
                first = number;
            }
            if (!numbers.contains(number + 1)) {
                list.append(list.isEmpty() ? "" : ",").append(first)
                        .append(first.equals(number) ? "" : "-" + number);
                first = null;
            }
        }
        return list.toString();
    }
}
