package org.jobwitness.server.access;

import io.javalin.http.Context;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/**
 * The cookie by which a browser says whose session it has, and what protects it: no script reads it, the browser sends it with
 * requests of our own pages only, and what changes something must come from one of their forms. The browser forgets it when it
 * is closed.
 */
public final class BrowserCookie {
    /** A hidden field of each form that changes something. */
    public static final String FORM_TOKEN = "form_token";
    private static final String NAME = "jobwitness";
    private static final String ATTEMPT = "jobwitness-oidc";
    private static final String ATTRIBUTES = "; Path=/; HttpOnly; SameSite=Lax";

    private final boolean isSecure;
    private final PublicUrl publicUrl;

    /** @param isTls whether this server has a certificate */
    public BrowserCookie(boolean isTls, PublicUrl publicUrl) {
        this.isSecure = isTls || publicUrl.isHttps();
        this.publicUrl = publicUrl;
    }

    /** With this prefix a browser takes it from this host over TLS only, and another host of the domain cannot set it. */
    private String name(String name) {
        return isSecure ? "__Host-" + name : name;
    }

    /** Of the session; empty if the request has no such cookie. */
    Optional<String> token(Context ctx) {
        return Optional.ofNullable(ctx.cookie(name(NAME))).filter(Sessions::isToken);
    }

    public boolean isSent(Context ctx) {
        return token(ctx).isPresent();
    }

    /**
     * Gives a session to the browser.
     *
     * @throws ApiException 403 where anybody on the way could read the cookie
     */
    public void set(Context ctx, String token) {
        requirePrivateConnection(ctx);
        add(ctx, NAME, token, "");
    }

    public void remove(Context ctx) {
        add(ctx, NAME, "", "; Max-Age=0");
    }

    private void add(Context ctx, String name, String value, String lifetime) {
        ctx.res().addHeader("Set-Cookie", name(name) + "=" + value + ATTRIBUTES + lifetime
                + (isSecure ? "; Secure" : ""));
    }

    /** The secret of a browser that is on its way to an OpenID provider, or back; null if it has none. */
    public @Nullable String attempt(Context ctx) {
        return ctx.cookie(name(ATTEMPT));
    }

    /**
     * Gives such a secret to the browser, for some minutes.
     *
     * @throws ApiException 403 where anybody on the way could read it
     */
    public void setAttempt(Context ctx, String secret) {
        requirePrivateConnection(ctx);
        add(ctx, ATTEMPT, secret, "; Max-Age=" + OidcAttempt.LIFETIME.toSeconds());
    }

    public void removeAttempt(Context ctx) {
        add(ctx, ATTEMPT, "", "; Max-Age=0");
    }

    private void requirePrivateConnection(Context ctx) {
        if (!isSecure && !LocalRequests.isLocal(ctx)) {
            throw ApiException.forbidden("signing in with a browser needs https: set TLS_CERT_FILE, or PUBLIC_URL to"
                    + " the https address of the proxy before this server");
        }
    }

    /** For the forms of a page; empty where the request has no session from a cookie. */
    public Optional<String> formToken(Context ctx) {
        return token(ctx).map(BrowserCookie::formToken);
    }

    /** Only whoever has the session can compute it, and it does not give the session away. */
    private static String formToken(String token) {
        return Secrets.base64(Secrets.hash("form " + token));
    }

    /**
     * Requires that a request which may change something comes from a form of the session's own pages.
     *
     * @throws ApiException 403 otherwise
     */
    void checkWrite(Context ctx, String token) {
        if (List.of("GET", "HEAD").contains(ctx.method().name())) {
            return;
        }
        checkOwnForm(ctx);
        String sent = Requests.form(ctx, FORM_TOKEN).orElse("");
        if (!Secrets.equal(sent, formToken(token))) {
            throw ApiException.forbidden("this form is not of the page of your session; load the page again");
        }
    }

    /**
     * Requires that the request is a form of one of our own pages, of whomever.
     *
     * @throws ApiException 403 otherwise
     */
    public void checkOwnForm(Context ctx) {
        checkSameOrigin(ctx);
        if (!Requests.isForm(ctx)) {
            throw ApiException.forbidden("with a cookie only forms of the pages change anything; a program sends"
                    + " Authorization: Bearer <token>");
        }
    }

    /**
     * Requires that a request which may change something, and that a proxy names the user of, is of a program or of our own pages.
     * Browsers say of which page it is.
     *
     * @throws ApiException 403 otherwise
     */
    void checkOrigin(Context ctx) {
        boolean isOfBrowser = ctx.header("Sec-Fetch-Site") != null || ctx.header("Origin") != null;
        if (isOfBrowser && !List.of("GET", "HEAD").contains(ctx.method().name())) {
            checkSameOrigin(ctx);
        }
    }

    private void checkSameOrigin(Context ctx) {
        String site = ctx.header("Sec-Fetch-Site");
        String origin = ctx.header("Origin");
        if (site != null ? !site.equals("same-origin") : !isOwnOrigin(ctx, origin)) {
            throw ApiException.forbidden("a page of another site sent this: "
                    + (site == null
                            ? origin == null ? "it has no Origin" : "Origin " + Printable.shown(origin)
                            : "Sec-Fetch-Site " + Printable.shown(site)));
        }
    }

    private boolean isOwnOrigin(Context ctx, @Nullable String origin) {
        if (origin == null) {
            return false;
        }
        String lower = origin.toLowerCase(Locale.ROOT);
        String host = Optional.ofNullable(ctx.header("Host")).orElse("").toLowerCase(Locale.ROOT);
        return publicUrl.origin().filter(lower::equals).isPresent()
                || lower.equals((isSecure ? "https://" : "http://") + host);
    }
}
