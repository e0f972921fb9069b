package org.jobwitness.server.access;

import static org.jobwitness.server.http.Requests.onlyParameters;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Objects;
import java.util.Set;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.NewSignInCode;
import org.jobwitness.wire.SignInCode;
import org.jspecify.annotations.Nullable;

/** POST /v1/sign-in-codes, by which the command, or an app of Open OnDemand, opens a page in its user's browser. */
public final class SignInCodesEndpoint {
    private final SignInCodes codes;
    private final PublicUrl publicUrl;
    private final Requests requests;
    private final Json json;

    public SignInCodesEndpoint(SignInCodes codes, PublicUrl publicUrl, Requests requests, Json json) {
        this.codes = codes;
        this.publicUrl = publicUrl;
        this.requests = requests;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/sign-in-codes", this::create, Role.USER);
    }

    private void create(Context ctx) {
        onlyParameters(ctx, Set.of());
        NewSignInCode wanted = requests.body(ctx, NewSignInCode.class);
        Caller caller = Caller.of(ctx);
        if (caller.actor().equals(Caller.ANONYMOUS)) {
            String path = "/" + Objects.requireNonNullElse(wanted.page(), "");
            ctx.status(201).result(json.text(new SignInCode(path, publicUrl.of(path).orElse(null), null)));
            return;
        }
        SignInCodes.Created created = codes.create(caller, user(caller, wanted.user()), wanted.page());
        String path = "/sign-in?code=" + created.code();
        ctx.status(201).result(json.text(
                new SignInCode(path, publicUrl.of(path).orElse(null), created.grant().expiresAt())));
    }

    /** Oneself; the operator's token, which is nobody's, names a user. */
    private static User user(Caller caller, @Nullable String named) {
        User user = caller.user();
        Session session = caller.session();
        if (user == null) {
            if (named == null) {
                throw ApiException.invalidField("user", "user is missing: the operator token is no person; name one");
            }
            return new User(named, null, null);
        }
        if (session != null && session.method().isOfBrowser()) {
            throw ApiException.forbidden("the session of a browser signs in no other browser");
        }
        if (named != null && !named.equals(user.name())) {
            throw ApiException.forbidden("only with the operator token may a code be for another user");
        }
        return user;
    }
}
