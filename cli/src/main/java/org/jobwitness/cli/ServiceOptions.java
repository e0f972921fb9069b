package org.jobwitness.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.ClientSettings;
import org.jobwitness.cli.service.ConfFile;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.ServiceClient;

/** Options of every command that asks the service. */
final class ServiceOptions {
    static final Option JSON = Option.flag("--json", "Show the service's response as it is.");
    private static final Option URL = Option.of("--url", "URL",
            "The service. Else JOBWITNESS_URL, also in"
                    + " /etc/jobwitness/client.conf, or OBSERVABILITY_API_URL of jobwitness.conf there, or"
                    + " http://localhost:8080.");
    private static final Option TOKEN_FILE = Option.of("--token-file", "FILE", "File with your token on its first line."
            + " Else JOBWITNESS_TOKEN_FILE, or ~/.config/jobwitness/token.");
    private static final Option TIMEOUT = Option.of("--timeout", "SECONDS", "How long to wait for a response, 0.1..300."
            + " Else JOBWITNESS_TIMEOUT, or 10.");
    private static final List<Option> ALL = List.of(JSON, URL, TOKEN_FILE, TIMEOUT);

    private ServiceOptions() {
    }

    static List<Option> and(List<Option> shared, Option... own) {
        return Stream.of(shared, List.of(own), ALL).flatMap(List::stream).toList();
    }

    static ServiceClient client(CliContext context, Arguments arguments) throws Problem {
        return new ServiceClient(settings(context, arguments), Version.current());
    }

    static ClientSettings settings(CliContext context, Arguments arguments) throws Problem {
        List<ConfFile> files = new ArrayList<>();
        for (Path path : confPaths(context)) {
            files.add(ConfFile.read(path));
        }
        return ClientSettings.read(new ClientSettings.Typed(arguments.value(URL), arguments.value(TOKEN_FILE),
                arguments.value(TIMEOUT)), context.environment(), files);
    }

    /** The command's own file first; or else the one that JOBWITNESS_CONF names. */
    private static List<Path> confPaths(CliContext context) {
        String named = context.environment().get("JOBWITNESS_CONF");
        return named == null
                ? List.of(context.root().resolve("etc/jobwitness/client.conf"), nodeConf(context))
                : List.of(Path.of(named));
    }

    /** The settings of prolog, epilog and agent. */
    static Path nodeConf(CliContext context) {
        String named = context.environment().get("JOBWITNESS_CONF");
        return named == null ? context.root().resolve("etc/jobwitness/jobwitness.conf") : Path.of(named);
    }
}
