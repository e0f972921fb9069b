package org.jobwitness.server.chart;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.number;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.http.Requests.time;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Csv;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.SeriesPage;
import org.jspecify.annotations.Nullable;

/** GET /v1/jobs/{id}/series. */
public final class SeriesEndpoint {
    private final JobQueries jobs;
    private final Charts charts;
    private final Json json;

    public SeriesEndpoint(JobQueries jobs, Charts charts, Json json) {
        this.jobs = jobs;
        this.charts = charts;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/jobs/{id}/series", this::read, Role.USER, Role.SHARED);
    }

    private void read(Context ctx) {
        onlyParameters(ctx, Set.of("metric", "node", "gpu", "from", "to", "points", "cluster", "run", "format"));
        String id = askedJobId(ctx);
        boolean csv = Csv.isAskedFor(ctx);
        Charts.Question question = question(ctx);
        String cluster = text(ctx, "cluster");
        Long run = JobsEndpoint.key(ctx, "run");
        Job job = jobs.findAsked(Caller.of(ctx), id, cluster, run)
                .orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run));
        SeriesPage page = charts.page(job, question);
        if (csv) {
            ctx.contentType(Csv.CONTENT_TYPE)
                    .header("Content-Disposition", "attachment; filename=\"job-" + job.id() + ".csv\"")
                    .result(csv(page));
        } else {
            ctx.result(json.text(page));
        }
    }

    /** As the parameter says; without it, as the Accept header does. */
    private static Charts.Question question(Context ctx) {
        String node = text(ctx, "node");
        String gpu = text(ctx, "gpu");
        Set<Metric> metrics = metrics(ctx, gpu);
        Instant from = time(ctx, "from");
        Instant to = time(ctx, "to");
        if (from != null && to != null && to.isBefore(from)) {
            throw ApiException.invalidField("to", "to " + to + " lies before from " + from);
        }
        return new Charts.Question(metrics, node, gpu, from, to, number(ctx, "points", 500, 1, 5_000));
    }

    private static Set<Metric> metrics(Context ctx, @Nullable String gpu) {
        Set<Metric> metrics = new LinkedHashSet<>();
        for (String list : ctx.queryParams("metric")) {
            for (String name : list.split(",", -1)) {
                metrics.add(Metric.named(name).orElseThrow(() -> noSuchMetric(name)));
            }
        }
        if (metrics.isEmpty()) {
            metrics.addAll(gpu == null ? Metric.DEFAULTS_OF_JOB : Metric.DEFAULTS_OF_GPU);
        } else if (gpu != null && metrics.stream().allMatch(metric -> metric.figure().of() == Figure.Of.JOB)) {
            throw ApiException.invalidField("gpu",
                    "gpu is for metrics of GPUs, such as " + examples(Metric.DEFAULTS_OF_GPU)
                            + "; none of them was asked for");
        }
        return metrics;
    }

    private static ApiException noSuchMetric(String name) {
        return ApiException.invalidField("metric", "metric must be names such as " + examples(Metric.DEFAULTS_OF_JOB)
                + ", which /docs lists, was " + (name.isEmpty() ? "empty" : shown(name)) + Metric.ofCounter(name)
                        .map(rate -> ", which only grows; ask for " + rate + " to see how fast").orElse(""));
    }

    private static String examples(List<Metric> metrics) {
        return String.join(", ", metrics.stream().map(Metric::toString).toList());
    }

    private static String csv(SeriesPage page) {
        StringBuilder csv = new StringBuilder(Csv.row("time", "metric", "unit", "node", "gpu", "min", "mean", "max"));
        for (SeriesPage.Series series : page.series()) {
            String what = series.metric() + "," + series.unit() + "," + Csv.text(series.node()) + ","
                    + Csv.text(series.gpu());
            for (int i = 0; i < series.times().size(); i++) {
                Double min = series.min().get(i);
                Double mean = series.mean().get(i);
                Double max = series.max().get(i);
                if (min != null && mean != null && max != null) {
                    csv.append(Csv.row(series.times().get(i).toString(), what, Csv.number(min), Csv.number(mean),
                            Csv.number(max)));
                }
            }
        }
        return csv.toString();
    }
}
