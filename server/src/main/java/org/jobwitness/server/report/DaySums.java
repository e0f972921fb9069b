package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.knownTime;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.job.EndedRuns;

/**
 * Keeps the sums of each day right: adds runs that have ended, and replaces what a run added when its record or its figures have
 * changed since. What a run added is kept as its facts, and replaced in the transaction that changes the sums, under a lock.
 */
public final class DaySums {
    private static final int RUNS_AT_ONCE = 500;
    /** For whoever may wait; longer than any transaction here takes. */
    private static final int LOCK_TIMEOUT_MS = 25_000;
    private static final Duration DAY = Duration.ofDays(1);
    private static final String LOCK = "(hashtextextended('report_day', 0))";
    private static final String KEY = "day, node, owner_id, gpu_model, state, reason";
    private static final String MONTH = "(day - (date_part('day', day)::integer - 1))";
    private static final String TO_MONTHS = "insert into report_month (day, cluster, node, gpu_model, state, reason, "
            + Amount.each("%1$s") + ") select " + MONTH + ", cluster, node, gpu_model, state, reason, "
            + Amount.each("sum(%1$s)::bigint");
    private static final String ON_MONTHS = "group by 1, 2, 3, 4, 5, 6 having row(%s) <> row(%s) order by 1, 2, 3, 4, 5, 6"
            + " on conflict (day, cluster, node, gpu_model, state, reason) do update set %s";
    private static final String ADD_OWNERS = """
            insert into report_owner (cluster, user_name, uid, account, partition)
            select distinct cluster, user_name, uid, account, partition from job
            where job_key = any(:keys) and not exists (select from report_owner owner
                where owner.cluster = job.cluster and coalesce(owner.user_name, '') = coalesce(job.user_name, '')
                    and coalesce(owner.uid, -1) = coalesce(job.uid, -1)
                    and coalesce(owner.account, '') = coalesce(job.account, '')
                    and coalesce(owner.partition, '') = coalesce(job.partition, ''))
            on conflict do nothing""";
    private static final String REPLACE = "with " + RunFacts.SQL + """
            , stored as (
                select * from report_fact where job_key = any(:keys)
            ), gone as (
                delete from report_fact where job_key = any(:keys) and not exists (
                    select from fresh where fresh.job_key = report_fact.job_key and fresh.node = report_fact.node)
            ), replaced as (
                insert into report_fact (job_key, %1$s, %2$s) select job_key, %1$s, %2$s from fresh
                on conflict (job_key, node) do update set (%1$s, %2$s) = row(%3$s, %4$s)
                where (report_fact.*) is distinct from (excluded.*)
            ), difference as (
                select %1$s, %5$s from (
                    select %1$s, %2$s from fresh union all select %1$s, %6$s from stored) each_fact
                group by %1$s having row(%7$s) <> row(%8$s)
            ), months as (
                %10$s from difference join report_owner using (owner_id) %11$s
            )
            insert into report_day (%1$s, %2$s) select %1$s, %2$s from difference order by %1$s
            on conflict (%1$s) do update set %9$s""".formatted(KEY, Amount.each("%1$s"),
            "excluded." + KEY.replace(", ", ", excluded."), Amount.each("excluded.%1$s"),
            Amount.each("sum(%1$s)::bigint as %1$s"), Amount.each("-%1$s"), Amount.each("sum(%1$s)"), Amount.each("0"),
            Amount.each("%1$s = report_day.%1$s + excluded.%1$s"), TO_MONTHS,
            ON_MONTHS.formatted(Amount.each("sum(%1$s)"),
                    Amount.each("0"), Amount.each("%1$s = report_month.%1$s + excluded.%1$s")));
    /** What is to be made anew of a day leaves its month first. */
    private static final String LEAVE_MONTH = TO_MONTHS.replace("sum(", "-sum(")
            + " from report_day join report_owner using (owner_id) where day = :day "
            + ON_MONTHS.formatted(Amount.each("sum(%1$s)"), Amount.each("0"),
                    Amount.each("%1$s = report_month.%1$s + excluded.%1$s"));
    private static final String RUNS_OF_DAY = """
            select job_key from job where state in ('completed', 'failed', 'cancelled') and job_key > :after and (
                coalesce(end_time, 'infinity'::timestamptz) >= :from and coalesce(end_time, 'infinity'::timestamptz) < :to
                or end_time is null and state not in ('pending', 'running') and listed_at >= :from and listed_at < :to)
            order by job_key limit :limit""";

    private final Database database;
    private final Duration sampleRetention;
    private final Clock clock;

    /** @param sampleRetention how old a sample may be that is still stored, and changes the figures of its run */
    public DaySums(Database database, Duration sampleRetention, Clock clock) {
        this.database = database;
        this.sampleRetention = sampleRetention;
        this.clock = clock;
    }

    /** Adds what has ended or changed since the last time. */
    public void run(Leadership leadership) throws InterruptedException {
        boolean isMore = true;
        while (isMore) {
            leadership.check();
            isMore = addEnded(clock.instant());
        }
    }

    /** Takes some of the entries that are due into account; whether there may be more. */
    boolean addEnded(Instant now) {
        return database.writeInBackground("report_add", handle -> {
            if (!tryLock(handle)) {
                return false;
            }
            List<Long> runs = EndedRuns.take(handle, now, RUNS_AT_ONCE);
            replace(handle, runs);
            return !runs.isEmpty();
        });
    }

