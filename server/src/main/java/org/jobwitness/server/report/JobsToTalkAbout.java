package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.string;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.server.report.ReportRequest.Dimension;
import org.jobwitness.server.verdict.Verdicts;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.ReportTalk;
import org.jobwitness.wire.ReportTalk.Resource;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

/**
 * Finds where a change would free the most: of the users who wasted the most of a resource, the jobs of one name that did, and what
 * the verdict of one of their runs advises. Waste about which a verdict has nothing to say is left out.
 */
public final class JobsToTalkAbout {
    public static final int MAX_TOPICS = 20;
    /** Of each user, unless there is only one. */
    private static final int NAMES_OF_A_USER = 3;
    /** For each topic that is asked for, so many are tried: each costs a verdict. */
    private static final int TRIES = 3;
    private final Database database;
    private final Verdicts verdicts;
    private final Clock clock;

    public JobsToTalkAbout(Database database, Verdicts verdicts, Clock clock) {
        this.database = database;
        this.verdicts = verdicts;
        this.clock = clock;
    }

    /** Runs of a user and a name, and the one that stands for them. */
    private record Work(String cluster, String user, @Nullable String name, long runs, double allocated, double wasted,
            String jobId, long run) {
    }

    private static Amount wasted(Resource resource) {
        return switch (resource) {
            case CPU -> Amount.CPU_WASTED_MS;
            case GPU -> Amount.GPU_WASTED_MS;
            case MEMORY -> Amount.MEMORY_WASTED_MIB_S;
        };
    }

    private static Amount allocated(Resource resource) {
        return switch (resource) {
            case CPU -> Amount.CPU_MEASURED_MS;
            case GPU -> Amount.GPU_MEASURED_MS;
            case MEMORY -> Amount.MEMORY_MEASURED_MIB_S;
        };
    }

    private static Set<FindingRule> findings(Resource resource) {
        return switch (resource) {
            case CPU -> Set.of(FindingRule.CPU_IDLE, FindingRule.NODE_IMBALANCE);
            case GPU -> Set.of(FindingRule.GPU_IDLE, FindingRule.GPU_PARTLY_IDLE, FindingRule.GPU_LOW_USE);
            case MEMORY -> Set.of(FindingRule.MEMORY_OVERASKED);
        };
    }

    private static Verdict.Unit unit(Resource resource) {
        return switch (resource) {
            case CPU -> Verdict.Unit.CPUS;
            case GPU -> Verdict.Unit.GPUS;
            case MEMORY -> Verdict.Unit.BYTES;
        };
    }

    /**
     * The topics of each resource, within the caller's scope.
     *
     * @param filters of runs, by cluster, account, user and partition
     * @param limit the most topics of each resource, 1..{@link #MAX_TOPICS}
     */
    public ReportTalk of(Caller caller, Period period, Map<Dimension, String> filters, int limit) {
        List<ReportTalk.Topic> topics = new ArrayList<>();
        for (Resource resource : Resource.values()) {
            List<Work> all = database.readStreaming("report_talk",
                    handle -> query(handle, caller.scope(), period, filters, resource, limit).map((row, _) -> {
                        String name = string(row, "name");
                        return new Work(string(row, "cluster"), string(row, "user_name"), name.isEmpty() ? null : name,
                                row.getLong("runs"), row.getDouble("allocated"), row.getDouble("wasted"),
                                string(row, "job_id"), row.getLong("job_key"));
                    }).list());
            int left = limit;
            for (Work work : all) {
                Optional<ReportTalk.Topic> topic = left == 0 ? Optional.empty() : topic(caller, resource, work);
                topic.ifPresent(topics::add);
                left -= topic.isPresent() ? 1 : 0;
            }
        }
        return new ReportTalk(period.from(), period.to(), clock.instant(), topics);
    }

    /** By users first, from sums of days; then by single runs, of these users only. */
    private static Query query(Handle handle, Scope scope, Period period, Map<Dimension, String> filters,
            Resource resource, int limit) {
        Condition visible = Visibility.of(scope);
        StringBuilder owners = new StringBuilder(visible.sql());
        filters.keySet().forEach(dimension -> owners.append(" and ").append(dimension.sql()).append(" = :")
                .append(dimension.parameter()));
        double unit = resource == Resource.MEMORY ? Reports.GIB_HOUR_MIB_S : Reports.HOUR_MS;
        Query query = handle
                .createQuery("""
            with person as (
                select cluster, user_name, array_agg(distinct owner_id) as owners, sum(%1$s) as wasted
                from report_day join (select * from report_owner where %4$s) owner using (owner_id)
                where node = '' and day >= :from and day < :to and %1$s > 0 and user_name is not null
                group by cluster, user_name order by wasted desc, cluster, user_name limit :people
            ), work as (
                select person.cluster, person.user_name, coalesce(job.scheduler ->> 'name', '') as name, count(*) as runs,
                    sum(fact.%2$s)::double precision / %3$s as allocated, sum(fact.%1$s)::double precision / %3$s as wasted,
                    max(array[(fact.state = 'completed')::integer, fact.%1$s, job.job_key]) as worst
                from person join report_fact fact on fact.owner_id = any(owners) join job using (job_key)
                where fact.node = '' and fact.day >= :from and fact.day < :to and fact.%1$s > 0 group by 1, 2, 3
            ), placed as (
                select *, row_number() over (partition by cluster, user_name order by wasted desc, name) as place,
                    (select count(*) from person) as people
                from work
            )
            select placed.*, job.job_id, job.job_key from placed join job on job.job_key = worst[3]
            where place <= case people when 1 then :tries else :names end
            order by wasted desc, placed.cluster, user_name, name limit :tries""".formatted(wasted(resource).column(),
                        allocated(resource).column(),
                        Long.toString((long) unit), owners))
                .bindMap(visible.values()).bind("from", period.from())
                .bind("to", period.to()).bind("people", TRIES * limit).bind("names", NAMES_OF_A_USER)
                .bind("tries", TRIES * limit);
        filters.forEach((dimension, value) -> query.bind(dimension.parameter(), value));
        return query;
    }

    private Optional<ReportTalk.Topic> topic(Caller caller, Resource resource, Work work) {
        return verdicts.of(caller, work.jobId(), work.cluster(), work.run()).map(Verdicts.Judged::verdict)
                .flatMap(verdict -> example(resource, verdict))
                .map(example -> new ReportTalk.Topic(resource, work.cluster(), work.user(), work.name(), work.runs(),
                        Reports.rounded(work.allocated()), Reports.rounded(work.wasted()), example));
    }

    /** Empty if the verdict says nothing of how the run used the resource. */
    private static Optional<ReportTalk.Example> example(Resource resource, Verdict verdict) {
        Set<FindingRule> rules = findings(resource);
        Optional<Verdict.Finding> finding = verdict.findings().stream().filter(one -> rules.contains(one.rule()))
                .findFirst();
        boolean canAskForLess = verdict.outcome().state() == JobState.COMPLETED
                && verdict.next().options().stream().anyMatch(option -> option.unit() == unit(resource));
        return finding.isEmpty() && !canAskForLess
                ? Optional.empty()
                : Optional.of(new ReportTalk.Example(verdict.id(), verdict.run(),
                        finding.map(Verdict.Finding::sentence).orElseGet(verdict.use()::sentence),
                        finding.map(Verdict.Finding::advice).orElseGet(verdict::advice), verdict.next().lines()));
    }
}
