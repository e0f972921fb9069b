package org.jobwitness.cli;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jobwitness.cli.service.Answer;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.service.Service.Parameter;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Text;
import org.jobwitness.wire.JobPage;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jobwitness jobs}. */
@Command(name = "jobs", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Lists jobs, newest first, with what they use, or used on average."}, footer = {"",
                "MEMORY is the highest of each node, added up. A blank is not known."})
final class JobsCommand implements Callable<Integer> {
    private final World world;

    @Mixin
    private Common common = new Common();

    @Mixin
    private Filter filter = new Filter();

    @Option(names = {"-s",
            "--state"}, paramLabel = "STATE", description = "pending, running, completed, failed or cancelled.")
    private @Nullable String state;

    @Option(names = "--reason", paramLabel = "REASON", description = "Such as out_of_memory or timeout.")
    private @Nullable String reason;

    @Option(names = "--from", paramLabel = "TIME", description = "Only those that ran at this time or later: 2026-11-22, 2026-11-22T21:30, or 12h for 12 hours ago.")
    private @Nullable String from;

    @Option(names = "--to", paramLabel = "TIME", description = "Only those that ran before this time.")
    private @Nullable String to;

    @Option(names = "--sort", paramLabel = "ORDER", description = "-start_time (newest first), start_time, -end_time or"
            + " end_time.")
    private @Nullable String sort;

    @Option(names = {"-n",
            "--limit"}, paramLabel = "COUNT", defaultValue = "25", description = "How many at most, 1..1000 (${DEFAULT-VALUE}).")
    private int limit;

    @Option(names = "--cursor", paramLabel = "TEXT", description = "Goes on where a list ended, by its next_cursor.")
    private @Nullable String cursor;

    JobsCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() throws Problem {
        Service service = common.service(world);
        List<Parameter> parameters = new ArrayList<>(filter.parameters(world));
        parameters.addAll(List.of(new Parameter("state", state), new Parameter("reason", reason),
                new Parameter("from", time("--from", from)), new Parameter("to", time("--to", to)),
                new Parameter("sort", sort), new Parameter("limit", Integer.toString(limit)),
                new Parameter("cursor", cursor)));
        Answer answer = service.get("/v1/jobs", parameters);
        if (common.json()) {
            world.show(answer.json());
            return 0;
        }
        JobPage jobs = service.read(answer, JobPage.class);
        Page page = new Page(world.screen());
        if (jobs.jobs().isEmpty()) {
            page.line("No job is known to which this applies.");
        } else {
            page.table(JobTable.of(jobs.jobs(), world.clock().instant(), world.zone()));
        }
        if (jobs.nextCursor() != null) {
            page.blank().line(Text.of(jobs.jobs().size() + " of " + jobs.total() + "; more with --limit=1000, or"));
            page.toCopy(0, "--cursor=" + jobs.nextCursor());
        }
        world.show(page);
        return 0;
    }

    private @Nullable String time(String option, @Nullable String typed) throws Problem {
        Instant now = world.clock().instant();
        return typed == null ? null : When.parse(option, typed, now, world.zone()).toString();
    }
}
