package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.figure;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.rounded;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Columns.whole;
import static org.jobwitness.server.db.Database.streaming;

import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jdbi.v3.core.statement.SqlStatement;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.job.AuditTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.sample.OomKills;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobFigures;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** Reads runs for those who ask, each within its own scope. */
public final class JobQueries {
    private static final String SELECT = """
            select job.*, on_nodes.node_gpus, on_nodes.vendors, on_nodes.devices, on_nodes.cgroup_paths,
                figures.*, greatest((scheduler ->> 'suspended_seconds')::double precision, suspended_seen) as suspended
            from job
            left join lateral (
                select case when sum(gpus) > 2147483647 then 2147483647 else sum(gpus) end as node_gpus,
                    array_agg(distinct gpu_vendor) filter (where gpu_vendor is not null) as vendors,
                    string_agg(array_to_string(gpu_devices, E'\\n'), E'\\n' order by node)
                        filter (where gpu_devices <> '{}') as devices,
                    array_agg(distinct cgroup_path) filter (where cgroup_path is not null) as cgroup_paths
                from job_node where job_node.job_key = job.job_key) on_nodes on true
            left join lateral (
                select sum(cpu_usage_usec) as cpu_usec,
                    case when sum(oom_kills) > 9223372036854775807 then 9223372036854775807 else sum(oom_kills) end
                        as oom_kills,
                    sum(greatest(memory_peak_bytes, memory_max_bytes)) as memory_max,
                    sum(latest[%2$d]) as memory_last, coalesce(sum(sample_count), 0) as sample_count,
                    sum(covered_ms) as covered_ms, max(suspended_ms) / 1e3 as suspended_seen, max(last_sample_at) as last_sample_at,
                    sum(latest[%1$d] * cores) / nullif(sum(cores) filter (where latest[%1$d] is not null), 0) as cpu_last,
                    sum(cpu_sum / nullif(cpu_count, 0) * cores)
                        / nullif(sum(cores) filter (where cpu_count > 0), 0) as cpu_average,
                    max(cpu_max) as cpu_max,
                    sum(latest[%3$d] * devices) / nullif(sum(devices) filter (where latest[%3$d] is not null), 0)
                        as gpu_last,
                    sum(gpu_sum / nullif(gpu_count, 0) * devices)
                        / nullif(sum(devices) filter (where gpu_count > 0), 0) as gpu_average,
                    max(gpu_max) as gpu_max, count(first_sample_at) as told_by, bool_and(is_last) as is_last,
                    sum(cpu_user_usec) as cpu_user_usec, sum(cpu_system_usec) as cpu_system_usec,
                    sum(cpu_throttled_usec) as cpu_throttled_usec, sum(cpu_pressure_usec) as cpu_pressure_usec,
                    sum(memory_sum / nullif(memory_count, 0)) as memory_average, sum(latest[%4$d]) as memory_limit,
                    sum(anon_sum / nullif(anon_count, 0)) as anon_average, sum(anon_max_bytes) as anon_max,
                    sum(file_sum / nullif(file_count, 0)) as file_average, sum(file_max_bytes) as file_max,
                    sum(memory_pressure_usec) as memory_pressure_usec, sum(memory_stall_usec) as memory_stall_usec,
                    sum(oom_events) as oom_events, sum(io_read_bytes) as io_read, sum(io_write_bytes) as io_write,
                    sum(io_pressure_usec) as io_pressure_usec, sum(io_stall_usec) as io_stall_usec
                from (
                    select job_figures.*, coalesce(cpus, 1) as cores, coalesce(gpus, 1) as devices
                    from job_figures left join job_node using (job_key, node)
                    where job_figures.job_key = job.job_key) of_nodes) figures on true
            """.formatted(Figure.CPU_USAGE_PERCENT.number(), Figure.MEMORY_USAGE_BYTES.number(),
            Figure.GPU_USAGE_PERCENT.number(), Figure.MEMORY_LIMIT_BYTES.number());

