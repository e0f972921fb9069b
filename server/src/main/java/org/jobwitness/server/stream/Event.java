package org.jobwitness.server.stream;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** A server-sent event, encoded once for all its listeners. */
final class Event {
    private final String name;
    private final byte[] bytes;

    private Event(String name, String text) {
        this.name = name;
        this.bytes = text.getBytes(StandardCharsets.UTF_8);
    }

    /** @param json on one line */
    static Event of(String name, long id, String json) {
        return new Event(name, "event: " + name + "\nid: " + id + "\ndata: " + json + "\n\n");
    }

    /** An event about the stream itself, without an id. */
    static Event of(String name, String json) {
        return new Event(name, "event: " + name + "\ndata: " + json + "\n\n");
    }

    String name() {
        return name;
    }

    int size() {
        return bytes.length;
    }

    void writeTo(OutputStream out) throws IOException {
        out.write(bytes);
    }
}
