package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWT;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import no.nav.security.mock.oauth2.MockOAuth2Server;
import no.nav.security.mock.oauth2.OAuth2Config;
import no.nav.security.mock.oauth2.http.MockWebServerWrapper;
import no.nav.security.mock.oauth2.http.Ssl;
import no.nav.security.mock.oauth2.http.SslKeystore;
import no.nav.security.mock.oauth2.token.DefaultOAuth2TokenCallback;
import no.nav.security.mock.oauth2.token.KeyProvider;
import no.nav.security.mock.oauth2.token.OAuth2TokenProvider;
import okhttp3.mockwebserver.Dispatcher;
import okhttp3.mockwebserver.MockResponse;
import okhttp3.mockwebserver.RecordedRequest;
import okhttp3.mockwebserver.SocketPolicy;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Certificates;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.wire.TrustedCas;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** People who sign in by an OpenID provider: a real one over TLS, and one that lies. */
@Timeout(300)
class OidcTest {
    private static final String PUBLIC = "https://jobs.example.org/hpc";
    private static final String CLIENT = "jobwitness";
    private static final String WEB = "text/html,*/*;q=0.8";
    private static final String ISSUER = "site";

    @TempDir
    static Path folder;
    private static final KeyProvider KEYS = new KeyProvider();
    private static final Queue<MockResponse> LIES = new ConcurrentLinkedQueue<>();
    private static MockOAuth2Server provider;
    private static HttpClient browser;
    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        Certificates certificates = new Certificates(folder);
        certificates.make("provider", List.of("rsa:2048"), "20990101000000Z");
        certificates.openssl("pkcs12", "-export", "-inkey", "provider.key", "-in", "provider.pem", "-out",
                "provider.p12", "-passout", "pass:changeit");
        MockWebServerWrapper http = new MockWebServerWrapper(new Ssl(new SslKeystore("changeit",
                folder.resolve("provider.p12").toFile(), SslKeystore.KeyStoreType.PKCS12, "changeit")));
        provider = new MockOAuth2Server(new OAuth2Config(false, null, null, false, new OAuth2TokenProvider(KEYS),
                Set.of(), http));
        provider.start();
        http.getMockWebServer().setDispatcher(new Liar(http.getMockWebServer().getDispatcher()));
        browser = HttpClient.newBuilder().sslContext(TrustedCas.read(certificates.ca()).tls())
                .followRedirects(HttpClient.Redirect.NEVER).build();
        Files.writeString(folder.resolve("client.secret"), "s3cret\n");
        server = started();
        for (String user : List.of("alice", "bob")) {
            server.as(Role.AGENT).post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "%s", "uid": 7, "node_list": ["n1"]}""".formatted(user, user));
        }
        assertThat(signIn(server, Map.of("preferred_username", "alice")).status()).isEqualTo(303);
    }

    private static TestServer started(String... more) {
        List<String> flags = new ArrayList<>(List.of("--public-url=" + PUBLIC,
                "--oidc-issuer=" + provider.issuerUrl(ISSUER), "--oidc-client-id=" + CLIENT,
                "--oidc-client-secret-file=" + folder.resolve("client.secret"),
                "--oidc-ca-file=" + folder.resolve("ca.pem")));
        flags.addAll(List.of(more));
        return TestServer.startWithAuth(flags.toArray(String[]::new));
    }

    @AfterAll
    static void stop() {
        server.close();
        provider.shutdown();
        browser.close();
    }

    /** A way to the provider: where it leads, and the browser's cookie. */
    private record Begun(URI address, String cookie) {
        String parameter(String name) {
            return Arrays.stream(address.getRawQuery().split("&")).filter(pair -> pair.startsWith(name + "="))
                    .map(pair -> URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8))
                    .findFirst().orElseThrow();
        }
    }

    private static Begun begin(TestServer at, String page) {
        Exchange begun = at.get("/sign-in/oidc" + (page.isEmpty() ? "" : "?page=" + page));
        assertThat(begun.status()).as("%s", begun).isEqualTo(303);
        String cookie = begun.header("Set-Cookie").orElseThrow();
        assertThat(cookie).matches(
                "__Host-jobwitness-oidc=[\\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure");
        return new Begun(URI.create(begun.header("Location").orElseThrow()), cookie.split(";")[0]);
    }

    /** What the provider sends the browser back with: path and query below the server. */
    private static String visit(Begun begun) throws Exception {
        HttpResponse<String> visited = browser.send(HttpRequest.newBuilder(begun.address).build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(visited.statusCode()).as(visited.body()).isEqualTo(302);
        String back = visited.headers().firstValue("Location").orElseThrow();
        assertThat(back).startsWith(PUBLIC + "/sign-in/oidc/callback?");
        return back.substring(PUBLIC.length());
    }

    private static Exchange comeBack(TestServer at, String path, String cookie) {
        return at.anonymous().send("GET", path, "", "Accept", WEB, "Cookie", cookie);
    }

    private static void says(Map<String, Object> claims) {
        provider.enqueueCallback(new DefaultOAuth2TokenCallback(ISSUER, UUID.randomUUID().toString(), "JWT",
                List.of(CLIENT), claims, 600));
    }

    private static Exchange signIn(TestServer at, Map<String, Object> claims) throws Exception {
        Begun begun = begin(at, "");
        String back = visit(begun);
        says(claims);
        return comeBack(at, back, begun.cookie);
    }

    private static String session(Exchange signedIn) {
        assertThat(signedIn.status()).as("%s", signedIn).isEqualTo(303);
        List<String> cookies = signedIn.headers().get("Set-Cookie");
        assertThat(cookies).anyMatch(cookie -> cookie.startsWith("__Host-jobwitness-oidc=; ")
                && cookie.contains("Max-Age=0"));
        return cookies.stream().filter(cookie -> cookie.startsWith("__Host-jobwitness=jws_")).findFirst().orElseThrow()
                .split(";")[0];
    }

    private static Exchange browse(TestServer at, String path, String cookie) {
        return at.anonymous().send("GET", path, "", "Accept", WEB, "Cookie", cookie);
    }

    private static void refused(Exchange exchange, int status, String words) {
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(status);
        assertThat(exchange.body()).contains("You are not signed in", "Sign in with localhost", words);
        assertThat(exchange.headers().getOrDefault("Set-Cookie", List.of()).toString()).doesNotContain("jws_");
    }

    @Test
    void whoSignsInSeesTheirOwnAndThePageThatTheyAskedFor() throws Exception {
        Begun begun = begin(server, "jobs/alice%3Frun=1");
        assertThat(begun.parameter("response_type")).isEqualTo("code");
        assertThat(begun.parameter("code_challenge_method")).isEqualTo("S256");
        assertThat(begun.parameter("redirect_uri")).isEqualTo(PUBLIC + "/sign-in/oidc/callback");
        assertThat(begun.parameter("scope")).isEqualTo("openid profile");
        String back = visit(begun);
        says(Map.of("preferred_username", "alice"));
        Exchange signedIn = comeBack(server, back + "&session_state=of-the-provider", begun.cookie);
        assertThat(signedIn.header("Location")).hasValue("../../jobs/alice?run=1");
        String session = session(signedIn);
        assertThat(browse(server, "/jobs/alice", session).status()).isEqualTo(200);
        assertThat(browse(server, "/jobs/bob", session).status()).isEqualTo(404);
        assertThat(browse(server, "/v1/sessions/current", session).json().required("method").asString())
                .isEqualTo("oidc");
        String token = session.replaceFirst(".*=", "");
        assertThat(server.withToken(token).post("/v1/sign-in-codes", "{}").status()).isEqualTo(403);
    }

    @Test
    void signingOutLeadsToTheEndOfTheProvidersSession() throws Exception {
        String session = session(signIn(server, Map.of("preferred_username", "alice")));
        String token = browse(server, "/", session).body().replaceFirst(
                "(?s).*name=\"form_token\" value=\"([^\"]+)\".*", "$1");
        Exchange out = server.anonymous().send("POST", "/sign-out", "form_token=" + token, "Content-Type",
                "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Cookie", session);
        assertThat(out.header("Location")).hasValue("./sign-in?signed_out=oidc");
        assertThat(server.get("/sign-in?signed_out=oidc").body())
                .contains("href=\"" + provider.endSessionEndpointUrl(ISSUER) + "?client_id=jobwitness\"");
        assertThat(browse(server, "/", session).status()).isEqualTo(401);
        assertThat(browse(server, "/jobs/bob?run=2", "").body())
                .contains("href=\"../sign-in/oidc?page=jobs%2Fbob%3Frun%3D2\"");
    }

    @Test
    void whatTheBrowserHasNotBegunIsRefused() throws Exception {
        Begun begun = begin(server, "");
        String back = visit(begun);
        String words = "was not begun in this browser";
        String state = begun.parameter("state");
        for (String other : List.of(begin(server, "").cookie, "__Host-jobwitness-oidc=", "a=b",
                begun.cookie.replace("__Host-", ""), begun.cookie + "x")) {
            refused(comeBack(server, back, other), 400, words);
        }
        for (String wrong : List.of("", state.substring(1), state + "x", state.replaceFirst("\\.", ".x"),
                begin(server, "").parameter("state"), "1.a.b.c", "x".repeat(3000))) {
            refused(comeBack(server, "/sign-in/oidc/callback?code=1&state=" + wrong, begun.cookie), 400, words);
        }
        refused(comeBack(server, "/sign-in/oidc/callback", begun.cookie), 400, words);
        says(Map.of("preferred_username", "alice"));
        session(comeBack(server, back, begun.cookie));
    }

    @Test
    void twoWindowsOfABrowserBothSignIn() throws Exception {
        Begun first = begin(server, "jobs");
        Exchange again = server.anonymous().send("GET", "/sign-in/oidc?page=cluster", "", "Cookie", first.cookie);
        assertThat(again.header("Set-Cookie").orElseThrow()).startsWith(first.cookie + ";");
        Begun second = new Begun(URI.create(again.header("Location").orElseThrow()), first.cookie);
        assertThat(second.parameter("nonce")).isNotEqualTo(first.parameter("nonce"));
        for (Begun window : List.of(second, first)) {
            String back = visit(window);
            says(Map.of("preferred_username", "alice"));
            assertThat(comeBack(server, back, first.cookie).header("Location")).hasValue(
                    window == first ? "../../jobs" : "../../cluster");
        }
    }

    @Test
    void aCodeCountsOnceAndOnlyWithItsVerifier() throws Exception {
        Begun begun = begin(server, "");
        String back = visit(begun);
        says(Map.of("preferred_username", "alice"));
        session(comeBack(server, back, begun.cookie));
        refused(comeBack(server, back, begun.cookie), 401, "does not take its own code");
        String stolen = visit(begin(server, "")).replaceFirst("state=[^&]*", "state=" + begin(server, "").parameter(
                "state"));
        refused(comeBack(server, stolen, begun.cookie), 400, "was not begun in this browser");
        Begun own = begin(server, "");
        refused(comeBack(server, visit(begin(server, "")).replaceFirst("state=[^&]*", "state="
                + own.parameter("state")), own.cookie), 401, "does not take its own code");
    }

    /** What the provider would say of root. */
    private static JWTClaimsSet.Builder claims(Begun begun) {
        Instant now = Instant.now();
        return new JWTClaimsSet.Builder().issuer(provider.issuerUrl(ISSUER).toString()).audience(CLIENT).subject("s")
                .claim("nonce", begun.parameter("nonce")).claim("preferred_username", "root")
                .issueTime(Date.from(now)).expirationTime(Date.from(now.plusSeconds(300)));
    }

    /** With the provider's own key. */
    private static JWT signed(JWTClaimsSet.Builder claims) {
        try {
            RSAKey key = KEYS.signingKey(ISSUER).toRSAKey();
            SignedJWT token = new SignedJWT(new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(key.getKeyID()).build(),
                    claims.build());
            token.sign(new RSASSASigner(key));
            return token;
        } catch (JOSEException e) {
            throw new IllegalStateException(e);
        }
    }

    private static JWT signed(JWSHeader header, JWSSigner signer, JWTClaimsSet.Builder claims) {
        try {
            SignedJWT token = new SignedJWT(header, claims.build());
            token.sign(signer);
            return token;
        } catch (JOSEException e) {
            throw new IllegalStateException(e);
        }
    }

    private static JWSHeader header(JWSAlgorithm algorithm) {
        return new JWSHeader.Builder(algorithm).keyID(KEYS.signingKey(ISSUER).getKeyID()).build();
    }

    private static Date ago(Duration ago) {
        return Date.from(Instant.now().minus(ago));
    }

    private interface Token {
        JWT of(Begun begun) throws Exception;
    }

    /** Tokens that are not to be believed, each for one cause. */
    static Stream<Arguments> lies() {
        return Stream.of(
                lie("another nonce",
                        begun -> signed(claims(begun).claim("nonce", begin(server, "").parameter("nonce")))),
                lie("no nonce", begun -> signed(claims(begun).claim("nonce", null))),
                lie("expired", begun -> signed(claims(begun).issueTime(ago(Duration.ofMinutes(20)))
                        .expirationTime(ago(Duration.ofMinutes(5))))),
                lie("a clock five minutes ahead", begun -> signed(claims(begun).issueTime(ago(Duration.ofMinutes(-5)))
                        .expirationTime(ago(Duration.ofMinutes(-10))))),
                lie("no end", begun -> signed(claims(begun).expirationTime(null))),
                lie("another issuer", begun -> signed(claims(begun).issuer(provider.issuerUrl("other").toString()))),
                lie("another audience", begun -> signed(claims(begun).audience("grafana"))),
                lie("no algorithm", begun -> new PlainJWT(claims(begun).build())),
                lie("an HMAC with the client's secret",
                        begun -> signed(header(JWSAlgorithm.HS256), new MACSigner("s3cret".repeat(10)), claims(begun))),
                lie("an HMAC with the public key", begun -> signed(header(JWSAlgorithm.HS256),
                        new MACSigner(KEYS.signingKey(ISSUER).toRSAKey().toRSAPublicKey().getEncoded()),
                        claims(begun))),
                lie("an algorithm that is not on the list", begun -> signed(header(JWSAlgorithm.RS512),
                        new RSASSASigner(KEYS.signingKey(ISSUER).toRSAKey()), claims(begun))),
                lie("the key of another issuer", begun -> signed(header(JWSAlgorithm.RS256),
                        new RSASSASigner(KEYS.signingKey("other").toRSAKey()), claims(begun))),
                lie("a key of nobody", begun -> signed(new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("x").build(),
                        new ECDSASigner(new ECKeyGenerator(Curve.P_256).generate()), claims(begun))));
    }

    private static Arguments lie(String name, Token token) {
        return Arguments.of(Named.of(name, token));
    }

    @ParameterizedTest
    @MethodSource("lies")
    void aTokenThatIsNotToBeBelievedSignsNobodyIn(Token token) throws Exception {
        Begun begun = begin(server, "");
        String back = visit(begun);
        refused(told(token.of(begun), begun, back), 401, "is not believed");
        assertThat(told(signed(claims(begun)), begun, back).status()).as("the same without a lie").isEqualTo(303);
    }

    private static void answersOnce(MockResponse answer) {
        LIES.add(answer);
    }

    /** Responds as it was told to, else as the provider. */
    private static final class Liar extends Dispatcher {
        private final Dispatcher honest;

        Liar(Dispatcher honest) {
            this.honest = honest;
        }

        @Override
        public MockResponse dispatch(RecordedRequest request) throws InterruptedException {
            MockResponse lie = LIES.poll();
            return lie == null ? honest.dispatch(request) : lie;
        }
    }

    private static Exchange told(JWT token, Begun begun, String back) {
        answersOnce(new MockResponse().setHeader("Content-Type", "application/json").setBody(
                "{\"access_token\": \"a\", \"token_type\": \"Bearer\", \"id_token\": \"" + token.serialize() + "\"}"));
        return comeBack(server, back, begun.cookie);
    }

    @Test
    void anAnswerOfAnotherProviderOrWithoutACodeIsRefused() throws Exception {
        Begun begun = begin(server, "");
        String back = visit(begun);
        refused(comeBack(server, back + "&iss=https://evil.example", begun.cookie), 401, "another identity provider");
        refused(comeBack(server, "/sign-in/oidc/callback?error=access_denied&state=" + begun.parameter("state"),
                begun.cookie), 401, "access_denied");
        refused(comeBack(server, "/sign-in/oidc/callback?state=" + begun.parameter("state"), begun.cookie), 401,
                "sent no code");
        says(Map.of("preferred_username", "alice"));
        session(comeBack(server, back + "&iss=" + provider.issuerUrl(ISSUER), begun.cookie));
    }

    @ParameterizedTest
    @ValueSource(strings = {"EXAMPLE\\alice", "alice@example.org", "a+b", "Alice", "alice\n", " alice", "<b>alice</b>",
            "",
            "alice'--", "\u0430lice", "@group", "-", "alice\u0000"})
    void aStrangeNameIsNoUser(String name) throws Exception {
        Exchange strange = signIn(server, Map.of("preferred_username", name));
        refused(strange, 401, "no user&#39;s name here");
        assertThat(strange.body()).doesNotContain("<b>alice");
    }

    @Test
    void withoutTheClaimNobodyIsSignedIn() throws Exception {
        refused(signIn(server, Map.of("name", "alice")), 401, "has no preferred_username");
        refused(signIn(server, Map.of("preferred_username", List.of("alice"))), 401, "has no preferred_username");
        refused(signIn(server, Map.of("preferred_username", "a".repeat(300))), 401, "no user&#39;s name here");
    }

    @Test
    void thePatternMakesANameOfAConfirmedAddress() throws Exception {
        try (TestServer mail = started("--oidc-user-claim=email", "--oidc-user-pattern=([a-z]+)@example[.]org")) {
            Exchange signedIn = signIn(mail, Map.of("email", "alice@example.org", "email_verified", true));
            assertThat(browse(mail, "/v1/sessions/current", session(signedIn)).json().required("user").asString())
                    .isEqualTo("alice");
            refused(signIn(mail, Map.of("email", "alice@example.org")), 401, "has not confirmed");
            refused(signIn(mail, Map.of("email", "alice@example.org", "email_verified", "true")), 401,
                    "has not confirmed");
            for (String other : List.of("alice@example.orgx", "alice@exampleXorg", "@example.org")) {
                refused(signIn(mail, Map.of("email", other, "email_verified", true)), 401, "no user&#39;s name");
            }
        }
    }

    @Test
    void aGroupOfTheProviderMakesAnOperatorOnlyWhereItIsBelieved() throws Exception {
        Map<String, Object> claims = Map.of("preferred_username", "carla", "groups", List.of("x", "/hpcadmin"));
        String believed = "--oidc-groups-claim=groups";
        String operators = "--operators=@hpcadmin";
        assertThat(role(started(believed, operators), claims)).isEqualTo("operator");
        assertThat(role(started(operators), claims)).isEqualTo("user");
        assertThat(role(started(believed, "--operators=@hpcadmin2"), claims)).isEqualTo("user");
        assertThat(role(started(believed, "--helpdesk=@hpcadmin"), claims)).isEqualTo("helpdesk");
        assertThat(role(started(believed, operators), Map.of("preferred_username", "hpcadmin"))).isEqualTo("user");
    }

    private static String role(TestServer at, Map<String, Object> claims) throws Exception {
        try (at; Connection sql = at.sql()) {
            String cookie = session(signIn(at, claims));
            try (var rows = sql.createStatement().executeQuery("select groups::text from session")) {
                rows.next();
                assertThat(rows.getString(1)).as("others are not kept").isIn("{}", "{hpcadmin}");
            }
            return browse(at, "/v1/sessions/current", cookie).json().required("role").asString();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"//evil.example", "https://evil.example", "/jobs", "v1/jobs", "jobs//evil", "sign-out",
            "javascript:alert(1)"})
    void onlyPagesOfThisServerAreShownThen(String page) {
        assertThat(server.get("/sign-in/oidc?page=" + page).field()).isEqualTo("page");
    }

    @Test
    void aProviderThatIsAwayIsSaidInWords() throws Exception {
        for (String issuer : List.of("https://127.0.0.1:9/gone", provider.issuerUrl(ISSUER) + "/")) {
            try (TestServer alone = started("--oidc-issuer=" + issuer)) {
                assertThat(alone.get("/sign-in").body()).contains("Sign in with " + URI.create(issuer).getHost(),
                        "on a login node",
                        "jobwitness open");
                for (int i = 0; i < 2; i++) {
                    Exchange away = browse(alone, "/sign-in/oidc", "");
                    assertThat(away.status()).as("%s", away).isEqualTo(503);
                    assertThat(away.body()).contains("You are not signed in", "is not available", "jobwitness open");
                }
            }
        }
    }

    @Test
    void aProviderThatFailsOrIsMuteInTheMiddleIsSaidInWords() throws Exception {
        Begun begun = begin(server, "");
        String back = visit(begun);
        for (MockResponse answer : List.of(new MockResponse().setResponseCode(500).setBody("{}"),
                new MockResponse().setBody("<html>"), new MockResponse().setResponseCode(302)
                        .setHeader("Location", "https://evil.example/"),
                new MockResponse().setBody("x".repeat(2 << 20)),
                new MockResponse().setSocketPolicy(SocketPolicy.NO_RESPONSE),
                new MockResponse().setBody("{}").throttleBody(1, 60, TimeUnit.SECONDS),
                new MockResponse().setResponseCode(401).setHeader("Content-Type", "application/json").setBody(
                        "{\"error\": \"invalid_client\"}"))) {
            answersOnce(answer);
            Exchange failed = comeBack(server, back, begun.cookie);
            assertThat(failed.status()).as("%s", failed).isEqualTo(503);
            assertThat(failed.body()).contains("You are not signed in", "is not available");
        }
        says(Map.of("preferred_username", "alice"));
        session(comeBack(server, back, begun.cookie));
    }

    @Test
    void whoIsSignedInOrRefusedIsInTheTrail() throws Exception {
        TestServer fresh = started();
        try (fresh) {
            assertThat(session(signIn(fresh, Map.of("preferred_username", "alice")))).isNotEmpty();
            refused(signIn(fresh, Map.of("preferred_username", "a b")), 401, "no user");
        } // refusals are written then
        try (Connection sql = fresh.sql()) {
            assertThat(rows(sql, "signed_in")).isEqualTo("user:alice oidc");
            assertThat(rows(sql, "refused")).isEqualTo("anonymous sign_in GET /sign-in/oidc/callback");
        }
    }

    private static String rows(Connection sql, String action) throws Exception {
        try (var rows = sql.createStatement().executeQuery("select string_agg(concat_ws(' ', actor, method, cause,"
                + " request), ', ') from access_event where action = '" + action + "'")) {
            rows.next();
            return rows.getString(1);
        }
    }

    @Test
    void overPlainHttpOnlyThisMachineIsSentToTheProvider() throws Exception {
        try (TestServer plain = started("--public-url=http://127.0.0.1:8080");
                RawConnection connection = plain.connect()) {
            assertThat(plain.get("/sign-in/oidc").status()).isEqualTo(303);
            connection.send("GET /sign-in/oidc HTTP/1.1\r\nHost: login.example.org\r\n\r\n");
            Exchange refused = plain.checked(connection.receive("GET", "/sign-in/oidc", ""));
            assertThat(refused.status()).isEqualTo(403);
            assertThat(refused.header("Set-Cookie")).isEmpty();
        }
    }

    @Test
    void halfASettingOrAWrongOneStopsTheStart() {
        List<String> good = List.of("--public-url=" + PUBLIC, "--oidc-issuer=https://sso.example.org/",
                "--oidc-client-id=x", "--oidc-client-secret-file=/s");
        for (int i = 0; i < good.size(); i++) {
            List<String> without = new ArrayList<>(good);
            without.remove(i);
            assertWrong(without, i == 0 ? "PUBLIC_URL" : "OIDC_");
        }
        for (String wrong : List.of("--oidc-issuer=http://sso.example.org", "--oidc-issuer=https://sso?x=1",
                "--oidc-user-pattern=(", "--oidc-scopes=profile", "--oidc-ca-file=/dev/null")) {
            List<String> flags = new ArrayList<>(good);
            flags.add(wrong);
            assertWrong(flags, "OIDC_");
        }
    }

    private static void assertWrong(List<String> flags, String setting) {
        assertThatThrownBy(() -> ServerConfig.read(flags, Map.of("HOME", "/home/alice"), folder.resolve("none")))
                .as("%s", flags).hasMessageStartingWith(setting);
    }
}
