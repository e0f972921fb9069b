package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * The address at which people's browsers reach this server, which only the administrator knows: there may be a proxy, with a path
 * of its own.
 *
 * @param base without a slash at its end; empty if it is not known
 */
public record PublicUrl(Optional<String> base) {

    public boolean isHttps() {
        return base.filter(url -> url.startsWith("https://")).isPresent();
    }

    /** Scheme, host and port, in lower case, as in an Origin header. */
    public Optional<String> origin() {
        return base.map(URI::create).map(url -> url.getScheme() + "://" + url.getAuthority().toLowerCase(Locale.ROOT));
    }

    /** The address of a path, which begins with a slash. */
    public Optional<String> of(String path) {
        return base.map(url -> url + path);
    }

    /** Says in a response about a run where its page is. */
    public void linkJob(Context ctx, String id, long run) {
        link(ctx, "/jobs/" + encoded(id) + "?run=" + run);
    }

    /** The same in a response about a job array. */
    public void linkArray(Context ctx, String id, String cluster) {
        link(ctx, "/arrays/" + encoded(id) + "?cluster=" + encoded(cluster));
    }

    private void link(Context ctx, String path) {
        of(path).ifPresent(url -> ctx.header("Link", "<" + url + ">; rel=\"alternate\"; type=\"text/html\""));
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
