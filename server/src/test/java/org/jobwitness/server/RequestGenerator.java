package org.jobwitness.server;

import java.net.URLEncoder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jobwitness.server.FuzzRequest.Kind;
import org.jobwitness.server.SchemaValues.Mood;
import org.jobwitness.server.testing.ApiDocument;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Makes requests for every operation of the API document, right ones and wrong ones. A request depends on the seed and
 * its number alone (but for times close to now), whatever was answered to others, so that any one of them can be made
 * again. They lack the caller's token. Thread-safe.
 */
final class RequestGenerator {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final JsonMapper ASCII = JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();
    private static final List<String> METHODS = List.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
            "TRACE", "BREW", "get");
    private static final List<String> CONTENT_TYPES = List.of("", "json", "text/plain", "text/json", "application/xml",
            "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x",
            "application/json; charset=ISO-8859-1", "application/json; charset=UTF-16", "application/json;",
            "application/json; charset=\"utf-8\"", "APPLICATION/JSON", "application/json, text/plain", "application/*",
            "application/merge-patch+json", "application/json; a=b", "application/json; charset=no-such",
            "application/json; charset=\"", "application/json; charset=",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; charset=UTF-8\u00e9", "application/x-www-form-urlencoded; charset=UTF-16",
            "application/x-www-form-urlencoded; charset=no-such");
    private static final List<Map.Entry<String, String>> ODD_HEADERS = List.of(Map.entry("Accept", "image/png"),
            Map.entry("Accept", "*/*;q=0"), Map.entry("Accept", "application/openmetrics-text; version=1.0.0"),
            Map.entry("Accept-Language", "tlh"), Map.entry("Authorization", "Bearer"),
            Map.entry("Authorization", "Basic Og=="), Map.entry("Content-Encoding", "gzip"),
            Map.entry("Content-Encoding", "identity"), Map.entry("Cookie", "a=\"b; c"),
            Map.entry("Forwarded", "for=\"[::1]\""), Map.entry("If-Match", "\"x\""), Map.entry("If-None-Match", "*"),
            Map.entry("If-Modified-Since", "yesterday"), Map.entry("Origin", "null"), Map.entry("Range", "bytes=0-1"),
            Map.entry("X-Forwarded-For", "; drop"), Map.entry("X-HTTP-Method-Override", "GET"),
            Map.entry("X-HTTP-Method-Override", "DELETE"), Map.entry("X-HTTP-Method-Override", "BREW"),
            Map.entry("X-Correlation-Id", "é"), Map.entry("X-Correlation-Id", "x".repeat(129)),
            Map.entry("X-Correlation-Id", "a b"), Map.entry("X-Long", "x".repeat(4000)),
            // A second one where the request has one of the usual spelling; the case of names does not matter.
            Map.entry("ACCEPT", "text/html;q=x"), Map.entry("AUTHORIZATION", "Bearer x"),
            Map.entry("CONTENT-TYPE", "application/json"), Map.entry("CONTENT-TYPE", "text/plain; charset=UTF-16"),
            Map.entry("CONTENT-ENCODING", "gzip"), Map.entry("HOST", "other"), Map.entry("DATE", "now"),
            Map.entry("COOKIE", "jobwitness=%ff; jobwitness=x"), Map.entry("Accept-Charset", "UTF-16, no-such;q=2"),
            Map.entry("Content-Encoding", "gzip, gzip"), Map.entry("Accept-Encoding", "gzip;q=x, *;q=-1"));
    private static final List<String> ODD_ENDS_OF_PATHS = List.of("/.", "/x/y", "/..%2f", "/%2e%2e", "%00", "%", "%zz",
            "%ff", ";a=b", "/;a=b", "\\x", "/../../etc/passwd", ".json", "%0d%0aX-Evil:1", "+", "%C3%A9", "é", "|",
            "/metrics/metrics", "%c0%ae%c0%ae", "%c0%80", "%ed%a0%80", "%f4%90%80%80", "%fe%ff%00a", "%ff%fea%00",
            "%u0041",
            "%252e", "%25ff", "%E2%80%AE", "%EF%BB%BF", "%7f", "%09", "%0a", "%5c", "\u00ff", "//", "/%2f");
    private static final List<Charset> OTHER_CHARSETS = List.of(StandardCharsets.UTF_16, StandardCharsets.UTF_16LE,
            StandardCharsets.UTF_16BE, StandardCharsets.UTF_32, StandardCharsets.ISO_8859_1);
    private static final List<String> ODD_QUERIES = List.of("%zz", "%ff", "%", "no_such=1", "no_such", "LIMIT=1",
            "limit[]=1", "limit=1=2", "limit=%00", "a=%C3", "limit=%F0%9F%98%80", "é=1", "limit=+1", "q=+",
            "q=%c0%af", "q=%ed%a0%80", "q=%f8%88%80%80%80", "q=%fe%ff%00a", "q=%u0041", "q=%EF%BF%BF", "%ff=%ff", "&&&",
            "=", "q=a%0d%0ab", "q=\u00ff", "limit=%31", "lim%69t=2", "limit=1;limit=2", "limit=%EF%BC%91");

    private final ApiDocument document;
    private final long seed;
    private final Instant now;
    private final List<String> operations;

    /**
     * Made with what it depends on.
     *
     * @param now what requests take for the present
     */
    RequestGenerator(ApiDocument document, long seed, Instant now) {
        this.document = document;
        this.now = now;
        this.seed = seed;
        this.operations = document.operations().stream()
                .flatMap(operation -> Collections.nCopies(weight(operation), operation).stream()).toList();
    }

    /** Those that change something matter most, but for what undoes others' work; least what is always the same. */
    private int weight(String operation) {
        if (operation.startsWith("DELETE ")) {
            return 1;
        }
        if (!operation.startsWith("GET ")) {
            return 4;
        }
        return parameters(operation).anyMatch(parameter -> !parameter.required("in").asString().equals("header"))
                ? 2
                : 1;
    }

    private Stream<JsonNode> parameters(String operation) {
        return StreamSupport.stream(document.operation(operation).path("parameters").spliterator(), false)
                .map(document::resolved);
    }

    /** The request of this number. */
    FuzzRequest request(int number) {
        // SplittableRandoms whose seeds lie close to each other or a golden ratio apart begin alike.
        RandomGenerator random = new SplittableRandom((seed * 1_000_003 + number) * 0xD1342543DE82EF95L);
        int percent = random.nextInt(100);
        Kind kind = percent < 45 ? Kind.PLAIN : percent < 65 ? Kind.EDGES : percent < 85 ? Kind.WRONG : Kind.BROKEN;
        return new Draft(kind, operations.get(random.nextInt(operations.size())), random).finished(number);
    }

    /** Text as a part of a target. */
    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** A request in the making. */
    private final class Draft {
        private final Kind kind;
        private final String operation;
        private final RandomGenerator random;
        private final SchemaValues values;
        private final Map<String, String> parameters = new LinkedHashMap<>();
        private final Map<String, String> headers = new LinkedHashMap<>();
        private final List<String> query = new ArrayList<>();
        private String method;
        private String path;
        private byte[] body = new byte[0];

        Draft(Kind kind, String operation, RandomGenerator random) {
            this.kind = kind;
            this.operation = operation;
            this.random = random;
            this.values = new SchemaValues(document, random, switch (kind) {
                case PLAIN, BROKEN -> Mood.PLAIN;
                case EDGES -> Mood.EDGES;
                case WRONG -> Mood.WRONG;
            }, now);
            this.method = operation.split(" ")[0];
            this.path = operation.split(" ")[1];
            RequestGenerator.this.parameters(operation).forEach(this::addParameter);
            addBody(document.operation(operation).path("requestBody"));
            if (method.equals("GET") && oneIn(20)) {
                method = "HEAD";
            }
            if (kind == Kind.BROKEN) {
                damage();
            }
        }

        private FuzzRequest finished(int number) {
            String target = path + (query.isEmpty() ? "" : "?" + String.join("&", query));
            return new FuzzRequest(number, kind, operation, method, target, headers, body, oneIn(10), parameters);
        }

        private void addParameter(JsonNode parameter) {
            String name = parameter.required("name").asString();
            String in = parameter.required("in").asString();
            boolean required = parameter.path("required").asBoolean(false);
            boolean wanted = required
                    ? in.equals("path") || kind != Kind.WRONG || !oneIn(20)
                    : Vocabulary.OFTEN.contains(name) ? !oneIn(4) : oneIn(5) && values.isWanted(name);
            if (!wanted) {
                return;
            }
            JsonNode value = values.value(name, parameter.required("schema"));
            if (in.equals("query") && value.isContainer()) {
                value.forEach(item -> query.add(encoded(name) + "=" + encoded(text(item))));
                return;
            }
            String text = text(value);
            switch (in) {
                case "path" -> path = path.replace("{" + name + "}", encoded(text));
                case "query" -> query.add(encoded(name) + "=" + encoded(text));
                // Line breaks would make two requests of one; blanks at the ends do not count.
                case "header" -> headers.put(name, asSent(text).replaceAll("[\\r\\n]|^[ \\t]+|[ \\t]+$", ""));
                default -> throw new IllegalArgumentException("a parameter in " + in);
            }
            parameters.put(in + " " + name, headers.getOrDefault(name, text));
        }

        /** Half a character cannot be sent: a question mark goes instead. */
        private static String asSent(String text) {
            return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        }

        private static String text(JsonNode value) {
            return value.isString() ? value.asString() : value.toString();
        }

        private void addBody(JsonNode requestBody) {
            JsonNode form = requestBody.path("content").path("application/x-www-form-urlencoded");
            if (!form.isMissingNode()) {
                headers.put("Content-Type", "application/x-www-form-urlencoded");
                headers.put("Sec-Fetch-Site", "same-origin");
                body = values.value("body", form.required("schema")).properties().stream()
                        .map(field -> encoded(field.getKey()) + "=" + encoded(text(field.getValue())))
                        .collect(Collectors.joining("&")).getBytes(StandardCharsets.US_ASCII);
                return;
            }
            JsonNode content = requestBody.path("content").path("application/json");
            if (content.isMissingNode() || (!requestBody.path("required").asBoolean(false) && oneIn(5))) {
                return;
            }
            headers.put("Content-Type", "application/json");
            JsonNode value = values.value("body", content.required("schema"));
            List<JsonNode> examples = content.path("examples").valueStream().toList();
            if (kind == Kind.PLAIN && !examples.isEmpty() && oneIn(4)) {
                value = mixed((ObjectNode) value, (ObjectNode) pick(examples).required("value"));
            }
            body = bytes((oneIn(2) ? JSON : ASCII).writeValueAsString(value));
        }

        /** An example as it stands in the document, but for some of its fields. */
        private JsonNode mixed(ObjectNode value, ObjectNode example) {
            ObjectNode mixed = example.deepCopy();
            mixed.remove(Vocabulary.SELDOM);
            mixed.propertyNames().stream().filter(name -> value.has(name) && oneIn(2)).toList()
                    .forEach(name -> mixed.set(name, value.required(name)));
            return mixed;
        }

        private void damage() {
            switch (random.nextInt(body.length > 0 ? 13 : 7)) {
                case 0 -> method = pick(METHODS);
                case 1 -> headers.put("Content-Type", pick(CONTENT_TYPES));
                case 2 -> query.add(pick(ODD_QUERIES));
                case 3 -> query.addAll(query.isEmpty() ? List.of("limit=1", "limit=2") : query);
                case 4 -> path += pick(ODD_ENDS_OF_PATHS);
                case 5 -> {
                    Map.Entry<String, String> odd = pick(ODD_HEADERS);
                    headers.put(odd.getKey(), odd.getValue());
                }
                case 6 -> body = body.length > 0 ? new byte[0] : bytes(pick(List.of("{}", "x", "\0")));
                case 7 -> body = cutOff();
                case 8 -> body = new String(body, StandardCharsets.UTF_8).getBytes(pick(OTHER_CHARSETS));
                default -> body = bytes(damaged(new String(body, StandardCharsets.UTF_8)));
            }
        }

        /** Often in the middle of a character. */
        private byte[] cutOff() {
            byte[] begun = new byte[random.nextInt(1, body.length + 1)];
            System.arraycopy(body, 0, begun, 0, begun.length);
            if (oneIn(3)) {
                begun[random.nextInt(begun.length)] = (byte) random.nextInt(256);
            }
            return begun;
        }

        private String damaged(String text) {
            String first = text.length() > 2 ? text.substring(1, text.length() - 1) : "\"a\":1";
            return switch (random.nextInt(26)) {
                case 0 -> "{" + first + "," + first + "}";
                case 1 -> "{" + first + ",\"x\":{\"a\":1,\"a\":1}}";
                case 2 -> "{" + first + ",}";
                case 3 -> text + text;
                case 4 -> text + " // that is all";
                case 5 -> text + "\0";
                case 6 -> "\ufeff" + text;
                case 7 -> text.replace('"', '\'');
                case 8 -> text.replaceAll("\"([a-z_]+)\":", "$1:");
                case 9 -> text.replaceAll(":\\d+", ":NaN");
                case 10 -> text.replaceAll(":(\\d+)", ":0$1");
                case 11 -> text.replaceAll(":(\\d+)", ":+$1");
                case 12 -> text.replaceAll(":(\\d+)", ":$1.0");
                case 13 -> text.replaceAll(":(\\d+)", ":$1e0");
                case 14 -> text.replaceAll(":\\d+", ":1" + "0".repeat(1000));
                case 15 -> text.replaceAll(":(\\d+)", ":\"$1\"");
                case 16 -> "{" + first + ",\"x\":" + "[".repeat(random.nextInt(20, 40)) + "]".repeat(40) + "}";
                case 17 -> "{" + first + ",\"x\":" + "[".repeat(50_000);
                case 18 -> "{" + first + ",\"x\":" + "{\"x\":".repeat(31) + "1" + "}".repeat(32);
                case 19 -> "[" + text + "]";
                case 20 -> pick(List.of("null", "true", "1", "\"x\"", "[]", "{}", " ", "\0", "{", "\"", "NaN", "-",
                        "1e999999999"));
                case 21 -> "{" + first + ",\"" + "k".repeat(random.nextInt(250, 300)) + "\":1}";
                case 22 -> " ".repeat(100_000) + text;
                case 23 -> text.replaceFirst(":\"", ":\"\t");
                case 24 -> text.replaceFirst(":\"", ":\"\\\\uD83D");
                default -> text.replaceFirst(":\"", ":\"\\\\u0000");
            };
        }

        private static byte[] bytes(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }

        private boolean oneIn(int count) {
            return random.nextInt(count) == 0;
        }

        private <T> T pick(List<T> all) {
            return all.get(random.nextInt(all.size()));
        }
    }
}
