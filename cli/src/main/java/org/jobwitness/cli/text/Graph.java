package org.jobwitness.cli.text;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Bars and sparklines, made of characters. */
public final class Graph {
    private static final String EIGHTHS = " ▏▎▍▌▋▊▉█";
    private static final String STEPS = "▁▂▃▄▅▆▇█";
    private static final String ASCII_STEPS = "_.-=+*%#";

    private Graph() {
    }

    /**
     * A bar.
     *
     * @param part that is filled, 0..1; a larger one fills it
     */
    public static Text bar(double part, int columns, Style style, Screen screen) {
        double filled = Math.clamp(part, 0, 1) * columns;
        if (!screen.unicode()) {
            int whole = (int) Math.round(filled);
            return Text.of("[").plus("#".repeat(whole), style).plus(".".repeat(columns - whole) + "]");
        }
        int eighths = (int) Math.round(filled * 8);
        String full = "█".repeat(eighths / 8)
                + (eighths % 8 == 0 ? "" : String.valueOf(EIGHTHS.charAt(eighths % 8)));
        return Text.of(full, style).plus("░".repeat(columns - full.length()), Style.FAINT);
    }

    /**
     * Values over time.
     *
     * @param values null is a gap, and stays one
     * @param max the value at the top
     */
    public static Text sparkline(List<@Nullable Double> values, double max, Screen screen) {
        String steps = screen.unicode() ? STEPS : ASCII_STEPS;
        return Text.of(values.stream().map(value -> {
            if (value == null) {
                return " ";
            }
            double part = max > 0 ? Math.clamp(value / max, 0, 1) : 0;
            return String.valueOf(steps.charAt((int) Math.round(part * (steps.length() - 1))));
        }).collect(Collectors.joining()));
    }
}
