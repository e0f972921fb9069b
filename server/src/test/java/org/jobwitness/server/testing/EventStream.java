package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/** Reads a stream of the server as it comes, on a thread of its own, and holds each event against the API document. */
public final class EventStream implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LONGER_THAN_A_HEARTBEAT = Duration.ofSeconds(40);

    private final ApiDocument document = ApiDocument.load();
    private final Socket socket = new Socket();
    private final InputStream in;
    private final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private final List<String> comments = new CopyOnWriteArrayList<>();
    private final List<Told> events = new CopyOnWriteArrayList<>();
    private volatile boolean ended;
    private volatile Throwable failure;

    /**
     * An event.
     *
     * @param id empty if it has none
     */
    public record Told(String event, String id, JsonNode data) {
        public String job() {
            return data.path(event.equals("job") ? "id" : "job_id").asString("");
        }

        /** Of an event {@code job}. */
        public String state() {
            return data.path("state").asString("");
        }

        @Override
        public String toString() {
            return event + " " + job() + (event.equals("job") ? " " + state() : "");
        }
    }

    private EventStream(TestServer server, String query, String... headersSent) throws IOException {
        socket.setReceiveBufferSize(16 << 10);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()),
                (int) PATIENCE.toMillis());
        socket.setSoTimeout((int) LONGER_THAN_A_HEARTBEAT.toMillis());
        StringBuilder head = new StringBuilder("GET /v1/stream" + query + " HTTP/1.1\r\nHost: localhost\r\n");
        for (String header : headersSent) {
            head.append(header).append("\r\n");
        }
        socket.getOutputStream().write((head + "\r\n").getBytes(StandardCharsets.US_ASCII));
        in = new BufferedInputStream(socket.getInputStream());
        assertThat(line()).isEqualTo("HTTP/1.1 200 OK");
        for (String line = line(); !line.isEmpty(); line = line()) {
            headers.put(line.split(": ", 2)[0], line.split(": ", 2)[1]);
        }
    }

    /** Returns once the server has said that it listens: of what happens from then on, all is told. */
    public static EventStream open(TestServer server, String query, String... headers) throws Exception {
        EventStream stream = unread(server, query, headers);
        stream.beginToRead();
        Waiting.until("the stream is open", PATIENCE, () -> !stream.comments.isEmpty());
        return stream;
    }

    /** One of which nothing but the head is read, before {@link #beginToRead}. */
    public static EventStream unread(TestServer server, String query, String... headers) throws IOException {
        return new EventStream(server, query, headers);
    }

    public void beginToRead() {
        Thread.startVirtualThread(this::read);
    }

    private void read() {
        try {
            ByteArrayOutputStream block = new ByteArrayOutputStream();
            for (int size = Integer.parseInt(line(), 16); size > 0; size = Integer.parseInt(line(), 16)) {
                for (byte b : in.readNBytes(size)) {
                    block.write(b);
                    if (b == '\n' && block.toString(StandardCharsets.ISO_8859_1).endsWith("\n\n")) {
                        take(block.toString(StandardCharsets.UTF_8));
                        block.reset();
                    }
                }
                assertThat(line()).isEmpty();
            }
        } catch (IOException | RuntimeException | AssertionError e) {
            failure = e;
        } finally {
            ended = true;
        }
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("cut off after \"" + line + "\"");
            }
            line.append((char) c);
        }
        return line.toString().strip();
    }

    private void take(String block) {
        Map<String, String> fields = new TreeMap<>();
        for (String line : block.strip().split("\n")) {
            if (line.startsWith(":")) {
                comments.add(line);
            } else {
                String[] field = line.split(": ", 2);
                assertThat(field[0]).isIn("event", "id", "data", "retry");
                assertThat(fields.put(field[0], field[1])).as("twice in %s", block).isNull();
            }
        }
        if (fields.containsKey("event")) {
            String event = fields.get("event");
            JsonNode data = Exchange.JSON.readTree(fields.get("data"));
            document.check("event " + event, document.eventOf("GET /v1/stream", event), data);
            events.add(new Told(event, fields.getOrDefault("id", ""), data));
        }
    }

    public String header(String name) {
        return headers.getOrDefault(name, "");
    }

    public List<Told> events() {
        return List.copyOf(events);
    }

    public List<Told> events(String event) {
        return events.stream().filter(told -> told.event().equals(event)).toList();
    }

    /** Waits until the server has ended it, in good order. */
    public void awaitEnd() throws InterruptedException {
        Waiting.until("the stream has ended", PATIENCE, () -> ended);
        assertThat(failure).isNull();
    }

    /** Waits for an event; of those that fit, the first. */
    public Told await(String what, Predicate<Told> wanted) throws InterruptedException {
        return await(what, PATIENCE, wanted);
    }

    public Told await(String what, Duration patience, Predicate<Told> wanted) throws InterruptedException {
        List<Told> found = new ArrayList<>();
        Waiting.until(what, patience, () -> events + " " + failure, () -> {
            events.stream().filter(wanted).findFirst().ifPresent(found::add);
            return !found.isEmpty();
        });
        return found.getFirst();
    }

    /** Waits until a job's state has been told. */
    public Told await(String job, String state) throws InterruptedException {
        return await(job + " is " + state,
                told -> told.event().equals("job") && told.job().equals(job) && told.state().equals(state));
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
