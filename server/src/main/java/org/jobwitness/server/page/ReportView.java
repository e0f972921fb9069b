package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.foreign;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jobwitness.server.report.ReportRequest;
import org.jobwitness.server.report.ReportRequest.Dimension;
import org.jobwitness.server.report.ReportRequest.Every;
import org.jobwitness.server.report.ReportRequest.Sort;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Report;
import org.jspecify.annotations.Nullable;

/** The page of a report: what it covers, how runs ended, its rows, and what its words mean. */
final class ReportView {
    private final Links links;
    private final Report report;
    private final ReportRequest request;
    private final Map<String, String> given;

    private ReportView(Links links, Report report, ReportRequest request, Map<String, String> given) {
        this.links = links;
        this.report = report;
        this.request = request;
        this.given = given;
    }

    /** @param given parameters of the address, by name */
    static String of(Links links, Report report, ReportRequest request, Map<String, String> given) {
        ReportView view = new ReportView(links, report, request, given);
        return Layout.page(links, "Report", "", "",
                element("h1", "Report by " + name(request.by())),
                element("p", css("faint"), text(view.covered() + " "),
                        Links.link(links.page("reports/talk"), "Worth a talk")),
                view.form(),
                Pieces.section("total", "All together", view.total()),
                Pieces.section("rows", "By " + name(request.by()), view.rows()),
                Pieces.section("ends", "How runs ended", view.ends()),
                Pieces.section("words", "What the words mean", words()));
    }

    private static String name(Dimension dimension) {
        return dimension == Dimension.GPU_MODEL ? "GPU model" : dimension.parameter();
    }

    private String covered() {
        String pending = report.pending() == 0
                ? ""
                : " " + Phrases.count(report.pending(), "run") + " ended just now and will be added.";
        return "Runs that ended from " + report.from() + " to " + report.to().minusDays(1) + " (UTC)." + pending;
    }

    private Html form() {
        return element("form", css("filters"), attribute("action", links.page("reports")),
                attribute("aria-label", "What is reported"),
                select("by", Arrays.stream(Dimension.values()).map(Dimension::parameter), request.by().parameter()),
                select("every", Arrays.stream(Every.values()).map(Every::parameter), request.every().parameter()),
                input("from", "date", report.from().toString()), input("to", "date", report.to().toString()),
                group(Arrays.stream(Dimension.values()).map(Dimension::parameter)
                        .map(name -> input(name, "text", given.getOrDefault(name, "")))),
                select("sort", Arrays.stream(Sort.values()).map(Sort::parameter), request.sort().parameter()),
                element("button", attribute("type", "submit"), text("Show")),
                Links.link(links.page("v1/reports") + query("format", "csv"), "CSV"), text(" "),
                Links.link(links.page("v1/reports") + query("format", "json"), "JSON"));
    }

    private String query(String name, String value) {
        return Links.query(Stream.concat(given.entrySet().stream().filter(one -> !one.getKey().equals(name))
                .flatMap(one -> Stream.of(one.getKey(), one.getValue())), Stream.of(name, value))
                .toArray(String[]::new));
    }

    private static Html input(String name, String type, String value) {
        return element("label", text(name.replace('_', ' ')), element("input", attribute("type", type),
                attribute("name", name), attribute("maxlength", "256"), attribute("value", value)));
    }

    private static Html select(String name, Stream<String> words, String chosen) {
        return element("label", text(name), element("select", attribute("name", name),
                group(words.map(word -> element("option", attribute("value", word),
                        word.equals(chosen) ? attribute("selected", "") : Html.NOTHING,
                        text(word.replace('_', ' ')))))));
    }

    private Html total() {
        Report.Row total = report.total();
        return element("dl", css("facts"),
                Pieces.fact("Runs", text(total.runs() + (total.notMeasuredRuns() == 0
                        ? ""
                        : ", of which " + total.notMeasuredRuns() + " were not measured"))),
                hours("CPU-hours", total.cpu()), hours("GPU-hours", total.gpu()),
                hours("GiB-hours of memory", total.memory()),
                Pieces.fact("Lost in runs that did not complete",
                        text(number(total.cpuHoursLost()) + " CPU-hours, " + number(total.gpuHoursLost())
                                + " GPU-hours")),
                Pieces.fact("Energy of GPUs", text(number(total.gpuEnergyKwh()) + " kWh")),
                Pieces.fact("Mean wait", Pieces.orUnknown(total.waiting().meanSeconds(), Phrases::time)),
                Pieces.fact("Time covered by samples", Pieces.percent(percent(total.coverage()), "cpu")));
    }

    private static Html hours(String name, Report.Hours hours) {
        String unknown = hours.notMeasured() == null || hours.notMeasured() == 0
                ? ""
                : "; " + Phrases.percent(100 * hours.notMeasured()) + " not measured";
        return Pieces.fact(name, text(number(hours.allocated()) + " allocated, " + number(hours.used()) + " used, "
                + number(hours.wasted()) + " wasted" + unknown));
    }

