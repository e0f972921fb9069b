package org.jobwitness.cli.text;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Bars and lines made of characters. */
public final class Graph {
    private static final String BLOCKS = " ▏▎▍▌▋▊▉█";
    private static final String STEPS = "▁▂▃▄▅▆▇█";
    private static final String ASCII_STEPS = "_.-=+*%#";

    private Graph() {
    }

    /**
     * How much of a whole something is.
     *
     * @param part of the whole, 0..1; what lies beyond is full
     */
    public static Text bar(double part, int columns, Style style, Screen screen) {
        double filled = Math.clamp(part, 0, 1) * columns;
        if (!screen.unicode()) {
            int whole = (int) Math.round(filled);
            return Text.of("[").plus("#".repeat(whole), style).plus(".".repeat(columns - whole) + "]");
        }
        int eighths = (int) Math.round(filled * 8);
        String full = "█".repeat(eighths / 8)
                + (eighths % 8 == 0 ? "" : String.valueOf(BLOCKS.charAt(eighths % 8)));
        return Text.of(full, style).plus("░".repeat(columns - full.length()), Style.FAINT);
    }

    /**
     * A line over time.
     *
     * @param values null is a gap, and stays one
     * @param most the value that reaches the top
     */
    public static Text line(List<@Nullable Double> values, double most, Screen screen) {
        String steps = screen.unicode() ? STEPS : ASCII_STEPS;
        return Text.of(values.stream().map(value -> {
            if (value == null) {
                return " ";
            }
            double part = most > 0 ? Math.clamp(value / most, 0, 1) : 0;
            return String.valueOf(steps.charAt((int) Math.round(part * (steps.length() - 1))));
        }).collect(Collectors.joining()));
    }
}
