package org.jobwitness.cli.service;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.wire.ErrorResponse;
import org.jobwitness.wire.InvalidFieldException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the service's JSON into records of {@code wire}: fields are in snake_case, enums are their {@code toString()}. It is as
 * strict as the service itself, since what is not a number must not become a figure. Unknown fields are ignored.
 *
 * <p>Jackson's databind would do the same, but takes 0.2 seconds at each start to inspect the records.
 */
final class RecordReader {
    private final JsonFactory factory = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    /** Names the field that cannot be read. */
    private static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1L;

        Unreadable(String message) {
            super(message);
        }
    }

    /** @throws Problem if it is not JSON of the service, in the format of this version */
    <T extends Record> T read(String json, Class<T> type) throws Problem {
        try {
            return parse(json, type);
        } catch (Unreadable e) {
            throw new Problem(Kind.UNAVAILABLE, "the response could not be read (" + e.getMessage()
                    + "): another server is at this address, or the service is newer than this command."
                    + " --json shows the response as it is");
        }
    }

    /** The service's error; null if the body is not one. */
    @Nullable
    ErrorResponse error(String json) {
        try {
            return parse(json, ErrorResponse.class);
        } catch (Unreadable e) {
            return null; // a proxy's page, perhaps
        }
    }

    private <T extends Record> T parse(String json, Class<T> type) throws Unreadable {
        try (JsonParser parser = factory.createParser(ObjectReadContext.empty(), json)) {
            parser.nextToken();
            T value = type.cast(record(parser, type));
            if (parser.nextToken() != null) {
                throw new Unreadable("more behind the end");
            }
            return value;
        } catch (JacksonException e) {
            throw new Unreadable("not JSON, " + e.getLocation().offsetDescription());
        }
    }

    private static @Nullable Object value(JsonParser parser, String field, Type type) throws Unreadable {
        if (parser.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        if (type instanceof ParameterizedType generic) {
            return generic.getRawType() == List.class
                    ? list(parser, field, generic.getActualTypeArguments()[0])
                    : map(parser, field, generic.getActualTypeArguments()[1]);
        }
        Class<?> plain = (Class<?>) type;
        return plain.isRecord() ? record(parser, plain) : scalar(parser, field, plain);
    }

    private static Object scalar(JsonParser parser, String field, Class<?> type) throws Unreadable {
        JsonToken token = parser.currentToken();
        boolean whole = token == JsonToken.VALUE_NUMBER_INT;
        if (type == Object.class) {
            parser.skipChildren();
            return "";
        } else if (type == String.class && token == JsonToken.VALUE_STRING) {
            return parser.getString();
        } else if ((type == Double.class || type == double.class) && token.isNumeric()) {
            return parser.getDoubleValue();
        } else if ((type == Long.class || type == long.class) && whole) {
            return parser.getLongValue();
        } else if ((type == Integer.class || type == int.class) && whole) {
            return parser.getIntValue();
        } else if ((type == Boolean.class || type == boolean.class) && token.isBoolean()) {
            return parser.getBooleanValue();
        } else if (type == Instant.class && token == JsonToken.VALUE_STRING) {
            return time(parser, field, Instant::parse);
        } else if (type == LocalDate.class && token == JsonToken.VALUE_STRING) {
            return time(parser, field, LocalDate::parse);
        } else if (type.isEnum() && token == JsonToken.VALUE_STRING) {
            String word = parser.getString();
            return Arrays.stream(type.getEnumConstants()).filter(one -> one.toString().equals(word)).findFirst()
                    .orElseThrow(() -> new Unreadable(field + " is \"" + word + "\""));
        }
        throw new Unreadable(field + " is no " + type.getSimpleName());
    }

    private static <T> T time(JsonParser parser, String field, Function<String, T> parse) throws Unreadable {
        try {
            return parse.apply(parser.getString());
        } catch (DateTimeException e) {
            throw new Unreadable(field + " is no time");
        }
    }

    private static List<@Nullable Object> list(JsonParser parser, String field, Type type) throws Unreadable {
        expect(parser, JsonToken.START_ARRAY, field);
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            list.add(value(parser, field, type));
        }
        return list;
    }

    private static Map<String, @Nullable Object> map(JsonParser parser, String field, Type type) throws Unreadable {
        expect(parser, JsonToken.START_OBJECT, field);
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            parser.nextToken();
            map.put(key, value(parser, field + "." + key, type));
        }
        return map;
    }

    private static Object record(JsonParser parser, Class<?> type) throws Unreadable {
        String name = type.getSimpleName();
        expect(parser, JsonToken.START_OBJECT, name);
        RecordComponent[] components = type.getRecordComponents();
        Map<String, Integer> places = new HashMap<>();
        for (int i = 0; i < components.length; i++) {
            places.put(snake(components[i].getName()), i);
        }
        @Nullable
        Object[] values = new Object[components.length];
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            Integer place = places.get(field);
            parser.nextToken();
            if (place == null) {
                parser.skipChildren();
            } else {
                values[place] = value(parser, name + "." + field, components[place].getGenericType());
            }
        }
        for (int i = 0; i < components.length; i++) {
            if (values[i] == null && components[i].getType().isPrimitive()) {
                throw new Unreadable(name + "." + snake(components[i].getName()) + " is missing");
            }
        }
        return create(type, components, values);
    }

    private static Object create(Class<?> type, RecordComponent[] components, @Nullable Object[] values)
            throws Unreadable {
        try {
            return type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
                    .newInstance(values);
        } catch (InvocationTargetException e) {
            String why = e.getCause() instanceof InvalidFieldException invalid ? ": " + invalid.getMessage() : "";
            throw new Unreadable(type.getSimpleName() + " is invalid" + why);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void expect(JsonParser parser, JsonToken token, String what) throws Unreadable {
        if (parser.currentToken() != token) {
            throw new Unreadable(what + " is missing");
        }
    }

    /** {@code startTime} is {@code start_time}. */
    private static String snake(String name) {
        StringBuilder snake = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (Character.isUpperCase(c)) {
                snake.append('_');
            }
            snake.append(Character.toLowerCase(c));
        }
        return snake.toString();
    }
}
