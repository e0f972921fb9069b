package org.jobwitness.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Text;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness jobs}. */
final class JobsCommand {
    private static final int DEFAULT_LIMIT = 25;
    private static final int MAX_LIMIT = 1000;
    private static final Option STATE = Option.of("--state", "STATE",
            "pending, running, completed, failed or cancelled; several with commas between.").orLetter("-s")
            .oneOf(words(JobState.values()));
    private static final Option REASON = Option.of("--reason", "REASON", "Such as out_of_memory or timeout.")
            .oneOf(words(Reason.values()));
    private static final Option FROM = Option.of("--from", "TIME", "Only those that ran at this time or later: 12h or"
            + " 1w ago, 2026-11-22, 2026-11-22T21:30, or another time that sacct takes, such as now-2days.")
            .orLetter("-S");
    private static final Option TO = Option.of("--to", "TIME", "Only those that ran before this time.").orLetter("-E");
    private static final Option SORT = Option.of("--sort", "ORDER", "-start_time (newest first), start_time, -end_time"
            + " or end_time.").oneOf(List.of("-start_time", "start_time", "-end_time", "end_time"));
    private static final Option LIMIT = Option.of("--limit", "COUNT", "At most this many, 1.." + MAX_LIMIT + " ("
            + DEFAULT_LIMIT + "; " + MAX_LIMIT + " with --csv and of each of several ids).").orLetter("-n");
    private static final Option CURSOR = Option.of("--cursor", "TEXT", "Continue a list, from its next_cursor.");

    private static final Option EFFICIENCY = Option.flag("--efficiency",
            "Show how much each used of its time limit, CPUs, memory and GPUs.");
    private static final Option CSV = Option.flag("--csv", "Show them as CSV.");

    static final Command COMMAND = new Command("jobs", List.of("[ID]..."),
            ServiceOptions.and(FilterOptions.ALL, STATE, REASON, FROM, TO, SORT, LIMIT, CURSOR, EFFICIENCY, CSV),
            List.of("Lists jobs, newest first, with what they use now, or used on average. With the id of a job array or a"
                    + " heterogeneous job: its tasks or components.",
                    "Of several jobs: their ids, ranges such as 1000-1020, output files such as slurm-4711.out, and folders of"
                            + " these.",
                    "MEMORY is the peak on each node, added up over nodes. A blank is not known."),
            JobsCommand::run);

    private JobsCommand() {
    }

    private static List<String> words(Object[] all) {
        return Arrays.stream(all).map(Object::toString).toList();
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        ServiceClient client = ServiceOptions.client(context, arguments);
        List<String> ids = JobIds.of(arguments.operands());
        if (ids.size() > 1 && (arguments.has(ServiceOptions.JSON) || arguments.has(CURSOR))) {
            throw new Problem(Problem.Kind.USAGE, "--json and --cursor take one id at most");
        }
        List<Job> jobs = new ArrayList<>();
        String cursor = null;
        long total = 0;
        boolean isCut = false;
        for (String id : ids.isEmpty() ? Collections.<@Nullable String>singletonList(null) : ids) {
            Response response = client.get("/v1/jobs", parameters(context, arguments, id));
            if (arguments.has(ServiceOptions.JSON)) {
                context.print(response.json());
                return 0;
            }
            JobPage page = client.read(response, JobPage.class);
            jobs.addAll(page.jobs());
            cursor = page.nextCursor();
            isCut |= cursor != null;
            total += page.total();
        }
        boolean areMany = ids.size() > 1;
        if (arguments.has(CSV)) {
            context.print(JobsCsv.of(jobs));
        } else {
            context.print(page(context, arguments, jobs, total, areMany ? null : cursor));
        }
        if (isCut && (areMany || arguments.has(CSV))) {
            context.errors().println("jobwitness: only " + jobs.size() + " of " + total + " jobs are shown; "
                    + (areMany ? "ask for the id of a large array alone" : "the next begin at --cursor=" + cursor));
        }
        return 0;
    }

    private static Page page(CliContext context, Arguments arguments, List<Job> jobs, long total,
            @Nullable String cursor) {
        Page page = new Page(context.screen());
        if (jobs.isEmpty()) {
            page.line("No matching jobs.");
        } else {
            page.table(arguments.has(EFFICIENCY)
                    ? Efficiency.of(jobs)
                    : JobListing.of(jobs, context.clock().instant(), context.zone()));
        }
        if (cursor != null) {
            page.blank().line(Text.of(jobs.size() + " of " + total + "; more with --limit=" + MAX_LIMIT + ", or"));
            page.toCopy(0, "--cursor=" + cursor);
        }
        return page;
    }

    private static List<Parameter> parameters(CliContext context, Arguments arguments, @Nullable String id)
            throws Problem {
        boolean ofMany = arguments.has(CSV) || arguments.operands().size() > 1;
        List<Parameter> parameters = new ArrayList<>(FilterOptions.parameters(context, arguments, id));
        parameters.add(new Parameter("state", arguments.value(STATE)));
        parameters.add(new Parameter("reason", arguments.value(REASON)));
        parameters.add(new Parameter("from", TimeArgument.valueOf(context, arguments, FROM)));
        parameters.add(new Parameter("to", TimeArgument.valueOf(context, arguments, TO)));
        parameters.add(new Parameter("sort", arguments.value(SORT)));
        parameters.add(new Parameter("limit",
                Long.toString(arguments.number(LIMIT, ofMany ? MAX_LIMIT : DEFAULT_LIMIT, 1, MAX_LIMIT))));
        parameters.add(new Parameter("cursor", arguments.value(CURSOR)));
        return parameters;
    }
}
