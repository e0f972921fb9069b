package org.jobwitness.server.page;

import static org.jobwitness.server.http.Requests.form;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.parameter;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.access.BrowserCookie;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Refusals;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Session;
import org.jobwitness.server.access.Sessions;
import org.jobwitness.server.access.SignInByOidc;
import org.jobwitness.server.access.SignInCodes;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.CorrelationId;
import org.jobwitness.wire.NewSignInCode;

/**
 * Signing in and out in a browser. A code is exchanged for the cookie by a form that its reader sends: a program that looks at links
 * in mails and chats uses none up, and nobody is signed in as somebody else by following a link. An OpenID provider is a link of
 * the page, and comes back to one: what it says counts only in the browser that was sent there.
 */
public final class SignInPages {
    private static final int MAX_CODE = 256;
    private static final String WITH_PROVIDER = "oidc";

    private final PageResponses responses;
    private final SignInCodes codes;
    private final Optional<SignInByOidc> provider;
    private final Sessions sessions;
    private final BrowserCookie cookie;

    /** @param provider the OpenID provider; empty for none */
    public SignInPages(SignInCodes codes, Optional<SignInByOidc> provider, Sessions sessions, BrowserCookie cookie) {
        this.responses = new PageResponses(Optional.empty(), provider.map(SignInByOidc::host), cookie);
        this.codes = codes;
        this.provider = provider;
        this.sessions = sessions;
        this.cookie = cookie;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/sign-in", this::show, Role.OPEN);
        routes.post("/sign-in", this::signIn, Role.OPEN);
        routes.get("/sign-in/oidc", this::toProvider, Role.OPEN);
        routes.get("/sign-in/oidc/callback", this::fromProvider, Role.OPEN);
        routes.post("/sign-out", this::signOut, Role.USER);
    }

    private void show(Context ctx) {
        onlyParameters(ctx, Set.of("code", "signed_out"));
        Optional<String> code = parameter(ctx, "code");
        if (code.isPresent() && code.get().length() > MAX_CODE) {
            throw ApiException.invalidField("code", "code must have at most " + MAX_CODE + " characters");
        }
        Links links = responses.links(ctx);
        Optional<String> signedOut = parameter(ctx, "signed_out");
        if (code.isEmpty()) {
            PageResponses.send(ctx, signedOut.isEmpty()
                    ? SignInView.signIn(links)
                    : SignInView.signedOut(links, provider.filter(_ -> signedOut.get().equals(WITH_PROVIDER))
                            .flatMap(SignInByOidc::endOfSession)));
            return;
        }
        PageResponses.send(ctx, codes.find(code.get()).map(grant -> SignInView.confirm(links, code.get(), grant))
                .orElseGet(() -> SignInView.used(links)));
    }

    private void signIn(Context ctx) {
        onlyParameters(ctx, Set.of());
        cookie.checkOwnForm(ctx);
        String code = form(ctx, "code").orElse("");
        Optional<SignInCodes.Exchanged> exchanged = codes.exchange(code, ctx.ip(), CorrelationId.of(ctx));
        if (exchanged.isEmpty()) {
            Refusals.isRefused(ctx, Refusals.Cause.SIGN_IN);
            PageResponses.send(ctx, SignInView.used(responses.links(ctx)));
            return;
        }
        accept(ctx, exchanged.get());
    }

    private void accept(Context ctx, SignInCodes.Exchanged exchanged) {
        cookie.set(ctx, exchanged.created().token());
        PageResponses.redirect(ctx, responses.links(ctx).page(Objects.requireNonNullElse(exchanged.page(), "")));
    }

    private void toProvider(Context ctx) {
        onlyParameters(ctx, Set.of("page"));
        SignInByOidc oidc = oidc();
        String page = parameter(ctx, "page").orElse(null);
        if (page != null && !NewSignInCode.isPage(page)) {
            throw ApiException.invalidField("page", "page must be a page of this server, such as jobs/4711");
        }
        try {
            SignInByOidc.Begun begun = oidc.begin(cookie.attempt(ctx), page);
            cookie.setAttempt(ctx, begun.secret());
            PageResponses.redirect(ctx, begun.address().toString());
        } catch (ApiException e) {
            fail(ctx, e);
        }
    }

    /** Providers send parameters of their own, too. */
    private void fromProvider(Context ctx) {
        SignInByOidc oidc = oidc();
        try {
            SignInCodes.Exchanged exchanged = oidc.complete(cookie.attempt(ctx),
                    new SignInByOidc.Answer(parameter(ctx, "state").orElse(null), parameter(ctx, "code").orElse(null),
                            parameter(ctx, "iss").orElse(null), parameter(ctx, "error").orElse(null)),
                    ctx.ip(), CorrelationId.of(ctx));
            cookie.removeAttempt(ctx);
            accept(ctx, exchanged);
        } catch (ApiException e) {
            fail(ctx, e);
        }
    }

    private SignInByOidc oidc() {
        return provider.orElseThrow(() -> ApiException.notFound("this server signs nobody in by OpenID Connect"));
    }

    private void fail(Context ctx, ApiException cause) {
        if (cause.status() == 400 || cause.status() == 401) {
            Refusals.isRefused(ctx, Refusals.Cause.SIGN_IN);
        }
        ctx.status(cause.status());
        PageResponses.send(ctx, SignInView.failed(responses.links(ctx), ErrorView.sentence(
                String.valueOf(cause.getMessage()))));
    }

    private void signOut(Context ctx) {
        onlyParameters(ctx, Set.of());
        Caller caller = Caller.of(ctx);
        Session session = caller.session();
        if (session != null && cookie.isSent(ctx)) {
            sessions.revoke(session.id(), caller, ctx.ip());
        }
        cookie.remove(ctx);
        PageResponses.redirect(ctx, responses.links(ctx).page("sign-in" + Links.query("signed_out",
                session != null && session.method() == Session.Method.OIDC ? WITH_PROVIDER : "yes")));
    }
}
