package org.jobwitness.server.ops;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jobwitness.server.http.Json;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.http.Role;
import org.jobwitness.wire.Health;

/** GET /v1/health, /v1/live and /v1/ready. */
public final class HealthEndpoint {
    private final Map<String, Supplier<Optional<String>>> checks;
    private final Json json;
    private final Clock clock;
    private final String version;

    /**
     * Made with what it looks at.
     *
     * @param checks by name: what is wrong, or nothing
     */
    public HealthEndpoint(Map<String, Supplier<Optional<String>>> checks, Json json, Clock clock, String version) {
        this.checks = Map.copyOf(checks);
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
        Map<String, String> found = look();
        boolean healthy = isHealthy(ctx, found);
        ctx.result(json.text(new Health(healthy ? "healthy" : "unhealthy", clock.instant(), version, found)));
    }

    /** Open to everybody, so it says no more than yes or no. */
    private void ready(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        ctx.result(json.text(Map.of("status", isHealthy(ctx, look()) ? "ready" : "not_ready")));
    }

    private Map<String, String> look() {
        Map<String, String> found = new TreeMap<>();
        checks.forEach((name, check) -> found.put(name, check.get().orElse("ok")));
        return found;
    }

    private static boolean isHealthy(Context ctx, Map<String, String> found) {
        boolean healthy = found.values().stream().allMatch("ok"::equals);
        if (!healthy) {
            ctx.status(503).header("Retry-After", "5");
        }
        return healthy;
    }
}
