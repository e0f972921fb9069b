package org.jobwitness.agent.ship;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;

/** An HTTP server that keeps the requests, and sends the responses of the test. */
final class FakeService implements AutoCloseable {
    static final Answer STORED = new Answer(200, Map.of(),
            "{\"status\":\"stored\",\"version\":1,\"refused_count\":0,\"refused\":[]}");

    record Request(String path, Headers headers, String body, int clientPort, long atNanos) {
        String header(String name) {
            return headers.getFirst(name);
        }
    }

    record Answer(int status, Map<String, String> headers, String body) {
        static Answer of(int status) {
            return new Answer(status, Map.of(), "{\"error\":\"e" + status + "\",\"message\":\"no\"}");
        }
    }

    private final HttpServer server;
    private final Runnable changed;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private volatile Function<Request, Answer> answers = request -> STORED;

    /** @param changed called after each request */
    private FakeService(HttpServer server, Runnable changed) {
        this.server = server;
        this.changed = changed;
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    static FakeService start(Runnable changed) throws IOException {
        return startAt(0, changed);
    }

    static FakeService startAt(int port, Runnable changed) throws IOException {
        return new FakeService(HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0),
                changed);
    }

    static FakeService startTls(SSLContext tls, Runnable changed) throws IOException {
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(tls));
        return new FakeService(server, changed);
    }

    FakeService answering(Function<Request, Answer> answers) {
        this.answers = answers;
        return this;
    }

    int port() {
        return server.getAddress().getPort();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + port());
    }

    List<Request> requests() {
        return List.copyOf(requests);
    }

    List<String> paths() {
        return requests.stream().map(Request::path).toList();
    }

    private void handle(HttpExchange exchange) {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readAllBytes();
            boolean isPacked = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
            Request request = new Request(exchange.getRequestURI().getPath(), exchange.getRequestHeaders(),
                    new String(isPacked ? unpacked(body) : body, StandardCharsets.UTF_8),
                    exchange.getRemoteAddress().getPort(), System.nanoTime());
            requests.add(request);
            changed.run();
            Answer answer = answers.apply(request);
            answer.headers().forEach(exchange.getResponseHeaders()::set);
            byte[] text = answer.body().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(answer.status(), text.length == 0 ? -1 : text.length);
            exchange.getResponseBody().write(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] unpacked(byte[] body) throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(body))) {
            return in.readAllBytes();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
