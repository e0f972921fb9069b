package org.jobwitness.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.Map;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Text;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;

/** {@code jobwitness}: each of its commands has a class of its own. */
@Command(name = "jobwitness", versionProvider = Version.class, mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND", description = {
        "Tells what each job of a Slurm cluster really used, and why it ended."}, footer = {"",
                "jobwitness COMMAND --help tells more of each. Exit status: 0 answered, 1 not found, or a problem"
                        + " found, 2 typed or set wrongly, 3 the service is away, 4 it wants a token, or another"
                        + " one, 70 a bug of this command."})
final class Jobwitness {
    private static final int BUG = 70;
    /** Of a screen that nobody looks at: a pipe, a file, a mail. */
    private static final int PAPER = 100;

    private Jobwitness() {
    }

    public static void main(String[] arguments) {
        System.exit(run(here(), arguments));
    }

    /** Runs one command, and answers the exit status. */
    static int run(World world, String... arguments) {
        int status = typed(world, arguments).execute(arguments);
        world.out().flush();
        return status;
    }

    /** With all commands, which --help and the shell's completion show. */
    static CommandLine commandLine(World world) {
        return commandLine(world, Verb.values());
    }

    /** The one that was typed is enough, and made sooner than all. */
    private static CommandLine typed(World world, String... arguments) {
        return Arrays.stream(Verb.values()).filter(verb -> arguments.length > 0 && verb.name().equals(arguments[0]))
                .findFirst().map(verb -> commandLine(world, verb)).orElseGet(() -> commandLine(world));
    }

    private static CommandLine commandLine(World world, Verb... verbs) {
        CommandLine line = new CommandLine(new Jobwitness());
        for (Verb verb : verbs) {
            line.addSubcommand(verb.name(), verb.command(world));
        }
        Charset charset = world.out().charset();
        return line.setOut(new PrintWriter(world.out(), true, charset))
                .setErr(new PrintWriter(world.errors(), true, charset))
                .setColorScheme(CommandLine.Help.defaultColorScheme(world.screen().colours() ? Ansi.ON : Ansi.OFF))
                .setUsageHelpWidth(Math.clamp(world.screen().columns(), 60, 120))
                .setExecutionExceptionHandler((problem, _, _) -> failed(world, problem));
    }

    /** What can be asked for, as it is typed. */
    private enum Verb {
        jobs,
        job,
        why,
        seff,
        top,
        doctor,
        completion;

        Object command(World world) {
            return switch (this) {
                case jobs -> new JobsCommand(world);
                case job -> new JobCommand(world);
                case why -> new WhyCommand(world);
                case seff -> new SeffCommand(world);
                case top -> new TopCommand(world);
                case doctor -> new DoctorCommand(world);
                case completion -> new CompletionCommand(world);
            };
        }
    }

    private static int failed(World world, Exception exception) {
        if (exception instanceof Problem problem) {
            world.errors().println("jobwitness: " + Text.of(String.valueOf(problem.getMessage())).plain());
            return problem.kind().exitStatus();
        }
        world.errors().println("jobwitness: this is a bug; please report it:");
        exception.printStackTrace(world.errors());
        return BUG;
    }

    /** The launcher says in {@code jobwitness.columns} how wide the terminal is, if standard output is one. */
    static World here() {
        Map<String, String> environment = System.getenv();
        PrintStream out = System.out;
        @Nullable
        Integer columns = Integer.getInteger("jobwitness.columns");
        boolean terminal = columns != null;
        boolean colours = terminal && environment.getOrDefault("NO_COLOR", "").isEmpty()
                && !environment.getOrDefault("TERM", "dumb").equals("dumb");
        Screen screen = new Screen(columns == null ? PAPER : columns, colours,
                out.charset().equals(StandardCharsets.UTF_8), terminal);
        return new World(environment, System.getProperty("user.name", "?"), out, System.err, screen, Path.of("/"),
                Clock.systemUTC(), ZoneId.systemDefault());
    }
}
