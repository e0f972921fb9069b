package org.jobwitness.cli;

import java.util.concurrent.Callable;
import org.jobwitness.cli.service.Answer;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.wire.Job;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code jobwitness seff ID}. */
@Command(name = "seff", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Shows a job's efficiency in the layout of Slurm's seff, with its GPUs.",
        "Memory is the peak of the job's cgroup on each node, added up. It has the page cache in it, and all processes of"
                + " the job at the same moment. Slurm's MaxRSS is the largest resident set among its tasks, at the moments"
                + " when Slurm looked: without page cache, and of one task."})
final class SeffCommand implements Callable<Integer> {
    private final World world;

    @Mixin
    private Common common = new Common();

    @Mixin
    private WhichRun which = new WhichRun();

    SeffCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() throws Problem {
        Service service = common.service(world);
        Answer answer = service.get(which.path(""), which.parameters());
        if (common.json()) {
            world.show(answer.json());
        } else {
            world.show(SeffPage.of(service.read(answer, Job.class), world.screen()));
        }
        return 0;
    }
}
