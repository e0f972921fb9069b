package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.server.report.ReportRequest.Dimension;
import org.jobwitness.server.report.ReportRequest.Every;

/**
 * The statements of a report. First the groups are ranked, by one sum only; then all sums are made of the groups that are shown, and
 * of everything together: adding up all columns of all groups takes several times as long.
 */
final class ReportSql {
    /** Of so many, looking up the rows of each costs less than reading all. */
    private static final int FEW = 500;
    private static final Set<Dimension> OF_OWNERS = Set.of(Dimension.ACCOUNT, Dimension.USER, Dimension.PARTITION,
            Dimension.CLUSTER);
    private static final String SUMS = Amount.each("sum(%1$s)::bigint as %1$s");
    private static final String MONTHS = """
            (select day, cluster, node, gpu_model, state, reason, %1$s from report_month
                where day >= :first_month and day < :last_month
            union all
            select day, cluster, node, gpu_model, state, reason, %1$s from report_day join report_owner using (owner_id)
                where day >= :from and day < :first_month or day >= :last_month and day < :to) summed"""
            .formatted(Amount.each("%1$s"));

    private final Scope scope;
    private final ReportRequest request;
    private final Condition visible;
    private final String owners;
    private final String conditions;
    private final String from;
    /** The same without the key of a row. */
    private final String fromAll;

    ReportSql(Scope scope, ReportRequest request) {
        this.scope = scope;
        this.request = request;
        this.visible = Visibility.of(scope);
        this.owners = "select *, " + (isByOwner()
                ? request.by().sql() + " as key, (dense_rank() over (order by " + request.by().sql() + "))::integer"
                : "''::text as key, 0") + " as key_id from report_owner where "
                + Stream.concat(Stream.of(visible.sql()), filters(OF_OWNERS::contains))
                        .collect(Collectors.joining(" and "));
        this.conditions = Stream.concat(Stream.of("day >= :from and day < :to", request.isOfNodes()
                ? "node <> ''"
                : "node = ''"), filters(dimension -> isByMonth() || !OF_OWNERS.contains(dimension)))
                .collect(Collectors.joining(" and "));
        boolean isOfAll = scope instanceof Scope.Everything
                && request.filters().keySet().stream().noneMatch(OF_OWNERS::contains);
        String all = isOfAll ? "report_day" : "report_day join owner using (owner_id)";
        this.fromAll = isByMonth() ? MONTHS : all;
        this.from = isByOwner() && !isByMonth() ? "report_day join owner using (owner_id)" : fromAll;
    }

    /**
     * Rows that are shown together.
     *
     * @param key empty if it is not known
     * @param starts the first day of its period
     */
    record Group(String key, LocalDate starts) {
    }

    /** A group in its place; {@code groups} is how many there are. */
    record Ranked(Group group, String period, long groups) {
    }

    private Stream<String> filters(Predicate<Dimension> some) {
        return request.filters().keySet().stream().filter(some)
                .map(dimension -> dimension.sql() + " = :" + dimension.parameter());
    }

    private boolean isByOwner() {
        return OF_OWNERS.contains(request.by());
    }

    /** Sums of months are of all owners of a cluster. */
    private boolean isByMonth() {
        return scope instanceof Scope.Everything && (!isByOwner() || request.by() == Dimension.CLUSTER)
                && request.filters().keySet().stream()
                        .noneMatch(dimension -> OF_OWNERS.contains(dimension) && dimension != Dimension.CLUSTER)
                && (request.every() == Every.PERIOD || request.every() == Every.MONTH)
                && firstMonth().isBefore(lastMonth());
    }

    private LocalDate firstMonth() {
        LocalDate month = request.from().withDayOfMonth(1);
        return month.equals(request.from()) ? month : month.plusMonths(1);
    }

    private LocalDate lastMonth() {
        return request.to().withDayOfMonth(1);
    }

    List<Ranked> ranked(Handle handle) {
        boolean byId = isByOwner() && !isByMonth();
        String ranked = byId ? "key_id" : request.by().sql();
        String key = byId ? "key" : "ranked";
        String keys = byId ? "join (select distinct key_id, key from owner) known on key_id = ranked" : "";
        String sql = """
            with owner as materialized (%1$s), top as (
                select %2$s as ranked, %3$s as starts, count(*) over () as groups, sum(%4$s) as amount
                from %5$s where %6$s group by 1, 2 having sum(runs) > 0 order by amount desc, ranked, starts limit :limit
            )
            select %7$s as key, starts, coalesce(to_char(starts, :format), '') as period, groups
            from top %8$s order by amount desc, ranked, starts""".formatted(owners,
                ranked, request.every().sql(), request.sort().amount().column(), from, conditions, key, keys);
        return bound(handle.createQuery(sql)).bind("limit", request.limit()).bind("format", request.every().format())
                .map((row, _) -> new Ranked(group(row), string(row, "period"), row.getLong("groups"))).list();
    }

    private static Group group(ResultSet row) throws SQLException {
        return new Group(string(row, "key"), row.getObject("starts", LocalDate.class));
    }

    /** All sums of everything, by state and reason. */
    <T> List<T> total(Handle handle, RowMapper<T> mapper) {
        return bound(handle.createQuery("with owner as materialized (" + owners + ") select state, reason, " + SUMS
                + " from " + fromAll + " where " + conditions + " group by 1, 2")).map(mapper).list();
    }

    /** What a row of some groups is made to. */
    @FunctionalInterface
    interface OfGroup<T> {
        T map(Group group, ResultSet row) throws SQLException;
    }

    /** All sums of some groups, by state and reason. */
    <T> List<T> of(Handle handle, List<Ranked> groups, OfGroup<T> mapper) {
        String key = isByMonth() || !isByOwner() ? request.by().sql() : "key";
        String some = isByOwner() && !isByMonth() && groups.size() <= FEW
                ? " and owner_id = any(array(select owner_id from owner where key = any(:keys)))"
                : "";
        return bound(handle.createQuery("with owner as materialized (" + owners + ") select " + key + " as key, "
                + request.every().sql() + " as starts, state, reason, " + SUMS + " from " + from + " where "
                + conditions + some + " and (" + key + ", " + request.every().sql()
                + ") in (select * from unnest(:keys, cast(:starts as date[]))) group by 1, 2, 3, 4"))
                .bindArray("keys", String.class, groups.stream().map(one -> one.group().key()).toList())
                .bindArray("starts", String.class, groups.stream().map(one -> one.group().starts().toString()).toList())
                .map((row, _) -> mapper.map(group(row), row)).list();
    }

    private Query bound(Query query) {
        query.bindMap(visible.values()).bind("from", request.from()).bind("to", request.to());
        if (isByMonth()) {
            query.bind("first_month", firstMonth()).bind("last_month", lastMonth());
        }
        request.filters().forEach((dimension, value) -> query.bind(dimension.parameter(), value));
        return query;
    }
}
