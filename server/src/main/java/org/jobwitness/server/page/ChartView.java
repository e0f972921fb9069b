package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.SeriesPage;

/** The charts of a run: each a figure with a sentence, curves, and the same points as a table. */
final class ChartView {
    /** Of each series; the script asks for more. */
    static final int POINTS = 120;

    private final Links links;
    private final Job job;
    private final List<SeriesPage> pages;
    private final Instant from;
    private final Instant to;

    /** @param pages the series of each node that is shown, all of the same time */
    ChartView(Links links, Job job, List<SeriesPage> pages) {
        this.links = links;
        this.job = job;
        this.pages = List.copyOf(pages);
        this.from = pages.getFirst().from();
        this.to = pages.getFirst().to();
    }

    /** A series with how it is drawn and what it is called. */
    private record Drawn(SeriesPage.Series series, Chart.Line line, String label, String classes) {
    }

    Html of(Chart chart) {
        List<Drawn> all = drawn(chart);
        if (all.isEmpty()) {
            return element("figure", css("chart absent"), element("figcaption", element("h3", chart.title()),
                    element("p", attribute("class", "faint"), text("Not known: " + cause(chart)))));
        }
        double ceiling = chart.unit().ceiling(all.stream().flatMap(one -> one.series().max().stream())
                .filter(Objects::nonNull).mapToDouble(Double::doubleValue).max().orElse(1));
        return element("figure", css("chart"), attribute("id", "chart-" + chart.id()),
                attribute("data-unit", chart.unit().toString().toLowerCase(Locale.ROOT)),
                attribute("data-series", data(chart)), attribute("data-lines", lines(chart)),
                attribute("data-from", from.toString()), attribute("data-to", to.toString()),
                attribute("data-marks", kills().map(kill -> kill.timestamp().toString())
                        .collect(Collectors.joining(" "))),
                element("figcaption", element("h3", chart.title()), element("p", text(chart.expectation())),
                        legend(all, kills().findAny().isPresent())),
                element("div", css("plot"), axis(chart, ceiling),
                        element("div", css("canvas"), attribute("role", "img"),
                                attribute("aria-label", summary(chart, all)), curves(all, ceiling))),
                times(), table(chart, all));
    }

    private Html curves(List<Drawn> all, double ceiling) {
        Curve curve = new Curve(from, to, ceiling);
        Duration step = Duration.ofMillis(Math.max(pages.getFirst().stepMs(), 1000));
        return Curve.svg("curves",
                Stream.of(pages.size() == 1 ? curve.gaps(all.getFirst().series(), step) : Html.NOTHING,
                        group(all.stream().map(one -> curve.draw(one.series(), one.line().shape(), one.classes()))),
                        group(kills().map(kill -> curve.mark("oom", kill.timestamp())))));
    }

    private Stream<JobOomKill> kills() {
        List<JobOomKill> kills = job.oomKillEvents() == null ? List.of() : job.oomKillEvents();
        return kills.stream().filter(kill -> !kill.timestamp().isBefore(from) && kill.timestamp().isBefore(to));
    }

    /** Of several nodes the most important line of each, and the first one's limit; of one node all lines. */
    private List<Drawn> drawn(Chart chart) {
        List<Drawn> drawn = new ArrayList<>();
        boolean isOneNode = pages.size() == 1 && pages.getFirst().series().stream()
                .map(SeriesPage.Series::node).distinct().count() < 2;
        List<SeriesPage.Series> all = pages.stream().flatMap(page -> page.series().stream()).toList();
        for (int i = 0; i < chart.lines().size(); i++) {
            Chart.Line line = chart.lines().get(i);
            List<SeriesPage.Series> found = all.stream().filter(series -> series.metric().equals(line.metric()))
                    .toList();
            if (isOneNode) {
                int place = i;
                found.forEach(series -> drawn.add(new Drawn(series, line, line.label(), "c" + place)));
            } else if (line.shape() == Chart.Shape.LIMIT) {
                found.stream().findFirst()
                        .ifPresent(series -> drawn.add(new Drawn(series, line, line.label(), "c2")));
            } else if (i == 0) {
                Chart.Line plain = new Chart.Line(line.metric(), line.label(), Chart.Shape.LINE);
                IntStream.range(0, found.size()).forEach(n -> drawn.add(new Drawn(found.get(n), plain,
                        Objects.requireNonNullElse(found.get(n).node(), "job"), "n" + n % JobView.MAX_NODES)));
            }
        }
        return drawn;
    }

