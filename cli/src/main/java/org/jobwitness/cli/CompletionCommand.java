package org.jobwitness.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;

/** {@code jobwitness completion}. */
@Command(name = "completion", mixinStandardHelpOptions = true, versionProvider = Version.class, description = {
        "Prints what makes bash and zsh complete commands and options: source <(jobwitness completion)"})
final class CompletionCommand implements Callable<Integer> {
    private final World world;

    CompletionCommand(World world) {
        this.world = world;
    }

    @Override
    public Integer call() {
        world.show(AutoComplete.bash("jobwitness", Jobwitness.commandLine(world)));
        return 0;
    }
}
