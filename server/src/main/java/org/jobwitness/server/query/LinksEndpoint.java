package org.jobwitness.server.query;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Duration;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Sessions;
import org.jobwitness.server.access.User;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.NewLink;
import org.jobwitness.wire.SignedIn;

/** POST /v1/jobs/{id}/links: a token for a colleague that shows one run. */
public final class LinksEndpoint {
    private static final int DEFAULT_DAYS = 7;

    private final JobQueries jobs;
    private final Sessions sessions;
    private final Requests requests;
    private final Json json;

    public LinksEndpoint(JobQueries jobs, Sessions sessions, Requests requests, Json json) {
        this.jobs = jobs;
        this.sessions = sessions;
        this.requests = requests;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/jobs/{id}/links", this::create, Role.USER);
    }

    private void create(Context ctx) {
        onlyParameters(ctx, Set.of("cluster", "run"));
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        Long run = JobsEndpoint.key(ctx, "run");
        NewLink link = requests.body(ctx, NewLink.class);
        Caller caller = Caller.of(ctx);
        User user = caller.user();
        if (user == null || caller.role() == Role.HELPDESK) {
            throw ApiException.forbidden("a job's owner or an operator shares it, and only one who has signed in");
        }
        Job job = jobs.findAsked(caller.withOwnJobs(), id, cluster, run)
                .orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run));
        Duration lifetime = Duration.ofDays(link.days() == null ? DEFAULT_DAYS : link.days());
        Sessions.Created created = sessions.share(caller, user, job.run(), lifetime, ctx.ip());
        ctx.status(201).result(json.text(new SignedIn(created.token(), created.session().shown(Role.SHARED))));
    }
}