    private static final int MEBIBYTE = 1 << 20;
    /** So long after a run's end the last readings of its nodes may come in. */
    private static final Duration LAST_READINGS = Duration.ofMinutes(10);

    private final Database database;
    private final AuditTable audit;
    private final RunGpus gpus;
    private final Json json;
    private final Clock clock;

    public JobQueries(Database database, Json json, Clock clock) {
        this.database = database;
        this.audit = new AuditTable(json);
        this.gpus = new RunGpus(json);
        this.json = json;
        this.clock = clock;
    }

    /** In which order runs are listed. */
    public enum Sort {
        NEWEST_START("-start_time", "listed_at", "desc"),
        OLDEST_START("start_time", "listed_at", "asc"),
        NEWEST_END(
                "-end_time",
                "coalesce(end_time, 'infinity'::timestamptz)",
                "desc"),
        OLDEST_END("end_time", "coalesce(end_time, 'infinity'::timestamptz)", "asc");

        private final String parameter;
        private final String column;
        private final String direction;

        Sort(String parameter, String column, String direction) {
            this.parameter = parameter;
            this.column = column;
            this.direction = direction;
        }

        String parameter() {
            return parameter;
        }
    }

    /**
     * Which runs are asked for. A null leaves the matter open.
     *
     * @param from, to runs that were there at some time between the two
     * @param text is part of the job id, the job's name, the user, the account, the partition or a node's name
     * @param cursor where the page before this one ended; takes the place of {@code offset}
     */
    public record Filter(@Nullable JobState state, @Nullable Reason reason, @Nullable String user,
            @Nullable String node,
            @Nullable String partition, @Nullable String account, @Nullable String cluster, @Nullable Instant from,
            @Nullable Instant to, @Nullable String text, Sort sort, int limit, int offset, @Nullable Cursor cursor) {
    }

    /**
     * A place between two rows of a list.
     *
     * @param at what the list is sorted by, in PostgreSQL's words
     */
    record Cursor(Sort sort, String at, long key) {
        private static final Pattern FORM = Pattern
                .compile(
                        "([a-z_-]+)\\|((?:(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+\\+00)|infinity)\\|([0-9]{1,18})");

        static Cursor parse(String text) {
            try {
                Matcher form = FORM
                        .matcher(new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8));
                if (form.matches()) {
                    Optional<Sort> sort = Arrays.stream(Sort.values())
                            .filter(s -> s.parameter.equals(form.group(1))).findFirst();
                    if (sort.isPresent() && (form.group(2).equals("infinity") || isTime(form.group(2)))) {
                        return new Cursor(sort.get(), form.group(2), Long.parseLong(form.group(3)));
                    }
                }
            } catch (IllegalArgumentException e) {
                // Not base64: the same answer as for any other text that is not ours.
            }
            throw ApiException.invalidField("cursor", "cursor must be the next_cursor of an answer, as it was given");
        }

        private static boolean isTime(String text) {
            try {
                Instant.parse(text.replace(' ', 'T').replace("+00", "Z"));
                return true;
            } catch (DateTimeParseException e) {
                return false;
            }
        }

