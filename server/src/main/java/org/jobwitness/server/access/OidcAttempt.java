package org.jobwitness.server.access;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jobwitness.wire.NewSignInCode;
import org.jspecify.annotations.Nullable;

/**
 * One way to the OpenID provider and back. All of it is made of a secret that only the browser has, in a cookie, so that the server
 * keeps nothing for a stranger, and any server of the database takes the person back: {@code state} says when it began and which
 * page to show, with a code that proves it; the nonce and the verifier of PKCE are computed from both.
 *
 * @param page to show then, relative to the first one; null for that
 */
record OidcAttempt(String secret, String state, @Nullable String page) {
    static final Duration LIFETIME = Duration.ofMinutes(10);
    private static final Pattern STATE = Pattern.compile("(([0-9]{1,12})\\.[\\w-]{43}\\.([\\w-]*))\\.([\\w-]{43})");
    private static final Pattern SECRET = Pattern.compile("[\\w-]{43}");
    private static final int MAX_STATE = 1024;

    static boolean isSecret(String text) {
        return SECRET.matcher(text).matches();
    }

    static OidcAttempt begin(String secret, @Nullable String page, Instant now) {
        String said = now.getEpochSecond() + "." + Secrets.random("") + "."
                + (page == null ? "" : Secrets.base64(page.getBytes(StandardCharsets.UTF_8)));
        return new OidcAttempt(secret, said + "." + code(secret, "state", said), page);
    }

    /** The one of a state; empty if it did not begin with this secret, or too long ago. */
    static Optional<OidcAttempt> resume(String secret, String state, Instant now) {
        Matcher parts = STATE.matcher(state);
        if (state.length() > MAX_STATE || !isSecret(secret) || !parts.matches()
                || !Secrets.equal(parts.group(4), code(secret, "state", parts.group(1)))
                || Instant.ofEpochSecond(Long.parseLong(parts.group(2))).plus(LIFETIME).isBefore(now)) {
            return Optional.empty();
        }
        String page = new String(Base64.getUrlDecoder().decode(parts.group(3)), StandardCharsets.UTF_8);
        return Optional.of(new OidcAttempt(secret, state, NewSignInCode.isPage(page) ? page : null));
    }

    String nonce() {
        return code(secret, "nonce", state);
    }

    /** Of PKCE. */
    String verifier() {
        return code(secret, "verifier", state);
    }

    private static String code(String secret, String purpose, String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.US_ASCII), "HmacSHA256"));
            return Secrets.base64(mac.doFinal((purpose + " " + text).getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
