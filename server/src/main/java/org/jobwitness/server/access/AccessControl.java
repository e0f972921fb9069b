package org.jobwitness.server.access;

import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.security.RouteRole;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.CorrelationId;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/** Lets each request in as somebody, or refuses it. */
public final class AccessControl implements Handler {
    private static final Pattern PRINTABLE = Pattern.compile("[\\x20-\\x7e]{1,128}");

    private final Optional<Tokens> tokens;

    private AccessControl(Optional<Tokens> tokens) {
        this.tokens = tokens;
    }

    /** Everybody who reaches the port may do everything; for a loopback address only. */
    public static AccessControl off() {
        return new AccessControl(Optional.empty());
    }

    public static AccessControl by(Tokens tokens) {
        return new AccessControl(Optional.of(tokens));
    }

    @Override
    public void handle(Context ctx) {
        Set<RouteRole> wanted = ctx.routeRoles();
        String actor = wanted.contains(Role.OPEN) || tokens.isEmpty()
                ? Caller.ANONYMOUS
                : authenticate(ctx, tokens.get(), wanted);
        new Caller(actor, header(ctx, "X-Changed-By"), header(ctx, "X-Source"), CorrelationId.of(ctx),
                new Scope.Everything()).admit(ctx);
    }

    private static String authenticate(Context ctx, Tokens tokens, Set<RouteRole> wanted) {
        String authorization = ctx.header("Authorization");
        if (authorization == null) {
            throw ApiException.unauthorized("this needs a token: send Authorization: Bearer <token>; "
                    + "where the tokens are, the server printed when it started");
        }
        if (!authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            throw ApiException.unauthorized("the Authorization header must be: Bearer <token>");
        }
        Role role = tokens.roleOf(authorization.substring(7).strip())
                .orElseThrow(() -> ApiException.unauthorized("the token is not one of this server's"));
        if (role != Role.OPERATOR && !wanted.contains(role)) {
            throw ApiException.forbidden("the " + role.name().toLowerCase(Locale.ROOT)
                    + " token may not " + ctx.method() + " " + Printable.shown(ctx.path())
                    + "; use the operator token");
        }
        return role.name().toLowerCase(Locale.ROOT);
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
