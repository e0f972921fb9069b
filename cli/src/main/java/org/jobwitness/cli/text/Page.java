package org.jobwitness.cli.text;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Lines for a screen, no wider than the screen. */
public final class Page {
    /** Longer lines of text are hard to read. */
    private static final int MAX_TEXT_WIDTH = 100;

    private final Screen screen;
    private final List<Text> lines = new ArrayList<>();

    public Page(Screen screen) {
        this.screen = screen;
    }

    public Screen screen() {
        return screen;
    }

    public Page blank() {
        lines.add(Text.empty());
        return this;
    }

    /** One line; on a terminal, cut to its width. */
    public Page line(Text line) {
        lines.add(screen.terminal() ? line.cut(screen.columns(), screen.unicode()) : line);
        return this;
    }

    public Page line(String line) {
        return line(Text.of(line));
    }

    /** Wrapped lines, all of them indented. */
    public Page paragraph(int indent, Text text) {
        return paragraph(" ".repeat(indent), " ".repeat(indent), text);
    }

    /**
     * Wrapped lines.
     *
     * @param first the prefix of the first line
     * @param others the prefix of the other lines
     */
    public Page paragraph(String first, String others, Text text) {
        String prefix = first;
        int columns = Math.min(screen.columns(), MAX_TEXT_WIDTH);
        for (Text line : text.wrapped(columns - first.length(), columns - others.length())) {
            lines.add(Text.of(prefix).plus(line));
            prefix = others;
        }
        return this;
    }

    /** One line for copying, which is never cut or wrapped. */
    public Page toCopy(int indent, String line) {
        lines.add(Text.of(" ".repeat(indent)).plus(line, Style.STRONG));
        return this;
    }

    public Page table(Table table) {
        lines.addAll(table.lines(screen));
        return this;
    }

    /** Removes lines beyond the height of a screen. */
    public Page atMost(int rows) {
        if (lines.size() > rows) {
            lines.subList(rows, lines.size()).clear();
        }
        return this;
    }

    @Override
    public String toString() {
        return lines.stream().map(line -> line.on(screen).stripTrailing() + "\n").collect(Collectors.joining());
    }
}
