package org.jobwitness.cli.text;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Columns side by side, separated by two blanks. Empty columns are omitted. If the screen is too narrow, the columns of lowest
 * weight are omitted, and the last one is cut.
 */
public final class Table {
    private static final int GAP = 2;
    private static final int MIN_LAST_WIDTH = 12;

    private final List<Column> columns;
    private final List<List<Text>> rows = new ArrayList<>();

    /**
     * A column.
     *
     * @param right whether it is aligned right, as numbers are
     * @param weight the higher, the later it is omitted; 0 is never omitted
     */
    public record Column(String title, boolean right, int weight) {
        public static Column left(String title, int weight) {
            return new Column(title, false, weight);
        }

        public static Column right(String title, int weight) {
            return new Column(title, true, weight);
        }
    }

    public Table(List<Column> columns) {
        this.columns = List.copyOf(columns);
    }

    /** A cell with a value, blank if that is null. */
    public static <T> Text cell(@Nullable T value, Function<? super T, String> format) {
        return value == null ? Text.empty() : Text.of(format.apply(value));
    }

    /**
     * Adds a row.
     *
     * @throws IllegalArgumentException if it has more or fewer cells than there are columns
     */
    public Table row(List<Text> cells) {
        if (cells.size() != columns.size()) {
            throw new IllegalArgumentException(cells.size() + " cells for " + columns.size() + " columns");
        }
        rows.add(List.copyOf(cells));
        return this;
    }

    List<Text> lines(Screen screen) {
        List<Integer> shown = shown(screen);
        List<Text> lines = new ArrayList<>();
        lines.add(line(screen, shown, columns.stream().map(column -> Text.of(column.title, Style.FAINT)).toList()));
        rows.forEach(row -> lines.add(line(screen, shown, row)));
        return lines;
    }

    /** Indices of the columns that fit. */
    private List<Integer> shown(Screen screen) {
        List<Integer> shown = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            int column = i;
            if (rows.stream().anyMatch(row -> !row.get(column).isEmpty())) {
                shown.add(i);
            }
        }
        while (screen.terminal() && minWidth(shown) > screen.columns()) {
            Integer lightest = shown.stream().filter(i -> columns.get(i).weight > 0)
                    .min(Comparator.comparingInt((Integer i) -> columns.get(i).weight)).orElse(-1);
            if (lightest < 0) {
                break;
            }
            shown.remove(/* element */ lightest);
        }
        return shown;
    }

    private int minWidth(List<Integer> shown) {
        int width = -GAP;
        for (int at = 0; at < shown.size(); at++) {
            int column = width(shown.get(at));
            width += GAP + (at == shown.size() - 1 ? Math.min(column, MIN_LAST_WIDTH) : column);
        }
        return width;
    }

    private int width(int column) {
        return Math.max(Text.of(columns.get(column).title).width(),
                rows.stream().mapToInt(row -> row.get(column).width()).max().orElse(0));
    }

    private Text line(Screen screen, List<Integer> shown, List<Text> cells) {
        Text line = Text.empty();
        for (int at = 0; at < shown.size(); at++) {
            int column = shown.get(at);
            Text cell = cells.get(column);
            boolean isLast = at == shown.size() - 1 && !columns.get(column).right;
            line = line.plus(at == 0 ? "" : " ".repeat(GAP))
                    .plus(isLast ? cell : cell.padded(width(column), columns.get(column).right));
        }
        return screen.terminal() ? line.cut(screen.columns(), screen.unicode()) : line;
    }
}
