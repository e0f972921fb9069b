package org.jobwitness.server.testing;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What was asked of a server, and what it answered.
 *
 * @param target path and query, as they were sent
 * @param sent the request's body; empty if there was none
 * @param headers of the answer
 */
public record Exchange(String method, String target, String sent, int status, Map<String, List<String>> headers,
        byte[] bytes) {
    public static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    public Exchange {
        Map<String, List<String>> byName = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        byName.putAll(headers);
        headers = byName;
    }

    public String path() {
        return target.split("\\?", 2)[0];
    }

    public Optional<String> header(String name) {
        return headers.getOrDefault(name, List.of()).stream().findFirst();
    }

    public String body() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** The answer, which must be one JSON value. */
    public JsonNode json() {
        return JSON.readTree(bytes);
    }

    /** The {@code error} of an error answer. */
    public String code() {
        return json().path("error").asString("");
    }

    /** The field that a validation error names; empty if it names none. */
    public String field() {
        return json().path("details").path("field").asString("");
    }

    public String message() {
        return json().path("message").asString("");
    }

    @Override
    public String toString() {
        String text = body();
        return method + " " + shown(target) + " -> " + status + " " + shown(text);
    }

    private static String shown(String text) {
        return text.length() > 500 ? text.substring(0, 500) + "…" : text;
    }
}
