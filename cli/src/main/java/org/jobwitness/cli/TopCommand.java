package org.jobwitness.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.cli.service.Answer;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.service.Service.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobPage;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code jobwitness top}. It asks for the list again and again, rather than follow the service's stream: the figures of a job
 * come every 15 seconds, a list is one statement for the service, and there may be more who watch than streams.
 */
@Command(name = "top", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Shows the jobs that run, and what they use now; until Ctrl-C where it is looked at, else once."})
final class TopCommand implements Callable<Integer> {
    private static final String CLEAR = "\u001b[H\u001b[2J";
    private static final int ROWS = 24;
    private static final Pattern SIZE = Pattern.compile("([1-9][0-9]{0,4}) ([1-9][0-9]{0,4})\\s");

    private final World world;

    @Mixin
    private Common common = new Common();

    @Mixin
    private Filter filter = new Filter();

    @Option(names = {"-o",
            "--order"}, paramLabel = "WHAT", defaultValue = "cpu", description = "${COMPLETION-CANDIDATES}: the most first (${DEFAULT-VALUE}).")
    private Order order = Order.cpu;

    @Option(names = {"-d",
            "--delay"}, paramLabel = "SECONDS", defaultValue = "5", description = "From one look to the next, 1..3600 (${DEFAULT-VALUE}).")
    private int delay;

    @Option(names = {"-n", "--count"}, paramLabel = "LOOKS", description = "Ends after so many.")
    private @Nullable Integer count;

    /** By what rows are sorted; spelled as it is typed. */
    enum Order {
        cpu,
        memory,
        gpu,
        time;

        private @Nullable Double figure(Job job) {
            return switch (this) {
                case cpu -> job.cpuUsage();
                case memory -> job.memoryUsageMb();
                case gpu -> job.gpuUsage();
                case time -> job.runtimeSeconds();
            };
        }

        Comparator<Job> most() {
            return Comparator.comparingDouble((Job job) -> {
                Double figure = figure(job);
                return figure == null ? -1 : figure;
            }).reversed();
        }
    }

    /** Rows and columns of the terminal. */
    private record Size(int rows, int columns) {
    }

    TopCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() throws Problem, InterruptedException {
        if (delay < 1 || delay > 3600 || (count != null && count < 1)) {
            throw new Problem(Kind.USAGE, "--delay must be 1..3600, --count 1 or more");
        }
        Service service = common.service(world);
        boolean live = world.screen().terminal() && !common.json();
        long looks = count != null ? count : live ? Long.MAX_VALUE : 1;
        look(service, live);
        for (long look = 1; look < looks; look++) {
            Thread.sleep(Duration.ofSeconds(delay));
            try {
                look(service, live);
            } catch (Problem problem) {
                if (problem.kind() != Kind.AWAY) {
                    throw problem;
                }
                // It may come back; what was shown last stays above.
                world.show(new Page(world.screen()).line(Text.of(String.valueOf(problem.getMessage()), Style.BAD)));
            }
        }
        return 0;
    }

    private void look(Service service, boolean live) throws Problem {
        List<Parameter> parameters = new ArrayList<>(filter.parameters(world));
        parameters.addAll(List.of(new Parameter("state", "running"), new Parameter("limit", "1000")));
        Answer answer = service.get("/v1/jobs", parameters);
        if (common.json()) {
            world.show(answer.json());
            return;
        }
        JobPage running = service.read(answer, JobPage.class);
        Size size = live ? size() : new Size(Integer.MAX_VALUE, world.screen().columns());
        Screen screen = new Screen(size.columns, world.screen().colours(), world.screen().unicode(), live);
        Page page = new Page(screen).line(summary(running));
        if (!running.jobs().isEmpty()) {
            page.blank().table(JobTable.of(running.jobs().stream().sorted(order.most()).toList(),
                    world.clock().instant(), world.zone()));
        }
        if (live) {
            world.show(CLEAR);
            page.atMost(size.rows - 1);
        }
        world.show(page);
    }

    private Text summary(JobPage running) {
        long nodes = running.jobs().stream()
                .flatMap(job -> job.nodes().stream().map(node -> job.cluster() + " " + node))
                .distinct().count();
        long cpus = running.jobs().stream().map(Job::allocatedCpus).mapToLong(n -> n == null ? 0 : n).sum();
        long gpus = running.jobs().stream().map(Job::allocatedGpus).mapToLong(n -> n == null ? 0 : n).sum();
        return Text.of(Units.count(running.total(), "job"), Style.STRONG)
                .plus(" running"
                        + (running.total() > running.jobs().size()
                                ? ", the newest " + running.jobs().size() + " of them"
                                : "")
                        + " on "
                        + Units.count(nodes, "node") + ", with " + Units.count(cpus, "CPU") + " and "
                        + Units.count(gpus, "GPU") + "; " + Units.time(world.clock().instant(), world.zone()));
    }

    /** Asked anew for each look, since windows change. */
    private Size size() {
        Size unknown = new Size(ROWS, world.screen().columns());
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(ProcessBuilder.Redirect.from(
                    world.root().resolve("dev/tty").toFile())).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            Matcher size = SIZE.matcher(new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII));
            return stty.waitFor(1, TimeUnit.SECONDS) && size.lookingAt()
                    ? new Size(Integer.parseInt(size.group(1)), Integer.parseInt(size.group(2)))
                    : unknown;
        } catch (IOException e) {
            return unknown;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return unknown;
        }
    }
}
