package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.service.Service.Parameter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which jobs are asked for, in the API's own words. */
final class Filter {
    @Option(names = "--me", description = "Only your own.")
    private boolean me;

    @Option(names = {"-u", "--user"}, paramLabel = "NAME", description = "Only this user's.")
    private @Nullable String user;

    @Option(names = "--node", paramLabel = "NAME", description = "Only those on this node.")
    private @Nullable String node;

    @Option(names = {"-p", "--partition"}, paramLabel = "NAME", description = "Only those of this partition.")
    private @Nullable String partition;

    @Option(names = {"-A", "--account"}, paramLabel = "NAME", description = "Only those of this account.")
    private @Nullable String account;

    @Option(names = {"-M", "--cluster"}, paramLabel = "NAME", description = "Only those of this cluster.")
    private @Nullable String cluster;

    @Option(names = {"-q",
            "--search"}, paramLabel = "TEXT", description = "Only those with this in their id, name, user, account, partition or a node's name.")
    private @Nullable String text;

    List<Parameter> parameters(World world) {
        return List.of(new Parameter("user", me ? world.user() : user), new Parameter("node", node),
                new Parameter("partition", partition), new Parameter("account", account),
                new Parameter("cluster", cluster), new Parameter("q", text));
    }
}
