package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.figure;
import static org.jobwitness.server.db.Columns.rounded;
import static org.jobwitness.server.db.Columns.string;

import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.wire.UserSummary;
import org.jspecify.annotations.Nullable;

/** Adds up what the runs of a user had and used. */
public final class UserSummaries {
    private final Database database;
    private final Clock clock;

    public UserSummaries(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * Whose runs are added up, and of which time.
     *
     * @param cluster null for any
     */
    public record Question(String user, @Nullable String cluster, Instant from, Instant to) {
    }

    /** How many runs have each state and reason. */
    private record Counts(Map<String, Long> states, Map<String, Long> reasons) {
        long runs() {
            return states.values().stream().mapToLong(Long::longValue).sum();
        }
    }

    /** Empty if the caller may see no run of this user. */
    public Optional<UserSummary> of(Caller caller, Question question) {
        return database.snapshot("user_summary", handle -> isKnown(handle, caller.scope(), question.user())
                ? Optional.of(sums(handle, caller.scope(), question, counts(handle, caller.scope(), question)))
                : Optional.empty());
    }

    private static boolean isKnown(Handle handle, Scope scope, String user) {
        Condition visible = Visibility.of(scope);
        return handle.createQuery("select exists (select from job where user_name = :user and " + visible.sql() + ")")
                .bindMap(visible.values()).bind("user", user).mapTo(Boolean.class).one();
    }

    private static Counts counts(Handle handle, Scope scope, Question question) {
        Counts counts = new Counts(new TreeMap<>(), new TreeMap<>());
        ask(handle, "select state, reason, count(*) as runs from " + runs(scope) + " group by state, reason", scope,
                question).map((row, _) -> {
                    counts.states().merge(string(row, "state"), row.getLong("runs"), Long::sum);
                    String reason = row.getString("reason");
                    return reason == null ? 0 : counts.reasons().merge(reason, row.getLong("runs"), Long::sum);
                }).list();
        return counts;
    }

    private UserSummary sums(Handle handle, Scope scope, Question question, Counts counts) {
        return ask(handle, """
                with run as (
                    select cpus, memory_mb, gpus, node_gpus, cpu_avg, gpu_avg, memory_max, extract(epoch from least(until, :to)
                        - greatest(start_time, :from)) / 3600.0 * ran / nullif(lasted, 0) as hours
                    from (select job.*, coalesce(end_time,
                            case when state = 'running' then cast(:now as timestamptz) end) as until from %s) job
                    join job_use using (job_key)
                    cross join lateral (select extract(epoch from until - start_time) as lasted) whole
                    cross join lateral (select greatest(0, lasted - coalesce(suspended_seconds, 0)) as ran) unsuspended
                ), each_run as (
                    select cpus * hours as cpu_hours, cpu_avg as cpu, coalesce(gpus, node_gpus) * hours as gpu_hours,
                        gpu_avg as gpu, memory_mb * hours as memory_hours, memory_max / 1048576.0 * hours as memory_used
                    from run where hours > 0
                ), sums as (
                    select coalesce(sum(cpu_hours), 0) as cpu_hours,
                        coalesce(sum(cpu_hours) filter (where cpu is not null), 0) as cpu_hours_sampled,
                        sum(cpu * cpu_hours) as cpu_used,
                        coalesce(sum(gpu_hours), 0) as gpu_hours,
                        coalesce(sum(gpu_hours) filter (where gpu is not null), 0) as gpu_hours_sampled,
                        sum(gpu * gpu_hours) as gpu_used,
                        sum(memory_hours) filter (where memory_used is not null) as memory_hours,
                        sum(memory_used) filter (where memory_hours is not null) as memory_used
                    from each_run)
                select cpu_hours, cpu_used / nullif(cpu_hours_sampled, 0) as cpu_usage,
                    cpu_hours_sampled / nullif(cpu_hours, 0) as cpu_coverage,
                    gpu_hours, gpu_used / nullif(gpu_hours_sampled, 0) as gpu_usage,
                    gpu_hours_sampled / nullif(gpu_hours, 0) as gpu_coverage,
                    100 * memory_used / nullif(memory_hours, 0) as memory_usage
                from sums""".formatted(runs(scope)), scope, question).bind("now", clock.instant())
                .map((row, _) -> new UserSummary(question.user(), question.from(), question.to(), counts.runs(),
                        counts.states(), counts.reasons(), rounded(row.getDouble("cpu_hours")),
                        figure(row, "cpu_usage", 1), figure(row, "cpu_coverage", 1),
                        rounded(row.getDouble("gpu_hours")), figure(row, "gpu_usage", 1),
                        figure(row, "gpu_coverage", 1), figure(row, "memory_usage", 1)))
                .one();
    }

    private static String runs(Scope scope) {
        return "job where user_name = :user and cluster = coalesce(:cluster, cluster) and listed_at < :to"
                + " and coalesce(end_time, 'infinity'::timestamptz) > :from and " + Visibility.of(scope).sql();
    }

    private static Query ask(Handle handle, String sql, Scope scope, Question question) {
        return handle.createQuery(sql).bindMap(Visibility.of(scope).values()).bind("user", question.user())
                .bind("cluster", question.cluster()).bind("from", question.from()).bind("to", question.to());
    }
}
