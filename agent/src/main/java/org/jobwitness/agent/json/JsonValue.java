package org.jobwitness.agent.json;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * JSON as AMD's tools write it (RFC 8259), read strictly: what is cut off, is followed by something, names a field twice or is
 * deeper than any answer of theirs is no JSON at all.
 */
public sealed interface JsonValue {
    record Fields(Map<String, JsonValue> fields) implements JsonValue {
    }

    record Elements(List<JsonValue> elements) implements JsonValue {
    }

    record Text(String text) implements JsonValue {
    }

    record Quantity(double number) implements JsonValue {
    }

    /** true, false and null. */
    record Word(String word) implements JsonValue {
    }

    /** Where it went wrong. */
    final class BadJson extends Exception {
        private static final long serialVersionUID = 1L;

        private BadJson(String what, int at) {
            super(what + " at " + at);
        }
    }

    static JsonValue of(String text) throws BadJson {
        Reader reader = new Reader(text);
        JsonValue value = reader.value(0);
        reader.blank();
        if (reader.at < text.length()) {
            throw new BadJson("more than one value", reader.at);
        }
        return value;
    }

    /** What stands in a field of a field of this; empty if there is no such. */
    default Optional<JsonValue> at(String... names) {
        JsonValue value = this;
        for (String name : names) {
            if (!(value instanceof Fields(Map<String, JsonValue> fields)) || !fields.containsKey(name)) {
                return Optional.empty();
            }
            value = fields.get(name);
        }
        return Optional.of(value);
    }

    /** The elements of a list; none if this is not one. */
    default List<JsonValue> list() {
        return this instanceof Elements(List<JsonValue> elements) ? elements : List.of();
    }

    default Optional<String> textAt(String... names) {
        return at(names).flatMap(value -> value instanceof Text(String text) ? Optional.of(text) : Optional.empty());
    }

    default OptionalDouble numberAt(String... names) {
        return at(names).map(value -> value instanceof Quantity(double number)
                ? OptionalDouble.of(number)
                : OptionalDouble.empty()).orElse(OptionalDouble.empty());
    }

    /** Reads from left to right. */
    final class Reader {
        private static final int DEEPEST = 32;
        private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?");
        private static final Pattern WORD = Pattern.compile("true|false|null");

        private final String text;
        private int at;

        private Reader(String text) {
            this.text = text;
        }

        private JsonValue value(int depth) throws BadJson {
            if (depth > DEEPEST) {
                throw new BadJson("too deep", at);
            }
            blank();
            return switch (next()) {
                case '{' -> new Fields(fields(depth));
                case '[' -> new Elements(elements(depth));
                case '"' -> new Text(string());
                case 't', 'f', 'n' -> new Word(match(WORD, "no value"));
                default -> number();
            };
        }

        private Map<String, JsonValue> fields(int depth) throws BadJson {
            Map<String, JsonValue> fields = new LinkedHashMap<>();
            at++;
            for (boolean more = !skip('}'); more; more = !endOrComma('}')) {
                blank();
                if (next() != '"') {
                    throw new BadJson("no name of a field", at);
                }
                String name = string();
                if (!skip(':')) {
                    throw new BadJson("no colon", at);
                }
                if (fields.put(name, value(depth + 1)) != null) {
                    throw new BadJson("the same field again", at);
                }
            }
            return fields;
        }

        private List<JsonValue> elements(int depth) throws BadJson {
            List<JsonValue> elements = new ArrayList<>();
            at++;
            for (boolean more = !skip(']'); more; more = !endOrComma(']')) {
                elements.add(value(depth + 1));
            }
            return elements;
        }

        private boolean endOrComma(char end) throws BadJson {
            if (skip(end)) {
                return true;
            }
            if (!skip(',')) {
                throw new BadJson("neither comma nor " + end, at);
            }
            return false;
        }

        private String string() throws BadJson {
            StringBuilder string = new StringBuilder();
            for (at++; next() != '"'; at++) {
                char c = next();
                if (c < ' ') {
                    throw new BadJson("a control character", at);
                }
                string.append(c == '\\' ? escaped() : c);
            }
            at++;
            return string.toString();
        }

        private char escaped() throws BadJson {
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
                default -> throw new BadJson("an unknown escape", at);
            };
        }

        private char unicode() throws BadJson {
            int end = at + 5;
            if (end > text.length() || !text.substring(at + 1, end).matches("[0-9a-fA-F]{4}")) {
                throw new BadJson("an unknown escape", at);
            }
            char c = (char) Integer.parseInt(text, at + 1, end, 16);
            at = end - 1;
            return c;
        }

        private JsonValue number() throws BadJson {
            double number = Double.parseDouble(match(NUMBER, "no value"));
            if (!Double.isFinite(number)) {
                throw new BadJson("a number beyond all bounds", at);
            }
            return new Quantity(number);
        }

        private String match(Pattern pattern, String otherwise) throws BadJson {
            var matcher = pattern.matcher(text).region(at, text.length());
            if (!matcher.lookingAt()) {
                throw new BadJson(otherwise, at);
            }
            at = matcher.end();
            return matcher.group();
        }

        private char next() throws BadJson {
            if (at >= text.length()) {
                throw new BadJson("cut off", at);
            }
            return text.charAt(at);
        }

        private boolean skip(char c) throws BadJson {
            blank();
            boolean isThere = next() == c;
            at += isThere ? 1 : 0;
            return isThere;
        }

        private void blank() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }
    }
}
