package org.jobwitness.server.access;

import io.javalin.http.Context;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/**
 * Where no token is required, a request must be of a person or program on this machine, not of a web page of another site in
 * that person's browser. Such a page can send requests to localhost, and with a name of its own that resolves to 127.0.0.1
 * (DNS rebinding) read the responses. Any port is allowed, as through an SSH tunnel.
 */
final class LocalRequests {
    private static final Pattern LOCAL = Pattern
            .compile("(([a-z0-9-]+\\.)*localhost|127(\\.[0-9]{1,3}){3}|\\[::1])(:[0-9]{1,5})?");

    private LocalRequests() {
    }

    /** Whether the request came to a name of this machine's loopback: directly, or through a tunnel. */
    static boolean isLocal(Context ctx) {
        String host = lowerCase(ctx.header("Host"));
        return host != null && LOCAL.matcher(host).matches();
    }

    /** @param ownName the name that the server listens on, which is local, too */
    static void check(Context ctx, String ownName) {
        String host = lowerCase(ctx.header("Host"));
        if (host != null && !LOCAL.matcher(host).matches() && !host.replaceFirst(":[0-9]+$", "").equals(ownName)) {
            throw ApiException
                    .forbidden("without tokens (AUTH=off) this server answers to localhost only, and was asked"
                            + " as " + Printable.shown(host) + "; use http://localhost and its port, or AUTH=on");
        }
        String origin = lowerCase(ctx.header("Origin"));
        if (origin != null && !List.of("http://" + host, "https://" + host).contains(origin)) {
            throw foreign("Origin " + Printable.shown(origin));
        }
        String site = ctx.header("Sec-Fetch-Site");
        if (site != null && !List.of("same-origin", "none").contains(site) && !isFollowedLink(ctx)) {
            throw foreign("Sec-Fetch-Site " + Printable.shown(site));
        }
    }

    /** Which shows the response to the person alone. */
    private static boolean isFollowedLink(Context ctx) {
        return List.of("GET", "HEAD").contains(ctx.method().name())
                && "navigate".equals(ctx.header("Sec-Fetch-Mode")) && "document".equals(ctx.header("Sec-Fetch-Dest"));
    }

    private static ApiException foreign(String header) {
        return ApiException.forbidden("without tokens (AUTH=off) this server takes no requests of other web pages, and"
                + " this one has " + header);
    }

    private static @Nullable String lowerCase(@Nullable String header) {
        return header == null ? null : header.toLowerCase(Locale.ROOT);
    }
}
