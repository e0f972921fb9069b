package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.text.Page;
import org.jobwitness.wire.NoticeState;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness notices}. */
final class NoticesCommand {
    private static final String PATH = "/v1/notices";

    static final Command COMMAND = new Command("notices", List.of("[on|off]"), ServiceOptions.and(List.of()),
            List.of("Shows or chooses whether you are told of your running jobs, such as of idle GPUs.",
                    "The server tells by mail or webhook, if your site has set it up. The choice is for all of your jobs."),
            NoticesCommand::run);

    private NoticesCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        ServiceClient client = ServiceOptions.client(context, arguments);
        Response response = answer(client, arguments.optionalOperand(0));
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
            return 0;
        }
        NoticeState state = client.read(response, NoticeState.class);
        Page page = new Page(context.screen());
        page.line("Notices about jobs of " + state.user() + " are " + (state.wanted() ? "on" : "off") + ".");
        page.line(state.channels().isEmpty()
                ? "This server tells nobody: your site has not set it up."
                : "This server tells by " + String.join(" and ", state.channels()) + ".");
        context.print(page);
        return 0;
    }

    private static Response answer(ServiceClient client, @Nullable String choice) throws Problem {
        if (choice == null) {
            return client.get(PATH, List.of());
        }
        if (!choice.equals("on") && !choice.equals("off")) {
            throw new Problem(Problem.Kind.USAGE, "notices takes on or off");
        }
        return client.post(PATH, "{\"wanted\":" + choice.equals("on") + "}");
    }
}
