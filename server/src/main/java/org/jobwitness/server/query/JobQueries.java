package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Database.streaming;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.AuditTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** Reads runs for callers, each within its scope. */
public final class JobQueries {
    private static final String SELECT = """
            select * from unnest(:keys) with ordinality as wanted (job_key, place)
            join job using (job_key) join job_use using (job_key) order by place""";
    private static final Duration RECENT = Duration.ofMinutes(5);
    private static final int MAX_RUNS = 1000;

    private final Database database;
    private final AuditTable audit;
    private final RunGpus gpus;
    private final JobRows rows;
    private final Clock clock;

    public JobQueries(Database database, Json json, Clock clock) {
        this.database = database;
        this.audit = new AuditTable(json);
        this.gpus = new RunGpus(json);
        this.rows = new JobRows(json);
        this.clock = clock;
    }

    /**
     * A page of a list of runs.
     *
     * @param from, to runs that existed at some time between the two; null for any time
     * @param cursor the end of the page before; replaces {@code offset}
     */
    public record ListRequest(JobFilter filter, @Nullable Instant from, @Nullable Instant to, JobSort sort, int limit,
            int offset, @Nullable JobCursor cursor) {
    }

    public JobPage list(Caller caller, ListRequest request) {
        Map<String, Condition> conditions = request.filter().conditions();
        conditions.put("scope", Visibility.of(caller.scope()));
        JobFilter.add(conditions, "from", "coalesce(end_time, 'infinity'::timestamptz) >= :from", request.from());
        JobFilter.add(conditions, "to", "listed_at < :to", request.to());
        String from = " from job where "
                + conditions.values().stream().map(Condition::sql).collect(Collectors.joining(" and "));
        return database.read("job_list", handle -> {
            long total = bind(handle.createQuery("select count(*)" + from), conditions).mapTo(Long.class).one();
            List<JobCursor> found = cursors(handle, conditions, from, request);
            boolean more = found.size() > request.limit();
            if (more) {
                found.removeLast();
            }
            List<Job> jobs = select(handle, found.stream().map(JobCursor::key).toList(), Map.of());
            return new JobPage(jobs, total, request.limit(), request.cursor() == null ? request.offset() : 0,
                    more ? found.getLast().text() : null);
        });
    }

    /** The places of a page's runs, and of one more if there is one. */
    private static List<JobCursor> cursors(Handle handle, Map<String, Condition> conditions, String from,
            ListRequest request) {
        JobSort sort = request.sort();
        JobCursor cursor = request.cursor();
        Query query = bind(handle.createQuery("select job_key, (" + sort.column() + ")::text as sorted_by" + from
                + (cursor == null ? "" : " and " + sort.after()) + " order by " + sort.orderBy()
                + " limit :limit offset :offset"), conditions)
                .bind("limit", request.limit() + 1).bind("offset", cursor == null ? request.offset() : 0);
        if (cursor != null) {
            query.bind("cursor_at", cursor.at()).bind("cursor_key", cursor.key());
        }
        return new ArrayList<>(query
                .map((row, _) -> new JobCursor(sort, row.getString("sorted_by"), row.getLong("job_key"))).list());
    }

    private static Query bind(Query query, Map<String, Condition> conditions) {
        conditions.values().forEach(condition -> query.bindMap(condition.values()));
        return query;
    }

    /**
     * The id under which a job is recorded that is asked for by any of the forms that Slurm's commands, mails and log files use;
     * what was asked for, if there is none.
     *
     * @param cluster null for any
     */
    public String recordedId(Caller caller, String asked, @Nullable String cluster) {
        return database.read("job_id", handle -> RunLookup.recordedId(handle, caller.scope(), asked, cluster));
    }

    /** The same as {@link #find}, for an id as people write it; with a summary of the array or heterogeneous job that it names. */
    public Optional<Job> findAsked(Caller caller, String asked, @Nullable String cluster, @Nullable Long run) {
        return database.read("job_find", handle -> {
            String id = RunLookup.recordedId(handle, caller.scope(), asked, cluster);
            List<Long> keys = keys(handle, caller.scope(), id, cluster, run, 1);
            return withDetails(handle, caller.scope(), keys, asked).stream().findFirst();
        });
    }

