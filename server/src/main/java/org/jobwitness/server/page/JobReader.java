package org.jobwitness.server.page;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.http.Requests.time;

import io.javalin.http.Context;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.chart.Charts;
import org.jobwitness.server.chart.RunChanges;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobSort;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.server.verdict.ArrayVerdicts;
import org.jobwitness.server.verdict.ArraysEndpoint;
import org.jobwitness.server.verdict.Verdicts;
import org.jobwitness.server.verdict.Verdicts.Judged;
import org.jobwitness.server.verdict.Verdicts.NodeUse;
import org.jobwitness.wire.ArrayVerdict;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.SeriesPage;
import org.jspecify.annotations.Nullable;

/** Reads what the pages of a run and of a job array show. */
public final class JobReader {
    private static final int MAX_AUDIT = 50;
    /** Of an array, in each state. */
    private static final int MAX_TASKS = 15;
    private static final List<String> METRICS = Chart.OF_NODES.stream().flatMap(chart -> chart.metrics().stream())
            .toList();

    private final JobQueries jobs;
    private final Verdicts verdicts;
    private final ArrayVerdicts arrays;
    private final Charts charts;
    private final Clock clock;

    public JobReader(JobQueries jobs, Verdicts verdicts, ArrayVerdicts arrays, Charts charts, Clock clock) {
        this.jobs = jobs;
        this.verdicts = verdicts;
        this.arrays = arrays;
        this.charts = charts;
        this.clock = clock;
    }

    /** @throws ApiException 400, or 404 if there is no such run that the caller may see */
    JobView.Data read(Context ctx) {
        onlyParameters(ctx, Set.of("cluster", "run", "node", "from", "to"));
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        Long run = JobsEndpoint.key(ctx, "run");
        Instant from = time(ctx, "from");
        Instant to = time(ctx, "to");
        if (from != null && to != null && !from.isBefore(to)) {
            throw ApiException.invalidField("to", "to " + to + " does not lie after from " + from);
        }
        Caller caller = Caller.of(ctx);
        Job job = jobs.findAsked(caller, id, cluster, run).orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run));
        Judged judged = verdicts.of(caller, job.id(), job.cluster(), job.run())
                .orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run));
        List<String> nodes = shown(judged.nodes(), text(ctx, "node"));
        List<SeriesPage> series = series(job, nodes, METRICS, from, to);
        boolean hasGpus = job.gpus() != null && !job.gpus().isEmpty();
        List<AuditEntry> audit = jobs.audit(caller, job.id(), job.cluster(), job.run(), 0, MAX_AUDIT);
        return new JobView.Data(job, judged, series,
                hasGpus ? series(job, nodes, Chart.OF_GPUS, from, to) : List.of(), from != null || to != null,
                nodes.isEmpty() || !hasChanges(job, series) ? RunChanges.NONE : charts.changes(job, nodes.getFirst()),
                audit, clock.instant());
    }

    /** @throws ApiException 400, or 404 if there is no such array that the caller may see */
    ArrayView.Data readArray(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        Caller caller = Caller.of(ctx);
        ArrayVerdict array = arrays.of(caller, id, cluster).orElseThrow(() -> ArraysEndpoint.unknown(id, cluster));
        return new ArrayView.Data(array, tasks(caller, array, JobState.FAILED), tasks(caller, array, JobState.RUNNING));
    }

    private List<Job> tasks(Caller caller, ArrayVerdict array, JobState state) {
        JobFilter filter = JobFilter.ofId(Set.of(state), array.cluster(), array.array().id());
        return jobs.list(caller,
                new JobQueries.ListRequest(filter, null, null, JobSort.NEWEST_START, MAX_TASKS, 0, null)).jobs();
    }

    /** The node that was asked for, else those that most need a look. */
    private static List<String> shown(List<NodeUse> nodes, @Nullable String asked) {
        Stream<String> worst = JobView.worstFirst(nodes).stream().map(NodeUse::node);
        return asked == null
                ? worst.limit(JobView.MAX_NODES).toList()
                : worst.filter(Predicate.isEqual(asked)).toList();
    }

    /** Most runs have neither, and their samples need not be read again. */
    private static boolean hasChanges(Job job, List<SeriesPage> pages) {
        boolean hasLimits = pages.stream().flatMap(page -> page.series().stream())
                .filter(series -> series.metric().equals(Chart.MEMORY_LIMIT))
                .anyMatch(series -> Stream.concat(series.min().stream(), series.max().stream())
                        .filter(Objects::nonNull).distinct().count() > 1);
        return hasLimits || (job.suspendedSeconds() != null && job.suspendedSeconds() > 0);
    }

    private List<SeriesPage> series(Job job, List<String> nodes, List<String> metrics, @Nullable Instant from,
            @Nullable Instant to) {
        List<SeriesPage> pages = new ArrayList<>();
        SeriesPage whole = null;
        for (String node : nodes) {
            // All of the same time: that of the first one, which knows where the run begins and ends.
            Instant start = whole == null ? from : whole.from();
            Instant end = whole == null ? to : whole.to();
            SeriesPage page = charts.page(job, metrics, node.isEmpty() ? null : node, start, end, ChartView.POINTS);
            whole = whole == null ? page : whole;
            pages.add(page);
        }
        return pages.stream().allMatch(page -> page.series().isEmpty()) ? List.of() : pages;
    }
}
