package org.jobwitness.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobPage;
import org.jspecify.annotations.Nullable;

/**
 * {@code jobwitness top}. It polls the list instead of following the service's stream: figures of a job change every 15 seconds,
 * a list is one statement for the service, and the number of streams is limited.
 */
final class TopCommand {
    private static final int DEFAULT_DELAY = 5;
    private static final Option ORDER = Option.of("--order", "WHAT", Order.NAMES + ": the highest first (" + Order.cpu
            + ").").orLetter("-o").oneOf(Arrays.stream(Order.values()).map(Order::name).toList());
    private static final Option DELAY = Option
            .of("--delay", "SECONDS", "Seconds between refreshes, 1.." + LivePage.MAX_DELAY
                    + " (" + DEFAULT_DELAY + ").")
            .orLetter("-d");
    private static final Option COUNT = Option.of("--count", "NUMBER", "End after this many refreshes.")
            .orLetter("-n");

    static final Command COMMAND = new Command("top", FilterOptions.OPERANDS,
            ServiceOptions.and(FilterOptions.ALL, ORDER, DELAY, COUNT),
            List.of("Shows running jobs and what they use now; refreshes until Ctrl-C on a terminal, prints once"
                    + " otherwise."),
            TopCommand::run);

    private TopCommand() {
    }

    /** By what rows are sorted; spelled as it is typed. */
    enum Order {
        cpu,
        memory,
        gpu,
        time;

        private static final String NAMES = Arrays.stream(values()).map(Order::name).collect(Collectors.joining(", "));

        private @Nullable Double figure(Job job) {
            return switch (this) {
                case cpu -> job.cpuUsage();
                case memory -> job.memoryUsageMb();
                case gpu -> job.gpuUsage();
                case time -> job.runtimeSeconds();
            };
        }

        Comparator<Job> highestFirst() {
            return Comparator.comparingDouble((Job job) -> {
                Double figure = figure(job);
                return figure == null ? -1 : figure;
            }).reversed();
        }

        static Order of(@Nullable String typed) throws Problem {
            return typed == null
                    ? cpu
                    : Arrays.stream(values()).filter(order -> order.name().equals(typed)).findFirst().orElseThrow(
                            () -> new Problem(Kind.USAGE, "--order must be one of " + NAMES + ", was \"" + typed
                                    + "\""));
        }
    }

    private static int run(CliContext context, Arguments arguments) throws Problem, InterruptedException {
        Duration delay = Duration.ofSeconds(arguments.number(DELAY, DEFAULT_DELAY, 1, LivePage.MAX_DELAY));
        long count = arguments.number(COUNT, context.screen().terminal() ? Long.MAX_VALUE : 1, 1, Long.MAX_VALUE);
        Order order = Order.of(arguments.value(ORDER));
        ServiceClient client = ServiceOptions.client(context, arguments);
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(client.get("/v1/jobs", parameters(context, arguments)).json());
            return 0;
        }
        LivePage.show(context, delay, count, screen -> new LivePage.Frame(page(context,
                client.get(JobPage.class, "/v1/jobs", parameters(context, arguments)), order, screen), false));
        return 0;
    }

    private static List<Parameter> parameters(CliContext context, Arguments arguments) {
        List<Parameter> parameters = new ArrayList<>(
                FilterOptions.parameters(context, arguments, arguments.optionalOperand(0)));
        parameters.addAll(List.of(new Parameter("state", "running"), new Parameter("limit", "1000")));
        return parameters;
    }

    private static Page page(CliContext context, JobPage running, Order order, Screen screen) {
        Page page = new Page(screen).paragraph(0, summary(context, running));
        return running.jobs().isEmpty()
                ? page
                : page.blank().table(JobListing.of(running.jobs().stream().sorted(order.highestFirst()).toList(),
                        context.clock().instant(), context.zone()));
    }

    private static Text summary(CliContext context, JobPage running) {
        long nodes = running.jobs().stream()
                .flatMap(job -> job.nodes().stream().map(node -> job.cluster() + " " + node))
                .distinct().count();
        long cpus = running.jobs().stream().map(Job::allocatedCpus).mapToLong(n -> n == null ? 0 : n).sum();
        long gpus = running.jobs().stream().map(Job::allocatedGpus).mapToLong(n -> n == null ? 0 : n).sum();
        String newest = running.total() > running.jobs().size() ? ", newest " + running.jobs().size() : "";
        Instant now = context.clock().instant();
        return Text.of(Units.count(running.total(), "job"), Style.STRONG)
                .plus(" running" + newest + " on " + Units.count(nodes, "node") + ", with " + Units.count(cpus, "CPU")
                        + " and " + Units.count(gpus, "GPU") + "; "
                        + Units.timeBeside(now, now, context.zone()));
    }
}
