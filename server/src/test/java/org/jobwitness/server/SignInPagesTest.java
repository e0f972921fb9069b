package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Browser;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Signing in and out with a browser: codes, the cookie, and what protects both. */
@Timeout(300)
class SignInPagesTest {
    private static final Path PICTURES = Path.of("target/pages");
    private static final String[] OWN_FORM = {"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site",
            "same-origin"};
    private static final String WEB = "text/html,application/xhtml+xml,*/*;q=0.8";

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
        for (String user : List.of("alice", "bob")) {
            assertThat(server.as(Role.AGENT)
                    .post("/v1/events/job-started",
                            """
                    {"job_id": "%s", "user": "%s", "node_list": ["n1"]}""".formatted(user.equals("alice") ? 1 : 2,
                                    user))
                    .status()).isEqualTo(200);
        }
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String code(String user, String page) {
        Exchange made = server.as(Role.OPERATOR).post("/v1/sign-in-codes",
                "{\"user\": \"" + user + "\"" + (page.isEmpty() ? "" : ", \"page\": \"" + page + "\"") + "}");
        assertThat(made.status()).as("%s", made).isEqualTo(201);
        return made.json().required("path").asString().replaceFirst("^/sign-in\\?code=", "");
    }

    private static Exchange send(TestServer to, String path, String form, String... headers) {
        return to.anonymous().send("POST", path, form, headers);
    }

    private static Exchange exchange(TestServer to, String code) {
        return send(to, "/sign-in", "code=" + code, OWN_FORM);
    }

    private static String cookie(Exchange signedIn) {
        assertThat(signedIn.status()).as("%s", signedIn).isEqualTo(303);
        return signedIn.header("Set-Cookie").orElseThrow().split(";")[0];
    }

    private static Exchange browse(String path, String cookie) {
        return server.anonymous().send("GET", path, "", "Accept", WEB, "Cookie", cookie);
    }

    private static String[] with(String[] headers, String... more) {
        return Stream.of(headers, more).flatMap(Stream::of).toArray(String[]::new);
    }

    private static String formToken(String page) {
        return page.replaceFirst("(?s).*name=\"form_token\" value=\"([^\"]+)\".*", "$1");
    }

    @Test
    void aCodeSignsInOnceOnAnyServerAndShowsThePage() {
        DatabaseAddress database = server.address();
        String code = code("alice", "jobs/1?run=1");
        try (TestServer other = TestServer.startWithAuth("--database-url=" + database.jdbcUrl()
                + (database.jdbcUrl().contains("?") ? "&" : "?") + "user=" + database.user() + "&password="
                + database.password())) {
            for (int i = 0; i < 2; i++) {
                assertThat(server.get("/sign-in?code=" + code).body()).contains("Sign in as alice");
            }
            Exchange signedIn = exchange(other, code);
            assertThat(signedIn.header("Location")).hasValue("./jobs/1?run=1");
            assertThat(signedIn.header("Set-Cookie").orElseThrow())
                    .matches("jobwitness=jws_[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Lax");
            assertThat(browse("/", cookie(signedIn)).body()).contains("<bdi>alice</bdi>", "Sign out");
        }
        assertThat(exchange(server, code).body()).contains("This link has been used");
        assertThat(server.get("/sign-in?code=" + code).body()).contains("This link has been used");
    }

    @Test
    void aBrowserSeesWhatItsUserMay() {
        String cookie = cookie(exchange(server, code("alice", "")));
        assertThat(browse("/jobs/1", cookie).status()).isEqualTo(200);
        assertThat(browse("/jobs/2", cookie).status()).isEqualTo(404);
        assertThat(browse("/v1/jobs", cookie).json().required("total").asInt()).isOne();
        assertThat(browse("/metrics", cookie).status()).isEqualTo(403);
        String root = cookie(exchange(server, code("root", "")));
        assertThat(browse("/jobs/2", root).status()).isEqualTo(200);
        assertThat(browse("/", cookie).body()).doesNotContain("State of this server");
        assertThat(browse("/", cookie(exchange(server, code("root", "")))).body()).contains("State of this server");
    }

