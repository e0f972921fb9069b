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
import org.jobwitness.server.access.SignInCodes;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.CorrelationId;

/**
 * Signing in and out in a browser. A code is exchanged for the cookie by a form that its reader sends: a program that looks at links
 * in mails and chats uses none up, and nobody is signed in as somebody else by following a link.
 */
public final class SignInPages {
    private final PageResponses responses;
    private static final int MAX_CODE = 256;

    private final SignInCodes codes;
    private final Sessions sessions;
    private final BrowserCookie cookie;

    public SignInPages(SignInCodes codes, Sessions sessions, BrowserCookie cookie) {
        this.responses = new PageResponses(Optional.empty(), cookie);
        this.codes = codes;
        this.sessions = sessions;
        this.cookie = cookie;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/sign-in", this::show, Role.OPEN);
        routes.post("/sign-in", this::signIn, Role.OPEN);
        routes.post("/sign-out", this::signOut, Role.USER);
    }

    private void show(Context ctx) {
        onlyParameters(ctx, Set.of("code"));
        Optional<String> code = parameter(ctx, "code");
        if (code.isPresent() && code.get().length() > MAX_CODE) {
            throw ApiException.invalidField("code", "code must have at most " + MAX_CODE + " characters");
        }
        Links links = responses.links(ctx);
        PageResponses.send(ctx, code.isEmpty()
                ? SignInView.signedOut(links)
                : codes.find(code.get()).map(grant -> SignInView.confirm(links, code.get(), grant))
                        .orElseGet(() -> SignInView.used(links)));
    }

    private void signIn(Context ctx) {
        onlyParameters(ctx, Set.of());
        cookie.checkOwnForm(ctx);
        String code = form(ctx, "code").orElse("");
        Links links = responses.links(ctx);
        Optional<SignInCodes.Exchanged> exchanged = codes.exchange(code, ctx.ip(), CorrelationId.of(ctx));
        if (exchanged.isEmpty()) {
            Refusals.isRefused(ctx, Refusals.Cause.SIGN_IN);
            PageResponses.send(ctx, SignInView.used(links));
            return;
        }
        cookie.set(ctx, exchanged.get().created().token());
        PageResponses.redirect(ctx, links.page(Objects.requireNonNullElse(exchanged.get().page(), "")));
    }

    private void signOut(Context ctx) {
        onlyParameters(ctx, Set.of());
        Caller caller = Caller.of(ctx);
        Session session = caller.session();
        if (session != null && cookie.isSent(ctx)) {
            sessions.revoke(session.id(), caller, ctx.ip());
        }
        cookie.remove(ctx);
        PageResponses.redirect(ctx, responses.links(ctx).page("sign-in"));
    }
}
