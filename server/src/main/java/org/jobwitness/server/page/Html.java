package org.jobwitness.server.page;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A piece of HTML, made of elements, attributes and text only: what users wrote can never become markup. */
sealed interface Html {
    Html NOTHING = new Group(List.of());

    /** Written as it is, but for the characters that mean something in HTML, and for control characters. */
    record Text(String text) implements Html {
        @Override
        public void writeTo(StringBuilder out) {
            escape(text, out);
        }
    }

    /** Belongs among the content of an element, before its children. */
    record Attribute(String name, String value) implements Html {
        @Override
        public void writeTo(StringBuilder out) {
            out.append(' ').append(name).append("=\"");
            escape(value, out);
            out.append('"');
        }
    }

    record Group(List<Html> pieces) implements Html {
        public Group {
            if (pieces.stream().anyMatch(Attribute.class::isInstance)) {
                throw new IllegalArgumentException("an attribute must stand directly in its element: " + pieces);
            }
        }

        @Override
        public void writeTo(StringBuilder out) {
            pieces.forEach(piece -> piece.writeTo(out));
        }
    }

    record Element(String name, List<Html> content) implements Html {
        private static final Set<String> WITHOUT_END = Set.of("br", "hr", "input", "link", "meta");

        @Override
        public void writeTo(StringBuilder out) {
            out.append('<').append(name);
            content.stream().filter(Attribute.class::isInstance).forEach(piece -> piece.writeTo(out));
            out.append('>');
            if (!WITHOUT_END.contains(name)) {
                content.stream().filter(piece -> !(piece instanceof Attribute)).forEach(piece -> piece.writeTo(out));
                out.append("</").append(name).append('>');
            }
        }
    }

    void writeTo(StringBuilder out);

    static Html element(String name, Html... content) {
        return new Element(name, List.of(content));
    }

    /** An element that contains text only. */
    static Html element(String name, String text) {
        return element(name, text(text));
    }

    static Html text(String text) {
        return new Text(text);
    }

    static Html attribute(String name, String value) {
        return new Attribute(name, value);
    }

    /** The classes that style an element. */
    static Html css(String classes) {
        return attribute("class", classes);
    }

    static Html group(Html... pieces) {
        return new Group(Arrays.asList(pieces));
    }

    static Html group(Stream<Html> pieces) {
        return new Group(pieces.toList());
    }

    /** Nothing, unless a condition holds. */
    static Html when(boolean condition, Supplier<Html> html) {
        return condition ? html.get() : NOTHING;
    }

    /** Nothing of what is not known. */
    static <T> Html known(@Nullable T value, Function<T, Html> html) {
        return value == null ? NOTHING : html.apply(value);
    }

    /** Text from users, whose reading direction must not turn what stands beside it. */
    static Html foreign(String text) {
        return element("bdi", text);
    }

    private static void escape(String text, StringBuilder out) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.append(Character.isISOControl(c) && c != '\n' && c != '\t' ? '\ufffd' : c);
            }
        }
    }
}
