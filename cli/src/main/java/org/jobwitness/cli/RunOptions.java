package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobId;

/** Which run of which job is meant. */
final class RunOptions {
    static final List<String> OPERANDS = List.of("ID");
    private static final Option CLUSTER = Option.of("--cluster", "NAME",
            "The cluster, where several use the same ids.");
    private static final Option RUN = Option.of("--run", "NUMBER",
            "One run of a job that was requeued; else the newest."
                    + " jobwitness jobs ID lists them.");
    static final List<Option> ALL = List.of(CLUSTER, RUN);

    private RunOptions() {
    }

    /** @param below such as {@code /series}, or nothing for the job itself */
    static String path(Arguments arguments, String below) throws Problem {
        try {
            return "/v1/jobs/" + ServiceClient.encoded(JobId.asked("ID", arguments.operand(0))) + below;
        } catch (InvalidFieldException e) {
            throw new Problem(Kind.USAGE, String.valueOf(e.getMessage()));
        }
    }

    /** Where a browser shows the run, as a last line; nothing where the service does not know. */
    static void addPage(Page page, Response response) {
        response.page().ifPresent(address -> page.blank().line("In a browser:").toCopy(2, address));
    }

    /** Whether the id may be that of a job array or a heterogeneous job, of which only the job itself has a summary. */
    static boolean mayBeWhole(Arguments arguments) throws Problem {
        return path(arguments, "").matches("/v1/jobs/[0-9]+");
    }

    static List<Parameter> parameters(Arguments arguments) throws Problem {
        arguments.number(RUN, 1, 1, Long.MAX_VALUE);
        return List.of(new Parameter("cluster", arguments.value(CLUSTER)), new Parameter("run", arguments.value(RUN)));
    }
}
