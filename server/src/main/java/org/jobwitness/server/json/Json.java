package org.jobwitness.server.json;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jobwitness.wire.InvalidFieldException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.BeanDescription;
import tools.jackson.databind.DeserializationConfig;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.deser.ValueDeserializerModifier;
import tools.jackson.databind.deser.std.StdScalarDeserializer;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.node.ObjectNode;

/**
 * The JSON of the API: snake_case, absent instead of null, RFC 3339 times. Reading is strict, because a number that
 * is missing, quoted, rounded or cut off must never become a figure: wrong types, fractions for whole numbers, overflow,
 * duplicate keys, trailing text and deep nesting are errors that name their field; where a {@link Leniency} allows it, that field
 * is left out and named instead. Unknown fields are ignored, so that a newer
 * client can talk to an older server.
 */
public final class Json {
    private static final int MAX_DEPTH = 32;
    private static final StreamReadConstraints STORED = StreamReadConstraints.builder()
            .maxNameLength(Integer.MAX_VALUE).maxStringLength(Integer.MAX_VALUE).build();

    /** For what clients send. */
    private final JsonMapper mapper = mapper(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH)
            .maxNumberLength(64).maxStringLength(1 << 20).maxNameLength(256).build());
    /**
     * For what this class wrote, which may be larger than what is accepted from clients: PostgreSQL's jsonb writes a number
     * without exponent, 1e-300 with 301 digits.
     */
    private final JsonMapper stored = mapper(STORED);
    private final JsonMapper own = JsonMapper.builder(JsonFactory.builder().streamReadConstraints(STORED).build())
            .build();
    private final JavaType fields = own.getTypeFactory().constructMapType(Map.class, String.class, Object.class);

    private static JsonMapper mapper(StreamReadConstraints constraints) {
        return JsonMapper
                .builder(JsonFactory.builder().streamReadConstraints(constraints)
                        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .changeDefaultPropertyInclusion(_ -> JsonInclude.Value.construct(JsonInclude.Include.NON_NULL,
                        JsonInclude.Include.NON_NULL))
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS, MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
                        DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT, DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .enable(EnumFeature.WRITE_ENUMS_USING_TO_STRING)
                .disable(DateTimeFeature.WRITE_DATES_AS_TIMESTAMPS)
                .withCoercionConfigDefaults(any -> any.setCoercion(CoercionInputShape.EmptyString, CoercionAction.Fail))
                .addModule(new SimpleModule().addDeserializer(Instant.class, new Rfc3339())
                        .addDeserializer(String.class, new Text()).setDeserializerModifier(new StrictEnums()))
                .build();
    }

    /**
     * Reads one JSON object.
     *
     * @throws InvalidJsonException that names the field, or the place of the syntax error
     */
    public <T> T read(byte[] json, Class<T> type) {
        try {
            T value = mapper.readValue(utf8(json), type);
            if (value == null) {
                throw InvalidJsonException.of("the body must be a JSON object, was null");
            }
            return value;
        } catch (JacksonException e) {
            throw explain(e);
        }
    }

    /**
     * Reads one JSON object; what cannot be taken of it is left out, as far as the leniency allows. What is not JSON, has a
     * key twice, or is no object, is an error here, too.
     *
     * @throws InvalidJsonException that names the field, or the place of the syntax error
     */
    public <T> Accepted<T> read(byte[] json, Leniency<T> leniency) {
        try {
            return new Accepted<>(read(json, leniency.type()), List.of(), List.of());
        } catch (InvalidJsonException e) {
            if (e.field().isPresent() && tree(json) instanceof ObjectNode message) {
                return new LenientReader(this).read(message, leniency);
            }
            throw e;
        }
    }

    private JsonNode tree(byte[] json) {
        try {
            return mapper.readTree(utf8(json));
        } catch (JacksonException e) {
            throw explain(e);
        }
    }

    <T> T read(ObjectNode object, Class<T> type) {
        try {
            return mapper.treeToValue(object, type);
        } catch (JacksonException e) {
            throw explain(e);
        }
    }

    /** Jackson also accepts UTF-16, and an overlong UTF-8 encoding of a slash. */
    private static String utf8(byte[] json) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
        } catch (CharacterCodingException e) {
            throw InvalidJsonException.of("the body is not UTF-8");
        }
    }

    /** Reads what {@link #text} wrote. */
    public Map<String, Object> map(String json) {
        return own.readValue(json, fields);
    }

    /** Reads what {@link #textWithNulls} wrote. */
    public Map<String, @Nullable Object> mapWithNulls(String json) {
        return own.readValue(json, fields);
    }

    /** Reads an object that {@link #text} wrote. */
    public <T> T object(String json, Class<T> type) {
        return stored.readValue(json, type);
    }

    /** Reads a list of objects that {@link #text} wrote. */
    public <T> List<T> list(String json, Class<T> type) {
        return stored.readValue(json, stored.getTypeFactory().constructCollectionType(List.class, type));
    }

    /** The fields of an object, as they would be in JSON. */
    public Map<String, Object> fields(Object value) {
        return map(text(value));
    }

    /** The object with the given fields: the reverse of {@link #fields}. */
    public <T> T object(Map<String, Object> fields, Class<T> type) {
        return stored.readValue(text(fields), type);
    }

    public String text(Object value) {
        return mapper.writeValueAsString(value);
    }

    /** For our own storage, where null is not the same as absent. */
    public String textWithNulls(Map<String, @Nullable Object> values) {
        return own.writeValueAsString(values);
    }

    private static InvalidJsonException explain(JacksonException e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof InvalidFieldException invalid) {
                // Most objects inside others do not know their place.
                String path = path(e);
                String place = path.isEmpty() || invalid.field().startsWith(path + ".") ? "" : path + ".";
                return InvalidJsonException.ofField(place + invalid.field(), place + invalid.getMessage());
            }
        }
        String field = path(e);
        if (e instanceof InputCoercionException tooLarge && !field.isEmpty()) {
            return InvalidJsonException.ofField(field, field + " must be " + describe(tooLarge.getTargetType()));
        }
        if (e instanceof StreamReadException || e instanceof StreamConstraintsException) {
            return InvalidJsonException.of("the body is not JSON as it is taken here: " + problem(e) + place(e));
        }
        if (field.isEmpty()) {
            return InvalidJsonException.of("the body must be one JSON object and nothing after it" + place(e));
        }
        if (e instanceof MismatchedInputException mismatch && mismatch.getTargetType() != null) {
            String was = e instanceof InvalidFormatException format && format.getValue() instanceof String text
                    ? ", was \"" + Printable.shown(text) + "\""
                    : "";
            return InvalidJsonException.ofField(field, field + " must be " + describe(mismatch.getTargetType()) + was);
        }
        return InvalidJsonException.ofField(field, field + " cannot be read" + place(e));
    }

    /** The path into the body, such as {@code jobs[0].cpus}; empty for the body itself. */
    private static String path(JacksonException e) {
        return e.getPath().stream()
                .map(step -> step.getPropertyName() != null ? step.getPropertyName() : "[" + step.getIndex() + "]")
                .collect(Collectors.joining(".")).replace(".[", "[");
    }

    private static String describe(Class<?> type) {
        if (type.isEnum()) {
            return "one of "
                    + Arrays.stream(type.getEnumConstants()).map(String::valueOf).collect(Collectors.joining(", "));
        }
        return switch (type.getSimpleName()) {
            case "Integer", "int" -> "a whole number that fits 32 bits, not a string, a fraction or null";
            case "Long", "long" -> "a whole number that fits 64 bits, not a string, a fraction or null";
            case "Double", "double" -> "a number";
            case "String" -> "a string";
            case "Instant" -> "an RFC 3339 time such as 2026-11-22T21:34:10Z";
            case "List", "ArrayList" -> "an array";
            default -> "an object";
        };
    }

    private static String place(JacksonException e) {
        var place = e.getLocation();
        return place == null ? "" : " (line " + place.getLineNr() + ", column " + place.getColumnNr() + ")";
    }

    /** Jackson's message without its advice, which is for programmers. */
    private static String problem(JacksonException e) {
        String message = e.getOriginalMessage() == null ? "" : e.getOriginalMessage();
        return Printable.shown(message.split(": |, from|\\R", 2)[0]);
    }

    /** Jackson reports no path where a list of strings holds another list. */
    private static final class Text extends StdScalarDeserializer<String> {
        private static final long serialVersionUID = 1L;

        Text() {
            super(String.class);
        }

        @Override
        public String deserialize(JsonParser parser, DeserializationContext context) {
            if (parser.hasToken(JsonToken.VALUE_STRING)) {
                return parser.getString();
            }
            throw MismatchedInputException.from(parser, String.class, "not a string");
        }
    }

    /** Jackson strips blanks and control characters, even NUL, from an enum's name. */
    private static final class StrictEnums extends ValueDeserializerModifier {
        private static final long serialVersionUID = 1L;

        @Override
        public ValueDeserializer<?> modifyEnumDeserializer(DeserializationConfig config, JavaType type,
                BeanDescription.Supplier description, ValueDeserializer<?> deserializer) {
            return new StrictEnum(type.getRawClass());
        }
    }

    private static final class StrictEnum extends StdScalarDeserializer<Object> {
        private static final long serialVersionUID = 1L;

        StrictEnum(Class<?> type) {
            super(type);
        }

        @Override
        public Object deserialize(JsonParser parser, DeserializationContext context) {
            if (!parser.hasToken(JsonToken.VALUE_STRING)) {
                return context.handleUnexpectedToken(handledType(), parser);
            }
            String name = parser.getString();
            for (Object constant : handledType().getEnumConstants()) {
                if (constant.toString().equals(name)) {
                    return constant;
                }
            }
            return context.handleWeirdStringValue(handledType(), name, "not one of its constants");
        }
    }

    /** Jackson also accepts seconds since 1970 in quotes, and a time without an offset as UTC. */
    private static final class Rfc3339 extends StdScalarDeserializer<Instant> {
        private static final long serialVersionUID = 1L;

        Rfc3339() {
            super(Instant.class);
        }

        @Override
        public Instant deserialize(JsonParser parser, DeserializationContext context) {
            if (parser.hasToken(JsonToken.VALUE_STRING)) {
                try {
                    return Timestamps.parse(parser.getString());
                } catch (DateTimeException e) {
                    throw InvalidFormatException.from(parser, "not an RFC 3339 time", parser.getString(),
                            Instant.class);
                }
            }
            throw MismatchedInputException.from(parser, Instant.class, "not an RFC 3339 time");
        }
    }
}
