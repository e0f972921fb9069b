package org.jobwitness.cli.text;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Lines for a screen, no wider than it is. */
public final class Page {
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

    /** One line; what is too wide is cut off. */
    public Page line(Text line) {
        lines.add(screen.terminal() ? line.cut(screen.columns(), screen.unicode()) : line);
        return this;
    }

    public Page line(String line) {
        return line(Text.of(line));
    }

    /** As many lines as it takes, all of them indented. */
    public Page paragraph(int indent, Text text) {
        return paragraph(" ".repeat(indent), " ".repeat(indent), text);
    }

    /**
     * As many lines as it takes.
     *
     * @param first what the first line begins with
     * @param others what the others begin with
     */
    public Page paragraph(String first, String others, Text text) {
        String begin = first;
        for (Text line : text.wrapped(screen.columns() - first.length(), screen.columns() - others.length())) {
            lines.add(Text.of(begin).plus(line));
            begin = others;
        }
        return this;
    }

    /** One line that is to be copied, and so is never cut or broken. */
    public Page toCopy(int indent, String line) {
        lines.add(Text.of(" ".repeat(indent)).plus(line, Style.STRONG));
        return this;
    }

    public Page table(Table table) {
        lines.addAll(table.lines(screen));
        return this;
    }

    /** At most so many lines, for a screen that is no higher. */
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
