package org.jobwitness.server.ops;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Health;

/** GET /v1/health, /v1/live and /v1/ready. */
public final class HealthEndpoint {
    private final Map<String, Supplier<Optional<String>>> requiredChecks;
    private final Map<String, Supplier<Optional<String>>> advisoryChecks;
    private final Json json;
    private final Clock clock;
    private final String version;

    /**
     * Checks by name; each gives what is wrong, or nothing.
     *
     * @param required to serve requests
     * @param advisory run only while all required checks pass, which they may depend on
     */
    public HealthEndpoint(Map<String, Supplier<Optional<String>>> required,
            Map<String, Supplier<Optional<String>>> advisory, Json json, Clock clock, String version) {
        requiredChecks = Map.copyOf(required);
        advisoryChecks = Map.copyOf(advisory);
        this.json = json;
        this.clock = clock;
        this.version = version;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/health", this::health, Role.AGENT, Role.SCRAPE, Role.OPERATOR);
        routes.get("/v1/ready", this::ready, Role.OPEN);
        routes.get("/v1/live", this::live, Role.OPEN);
    }

    private void live(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        ctx.result("{\"status\":\"alive\"}");
    }

    private void health(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        Map<String, String> results = run(requiredChecks);
        if (isHealthy(results)) {
            results.putAll(run(advisoryChecks));
        }
        boolean healthy = setStatus(ctx, results);
        ctx.result(json.text(new Health(healthy ? "healthy" : "unhealthy", clock.instant(), version, results)));
    }

    /** Open to all, so without details. */
    private void ready(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        ctx.result(json.text(Map.of("status", setStatus(ctx, run(requiredChecks)) ? "ready" : "not_ready")));
    }

    private static Map<String, String> run(Map<String, Supplier<Optional<String>>> checks) {
        Map<String, String> results = new TreeMap<>();
        checks.forEach((name, check) -> results.put(name, run(check)));
        return results;
    }

    private static String run(Supplier<Optional<String>> check) {
        try {
            return check.get().orElse("ok");
        } catch (DatabaseUnavailable e) {
            return "not known: " + e.getMessage(); // it became unavailable just now
        }
    }

    private static boolean isHealthy(Map<String, String> results) {
        return results.values().stream().allMatch("ok"::equals);
    }

    private static boolean setStatus(Context ctx, Map<String, String> results) {
        boolean healthy = isHealthy(results);
        if (!healthy) {
            ctx.status(503).header("Retry-After", "5");
        }
        return healthy;
    }
}