    /**
     * Looks again at all runs that ended within the time for which samples are taken: late ones leave no entry. Sums without runs
     * are removed, and the facts of runs that retention has deleted.
     */
    public void correct(Leadership leadership) throws InterruptedException {
        LocalDate since = LocalDate.ofInstant(clock.instant().minus(sampleRetention).minus(DAY), ZoneOffset.UTC);
        Position position = new Position(since, 0);
        while (position != null) {
            leadership.check();
            position = correctFrom(position).orElse(null);
        }
        database.writeInBackground("report_clean", handle -> {
            for (String table : List.of("report_day", "report_month")) {
                handle.createUpdate("delete from " + table + " where day >= :since and runs = 0")
                        .bind("since", since.withDayOfMonth(1)).execute();
            }
            return handle.createUpdate("""
                    delete from report_fact where day <= (
                        select max((ended_before at time zone 'UTC')::date) from job_deleted)
                    and not exists (select from job where job.job_key = report_fact.job_key)
                    and not exists (select from ended_run where ended_run.job_key = report_fact.job_key)""").execute();
        });
    }

    /** A run among those of a day. */
    record Position(LocalDate day, long run) {
    }

    /** Looks again at some runs behind a position, of those that still exist; empty if there are no more. */
    Optional<Position> correctFrom(Position after) {
        return database.writeInBackground("report_correct", handle -> {
            if (!tryLock(handle)) {
                return Optional.empty();
            }
            List<Position> some = handle.createQuery("""
                    select day, job_key from report_fact join job using (job_key)
                    where node = '' and (day, job_key) > (:day, :run) order by day, job_key limit :limit""")
                    .bind("day", after.day()).bind("run", after.run())
                    .bind("limit", RUNS_AT_ONCE)
                    .map((row, _) -> new Position(row.getObject("day", LocalDate.class), row.getLong("job_key")))
                    .list();
            replace(handle, some.stream().map(Position::run).toList());
            return some.isEmpty() ? Optional.empty() : Optional.of(some.getLast());
        });
    }

    private static boolean tryLock(Handle handle) {
        return handle.createQuery("select pg_try_advisory_xact_lock" + LOCK).mapTo(Boolean.class).one();
    }

    static void lock(Handle handle) {
        handle.execute("set local lock_timeout = " + LOCK_TIMEOUT_MS);
        handle.createQuery("select pg_advisory_xact_lock" + LOCK).mapTo(String.class).findFirst();
    }

    private static void replace(Handle handle, List<Long> runs) {
        if (!runs.isEmpty()) {
            handle.createUpdate(ADD_OWNERS).bindArray("keys", Long.class, runs).execute();
            handle.createUpdate(REPLACE).bindArray("keys", Long.class, runs).execute();
        }
    }

    /**
     * Makes the sums of each day anew from the runs that ended on it. A day of which retention has deleted runs stays as it is.
     *
     * @param progress is given each day, and how many runs ended on it
     * @return the last day that stays as it is; empty if there is none
     */
    public Optional<LocalDate> rebuild(BiConsumer<LocalDate, Long> progress) {
        Span span = database.read("report_span",
                handle -> handle
                        .createQuery(
                                """
                select (select min(listed_at) from job) as first_at,
                    (select max(ended_before) from job_deleted) as deleted_to, (select min(day) from report_day) as first_day""")
                        .map((row, _) -> new Span(Optional.ofNullable(row.getObject("first_day", LocalDate.class)),
                                row.getObject("first_at") == null
                                        ? Optional.<LocalDate>empty()
                                        : day(knownTime(row, "first_at")),
                                row.getObject("deleted_to") == null
                                        ? Optional.<LocalDate>empty()
                                        : day(knownTime(row, "deleted_to"))))
                        .one());
        LocalDate today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
        for (LocalDate day = span.first().orElse(today); !day.isAfter(today.plusDays(1)); day = day.plusDays(1)) {
            LocalDate one = day;
            progress.accept(one, database.writeInBackground("report_rebuild", handle -> rebuild(handle, one)));
        }
        return span.kept();
    }

    private static Optional<LocalDate> day(Instant time) {
        return Optional.of(LocalDate.ofInstant(time, ZoneOffset.UTC));
    }

    /** Of all days the first that can be made anew, and the last one that cannot. */
    private record Span(Optional<LocalDate> summed, Optional<LocalDate> ended, Optional<LocalDate> kept) {
        Optional<LocalDate> first() {
            Optional<LocalDate> first = summed.isPresent() && ended.isPresent()
                    ? Optional.of(summed.get().isBefore(ended.get()) ? summed.get() : ended.get())
                    : summed.or(() -> ended);
            return first.map(day -> kept.isPresent() && !day.isAfter(kept.get()) ? kept.get().plusDays(1) : day);
        }
    }

    private static long rebuild(Handle handle, LocalDate day) {
        lock(handle);
        handle.createUpdate(LEAVE_MONTH).bind("day", day).execute();
        handle.createUpdate("delete from report_day where day = :day").bind("day", day).execute();
        handle.createUpdate("delete from report_fact where day = :day").bind("day", day).execute();
        long all = 0;
        long after = 0;
        while (true) {
            List<Long> runs = handle.createQuery(RUNS_OF_DAY).bind("after", after)
                    .bind("from", day.atStartOfDay().toInstant(ZoneOffset.UTC))
                    .bind("to", day.plusDays(1).atStartOfDay().toInstant(ZoneOffset.UTC)).bind("limit", RUNS_AT_ONCE)
                    .mapTo(Long.class).list();
            if (runs.isEmpty()) {
                return all;
            }
            replace(handle, runs);
            all += runs.size();
            after = Objects.requireNonNull(runs.getLast());
        }
    }

    /** Removes days that are older than the audit trail. */
    public static int forget(Handle handle, Instant before) {
        LocalDate day = LocalDate.ofInstant(before, ZoneOffset.UTC);
        handle.createUpdate("delete from report_month where day < :month").bind("month", day.withDayOfMonth(1))
                .execute();
        return handle.createUpdate("delete from report_day where day < :day").bind("day", day).execute();
    }
}
