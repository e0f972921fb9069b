package org.jobwitness.server.access;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.security.RouteRole;
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
    private final Sessions sessions;
    private final Privileged privileged;
    private final Coordinators coordinators;
    private final BrowserCookie cookie;
    private final Optional<TrustedProxy> proxy;
    private final Refusals refusals;

    private AccessControl(Optional<Tokens> tokens, String host, Sessions sessions, Privileged privileged,
            Coordinators coordinators, BrowserCookie cookie, Optional<TrustedProxy> proxy, Refusals refusals) {
        this.tokens = tokens;
        this.host = host;
        this.sessions = sessions;
        this.privileged = privileged;
        this.coordinators = coordinators;
        this.cookie = cookie;
        this.proxy = proxy;
        this.refusals = refusals;
    }

    /** No authentication: all programs on this machine may do everything. For a loopback host only. */
    public static AccessControl off(String host, Sessions sessions, Privileged privileged, Coordinators coordinators,
            BrowserCookie cookie,
            Refusals refusals) {
        return new AccessControl(Optional.empty(), host.toLowerCase(Locale.ROOT), sessions, privileged, coordinators,
                cookie,
                Optional.empty(), refusals);
    }

    /**
     * By tokens from files, and by the sessions of people.
     *
     * @param proxy that signs people in; empty for none
     */
    public static AccessControl by(Tokens tokens, Sessions sessions, Privileged privileged, Coordinators coordinators,
            BrowserCookie cookie,
            Optional<TrustedProxy> proxy, Refusals refusals) {
        return new AccessControl(Optional.of(tokens), "", sessions, privileged, coordinators, cookie, proxy, refusals);
    }

    /** Counts what was refused, here or by an endpoint. */
    public void routes(RoutesConfig routes) {
        routes.after(ctx -> refusals.count(ctx, cookie.isSent(ctx)));
    }

    /** Who was authenticated. */
    private record Identity(String actor, Role role, Scope scope, ReportScope reports, @Nullable User user,
            @Nullable Session session) {
        static final Identity ANYBODY = new Identity(Caller.ANONYMOUS, Role.OPEN, new Scope.Nothing(),
                new ReportScope.Everything(), null, null);
        static final Identity UNCHECKED = new Identity(Caller.ANONYMOUS, Role.OPERATOR, new Scope.Everything(),
                new ReportScope.Everything(), null, null);

        /** An agent must find the job to which it adds samples. */
        static Identity program(Tokens.Owner owner) {
            return new Identity(owner.actor(), owner.role(),
                    owner.role() == Role.SCRAPE ? new Scope.Nothing() : new Scope.Everything(), owner.reports(), null,
                    null);
        }

        static Identity person(String actor, Role role, Scope scope, User user, @Nullable Session session) {
            return new Identity(actor, role, scope, new ReportScope.Everything(), user, session);
        }
    }

    @Override
    public void handle(Context ctx) {
        if (tokens.isEmpty()) {
            LocalRequests.check(ctx, host);
        }
        Identity identity = identify(ctx);
        new Caller(identity.actor, header(ctx, "X-Changed-By"), header(ctx, "X-Source"), CorrelationId.of(ctx),
                identity.role, identity.scope, identity.reports, identity.user, identity.session).admit(ctx);
    }

    private Identity identify(Context ctx) {
        if (tokens.isEmpty()) {
            return Identity.UNCHECKED;
        }
        Optional<User> ofProxy = proxy.flatMap(one -> one.user(ctx));
        Set<RouteRole> allowed = ctx.routeRoles();
        if (allowed.contains(Role.OPEN)) {
            return Identity.ANYBODY;
        }
        Identity identity = authenticate(ctx, tokens.get(), ofProxy);
        Refusals.isOf(ctx, identity.actor, identity.user);
        if (!identity.role.mayCall(allowed)) {
            throw ApiException.forbidden("the " + identity.role + " token may not " + ctx.method() + " "
                    + Printable.shown(ctx.path()) + "; use the operator token");
        }
        return identity;
    }

    /** A token counts more than what a proxy or a browser adds to each request: a program sent it on purpose. */
    private Identity authenticate(Context ctx, Tokens tokens, Optional<User> ofProxy) {
        boolean hasToken = ctx.header("Authorization") != null;
        if (ofProxy.isPresent() && !hasToken) {
            cookie.checkOrigin(ctx);
            return ofUser(ofProxy.get(), null);
        }
        Optional<String> ofBrowser = hasToken ? Optional.empty() : cookie.token(ctx);
        if (ofBrowser.isPresent()) {
            Identity identity = ofSession(ofBrowser.get());
            cookie.checkWrite(ctx, ofBrowser.get());
            return identity;
        }
        String token = bearerToken(ctx);
        return Sessions.isToken(token)
                ? ofSession(token)
                : tokens.ownerOf(token).map(Identity::program).orElseThrow(
                        () -> ApiException.unauthorized("the token is not one of this server's"));
    }

    private Identity ofSession(String token) {
        Session session = sessions.find(token).orElseThrow(
                () -> ApiException.unauthorized("the session has expired or was revoked; sign in again"));
        String actor = Caller.actor(session.user());
        if (session.run() != null) {
            return Identity.person("link of " + actor, Role.SHARED, new Scope.OneRun(session.run()),
                    session.user(), session);
        }
        return ofUser(session.user(), session);
    }

    private Identity ofUser(User user, @Nullable Session session) {
        Role role = privileged.roleOf(user, session == null ? List.of() : session.groups());
        Scope scope = role == Role.USER ? new Scope.JobsOf(user, coordinators.of(user)) : new Scope.Everything();
        return Identity.person(Caller.actor(user), role, scope, user, session);
    }

    private static String bearerToken(Context ctx) {
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
        return authorization.substring(7).strip();
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
