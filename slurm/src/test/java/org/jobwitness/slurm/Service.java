package org.jobwitness.slurm;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A service that writes down what it is sent and answers with the status it is told to. */
final class Service implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final HttpServer server;
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private volatile int status = 200;
    private volatile Runnable whileAsked = () -> {
    };

    record Request(String path, Map<String, String> headers, String text) {
        ObjectNode body() {
            return json(text);
        }
    }

    Service() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            var headers = new TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER);
            exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, String.join(",", values)));
            var text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            requests.add(new Request(exchange.getRequestMethod() + " " + exchange.getRequestURI(), headers, text));
            whileAsked.run();
            if (status / 100 == 3)
                exchange.getResponseHeaders().set("Location", url() + "/elsewhere");
            var answer = "{\"status\":\"created\"}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
    }

    Service answering(int anotherStatus) {
        status = anotherStatus;
        return this;
    }

    Service answeringAfter(Duration time) {
        var late = CompletableFuture.delayedExecutor(time.toMillis(), TimeUnit.MILLISECONDS);
        return whileAsked(() -> CompletableFuture.runAsync(() -> {
        }, late).join());
    }

    /** Runs something while a hook waits for its answer. */
    Service whileAsked(Runnable action) {
        whileAsked = action;
        return this;
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    List<Request> requests() {
        return List.copyOf(requests);
    }

    /** The only request there was. */
    Request request() {
        if (requests.size() != 1)
            throw new AssertionError("not one request but " + requests);
        return requests.getFirst();
    }

    static ObjectNode json(String text) {
        return (ObjectNode) JSON.readTree(text);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
