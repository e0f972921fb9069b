package org.jobwitness.cli;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;

/** {@code jobwitness completion}. */
final class CompletionCommand {
    private static final String SCRIPT = """
            # Completes commands, options and their values of jobwitness, in bash and zsh.
            _list_jobwitness() {
                case $1 in
                user) timeout 2 getent passwd | cut -d: -f1 ;;
                partition) timeout 2 sinfo -h -o %R ;;
                node) timeout 2 sinfo -h -N -o %N ;;
                esac 2>/dev/null | tr -cd '[:alnum:]_.@\\n-' | sort -u
            }
            _complete_jobwitness() {
                local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words='@COMMANDS@' prefix=
                if [ "$COMP_CWORD" -gt 1 ]; then
                    case ${COMP_WORDS[1]} in
            @CASES@
                    *) words= ;;
                    esac
                    # Where "=" separates words, the option stands before it.
                    if [ "$word" = "=" ]; then
                        word=
                    elif [ "$before" = "=" ]; then
                        before=${COMP_WORDS[COMP_CWORD-2]}
                    fi
                    case $word in
                    --*=*) before=${word%%=*} prefix=${word%%=*}= word=${word#*=} ;;
                    esac
                    case ${COMP_WORDS[1]}$before in
            @VALUES@
                    esac
                    # Of several values, only the last one is completed.
                    case $word in
                    *,*) prefix=$prefix${word%,*}, word=${word##*,} ;;
                    esac
                fi
                COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$word"))
            }
            if [ -n "${ZSH_VERSION-}" ]; then
                autoload -U +X compinit && compinit
                autoload -U +X bashcompinit && bashcompinit
            fi
            complete -F _complete_jobwitness -o default jobwitness
            """;

    /** Options whose values the script asks the system or Slurm for, if they are there; not the service, which takes longer. */
    private static final List<String> LISTED = List.of("--user", "--partition", "--node");

    static final Command COMMAND = new Command("completion", List.of(),
            List.of(),
            List.of("Prints the completion of commands, options and values for bash and zsh: source <(jobwitness completion)"),
            CompletionCommand::run);

    private CompletionCommand() {
    }

    private static int run(CliContext context, Arguments arguments) {
        String cases = Jobwitness.COMMANDS.stream().map(command -> "        " + command.name() + ") words='"
                + command.options().stream().map(Option::name).collect(Collectors.joining(" ")) + "' ;;")
                .collect(Collectors.joining("\n"));
        String names = Jobwitness.COMMANDS.stream().map(Command::name).collect(Collectors.joining(" "));
        context.print(SCRIPT.replace("@COMMANDS@", names).replace("@CASES@", cases).replace("@VALUES@", values()));
        return 0;
    }

    /** A line for each option whose values are known or can be listed, and one for the user whose summary is asked for. */
    private static String values() {
        Stream<String> ofOptions = Jobwitness.COMMANDS.stream().flatMap(command -> command.options().stream()
                .filter(option -> !option.words().isEmpty() || LISTED.contains(option.name()))
                .map(option -> "        " + command.name() + option.name()
                        + (option.letter() == null ? "" : "|" + command.name() + option.letter()) + ") words="
                        + words(option) + " ;;"));
        return Stream.concat(ofOptions, Stream.of("        useruser) words=\"$words $(_list_jobwitness user)\" ;;"))
                .collect(Collectors.joining("\n"));
    }

    private static String words(Option option) {
        return option.words().isEmpty()
                ? "$(_list_jobwitness " + option.name().substring(2) + ")"
                : "'" + String.join(" ", option.words()) + "'";
    }
}
