package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.wire.SeriesPage;
import org.jspecify.annotations.Nullable;

/**
 * Draws series as SVG shapes into a box of 1000 x 200, which is stretched to the size of the chart. Pure.
 *
 * @param from, to the moments at its left and right edge
 * @param ceiling the value at its upper edge
 */
record Curve(Instant from, Instant to, double ceiling) {
    static final int WIDTH = 1000;
    static final int HEIGHT = 200;

    /** The picture, to be described by the element that contains it. */
    static Html svg(String classes, Stream<Html> shapes) {
        return element("svg", css(classes), attribute("viewBox", "0 0 " + WIDTH + " " + HEIGHT),
                attribute("preserveAspectRatio", "none"), attribute("aria-hidden", "true"), Html.group(shapes));
    }

    /** Where nothing is known of the series, as grey areas. */
    Html gaps(SeriesPage.Series series, Duration step) {
        List<Html> gaps = new ArrayList<>();
        Instant known = from;
        boolean afterGap = true;
        for (int i = 0; i < series.times().size(); i++) {
            Instant time = series.times().get(i);
            if (series.mean().get(i) == null) {
                afterGap = true;
            } else {
                boolean isFar = Duration.between(known, time).compareTo(step.multipliedBy(2)) > 0;
                if (afterGap && isFar) {
                    gaps.add(span("gap", known, time));
                }
                afterGap = false;
                known = time;
            }
        }
        if (Duration.between(known, to).compareTo(step.multipliedBy(3)) > 0) {
            gaps.add(span("gap", known, to));
        }
        return Html.group(gaps.stream());
    }

    /** The time between two moments, from top to bottom. */
    Html span(String classes, Instant start, Instant end) {
        double left = x(start);
        return element("rect", css(classes), attribute("x", number(left)), attribute("y", "0"),
                attribute("width", number(Math.max(x(end) - left, 1))), attribute("height", Integer.toString(HEIGHT)));
    }

    Html mark(String classes, Instant at) {
        String x = number(x(at));
        return element("line", css(classes), attribute("x1", x), attribute("x2", x), attribute("y1", "0"),
                attribute("y2", Integer.toString(HEIGHT)));
    }

    Html draw(SeriesPage.Series series, Chart.Shape shape, String classes) {
        return switch (shape) {
            case AREA -> Html.group(area(series, classes), path("line " + classes, line(series, false)));
            case LINE -> path("line " + classes, line(series, false));
            case LIMIT -> path("limit " + classes, line(series, true));
        };
    }

    private static Html path(String classes, String steps) {
        return element("path", css(classes), attribute("d", steps));
    }

    private String line(SeriesPage.Series series, boolean inSteps) {
        StringBuilder path = new StringBuilder();
        boolean pen = false;
        for (int i = 0; i < series.times().size(); i++) {
            Double value = series.mean().get(i);
            if (value == null) {
                pen = inSteps && pen;
            } else {
                String x = number(x(series.times().get(i)));
                String y = number(y(value));
                if (!pen) {
                    path.append('M').append(x).append(' ').append(y).append("h.01");
                } else if (inSteps) {
                    path.append('H').append(x).append('V').append(y);
                } else {
                    path.append('L').append(x).append(' ').append(y);
                }
                pen = true;
            }
        }
        return inSteps && pen ? path + "H" + WIDTH : path.toString();
    }

    private Html area(SeriesPage.Series series, String classes) {
        StringBuilder path = new StringBuilder();
        @Nullable
        String last = null;
        for (int i = 0; i < series.times().size(); i++) {
            Double value = series.max().get(i);
            if (value == null) {
                close(path, last);
                last = null;
            } else {
                String x = number(x(series.times().get(i)));
                if (last == null) {
                    path.append('M').append(x).append(' ').append(HEIGHT);
                }
                path.append('L').append(x).append(' ').append(number(y(value)));
                last = x;
            }
        }
        close(path, last);
        return path("area " + classes, path.toString());
    }

    private static void close(StringBuilder path, @Nullable String x) {
        if (x != null) {
            path.append('L').append(x).append(' ').append(HEIGHT).append('Z');
        }
    }

    private double x(Instant time) {
        double whole = Math.max(Duration.between(from, to).toMillis(), 1);
        return Math.clamp(Duration.between(from, time).toMillis() / whole, 0, 1) * WIDTH;
    }

    private double y(double value) {
        return HEIGHT * (1 - Math.clamp(value / ceiling, 0, 1));
    }

    /** With one decimal, unless that is 0. */
    private static String number(double value) {
        long tenths = Math.round(value * 10);
        return tenths % 10 == 0 ? Long.toString(tenths / 10) : tenths / 10 + "." + tenths % 10;
    }
}
