package org.jobwitness.cli;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A service with fixed responses: the files of {@code responses}. */
final class StubService implements AutoCloseable {
    private static final Path RESPONSES = Path.of("src/test/resources/responses");

    private final HttpServer server;
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final List<String> queries = new CopyOnWriteArrayList<>();
    private volatile String replaced = "";
    private volatile String by = "";

    StubService() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            asked.add(path);
            queries.add(String.valueOf(exchange.getRequestURI().getQuery()));
            byte[] body = Files.readString(RESPONSES.resolve(path.substring(1).replace('/', '-') + ".json"))
                    .replace(replaced, by).getBytes(StandardCharsets.UTF_8);
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
        replaced = text;
        by = other;
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
