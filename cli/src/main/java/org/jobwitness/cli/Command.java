package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;

/** A command: how it is typed, and what it does. */
interface Command {
    /** As it is typed: {@code why}. */
    String name();

    /** Paragraphs for its help; the first is also its line in the list of commands. */
    List<String> description();

    List<Option> options();

    /** Names of what is typed beside the options, such as {@code ID}. */
    default List<String> operands() {
        return List.of();
    }

    /** Returns the exit status. */
    int run(CliContext context, Arguments arguments) throws Problem, InterruptedException;
}
