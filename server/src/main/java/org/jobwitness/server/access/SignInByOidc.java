package org.jobwitness.server.access;

import com.nimbusds.openid.connect.sdk.claims.IDTokenClaimsSet;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/** Makes sessions of what an OpenID provider says of a person. */
public final class SignInByOidc implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    /** Who waits for the provider at the same time. */
    private static final int MAX_AT_ONCE = 32;
    private static final int MAX_CODE = 4096;
    private static final int MAX_CLAIM = 256;
    private static final int MAX_GROUPS = 10_000;
    /** Whatever the pattern lets through. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][!-~]{0,255}");

    private final OidcSettings settings;
    private final OidcProvider provider;
    private final Semaphore slots = new Semaphore(MAX_AT_ONCE);
    private final Database database;
    private final Sessions sessions;
    private final Privileged privileged;
    private final Clock clock;

    public SignInByOidc(OidcSettings settings, Database database, Sessions sessions, Privileged privileged,
            Clock clock) {
        this.settings = settings;
        this.provider = new OidcProvider(settings, TIMEOUT);
        this.database = database;
        this.sessions = sessions;
        this.privileged = privileged;
        this.clock = clock;
    }

    /** What a browser is told: the secret for its cookie, and where to go. */
    public record Begun(String secret, URI address) {
    }

    /** The host of the provider, for people. */
    public String host() {
        return settings.host();
    }

    /** Where the provider's own session ends; empty if that is not known. */
    public Optional<URI> endOfSession() {
        return provider.endOfSession();
    }

    /**
     * Sends a person to the provider.
     *
     * @param secret that the browser has from another window; null for none
     * @param page to show then, relative to the first one; null for that
     * @throws ApiException 429 or 503
     */
    public Begun begin(@Nullable String secret, @Nullable String page) {
        OidcAttempt attempt = OidcAttempt.begin(
                secret != null && OidcAttempt.isSecret(secret) ? secret : Secrets.random(""), page, clock.instant());
        return atOnce(() -> new Begun(attempt.secret(), provider.authorization(attempt)));
    }

    /**
     * What the provider sends a person back with.
     *
     * @param issuer that says so itself (RFC 9207)
     * @param error that it reports instead of a code
     */
    public record Answer(@Nullable String state, @Nullable String code, @Nullable String issuer,
            @Nullable String error) {
    }

    /**
     * A new session of the person who comes back.
     *
     * @param secret of the browser
     * @throws ApiException 400 if this browser has not begun it, 401 if the person is not believed, 429 or 503
     */
    public SignInCodes.Exchanged complete(@Nullable String secret, Answer answer, @Nullable String address,
            String correlationId) {
        OidcAttempt attempt = OidcAttempt.resume(secret == null ? "" : secret,
                answer.state == null ? "" : answer.state, clock.instant())
                .orElseThrow(() -> ApiException.invalidField("state",
                        "this sign-in was not begun in this browser, or more than "
                                + OidcAttempt.LIFETIME.toMinutes() + " minutes ago, or was completed"));
        if (answer.error != null) {
            throw ApiException.unauthorized("the identity provider says: " + Printable.shown(answer.error));
        }
        String code = answer.code;
        if (code == null || code.isEmpty() || code.length() > MAX_CODE) {
            throw ApiException.unauthorized("the identity provider sent no code");
        }
        IDTokenClaimsSet claims = atOnce(() -> {
            if (provider.isForeign(answer.issuer)) {
                throw ApiException.unauthorized("the answer is of another identity provider");
            }
            return provider.claims(code, attempt);
        });
        User user = new User(name(claims), null, null);
        List<String> groups = groups(claims);
        return database.write("sign_in_oidc", handle -> {
            Sessions.Created created = sessions.create(handle, user, Session.Method.OIDC, null,
                    SignInCodes.SESSION_LIFETIME, address, groups);
            AccessEvents.add(handle, AccessEvents.Action.SIGNED_IN, Caller.actor(user), created.session(), address,
                    correlationId);
            return new SignInCodes.Exchanged(created, attempt.page());
        });
    }

    /** The name that Slurm knows. An address that nobody has confirmed is anybody's. */
    private String name(IDTokenClaimsSet claims) {
        String claim = settings.userClaim();
        if (!(claims.getClaim(claim) instanceof String text)) {
            throw ApiException.unauthorized("the identity provider does not say who this is: its ID token has no "
                    + claim);
        }
        if (claim.equals("email") && !Boolean.TRUE.equals(claims.getClaim("email_verified"))) {
            throw ApiException.unauthorized("the identity provider has not confirmed the address "
                    + Printable.shown(text));
        }
        Matcher matcher = settings.userPattern().matcher(text.length() > MAX_CLAIM ? "" : text);
        if (matcher.matches()) {
            String name = matcher.groupCount() > 0 ? matcher.group(1) : text;
            if (name != null && NAME.matcher(name).matches()) {
                return name;
            }
        }
        throw ApiException.unauthorized("the identity provider calls this person " + Printable.shown(text)
                + ", which is no user's name here (OIDC_USER_PATTERN)");
    }

    /** Those that make an operator or the helpdesk of somebody; others are not kept. Keycloak writes {@code /} before each. */
    private List<String> groups(IDTokenClaimsSet claims) {
        Object claimed = settings.groupsClaim().map(claims::getClaim).orElse(null);
        List<?> groups = claimed instanceof List<?> list ? list : claimed == null ? List.of() : List.of(claimed);
        return privileged.groupsAmong(groups.stream().limit(MAX_GROUPS).filter(String.class::isInstance)
                .map(group -> ((String) group).replaceFirst("^/", "")).toList());
    }

    private interface Call<T> {
        T make();
    }

    private <T> T atOnce(Call<T> call) {
        if (!slots.tryAcquire()) {
            throw ApiException.tooManyRequests("too many people sign in at the same time; try again");
        }
        try {
            return call.make();
        } finally {
            slots.release();
        }
    }

    @Override
    public void close() {
        provider.close();
    }
}