    private String cause(Chart chart) {
        return pages.stream().flatMap(page -> page.absent().stream())
                .filter(absent -> chart.metrics().contains(absent.metric())).map(SeriesPage.Absent::cause).findFirst()
                .orElse("no agent reported it in this time");
    }

    private String data(Chart chart) {
        List<String> nodes = pages.size() == 1 && job.nodes().size() == 1
                ? List.of("")
                : pages.stream().flatMap(page -> page.series().stream()).map(SeriesPage.Series::node)
                        .filter(Objects::nonNull).distinct().toList();
        return nodes.stream().map(node -> links.data(job, "/series") + "&metric=" + String.join(",", chart.metrics())
                + (node.isEmpty() ? "" : "&node=" + Links.encode(node))).collect(Collectors.joining(" "));
    }

    /** For the script: metric, shape and label of each line. */
    private static String lines(Chart chart) {
        return chart.lines().stream().map(line -> line.metric() + ":"
                + line.shape().toString().toLowerCase(Locale.ROOT) + ":" + line.label())
                .collect(Collectors.joining("|"));
    }

    private static Html legend(List<Drawn> all, boolean hasKills) {
        return element("ul", css("legend"), group(all.stream().map(one -> element("li",
                element("span", css("swatch " + one.classes() + (one.line().shape() == Chart.Shape.LIMIT
                        ? " dashed"
                        : "")), attribute("aria-hidden", "true")),
                Html.foreign(one.label())))),
                Html.when(hasKills, () -> element("li", css("critical"), text("▼ out-of-memory kill"))));
    }

    private static Html axis(Chart chart, double ceiling) {
        return element("div", css("axis"), attribute("aria-hidden", "true"),
                element("span", chart.unit().words(ceiling)), element("span", chart.unit().words(ceiling / 2)),
                element("span", "0"));
    }

    private Html times() {
        Instant middle = from.plus(Duration.between(from, to).dividedBy(2));
        return element("div", css("times"), Pieces.time(from), Pieces.time(middle), Pieces.time(to));
    }

    private String summary(Chart chart, List<Drawn> all) {
        String peaks = all.stream().map(one -> one.label() + ": " + range(chart, one.series()))
                .collect(Collectors.joining("; "));
        long kills = kills().count();
        return chart.title() + " over time. " + peaks + "."
                + (kills == 0 ? "" : " " + Phrases.count(kills, "out-of-memory kill") + ".");
    }

    private static String range(Chart chart, SeriesPage.Series series) {
        Optional<Double> least = series.min().stream().filter(Objects::nonNull).min(Double::compare);
        Optional<Double> most = series.max().stream().filter(Objects::nonNull).max(Double::compare);
        if (least.isEmpty() || most.isEmpty()) {
            return "not known";
        }
        String low = chart.unit().words(least.get());
        String high = chart.unit().words(most.get());
        return low.equals(high) ? low : low + " to " + high;
    }

    private static Html table(Chart chart, List<Drawn> all) {
        List<Instant> times = all.stream().flatMap(one -> one.series().times().stream()).distinct().sorted().toList();
        List<String> headings = Stream.concat(Stream.of("Time"), all.stream().map(Drawn::label)).toList();
        return element("details", css("points"), element("summary", "The same as a table"),
                Pieces.table(chart.title() + " over time", headings, times.stream().map(time -> element("tr",
                        element("td", Pieces.time(time)),
                        group(all.stream().map(one -> element("td", value(chart, one.series(), time))))))));
    }

    private static String value(Chart chart, SeriesPage.Series series, Instant time) {
        int place = series.times().indexOf(time);
        Double mean = place < 0 ? null : series.mean().get(place);
        return mean == null ? "–" : chart.unit().words(mean);
    }
}
