package org.jobwitness.server.page;

import io.javalin.http.Context;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.access.BrowserCookie;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.StaticFile;

/** Sends pages, with what all of them need: the browser's rules for them, and addresses relative to the one that was asked for. */
final class PageResponses {
    private static final String POLICY_HEADER = "Content-Security-Policy";
    private static final String NO_FRAMES = "frame-ancestors 'none'";
    static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            + "connect-src 'self'; base-uri 'none'; form-action 'self'; " + NO_FRAMES;
    private static final int MAX_DEPTH = 16;

    private final Optional<String> grafana;
    private final Optional<String> provider;
    private final BrowserCookie cookie;

    /**
     * Responses with links.
     *
     * @param grafana the address of Grafana, without a slash at its end; empty for none
     * @param provider the host of the OpenID provider; empty for none
     */
    PageResponses(Optional<String> grafana, Optional<String> provider, BrowserCookie cookie) {
        this.grafana = grafana;
        this.provider = provider;
        this.cookie = cookie;
    }

    /** Relative, by the depth of the path: a proxy may have cut off a prefix. */
    Links links(Context ctx) {
        long depth = ctx.path().chars().filter(c -> c == '/').count() - 1;
        return new Links(depth == 0 ? "./" : "../".repeat((int) Math.min(depth, MAX_DEPTH)), grafana, provider,
                Caller.find(ctx).filter(caller -> caller.role() == Role.OPERATOR).isPresent(), reader(ctx));
    }

    /** Nobody before somebody has signed in. */
    private Optional<Links.Reader> reader(Context ctx) {
        return Caller.find(ctx).filter(caller -> caller.user() != null)
                .map(caller -> new Links.Reader(caller.displayName(),
                        caller.session() == null ? Optional.empty() : cookie.formToken(ctx)));
    }

    static void send(Context ctx, String html) {
        setHeaders(ctx);
        ctx.contentType(StaticFile.HTML).result(html);
    }

    static void redirect(Context ctx, String address) {
        setHeaders(ctx);
        ctx.status(303).header("Location", address);
    }

    static void setHeaders(Context ctx) {
        ctx.header(POLICY_HEADER, POLICY).header("Referrer-Policy", "same-origin");
    }

    /**
     * Lets pages of other origins embed this response.
     *
     * @param origins none if empty
     */
    static void allowFrames(Context ctx, List<String> origins) {
        if (!origins.isEmpty()) {
            ctx.header(POLICY_HEADER, POLICY.replace(NO_FRAMES, "frame-ancestors " + String.join(" ", origins)));
        }
    }
}
