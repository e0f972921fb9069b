package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;

/**
 * A command: how it is typed, and what it does.
 *
 * @param operands names of what is typed beside the options, such as {@code ID}
 * @param description paragraphs for its help; the first is also its line in the list of commands
 */
record Command(String name, List<String> operands, List<Option> options, List<String> description, Action action) {

    /** Runs with arguments that are among the options and operands, and returns the exit status. */
    interface Action {
        int run(CliContext context, Arguments arguments) throws Problem, InterruptedException;
    }
}
