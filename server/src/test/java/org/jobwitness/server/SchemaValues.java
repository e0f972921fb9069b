package org.jobwitness.server;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.PatternText.Repetitions;
import org.jobwitness.server.testing.ApiDocument;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Makes values for the schemas of the API document: such as they ask for, such as lie at their edges, and wrong ones.
 */
final class SchemaValues {
    /** How the values are meant. */
    enum Mood {
        /** As an honest client would send them. */
        PLAIN,
        /** Right by the schema, but at its edges: the longest, the least, the odd corners of Unicode. */
        EDGES,
        /** One value in some is wrong: its type, its bounds, its form; or it is missing, or one too many. */
        WRONG
    }

    private static final int WRONG_ONE_IN = 6;
    private static final int DEEP = 40;
    /** A schema may allow lists of which each would take a second; that bounds are kept is another test's business. */
    private static final int LONGEST_LIST_OF_OBJECTS = 10;
    private static final int LONGEST_LIST = 1100;
    private static final int LONGEST_TEXT = 5000;

    private final ApiDocument document;
    private final RandomGenerator random;
    private final Mood mood;
    private final Instant now;
    private final JsonNodeFactory json = JsonNodeFactory.instance;

    SchemaValues(ApiDocument document, RandomGenerator random, Mood mood, Instant now) {
        this.now = now;
        this.document = document;
        this.random = random;
        this.mood = mood;
    }

    /**
     * A value.
     *
     * @param name of the property or parameter that it is for
     */
    JsonNode value(String name, JsonNode schema) {
        JsonNode whole = flattened(schema);
        if (mood == Mood.WRONG && oneIn(WRONG_ONE_IN)) {
            return wrong(name, whole);
        }
        if (whole.has("const")) {
            return whole.required("const");
        }
        if (whole.has("enum")) {
            return pick(whole.required("enum").valueStream().toList());
        }
        for (String either : List.of("oneOf", "anyOf")) {
            if (whole.has(either)) {
                return value(name, pick(whole.required(either).valueStream().toList()));
            }
        }
        return switch (type(whole)) {
            case "string" -> json.stringNode(string(name, whole));
            case "integer" -> json.numberNode(integer(whole));
            case "number" -> json.numberNode(number(whole));
            case "boolean" -> json.booleanNode(random.nextBoolean());
            case "null" -> json.nullNode();
            case "array" -> array(name, whole);
            case "object" -> object(whole);
            default -> anything(2);
        };
    }

    /** The schema with what it refers to in it. */
    private JsonNode flattened(JsonNode schema) {
        if (!schema.has("$ref") && !schema.has("allOf")) {
            return schema;
        }
        ObjectNode flat = json.objectNode();
        if (schema.has("$ref")) {
            add(flat, flattened(document.resolved(schema)));
        }
        schema.path("allOf").forEach(part -> add(flat, flattened(part)));
        add(flat, schema);
        flat.remove(List.of("$ref", "allOf"));
        return flat;
    }

    private static void add(ObjectNode flat, JsonNode part) {
        part.properties().forEach(rule -> {
            JsonNode known = flat.path(rule.getKey());
            switch (rule.getKey()) {
                case "properties" -> flat.withObjectProperty("properties").setAll((ObjectNode) rule.getValue());
                case "required" -> flat.withArrayProperty("required").addAll((ArrayNode) rule.getValue());
                default -> {
                    if (known.isMissingNode() || !known.equals(rule.getValue())) {
                        flat.set(rule.getKey(), rule.getValue());
                    }
                }
            }
        });
    }

    private String type(JsonNode schema) {
        JsonNode type = schema.path("type");
        if (type.isArray()) {
            return pick(type.valueStream().toList()).asString();
        }
        return type.asString(schema.has("properties") ? "object" : "anything");
    }

    private String string(String name, JsonNode schema) {
        if (schema.path("format").asString("").equals("date-time")) {
            return time(name);
        }
        int least = schema.path("minLength").asInt(0);
        int most = Math.min(schema.path("maxLength").asInt(LONGEST_TEXT), LONGEST_TEXT);
        List<String> words = Vocabulary.WORDS.getOrDefault(name, List.of()).stream().filter(word -> isIn(schema, word))
                .toList();
        if (!words.isEmpty() && !oneIn(mood == Mood.PLAIN ? 12 : 4)) {
            return pick(words);
        }
        if (schema.has("pattern")) {
            return PatternText.of(schema.required("pattern").asString()).text(random,
                    mood == Mood.PLAIN ? Repetitions.FEW : pick(List.of(Repetitions.values())));
        }
        if (mood == Mood.PLAIN) {
            return word(Math.clamp(random.nextInt(1, 12), least, most));
        }
        List<String> odd = oddTexts(name).stream().filter(text -> isIn(schema, text)).toList();
        return oneIn(4) || odd.isEmpty() ? word(oneIn(2) ? least : most) : pick(odd);
    }