    /** Signing in is to be seen for what it is, and never inside of another page. */
    @Test
    void pagesMayBeEmbeddedButNotSigningIn() {
        assertThat(policy(server, "/jobs/1")).endsWith("; frame-ancestors 'none'");
        try (TestServer embedded = TestServer
                .start("--frame-ancestors=https://ood.example.org,https://grafana.example.org:3000")) {
            for (String path : List.of("/", "/jobs", "/jobs/17", "/nodes/none")) {
                assertThat(policy(embedded, path)).as(path).startsWith("default-src 'none'; ")
                        .endsWith("; frame-ancestors https://ood.example.org https://grafana.example.org:3000");
            }
            assertThat(policy(embedded, "/sign-in")).endsWith("; frame-ancestors 'none'");
        }
    }

    private static String policy(TestServer from, String path) {
        return from.anonymous().send("GET", path, "", "Accept", WEB).header("Content-Security-Policy").orElseThrow();
    }

    @Test
    void anExpiredOrForgedCodeSignsNobodyIn() throws Exception {
        String code = code("alice", "");
        try (Connection sql = server.sql(); var statement = sql.createStatement()) {
            statement.execute("update sign_in_code set expires_at = now() - interval '1 s'");
        }
        for (String wrong : List.of(code, code.substring(1), "jwc_", "", "%27%20or%20true", "x".repeat(3000))) {
            Exchange refused = exchange(server, wrong);
            assertThat(refused.body()).as(wrong).contains("has expired");
            assertThat(refused.header("Set-Cookie")).isEmpty();
        }
    }

    @Test
    void theCodeIsNowhereInTheDatabase() throws Exception {
        String code = code("alice", "");
        try (Connection sql = server.sql();
                var rows = sql.createStatement().executeQuery("select string_agg(c::text, ' ') from sign_in_code c")) {
            rows.next();
            assertThat(rows.getString(1)).isNotEmpty().doesNotContain(code, code.substring(4));
        }
    }

    @Test
    void aPageOfAnotherSiteCannotSignInOrOut() {
        String cookie = cookie(exchange(server, code("alice", "")));
        String token = formToken(browse("/", cookie).body());
        String here = "http://127.0.0.1:" + server.port();
        String form = "form_token=" + token;
        String[] type = {"Content-Type", "application/x-www-form-urlencoded"};
        for (String[] foreign : List.of(new String[]{}, new String[]{"Sec-Fetch-Site", "cross-site"},
                new String[]{"Sec-Fetch-Site", "same-site"}, new String[]{"Sec-Fetch-Site", "none"},
                new String[]{"Origin", "null"}, new String[]{"Origin", "https://evil.example"},
                new String[]{"Origin", here, "Sec-Fetch-Site", "cross-site"},
                new String[]{"Origin", here.replace("http", "https")}, new String[]{"Origin", here + "0"})) {
            String code = code("bob", "");
            assertThat(send(server, "/sign-in", "code=" + code, with(type, foreign)).status()).isEqualTo(403);
            assertThat(exchange(server, code).status()).as("it is not used up").isEqualTo(303);
            assertThat(send(server, "/sign-out", form, with(type, with(foreign, "Cookie", cookie))).status())
                    .isEqualTo(403);
        }
        for (String wrong : List.of("", "form_token=", "form_token=" + token.substring(1), "other=" + token)) {
            assertThat(send(server, "/sign-out", wrong + "&x=1", with(OWN_FORM, "Cookie", cookie)).status())
                    .isEqualTo(403);
        }
        assertThat(browse("/", cookie).status()).isEqualTo(200);
        assertThat(send(server, "/sign-out", form, with(type, "Origin", here, "Cookie", cookie)).status())
                .isEqualTo(303);
        assertThat(browse("/", cookie).body()).contains("Your session has ended");
    }

