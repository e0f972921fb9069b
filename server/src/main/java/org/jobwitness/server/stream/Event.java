package org.jobwitness.server.stream;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** An event as it goes out; one for all who get it. */
final class Event {
    private final String name;
    private final byte[] bytes;

    private Event(String name, String text) {
        this.name = name;
        this.bytes = text.getBytes(StandardCharsets.UTF_8);
    }

    /** With data of one line. */
    static Event of(String name, long id, String json) {
        return new Event(name, "event: " + name + "\nid: " + id + "\ndata: " + json + "\n\n");
    }

    /** One of the stream itself, which has no number. */
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
