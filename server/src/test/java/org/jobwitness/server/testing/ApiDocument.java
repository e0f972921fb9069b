package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The API document as a judge: whether an answer is one that it promises. */
public final class ApiDocument {
    /** What may come instead of any documented answer, because no route was reached. */
    private static final Map<Integer, String> BEFORE_ANY_ROUTE = Map.of(403, "Forbidden", 404, "NotFound", 405,
            "MethodNotAllowed", 414,
            "Unreadable", 417, "Unreadable", 426, "Unreadable", 431, "Unreadable", 505, "Unreadable");
    private static final Pattern INTERNALS = Pattern
            .compile(
                    "\\b(java|javax|jakarta|kotlin|tools\\.jackson|org\\.[a-z]+)\\.[a-zA-Z]|Exception|\\bat [a-z.]+\\(");
    private static final ApiDocument INSTANCE = new ApiDocument();

    private final JsonNode root;
    private final SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12,
            builder -> builder.schemaRegistryConfig(
                    SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build()));
    private final Map<JsonNode, Schema> schemas = new ConcurrentHashMap<>();
    private final Set<String> given = ConcurrentHashMap.newKeySet();

    private ApiDocument() {
        try (InputStream in = ApiDocument.class.getResourceAsStream("/web/openapi.yaml")) {
            root = new YAMLMapper().readTree(Objects.requireNonNull(in, "/web/openapi.yaml"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static ApiDocument load() {
        return INSTANCE;
    }

    public JsonNode root() {
        return root;
    }

    /** A schema of the document's components. */
    public JsonNode schema(String name) {
        return root.required("components").required("schemas").required(name);
    }

    /** All operations, as {@code GET /v1/jobs/{id}}. */
    public List<String> operations() {
        return root.required("paths").properties().stream()
                .flatMap(path -> path.getValue().properties().stream()
                        .map(method -> method.getKey().toUpperCase(Locale.ROOT) + " " + path.getKey()))
                .toList();
    }

    /** All answers, as {@code GET /v1/jobs/{id} 200}. */
    public List<String> answers() {
        return operations().stream().flatMap(operation -> operation(operation).required("responses").properties()
                .stream().map(answer -> operation + " " + answer.getKey())).toList();
    }

    /** Notes that a server really gave this answer. */
    void note(Exchange exchange) {
        operationOf(exchange).ifPresent(operation -> given.add(operation + " " + exchange.status()));
    }

    /** The answers that servers of this test process have given so far. */
    public Set<String> answersGiven() {
        return Set.copyOf(given);
    }

    public JsonNode operation(String methodAndPath) {
        String[] parts = methodAndPath.split(" ");
        return root.required("paths").required(parts[1]).required(parts[0].toLowerCase(Locale.ROOT));
    }

    /** What an event of a stream holds. */
    JsonNode eventOf(String methodAndPath, String event) {
        return operation(methodAndPath).required("responses").required("200").required("content")
                .required("text/event-stream").required("x-events").required(event);
    }

    /** Fails unless the document promises this answer. */
    public void check(Exchange exchange) {
        Optional<String> operation = operationOf(exchange);
        JsonNode answer = operation
                .map(o -> operation(o).required("responses").path(Integer.toString(exchange.status())))
                .filter(found -> !found.isMissingNode())
                .or(() -> beforeAnyRoute(exchange.status(), operation.isPresent()))
                .orElseThrow(() -> new AssertionError("the API document has no such answer: " + exchange));
        checkAnswer(exchange, resolved(answer));
        if (exchange.status() < 300 && operation.isPresent()) {
            checkRequest(exchange, operation(operation.get()));
        }
    }

    private Optional<String> operationOf(Exchange exchange) {
        String method = exchange.method().equals("HEAD") ? "GET" : exchange.method();
        return operations().stream().filter(operation -> operation.startsWith(method + " "))
                .filter(operation -> matches(operation.substring(method.length() + 1), exchange.path())).findFirst();
    }

    private Optional<JsonNode> beforeAnyRoute(int status, boolean hasRoute) {
        String name = status == 400 && !hasRoute ? "Unreadable" : BEFORE_ANY_ROUTE.get(status);
        boolean possible = name != null && !(hasRoute && (status == 404 || status == 405));
        return possible
                ? Optional.of(root.required("components").required("responses").required(name))
                : Optional.empty();
    }

    private static boolean matches(String template, String path) {
        return path.matches(Arrays.stream(template.split("/", -1))
                .map(part -> part.startsWith("{") ? "[^/]+" : Pattern.quote(part)).collect(Collectors.joining("/")));
    }

    private void checkAnswer(Exchange exchange, JsonNode answer) {
        answer.path("headers").properties().forEach(header -> {
            JsonNode described = resolved(header.getValue());
            String value = exchange.header(header.getKey()).orElseThrow(
                    () -> new AssertionError("the header " + header.getKey() + " is missing: " + exchange));
            JsonNode typed = described.required("schema").path("type").asString("").equals("integer")
                    ? JsonNodeFactory.instance.numberNode(Long.parseLong(value))
                    : JsonNodeFactory.instance.stringNode(value);
            check(exchange + ", header " + header.getKey(), described.required("schema"), typed);
        });
        if (exchange.status() >= 400) {
            assertThat(exchange.body()).as("an error that tells of the server's insides: %s", exchange)
                    .doesNotContainPattern(INTERNALS);
        }
        JsonNode content = answer.path("content");
        if (exchange.method().equals("HEAD") || content.isMissingNode()) {
            assertThat(exchange.bytes()).as("body of %s", exchange).isEmpty();
            return;
        }
        String type = exchange.header("Content-Type").orElse("none").split(";")[0].strip();
        assertThat(content.propertyNames()).as("content types of %s", exchange).contains(type);
        if (type.equals("application/json")) {
            check(exchange.toString(), content.required(type).required("schema"), exchange.json());
        } else {
            assertThat(exchange.bytes()).as("body of %s", exchange).isNotEmpty();
        }
    }

    /** What the server takes must be what the document says that it takes. */
    private void checkRequest(Exchange exchange, JsonNode operation) {
        Set<String> parameters = StreamSupport.stream(operation.path("parameters").spliterator(), false)
                .map(this::resolved).filter(p -> p.required("in").asString().equals("query"))
                .map(p -> p.required("name").asString()).collect(Collectors.toSet());
        String[] parts = exchange.target().split("\\?", 2);
        if (parts.length == 2 && !parts[1].isEmpty()) {
            assertThat(parts[1].split("&")).as("query of %s", exchange)
                    .allSatisfy(pair -> assertThat(
                            URLDecoder.decode(pair.split("=")[0], StandardCharsets.UTF_8)).isIn(parameters));
        }
        JsonNode body = operation.path("requestBody").path("content").path("application/json").path("schema");
        if (!body.isMissingNode()) {
            JsonNode sent = withoutNulls(Exchange.JSON.readTree(exchange.sent()), body);
            boolean leavesOut = operation.path("requestBody").path("x-leaves-out").asBoolean(false);
            boolean hasLeftOut = leavesOut && exchange.json().path("message").asString("").contains("left out: ");
            if (!hasLeftOut) {
                check("the request of " + exchange, body, leavesOut ? withoutBlanks(sent) : sent);
            }
        }
    }

    /** As the document says: in a request, a field that is null counts as left out, except in an object of free fields. */
    private JsonNode withoutNulls(JsonNode value, JsonNode schema) {
        JsonNode whole = resolved(schema);
        if (!value.isObject() || !whole.has("properties")) {
            return value;
        }
        ObjectNode without = JsonNodeFactory.instance.objectNode();
        value.properties().stream().filter(field -> !field.getValue().isNull())
                .forEach(field -> without.set(field.getKey(), withoutNulls(field.getValue(),
                        whole.required("properties").path(field.getKey()))));
        return without;
    }

    /** Where blank texts are unknown. */
    private static JsonNode withoutBlanks(JsonNode value) {
        if (value.isArray()) {
            ArrayNode without = JsonNodeFactory.instance.arrayNode();
            value.valueStream().filter(entry -> !isBlank(entry)).map(ApiDocument::withoutBlanks).forEach(without::add);
            return without;
        }
        if (!value.isObject()) {
            return value;
        }
        ObjectNode without = JsonNodeFactory.instance.objectNode();
        value.properties().stream().filter(field -> !isBlank(field.getValue()))
                .forEach(field -> without.set(field.getKey(), withoutBlanks(field.getValue())));
        return without;
    }

    private static boolean isBlank(JsonNode value) {
        return value.isString() && value.asString().isBlank();
    }

    /** Fails unless the value is what the schema says. */
    public void check(String what, JsonNode schema, JsonNode value) {
        List<Error> errors = schemas.computeIfAbsent(schema, this::compiled).validate(value);
        assertThat(errors).as("%s, held against the API document", what).isEmpty();
    }

    private Schema compiled(JsonNode schema) {
        ObjectNode whole = JsonNodeFactory.instance.objectNode();
        whole.set("components", root.required("components"));
        whole.putArray("allOf").add(schema);
        return registry.getSchema(whole.toString(), InputFormat.JSON);
    }

    /** What a {@code $ref} points to. */
    public JsonNode resolved(JsonNode node) {
        JsonNode reference = node.path("$ref");
        return reference.isMissingNode() ? node : root.requiredAt(reference.asString().substring(1));
    }
}
