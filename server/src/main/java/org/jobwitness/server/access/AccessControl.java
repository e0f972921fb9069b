package org.jobwitness.server.access;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.security.RouteRole;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.CorrelationId;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/** Authenticates and authorizes each request. */
public final class AccessControl implements Handler {
    private static final Pattern PRINTABLE = Pattern.compile("[\\x20-\\x7e]{1,128}");

    private final Optional<Tokens> tokens;
    private final String host;
    private final Refusals refusals;

    private AccessControl(Optional<Tokens> tokens, String host, PrometheusRegistry metrics) {
        this.tokens = tokens;
        this.host = host;
        this.refusals = new Refusals(metrics);
    }

    /** No authentication: all programs on this machine may do everything. For a loopback host only. */
    public static AccessControl off(String host, PrometheusRegistry metrics) {
        return new AccessControl(Optional.empty(), host.toLowerCase(Locale.ROOT), metrics);
    }

    public static AccessControl by(Tokens tokens, PrometheusRegistry metrics) {
        return new AccessControl(Optional.of(tokens), "", metrics);
    }

    /** Counts what was refused, here or by an endpoint. */
    public void routes(RoutesConfig routes) {
        routes.after(refusals::count);
    }

    @Override
    public void handle(Context ctx) {
        if (tokens.isEmpty()) {
            LocalRequests.check(ctx, host);
        }
        Set<RouteRole> allowed = ctx.routeRoles();
        Tokens.Owner owner = allowed.contains(Role.OPEN) || tokens.isEmpty()
                ? new Tokens.Owner(Role.OPEN, Caller.ANONYMOUS, new ReportScope.Everything())
                : authenticate(ctx, tokens.get(), allowed);
        new Caller(owner.actor(), header(ctx, "X-Changed-By"), header(ctx, "X-Source"), CorrelationId.of(ctx),
                new Scope.Everything(), owner.reports()).admit(ctx);
    }

    private static Tokens.Owner authenticate(Context ctx, Tokens tokens, Set<RouteRole> allowed) {
        List<String> sent = Collections.list(ctx.req().getHeaders("Authorization"));
        if (sent.size() > 1) {
            throw ApiException.invalidRequest("there are " + sent.size() + " Authorization headers; send one");
        }
        String authorization = sent.isEmpty() ? null : sent.getFirst();
        if (authorization == null) {
            throw ApiException.unauthorized("this needs a token: send Authorization: Bearer <token>; "
                    + "the server printed the paths of its tokens when it started");
        }
        if (!authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            throw ApiException.unauthorized("the Authorization header must be: Bearer <token>");
        }
        Tokens.Owner owner = tokens.ownerOf(authorization.substring(7).strip())
                .orElseThrow(() -> ApiException.unauthorized("the token is not one of this server's"));
        Role role = owner.role();
        if (role != Role.OPERATOR && !allowed.contains(role)) {
            throw ApiException.forbidden("the " + role.name().toLowerCase(Locale.ROOT)
                    + " token may not " + ctx.method() + " " + Printable.shown(ctx.path())
                    + "; use the operator token");
        }
        return owner;
    }

    private static @Nullable String header(Context ctx, String name) {
        String value = ctx.header(name);
        if (value == null || value.isBlank()) {
            return null;
        }
        if (!PRINTABLE.matcher(value).matches()) {
            throw ApiException.invalidRequest(name + " must be 1 to 128 printable ASCII characters");
        }
        return value.strip();
    }
}
