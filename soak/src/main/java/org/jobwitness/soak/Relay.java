package org.jobwitness.soak;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.wire.Batch;
import org.jspecify.annotations.Nullable;

/** A proxy between agents and server: forwards requests, or injects faults. Records all of them in a {@link Ledger}. */
final class Relay implements AutoCloseable {
    private static final Pattern EVENT_ID = Pattern.compile("\\{\"event_id\":\"([^\"]*)\"");
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    /** Never compared. */
    @SuppressWarnings("ArrayRecordComponent")
    record Request(String path, Map<String, String> headers, byte[] body) {
        boolean isBatch() {
            return path.equals("/v1/batches");
        }
    }

    /** Never compared. */
    @SuppressWarnings("ArrayRecordComponent")
    record Response(int status, Optional<String> retryAfter, byte[] body) {
        static Response of(int status, String body) {
            return new Response(status, Optional.empty(), body.getBytes(StandardCharsets.UTF_8));
        }
    }

    /** What happens to a request. */
    interface Handler {
        /** Responds, or throws to cut the connection. */
        Response handle(Request request, Handler next) throws IOException, InterruptedException;
    }

    /** Cuts all connections. */
    static final Handler UNREACHABLE = (_, _) -> {
        throw new IOException("unreachable");
    };
    static final Handler FORWARD = (request, next) -> next.handle(request, next);

    private final Ledger ledger;
    private final ServerSocket listener;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2)).build();
    private volatile Handler handler = FORWARD;
    private volatile int serverPort;

    Relay(Ledger ledger) throws IOException {
        this.ledger = ledger;
        listener = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::serve);
    }

    int port() {
        return listener.getLocalPort();
    }

    void server(int port) {
        serverPort = port;
    }

    void handler(Handler next) {
        handler = next;
    }

    private void serve() {
        while (!listener.isClosed()) {
            try {
                Socket agent = listener.accept();
                Thread.ofVirtual().start(() -> serve(agent));
            } catch (IOException e) {
                // closed
            }
        }
    }

    private void serve(Socket agent) {
        try (agent) {
            InputStream in = new BufferedInputStream(agent.getInputStream());
            while (true) {
                Request request = read(in);
                Batch batch = request.isBatch() ? ledger.record(request.body()) : null;
                if (batch != null) {
                    ledger.sent();
                }
                Response response = handler.handle(request, (changed, _) -> forward(changed, request, batch));
                agent.getOutputStream().write(head(response));
                agent.getOutputStream().write(response.body());
            }
        } catch (IOException e) {
            // cut by agent, relay or server
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Request read(InputStream in) throws IOException {
        String[] first = line(in).split(" ", -1);
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            headers.put(line.substring(0, colon), line.substring(colon + 1).strip());
        }
        byte[] body = in.readNBytes(Integer.parseInt(headers.getOrDefault("Content-Length", "0")));
        return new Request(first[1], headers, body);
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException();
            }
            line.write(c);
        }
        return line.toString(StandardCharsets.US_ASCII).strip();
    }

    private static byte[] head(Response response) {
        String retry = response.retryAfter().map(value -> "Retry-After: " + value + "\r\n").orElse("");
        return ("HTTP/1.1 " + response.status() + " -\r\nContent-Type: application/json\r\n" + retry
                + "Content-Length: "
                + response.body().length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
    }

    /** @param original as the agent sent it, for the ledger */
    private Response forward(Request request, Request original, @Nullable Batch batch)
            throws IOException, InterruptedException {
        HttpRequest.Builder forwarded = HttpRequest
                .newBuilder(URI.create("http://127.0.0.1:" + serverPort + request.path())).timeout(TIMEOUT)
                .POST(HttpRequest.BodyPublishers.ofByteArray(request.body()));
        request.headers().forEach((name, value) -> {
            switch (name.toLowerCase(Locale.ROOT)) {
                case "host", "connection", "content-length" -> {
                    // set by the client
                }
                default -> forwarded.header(name, value);
            }
        });
        HttpResponse<byte[]> response = http.send(forwarded.build(), HttpResponse.BodyHandlers.ofByteArray());
        if (batch != null) {
            ledger.response(batch, response.statusCode(), response.body());
        } else {
            Matcher id = EVENT_ID.matcher(new String(original.body(), StandardCharsets.UTF_8));
            ledger.eventResponse(id.lookingAt() ? id.group(1) : "?", response.statusCode());
        }
        return new Response(response.statusCode(), response.headers().firstValue("Retry-After"), response.body());
    }

    @Override
    public void close() throws IOException {
        listener.close();
        http.shutdownNow();
    }
}
