package org.jobwitness.cli.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What may answer at an address: the service, something else, or nothing. */
class ServiceClientTest {
    private final CountDownLatch over = new CountDownLatch(1);
    private final List<String> asked = new ArrayList<>();
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    @AfterEach
    void stop() {
        over.countDown();
        server.stop(0);
    }

    private void answers(int status, String body) {
        server.createContext("/", exchange -> {
            asked.add(exchange.getRequestURI() + " " + exchange.getRequestHeaders().getFirst("Authorization"));
            exchange.getResponseHeaders().set("Location", "/elsewhere");
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
    }

    private ServiceClient service(int port, Duration timeout) {
        return new ServiceClient(new ClientSettings(URI.create("http://127.0.0.1:" + port), "from --url",
                Optional.of(new ClientSettings.Token("abc", Path.of("/home/alice/token"))), Optional.empty(),
                new MungeLogin(Path.of("/nonexistent"), Optional.empty()), Optional.empty(), timeout),
                "1.0");
    }

    private ServiceClient service() {
        return service(server.getAddress().getPort(), Duration.ofSeconds(10));
    }

    @Test
    void parametersAreEncodedAndTheTokenIsSent() throws Problem {
        answers(200, "{}");
        service().get("/v1/jobs", List.of(new Parameter("q", "a b&c=ä"), new Parameter("user", null),
                new Parameter("limit", "1")));

        assertThat(asked).containsExactly("/v1/jobs?q=a%20b%26c%3D%C3%A4&limit=1 Bearer abc");
    }

    @Test
    void eachRefusalIsOfItsKindAndSaysWhatToDo() {
        record Case(int status, String body, Kind kind, String says) {
        }
        String error = "{\"error\":\"x\",\"message\":\"no job 7 is known\"}";
        for (Case one : List.of(new Case(404, error, Kind.NOT_FOUND, "no job 7 is known"),
                new Case(404, "<html>nginx</html>", Kind.UNAVAILABLE, "is not the service"),
                new Case(400, error, Kind.USAGE, "no job 7"), new Case(401, error, Kind.DENIED, "/home/alice/token"),
                new Case(403, error, Kind.DENIED, "may not do this"),
                new Case(503, error, Kind.UNAVAILABLE, "no job 7"),
                new Case(500, "oops", Kind.UNAVAILABLE, "HTTP status 500"),
                new Case(302, "", Kind.UNAVAILABLE, "302"))) {
            answers(one.status, one.body);

            assertThatThrownBy(() -> service().get("/v1/jobs/7", List.of())).as(one.toString())
                    .isInstanceOfSatisfying(Problem.class, problem -> assertThat(problem.kind()).isEqualTo(one.kind))
                    .hasMessageContaining(one.says).hasMessageNotContaining("abc");
            server.removeContext("/");
        }
        assertThat(asked).noneMatch(line -> line.startsWith("/elsewhere"));
    }

    @Test
    void nobodyIsThere() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }

        assertThatThrownBy(() -> service(port, Duration.ofSeconds(10)).get("/v1/jobs", List.of()))
                .isInstanceOf(Problem.class).hasMessageContaining("jobwitness doctor");
    }

    @Test
    void anAnswerThatDoesNotComeOrDripsIsNotWaitedForLongerThanTold() {
        server.createContext("/silent", _ -> await());
        server.createContext("/drip", exchange -> {
            exchange.sendResponseHeaders(200, 1_000);
            drip(exchange);
        });
        for (String path : List.of("/silent", "/drip")) {
            long began = System.nanoTime();

            assertThatThrownBy(
                    () -> service(server.getAddress().getPort(), Duration.ofMillis(400)).get(path, List.of()))
                    .isInstanceOf(Problem.class).hasMessageContaining("no response within 0.4 s");
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
        }
    }

    private void await() {
        try {
            over.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void drip(HttpExchange exchange) throws IOException {
        try {
            while (!over.await(50, TimeUnit.MILLISECONDS)) {
                exchange.getResponseBody().write(' ');
                exchange.getResponseBody().flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
