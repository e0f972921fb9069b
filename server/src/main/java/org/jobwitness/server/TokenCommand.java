package org.jobwitness.server;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.access.AgentToken;
import org.jobwitness.server.access.AgentTokenFile;

/** {@code jobwitness-server token}: makes, lists and revokes the tokens for the agents of some nodes. */
final class TokenCommand {
    private static final String USAGE = """
            Usage: jobwitness-server token agent --nodes LIST [--cluster NAME] [--SETTING VALUE]...
                   jobwitness-server token agent --cluster NAME [--SETTING VALUE]...
                   jobwitness-server token list [--SETTING VALUE]...
                   jobwitness-server token revoke ID [--SETTING VALUE]...

            agent   prints a new token for agents, prolog and epilog. It may report the nodes of LIST, such as n[001-100],
                    and no others; without --nodes, all nodes of the cluster, and what EpilogSlurmctld reports there.
                    Without --cluster, the cluster is DEFAULT_CLUSTER. The token is not shown again: only its hash is kept.
            list    prints id, creation, cluster and nodes of each.
            revoke  makes the token with this id invalid.

            The setting JOBWITNESS_DATA_DIR locates the tokens. A server that runs takes the change within a second.
            """;
    private final PrintStream out;
    private final Map<String, String> environment;
    private final Path dotEnv;

    private TokenCommand(PrintStream out, Map<String, String> environment, Path dotEnv) {
        this.out = out;
        this.environment = environment;
        this.dotEnv = dotEnv;
    }

    /** Returns the exit status: 0; 1 if it fails; 2 for bad usage. */
    static int run(List<String> args, Map<String, String> environment, Path dotEnv) {
        return run(args, environment, dotEnv, System.out, System.err);
    }

    static int run(List<String> args, Map<String, String> environment, Path dotEnv, PrintStream out, PrintStream err) {
        if (args.contains("--help") || args.contains("-h")) {
            out.print(USAGE);
            return 0;
        }
        try {
            new TokenCommand(out, environment, dotEnv).run(args);
            return 0;
        } catch (BadUsage | ServerConfig.BadSetting e) {
            err.println("jobwitness-server: " + e.getMessage() + "; see jobwitness-server token --help");
            return 2;
        } catch (IOException e) {
            err.println("jobwitness-server: " + e.getMessage());
            return 1;
        }
    }

    private void run(List<String> args) throws BadUsage, ServerConfig.BadSetting, IOException {
        List<String> rest = new ArrayList<>(args.subList(Math.min(1, args.size()), args.size()));
        switch (args.isEmpty() ? "" : args.getFirst()) {
            case "agent" -> issue(CommandOptions.take(rest, "--nodes"), CommandOptions.take(rest, "--cluster"), rest);
            case "list" -> list(rest);
            case "revoke" -> revoke(rest);
            default -> throw new BadUsage("token needs agent, list or revoke");
        }
    }

    private void issue(Optional<String> nodes, Optional<String> cluster, List<String> flags)
            throws BadUsage, ServerConfig.BadSetting, IOException {
        if (nodes.isEmpty() && cluster.isEmpty()) {
            throw new BadUsage("--nodes or --cluster is missing");
        }
        ServerConfig config = ServerConfig.read(flags, environment, dotEnv);
        AgentToken.Issued issued;
        try {
            issued = AgentToken.issue(cluster.orElse(config.defaultCluster()), nodes.orElse(AgentToken.ALL_NODES),
                    Instant.now());
        } catch (IllegalArgumentException e) {
            throw new BadUsage(e.getMessage());
        }
        file(config).add(issued.token());
        out.println(issued.secret());
    }

    private void list(List<String> flags) throws ServerConfig.BadSetting, IOException {
        for (AgentToken token : file(ServerConfig.read(flags, environment, dotEnv)).read()) {
            out.printf("%s  %s  %s  %s%n", token.id(), token.created(), token.cluster(), token.nodes());
        }
    }

    private void revoke(List<String> args) throws BadUsage, ServerConfig.BadSetting, IOException {
        if (args.isEmpty() || args.getFirst().startsWith("-")) {
            throw new BadUsage("revoke needs the id of a token, which token list prints");
        }
        String id = args.getFirst();
        AgentTokenFile file = file(ServerConfig.read(args.subList(1, args.size()), environment, dotEnv));
        if (!file.remove(id)) {
            throw new IOException("there is no token " + id + "; jobwitness-server token list prints those there are");
        }
    }

    private static AgentTokenFile file(ServerConfig config) throws IOException {
        if (!Files.isDirectory(config.dataDir())) {
            throw new IOException(config.dataDir() + " is not a folder; JOBWITNESS_DATA_DIR must be the server's, which"
                    + " makes it when it starts");
        }
        return new AgentTokenFile(config.dataDir());
    }
}
