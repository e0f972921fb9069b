package org.jobwitness.cli.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Text for a terminal. Input is untrusted: each control character, also of escape sequences and of text direction, becomes a
 * question mark. Only {@link #on} adds escape sequences.
 */
public final class Text {
    /** But not between a number and its unit. */
    private static final Pattern WORD_BOUNDARY = Pattern.compile(
            "(?<= )(?! )(?<![0-9] (?=(?:%|[KMGTP]iB|B|k?Wh|h|min|s|d|days?|CPUs?|GPUs?)(?![A-Za-z])))");
    private static final Text EMPTY = new Text(List.of());

    private final List<Part> parts;

    /** Words of one style, already sanitized. */
    private record Part(String words, Style style) {
    }

    private Text(List<Part> parts) {
        this.parts = List.copyOf(parts);
    }

    public static Text empty() {
        return EMPTY;
    }

    public static Text of(String untrusted) {
        return of(untrusted, Style.PLAIN);
    }

    public static Text of(String untrusted, Style style) {
        return new Text(List.of(new Part(sanitize(untrusted), style)));
    }

    public Text plus(Text other) {
        List<Part> all = new ArrayList<>(parts);
        for (Part part : other.parts) {
            boolean joins = !all.isEmpty() && all.getLast().style == part.style;
            all.add(joins ? new Part(all.removeLast().words + part.words, part.style) : part);
        }
        return new Text(all);
    }

    public Text plus(String untrusted) {
        return plus(of(untrusted));
    }

    public Text plus(String untrusted, Style style) {
        return plus(of(untrusted, style));
    }

    /** In columns. */
    public int width() {
        return parts.stream().mapToInt(part -> width(part.words)).sum();
    }

    public boolean isEmpty() {
        return width() == 0;
    }

    /** Cut to this width, with an ellipsis, or a tilde in ASCII. */
    Text cut(int columns, boolean unicode) {
        if (width() <= columns) {
            return this;
        }
        List<Part> kept = new ArrayList<>();
        int left = columns - 1;
        for (Part part : parts) {
            StringBuilder words = new StringBuilder();
            for (int c : part.words.codePoints().toArray()) {
                left -= width(c);
                if (left < 0) {
                    break;
                }
                words.appendCodePoint(c);
            }
            kept.add(new Part(words.toString(), part.style));
            if (left < 0) {
                break;
            }
        }
        kept.add(new Part(unicode ? "…" : "~", Style.FAINT));
        return new Text(kept);
    }

    Text padded(int columns, boolean right) {
        Text blanks = of(" ".repeat(Math.max(0, columns - width())));
        return right ? blanks.plus(this) : plus(blanks);
    }

    /**
     * In lines, broken between words where possible.
     *
     * @param first columns of the first line
     * @param others columns of the other lines
     */
    List<Text> wrapped(int first, int others) {
        List<Text> lines = new ArrayList<>();
        Text line = empty();
        for (Part part : parts) {
            for (String word : WORD_BOUNDARY.split(part.words, -1)) {
                int columns = lines.isEmpty() ? first : others;
                if (!line.isEmpty() && line.width() + width(word.stripTrailing()) > columns) {
                    lines.add(line.stripTrailing());
                    line = empty();
                    columns = others;
                }
                String rest = word;
                while (width(rest.stripTrailing()) > columns) {
                    int end = fitting(rest, columns);
                    lines.add(new Text(List.of(new Part(rest.substring(0, end), part.style))));
                    rest = rest.substring(end);
                    columns = others;
                }
                line = line.plus(new Text(List.of(new Part(rest, part.style))));
            }
        }
        lines.add(line.stripTrailing());
        return lines;
    }

    private Text stripTrailing() {
        List<Part> kept = new ArrayList<>(parts);
        while (!kept.isEmpty() && kept.getLast().words.isBlank()) {
            kept.removeLast();
        }
        if (!kept.isEmpty()) {
            Part last = kept.removeLast();
            kept.add(new Part(last.words.stripTrailing(), last.style));
        }
        return new Text(kept);
    }

    /** The number of chars that fit, at least those of one code point. */
    private static int fitting(String word, int columns) {
        int end = 0;
        int width = 0;
        do {
            int c = word.codePointAt(end);
            width += width(c);
            end += Character.charCount(c);
        } while (end < word.length() && width + width(word.codePointAt(end)) <= columns);
        return end;
    }

    /** With the escape sequences of its styles. */
    String on(Screen screen) {
        String words = screen.colours()
                ? parts.stream().map(part -> part.style.paint(part.words)).collect(Collectors.joining())
                : plain();
        return screen.unicode() ? words : words.replace('“', '"').replace('”', '"').replace('’', '\'');
    }

    /** Without styles. */
    public String plain() {
        return parts.stream().map(Part::words).collect(Collectors.joining());
    }

    private static String sanitize(String untrusted) {
        return untrusted.codePoints().map(c -> isHarmless(c) ? c : '?')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    private static boolean isHarmless(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                false;
            default -> true;
        };
    }

    private static int width(String words) {
        return words.codePoints().map(Text::width).sum();
    }

    /** As terminals count: CJK and emoji take two columns, combining marks none. */
    private static int width(int codePoint) {
        int type = Character.getType(codePoint);
        if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
            return 0;
        }
        if (within(codePoint, 0x1160, 0x11ff)) { // vowels and finals of Hangul, which join the consonant before them
            return 0;
        }
        return codePoint >= 0x1100 && (isWideLetter(codePoint) || isEmoji(codePoint)) ? 2 : 1;
    }

    /** Unicode's East_Asian_Width W and F, without emoji. */
    private static boolean isWideLetter(int codePoint) {
        return codePoint <= 0x115f || (within(codePoint, 0x2e80, 0xa4cf) && codePoint != 0x303f)
                || within(codePoint, 0xa960, 0xa97c) || within(codePoint, 0xac00, 0xd7a3)
                || within(codePoint, 0xf900, 0xfaff) || within(codePoint, 0xfe10, 0xfe19)
                || within(codePoint, 0xfe30, 0xfe6b) || within(codePoint, 0xff01, 0xff60)
                || within(codePoint, 0xffe0, 0xffe6) || within(codePoint, 0x16fe0, 0x18cd5)
                || within(codePoint, 0x1aff0, 0x1b2fb) || within(codePoint, 0x1f200, 0x1f265)
                || within(codePoint, 0x20000, 0x3fffd);
    }

    /** Those that are shown as pictures; two letters of a flag have a column each. */
    private static boolean isEmoji(int codePoint) {
        return Character.isEmojiPresentation(codePoint) && !within(codePoint, 0x1f1e6, 0x1f1ff);
    }

    private static boolean within(int codePoint, int first, int last) {
        return codePoint >= first && codePoint <= last;
    }

    @Override
    public String toString() {
        return plain();
    }
}
