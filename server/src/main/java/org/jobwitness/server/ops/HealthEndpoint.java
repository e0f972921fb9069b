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
    private final Map<String, Supplier<Optional<String>>> needed;
    private final Map<String, Supplier<Optional<String>>> beside;
    private final Json json;
    private final Clock clock;
    private final String version;

    /**
     * Made with what it looks at.
     *
     * @param needed to serve; by name: what is wrong, or nothing
     * @param beside what else should be well; looked at where nothing is wrong with what is needed, which they may need, too
     */
    public HealthEndpoint(Map<String, Supplier<Optional<String>>> needed,
            Map<String, Supplier<Optional<String>>> beside, Json json, Clock clock, String version) {
        this.needed = Map.copyOf(needed);
        this.beside = Map.copyOf(beside);
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
        Map<String, String> found = look(needed);
        if (isWell(found)) {
            found.putAll(look(beside));
        }
        boolean healthy = tellWhetherWell(ctx, found);
        ctx.result(json.text(new Health(healthy ? "healthy" : "unhealthy", clock.instant(), version, found)));
    }

    /** Open to everybody, so it says no more than yes or no. */
    private void ready(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        ctx.result(json.text(Map.of("status", tellWhetherWell(ctx, look(needed)) ? "ready" : "not_ready")));
    }

    private static Map<String, String> look(Map<String, Supplier<Optional<String>>> checks) {
        Map<String, String> found = new TreeMap<>();
        checks.forEach((name, check) -> found.put(name, look(check)));
        return found;
    }

    private static String look(Supplier<Optional<String>> check) {
        try {
            return check.get().orElse("ok");
        } catch (DatabaseUnavailable e) {
            return "not known: " + e.getMessage(); // it was there a moment ago
        }
    }

    private static boolean isWell(Map<String, String> found) {
        return found.values().stream().allMatch("ok"::equals);
    }

    private static boolean tellWhetherWell(Context ctx, Map<String, String> found) {
        boolean well = isWell(found);
        if (!well) {
            ctx.status(503).header("Retry-After", "5");
        }
        return well;
    }
}
