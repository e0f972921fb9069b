package org.jobwitness.server.access;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;

/**
 * Makes a session of a token for Slurm. One with the site's own key (RS256) is checked with the public half of it. One of {@code
 * scontrol token} (HS256) is not: its key makes tokens of anybody, so that this server must not have it. Slurm is asked instead, with
 * the token itself, and what the token says is believed once Slurm has taken it.
 */
public final class SignInBySlurmToken implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final Duration USABLE = Duration.ofHours(8);
    /** How long Slurm is not asked again about a token: a command without a place for its session signs in each time. */
    private static final Duration KNOWN = Duration.ofMinutes(10);
    private static final int MAX_KNOWN = 1000;
    private static final int MAX_AT_ONCE = 8;
    private static final Pattern TOKEN = Pattern.compile("[\\w-]+\\.[\\w-]+\\.[\\w-]+");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][!-~]{0,255}");

    private final Database database;
    private final Sessions sessions;
    private final Optional<SlurmTokenCheck> slurm;
    private final String userClaim;
    private final Clock clock;
    private final BoundedCalls calls;
    private final @Nullable DefaultJWTProcessor<SecurityContext> processor;
    private final Semaphore slots = new Semaphore(MAX_AT_ONCE);
    /** By the hash, until when; the newest is the last. */
    private final Map<String, Instant> known = new LinkedHashMap<>();

    /**
     * Signs in by these tokens.
     *
     * @param slurm empty where Slurm cannot be asked
     * @throws IOException if the file with the keys cannot be read
     */
    public SignInBySlurmToken(SlurmTokenSettings settings, Optional<SlurmTokenCheck> slurm, Database database,
            Sessions sessions, Clock clock) throws IOException {
        this.database = database;
        this.sessions = sessions;
        this.slurm = slurm;
        this.userClaim = settings.userClaim();
        this.clock = clock;
        this.calls = new BoundedCalls(Optional.empty(), "JAVA_OPTS", TIMEOUT);
        String keys = settings.keys().orElse(null);
        this.processor = keys == null ? null : processor(keys);
    }

    private DefaultJWTProcessor<SecurityContext> processor(String keys) throws IOException {
        DefaultJWTProcessor<SecurityContext> made = new DefaultJWTProcessor<>();
        made.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.RS256, source(keys)));
        made.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(null, Set.of("exp", userClaim)));
        return made;
    }

    private JWKSource<SecurityContext> source(String keys) throws IOException {
        if (keys.startsWith("https://")) {
            return JWKSourceBuilder.create(URI.create(keys).toURL(), calls).refreshAheadCache(false)
                    .outageTolerant(USABLE.toMillis()).build();
        }
        try {
            return new ImmutableJWKSet<>(JWKSet.load(Path.of(keys).toFile()).toPublicJWKSet());
        } catch (ParseException e) {
            throw new IOException("SLURM_JWKS " + keys + " holds no keys: " + e.getMessage(), e);
        }
    }

    /**
     * A new session, which ends with the token.
     *
     * @throws ApiException 401, 429 or 503
     */
    Sessions.Created signIn(String token, @Nullable String address, String correlationId) {
        SignedJWT signed = parsed(token);
        boolean isOfScontrol = signed.getHeader().getAlgorithm().equals(JWSAlgorithm.HS256);
        JWTClaimsSet claims = isOfScontrol ? claimsTakenBySlurm(token, signed) : claimsBySiteKey(signed);
        User user = new User(name(claims, isOfScontrol ? SlurmTokenSettings.SUN : userClaim), null, null);
        Duration left = Duration.between(clock.instant(), claims.getExpirationTime().toInstant());
        Duration lifetime = left.compareTo(SignInByMunge.LIFETIME) < 0 ? left : SignInByMunge.LIFETIME;
        if (!lifetime.isPositive()) {
            throw expired();
        }
        return database.write("sign_in_slurm_token", handle -> {
            Sessions.Created created = sessions.create(handle, user, Session.Method.SLURM_TOKEN, null, lifetime,
                    address);
            AccessEvents.add(handle, AccessEvents.Action.SIGNED_IN, Caller.actor(user), created.session(), address,
                    correlationId);
            return created;
        });
    }

    private static SignedJWT parsed(String token) {
        try {
            if (TOKEN.matcher(token).matches()) {
                return SignedJWT.parse(token);
            }
        } catch (ParseException e) {
            // as one of another form
        }
        throw ApiException.unauthorized("this is no token of Slurm, or was cut; scontrol token prints one");
    }

    private JWTClaimsSet claimsBySiteKey(SignedJWT token) {
        if (processor == null) {
            throw ApiException.unauthorized("tokens with another algorithm than HS256 are not taken here (SLURM_JWKS)");
        }
        try {
            return processor.process(token, null);
        } catch (BadJOSEException e) {
            throw ApiException.unauthorized("the token of Slurm is not believed: "
                    + Printable.shown(String.valueOf(e.getMessage())));
        } catch (JOSEException e) {
            throw ApiException.unavailable("the keys of Slurm's tokens (SLURM_JWKS) are not available: "
                    + Printable.shown(String.valueOf(e.getMessage())));
        }
    }

    private JWTClaimsSet claimsTakenBySlurm(String token, SignedJWT signed) {
        SlurmTokenCheck check = slurm.orElseThrow(() -> ApiException.unauthorized(
                "this server cannot ask Slurm about a token: that needs SLURM_BASE_URL"));
        JWTClaimsSet claims;
        try {
            claims = signed.getJWTClaimsSet();
        } catch (ParseException e) {
            throw ApiException.unauthorized("this is no token of Slurm: it holds no claims");
        }
        if (claims.getExpirationTime() == null) {
            throw ApiException.unauthorized("the token does not say until when it is good");
        }
        Instant end = claims.getExpirationTime().toInstant();
        if (!end.isAfter(clock.instant())) {
            throw expired();
        }
        name(claims, SlurmTokenSettings.SUN); // else Slurm need not be asked
        String hash = Secrets.base64(Secrets.hash(token));
        if (!isKnown(hash)) {
            ask(check, token);
            remember(hash, end);
        }
        return claims;
    }

    private void ask(SlurmTokenCheck check, String token) {
        if (!slots.tryAcquire()) {
            throw ApiException.tooManyRequests("too many people sign in at the same time; try again");
        }
        try {
            if (!check.accepts(token)) {
                throw ApiException.unauthorized("Slurm does not take the token; scontrol token prints a new one");
            }
        } finally {
            slots.release();
        }
    }

    private boolean isKnown(String hash) {
        synchronized (known) {
            Instant until = known.get(hash);
            return until != null && until.isAfter(clock.instant());
        }
    }

    private void remember(String hash, Instant end) {
        Instant latest = clock.instant().plus(KNOWN);
        synchronized (known) {
            known.remove(hash);
            known.put(hash, end.isBefore(latest) ? end : latest);
            if (known.size() > MAX_KNOWN) {
                known.remove(known.keySet().iterator().next());
            }
        }
    }

    private static String name(JWTClaimsSet claims, String claim) {
        if (claims.getClaim(claim) instanceof String name && NAME.matcher(name).matches()) {
            return name;
        }
        throw ApiException.unauthorized("the token of Slurm names no user: " + claim + " is "
                + Printable.shown(String.valueOf(claims.getClaim(claim))));
    }

    private static ApiException expired() {
        return ApiException.unauthorized("the token of Slurm has expired; scontrol token prints a new one");
    }

    @Override
    public void close() {
        calls.close();
    }
}
