package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;

/** What {@code --help} shows, of all commands or of one. */
final class HelpPage {
    private static final int LABEL = 30;
    private static final String EXIT_STATUS = "Exit status: 0 answered, 1 not found, or a problem found, 2 wrong usage or"
            + " setting, 3 service unavailable, 4 authentication required or rejected, 70 a bug in this command.";

    private HelpPage() {
    }

    static Page ofAll(List<Command> commands, List<Option> options, Screen screen) {
        Page page = new Page(screen).paragraph(0, Text.of("Usage: jobwitness COMMAND [OPTION]... [ID]"));
        page.blank().paragraph(0,
                Text.of("Shows what each job of a Slurm cluster really used, and why it ended.")).blank();
        commands.forEach(command -> entry(page, command.name(), command.description().getFirst()));
        page.blank();
        options.forEach(option -> entry(page, option.usage(), option.description()));
        return page.blank().paragraph(0,
                Text.of("jobwitness COMMAND --help shows the options of a command. " + EXIT_STATUS));
    }

    static Page of(Command command, List<Option> options, Screen screen) {
        Page page = new Page(screen).paragraph(0, Text.of("Usage: jobwitness " + command.name() + " [OPTION]..."
                + String.join("", command.operands().stream().map(name -> " " + name).toList())));
        command.description().forEach(paragraph -> page.blank().paragraph(0, Text.of(paragraph)));
        page.blank();
        options.forEach(option -> entry(page, option.usage(), option.description()));
        return page;
    }

    private static void entry(Page page, String label, String description) {
        String indented = "  " + label;
        page.paragraph("", " ".repeat(LABEL), Text.of(indented + " ".repeat(Math.max(2, LABEL - indented.length())),
                Style.STRONG).plus(description));
    }
}
