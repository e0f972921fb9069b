package org.jobwitness.server.verdict;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.wire.Verdict;

/** GET /v1/jobs/{id}/verdict. */
public final class VerdictEndpoint {
    private final Verdicts verdicts;
    private final PublicUrl publicUrl;
    private final Json json;

    public VerdictEndpoint(Verdicts verdicts, PublicUrl publicUrl, Json json) {
        this.verdicts = verdicts;
        this.publicUrl = publicUrl;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/jobs/{id}/verdict", this::verdict, Role.USER, Role.SHARED);
    }

    private void verdict(Context ctx) {
        onlyParameters(ctx, Set.of("cluster", "run"));
        String id = askedJobId(ctx);
        String cluster = text(ctx, "cluster");
        Long run = JobsEndpoint.key(ctx, "run");
        Verdict verdict = verdicts.of(Caller.of(ctx), id, cluster, run)
                .orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run)).verdict();
        publicUrl.linkJob(ctx, verdict.id(), verdict.run());
        ctx.result(json.text(verdict));
    }
}
