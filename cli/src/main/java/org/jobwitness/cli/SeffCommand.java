package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.wire.Job;

/** {@code jobwitness seff ID}. */
final class SeffCommand {
    static final Command COMMAND = new Command("seff", RunOptions.OPERANDS,
            ServiceOptions.and(RunOptions.ALL),
            List.of("Shows a job's efficiency in the layout of Slurm's seff, with its GPUs.",
                    "Memory is the peak of the job's cgroup on each node, added up over nodes: all of its processes at the same"
                            + " moment, and page cache. Slurm's MaxRSS is the largest resident set of a single task at the"
                            + " moments when Slurm sampled it, without page cache."),
            SeffCommand::run);

    private SeffCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        ServiceClient client = ServiceOptions.client(context, arguments);
        Response response = client.get(RunOptions.path(arguments, ""), RunOptions.parameters(arguments));
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
        } else {
            context.print(SeffPage.of(client.read(response, Job.class), context.screen()));
        }
        return 0;
    }
}
