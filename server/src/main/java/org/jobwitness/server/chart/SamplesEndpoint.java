package org.jobwitness.server.chart;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.number;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.http.Requests.time;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Instant;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Job;

/** GET /v1/jobs/{id}/metrics. */
public final class SamplesEndpoint {
    private final JobQueries jobs;
    private final SampleStore samples;
    private final Json json;

    public SamplesEndpoint(JobQueries jobs, SampleStore samples, Json json) {
        this.jobs = jobs;
        this.samples = samples;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/jobs/{id}/metrics", this::read, Role.USER, Role.SHARED);
    }

    private void read(Context ctx) {
        onlyParameters(ctx, Set.of("start_time", "end_time", "limit", "cluster", "run"));
        String id = askedJobId(ctx);
        Instant from = time(ctx, "start_time");
        Instant to = time(ctx, "end_time");
        if (from != null && to != null && to.isBefore(from)) {
            throw ApiException.invalidField("end_time", "end_time " + to + " lies before start_time " + from);
        }
        int limit = number(ctx, "limit", 1_000, 1, 10_000);
        String cluster = text(ctx, "cluster");
        Long run = JobsEndpoint.key(ctx, "run");
        Job job = jobs.findAsked(Caller.of(ctx), id, cluster, run)
                .orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run));
        ctx.result(json.text(samples.read(job.id(), job.run(), from, to, limit)));
    }
}
