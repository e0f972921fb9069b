package org.jobwitness.cli;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.wire.Report;
import org.jobwitness.wire.ReportFaults;
import org.jobwitness.wire.ReportTalk;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness report}. */
final class ReportCommand {
    private static final int DEFAULT_LIMIT = 25;
    private static final int MAX_LIMIT = 10_000;
    private static final int TOPICS = 5;
    private static final int MAX_TOPICS = 20;
    private static final Option BY = Option
            .of("--by", "WHAT", "A row for each account (else), user, partition, cluster,"
                    + " node or gpu_model.")
            .oneOf(List.of("account", "user", "partition", "cluster", "node", "gpu_model"));
    private static final Option EVERY = Option.of("--every", "TIME", "And for each day, week or month.")
            .oneOf(List.of("day", "week", "month"));
    private static final Option FROM = Option.of("--from", "TIME",
            "The first day, in UTC, as for jobs; else 30 days ago.").orLetter("-S");
    private static final Option TO = Option.of("--to", "TIME", "The day after the last; else tomorrow.").orLetter("-E");
    private static final Option GPU_MODEL = Option.of("--gpu-model", "NAME", "Only runs with GPUs of this model.");
    private static final Option SORT = Option.of("--sort", "WHAT", "The largest first: cpu_hours (else), cpu_wasted,"
            + " gpu_hours, gpu_wasted, memory_wasted or runs.")
            .oneOf(List.of("cpu_hours", "cpu_wasted", "gpu_hours", "gpu_wasted", "memory_wasted", "runs"));
    private static final Option LIMIT = Option.of("--limit", "COUNT", "At most this many rows, 1.." + MAX_LIMIT + " ("
            + DEFAULT_LIMIT + "; " + MAX_LIMIT + " with --csv).").orLetter("-n");
    private static final Option CSV = Option.flag("--csv", "Show the rows as CSV.");

    private static final Option TALK = Option.flag("--talk",
            "Show where a change would free the most, and the lines for it.");
    private static final Option FAULTS = Option.flag("--faults",
            "Show nodes and GPUs on which more fails than chance explains; for operators.");
    private static final List<Option> OF_SUMS = List.of(BY, EVERY, GPU_MODEL, SORT, CSV);

    static final Command COMMAND = new Command("report", List.of(),
            ServiceOptions.and(FilterOptions.OF_REPORTS, BY, EVERY, FROM, TO, GPU_MODEL, SORT, LIMIT, CSV,
                    TALK, FAULTS),
            List.of("Shows where the hours go: what runs that ended in the last 30 days were given, used, wasted and lost.",
                    "Wasted is the unused part of the hours of which the use is known; lost are the hours of runs that"
                            + " failed or were cancelled. USED is of what was measured. A run counts on the day of its end."),
            ReportCommand::run);

    private ReportCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        if (arguments.has(TALK) || arguments.has(FAULTS)) {
            return worthATalk(context, arguments);
        }
        boolean csv = arguments.has(CSV);
        ServiceClient client = ServiceOptions.client(context, arguments);
        List<Parameter> parameters = new ArrayList<>(FilterOptions.ofReport(context, arguments));
        parameters.add(new Parameter("by", arguments.value(BY)));
        parameters.add(new Parameter("every", arguments.value(EVERY)));
        parameters.add(new Parameter("from", day(context, arguments, FROM)));
        parameters.add(new Parameter("to", day(context, arguments, TO)));
        parameters.add(new Parameter("gpu_model", arguments.value(GPU_MODEL)));
        parameters.add(new Parameter("sort", arguments.value(SORT)));
        parameters.add(new Parameter("limit",
                Long.toString(arguments.number(LIMIT, csv ? MAX_LIMIT : DEFAULT_LIMIT, 1, MAX_LIMIT))));
        parameters.add(new Parameter("format", csv ? "csv" : null));
        Response response = client.get("/v1/reports", parameters);
        if (csv) {
            context.print(response.csv());
            if (response.missingRows() > 0) {
                context.errors().println("jobwitness: " + response.missingRows() + " of " + response.rows()
                        + " rows are left out, the smallest; ask for a shorter period or for one account");
            }
        } else if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
        } else {
            context.print(ReportPage.of(client.read(response, Report.class), context.screen()));
        }
        return 0;
    }

    private static int worthATalk(CliContext context, Arguments arguments) throws Problem {
        boolean talk = arguments.has(TALK);
        for (Option option : OF_SUMS) {
            if (arguments.has(option) || (talk && arguments.has(FAULTS))) {
                throw new Problem(Problem.Kind.USAGE, (talk ? "--talk" : "--faults") + " does not go with "
                        + (arguments.has(option) ? option.name() : "--faults"));
            }
        }
        List<Parameter> parameters = new ArrayList<>(FilterOptions.ofReport(context, arguments));
        parameters.add(new Parameter("from", day(context, arguments, FROM)));
        parameters.add(new Parameter("to", day(context, arguments, TO)));
        if (talk) {
            parameters.add(new Parameter("limit", Long.toString(arguments.number(LIMIT, TOPICS, 1, MAX_TOPICS))));
        }
        ServiceClient client = ServiceOptions.client(context, arguments);
        Response response = client.get(talk ? "/v1/reports/talk" : "/v1/reports/faults", parameters);
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
        } else if (talk) {
            context.print(TalkPage.of(client.read(response, ReportTalk.class), context.screen()));
        } else {
            context.print(TalkPage.of(client.read(response, ReportFaults.class), context.screen()));
        }
        return 0;
    }

    /** A date stays the same day; of another time it is the day in UTC. */
    private static @Nullable String day(CliContext context, Arguments arguments, Option option) throws Problem {
        String typed = arguments.value(option);
        String time = TimeArgument.valueOf(context, arguments, option);
        if (typed == null || time == null) {
            return null;
        }
        boolean isDate = typed.matches("[0-9]{4}-[0-9]{2}-[0-9]{2}");
        return LocalDate.ofInstant(Instant.parse(time), isDate ? context.zone() : ZoneOffset.UTC).toString();
    }
}
