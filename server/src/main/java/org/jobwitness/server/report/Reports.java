package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.server.report.ReportRequest.Dimension;
import org.jobwitness.server.report.ReportRequest.Every;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Report;
import org.jspecify.annotations.Nullable;

/** Makes reports of the sums of days, each within the caller's scope. */
public final class Reports {
    private static final double HOUR_MS = 3_600_000;
    private static final double GIB_HOUR_MIB_S = 3_600.0 * 1024;
    /** For all sums of tens of thousands of groups: with PostgreSQL's default of 4 MB they go to disk. */
    private static final String MEMORY = "set local work_mem = '64MB'";
    private static final double KWH_JOULES = 3_600_000;

    private final Database database;
    private final Clock clock;

    public Reports(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /** Which rows were summed together; empty texts where something is not known. */
    private record Group(boolean isTotal, String key, String period) {
    }

    /** The sums of the runs of a group that ended in one way. */
    private record Part(JobState state, @Nullable Reason reason, Map<Amount, Long> amounts) {
    }

    public Report of(Caller caller, ReportRequest request) {
        return database.snapshot("report", handle -> {
            handle.execute(MEMORY);
            Map<Group, List<Part>> groups = new LinkedHashMap<>();
            long[] count = {0};
            query(handle, caller.scope(), request).map((row, _) -> {
                count[0] = row.getLong("groups");
                return groups.computeIfAbsent(
                        new Group(row.getBoolean("is_total"), string(row, "key"), string(row, "period")),
                        _ -> new ArrayList<>()).add(part(row));
            }).list();
            List<Part> total = groups.getOrDefault(new Group(true, "", ""), List.of());
            return new Report(request.by().parameter(),
                    request.every() == Every.PERIOD ? null : request.every().parameter(), request.from(), request.to(),
                    clock.instant(), pending(handle, caller.scope()), count[0], row(null, null, total),
                    groups.entrySet().stream().filter(group -> !group.getKey().isTotal())
                            .map(group -> row(orNull(group.getKey().key()), orNull(group.getKey().period()),
                                    group.getValue()))
                            .toList());
        });
    }

    private static long pending(Handle handle, Scope scope) {
        Condition visible = Visibility.of(scope);
        return handle.createQuery("select count(*) from job where job_key in (select job_key from ended_run)"
                + " and state in ('completed', 'failed', 'cancelled') and " + visible.sql()
                + " and not exists (select from report_fact where report_fact.job_key = job.job_key and node = '')")
                .bindMap(visible.values()).mapTo(Long.class).one();
    }

    /** Rows come by period, the largest first; the parts of the total before them. */
    private static Query query(Handle handle, Scope scope, ReportRequest request) {
        Condition visible = Visibility.of(scope);
        StringBuilder owners = new StringBuilder(visible.sql());
        StringBuilder days = new StringBuilder(request.isOfNodes() ? "node <> ''" : "node = ''");
        request.filters().keySet().forEach(dimension -> (isOfOwner(dimension) ? owners : days)
                .append(" and ").append(dimension.sql()).append(" = :").append(dimension.parameter()));
        Query query = handle.createQuery("""
                with cell as materialized (
                    select %1$s as key, %2$s as starts, state, reason, %4$s
                    from report_day join (select * from report_owner where %5$s) owner using (owner_id)
                    where day >= :from and day < :to and %6$s group by 1, 2, 3, 4
                ), ranked as (
                    select key, starts, row_number() over (order by sum(%7$s) desc, key, starts) as place,
                        count(*) over () as groups
                    from cell group by key, starts having sum(runs) > 0
                )
                select true as is_total, '' as key, '' as period, null::date as starts, 0 as place, state, reason,
                    (select coalesce(max(groups), 0) from ranked) as groups, %4$s
                from cell group by state, reason
                union all
                select false, key, coalesce(to_char(starts, :format), ''), starts, place, state, reason, groups, %3$s
                from ranked join cell using (key, starts) where place <= :limit
                order by is_total desc, starts, place""".formatted(request.by().sql(), request.every().sql(),
                Amount.each("%1$s"), Amount.each("sum(%1$s)::bigint as %1$s"), owners, days,
                request.sort().amount().column()))
                .bind("format", request.every().format()).bindMap(visible.values()).bind("from", request.from())
                .bind("to", request.to())
                .bind("limit", request.limit());
        request.filters().forEach((dimension, value) -> query.bind(dimension.parameter(), value));
        return query;
    }

    private static boolean isOfOwner(Dimension dimension) {
        return switch (dimension) {
            case ACCOUNT, USER, PARTITION, CLUSTER -> true;
            case NODE, GPU_MODEL -> false;
        };
    }

    private static Part part(ResultSet row) throws SQLException {
        Map<Amount, Long> amounts = new EnumMap<>(Amount.class);
        for (Amount amount : Amount.values()) {
            amounts.put(amount, row.getLong(amount.column()));
        }
        return new Part(Objects.requireNonNull(constant(JobState.class, string(row, "state"))),
                constant(Reason.class, orNull(string(row, "reason"))), amounts);
    }

    private static @Nullable String orNull(String text) {
        return text.isEmpty() ? null : text;
    }

    private static Report.Row row(@Nullable String key, @Nullable String period, List<Part> parts) {
        Map<Amount, Long> all = new EnumMap<>(Amount.class);
        for (Amount amount : Amount.values()) {
            all.put(amount, parts.stream().mapToLong(part -> amount(part.amounts(), amount)).sum());
        }
        long nodes = amount(all, Amount.NODE_MS);
        long waits = amount(all, Amount.WAITS);
        return new Report.Row(key, period, amount(all, Amount.RUNS), amount(all, Amount.NOT_MEASURED_RUNS),
                rounded(nodes / HOUR_MS), share(amount(all, Amount.COVERED_MS), nodes),
                hours(all, HOUR_MS, Amount.CPU_MS, Amount.CPU_MEASURED_MS, Amount.CPU_USED_MS, Amount.CPU_WASTED_MS),
                hours(all, HOUR_MS, Amount.GPU_MS, Amount.GPU_MEASURED_MS, Amount.GPU_USED_MS, Amount.GPU_WASTED_MS),
                hours(all, GIB_HOUR_MIB_S, Amount.MEMORY_MIB_S, Amount.MEMORY_MEASURED_MIB_S, Amount.MEMORY_USED_MIB_S,
                        Amount.MEMORY_WASTED_MIB_S),
                rounded(amount(all, Amount.GPU_ENERGY_JOULES) / KWH_JOULES),
                new Report.Waiting(waits, rounded(amount(all, Amount.WAIT_MS) / HOUR_MS),
                        waits == 0 ? null : Double.valueOf(rounded(amount(all, Amount.WAIT_MS) / 1e3 / waits))),
                parts.stream().filter(part -> amount(part.amounts(), Amount.RUNS) > 0)
                        .sorted(Comparator.comparingLong((Part part) -> -amount(part.amounts(), Amount.CPU_MS))
                                .thenComparingLong(part -> -amount(part.amounts(), Amount.RUNS)))
                        .map(Reports::end).toList());
    }

    private static Report.End end(Part part) {
        return new Report.End(part.state(), part.reason() == Reason.UNKNOWN ? null : part.reason(),
                amount(part.amounts(), Amount.RUNS), rounded(amount(part.amounts(), Amount.CPU_MS) / HOUR_MS),
                rounded(amount(part.amounts(), Amount.GPU_MS) / HOUR_MS));
    }

    private static Report.Hours hours(Map<Amount, Long> all, double unit, Amount allocated, Amount measured,
            Amount used,
            Amount wasted) {
        long had = amount(all, allocated);
        return new Report.Hours(rounded(had / unit), rounded(amount(all, used) / unit),
                rounded(amount(all, wasted) / unit), share(had - amount(all, measured), had));
    }

    private static long amount(Map<Amount, Long> amounts, Amount amount) {
        return Objects.requireNonNull(amounts.get(amount));
    }

    private static @Nullable Double share(long part, long whole) {
        return whole == 0 ? null : Double.valueOf(rounded((double) part / whole));
    }

    /** To less than half a second of an hour. */
    private static double rounded(double value) {
        return Math.round(value * 1e4) / 1e4;
    }
}
