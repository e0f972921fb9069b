package org.jobwitness.agent.json;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * A JSON value (RFC 8259), parsed strictly: text that is cut off, has trailing content, repeats a field or is nested too deeply
 * is malformed.
 */
public sealed interface JsonValue {
    record ObjectValue(Map<String, JsonValue> fields) implements JsonValue {
    }

    record ArrayValue(List<JsonValue> elements) implements JsonValue {
    }

    record StringValue(String text) implements JsonValue {
    }

    record NumberValue(double number) implements JsonValue {
    }

    /** true, false and null. */
    record Literal(String word) implements JsonValue {
    }

    /** The text is malformed: how and where. */
    final class MalformedJsonException extends Exception {
        private static final long serialVersionUID = 1L;

        private MalformedJsonException(String what, int at) {
            super(what + " at " + at);
        }
    }

    static JsonValue parse(String text) throws MalformedJsonException {
        Parser parser = new Parser(text);
        JsonValue value = parser.value(0);
        parser.skipBlanks();
        if (parser.at < text.length()) {
            throw new MalformedJsonException("more than one value", parser.at);
        }
        return value;
    }

    /** The value of a field of a field of this; empty if there is none. */
    default Optional<JsonValue> at(String... names) {
        JsonValue value = this;
        for (String name : names) {
            if (!(value instanceof ObjectValue(Map<String, JsonValue> fields)) || !fields.containsKey(name)) {
                return Optional.empty();
            }
            value = fields.get(name);
        }
        return Optional.of(value);
    }

    /** The elements of an array; empty if this is none. */
    default List<JsonValue> elements() {
        return this instanceof ArrayValue(List<JsonValue> elements) ? elements : List.of();
    }

    default Optional<String> textAt(String... names) {
        return at(names)
                .flatMap(value -> value instanceof StringValue(String text) ? Optional.of(text) : Optional.empty());
    }

    default OptionalDouble numberAt(String... names) {
        return at(names).map(value -> value instanceof NumberValue(double number)
                ? OptionalDouble.of(number)
                : OptionalDouble.empty()).orElse(OptionalDouble.empty());
    }

    final class Parser {
        private static final int MAX_DEPTH = 32;
        private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?");
        private static final Pattern LITERAL = Pattern.compile("true|false|null");

        private final String text;
        private int at;

        private Parser(String text) {
            this.text = text;
        }

        private JsonValue value(int depth) throws MalformedJsonException {
            if (depth > MAX_DEPTH) {
                throw new MalformedJsonException("too deep", at);
            }
            skipBlanks();
            return switch (next()) {
                case '{' -> new ObjectValue(fields(depth));
                case '[' -> new ArrayValue(elements(depth));
                case '"' -> new StringValue(string());
                case 't', 'f', 'n' -> new Literal(match(LITERAL, "no value"));
                default -> number();
            };
        }

        private Map<String, JsonValue> fields(int depth) throws MalformedJsonException {
            Map<String, JsonValue> fields = new LinkedHashMap<>();
            at++;
            for (boolean more = !skip('}'); more; more = !endOrComma('}')) {
                skipBlanks();
                if (next() != '"') {
                    throw new MalformedJsonException("no name of a field", at);
                }
                String name = string();
                if (!skip(':')) {
                    throw new MalformedJsonException("no colon", at);
                }
                if (fields.put(name, value(depth + 1)) != null) {
                    throw new MalformedJsonException("the same field again", at);
                }
            }
            return fields;
        }

        private List<JsonValue> elements(int depth) throws MalformedJsonException {
            List<JsonValue> elements = new ArrayList<>();
            at++;
            for (boolean more = !skip(']'); more; more = !endOrComma(']')) {
                elements.add(value(depth + 1));
            }
            return elements;
        }

        private boolean endOrComma(char end) throws MalformedJsonException {
            if (skip(end)) {
                return true;
            }
            if (!skip(',')) {
                throw new MalformedJsonException("neither comma nor " + end, at);
            }
            return false;
        }

        private String string() throws MalformedJsonException {
            StringBuilder string = new StringBuilder();
            for (at++; next() != '"'; at++) {
                char c = next();
                if (c < ' ') {
                    throw new MalformedJsonException("a control character", at);
                }
                string.append(c == '\\' ? escaped() : c);
            }
            at++;
            return string.toString();
        }

        private char escaped() throws MalformedJsonException {
            at++;
            return switch (next()) {
                case '"' -> '"';
                case '\\' -> '\\';
                case '/' -> '/';
                case 'b' -> '\b';
                case 'f' -> '\f';
                case 'n' -> '\n';
                case 'r' -> '\r';
                case 't' -> '\t';
                case 'u' -> unicode();
                default -> throw new MalformedJsonException("an unknown escape", at);
            };
        }

        private char unicode() throws MalformedJsonException {
            int end = at + 5;
            if (end > text.length() || !text.substring(at + 1, end).matches("[0-9a-fA-F]{4}")) {
                throw new MalformedJsonException("an unknown escape", at);
            }
            char c = (char) Integer.parseInt(text, at + 1, end, 16);
            at = end - 1;
            return c;
        }

        private JsonValue number() throws MalformedJsonException {
            double number = Double.parseDouble(match(NUMBER, "no value"));
            if (!Double.isFinite(number)) {
                throw new MalformedJsonException("a number out of range", at);
            }
            return new NumberValue(number);
        }

        private String match(Pattern pattern, String otherwise) throws MalformedJsonException {
            var matcher = pattern.matcher(text).region(at, text.length());
            if (!matcher.lookingAt()) {
                throw new MalformedJsonException(otherwise, at);
            }
            at = matcher.end();
            return matcher.group();
        }

        private char next() throws MalformedJsonException {
            if (at >= text.length()) {
                throw new MalformedJsonException("cut off", at);
            }
            return text.charAt(at);
        }

        private boolean skip(char c) throws MalformedJsonException {
            skipBlanks();
            boolean matches = next() == c;
            at += matches ? 1 : 0;
            return matches;
        }

        private void skipBlanks() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }
    }
}
