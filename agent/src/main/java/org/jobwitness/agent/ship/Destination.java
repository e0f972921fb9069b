package org.jobwitness.agent.ship;

import java.net.URI;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Where the service is.
 *
 * @param url its address, http or https, with or without a path in front of {@code /v1}
 * @param tokenFile has the agent token on its first line
 * @param caFile certificates (PEM) of those who may vouch for the service, instead of those that Java knows
 */
public record Destination(URI url, @Nullable Path tokenFile, @Nullable Path caFile) {
    public Destination {
        String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
        if (!(scheme.equals("http") || scheme.equals("https")) || url.getHost() == null || url.getUserInfo() != null
                || url.getRawQuery() != null || url.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "the service's address must be as https://jobwitness.example.org:8443, was " + url);
        }
        String text = url.toString();
        url = text.endsWith("/") ? URI.create(text.replaceAll("/+$", "")) : url;
    }
}
