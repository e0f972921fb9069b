package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.CookieManager;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import no.nav.security.mock.oauth2.MockOAuth2Server;
import no.nav.security.mock.oauth2.token.DefaultOAuth2TokenCallback;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real Apache in front, with the lines of docs/access.md and mod_auth_openidc, which signs people in with a real provider. */
@Timeout(300)
class ApacheTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Path APACHE = Path.of("/usr/sbin/apache2");
    private static final Path MODULES = Path.of("/usr/lib/apache2/modules");
    private static final Path DOCS = Path.of("../docs/access.md");
    private static final Pattern LINES = Pattern.compile("(?s)```text\\n(OIDCProviderMetadataURL.*?</Location>\\n)```");
    private static final String SECRET = "correct-horse-battery";

    @TempDir
    Path folder;
    private final MockOAuth2Server provider = new MockOAuth2Server();
    private Process apache;

    @AfterEach
    void stop() throws Exception {
        if (apache != null) {
            apache.destroy();
            apache.waitFor();
        }
        provider.shutdown();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** The lines of the document, with addresses and secrets of this test. */
    private String lines(int port, int backend) throws IOException {
        Matcher lines = LINES.matcher(Files.readString(DOCS));
        assertThat(lines.find()).isTrue();
        return lines.group(1)
                .replaceFirst("https://\\S+/openid-configuration", provider.wellKnownUrl("site").toString())
                .replaceFirst("https://jobwitness\\.example\\.org", "http://127.0.0.1:" + port)
                .replaceFirst("http://127\\.0\\.0\\.1:8080", "http://127.0.0.1:" + backend)
                .replaceFirst("the first line of proxy\\.secret", SECRET)
                .replaceAll("of your own", "test");
    }

    private void startApache(int port, int backend) throws Exception {
        StringBuilder conf = new StringBuilder();
        for (String module : List.of("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "proxy",
                "proxy_http", "auth_openidc")) {
            conf.append("LoadModule ").append(module).append("_module ").append(MODULES).append("/mod_").append(module)
                    .append(".so\n");
        }
        Waiting.passable(folder);
        conf.append("ServerRoot ").append(folder).append("\nServerName 127.0.0.1\nPidFile ")
                .append(folder.resolve("pid")).append("\nListen 127.0.0.1:").append(port)
                .append("\nUser nobody\nGroup nogroup\nErrorLog ").append(folder.resolve("error.log"))
                .append("\nDefaultRuntimeDir ").append(folder).append('\n').append(lines(port, backend));
        Path file = Files.writeString(folder.resolve("apache.conf"), conf);
        Path log = folder.resolve("out");
        apache = new ProcessBuilder(APACHE.toString(), "-D", "FOREGROUND", "-f", file.toString())
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        Waiting.until("Apache listens", PATIENCE, () -> read(log) + read(folder.resolve("error.log")),
                () -> Files.exists(folder.resolve("pid")));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static HttpResponse<String> get(HttpClient browser, String address, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address)).timeout(PATIENCE).header("Accept",
                "text/html");
        if (headers.length > 0) {
            request.headers(headers);
        }
        return browser.send(request.build(), BodyHandlers.ofString());
    }

    private HttpClient browserOf(String user) {
        provider.enqueueCallback(new DefaultOAuth2TokenCallback("site", user, "JWT", List.of("jobwitness"),
                Map.of("preferred_username", user), 600));
        return HttpClient.newBuilder().cookieHandler(new CookieManager())
                .followRedirects(HttpClient.Redirect.NORMAL).build();
    }

    @Test
    void whoSignsInThereSeesTheirOwnHere() throws Exception {
        assumeThat(Files.isExecutable(APACHE)).as("apache2 is not installed").isTrue();
        assumeThat(Files.exists(MODULES.resolve("mod_auth_openidc.so")))
                .as("mod_auth_openidc is not installed; it is in Debian's package libapache2-mod-auth-openidc")
                .isTrue();
        provider.start();
        int port = freePort();
        Path secret = Files.writeString(folder.resolve("proxy.secret"), SECRET + "\n");
        try (TestServer server = TestServer.startWithAuth("--proxy-user-header=X-Remote-User",
                "--proxy-secret-file=" + secret, "--proxy-addresses=127.0.0.1")) {
            for (String user : List.of("alice", "bob")) {
                server.as(Role.AGENT).post("/v1/events/job-started", """
                        {"job_id": "%s", "user": "%s", "uid": 7, "node_list": ["n1"]}""".formatted(user, user));
            }
            startApache(port, server.port());
            String root = "http://127.0.0.1:" + port;
            try (HttpClient browser = browserOf("alice")) {
                HttpResponse<String> page = get(browser, root + "/jobs/alice");
                assertThat(page.statusCode()).as(page.body() + read(folder.resolve("error.log"))).isEqualTo(200);
                assertThat(page.body()).contains("<p class=\"person\"><bdi>alice</bdi>");
                assertThat(get(browser, root + "/jobs/bob").statusCode()).isEqualTo(404);
                assertThat(get(browser, root + "/jobs/bob", "X-Remote-User", "bob", "X-Jobwitness-Proxy-Secret", "x")
                        .statusCode()).as("what the browser sends of it is removed").isEqualTo(404);
                assertThat(get(browser, root + "/jobs/alice", "X-Remote-User", "bob").statusCode()).isEqualTo(200);
            }
        }
    }
}
