package org.jobwitness.server.event;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Set;
import java.util.function.Supplier;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;

/** POST /v1/events/job-started and /v1/events/job-finished. */
public final class EventsEndpoint {
    private final Events events;
    private final Requests requests;
    private final Json json;

    public EventsEndpoint(Events events, Requests requests, Json json) {
        this.events = events;
        this.requests = requests;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/events/job-started", this::started, Role.AGENT);
        routes.post("/v1/events/job-finished", this::finished, Role.AGENT);
    }

    private void started(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        JobStarted event = requests.body(ctx, JobStarted.class);
        ctx.result(json.text(valid(() -> events.apply(Caller.of(ctx), event))));
    }

    private void finished(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        JobFinished event = requests.body(ctx, JobFinished.class);
        ctx.result(json.text(valid(() -> events.apply(Caller.of(ctx), event))));
    }

    private static EventResponse valid(Supplier<EventResponse> response) {
        try {
            return response.get();
        } catch (InvalidFieldException e) {
            throw ApiException.invalidField(e.field(), String.valueOf(e.getMessage()));
        }
    }
}