    /**
     * The newest run of a job id, or a given one, with its OOM kills and GPUs.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    public Optional<Job> find(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run) {
        return database.read("job_find", handle -> withDetails(handle, caller.scope(),
                keys(handle, caller.scope(), jobId, cluster, run, 1), null)).stream().findFirst();
    }

    /** All runs of a job id, newest first, with their OOM kills and GPUs. */
    public List<Job> runs(Caller caller, String jobId, @Nullable String cluster) {
        return database.read("job_runs", handle -> withDetails(handle, caller.scope(),
                keys(handle, caller.scope(), jobId, cluster, null, MAX_RUNS), null));
    }

    /** How many of the chosen runs ended since a moment, by state and reason; the most frequent first. */
    public List<Ends> ends(Caller caller, JobFilter filter, Instant since) {
        Map<String, Condition> conditions = filter.conditions();
        conditions.put("scope", Visibility.of(caller.scope()));
        JobFilter.add(conditions, "since", "coalesce(end_time, 'infinity'::timestamptz) >= :since", since);
        String from = " from job where end_time is not null and "
                + conditions.values().stream().map(Condition::sql).collect(Collectors.joining(" and "));
        return database.read("job_ends", handle -> bind(handle.createQuery(
                "select state, nullif(reason, 'unknown') as reason, count(*) as runs" + from
                        + " group by 1, 2 order by 3 desc, 1, 2"),
                conditions)
                .map((row, _) -> new Ends(Objects.requireNonNull(constant(JobState.class, row.getString("state"))),
                        constant(Reason.class, row.getString("reason")), row.getLong("runs")))
                .list());
    }

    /**
     * How many runs ended in a state, for a reason.
     *
     * @param reason null if it is not known
     */
    public record Ends(JobState state, @Nullable Reason reason, long runs) {
    }

    /**
     * A running job of whose GPUs some are idle.
     *
     * @param read those that it holds alone and that were read just now
     * @param idle those of them that were not used at the last reading
     */
    public record IdleGpus(Job job, long read, long idle) {
    }

    /** Jobs that hold GPUs and do not use them now, those with most of them first; of too many the first. */
    public List<IdleGpus> idleGpus(Caller caller, int max) {
        Condition visible = Visibility.of(caller.scope());
        return database.read("idle_gpus", handle -> {
            Map<Long, long[]> found = new LinkedHashMap<>();
            handle.createQuery("""
                    select job_key, count(*) as read, count(*) filter (where latest[2] = 0) as idle
                    from (select job_key from job
                        where state in ('pending', 'running') and state = 'running' and newest and %s) running
                    join job_gpu_figures using (job_key)
                    where hold = 'alone' and latest[2] is not null and last_sample_at > cast(:now as timestamptz)
                        - 3 * greatest(15000, coalesce(last_interval_ms, 100000)) * interval '1 millisecond'
                    group by job_key having count(*) filter (where latest[2] = 0) > 0
                    order by idle desc, job_key limit :max""".formatted(visible.sql())).bindMap(visible.values())
                    .bind("now", clock.instant()).bind("max", max)
                    .map((row, _) -> found.put(row.getLong("job_key"),
                            new long[]{row.getLong("read"), row.getLong("idle")}))
                    .list();
            return select(handle, found.keySet(), Map.of()).stream().map(job -> {
                long[] gpus = Objects.requireNonNull(found.get(job.run()));
                return new IdleGpus(job, gpus[0], gpus[1]);
            }).toList();
        });
    }

    /** Runs by their keys, in that order, for any caller, without those that are deleted. */
    public List<Job> find(Collection<Long> runs) {
        return database.read("job_find", handle -> select(handle, runs, Map.of()));
    }

    /** The clusters that have runs of a job id. */
    public List<String> clusters(Caller caller, String jobId) {
        Condition visible = Visibility.of(caller.scope());
        return database.read("job_clusters", handle -> handle
                .createQuery("select distinct cluster from job where job_id = :job_id and " + visible.sql()
                        + " order by cluster")
                .bindMap(visible.values()).bind("job_id", jobId).mapTo(String.class).list());
    }

