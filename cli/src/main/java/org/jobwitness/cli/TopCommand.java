package org.jobwitness.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.service.Response;
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
    private static final String CLEAR = "\u001b[H\u001b[2J";
    private static final int DEFAULT_DELAY = 5;
    private static final int MAX_DELAY = 3600;
    private static final Option ORDER = Option.of("--order", "WHAT", Order.NAMES + ": the highest first (" + Order.cpu
            + ").").orLetter("-o");
    private static final Option DELAY = Option.of("--delay", "SECONDS", "Seconds between refreshes, 1.." + MAX_DELAY
            + " (" + DEFAULT_DELAY + ").").orLetter("-d");
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
        Duration delay = Duration.ofSeconds(arguments.number(DELAY, DEFAULT_DELAY, 1, MAX_DELAY));
        boolean live = context.screen().terminal() && !arguments.has(ServiceOptions.JSON);
        long count = arguments.number(COUNT, live ? Long.MAX_VALUE : 1, 1, Long.MAX_VALUE);
        Order order = Order.of(arguments.value(ORDER));
        ServiceClient client = ServiceOptions.client(context, arguments);
        refresh(context, arguments, client, order);
        for (long refreshes = 1; refreshes < count; refreshes++) {
            Thread.sleep(delay);
            try {
                refresh(context, arguments, client, order);
            } catch (Problem problem) {
                if (problem.kind() != Kind.UNAVAILABLE) {
                    throw problem;
                }
                // It may recover; the last list stays above.
                context.print(new Page(context.screen()).line(Text.of(String.valueOf(problem.getMessage()),
                        Style.BAD)));
            }
        }
        return 0;
    }

    private static void refresh(CliContext context, Arguments arguments, ServiceClient client, Order order)
            throws Problem {
        List<Parameter> parameters = new ArrayList<>(FilterOptions.parameters(context, arguments));
        parameters.addAll(List.of(new Parameter("state", "running"), new Parameter("limit", "1000")));
        Response response = client.get("/v1/jobs", parameters);
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
            return;
        }
        boolean live = context.screen().terminal();
        JobPage running = client.read(response, JobPage.class);
        TerminalSize size = live
                ? TerminalSize.read(context)
                : new TerminalSize(Integer.MAX_VALUE, context.screen().columns());
        Screen screen = new Screen(size.columns(), context.screen().colours(), context.screen().unicode(), live);
        Page page = new Page(screen).line(summary(context, running));
        if (!running.jobs().isEmpty()) {
            page.blank().table(JobListing.of(running.jobs().stream().sorted(order.highestFirst()).toList(),
                    context.clock().instant(), context.zone()));
        }
        if (live) {
            context.print(CLEAR);
            page.atMost(size.rows() - 1);
        }
        context.print(page);
    }

    private static Text summary(CliContext context, JobPage running) {
        long nodes = running.jobs().stream()
                .flatMap(job -> job.nodes().stream().map(node -> job.cluster() + " " + node))
                .distinct().count();
        long cpus = running.jobs().stream().map(Job::allocatedCpus).mapToLong(n -> n == null ? 0 : n).sum();
        long gpus = running.jobs().stream().map(Job::allocatedGpus).mapToLong(n -> n == null ? 0 : n).sum();
        String newest = running.total() > running.jobs().size() ? ", newest " + running.jobs().size() : "";
        return Text.of(Units.count(running.total(), "job"), Style.STRONG)
                .plus(" running" + newest + " on " + Units.count(nodes, "node") + ", with " + Units.count(cpus, "CPU")
                        + " and " + Units.count(gpus, "GPU") + "; "
                        + Units.time(context.clock().instant(), context.zone()));
    }
}
