package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Hundreds of unfinished requests against a server with a small heap: what {@code make soak-http} does with thousands. */
@Timeout(300)
class HttpAttackTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String HEAP = "-Xmx64m";
    /** Twice what an eighth of the heap holds of them, and less than the server's connections. */
    private static final int CONNECTIONS = 600;
    private static final String MEMORY = "jobwitness_http_request_memory_bytes";
    private static final String REFUSED = "jobwitness_http_requests_without_memory_total";

    private static final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE).build();
    private static ServerProcess server;
    private static int port;

    enum Mix {
        HALF_HEADERS(
                "GET /v1/live HTTP/1.1\r\nHost: localhost\r\n" + ("x: " + "y".repeat(120) + "\r\n").repeat(55)),
        HALF_BODIES(
                "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 900000\r\n\r\n" + "x".repeat(30_000)),
        IDLE(
                "GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2));

        private final String text;

        Mix(String text) {
            this.text = text;
        }
    }

    @BeforeAll
    static void start(@TempDir Path folder) throws Exception {
        DatabaseAddress database = TestPostgres.freshDatabase();
        String url = database.jdbcUrl();
        server = ServerProcess.run(folder.resolve("data"), folder, Map.of("JAVA_TOOL_OPTIONS", HEAP), List.of(
                "--jobwitness-data-dir=" + folder.resolve("data"), "--host=127.0.0.1", "--port=0", "--auth=off",
                "--scheduler-backend=none", "--database-url=" + url + (url.contains("?") ? "&" : "?") + "user="
                        + database.user() + "&password=" + database.password()));
        port = server.ready().port();
    }

    @AfterAll
    static void stop() {
        server.close();
        client.close();
    }

    @ParameterizedTest
    @EnumSource
    void goodRequestsAreAnsweredMeanwhile(Mix mix) throws Exception {
        double refusedBefore = metric(REFUSED);
        List<SocketChannel> connections = new ArrayList<>();
        try {
            for (int i = 0; i < CONNECTIONS; i++) {
                connections.add(open(mix.text, i));
                if (i % 50 == 49) {
                    assertGood(mix + "-" + i);
                }
            }
            if (mix != Mix.IDLE) {
                Waiting.until("some are refused", PATIENCE, () -> metric(REFUSED) > refusedBefore);
            }
            assertGood(mix + "-all");
        } finally {
            for (SocketChannel connection : connections) {
                connection.close();
            }
        }
        Waiting.until("no memory is held", PATIENCE, () -> metric(MEMORY) == 0);
        assertThat(server.isAlive()).isTrue();
    }

    private static SocketChannel open(String text, int number) throws IOException {
        SocketChannel channel = SocketChannel.open();
        // Several addresses, since half of all connections are one's share.
        channel.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[]{127, 0, 1, (byte) (number % 4)}), 0));
        channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        channel.configureBlocking(false);
        channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
        return channel;
    }

    private static void assertGood(String jobId) throws IOException, InterruptedException {
        assertThat(get("/v1/jobs?limit=1").statusCode()).isEqualTo(200);
        HttpResponse<String> event = client.send(request("/v1/events/job-started")
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(
                        "{\"job_id\": \"" + jobId.replace('_', '-')
                                + "\", \"user\": \"alice\", \"node_list\": [\"n1\"]}"))
                .build(), HttpResponse.BodyHandlers.ofString());
        assertThat(event.statusCode()).as(event.body()).isEqualTo(200);
    }

    private static double metric(String name) throws IOException {
        try {
            Matcher value = Pattern.compile("(?m)^" + name + " (\\S+)").matcher(get("/metrics").body());
            assertThat(value.find()).as(name).isTrue();
            return Double.parseDouble(value.group(1));
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static HttpResponse<String> get(String target) throws IOException, InterruptedException {
        return client.send(request(target).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static HttpRequest.Builder request(String target) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + target)).timeout(PATIENCE);
    }
}
