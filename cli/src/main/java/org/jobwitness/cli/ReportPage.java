package org.jobwitness.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Report;

/** A report as a page: all together, how runs ended, then the rows. */
final class ReportPage {
    private static final int MAX_ENDS = 8;

    private final Report report;
    private final Page page;

    private ReportPage(Report report, Screen screen) {
        this.report = report;
        this.page = new Page(screen);
    }

    static Page of(Report report, Screen screen) {
        ReportPage view = new ReportPage(report, screen);
        view.total();
        if (!report.rows().isEmpty()) {
            view.ends();
            view.rows();
        }
        return view.page;
    }

    private void total() {
        Report.Row total = report.total();
        page.line(Text.of(Units.count(total.runs(), "run"), Style.STRONG)
                .plus(" that ended from " + report.from() + " to "
                        + report.to().minusDays(1) + " (UTC)"));
        if (report.pending() > 0) {
            page.line(Units.count(report.pending(), "run") + " ended just now and will be added.");
        }
        if (total.runs() > 0) {
            page.blank();
            hours("CPU-hours", total.cpu(), total.cpuHoursLost());
            hours("GPU-hours", total.gpu(), total.gpuHoursLost());
            hours("Memory", total.memory(), 0);
            if (total.gpuEnergyKwh() > 0) {
                page.line("Energy     " + hours(total.gpuEnergyKwh()) + " kWh of GPUs");
            }
            if (total.waiting().meanSeconds() != null) {
                page.line("Waiting    " + Units.duration(total.waiting().meanSeconds()) + " on average");
            }
            page.paragraph(0, Text.of("Wasted: held, but not used. Lost: held by runs that failed or were cancelled.",
                    Style.FAINT));
        }
    }

    private void hours(String what, Report.Hours hours, double lost) {
        if (hours.allocated() > 0) {
            String unknown = hours.notMeasured() == null || hours.notMeasured() < 0.001
                    ? ""
                    : "; " + Units.percent(100 * hours.notMeasured()) + " not measured";
            page.paragraph(what + " ".repeat(11 - what.length()), " ".repeat(11), Text.of(hours(hours.allocated())
                    + (what.equals("Memory") ? " GiB-hours" : "") + " allocated, " + hours(hours.used()) + " used, ")
                    .plus(hours(hours.wasted()) + " wasted", Style.STRONG)
                    .plus((lost > 0 ? ", " + hours(lost) + " lost" : "") + unknown));
        }
    }

    private void ends() {
        Table table = new Table(List.of(Column.left("ENDS", 0), Column.right("RUNS", 0), Column.right("CPU-HOURS", 0),
                Column.right("GPU-HOURS", 0)));
        for (Report.End end : report.total().ends().stream().limit(MAX_ENDS).toList()) {
            String why = end.reason() == null || end.reason().toString().startsWith(end.state().toString())
                    ? Objects.requireNonNullElse(end.reason(), end.state()).toString()
                    : end.state() + ": " + end.reason();
            table.row(List.of(Text.of(why.replace('_', ' '), JobListing.style(end.state())),
                    Text.of(Long.toString(end.runs())), Text.of(hours(end.cpuHours())),
                    end.gpuHours() == 0 ? Text.empty() : Text.of(hours(end.gpuHours()))));
        }
        page.blank().table(table);
    }

    private void rows() {
        // A narrow terminal must not lose the word CPU or GPU while it shows what stands behind it.
        Table table = new Table(List.of(Column.left("PERIOD", 0), Column.left(report.by().toUpperCase(Locale.ROOT),
                0), Column.right("RUNS", 0), Column.right("FAILED", 3), Column.right("CPU-HOURS", 9),
                Column.right("USED", 8), Column.right("WASTED", 9), Column.right("LOST", 7),
                Column.right("GPU-HOURS", 6), Column.right("USED", 5), Column.right("WASTED", 5),
                Column.right("LOST", 4), Column.right("GIB-HOURS WASTED", 2), Column.right("WAIT", 1)));
        for (Report.Row row : report.rows()) {
            List<Text> cells = new ArrayList<>(List.of(Table.cell(row.period(), period -> period),
                    Text.of(Objects.requireNonNullElse(row.key(), "-"), Style.STRONG),
                    Text.of(Long.toString(row.runs())),
                    Text.of(Long.toString(row.runs(JobState.FAILED)))));
            add(cells, row.cpu(), row.cpuHoursLost());
            add(cells, row.gpu(), row.gpuHoursLost());
            cells.add(Text.of(hours(row.memory().wasted())));
            cells.add(Table.cell(row.waiting().meanSeconds(), Units::duration));
            table.row(cells);
        }
        page.blank().table(table);
        if (report.groups() > report.rows().size()) {
            page.blank().line(report.rows().size() + " of " + report.groups() + " rows; more with --limit or --csv.");
        }
    }

    private static void add(List<Text> cells, Report.Hours hours, double lost) {
        double measured = hours.allocated() * (1 - Objects.requireNonNullElse(hours.notMeasured(), 1.0));
        boolean has = hours.allocated() > 0;
        cells.add(has ? Text.of(hours(hours.allocated())) : Text.empty());
        cells.add(measured > 0 ? Text.of(Units.percent(100 * hours.used() / measured)) : Text.empty());
        cells.add(has ? Text.of(hours(hours.wasted())) : Text.empty());
        cells.add(has ? Text.of(hours(lost)) : Text.empty());
    }

    private static String hours(double value) {
        return Units.number(value, value == 0 || value >= 99.95 ? 0 : 1);
    }
}
