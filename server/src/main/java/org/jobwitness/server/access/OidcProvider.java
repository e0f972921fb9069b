package org.jobwitness.server.access;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWT;
import com.nimbusds.oauth2.sdk.AuthorizationCode;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.ErrorObject;
import com.nimbusds.oauth2.sdk.ParseException;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenErrorResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientAuthenticationMethod;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.claims.IDTokenClaimsSet;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The OpenID provider: where it sends people, and what it says of them. Its description and keys are kept for a while. Thread-safe. */
final class OidcProvider implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(OidcProvider.class);
    /** Never {@code none}, and never an HMAC, whose key is the client's secret. */
    private static final Set<JWSAlgorithm> ALGORITHMS = Set.of(JWSAlgorithm.RS256, JWSAlgorithm.ES256);
    private static final Duration FRESH = Duration.ofHours(1);
    /** How long the keys may be used if new ones cannot be had. */
    private static final Duration USABLE = Duration.ofHours(8);
    /** So that a provider that is away is not waited for by each. */
    private static final Duration RETRY = Duration.ofSeconds(10);
    private static final Duration KEYS_RETRY = Duration.ofSeconds(5);
    private static final int MAX_SECRET_FILE = 4096;

    private final OidcSettings settings;
    private final BoundedCalls calls;
    private @Nullable Description known;
    private @Nullable String problem;
    /** By nanoTime. */
    private long askAgainAt = System.nanoTime();

    OidcProvider(OidcSettings settings, Duration timeout) {
        this.settings = settings;
        this.calls = new BoundedCalls(settings.trusted(), "OIDC_CA_FILE", timeout);
    }

    /** What the provider says of itself. */
    private record Description(OIDCProviderMetadata metadata, IDTokenValidator validator) {
    }

    /**
     * The address at which the provider signs the person in.
     *
     * @throws ApiException 503 if the provider is away
     */
    URI authorization(OidcAttempt attempt) {
        return new AuthenticationRequest.Builder(ResponseType.CODE, new Scope(settings.scopes().toArray(String[]::new)),
                new ClientID(settings.clientId()), settings.redirect())
                .endpointURI(description().metadata.getAuthorizationEndpointURI()).state(new State(attempt.state()))
                .nonce(new Nonce(attempt.nonce()))
                .codeChallenge(new CodeVerifier(attempt.verifier()), CodeChallengeMethod.S256).build().toURI();
    }

    /** Where the provider's own session ends; empty if it has no such address, or it is not known now. */
    synchronized Optional<URI> endOfSession() {
        return Optional.ofNullable(known).map(one -> one.metadata.getEndSessionEndpointURI())
                .filter(address -> address.getRawQuery() == null && isSafe(address))
                .map(address -> URI.create(address + "?client_id=" + Secrets.encoded(settings.clientId())));
    }

    /** Whether an answer that names no issuer, or another one, is not of this provider (RFC 9207). */
    boolean isForeign(@Nullable String issuer) {
        return issuer == null
                ? description().metadata.supportsAuthorizationResponseIssuerParam()
                : !issuer.equals(settings.issuer().toString());
    }

    /**
     * What the provider says of the person who comes with a code, checked.
     *
     * @throws ApiException 401 if it refuses the code or its token is not to be believed, 503 if it is away
     */
    IDTokenClaimsSet claims(String code, OidcAttempt attempt) {
        Description provider = description();
        try {
            return provider.validator.validate(token(provider.metadata, code, attempt), new Nonce(attempt.nonce()));
        } catch (BadJOSEException e) {
            throw ApiException.unauthorized("what the identity provider says is not believed: "
                    + Printable.shown(String.valueOf(e.getMessage()))
                    + "; if it is about time, the clocks of the two differ");
        } catch (JOSEException e) {
            throw away("its keys cannot be had: " + e.getMessage());
        }
    }

    private JWT token(OIDCProviderMetadata metadata, String code, OidcAttempt attempt) {
        TokenResponse response;
        try {
            HTTPResponse http = new TokenRequest.Builder(metadata.getTokenEndpointURI(), authentication(metadata),
                    new AuthorizationCodeGrant(new AuthorizationCode(code), settings.redirect(),
                            new CodeVerifier(attempt.verifier())))
                    .build().toHTTPRequest().send(calls);
            response = OIDCTokenResponseParser.parse(http);
        } catch (IOException e) {
            throw away(String.valueOf(e.getMessage()));
        } catch (ParseException e) {
            throw away("its response is none of OpenID Connect: " + e.getMessage());
        }
        if (response instanceof TokenErrorResponse error) {
            throw refusal(error.getErrorObject());
        }
        return ((OIDCTokenResponse) response.toSuccessResponse()).getOIDCTokens().getIDToken();
    }

    /** Of a code, by the person's fault; or of this server, which does not know its client's secret. */
    private ApiException refusal(ErrorObject error) {
        String code = error.getCode();
        if (code == null || error.getHTTPStatusCode() >= 500 || code.equals("invalid_client")) {
            return away("it responds with status " + error.getHTTPStatusCode() + (code == null ? "" : ", " + code));
        }
        return ApiException.unauthorized("the identity provider does not take its own code: "
                + Printable.shown(code + " " + Objects.requireNonNullElse(error.getDescription(), "")).strip());
    }

    /** As the provider wants it; where it does not say, in the header. */
    private ClientAuthentication authentication(OIDCProviderMetadata metadata) throws IOException {
        ClientID client = new ClientID(settings.clientId());
        Secret secret = new Secret(secret(settings.secretFile()));
        List<ClientAuthenticationMethod> methods = metadata.getTokenEndpointAuthMethods();
        return methods != null && !methods.contains(ClientAuthenticationMethod.CLIENT_SECRET_BASIC)
                && methods.contains(ClientAuthenticationMethod.CLIENT_SECRET_POST)
                        ? new ClientSecretPost(client, secret)
                        : new ClientSecretBasic(client, secret);
    }

    private static String secret(Path file) throws IOException {
        String secret;
        try {
            secret = Files.size(file) > MAX_SECRET_FILE ? "" : Files.readString(file).strip();
        } catch (IOException e) {
            throw new IOException("OIDC_CLIENT_SECRET_FILE cannot be read", e);
        }
        if (secret.isEmpty()) {
            throw new IOException("OIDC_CLIENT_SECRET_FILE is empty, or no file with a secret");
        }
        return secret;
    }

    /** The one that is kept, or a new one. Where none can be had, that is not tried again for some seconds. */
    private synchronized Description description() {
        Description kept = known;
        if (System.nanoTime() - askAgainAt < 0) {
            if (kept == null) {
                throw unavailable(String.valueOf(problem));
            }
            return kept;
        }
        try {
            Description fresh = read(calls.get(URI.create(
                    settings.issuer().toString().replaceFirst("/$", "") + "/.well-known/openid-configuration")), kept);
            known = fresh;
            askAgainAt = System.nanoTime() + FRESH.toNanos();
            return fresh;
        } catch (IOException | ParseException e) {
            problem = String.valueOf(e.getMessage());
            askAgainAt = System.nanoTime() + RETRY.toNanos();
            if (kept != null) {
                return kept;
            }
            throw away(problem);
        }
    }

    private Description read(String text, @Nullable Description kept) throws IOException, ParseException {
        OIDCProviderMetadata metadata = OIDCProviderMetadata.parse(text);
        if (!metadata.getIssuer().getValue().equals(settings.issuer().toString())) {
            throw new IOException("it calls itself " + Printable.shown(metadata.getIssuer().getValue())
                    + ", and OIDC_ISSUER is another one");
        }
        for (URI address : new URI[]{metadata.getAuthorizationEndpointURI(), metadata.getTokenEndpointURI(),
                metadata.getJWKSetURI()}) {
            if (address == null || !isSafe(address)) {
                throw new IOException("it names an address that is missing or not https: "
                        + Printable.shown(String.valueOf(address)));
            }
        }
        return new Description(metadata,
                kept != null && kept.metadata.getJWKSetURI().equals(metadata.getJWKSetURI())
                        ? kept.validator
                        : validator(metadata.getJWKSetURI()));
    }

    /** Plain HTTP only where the administrator has chosen it. */
    private boolean isSafe(URI address) {
        return "https".equals(address.getScheme()) || settings.issuer().getScheme().equals(address.getScheme());
    }

    private IDTokenValidator validator(URI keys) throws MalformedURLException {
        return new IDTokenValidator(new Issuer(settings.issuer()), new ClientID(settings.clientId()),
                new JWSVerificationKeySelector<SecurityContext>(ALGORITHMS,
                        JWKSourceBuilder.create(keys.toURL(), calls).refreshAheadCache(false)
                                .rateLimited(KEYS_RETRY.toMillis())
                                .outageTolerant(USABLE.toMillis()).build()),
                null);
    }

    private ApiException away(String cause) {
        log.warn("oidc_unavailable issuer={} cause=\"{}\"", settings.issuer(), cause.replace('"', '\''));
        return unavailable(cause);
    }

    private ApiException unavailable(String cause) {
        return ApiException.unavailable("the identity provider " + settings.host() + " is not available: "
                + Printable.shown(cause));
    }

    @Override
    public void close() {
        calls.close();
    }
}