    @Test
    void theCookieChangesNothingThroughTheApi() {
        String cookie = cookie(exchange(server, code("root", "")));
        String token = formToken(browse("/", cookie).body());
        for (String request : List.of("DELETE /v1/jobs/1", "DELETE /v1/sessions/current", "PATCH /v1/jobs/1",
                "POST /v1/jobs/1/links", "POST /v1/sign-in-codes")) {
            String[] words = request.split(" ");
            assertThat(server.anonymous().send(words[0], words[1], words[0].equals("DELETE") ? "" : "{}",
                    "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin", "Cookie", cookie).status())
                    .as(request).isEqualTo(403);
        }
        assertThat(send(server, "/v1/sign-in-codes", "form_token=" + token, with(OWN_FORM, "Cookie", cookie)).status())
                .as("a form is no JSON").isEqualTo(415);
        assertThat(browse("/jobs/1", cookie).status()).isEqualTo(200);
    }

    @Test
    void aBrowsersSessionMakesNoOther() {
        String token = cookie(exchange(server, code("alice", ""))).replaceFirst(".*=", "");
        assertThat(server.withToken(token).post("/v1/sign-in-codes", "{}").status()).isEqualTo(403);
    }

    @Test
    void aUserGetsACodeForThemselvesOnly() {
        TestServer.Client alice = server.signedIn("alice", 1001L, null, Duration.ofHours(1));
        assertThat(alice.post("/v1/sign-in-codes", "{\"user\": \"bob\"}").status()).isEqualTo(403);
        String path = alice.post("/v1/sign-in-codes", "{}").json().required("path").asString();
        assertThat(server.get(path).body()).contains("Sign in as alice");
        assertThat(server.as(Role.OPERATOR).post("/v1/sign-in-codes", "{}").field()).isEqualTo("user");
    }

