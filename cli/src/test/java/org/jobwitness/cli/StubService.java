package org.jobwitness.cli;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A service with fixed responses: the files of {@code responses}. */
final class StubService implements AutoCloseable {
    private static final Path RESPONSES = Path.of("src/test/resources/responses");

    private final HttpServer server;
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final List<String> queries = new CopyOnWriteArrayList<>();
    private final Map<String, String> replacements = new ConcurrentHashMap<>();

    private volatile String link = "";
    private volatile String rows = "";

    StubService() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            asked.add(path);
            queries.add(String.valueOf(exchange.getRequestURI().getQuery()));
            String response = Files.readString(RESPONSES.resolve(path.substring(1).replace('/', '-') + ".json"));
            for (Map.Entry<String, String> replacement : replacements.entrySet()) {
                response = response.replace(replacement.getKey(), replacement.getValue());
            }
            byte[] body = response.getBytes(StandardCharsets.UTF_8);
            if (!link.isEmpty()) {
                exchange.getResponseHeaders().set("Link", link);
            }
            if (!rows.isEmpty()) {
                exchange.getResponseHeaders().set("X-Total-Rows", rows);
            }
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** From now on, in every response. */
    void replace(String text, String other) {
        replacements.put(text, other);
    }

    /** From now on, a header of every response. */
    void link(String header) {
        link = header;
    }

    /** From now on, how many rows every response says there are. */
    void rows(String header) {
        rows = header;
    }

    /** The paths of all requests. */
    List<String> asked() {
        return asked;
    }

    /** Their queries. */
    List<String> queries() {
        return queries;
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
