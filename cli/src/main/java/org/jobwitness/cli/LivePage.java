package org.jobwitness.cli;

import java.time.Duration;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;

/** A page that is shown again and again: in place on a terminal, else one below the other. */
final class LivePage {
    static final int MAX_DELAY = 3600;
    private static final String CLEAR = "\u001b[H\u001b[2J";

    private LivePage() {
    }

    /**
     * What is shown once.
     *
     * @param isLast whether nothing will change any more
     */
    record Frame(Page page, boolean isLast) {
    }

    /** Makes what is shown. */
    interface Source {
        Frame next(Screen screen) throws Problem;
    }

    /** Shows it so many times, or until the last frame. */
    static void show(CliContext context, Duration delay, long count, Source source)
            throws Problem, InterruptedException {
        if (count == 1 || !context.screen().terminal()) {
            showBelow(context, delay, count, source);
            return;
        }
        boolean isLast = refresh(context, source);
        for (long refreshes = 1; refreshes < count && !isLast; refreshes++) {
            Thread.sleep(delay);
            try {
                isLast = refresh(context, source);
            } catch (Problem problem) {
                if (problem.kind() != Kind.UNAVAILABLE) {
                    throw problem;
                }
                // It may recover; the last page stays above.
                context.print(new Page(context.screen()).line(Text.of(String.valueOf(problem.getMessage()),
                        Style.BAD)));
            }
        }
    }

    private static void showBelow(CliContext context, Duration delay, long count, Source source)
            throws Problem, InterruptedException {
        boolean isLast = false;
        for (long shown = 0; shown < count && !isLast; shown++) {
            if (shown > 0) {
                Thread.sleep(delay);
            }
            Frame frame = source.next(context.screen());
            context.print(frame.page());
            isLast = frame.isLast();
        }
    }

    private static boolean refresh(CliContext context, Source source) throws Problem {
        TerminalSize size = TerminalSize.read(context);
        Frame frame = source.next(new Screen(size.columns(), context.screen().colours(), context.screen().unicode(),
                true));
        context.print(CLEAR);
        context.print(frame.page().atMost(size.rows() - 1));
        return frame.isLast();
    }
}
