package org.jobwitness.server.verdict;

import static org.jobwitness.server.http.Requests.askedJobId;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobsEndpoint;
import org.jspecify.annotations.Nullable;

/** GET /v1/jobs/{id}/verdict. */
public final class VerdictEndpoint {
    private final EvidenceReader reader;
    private final Thresholds thresholds;
    private final @Nullable String siteNote;
    private final Json json;

    /** @param siteNote the site's own words, shown with the advice; empty for none */
    public VerdictEndpoint(EvidenceReader reader, Thresholds thresholds, Optional<String> siteNote, Json json) {
        this.reader = reader;
        this.thresholds = thresholds;
        this.siteNote = siteNote.orElse(null);
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
        RunEvidence evidence = reader.read(Caller.of(ctx), id, cluster, run)
                .orElseThrow(() -> JobsEndpoint.unknown(id, cluster, run));
        ctx.result(json.text(VerdictRules.judge(evidence, thresholds, siteNote)));
    }
}
