package org.jobwitness.agent.ship;

import java.net.URI;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The service.
 *
 * @param url its URL, http or https, with or without a path in front of {@code /v1}
 * @param tokenFile with the agent token on its first line
 * @param caFile PEM bundle of trusted CA certificates, instead of Java's own
 */
public record Destination(URI url, @Nullable Path tokenFile, @Nullable Path caFile) {
    public Destination {
        String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
        if (!(scheme.equals("http") || scheme.equals("https")) || url.getHost() == null || url.getUserInfo() != null
                || url.getRawQuery() != null || url.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "the URL of the service must be like https://jobwitness.example.org:8443, was " + url);
        }
        String text = url.toString();
        url = text.endsWith("/") ? URI.create(text.replaceAll("/+$", "")) : url;
    }
}