    private static List<Long> keys(Handle handle, Scope scope, String jobId, @Nullable String cluster,
            @Nullable Long run, int limit) {
        Condition visible = Visibility.of(scope);
        return handle.createQuery("""
                select job_key from job
                where job_id = :job_id and cluster = coalesce(:cluster, cluster)
                    and job_key = coalesce(:run, job_key) and %s
                order by listed_at desc, recorded_at desc, job_key desc limit :limit""".formatted(visible.sql()))
                .bindMap(visible.values()).bind("job_id", jobId).bind("cluster", cluster).bind("run", run)
                .bind("limit", limit).mapTo(Long.class).list();
    }

    /** @param asked the id of what is to be summed up, if that is an array or a heterogeneous job; null for nothing */
    private List<Job> withDetails(Handle handle, Scope scope, List<Long> keys, @Nullable String asked) {
        Map<Long, List<JobOomKill>> oomKills = RunLookup.oomKills(handle, keys);
        Map<Long, List<JobGpu>> held = gpus.of(handle, scope, keys);
        Map<Long, JobRows.Details> details = new HashMap<>();
        keys.forEach(key -> details.put(key, new JobRows.Details(oomKills.get(key), held.get(key),
                asked == null ? JobRows.Whole.NONE : RunLookup.partOf(handle, scope, asked, key))));
        return select(handle, keys, details);
    }

    private List<Job> select(Handle handle, Collection<Long> keys, Map<Long, JobRows.Details> details) {
        Instant now = clock.instant();
        return handle.createQuery(SELECT).bindArray("keys", Long.class, keys)
                .map((row, _) -> rows.job(row,
                        details.getOrDefault(row.getLong("job_key"), JobRows.Details.NONE), now))
                .list();
    }

    /**
     * The audit trail of a job id, oldest first. Deleted runs are in it only for callers that may see everything.
     *
     * @param run null for all runs
     */
    public List<AuditEntry> audit(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run,
            long afterId, int limit) {
        Condition visible = caller.scope() instanceof Scope.Everything ? null : Visibility.of(caller.scope());
        return database.read("audit_list", handle -> audit.of(handle, jobId, cluster, run, visible, afterId, limit));
    }

    /**
     * How many runs there are, by cluster.
     *
     * @param newest by state; of each job id the newest run, and each task of an array
     * @param ever all that were ever stored, which never decreases
     */
    public record Counts(Map<String, Map<JobState, Long>> newest, Map<String, Long> ever) {
    }

    public Counts count(Handle handle) {
        Counts counts = new Counts(new TreeMap<>(), new TreeMap<>());
        handle.createQuery("""
                select cluster, state, count(*) as runs from job where newest group by cluster, state
                union all select cluster, null, count(*) from job where not newest group by cluster
                union all select cluster, null, runs from job_deleted""").map((row, _) -> {
            String cluster = string(row, "cluster");
            JobState state = constant(JobState.class, row.getString("state"));
            long runs = row.getLong("runs");
            if (state != null) {
                counts.newest().computeIfAbsent(cluster, _ -> new EnumMap<>(JobState.class)).put(state, runs);
            }
            return counts.ever().merge(cluster, runs, Long::sum);
        }).list();
        handle.createQuery("""
                select cluster, state, sum((scheduler ->> 'array_task_count')::bigint - 1) as more from job
                where newest and start_time is null and scheduler ->> 'array_task_count' is not null
                group by cluster, state""").map((row, _) -> counts.newest()
                .computeIfAbsent(string(row, "cluster"), _ -> new EnumMap<>(JobState.class))
                .merge(Objects.requireNonNull(constant(JobState.class, row.getString("state"))), row.getLong("more"),
                        Long::sum))
                .list();
        return counts;
    }

    /** Each job that is pending, running, or ended less than five minutes before {@code now}. */
    public Stream<JobLabels> recent(Handle handle, Instant now) {
        return streaming(handle.createQuery("""
                select cluster, job_id, user_name, partition, account, scheduler ->> 'name' as name, state, reason,
                    case when state = 'pending' then (scheduler ->> 'array_task_count')::bigint end as tasks
                from current_job(:since)""").bind("since", now.minus(RECENT)))
                .map((row, _) -> new JobLabels(string(row, "cluster"), string(row, "job_id"), known(row, "user_name"),
                        known(row, "partition"), known(row, "account"), known(row, "name"), string(row, "state"),
                        known(row, "reason"), Math.max(1, row.getLong("tasks"))))
                .stream();
    }

    private static String known(ResultSet row, String column) throws SQLException {
        return Objects.requireNonNullElse(row.getString(column), "");
    }
}
