package org.jobwitness.server.query;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.number;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.parameter;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.http.Requests.time;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.Job;
import org.jspecify.annotations.Nullable;

/** GET /v1/jobs and the paths below it. */
public final class JobsEndpoint {
    private static final Set<String> LIST_PARAMETERS = Stream
            .concat(JobFilter.PARAMETERS.stream(), Stream.of("from", "to", "limit", "offset", "cursor", "sort"))
            .collect(Collectors.toUnmodifiableSet());

    /** A query parameter: only the caller's own runs. */
    public static final String MINE = "mine";

    private final JobQueries jobs;
    private final PublicUrl publicUrl;
    private final Json json;

    public JobsEndpoint(JobQueries jobs, PublicUrl publicUrl, Json json) {
        this.jobs = jobs;
        this.publicUrl = publicUrl;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/jobs", this::list, Role.USER);
        routes.get("/v1/jobs/{id}", this::one, Role.USER, Role.SHARED);
        routes.get("/v1/jobs/{id}/runs", this::runs, Role.USER, Role.SHARED);
        routes.get("/v1/jobs/{id}/audit", this::audit, Role.USER, Role.SHARED);
    }

    private void list(Context ctx) {
        ctx.result(json.text(jobs.list(asking(ctx), listRequest(ctx, Set.of(MINE)))));
    }

    /** The caller, without the accounts that they coordinate if only their own runs are asked for. */
    public static Caller asking(Context ctx) {
        String mine = parameter(ctx, MINE).orElse("false");
        if (!List.of("true", "false").contains(mine)) {
            throw ApiException.invalidField(MINE, MINE + " must be true or false, was " + shown(mine));
        }
        return mine.equals("true") ? Caller.of(ctx).withOwnJobs() : Caller.of(ctx);
    }

    private void one(Context ctx) {
        onlyParameters(ctx, Set.of("cluster", "run"));
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        Long run = key(ctx, "run");
        Job job = jobs.findAsked(Caller.of(ctx), id, cluster, run).orElseThrow(() -> unknown(id, cluster, run));
        publicUrl.linkJob(ctx, job.id(), job.run());
        ctx.result(json.text(job));
    }

    private void runs(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        ctx.result(json.text(Map.of("runs", runsOf(ctx))));
    }

    private void audit(Context ctx) {
        onlyParameters(ctx, Set.of("cluster", "run", "limit", "after"));
        int limit = number(ctx, "limit", 1000, 1, 10_000);
        Long after = key(ctx, "after");
        Long run = key(ctx, "run");
        Caller caller = Caller.of(ctx);
        String asked = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        String id = jobs.recordedId(caller, asked, cluster);
        List<AuditEntry> trail = jobs.audit(caller, id, cluster, run, after == null ? 0 : after, limit);
        if (trail.isEmpty() && jobs.audit(caller, id, cluster, null, 0, 1).isEmpty()) {
            throw unknown(asked, cluster, null);
        }
        ctx.result(json.text(Map.of("audit", trail)));
    }

    private List<Job> runsOf(Context ctx) {
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        Caller caller = Caller.of(ctx);
        List<Job> runs = jobs.runs(caller, jobs.recordedId(caller, id, cluster), cluster);
        if (runs.isEmpty()) {
            throw unknown(id, cluster, null);
        }
        return runs;
    }

    public static ApiException unknown(String id) {
        return ApiException.notFound("no job " + id + " is recorded");
    }

    /** A 404 that names cluster and run, if the request named them. */
    public static ApiException unknown(String id, @Nullable String cluster, @Nullable Long run) {
        if (cluster == null && run == null) {
            return unknown(id);
        }
        return ApiException.notFound("no run " + (run == null ? "" : run + " ") + "of job " + id + " is recorded"
                + (cluster == null ? "" : " on the cluster " + shown(cluster)));
    }

    /** The number of a run or of an audit row; null if it was not sent. */
    public static @Nullable Long key(Context ctx, String name) {
        Optional<String> key = parameter(ctx, name);
        if (key.isPresent() && !key.get().matches("[0-9]{1,18}")) {
            throw ApiException.invalidField(name,
                    name + " must be a whole number of at most 18 digits, was " + shown(key.get()));
        }
        return key.map(Long::valueOf).orElse(null);
    }

    /**
     * The list that the query parameters ask for.
     *
     * @throws ApiException 400
     */
    public static JobQueries.ListRequest listRequest(Context ctx) {
        return listRequest(ctx, Set.of());
    }

    private static JobQueries.ListRequest listRequest(Context ctx, Set<String> others) {
        onlyParameters(ctx, Stream.concat(LIST_PARAMETERS.stream(), others.stream()).collect(Collectors.toSet()));
        JobCursor cursor = parameter(ctx, "cursor").map(JobCursor::parse).orElse(null);
        JobSort sort = JobFilter.constant(ctx, "sort", JobSort.values(), JobSort::parameter)
                .orElse(cursor == null ? JobSort.NEWEST_START : cursor.sort());
        if (cursor != null && cursor.sort() != sort) {
            throw ApiException.invalidField("cursor",
                    "cursor belongs to a list sorted by " + cursor.sort().parameter());
        }
        int offset = number(ctx, "offset", 0, 0, 999_999_999);
        if (cursor != null && offset != 0) {
            throw ApiException.invalidField("offset", "offset and cursor exclude each other; send one of them");
        }
        return new JobQueries.ListRequest(JobFilter.of(ctx), time(ctx, "from"), time(ctx, "to"), sort,
                number(ctx, "limit", 100, 1, 1000), offset, cursor);
    }
}
