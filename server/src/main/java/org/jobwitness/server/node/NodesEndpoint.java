package org.jobwitness.server.node;

import static org.jobwitness.server.http.Requests.number;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodePage;

/** GET /v1/nodes and /v1/nodes/{name}. */
public final class NodesEndpoint {
    private final NodeTable nodes;
    private final Json json;
    private final Clock clock;

    public NodesEndpoint(NodeTable nodes, Json json, Clock clock) {
        this.nodes = nodes;
        this.json = json;
        this.clock = clock;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/nodes", this::list, Role.USER);
        routes.get("/v1/nodes/{name}", this::one, Role.USER);
    }

    private void list(Context ctx) {
        onlyParameters(ctx, Set.of("cluster", "limit", "offset"));
        int limit = number(ctx, "limit", 1_000, 1, 10_000);
        int offset = number(ctx, "offset", 0, 0, 999_999_999);
        NodePage page = nodes.list(Caller.of(ctx).scope(), text(ctx, "cluster"), null, limit, offset, clock.instant());
        ctx.result(json.text(page));
    }

    private void one(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        String name = ctx.pathParam("name");
        List<Node> found = nodes.list(Caller.of(ctx).scope(), text(ctx, "cluster"), name, 100, 0, clock.instant())
                .nodes();
        if (found.isEmpty()) {
            throw ApiException
                    .notFound("no node " + shown(name) + " is known; no job ran on it and no agent reported it");
        }
        if (found.size() > 1) {
            throw ApiException.invalidField("cluster", "node " + name + " is known on the clusters "
                    + String.join(", ", found.stream().map(Node::cluster).toList())
                    + "; say which one with ?cluster=");
        }
        ctx.result(json.text(found.getFirst()));
    }
}
