package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.server.report.ReportRequest.Every;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Report;
import org.jspecify.annotations.Nullable;

/** Makes reports of the sums of days, each within the caller's scope. */
public final class Reports {
    static final double HOUR_MS = 3_600_000;
    static final double GIB_HOUR_MIB_S = 3_600.0 * 1024;
    /** For all sums of tens of thousands of groups: with PostgreSQL's default of 4 MB they go to disk. */
    private static final String MEMORY = "set local work_mem = '64MB'";
    private static final double KWH_JOULES = 3_600_000;

    private final Database database;
    private final Clock clock;

    public Reports(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /** The sums of the runs of a group that ended in one way. */
    private record Part(JobState state, @Nullable Reason reason, Map<Amount, Long> amounts) {
    }

    public Report of(Caller caller, ReportRequest request) {
        ReportSql sql = new ReportSql(caller.scope(), request);
        return database.snapshot("report", handle -> {
            handle.execute(MEMORY);
            List<ReportSql.Ranked> ranked = sql.ranked(handle);
            long groups = ranked.isEmpty() ? 0 : ranked.getFirst().groups();
            Map<ReportSql.Group, List<Part>> parts = new HashMap<>();
            if (!ranked.isEmpty()) {
                sql.of(handle, ranked, (group, row) -> parts.computeIfAbsent(group, _ -> new ArrayList<>())
                        .add(part(row)));
            }
            List<Part> total = ranked.size() == groups
                    ? together(parts.values().stream().flatMap(List::stream).toList())
                    : sql.total(handle, (row, _) -> part(row));
            return new Report(request.by().parameter(),
                    request.every() == Every.PERIOD ? null : request.every().parameter(), request.from(), request.to(),
                    clock.instant(), pending(handle, caller.scope()), groups, row(null, null, total),
                    ranked.stream().sorted(Comparator.comparing(one -> one.group().starts()))
                            .map(one -> row(orNull(one.group().key()), orNull(one.period()),
                                    Objects.requireNonNull(parts.get(one.group()))))
                            .toList());
        });
    }

    /** The sums of all groups by state and reason. */
    private static List<Part> together(List<Part> parts) {
        return parts.stream().collect(Collectors.groupingBy(part -> List.of(part.state(),
                part.reason() == null ? "" : part.reason()))).values().stream()
                .map(same -> new Part(same.getFirst().state(), same.getFirst().reason(), sums(same))).toList();
    }

    private static Map<Amount, Long> sums(List<Part> parts) {
        Map<Amount, Long> all = new EnumMap<>(Amount.class);
        for (Amount amount : Amount.values()) {
            all.put(amount, parts.stream().mapToLong(part -> amount(part.amounts(), amount)).sum());
        }
        return all;
    }

    private static long pending(Handle handle, Scope scope) {
        Condition visible = Visibility.of(scope);
        return handle.createQuery("select count(*) from job where job_key in (select job_key from ended_run)"
                + " and state in ('completed', 'failed', 'cancelled') and " + visible.sql()
                + " and not exists (select from report_fact where report_fact.job_key = job.job_key and node = '')")
                .bindMap(visible.values()).mapTo(Long.class).one();
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
        Map<Amount, Long> all = sums(parts);
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
    static double rounded(double value) {
        return Math.round(value * 1e4) / 1e4;
    }
}
