package org.jobwitness.bench;

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

/** Between agents and server: passes requests on, or does to them what networks do. Writes all of them into a {@link Ledger}. */
final class Relay implements AutoCloseable {
    private static final Pattern EVENT_ID = Pattern.compile("\\{\"event_id\":\"([^\"]*)\"");
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** A request as it came; nobody compares two. */
    @SuppressWarnings("ArrayRecordComponent")
    record Request(String path, Map<String, String> headers, byte[] body) {
        boolean isBatch() {
            return path.equals("/v1/batches");
        }
    }

    /** What the server, or somebody in its place, says; nobody compares two. */
    @SuppressWarnings("ArrayRecordComponent")
    record Answer(int status, Optional<String> retryAfter, byte[] body) {
        static Answer of(int status, String body) {
            return new Answer(status, Optional.empty(), body.getBytes(StandardCharsets.UTF_8));
        }
    }

    /** What is done with a request. */
    interface Way {
        /** Answers, or throws to cut the connection. */
        Answer go(Request request, Way onward) throws IOException, InterruptedException;
    }

    /** As if nobody were there. */
    static final Way AWAY = (_, _) -> {
        throw new IOException("away");
    };
    static final Way OPEN = (request, onward) -> onward.go(request, onward);

    private final Ledger ledger;
    private final ServerSocket door;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2)).build();
    private volatile Way way = OPEN;
    private volatile int serverPort;

    Relay(Ledger ledger) throws IOException {
        this.ledger = ledger;
        door = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::serve);
    }

    int port() {
        return door.getLocalPort();
    }

    void server(int port) {
        serverPort = port;
    }

    void way(Way next) {
        way = next;
    }

    private void serve() {
        while (!door.isClosed()) {
            try {
                Socket agent = door.accept();
                Thread.ofVirtual().start(() -> serve(agent));
            } catch (IOException e) {
                // It has been closed.
            }
        }
    }

    private void serve(Socket agent) {
        try (agent) {
            InputStream in = new BufferedInputStream(agent.getInputStream());
            while (true) {
                Request request = read(in);
                Batch batch = request.isBatch() ? ledger.note(request.body()) : null;
                if (batch != null) {
                    ledger.sent(batch);
                }
                Answer answer = way.go(request, (changed, _) -> pass(changed, request, batch));
                agent.getOutputStream().write(head(answer));
                agent.getOutputStream().write(answer.body());
            }
        } catch (IOException e) {
            // Cut, by one of the three.
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

    private static byte[] head(Answer answer) {
        String retry = answer.retryAfter().map(value -> "Retry-After: " + value + "\r\n").orElse("");
        return ("HTTP/1.1 " + answer.status() + " -\r\nContent-Type: application/json\r\n" + retry + "Content-Length: "
                + answer.body().length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
    }

    /** To the server; what is noted of it is what the agent sent. */
    private Answer pass(Request request, Request asItCame, @Nullable Batch batch)
            throws IOException, InterruptedException {
        HttpRequest.Builder onward = HttpRequest
                .newBuilder(URI.create("http://127.0.0.1:" + serverPort + request.path())).timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.ofByteArray(request.body()));
        request.headers().forEach((name, value) -> {
            switch (name.toLowerCase(Locale.ROOT)) {
                case "host", "connection", "content-length" -> {
                    // The client's own.
                }
                default -> onward.header(name, value);
            }
        });
        HttpResponse<byte[]> answer = http.send(onward.build(), HttpResponse.BodyHandlers.ofByteArray());
        if (batch != null) {
            ledger.answered(batch, answer.statusCode(), answer.body());
        } else {
            Matcher id = EVENT_ID.matcher(new String(asItCame.body(), StandardCharsets.UTF_8));
            ledger.answeredEvent(id.lookingAt() ? id.group(1) : "?", answer.statusCode());
        }
        return new Answer(answer.statusCode(), answer.headers().firstValue("Retry-After"), answer.body());
    }

    @Override
    public void close() throws IOException {
        door.close();
        http.shutdownNow();
    }
}
