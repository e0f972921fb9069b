package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.ArrayVerdict;
import org.jspecify.annotations.Nullable;

/** How the tasks of a job array ended, below its summary and above the page of one of them. */
final class ArrayPage {
    private static final int INDENT = 2;

    private ArrayPage() {
    }

    static void add(Page page, ArrayVerdict array) {
        if (array.ends().isEmpty()) {
            return;
        }
        Table table = new Table(
                List.of(Column.left("  ENDS", 0), Column.right("TASKS", 0), Column.right("CPU-HOURS", 1),
                        Column.left("LIST", 0)));
        for (ArrayVerdict.End end : array.ends()) {
            table.row(List.of(Text.of("  ").plus(words(end), JobListing.style(end.state())),
                    Text.of(Long.toString(end.tasks())), Text.of(Units.number(end.cpuHours(), 1)),
                    Text.of(end.list())));
        }
        page.table(table).blank();
        for (ArrayVerdict.End end : array.ends()) {
            ArrayVerdict.Example example = end.example();
            if (example != null) {
                page.paragraph(INDENT, Text.of(example.id() + ": ", Style.STRONG).plus(example.headline()));
                example.lines().forEach(line -> page.toCopy(2 * INDENT, line));
                page.blank();
            }
        }
        task(page, "Typical", array.typical());
        task(page, "Worst", array.worst());
        if (array.again() != null) {
            page.paragraph(INDENT, Text.of("To submit the " + Units.count(array.again().tasks(), "task")
                    + " again that did not complete:"));
            page.toCopy(2 * INDENT, array.again().line());
        }
        page.paragraph(INDENT, Text.of("For all tasks: ").plus(array.next().sentence()));
        array.next().lines().forEach(line -> page.toCopy(2 * INDENT, line));
        page.blank();
    }

    private static String words(ArrayVerdict.End end) {
        return end.reason() == null
                ? end.state().toString()
                : (end.state() + ": " + end.reason()).replace('_', ' ');
    }

    private static void task(Page page, String what, ArrayVerdict.@Nullable Task task) {
        if (task != null) {
            page.line("  " + what + ": " + task.id() + ", " + Units.duration(task.runtimeSeconds())
                    + (task.cpuPercent() == null ? "" : ", " + Units.percent(task.cpuPercent()) + " of its CPUs")
                    + (task.memoryPeakMb() == null ? "" : ", " + Units.mebibytes(task.memoryPeakMb()) + " of memory"));
        }
    }
}
