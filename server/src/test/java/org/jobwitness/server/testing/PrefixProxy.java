package org.jobwitness.server.testing;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A proxy that serves a server's GET requests below a path, which it cuts off, and passes answers on as they come. */
public final class PrefixProxy implements AutoCloseable {
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer http;
    private final String prefix;
    private final int port;

    private PrefixProxy(String prefix, int port) throws IOException {
        this.prefix = prefix;
        this.port = port;
        http = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        http.setExecutor(threads);
        http.createContext(prefix + "/", this::pass);
        http.start();
    }

    /** @param port of the server */
    public static PrefixProxy start(String prefix, int port) throws IOException {
        return new PrefixProxy(prefix, port);
    }

    /** Without a slash at its end. */
    public String address() {
        return "http://127.0.0.1:" + http.getAddress().getPort() + prefix;
    }

    private void pass(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().toString().substring(prefix.length());
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
        for (String header : List.of("Accept", "Last-Event-ID")) {
            exchange.getRequestHeaders().getOrDefault(header, List.of())
                    .forEach(value -> request.header(header, value));
        }
        try (exchange) {
            HttpResponse<InputStream> response = client.send(request.build(), BodyHandlers.ofInputStream());
            for (String header : List.of("Content-Type", "Location", "Content-Security-Policy", "Cache-Control")) {
                response.headers().allValues(header)
                        .forEach(value -> exchange.getResponseHeaders().add(header, value));
            }
            try (InputStream body = response.body()) {
                exchange.sendResponseHeaders(response.statusCode(), 0);
                byte[] bytes = new byte[8192];
                for (int read = body.read(bytes); read >= 0; read = body.read(bytes)) {
                    exchange.getResponseBody().write(bytes, 0, read);
                    exchange.getResponseBody().flush();
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        http.stop(0);
        threads.shutdownNow();
        client.shutdownNow();
    }
}