    private List<String> oddTexts(String name) {
        return oneIn(2) ? Vocabulary.ODD_WORDS.getOrDefault(name, Vocabulary.ODD_TEXTS) : Vocabulary.ODD_TEXTS;
    }

    private static boolean isIn(JsonNode schema, String text) {
        int length = text.codePointCount(0, text.length());
        return length >= schema.path("minLength").asInt(0)
                && length <= schema.path("maxLength").asInt(Integer.MAX_VALUE)
                && (!schema.has("pattern") || text.matches(schema.required("pattern").asString()));
    }

    private String word(int length) {
        return IntStream.range(0, length).mapToObj(_ -> Character.toString('a' + random.nextInt(26)))
                .collect(Collectors.joining());
    }

    private String time(String name) {
        if (Vocabulary.RECENT.contains(name) && !oneIn(4)) {
            return now.minus(pick(Vocabulary.AGES)).toString();
        }
        return mood == Mood.EDGES && oneIn(3)
                ? pick(Vocabulary.EDGE_TIMES)
                : oneIn(20) ? someTime() : pick(Vocabulary.TIMES);
    }

    private String someTime() {
        Instant time = Instant.ofEpochSecond(random.nextLong(Instant.parse("2199-01-01T00:00:00Z").getEpochSecond()));
        return OffsetDateTime.ofInstant(time, ZoneOffset.ofHours(random.nextInt(-12, 15))).withNano(1000)
                .toString();
    }

    private BigInteger integer(JsonNode schema) {
        boolean isShort = schema.path("format").asString("").equals("int32");
        BigInteger least = bound(schema, "minimum", isShort ? Integer.MIN_VALUE : Long.MIN_VALUE);
        BigInteger most = bound(schema, "maximum", isShort ? Integer.MAX_VALUE : Long.MAX_VALUE);
        if (mood != Mood.PLAIN && oneIn(2)) {
            BigInteger one = oneIn(2) ? BigInteger.ONE : BigInteger.ZERO;
            return (oneIn(2) ? least.add(one) : most.subtract(one)).max(least).min(most);
        }
        BigInteger from = least.max(BigInteger.ZERO).min(most);
        long room = most.subtract(from).min(BigInteger.valueOf(oneIn(5) ? 100_000 : 200)).longValue();
        return from.add(BigInteger.valueOf(random.nextLong(room + 1)));
    }

    private static BigInteger bound(JsonNode schema, String name, long otherwise) {
        return schema.has(name) ? schema.required(name).bigIntegerValue() : BigInteger.valueOf(otherwise);
    }

    private BigDecimal number(JsonNode schema) {
        BigDecimal least = schema.has("minimum") ? schema.required("minimum").decimalValue() : new BigDecimal(-1000);
        BigDecimal most = schema.has("maximum") ? schema.required("maximum").decimalValue() : new BigDecimal(1_000_000);
        List<BigDecimal> edges = Stream.of(least, most, least.add(new BigDecimal("1e-9")),
                most.subtract(new BigDecimal("0.1")), BigDecimal.ZERO, new BigDecimal("0.30000000000000004"),
                new BigDecimal("1e-300")).filter(n -> n.compareTo(least) >= 0 && n.compareTo(most) <= 0).toList();
        if (mood != Mood.PLAIN && oneIn(2)) {
            return pick(edges);
        }
        BigDecimal share = new BigDecimal(random.nextInt(1001)).movePointLeft(3);
        return least.add(most.subtract(least).multiply(share));
    }

    private ArrayNode array(String name, JsonNode schema) {
        int least = schema.path("minItems").asInt(0);
        boolean ofObjects = flattened(schema.path("items")).path("type").asString("").equals("object");
        int longest = ofObjects ? LONGEST_LIST_OF_OBJECTS : LONGEST_LIST;
        int most = Math.min(schema.path("maxItems").asInt(longest), longest);
        boolean isEdge = mood == Mood.EDGES && oneIn(10);
        int size = isEdge && oneIn(2) ? most : Math.clamp(random.nextInt(isEdge ? 1 : 4), least, most);
        ArrayNode array = json.arrayNode();
        for (int i = 0; i < size; i++) {
            array.add(size > LONGEST_LIST_OF_OBJECTS
                    ? json.stringNode("n" + i % 100)
                    : value(name, schema.path("items")));
        }
        return array;
    }

