package org.jobwitness.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.jobwitness.cli.service.ConfFile;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Service;
import org.jobwitness.cli.service.Settings;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that every command has. */
final class Common {
    @Option(names = "--json", description = "Show the service's answer as it is.")
    private boolean json;

    @Option(names = "--url", paramLabel = "URL", description = "The service. Else JOBWITNESS_URL, or OBSERVABILITY_API_URL"
            + " of /etc/jobwitness/jobwitness.conf, or http://localhost:8080.")
    private @Nullable String url;

    @Option(names = "--token-file", paramLabel = "FILE", description = "File with your token on its first line. Else"
            + " JOBWITNESS_TOKEN_FILE, or ~/.config/jobwitness/token.")
    private @Nullable String tokenFile;

    @Option(names = "--timeout", paramLabel = "SECONDS", description = "How long to wait for an answer, 0.1..300. Else"
            + " JOBWITNESS_TIMEOUT, or 10.")
    private @Nullable Double timeout;

    boolean json() {
        return json;
    }

    Service service(World world) throws Problem {
        return new Service(settings(world, ConfFile.read(confPath(world))), Version.here());
    }

    Settings settings(World world, ConfFile conf) throws Problem {
        return Settings.read(new Settings.Typed(url, tokenFile, timeout), world.environment(), conf);
    }

    static Path confPath(World world) {
        return Optional.ofNullable(world.environment().get("JOBWITNESS_CONF")).map(Path::of)
                .orElse(world.root().resolve("etc/jobwitness/jobwitness.conf"));
    }
}
