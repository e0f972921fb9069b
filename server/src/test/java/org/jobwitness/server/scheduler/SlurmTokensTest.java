package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.scheduler.FakeSlurmrestd.Mood;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** People who sign in by a token of Slurm: one of scontrol token, of which only Slurm has the key, and one with the site's key. */
@Timeout(300)
class SlurmTokensTest {
    private static final byte[] KEY_OF_SLURM = "k".repeat(32).getBytes(StandardCharsets.US_ASCII);
    private static final Duration HOUR = Duration.ofHours(1);

    @TempDir
    static Path folder;
    private static FakeSlurm slurm;
    private static FakeSlurmrestd slurmrestd;
    private static RSAKey site;
    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        slurm = new FakeSlurm();
        slurmrestd = FakeSlurmrestd.onPort(slurm, 42);
        site = new RSAKeyGenerator(2048).keyID("site").generate();
        Path keys = Files.writeString(folder.resolve("jwks.json"), new JWKSet(site.toPublicJWK()).toString());
        server = TestServer.startWithAuth("--scheduler-backend=slurm", "--slurm-base-url=" + slurmrestd.url(),
                "--slurm-jwks=" + keys);
        for (String user : List.of("alice", "bob")) {
            server.as(Role.AGENT).post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "%s", "uid": 7, "node_list": ["n1"]}""".formatted(user, user));
        }
    }

    @AfterAll
    static void stop() throws Exception {
        server.close();
        slurmrestd.close();
    }

    @BeforeEach
    void everythingIsWell() {
        slurmrestd.mood = Mood.WELL;
        slurm.controls = true;
        slurmrestd.token = "none";
    }

    private static JWTClaimsSet.Builder of(String user, Duration left) {
        return new JWTClaimsSet.Builder().claim("sun", user).issueTime(new Date())
                .expirationTime(Date.from(Instant.now().plus(left)));
    }

    private static String signed(JWSAlgorithm algorithm, JWSSigner signer, JWTClaimsSet.Builder claims) {
        try {
            SignedJWT token = new SignedJWT(new JWSHeader.Builder(algorithm).keyID("site").build(), claims.build());
            token.sign(signer);
            return token.serialize();
        } catch (JOSEException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String scontrolToken(JWTClaimsSet.Builder claims) throws JOSEException {
        return signed(JWSAlgorithm.HS256, new MACSigner(KEY_OF_SLURM), claims);
    }

    private static Exchange signIn(String token) {
        return server.anonymous().post("/v1/sessions/slurm", "{\"slurm_token\": \"" + token + "\"}");
    }

    private static JsonNode session(Exchange signedIn) {
        assertThat(signedIn.status()).as("%s", signedIn).isEqualTo(201);
        return signedIn.json().required("session");
    }

    private static void refused(Exchange exchange, int status, String words) {
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(status);
        assertThat(exchange.message()).contains(words);
    }

    @Test
    void whoseTokenSlurmTakesSeesTheirOwn() throws Exception {
        String token = scontrolToken(of("bob", HOUR));
        slurmrestd.token = token;
        Exchange signedIn = signIn(token);
        assertThat(session(signedIn).required("method").asString()).isEqualTo("slurm_token");
        TestServer.Client bob = server.withToken(signedIn.json().required("token").asString());
        assertThat(bob.get("/v1/jobs/bob").status()).isEqualTo(200);
        assertThat(bob.get("/v1/jobs/alice").status()).isEqualTo(404);
        int asked = slurmrestd.calls("/licenses/").size();
        session(signIn(token));
        assertThat(slurmrestd.calls("/licenses/")).as("it is known").hasSize(asked);
        try (Connection sql = server.sql();
                var rows = sql.createStatement().executeQuery("select count(*) from access_event where user_name ="
                        + " 'bob' and action = 'signed_in' and method = 'slurm_token'")) {
            rows.next();
            assertThat(rows.getInt(1)).isEqualTo(2);
        }
    }

    @Test
    void theSessionEndsWithTheToken() throws Exception {
        String token = scontrolToken(of("alice", Duration.ofMinutes(5)));
        slurmrestd.token = token;
        JsonNode session = session(signIn(token));
        assertThat(Instant.parse(session.required("expires_at").asString()))
                .isBefore(Instant.now().plus(Duration.ofMinutes(6)));
    }

    @Test
    void aTokenThatSlurmDoesNotTakeIsRefusedAndNotRemembered() throws Exception {
        String token = signed(JWSAlgorithm.HS256, new MACSigner(new byte[32]), of("root", HOUR));
        refused(signIn(token), 401, "Slurm does not take the token");
        slurmrestd.token = token;
        assertThat(session(signIn(token)).required("role").asString()).isEqualTo("operator");
    }

    @Test
    void whatIsExpiredCutOrNoTokenIsRefusedWithoutSlurm() throws Exception {
        String good = scontrolToken(of("alice", HOUR));
        slurmrestd.token = scontrolToken(of("alice", Duration.ofMinutes(-5)));
        int asked = slurmrestd.calls("/licenses/").size();
        refused(signIn(slurmrestd.token), 401, "has expired");
        refused(signIn(scontrolToken(of("alice", HOUR).expirationTime(null))), 401, "until when");
        for (String cut : List.of(good.substring(0, good.length() / 2), good.substring(1), "a.b.c", "x",
                "SLURM_JWT=" + good, new PlainJWT(of("root", HOUR).build()).serialize())) {
            refused(signIn(cut), 401, "no token of Slurm");
        }
        assertThat(slurmrestd.calls("/licenses/")).hasSize(asked);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "alice bob", "../root", "@group", "\u0430lice", "alice\n", "(null)"})
    void aTokenOfAStrangeNameIsRefused(String name) throws Exception {
        String token = scontrolToken(of(name, HOUR));
        slurmrestd.token = token;
        refused(signIn(token), 401, "names no user");
    }

    @Test
    void aTokenWithoutANameIsRefused() throws Exception {
        for (JWTClaimsSet.Builder claims : List.of(of("alice", HOUR).claim("sun", null),
                of("alice", HOUR).claim("sun", 0), of("alice", HOUR).claim("sun", null).claim("username", "alice"),
                of("alice", HOUR).claim("sun", null).subject("alice"))) {
            String token = scontrolToken(claims);
            slurmrestd.token = token;
            refused(signIn(token), 401, "names no user");
        }
    }

    @Test
    void aSlurmThatIsAwayIsSaid() throws Exception {
        for (Mood mood : List.of(Mood.MUTE, Mood.SLOW, Mood.BUSY, Mood.CUT_SHORT)) {
            String token = scontrolToken(of("alice", HOUR).claim("mood", mood.name()));
            slurmrestd.token = token;
            slurmrestd.mood = mood;
            refused(signIn(token), 503, "Slurm cannot be asked");
            slurmrestd.mood = Mood.WELL;
            session(signIn(token));
        }
        String token = scontrolToken(of("alice", HOUR).claim("n", 1));
        slurmrestd.token = token;
        slurm.controls = false;
        refused(signIn(token), 503, "slurmctld does not respond");
    }

    /** As on a Unix socket with rest_auth/local, which acts for whoever connects. */
    @Test
    void aSlurmrestdThatTakesAnyTokenProvesNothing() throws Exception {
        try (FakeSlurmrestd lax = FakeSlurmrestd.onSocket(slurm, folder.resolve("lax"), 42)) {
            lax.takesAny = true;
            SlurmrestdTokens tokens = new SlurmrestdTokens(SlurmAddress.parse(lax.url()), Optional.empty());
            String token = scontrolToken(of("root", HOUR));
            assertThatThrownBy(() -> tokens.accepts(token)).isInstanceOf(ApiException.class)
                    .hasMessageContaining("takes any token");
            lax.takesAny = false;
            lax.token = token;
            assertThat(tokens.accepts(token)).isTrue();
            assertThat(tokens.accepts(token + "x")).isFalse();
        }
    }

    @Test
    void aTokenWithTheSitesKeyNeedsNoSlurm() throws Exception {
        slurmrestd.mood = Mood.MUTE;
        RSASSASigner signer = new RSASSASigner(site);
        assertThat(session(signIn(signed(JWSAlgorithm.RS256, signer, of("alice", HOUR)))).required("user").asString())
                .isEqualTo("alice");
        refused(signIn(signed(JWSAlgorithm.RS256, signer, of("alice", Duration.ofMinutes(-5)))), 401, "not believed");
        refused(signIn(signed(JWSAlgorithm.RS256, signer, of("alice", HOUR).expirationTime(null))), 401,
                "not believed");
        refused(signIn(signed(JWSAlgorithm.RS256, signer, of("alice", HOUR).claim("sun", null))), 401, "not believed");
        refused(signIn(signed(JWSAlgorithm.RS512, signer, of("alice", HOUR))), 401, "not believed");
        refused(signIn(signed(JWSAlgorithm.RS256, new RSASSASigner(new RSAKeyGenerator(2048).generate()),
                of("root", HOUR))), 401, "not believed");
    }

    @Test
    void withoutSlurmrestdNoTokenOfScontrolIsTaken() throws Exception {
        try (TestServer alone = TestServer.startWithAuth()) {
            String body = "{\"slurm_token\": \"" + scontrolToken(of("alice", HOUR)) + "\"}";
            refused(alone.anonymous().post("/v1/sessions/slurm", body), 401, "SLURM_BASE_URL");
            body = "{\"slurm_token\": \"" + signed(JWSAlgorithm.RS256, new RSASSASigner(site), of("alice", HOUR))
                    + "\"}";
            refused(alone.anonymous().post("/v1/sessions/slurm", body), 401, "SLURM_JWKS");
        }
    }
}
