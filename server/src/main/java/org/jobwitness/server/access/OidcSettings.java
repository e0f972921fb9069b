package org.jobwitness.server.access;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jobwitness.wire.TrustedCas;

/**
 * The OpenID provider by which people sign in, and what is believed of it.
 *
 * @param secretFile whose first line is the client's secret; read for each sign-in, so that it may be changed at any time
 * @param trusted its CAs; empty for those of Java
 * @param userClaim of the ID token, with the user's name
 * @param userPattern that the whole of it matches; its first group, if it has one, is the name
 * @param groupsClaim of the ID token, with the user's groups; empty if none is believed
 * @param redirect the address to which the provider sends people back
 */
public record OidcSettings(URI issuer, String clientId, Path secretFile, Optional<TrustedCas> trusted,
        List<String> scopes, String userClaim, Pattern userPattern, Optional<String> groupsClaim, URI redirect) {

    /** As people are told where they sign in. */
    public String host() {
        return issuer.getHost();
    }
}
