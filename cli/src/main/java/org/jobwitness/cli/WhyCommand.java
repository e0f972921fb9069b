package org.jobwitness.cli;

import java.time.Duration;
import java.util.concurrent.Callable;
import org.jobwitness.cli.service.Answer;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.wire.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jobwitness why ID}. */
@Command(name = "why", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Tells why a job ended, whether it used what it asked for, and what to ask for next time.",
        "The exit status says whether that could be told, not how the job ended."})
final class WhyCommand implements Callable<Integer> {
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final World world;

    @Mixin
    private Common common = new Common();

    @Mixin
    private WhichRun which = new WhichRun();

    @Option(names = "--wait", paramLabel = "SECONDS", defaultValue = "0", description = "While the job has not ended, ask"
            + " again for so long. Its end may be heard of later than of the job's mail.")
    private int waitSeconds;

    WhyCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() throws Problem, InterruptedException {
        Service service = common.service(world);
        long began = System.nanoTime();
        Answer answer = service.get(which.path("/verdict"), which.parameters());
        Verdict verdict = service.read(answer, Verdict.class);
        while (!verdict.outcome().state().isFinal()
                && System.nanoTime() - began < Duration.ofSeconds(waitSeconds).toNanos()) {
            Thread.sleep(PAUSE);
            answer = service.get(which.path("/verdict"), which.parameters());
            verdict = service.read(answer, Verdict.class);
        }
        if (common.json()) {
            world.show(answer.json());
        } else {
            world.show(WhyPage.of(verdict, world.screen(), world.zone()));
        }
        return 0;
    }
}