    @ParameterizedTest
    @ValueSource(strings = {"//evil.example", "https://evil.example", "/jobs", "jobs/1\\\\u000d\\\\u000aX: y",
            "v1/jobs",
            "jobs//evil", "jobs/1#x", "javascript:alert(1)", "jobs/<b>", "sign-out"})
    void onlyPagesOfThisServerAreShownThen(String page) {
        assertThat(server.as(Role.OPERATOR).post("/v1/sign-in-codes", "{\"user\": \"alice\", \"page\": \""
                + page.replace("\\\\", "\\") + "\"}").field()).isEqualTo("page");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a+b@site", "EXAMPLE\\\\alice", "<script>alert(1)</script>", "' or 1=1 --", "\u202eecila"})
    void aNameIsOnlyAName(String user) {
        Exchange made = server.as(Role.OPERATOR).post("/v1/sign-in-codes", "{\"user\": \"" + user + "\"}");
        assertThat(made.status()).as("%s", made).isEqualTo(201);
        String path = made.json().required("path").asString();
        assertThat(server.get(path).body()).doesNotContain("<script>alert");
        String cookie = cookie(exchange(server, path.replaceFirst(".*=", "")));
        assertThat(browse("/v1/jobs", cookie).json().required("total").asInt()).isZero();
    }

    @Test
    void overPlainHttpOnlyThisMachineSignsIn() throws IOException {
        String body = "code=" + code("alice", "");
        try (RawConnection connection = server.connect()) {
            connection.send("POST /sign-in HTTP/1.1\r\nHost: login.example.org\r\nContent-Type:"
                    + " application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\nContent-Length: "
                    + body.length() + "\r\n\r\n" + body);
            Exchange refused = server.checked(connection.receive("POST", "/sign-in", body));
            assertThat(refused.status()).isEqualTo(403);
            assertThat(refused.message()).contains("PUBLIC_URL");
            assertThat(refused.header("Set-Cookie")).isEmpty();
        }
    }

    @Test
    void behindAProxyWithTlsTheCookieIsForTlsOnly() {
        try (TestServer proxied = TestServer.startWithAuth("--public-url=https://example.org/jobwitness/")) {
            Exchange made = proxied.as(Role.OPERATOR).post("/v1/sign-in-codes", "{\"user\": \"alice\"}");
            String url = made.json().required("url").asString();
            assertThat(url).startsWith("https://example.org/jobwitness/sign-in?code=jwc_");
            Exchange signedIn = send(proxied, "/sign-in", "code=" + url.replaceFirst(".*=", ""), "Content-Type",
                    "application/x-www-form-urlencoded", "Origin", "https://EXAMPLE.org");
            assertThat(signedIn.header("Set-Cookie").orElseThrow())
                    .matches("__Host-jobwitness=jws_\\S+; Path=/; HttpOnly; SameSite=Lax; Secure");
            String token = cookie(signedIn).replaceFirst(".*=", "");
            assertThat(proxied.anonymous().send("GET", "/v1/jobs", "", "Cookie", "jobwitness=" + token).status())
                    .as("a cookie that another host may have set").isEqualTo(401);
            proxied.as(Role.AGENT).post("/v1/events/job-started",
                    "{\"job_id\": \"a+b\", \"user\": \"alice\", \"node_list\": [\"n1\"]}");
            proxied.as(Role.AGENT).post("/v1/events/job-started", """
                    {"job_id": "507", "user": "alice", "node_list": ["n1"],
                     "scheduler": {"array_job_id": "500", "array_task_id": 7}}""");
            assertThat(proxied.as(Role.OPERATOR).get("/v1/arrays/500").header("Link")).contains("<https://example.org"
                    + "/jobwitness/arrays/500?cluster=default>; rel=\"alternate\"; type=\"text/html\"");
            for (String path : List.of("/v1/jobs/a+b", "/v1/jobs/a+b/verdict")) {
                assertThat(proxied.as(Role.OPERATOR).get(path).header("Link").orElseThrow()).matches(
                        "<https://example\\.org/jobwitness/jobs/a%2Bb\\?run=[0-9]+>; rel=\"alternate\"; type=\"text/html\"");
            }
        }
    }

    @Test
    void theSessionOfABrowserIsInTheTrail() throws Exception {
        String cookie = cookie(exchange(server, code("dora", "")));
        String token = formToken(browse("/", cookie).body());
        send(server, "/sign-out", "form_token=" + token, with(OWN_FORM, "Cookie", cookie));
        try (Connection sql = server.sql();
                var rows = sql.createStatement()
                        .executeQuery("select string_agg(action || ' ' || actor || ' ' || method,"
                                + " ', ' order by event_id) from access_event where user_name = 'dora'")) {
            rows.next();
            assertThat(rows.getString(1)).isEqualTo("signed_in operator code, revoked user:dora code");
        }
    }

    @Test
    void inARealBrowserOneClickSignsInAndOneSignsOut() throws Exception {
        Browser.assumeInstalled();
        Files.createDirectories(PICTURES);
        String root = "http://127.0.0.1:" + server.port();
        try (Browser browser = Browser.start()) {
            browser.open(root + "/jobs/1");
            assertThat(browser.text("main")).contains("Please sign in", "jobwitness open 1");
            browser.forget(); // the failed load
            browser.open(root + "/sign-in?code=" + code("alice", "jobs/1"));
            assertThat(browser.seriousProblems()).isEmpty();
            Files.write(PICTURES.resolve("sign-in.png"), browser.screenshot());
            browser.run("document.querySelector('button.main').click()");
            browser.await("the job is shown",
                    "location.pathname === '/jobs/1' && document.querySelector('.person') !== null");
            assertThat(browser.text(".person")).contains("alice");
            browser.await("the page is live", "document.getElementById('live').textContent.startsWith('Live')");
            assertThat(browser.run("document.cookie").asString()).isEmpty();
            assertThat(browser.seriousProblems()).isEmpty();
            Files.write(PICTURES.resolve("signed-in.png"), browser.screenshot());
            browser.width(360);
            browser.open(root + "/");
            assertThat(browser.run("document.documentElement.scrollWidth - innerWidth").asInt()).isNotPositive();
            Files.write(PICTURES.resolve("signed-in-360.png"), browser.screenshot());
            browser.run("document.querySelector('.person button').click()");
            browser.await("it is signed out", "document.title.startsWith('You are signed out')");
            assertThat(browser.complaints()).isEmpty();
            browser.open(root + "/");
            assertThat(browser.text("h1")).isEqualTo("Please sign in");
        }
    }
}
