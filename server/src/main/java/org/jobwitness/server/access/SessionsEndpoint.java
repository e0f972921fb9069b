package org.jobwitness.server.access;

import static org.jobwitness.server.http.Requests.noBody;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;
import java.util.Set;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.CorrelationId;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.SessionPage;
import org.jobwitness.wire.SignIn;
import org.jobwitness.wire.SignedIn;
import org.jobwitness.wire.SlurmSignIn;
import org.jobwitness.wire.UserSession;
import org.jspecify.annotations.Nullable;

/** POST /v1/sessions and /v1/sessions/slurm, by which people sign in; GET and DELETE, by which they see and revoke their sessions. */
public final class SessionsEndpoint {
    /** From strangers no more is read. */
    private static final int MAX_BYTES = 32 << 10;

    private final Sessions sessions;
    private final SignInByMunge signIn;
    private final SignInBySlurmToken bySlurmToken;
    private final Privileged privileged;
    private final Requests requests;
    private final Json json;

    public SessionsEndpoint(Sessions sessions, SignInByMunge signIn, SignInBySlurmToken bySlurmToken,
            Privileged privileged, Requests requests, Json json) {
        this.sessions = sessions;
        this.signIn = signIn;
        this.bySlurmToken = bySlurmToken;
        this.privileged = privileged;
        this.requests = requests;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/sessions", this::signIn, Role.OPEN);
        routes.post("/v1/sessions/slurm", this::signInBySlurmToken, Role.OPEN);
        routes.get("/v1/sessions", this::list, Role.USER);
        routes.get("/v1/sessions/{session}", this::one, Role.USER, Role.SHARED);
        routes.delete("/v1/sessions/{session}", this::revoke, Role.USER);
    }

    private void signIn(Context ctx) {
        SignIn request = body(ctx, SignIn.class);
        respond(ctx, signIn.signIn(request, ctx.ip(), CorrelationId.of(ctx)));
    }

    private void signInBySlurmToken(Context ctx) {
        SlurmSignIn request = body(ctx, SlurmSignIn.class);
        respond(ctx, bySlurmToken.signIn(request.slurmToken(), ctx.ip(), CorrelationId.of(ctx)));
    }

    private <T> T body(Context ctx, Class<T> type) {
        onlyParameters(ctx, Set.of());
        if (ctx.contentLength() < 0 || ctx.contentLength() > MAX_BYTES) {
            throw ApiException.payloadTooLarge("the body must have a Content-Length of at most " + MAX_BYTES);
        }
        return requests.body(ctx, type);
    }

    private void respond(Context ctx, Sessions.Created created) {
        ctx.status(201).result(json.text(new SignedIn(created.token(), shownSession(created.session()))));
    }

    private void list(Context ctx) {
        onlyParameters(ctx, Set.of("user"));
        String user = text(ctx, "user");
        Caller caller = Caller.of(ctx);
        List<Session> found = sessions.list(ownerOnly(caller), user);
        ctx.result(json.text(new SessionPage(found.stream().map(this::shownSession).toList())));
    }

    private void one(Context ctx) {
        onlyParameters(ctx, Set.of());
        ctx.result(json.text(shownSession(named(ctx))));
    }

    private void revoke(Context ctx) {
        onlyParameters(ctx, Set.of());
        noBody(ctx);
        Session session = named(ctx);
        if (!sessions.revoke(session.id(), Caller.of(ctx), ctx.ip())) {
            throw unknown(ctx);
        }
        ctx.status(204);
    }

    private Session named(Context ctx) {
        Caller caller = Caller.of(ctx);
        Session current = caller.session();
        String id = ctx.pathParam("session");
        if (current != null && (id.equals("current") || id.equals(Long.toString(current.id())))) {
            return current;
        }
        if (caller.role() == Role.SHARED || !id.matches("[0-9]{1,18}")) {
            throw unknown(ctx);
        }
        return sessions.find(Long.parseLong(id), ownerOnly(caller)).orElseThrow(() -> unknown(ctx));
    }

    private static ApiException unknown(Context ctx) {
        return ApiException.notFound("no session " + shown(ctx.pathParam("session")) + " of yours is there");
    }

    /** Whose sessions a caller may see: an operator all, everybody else their own. */
    private static @Nullable User ownerOnly(Caller caller) {
        return caller.role() == Role.OPERATOR ? null : caller.user();
    }

    private UserSession shownSession(Session session) {
        return session.shown(session.run() == null ? privileged.roleOf(session.user(), session.groups()) : Role.SHARED);
    }
}
