package org.jobwitness.cli;

import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.ServiceClient.Parameter;
import org.jspecify.annotations.Nullable;

/** Which jobs are asked for, by the API's parameters. */
final class FilterOptions {
    private static final Option ME = Option.flag("--me", "Only your own.");
    private static final Option EVERYBODY = Option.flag("--all",
            "Also those of accounts that you coordinate; operators and the helpdesk see all without it.");
    private static final Option USER = Option.of("--user", "NAME", "Only this user's.").orLetter("-u");
    private static final Option NODE = Option.of("--node", "NAME", "Only those on this node.");
    private static final Option PARTITION = Option.of("--partition", "NAME", "Only those of this partition.")
            .orLetter("-p");
    private static final Option ACCOUNT = Option.of("--account", "NAME", "Only those of this account.").orLetter("-A");
    private static final Option CLUSTER = Option.of("--cluster", "NAME", "Only those of this cluster.").orLetter("-M");
    private static final Option SEARCH = Option.of("--search", "TEXT", "Only those with this in their id, name, user,"
            + " account, partition or the name of a node.").orLetter("-q");
    /** A job, an array or a heterogeneous job, as Slurm's commands write it. */
    static final List<String> OPERANDS = List.of("[ID]");
    static final List<Option> ALL = List.of(ME, EVERYBODY, USER, NODE, PARTITION, ACCOUNT, CLUSTER, SEARCH);

    /** What a report may be limited to. */
    static final List<Option> OF_REPORTS = List.of(ME, EVERYBODY, USER, NODE, PARTITION, ACCOUNT, CLUSTER);

    private FilterOptions() {
    }

    /** @param id of a job, an array or a heterogeneous job; null for any */
    static List<Parameter> parameters(CliContext context, Arguments arguments, @Nullable String id) {
        boolean isNarrower = id != null || arguments.value(SEARCH) != null;
        return Stream.concat(parameters(context, arguments, isNarrower).stream(),
                Stream.of(new Parameter("id", id),
                        new Parameter("q", arguments.value(SEARCH))))
                .toList();
    }

    static List<Parameter> ofReport(CliContext context, Arguments arguments) {
        return parameters(context, arguments, false);
    }

    /** One's own unless somebody or something is asked for. */
    private static List<Parameter> parameters(CliContext context, Arguments arguments, boolean isNarrower) {
        boolean isAny = isNarrower || arguments.has(EVERYBODY) || arguments.has(ME)
                || Stream.of(USER, NODE, ACCOUNT).anyMatch(option -> arguments.value(option) != null);
        return List.of(new Parameter("mine", isAny ? null : "true"),
                new Parameter("user", arguments.has(ME) ? context.user() : arguments.value(USER)),
                new Parameter("node", arguments.value(NODE)), new Parameter("partition", arguments.value(PARTITION)),
                new Parameter("account", arguments.value(ACCOUNT)), new Parameter("cluster", arguments.value(CLUSTER)));
    }
}
