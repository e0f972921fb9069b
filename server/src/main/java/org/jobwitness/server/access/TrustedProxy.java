package org.jobwitness.server.access;

import io.javalin.http.Context;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A proxy that signs people in and names them in a header. It is believed only from its own addresses and with a secret in a
 * second header: whoever else sends the header is refused, since it would be a way to be anybody.
 *
 * @param header with the user's name
 * @param secretFile whose first line is the secret; read for each request, so that it may be changed at any time
 */
public record TrustedProxy(String header, Path secretFile, List<AddressRange> addresses) {
    /** In which the proxy sends the secret. */
    public static final String SECRET_HEADER = "X-Jobwitness-Proxy-Secret";
    private static final Logger log = LoggerFactory.getLogger(TrustedProxy.class);
    private static final int MIN_SECRET = 16;
    private static final int MAX_SECRET_FILE = 4096;
    /** Not {@code (null)}, as Apache writes a variable that is not set. */
    private static final Pattern USER = Pattern.compile("[A-Za-z0-9_][!-~]{0,255}");

    /**
     * The user whom the proxy names; empty if the request has no such header, or an empty one.
     *
     * @throws ApiException 400 if the header is not of the proxy, or names no user
     */
    Optional<User> user(Context ctx) {
        List<String> sent = Collections.list(ctx.req().getHeaders(header));
        if (sent.isEmpty()) {
            return Optional.empty();
        }
        List<String> secrets = Collections.list(ctx.req().getHeaders(SECRET_HEADER));
        if (addresses.stream().noneMatch(range -> range.contains(ctx.ip())) || secrets.size() != 1
                || !isSecret(secrets.getFirst())) {
            Refusals.isRefused(ctx, Refusals.Cause.PROXY_HEADER);
            throw ApiException.invalidRequest("the header " + header + " is taken from the proxy only");
        }
        if (sent.size() > 1) {
            throw ApiException.invalidRequest("the proxy sent " + header + " " + sent.size()
                    + " times; it must remove what the client sends");
        }
        String name = sent.getFirst().strip();
        if (name.isEmpty()) {
            return Optional.empty();
        }
        if (!USER.matcher(name).matches()) {
            throw ApiException.invalidRequest("the proxy names no user: " + header + " is " + Printable.shown(name));
        }
        return Optional.of(new User(name, null, null));
    }

    private boolean isSecret(String sent) {
        try {
            String secret = Files.size(secretFile) > MAX_SECRET_FILE ? "" : Files.readString(secretFile).strip();
            if (secret.length() < MIN_SECRET) {
                throw new IOException("it holds fewer than " + MIN_SECRET + " characters, or is too large");
            }
            return Secrets.equal(secret, sent);
        } catch (IOException e) {
            log.warn("proxy_secret_unreadable file={} cause=\"{}\"", secretFile,
                    String.valueOf(e.getMessage()).replace('"', '\''));
            return false;
        }
    }
}
