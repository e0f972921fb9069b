package org.jobwitness.server.verdict;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.ArrayVerdict;
import org.jspecify.annotations.Nullable;

/** GET /v1/arrays/{id}. */
public final class ArraysEndpoint {
    private final ArrayVerdicts arrays;
    private final PublicUrl publicUrl;
    private final Json json;

    public ArraysEndpoint(ArrayVerdicts arrays, PublicUrl publicUrl, Json json) {
        this.arrays = arrays;
        this.publicUrl = publicUrl;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/arrays/{id}", this::array, Role.USER);
    }

    private void array(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        ArrayVerdict found = arrays.of(Caller.of(ctx), id, cluster).orElseThrow(() -> unknown(id, cluster));
        publicUrl.linkArray(ctx, found.array().id(), found.cluster());
        ctx.result(json.text(found));
    }

    /**
     * The error 404 of an id that means no job array that the caller may see.
     *
     * @param cluster null for any
     */
    public static ApiException unknown(String id, @Nullable String cluster) {
        return ApiException.notFound("no job array " + id + " is recorded"
                + (cluster == null ? "" : " on the cluster " + shown(cluster)));
    }
}
