package org.jobwitness.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.SeriesPage;

/** {@code jobwitness job ID}. */
final class JobCommand {
    /** More than a sparkline has characters, so that each of them has a point or two. */
    private static final int POINTS = 60;
    /** The service returns at most 400,000 values at once: minimum, mean and maximum of each point. */
    private static final int MAX_POINTS = 100_000;
    private static final List<String> METRICS = List.of("cpu_usage_percent", "memory_usage_bytes",
            "utilization_percent", "memory_used_bytes");

    private static final int DEFAULT_DELAY = 15;
    private static final Option WATCH = Option.optional("--watch", "SECONDS", "Show it again every so many seconds, 1.."
            + LivePage.MAX_DELAY + " (" + DEFAULT_DELAY + "), until the job ends or Ctrl-C; in place on a terminal.");

    static final Command COMMAND = new Command("job", RunOptions.OPERANDS,
            ServiceOptions.and(RunOptions.ALL, WATCH),
            List.of("Shows one job: what it asked for, what it used on each node and GPU, and its use over time."),
            JobCommand::run);

    private JobCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem, InterruptedException {
        Duration delay = delay(arguments);
        ServiceClient client = ServiceOptions.client(context, arguments);
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(client.get(RunOptions.path(arguments, ""), RunOptions.parameters(arguments)).json());
            return 0;
        }
        LivePage.show(context, delay, arguments.has(WATCH) ? Long.MAX_VALUE : 1,
                screen -> frame(context, arguments, client, screen));
        return 0;
    }

    private static Duration delay(Arguments arguments) throws Problem {
        boolean isUsual = "".equals(arguments.value(WATCH));
        return Duration.ofSeconds(isUsual
                ? DEFAULT_DELAY
                : arguments.number(WATCH, DEFAULT_DELAY, 1, LivePage.MAX_DELAY));
    }

    private static LivePage.Frame frame(CliContext context, Arguments arguments, ServiceClient client, Screen screen)
            throws Problem {
        Response response = client.get(RunOptions.path(arguments, ""), RunOptions.parameters(arguments));
        Job job = client.read(response, Job.class);
        List<Parameter> parameters = new ArrayList<>(RunOptions.parameters(arguments));
        parameters.add(new Parameter("metric", String.join(",", METRICS)));
        parameters.add(new Parameter("points", Integer.toString(points(job))));
        SeriesPage series = client.get(SeriesPage.class, RunOptions.path(arguments, "/series"), parameters);
        Page page = JobDetails.of(job, series, screen, context.zone());
        RunOptions.addPage(page, response);
        return new LivePage.Frame(page, job.state().isFinal());
    }

    /** Fewer for a job on many nodes. */
    private static int points(Job job) {
        long lines = 2L * Math.max(1, job.nodes().size())
                + 2L * (job.allocatedGpus() == null ? 0 : job.allocatedGpus());
        return Math.clamp(MAX_POINTS / lines, 2, POINTS);
    }
}
