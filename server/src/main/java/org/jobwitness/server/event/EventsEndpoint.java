package org.jobwitness.server.event;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.job.KnownClusters;
import org.jobwitness.server.json.Accepted;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Leniency;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;

/** POST /v1/events/job-started and /v1/events/job-finished. */
public final class EventsEndpoint {
    private static final Leniency<JobStarted> STARTED = new Leniency<>(JobStarted.class,
            Set.of("job_id", "user", "node_list"), Set.of("cluster", "sluid", "start_time", "timestamp"), Map.of());
    private static final Leniency<JobFinished> FINISHED = new Leniency<>(JobFinished.class, Set.of("job_id"),
            Set.of("cluster", "sluid", "start_time", "timestamp", "final_state", "exit_code", "signal", "raw_status",
                    "derived_exit_code", "restart_count"),
            Map.of());

    private final Events events;
    private final KnownClusters clusters;
    private final Requests requests;
    private final Json json;

    public EventsEndpoint(Events events, KnownClusters clusters, Requests requests, Json json) {
        this.events = events;
        this.clusters = clusters;
        this.requests = requests;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/events/job-started", this::started, Role.AGENT);
        routes.post("/v1/events/job-finished", this::finished, Role.AGENT);
    }

    private void started(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        Accepted<JobStarted> event = requests.body(ctx, STARTED);
        clusters.check(event.value().cluster());
        ctx.result(json.text(valid(() -> events.started(Caller.of(ctx), event.value(), event.leftOut()))));
    }

    private void finished(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        Accepted<JobFinished> event = requests.body(ctx, FINISHED);
        clusters.check(event.value().cluster());
        ctx.result(json.text(valid(() -> events.finished(Caller.of(ctx), event.value(), event.leftOut()))));
    }

    private static EventResponse valid(Supplier<EventResponse> response) {
        try {
            return response.get();
        } catch (InvalidFieldException e) {
            throw ApiException.invalidField(e.field(), String.valueOf(e.getMessage()));
        }
    }
}
