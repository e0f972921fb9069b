package org.jobwitness.cli;

import java.util.List;
import java.util.stream.Collectors;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;

/** {@code jobwitness completion}. */
final class CompletionCommand {
    private static final String SCRIPT = """
            # Completes commands and options of jobwitness, in bash and zsh.
            _complete_jobwitness() {
                local words='@COMMANDS@'
                if [ "$COMP_CWORD" -gt 1 ]; then
                    case ${COMP_WORDS[1]} in
            @CASES@
                    *) words= ;;
                    esac
                fi
                COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            if [ -n "${ZSH_VERSION-}" ]; then
                autoload -U +X compinit && compinit
                autoload -U +X bashcompinit && bashcompinit
            fi
            complete -F _complete_jobwitness -o default jobwitness
            """;

    static final Command COMMAND = new Command("completion", List.of(),
            List.of(),
            List.of("Prints the completion of commands and options for bash and zsh: source <(jobwitness completion)"),
            CompletionCommand::run);

    private CompletionCommand() {
    }

    private static int run(CliContext context, Arguments arguments) {
        String cases = Jobwitness.COMMANDS.stream().map(command -> "        " + command.name() + ") words='"
                + command.options().stream().map(Option::name).collect(Collectors.joining(" ")) + "' ;;")
                .collect(Collectors.joining("\n"));
        String names = Jobwitness.COMMANDS.stream().map(Command::name).collect(Collectors.joining(" "));
        context.print(SCRIPT.replace("@COMMANDS@", names).replace("@CASES@", cases));
        return 0;
    }
}
