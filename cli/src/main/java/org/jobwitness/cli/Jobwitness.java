package org.jobwitness.cli;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.options.Suggestion;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Text;
import org.jspecify.annotations.Nullable;

/** {@code jobwitness}: finds the command that was typed, and runs it. */
final class Jobwitness {
    static final List<Command> COMMANDS = List.of(WhyCommand.COMMAND, JobCommand.COMMAND, SeffCommand.COMMAND,
            JobsCommand.COMMAND, TopCommand.COMMAND, UserCommand.COMMAND, ReportCommand.COMMAND, OpenCommand.COMMAND,
            NoticesCommand.COMMAND, DoctorCommand.COMMAND, CompletionCommand.COMMAND);
    private static final Option HELP = Option.flag("--help", "Show this help.").orLetter("-h");
    private static final Option VERSION = Option.flag("--version", "Show the version.").orLetter("-V");
    private static final int BUG = 70;
    /** Of output that is not a terminal: a pipe, a file, a mail. */
    private static final int DEFAULT_WIDTH = 100;

    private Jobwitness() {
    }

    public static void main(String[] arguments) {
        Locale.setDefault(Locale.ROOT);
        System.exit(run(context(), arguments));
    }

    /** Runs one command, and returns the exit status. */
    static int run(CliContext context, String... arguments) {
        List<String> all = Arrays.asList(arguments);
        try {
            return all.isEmpty() || all.getFirst().startsWith("-")
                    ? runWithoutCommand(context, all)
                    : run(context, command(all.getFirst()), all.subList(1, all.size()));
        } catch (Problem problem) {
            context.errors().println("jobwitness: " + Text.of(String.valueOf(problem.getMessage())).plain());
            return problem.kind().exitStatus();
        } catch (Exception exception) {
            context.errors().println("jobwitness: this is a bug; please report it:");
            exception.printStackTrace(context.errors());
            return BUG;
        } finally {
            context.out().flush();
        }
    }

    private static int runWithoutCommand(CliContext context, List<String> arguments) throws Problem {
        Arguments parsed = Arguments.parse(List.of(HELP, VERSION), arguments);
        if (parsed.has(VERSION)) {
            context.print("jobwitness " + Version.current() + "\n");
        } else if (parsed.has(HELP)) {
            context.print(HelpPage.ofAll(COMMANDS, List.of(HELP, VERSION), context.screen()));
        } else {
            throw new Problem(Kind.USAGE, "a command is missing; jobwitness --help lists them");
        }
        return 0;
    }

    private static int run(CliContext context, Command command, List<String> typed)
            throws Problem, InterruptedException {
        List<Option> options = Stream.concat(command.options().stream(), Stream.of(HELP, VERSION)).toList();
        Arguments arguments = Arguments.parse(options, typed);
        if (arguments.has(HELP)) {
            context.print(HelpPage.of(command, options, context.screen()));
            return 0;
        }
        if (arguments.has(VERSION)) {
            return runWithoutCommand(context, List.of(VERSION.name()));
        }
        arguments.expectOperands(command.operands());
        return command.action().run(context, arguments);
    }

    private static Command command(String name) throws Problem {
        return COMMANDS.stream().filter(command -> command.name().equals(name)).findFirst().orElseThrow(
                () -> new Problem(Kind.USAGE, "unknown command \"" + name + "\"; "
                        + Suggestion.of(name, COMMANDS.stream().map(Command::name).toList())
                                .map(meant -> "did you mean " + meant + "?").orElse("jobwitness --help lists them")));
    }

    /** The launcher sets {@code jobwitness.columns} to the width of the terminal, if standard output is one. */
    static CliContext context() {
        Map<String, String> environment = System.getenv();
        PrintStream out = System.out;
        @Nullable
        Integer columns = Integer.getInteger("jobwitness.columns");
        boolean terminal = columns != null;
        boolean colours = terminal && environment.getOrDefault("NO_COLOR", "").isEmpty()
                && !environment.getOrDefault("TERM", "dumb").equals("dumb");
        Screen screen = new Screen(columns == null ? DEFAULT_WIDTH : columns, colours,
                out.charset().equals(StandardCharsets.UTF_8), terminal);
        return new CliContext(environment, System.getProperty("user.name", "?"), out, System.err, screen, Path.of("/"),
                Clock.systemUTC(), ZoneId.systemDefault());
    }
}