    private ObjectNode object(JsonNode schema) {
        ObjectNode object = json.objectNode();
        List<String> required = schema.path("required").valueStream().map(JsonNode::asString).toList();
        List<Map.Entry<String, JsonNode>> properties = schema.path("properties").properties().stream()
                .filter(property -> mood == Mood.WRONG || !property.getValue().path("readOnly").asBoolean(false))
                .toList();
        properties.forEach(property -> {
            boolean wanted = required.contains(property.getKey())
                    ? mood != Mood.WRONG || !oneIn(40)
                    : oneIn(3) && isWanted(property.getKey());
            if (wanted) {
                object.set(property.getKey(), value(property.getKey(), property.getValue()));
            }
        });
        while (mood != Mood.WRONG && object.size() < schema.path("minProperties").asInt(0)) {
            Map.Entry<String, JsonNode> property = pick(properties);
            object.set(property.getKey(), value(property.getKey(), property.getValue()));
        }
        JsonNode more = schema.path("additionalProperties");
        boolean isFree = more.isObject() || more.asBoolean(!schema.has("properties"));
        boolean addsUnknown = mood == Mood.WRONG && oneIn(10);
        if (isFree || addsUnknown) {
            for (int i = random.nextInt(addsUnknown ? 1 : 0, 4); i > 0; i--) {
                String name = mood != Mood.PLAIN && oneIn(5) ? pick(Vocabulary.ODD_TEXTS) : pick(Vocabulary.NAMES);
                String form = schema.path("propertyNames").path("pattern").asString("");
                if (!object.has(name) && !schema.path("properties").has(name) && (mood == Mood.WRONG
                        || (isText(name) && name.matches(form.isEmpty() ? "(?s).*" : form)))) {
                    object.set(name, more.isObject() && !addsUnknown ? value(name, more) : anything(2));
                }
            }
        }
        return object;
    }

    /** Whether it is no half of a surrogate pair: JSON can write that down, but not everybody reads it as a name. */
    private static boolean isText(String name) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(name);
    }

    /** Whether this property or parameter, which may be left out, is worth while. */
    boolean isWanted(String name) {
        return mood != Mood.PLAIN || !Vocabulary.SELDOM.contains(name) || oneIn(10);
    }

    /** Any JSON at all. */
    private JsonNode anything(int depth) {
        return switch (random.nextInt(depth > 0 ? 7 : 5)) {
            case 0 -> json.stringNode(mood == Mood.PLAIN ? word(5) : pick(Vocabulary.ODD_TEXTS));
            case 1 -> json.numberNode(mood == Mood.PLAIN ? new BigDecimal(random.nextInt()) : anyNumber());
            case 2 -> json.booleanNode(random.nextBoolean());
            case 3 -> json.nullNode();
            case 4 -> json.stringNode(pick(Vocabulary.TIMES));
            case 5 -> {
                ArrayNode array = json.arrayNode();
                IntStream.range(0, random.nextInt(3)).forEach(_ -> array.add(anything(depth - 1)));
                yield array;
            }
            default -> {
                ObjectNode object = json.objectNode();
                IntStream.range(0, random.nextInt(3))
                        .forEach(_ -> object.set(pick(Vocabulary.NAMES), anything(depth - 1)));
                yield object;
            }
        };
    }

    private BigDecimal anyNumber() {
        return new BigDecimal(pick(Vocabulary.NUMBERS));
    }

    private JsonNode wrong(String name, JsonNode schema) {
        return oneIn(2) ? anything(1) : switch (type(schema)) {
            case "string" -> json.stringNode(schema.path("format").asString("").equals("date-time")
                    ? pick(Vocabulary.WRONG_TIMES)
                    : this.<Supplier<String>>pick(List.of(() -> pick(oddTexts(name)),
                            () -> word(Math.min(schema.path("maxLength").asInt(64), LONGEST_TEXT) + 1))).get());
            case "integer" -> oneIn(2)
                    ? json.numberNode(anyNumber())
                    : json.numberNode(oneIn(2)
                            ? bound(schema, "minimum", Long.MIN_VALUE).subtract(BigInteger.ONE)
                            : bound(schema, "maximum", Long.MAX_VALUE).add(BigInteger.ONE));
            case "number" -> json.numberNode(anyNumber());
            case "array" -> {
                ArrayNode array = json.arrayNode();
                IntStream.range(0, oneIn(10) ? LONGEST_LIST : random.nextInt(4)).forEach(_ -> array.add(anything(0)));
                yield array;
            }
            default -> deep();
        };
    }

    private JsonNode deep() {
        JsonNode node = json.numberNode(1);
        for (int i = 0; i < DEEP; i++) {
            node = i % 2 == 0 ? json.arrayNode().add(node) : json.objectNode().set("a", node);
        }
        return node;
    }

    private boolean oneIn(int count) {
        return random.nextInt(count) == 0;
    }

    private <T> T pick(List<T> all) {
        return all.get(random.nextInt(all.size()));
    }
}