    private Html rows() {
        if (report.rows().isEmpty()) {
            return element("p", css("faint"), text("No run ended in this time that you may see."));
        }
        List<String> headings = new ArrayList<>(report.every() == null ? List.of() : List.of("Period"));
        headings.addAll(List.of(capitalized(name(request.by())), "Runs", "Failed", "CPU-hours", "used", "wasted",
                "lost", "GPU-hours", "used", "wasted", "lost", "Memory, GiB-hours", "wasted", "Energy, kWh",
                "Mean wait",
                "Measured"));
        String left = report.groups() > report.rows().size()
                ? report.rows().size() + " of " + report.groups()
                        + " rows, the largest; all are in the CSV with limit=10000."
                : "";
        return group(Pieces.table("Report by " + name(request.by()), headings, report.rows().stream().map(this::row)),
                Html.when(!left.isEmpty(), () -> element("p", css("faint"), text(left))));
    }

    private static String capitalized(String word) {
        return word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
    }

    private Html row(Report.Row row) {
        return element("tr", Html.when(report.every() != null, () -> element("td", Objects.toString(row.period()))),
                element("th", attribute("scope", "row"), key(row.key())), amount(Long.toString(row.runs())),
                amount(Long.toString(row.runs(JobState.FAILED))), amount(number(row.cpu().allocated())),
                amount(used(row.cpu())), amount(number(row.cpu().wasted())), amount(number(row.cpuHoursLost())),
                group(gpus(row)), amount(number(row.memory().allocated())), amount(number(row.memory().wasted())),
                amount(row.gpuEnergyKwh() == 0 ? "" : number(row.gpuEnergyKwh())),
                amount(known(row.waiting().meanSeconds(), Phrases::time)),
                amount(known(row.cpu().notMeasured(), unknown -> Phrases.percent(100 * (1 - unknown)))));
    }

    private static Stream<Html> gpus(Report.Row row) {
        return row.gpu().allocated() == 0
                ? Stream.of(amount(""), amount(""), amount(""), amount(""))
                : Stream.of(amount(number(row.gpu().allocated())), amount(used(row.gpu())),
                        amount(number(row.gpu().wasted())), amount(number(row.gpuHoursLost())));
    }

    /** As percent of what was measured. */
    private static String used(Report.Hours hours) {
        double measured = hours.allocated() * (1 - Objects.requireNonNullElse(hours.notMeasured(), 1.0));
        return measured > 0 ? Phrases.percent(100 * hours.used() / measured) : "";
    }

    private Html key(@Nullable String key) {
        if (key == null) {
            return request.by() == Dimension.GPU_MODEL ? text("none, or not known") : Pieces.unknown();
        }
        return switch (request.by()) {
            case USER -> links.user(key);
            case ACCOUNT -> links.account(key);
            case NODE -> links.node(key);
            case PARTITION, CLUSTER, GPU_MODEL -> foreign(key);
        };
    }

    private static String known(@Nullable Double value, Function<Double, String> words) {
        return value == null ? "" : words.apply(value);
    }

    private static Html amount(String text) {
        return element("td", css("amount"), text(text));
    }

    private Html ends() {
        if (report.total().ends().isEmpty()) {
            return element("p", css("faint"), text("None."));
        }
        return Pieces.table("How runs ended", List.of("State", "Runs", "CPU-hours", "GPU-hours", "Lost"),
                report.total().ends().stream().map(end -> element("tr",
                        element("th", attribute("scope", "row"), Pieces.state(end.state(), end.reason())),
                        amount(Long.toString(end.runs())), amount(number(end.cpuHours())),
                        amount(number(end.gpuHours())), amount(end.countsAsLost() ? "yes" : ""))));
    }

    private static Html words() {
        return element("dl", css("facts"),
                Pieces.fact("Allocated", text("What runs had, times how long they had it without suspension.")),
                Pieces.fact("Used",
                        text("CPU time, the mean utilization of GPUs times their time, and the peak of memory"
                                + " on each node times the time.")),
                Pieces.fact("Wasted", text("The unused part of those allocated hours of which the use is known.")),
                Pieces.fact("Lost",
                        text("Allocated to runs that failed or were cancelled, as far as the jobs did not save"
                                + " their work.")),
                Pieces.fact("Measured",
                        text("Samples stand for at least half of the time, or an epilog read the use.")));
    }

    private static @Nullable Double percent(@Nullable Double share) {
        return share == null ? null : Double.valueOf(100 * share);
    }

    /** Thousands apart, to a tenth below 100. */
    private static String number(double value) {
        return String.format(Locale.ROOT, value == 0 || Math.abs(value) >= 99.95 ? "%,.0f" : "%,.1f", value)
                .replace(',', '\u202f');
    }
}
