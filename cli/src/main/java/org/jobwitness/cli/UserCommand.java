package org.jobwitness.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.cli.text.Graph;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.UserSummary;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness user NAME}. */
final class UserCommand {
    private static final int LABEL = 10;
    private static final int BAR = 20;
    private static final Option FROM = Option.of("--from", "TIME", "Since when, as of jobs; else the last 30 days.");
    private static final Option TO = Option.of("--to", "TIME", "Until when.");
    private static final Option CLUSTER = Option.of("--cluster", "NAME", "Only of this cluster.").orLetter("-M");

    static final Command COMMAND = new Command("user", List.of("NAME"), ServiceOptions.and(List.of(FROM, TO, CLUSTER)),
            List.of("Shows what a user's jobs were given and what they used of it, in the last 30 days or another time.",
                    "Hours are those that jobs had their CPUs and GPUs. Only the part of a job within the time counts."),
            UserCommand::run);

    private final Page page;

    private UserCommand(Page page) {
        this.page = page;
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        ServiceClient client = ServiceOptions.client(context, arguments);
        Response response = client.get("/v1/users/" + ServiceClient.encoded(arguments.operand(0)) + "/summary",
                List.of(new Parameter("from", TimeArgument.valueOf(context, arguments, FROM)),
                        new Parameter("to", TimeArgument.valueOf(context, arguments, TO)),
                        new Parameter("cluster", arguments.value(CLUSTER))));
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
            return 0;
        }
        Page page = new Page(context.screen());
        new UserCommand(page).show(client.read(response, UserSummary.class), context);
        context.print(page);
        return 0;
    }

    private void show(UserSummary summary, CliContext context) {
        page.line(Text.of(summary.user(), Style.STRONG).plus(", " + Units.time(summary.from(), context.zone())
                + " to " + Units.timeBeside(summary.to(), summary.from(), context.zone())));
        page.blank().paragraph("Jobs      ", " ".repeat(LABEL), Text.of(Units.count(summary.runs(), "run")
                + states(summary.states())));
        if (!summary.reasons().isEmpty()) {
            page.paragraph("Reasons   ", " ".repeat(LABEL), Text.of(counted(summary.reasons())));
        }
        use("CPU", summary.cpuUsage(), summary.cpuHours(), summary.cpuCoverage());
        if (summary.gpuHours() > 0) {
            use("GPU", summary.gpuUsage(), summary.gpuHours(), summary.gpuCoverage());
        }
        if (summary.memoryUsage() != null) {
            bar("Memory", summary.memoryUsage(), "at their peaks, on average");
        }
    }

    private static String states(Map<String, Long> states) {
        List<String> known = Arrays.stream(JobState.values()).map(JobState::toString)
                .filter(state -> states.getOrDefault(state, 0L) > 0).map(state -> states.get(state) + " " + state)
                .toList();
        return known.isEmpty() ? "" : ": " + String.join(", ", known);
    }

    private static String counted(Map<String, Long> reasons) {
        return reasons.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
                .map(reason -> reason.getValue() + " " + reason.getKey().replace('_', ' '))
                .collect(Collectors.joining(", "));
    }

    private void use(String what, @Nullable Double percent, double hours, @Nullable Double coverage) {
        String had = Units.number(hours, hours < 10 ? 1 : 0) + " " + what + "-hours";
        if (percent == null) {
            page.line(what + " ".repeat(LABEL - what.length()) + had + "; how much was used is not known");
        } else {
            bar(what, percent, "of " + had + (coverage == null || coverage > 0.995
                    ? ""
                    : ", of which " + Units.percent(100 * coverage) + " were measured"));
        }
    }

    private void bar(String label, double percent, String words) {
        String number = Units.percent(percent);
        page.line(Text.of(label + " ".repeat(LABEL - label.length()))
                .plus(Graph.bar(percent / 100, BAR, Style.PLAIN, page.screen()))
                .plus(" ".repeat(Math.max(1, 7 - number.length())) + number, Style.STRONG).plus("  " + words));
    }
}