        String text() {
            return Base64.getUrlEncoder().withoutPadding()
                    .encodeToString((sort.parameter + "|" + at + "|" + key).getBytes(StandardCharsets.UTF_8));
        }
    }

    /** A page of runs. */
    public JobPage list(Caller caller, Filter filter) {
        return database.read("job_list", handle -> {
            String where = where(caller.scope(), filter);
            long total = bind(handle.createQuery("select count(*) from job where " + where), caller.scope(), filter)
                    .mapTo(Long.class).one();
            Sort sort = filter.sort();
            Cursor cursor = filter.cursor();
            String after = cursor == null
                    ? ""
                    : " and (" + sort.column + ", job_key) " + (sort.direction.equals("desc") ? "<" : ">")
                            + " (cast(:cursor_at as timestamptz), :cursor_key)";
            Query query = bind(handle.createQuery("select job.job_key, (" + sort.column
                    + ")::text as sorted_by from job"
                    + " where " + where + after + " order by " + sort.column + " " + sort.direction + ", job_key "
                    + sort.direction + " limit :limit offset :offset"), caller.scope(), filter)
                    .bind("limit", filter.limit() + 1).bind("offset", cursor == null ? filter.offset() : 0);
            if (cursor != null) {
                query.bind("cursor_at", cursor.at()).bind("cursor_key", cursor.key());
            }
            List<Cursor> found = new ArrayList<>(query
                    .map((row, _) -> new Cursor(sort, row.getString("sorted_by"), row.getLong("job_key"))).list());
            boolean more = found.size() > filter.limit();
            if (more) {
                found.removeLast();
            }
            List<Long> keys = found.stream().map(Cursor::key).toList();
            List<Job> jobs = handle.createQuery(SELECT + """
                    where job.job_key = any(:keys) order by array_position(:keys, job.job_key)""")
                    .bindArray("keys", Long.class, keys).map((row, _) -> job(row, Details.NONE, clock.instant()))
                    .list();
            return new JobPage(jobs, total, filter.limit(), cursor == null ? filter.offset() : 0,
                    more ? found.getLast().text() : null);
        });
    }

    /**
     * The newest run of a job id, or the one asked for.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    public Optional<Job> find(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run) {
        return runs(caller, jobId, cluster).stream().filter(job -> run == null || job.run() == run).findFirst();
    }

    /** Runs by their keys, in any order, whoever may see them. Those that are gone are left out. */
    public List<Job> find(Collection<Long> runs) {
        return database.read("job_find", handle -> handle.createQuery(SELECT + "where job.job_key = any(:runs)")
                .bindArray("runs", Long.class, runs).map((row, _) -> job(row, Details.NONE, clock.instant())).list());
    }

    /** What is told of a run where it is asked for by its id, and not in lists. */
    private record Details(@Nullable List<JobOomKill> oomKills, @Nullable List<JobGpu> gpus) {
        private static final Details NONE = new Details(null, null);
    }

    /** All runs of a job id, newest first, with their OOM kills and GPUs. */
    public List<Job> runs(Caller caller, String jobId, @Nullable String cluster) {
        return database.read("job_runs", handle -> {
            Map<Long, List<JobOomKill>> oomKills = oomKills(handle, jobId);
            Map<Long, List<JobGpu>> held = gpus.of(handle, caller.scope(), jobId);
            Query query = handle.createQuery(SELECT + "where job_id = :job_id and " + seenBy(caller.scope())
                    + (cluster == null ? "" : " and cluster = :cluster")
                    + " order by listed_at desc, recorded_at desc, job.job_key desc limit 1000").bind("job_id", jobId);
            if (cluster != null) {
                query.bind("cluster", cluster);
            }
            return bindScope(query, caller.scope())
                    .map((row, _) -> job(row, new Details(oomKills.get(row.getLong("job_key")),
                            held.get(row.getLong("job_key"))), clock.instant()))
                    .list();
        });
    }

    /** Of each run that has any. */
    private static Map<Long, List<JobOomKill>> oomKills(Handle handle, String jobId) {
        Map<Long, List<JobOomKill>> ofRuns = new HashMap<>();
        handle.createQuery("""
                select oom_kill.* from job cross join lateral (
                    select * from oom_kill where oom_kill.job_key = job.job_key
                    order by at, node, step, cause limit :most) oom_kill
                where job_id = :job_id order by job_key, at, node, step, cause""").bind("job_id", jobId)
                .bind("most", OomKills.MAX_OF_A_RUN)
                .map((row, _) -> ofRuns.computeIfAbsent(row.getLong("job_key"), _ -> new ArrayList<>())
                        .add(oomKill(row)))
                .list();
        return ofRuns;
    }

    private static JobOomKill oomKill(ResultSet row) throws SQLException {
        String step = string(row, "step");
        return new JobOomKill(knownTime(row, "at"), string(row, "node"), step.isEmpty() ? null : step,
                row.getInt("killed"), whole(row, "limit_bytes"),
                Objects.requireNonNull(constant(OomCause.class, row.getString("cause"))));
    }

    /**
     * The audit trail of a job id, oldest first. Who may see everything also sees what was deleted.
     *
     * @param run null for all runs
     */
    public List<AuditEntry> audit(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run,
            long afterId,
            int limit) {
        return switch (caller.scope()) {
            case Scope.Everything _ -> database.read("audit_list",
                    handle -> audit.of(handle, jobId, cluster, run, afterId, limit));
            case Scope.JobsOf _ -> {
                List<Long> keys = runs(caller, jobId, cluster).stream().map(Job::run)
                        .filter(key -> run == null || key.equals(run)).toList();
                yield database.read("audit_list", handle -> audit.of(handle, keys, afterId, limit));
            }
        };
    }

    /**
     * How many runs there are, by cluster.
     *
     * @param newest by state, of each job id the newest run
     * @param ever all that were ever stored, which never is less than before
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
            long runs = row.getLong("runs");
            if (row.getString("state") != null) {
                counts.newest().computeIfAbsent(cluster, _ -> new EnumMap<>(JobState.class))
                        .put(state(row), runs);
            }
            return counts.ever().merge(cluster, runs, Long::sum);
        }).list();
        return counts;
    }

    /** A newest run, short. A text that is not known is empty. */
    public record Glance(String cluster, String jobId, String user, String partition, String account, String name,
            String state, String reason) {
    }

    /** Tells of each job that goes on or ended less than five minutes before {@code now}. */
    public Stream<Glance> recent(Handle handle, Instant now) {
        return streaming(handle.createQuery("""
                select cluster, job_id, user_name, partition, account, scheduler ->> 'name' as name, state, reason
                from job where newest and (state in ('pending', 'running') or\s""" + RunUse.ENDED_SINCE + ")")
                .bind("since", now.minus(Duration.ofMinutes(5))))
                .map((row, _) -> new Glance(string(row, "cluster"), string(row, "job_id"), known(row, "user_name"),
                        known(row, "partition"), known(row, "account"), known(row, "name"), string(row, "state"),
                        known(row, "reason")))
                .stream();
    }

    private static String known(ResultSet row, String column) throws SQLException {
        String text = row.getString(column);
        return text == null ? "" : text;
    }

    private static JobState state(ResultSet row) throws SQLException {
        return Objects.requireNonNull(constant(JobState.class, row.getString("state")));
    }

    private static String where(Scope scope, Filter filter) {
        List<String> conditions = new ArrayList<>(List.of(seenBy(scope)));
        when(filter.state(), "state = :state", conditions);
        when(filter.reason(), "reason = :reason", conditions);
        when(filter.user(), "user_name = :user", conditions);
        when(filter.node(), "exists (select from job_node where job_node.node = :node"
                + " and job_node.job_key = job.job_key)", conditions);
        when(filter.partition(), "partition = :partition", conditions);
        when(filter.account(), "account = :account", conditions);
        when(filter.cluster(), "cluster = :cluster", conditions);
        when(filter.from(), "coalesce(end_time, 'infinity'::timestamptz) >= :from", conditions);
        when(filter.to(), "listed_at < :to", conditions);
        when(filter.text(), "(job_id ilike :text or user_name ilike :text or account ilike :text"
                + " or partition ilike :text or array_to_string(nodes, ' ') ilike :text"
                + " or scheduler ->> 'name' ilike :text)", conditions);
        return String.join(" and ", conditions);
    }

    private static void when(@Nullable Object value, String condition, List<String> conditions) {
        if (value != null) {
            conditions.add(condition);
        }
    }

    private static Query bind(Query query, Scope scope, Filter filter) {
        bindWhen(query, "state", filter.state() == null ? null : filter.state().toString());
        bindWhen(query, "reason", filter.reason() == null ? null : filter.reason().toString());
        bindWhen(query, "user", filter.user());
        bindWhen(query, "node", filter.node());
        bindWhen(query, "partition", filter.partition());
        bindWhen(query, "account", filter.account());
        bindWhen(query, "cluster", filter.cluster());
        bindWhen(query, "from", filter.from());
        bindWhen(query, "to", filter.to());
        bindWhen(query, "text", filter.text() == null
                ? null
                : "%" + filter.text().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%");
        return bindScope(query, scope);
    }

    private static void bindWhen(SqlStatement<?> query, String name, @Nullable Object value) {
        if (value != null) {
            query.bind(name, value);
        }
    }

    static String seenBy(Scope scope) {
        return switch (scope) {
            case Scope.Everything _ -> "true";
            case Scope.JobsOf _ -> "user_name = :scope_user";
        };
    }

    static Query bindScope(Query query, Scope scope) {
        return switch (scope) {
            case Scope.Everything _ -> query;
            case Scope.JobsOf jobs -> query.bind("scope_user", jobs.user());
        };
    }

    private Job job(ResultSet row, Details details, Instant now) throws SQLException {
        JobState state = state(row);
        Instant start = time(row, "start_time");
        Instant end = time(row, "end_time");
        List<String> nodes = strings(row, "nodes");
        String cluster = string(row, "cluster");
        String jobId = string(row, "job_id");
        Integer gpus = row.getObject("gpus", Integer.class);
        Long nodeGpus = whole(row, "node_gpus");
        Integer allGpus = gpus == null && nodeGpus != null ? Integer.valueOf(nodeGpus.intValue()) : gpus;
        boolean onlyEnd = !row.getBoolean("start_seen") && row.getBoolean("end_seen");
        Double runtime = runtime(state, start, end, now);
        Double suspended = figure(row, "suspended", 1);
        return new Job(jobId, row.getLong("job_key"), cluster, cluster, row.getString("user_name"),
                row.getObject("uid", Integer.class), nodes, nodes.isEmpty() ? null : nodes.size(), state,
                constant(Reason.class, row.getString("reason")), row.getObject("confirmed", Boolean.class),
                onlyEnd ? true : null, start, end, time(row, "deadline"), runtime, suspended,
                row.getObject("requested_cpus", Integer.class), row.getObject("requested_memory_mb", Long.class),
                row.getObject("requested_gpus", Integer.class), row.getObject("cpus", Integer.class),
                row.getObject("memory_mb", Long.class), allGpus, figure(row, "cpu_last", 1),
                figure(row, "memory_last", 1 << 20), figure(row, "gpu_last", 1), time(row, "last_sample_at"),
                row.getLong("sample_count"), coverage(row, runtime, nodes.size()), figure(row, "cpu_average", 1),
                figure(row, "cpu_max", 1), figure(row, "memory_max", 1 << 20), figure(row, "gpu_average", 1),
                figure(row, "gpu_max", 1), scaled(row, "cpu_usec", 1e6), whole(row, "oom_kills"),
                details.oomKills(), vendor(row), devices(row), details.gpus(), cgroupPath(row),
                figures(row, state, ran(runtime, suspended), now), scheduler(row, jobId));
    }

    /** What all nodes' agents read; null if none of them has read anything. */
    private static @Nullable JobFigures figures(ResultSet row, JobState state, @Nullable Double ran, Instant now)
            throws SQLException {
        if (row.getLong("told_by") == 0) {
            return null;
        }
        Instant end = time(row, "end_time");
        boolean isLast = row.getBoolean("is_last") && row.getLong("told_by") >= strings(row, "nodes").size();
        boolean complete = state.isFinal() && end != null && (isLast || end.plus(LAST_READINGS).isBefore(now));
        return new JobFigures(complete, complete ? efficiency(row, ran) : null,
                figure(row, "cpu_user_usec", 1e6), figure(row, "cpu_system_usec", 1e6),
                figure(row, "cpu_throttled_usec", 1e6), figure(row, "cpu_pressure_usec", 1e6),
                figure(row, "memory_average", MEBIBYTE), figure(row, "memory_limit", MEBIBYTE),
                figure(row, "anon_average", MEBIBYTE), figure(row, "anon_max", MEBIBYTE),
                figure(row, "file_average", MEBIBYTE), figure(row, "file_max", MEBIBYTE),
                figure(row, "memory_pressure_usec", 1e6), figure(row, "memory_stall_usec", 1e6),
                whole(row, "oom_events"), figure(row, "io_read", MEBIBYTE), figure(row, "io_write", MEBIBYTE),
                figure(row, "io_pressure_usec", 1e6), figure(row, "io_stall_usec", 1e6));
    }

    /** @param ran for how long it was not suspended, seconds */
    private static @Nullable Double efficiency(ResultSet row, @Nullable Double ran) throws SQLException {
        Double cpuSeconds = scaled(row, "cpu_usec", 1e6);
        Integer cpus = row.getObject("cpus", Integer.class);
        return cpuSeconds == null || cpus == null || ran == null || ran == 0
                ? null
                : Double.valueOf(rounded(100 * cpuSeconds / (cpus * ran)));
    }

    private Scheduler scheduler(ResultSet row, String jobId) throws SQLException {
        Map<String, Object> words = new LinkedHashMap<>(json.map(string(row, "scheduler")));
        words.putIfAbsent("type", "slurm");
        words.putIfAbsent("external_job_id", jobId);
        for (String column : List.of("sluid", "raw_state", "partition", "account", "exit_code", "derived_exit_code",
                "restart_count", "het_job_id")) {
            Object known = row.getObject(column);
            if (known != null) {
                words.put(column, known);
            }
        }
        Object signal = row.getObject("exit_signal");
        if (signal != null) {
            words.put("signal", signal);
        }
        return json.object(words, Scheduler.class);
    }

    /** Samples stand for their intervals; which part of the time that the job spent on its nodes they make up. */
    private static @Nullable Double coverage(ResultSet row, @Nullable Double runtime, int nodes) throws SQLException {
        Long coveredMs = whole(row, "covered_ms");
        return coveredMs == null || runtime == null || runtime == 0 || nodes == 0
                ? null
                : Math.min(1, rounded(coveredMs / 1e3 / (runtime * nodes)));
    }

    private static @Nullable Double runtime(JobState state, @Nullable Instant start, @Nullable Instant end,
            Instant now) {
        if (start == null || (end == null && state != JobState.RUNNING)) {
            return null;
        }
        return Math.max(0, Duration.between(start, end == null ? now : end).toMillis() / 1e3);
    }

    private static @Nullable Double ran(@Nullable Double runtime, @Nullable Double suspended) {
        return runtime == null || suspended == null ? runtime : Double.valueOf(Math.max(0, runtime - suspended));
    }

    private static @Nullable GpuVendor vendor(ResultSet row) throws SQLException {
        GpuVendor known = constant(GpuVendor.class, row.getString("gpu_vendor"));
        List<String> vendors = strings(row, "vendors");
        if (known != null || vendors.isEmpty()) {
            return known;
        }
        return vendors.size() == 1 ? constant(GpuVendor.class, vendors.getFirst()) : GpuVendor.MIXED;
    }

    private static @Nullable List<String> devices(ResultSet row) throws SQLException {
        List<String> known = strings(row, "gpu_devices");
        String devices = row.getString("devices");
        if (!known.isEmpty()) {
            return known;
        }
        return devices == null ? null : List.of(devices.split("\n"));
    }

    /** Nodes agree on it as a rule; where they do not, none speaks for all. */
    private static @Nullable String cgroupPath(ResultSet row) throws SQLException {
        String known = row.getString("cgroup_path");
        List<String> paths = strings(row, "cgroup_paths");
        return known == null && paths.size() == 1 ? paths.getFirst() : known;
    }

    /** A sum of counters, which may be beyond any long. */
    private static @Nullable Double scaled(ResultSet row, String column, double by) throws SQLException {
        double value = row.getDouble(column);
        return row.wasNull() ? null : value / by;
    }
}
