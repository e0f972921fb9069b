package org.jobwitness.server;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A request as {@link RequestGenerator} made it.
 *
 * @param number together with the seed it makes the same request again
 * @param operation of the API document that it was made for
 * @param parameters that the document knows, by where they stand and their name, such as {@code query limit}
 * @param chunked whether the body goes in two chunks rather than with its length
 */
record FuzzRequest(int number, Kind kind, String operation, String method, String target, Map<String, String> headers,
        byte[] body, boolean chunked, Map<String, String> parameters) {
    private static final int SHOWN = 3000;

    /** What there is to expect of an answer. */
    enum Kind {
        /** As an honest client would send it: it should be understood. */
        PLAIN,
        /** Right by the document's schemas, but at their edges; rules that no schema can tell may refuse it. */
        EDGES,
        /** Some value is wrong, as a rule. */
        WRONG,
        /** It is not even JSON, or odd as HTTP. */
        BROKEN
    }

    /** The same request by somebody with a token, unless it shows one already. */
    FuzzRequest withToken(String token) {
        Map<String, String> all = new LinkedHashMap<>(headers);
        all.putIfAbsent("Authorization", "Bearer " + token);
        return new FuzzRequest(number, kind, operation, method, target, all, body, chunked, parameters);
    }

    /** What goes over the wire. */
    byte[] bytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes((head() + (body.length > 0 && !chunked ? "Content-Length: " + body.length + "\r\n" : "")
                + (body.length > 0 && chunked ? "Transfer-Encoding: chunked\r\n" : "") + "\r\n")
                .getBytes(StandardCharsets.UTF_8));
        if (body.length > 0 && chunked) {
            int half = (body.length + 1) / 2;
            chunk(bytes, 0, half);
            chunk(bytes, half, body.length - half);
            bytes.writeBytes((body.length > half ? "0\r\n\r\n" : "").getBytes(StandardCharsets.US_ASCII));
        } else {
            bytes.writeBytes(body);
        }
        return bytes.toByteArray();
    }

    /** An empty chunk is the last one. */
    private void chunk(ByteArrayOutputStream bytes, int from, int size) {
        bytes.writeBytes((Integer.toHexString(size) + "\r\n").getBytes(StandardCharsets.US_ASCII));
        bytes.write(body, from, size);
        bytes.writeBytes("\r\n".getBytes(StandardCharsets.US_ASCII));
    }

    private String head() {
        return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers.entrySet().stream()
                .map(header -> header.getKey() + ": " + header.getValue() + "\r\n").collect(Collectors.joining());
    }

    String text() {
        return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return "request " + number + " (" + kind + ", made for " + operation + ")\n"
                + shown(head().replace("\r\n", "\n"))
                + (body.length == 0 ? "" : "\n" + shown(text()));
    }

    private static String shown(String text) {
        String plain = text.chars().mapToObj(c -> c == '\n' || (c >= ' ' && c <= '~')
                ? Character.toString(c)
                : "\\u%04x".formatted(c)).collect(Collectors.joining());
        return plain.length() > SHOWN ? plain.substring(0, SHOWN) + "… (" + plain.length() + " characters)" : plain;
    }
}
