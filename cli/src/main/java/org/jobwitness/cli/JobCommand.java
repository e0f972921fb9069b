package org.jobwitness.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jobwitness.cli.service.Answer;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.service.Service.Parameter;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.SeriesPage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code jobwitness job ID}. */
@Command(name = "job", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Shows one job: what it asked for, what it used, on each node and GPU, and how that went over time."})
final class JobCommand implements Callable<Integer> {
    /** More than a screen's line has of them, so that each of its characters has a point or two. */
    private static final int POINTS = 60;
    /** The service answers no more than 400,000 values at once: minimum, mean and maximum of each point. */
    private static final int MOST_POINTS = 100_000;
    private static final List<String> METRICS = List.of("cpu_usage_percent", "memory_usage_bytes",
            "utilization_percent", "memory_used_bytes");

    private final World world;

    @Mixin
    private Common common = new Common();

    @Mixin
    private WhichRun which = new WhichRun();

    JobCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() throws Problem {
        Service service = common.service(world);
        Answer answer = service.get(which.path(""), which.parameters());
        if (common.json()) {
            world.show(answer.json());
            return 0;
        }
        Job job = service.read(answer, Job.class);
        List<Parameter> parameters = new ArrayList<>(which.parameters());
        parameters.add(new Parameter("metric", String.join(",", METRICS)));
        parameters.add(new Parameter("points", Integer.toString(points(job))));
        SeriesPage series = service.get(SeriesPage.class, which.path("/series"), parameters);
        world.show(JobDetails.of(job, series, world.screen(), world.zone()));
        return 0;
    }

    /** Fewer for a job of many nodes. */
    private static int points(Job job) {
        long lines = 2L * Math.max(1, job.nodes().size())
                + 2L * (job.allocatedGpus() == null ? 0 : job.allocatedGpus());
        return Math.clamp(MOST_POINTS / lines, 2, POINTS);
    }
}
