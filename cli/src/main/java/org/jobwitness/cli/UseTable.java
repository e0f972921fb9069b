package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.text.Graph;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Verdict.ResourceUse;
import org.jobwitness.wire.Verdict.Use;
import org.jspecify.annotations.Nullable;

/** What a run asked for, may use and used: a row with a bar for each resource, and below it what is not known. */
final class UseTable {
    private static final int BAR = 20;
    private static final int SHORT_BAR = 10;
    private static final int WIDE = 80;

    private UseTable() {
    }

    static void add(Page page, Use use) {
        Screen screen = page.screen();
        Table table = new Table(List.of(Column.left("", 0), Column.right("ASKED", 1), Column.right("MAY USE", 4),
                Column.right("USED", 5), Column.right("", 3), Column.left("", 2)));
        List<ResourceUse> resources = use.resources().stream().filter(one -> !isNone(one)).toList();
        for (ResourceUse one : resources) {
            Double part = part(one);
            table.row(List.of(Text.of("  " + name(one)), Table.cell(one.asked(), asked -> amount(one, asked)),
                    Table.cell(one.allowed(), allowed -> amount(one, allowed)), used(one),
                    Table.cell(part, share -> Units.percent(100 * share)), bar(part, screen)));
        }
        page.table(table);
        for (ResourceUse one : resources) {
            String more = one.absent() == null ? one.note() : one.absent();
            if (more != null) {
                page.paragraph("  ", "    ", Text.of(name(one) + ": " + more, Style.FAINT));
            }
        }
        if (use.coverage() != null && use.coverage() < 0.995) {
            page.paragraph(2, Text.of(Units.percent(100 * use.coverage()) + " of its time was measured", Style.FAINT));
        }
    }

    private static Text used(ResourceUse use) {
        if (use.used() == null) {
            return Text.of(use.absent() == null ? "" : "not known", Style.FAINT);
        }
        return Text.of(amount(use, use.used()), Style.STRONG);
    }

    private static Text bar(@Nullable Double part, Screen screen) {
        return part == null
                ? Text.empty()
                : Graph.bar(part, screen.columns() < WIDE ? SHORT_BAR : BAR, Style.PLAIN, screen);
    }

    /** No GPU. */
    private static boolean isNone(ResourceUse use) {
        return use.used() != null && use.used() == 0 && use.allowed() != null && use.allowed() == 0;
    }

    /** Null if there is nothing to divide by. */
    private static @Nullable Double part(ResourceUse use) {
        return use.used() == null || use.allowed() == null || use.allowed() <= 0
                ? null
                : Double.valueOf(use.used() / use.allowed());
    }

    private static String name(ResourceUse use) {
        return switch (use.resource()) {
            case TIME, MEMORY -> use.resource().toString();
            case CPU -> "CPUs";
            case GPU -> "GPUs";
        };
    }

    private static String amount(ResourceUse use, double value) {
        return switch (use.resource()) {
            case TIME -> Units.duration(value);
            case MEMORY -> Units.bytes(value);
            case CPU, GPU -> Units.number(value, value == Math.rint(value) ? 0 : 1);
        };
    }
}
