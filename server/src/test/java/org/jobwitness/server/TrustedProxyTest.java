package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A proxy that signs people in and names them in a header, and everybody else who sends that header. */
class TrustedProxyTest {
    private static final String SECRET = "correct-horse-battery";
    private static final String USER = "X-Remote-User";
    private static final String PROXY = "X-Jobwitness-Proxy-Secret";

    @TempDir
    static Path folder;
    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        server = started("127.0.0.0/8,::1");
        for (String user : List.of("alice", "bob")) {
            server.as(Role.AGENT).post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "%s", "uid": 7, "node_list": ["n1"]}""".formatted(user, user));
        }
    }

    private static TestServer started(String addresses) throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), SECRET + "\n");
        return TestServer.startWithAuth("--proxy-user-header=" + USER, "--proxy-secret-file=" + secret,
                "--proxy-addresses=" + addresses);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static Exchange get(TestServer from, String path, String... headers) {
        return from.anonymous().send("GET", path, "", headers);
    }

    @Test
    void whomTheProxyNamesSeesTheirOwn() {
        Exchange jobs = get(server, "/v1/jobs", USER, "alice", PROXY, SECRET);
        assertThat(jobs.json().required("total").asInt()).isOne();
        assertThat(get(server, "/v1/jobs/bob", USER, "alice", PROXY, SECRET).status()).isEqualTo(404);
        assertThat(get(server, "/v1/jobs/bob", USER, "root", PROXY, SECRET).status()).isEqualTo(200);
        Exchange page = get(server, "/", USER, "alice", PROXY, SECRET);
        assertThat(page.body()).contains("<p class=\"person\"><bdi>alice</bdi>").doesNotContain("Sign out");
        assertThat(get(server, "/v1/jobs", USER, "", PROXY, SECRET).status()).as("nobody").isEqualTo(401);
    }

    @Test
    void whoeverElseSendsTheHeaderIsRefused() throws Exception {
        for (String[] headers : List.of(new String[]{USER, "root"}, new String[]{USER, "root", PROXY, ""},
                new String[]{USER, "root", PROXY, SECRET + "x"},
                new String[]{USER, "root", PROXY, SECRET, PROXY, SECRET},
                new String[]{USER, "alice", USER, "root", PROXY, SECRET},
                new String[]{"x-remote-user", "root", PROXY, "wrong"})) {
            for (String path : List.of("/v1/jobs", "/", "/v1/live")) {
                assertThat(get(server, path, headers).status()).isEqualTo(400);
            }
        }
        try (TestServer elsewhere = started("10.1.0.0/16,2001:db8::/32")) {
            assertThat(get(elsewhere, "/v1/jobs", USER, "root", PROXY, SECRET).status()).isEqualTo(400);
            assertThat(get(elsewhere, "/v1/jobs").status()).isEqualTo(401);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"(null)", "-", "alice bob", "../root", "@group"})
    void whatIsNoNameIsRefused(String name) {
        Exchange refused = get(server, "/v1/jobs", USER, name, PROXY, SECRET);
        assertThat(refused.status()).as("%s", refused).isEqualTo(400);
    }

    @Test
    void aNameThatIsNotAsciiIsRefused() throws Exception {
        try (RawConnection connection = server.connect()) {
            connection.send("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + USER + ": al\u00efce\r\n" + PROXY + ": "
                    + SECRET + "\r\n\r\n");
            assertThat(server.checked(connection.receive("GET", "/v1/jobs", "")).status()).isEqualTo(400);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"EXAMPLE\\alice", "alice@example.org", "a+b", "alice'--", "Alice"})
    void aStrangeNameSeesNothingOfOthers(String name) {
        Exchange jobs = get(server, "/v1/jobs", USER, name, PROXY, SECRET);
        assertThat(jobs.json().required("total").asInt()).as(name).isZero();
    }

    @Test
    void withoutASecretNobodyIsBelieved() throws Exception {
        for (String secret : List.of("", "short")) {
            Path file = Files.writeString(folder.resolve("secret-" + secret), secret);
            try (TestServer unset = TestServer.startWithAuth("--proxy-user-header=" + USER,
                    "--proxy-secret-file=" + file, "--proxy-addresses=127.0.0.1")) {
                assertThat(get(unset, "/v1/jobs", USER, "root", PROXY, secret).status()).isEqualTo(400);
            }
        }
    }

    @Test
    void aTokenCountsMoreThanTheHeader() {
        Exchange jobs = server.as(Role.OPERATOR).send("GET", "/v1/jobs", "", USER, "alice", PROXY, SECRET);
        assertThat(jobs.json().required("total").asInt()).isEqualTo(2);
    }

    @Test
    void aPageOfAnotherSiteChangesNothing() {
        String[] root = {USER, "root", PROXY, SECRET, "Content-Type", "application/json"};
        for (String[] foreign : List.of(new String[]{"Sec-Fetch-Site", "cross-site"},
                new String[]{"Origin", "https://evil.example"})) {
            List<String> headers = new ArrayList<>(List.of(root));
            headers.addAll(List.of(foreign));
            assertThat(server.anonymous().send("POST", "/v1/jobs/alice/links", "{}", headers.toArray(String[]::new))
                    .status()).isEqualTo(403);
        }
        assertThat(server.anonymous().send("POST", "/v1/jobs/alice/links", "{}", root).status()).isEqualTo(201);
    }

    @Test
    void halfASettingOrAWrongOneStopsTheStart() {
        for (List<String> flags : List.of(List.of("--proxy-user-header=X-Remote-User"),
                List.of("--proxy-user-header=Cookie", "--proxy-secret-file=/s", "--proxy-addresses=127.0.0.1"),
                List.of("--proxy-user-header=X-User", "--proxy-secret-file=/s", "--proxy-addresses=proxy.example.org"),
                List.of("--proxy-user-header=X-User", "--proxy-secret-file=/s", "--proxy-addresses=10.0.0.0/33"),
                List.of("--proxy-user-header=X-User", "--proxy-secret-file=/s", "--proxy-addresses=10.0.0.1,"))) {
            assertThatThrownBy(() -> ServerConfig.read(flags, Map.of("HOME", "/home/alice"), folder.resolve("none")))
                    .as("%s", flags).hasMessageStartingWith("PROXY_");
        }
    }
}
