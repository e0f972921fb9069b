package org.jobwitness.cli.service;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.wire.MungeSocket;
import org.jspecify.annotations.Nullable;

/**
 * The service's address, and the user's token. An option overrides the environment, which overrides the files: client.conf of the
 * command, then jobwitness.conf, which the command shares with the scripts and the agent.
 *
 * @param urlFrom the origin of the address, such as {@code from JOBWITNESS_URL}
 * @param token empty if no file was named or found: the service may not require one
 * @param caFile trusted certificates, instead of those that come with Java
 * @param munge how the user signs in where there is no token
 * @param slurmToken the token for Slurm in the user's environment, by which the user signs in where MUNGE is not to be had
 * @param timeout for a whole request
 */
public record ClientSettings(URI url, String urlFrom, Optional<Token> token, Optional<Path> caFile, MungeLogin munge,
        Optional<String> slurmToken, Duration timeout) {
    private static final String DEFAULT_URL = "http://localhost:8080";
    private static final int MAX_NAME = 255;
    private static final Set<String> LOCAL_HOSTS = Set.of("localhost", "127.0.0.1", "[::1]");

    public record Token(String value, Path file) {
        @Override
        public String toString() {
            return "the token of " + file;
        }
    }

    /** Values of options; null if not given. */
    public record Typed(@Nullable String url, @Nullable String tokenFile, @Nullable String timeoutSeconds) {
    }

    /**
     * Reads the settings.
     *
     * @param environment with the folders of the user's files, too: HOME, XDG_CONFIG_HOME, XDG_DATA_HOME
     * @throws Problem that names the invalid setting
     */
    public static ClientSettings read(Typed typed, Map<String, String> environment, List<ConfFile> files)
            throws Problem {
        Address address = Stream.concat(Stream.of(address(typed.url, "from --url"),
                address(environment.get("JOBWITNESS_URL"), "from JOBWITNESS_URL"),
                address(environment.get("OBSERVABILITY_API_URL"), "from OBSERVABILITY_API_URL")),
                files.stream().flatMap(file -> Stream.of("JOBWITNESS_URL", "OBSERVABILITY_API_URL")
                        .map(name -> address(file.values().get(name), "from " + name + " in " + file.path()))))
                .flatMap(Optional::stream).findFirst().orElse(new Address(DEFAULT_URL, "the default"));
        URI url = url(address.value);
        String caFile = first(environment.get("JOBWITNESS_CA_FILE"), inFiles(files, "JOBWITNESS_CA_FILE"));
        return new ClientSettings(url, address.from, token(typed, environment, files, url),
                caFile.isEmpty() ? Optional.empty() : Optional.of(path("JOBWITNESS_CA_FILE", caFile)),
                munge(environment, files, url), slurmToken(environment), timeout(typed, environment));
    }

    private static MungeLogin munge(Map<String, String> environment, List<ConfFile> files, URI url) throws Problem {
        String socket = first(environment.get("JOBWITNESS_MUNGE_SOCKET"), inFiles(files, "JOBWITNESS_MUNGE_SOCKET"));
        String runtime = environment.getOrDefault("XDG_RUNTIME_DIR", "");
        // A session is for one service: its token must not be sent to another.
        String name = "session-" + HexFormat.of().formatHex(url.toString().getBytes(StandardCharsets.UTF_8));
        return new MungeLogin(socket.isEmpty() ? MungeSocket.DEFAULT : path("JOBWITNESS_MUNGE_SOCKET", socket),
                runtime.startsWith("/") && name.length() <= MAX_NAME
                        ? Optional.of(Path.of(runtime, "jobwitness", name))
                        : Optional.empty());
    }

    private static Optional<String> slurmToken(Map<String, String> environment) {
        return Optional.of(first(environment.get("SLURM_JWT"))).filter(token -> token.matches("[\\w.-]{1,16384}"));
    }

    /** Whether it is the service that gets what is sent, and nobody else: on a login node anybody may have the port. */
    boolean isPrivate() {
        return "https".equals(url.getScheme());
    }

    private record Address(String value, String from) {
    }

    private static Optional<Address> address(@Nullable String value, String from) {
        return value == null || value.isBlank() ? Optional.empty() : Optional.of(new Address(value.strip(), from));
    }

    /** The address and its origin. */
    public String where() {
        return url + " (" + urlFrom + ")";
    }

    private static String first(@Nullable String... values) {
        for (String value : values) {
            if (value != null && !value.isBlank()) {
                return value.strip();
            }
        }
        return "";
    }

    private static URI url(String text) throws Problem {
        try {
            URI url = new URI(text.replaceFirst("/+$", ""));
            boolean isHttp = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
            if (isHttp && url.getHost() != null && url.getUserInfo() == null && url.getQuery() == null
                    && url.getFragment() == null) {
                return url;
            }
        } catch (URISyntaxException e) {
            throw invalidUrl(text);
        }
        throw invalidUrl(text);
    }

    private static Problem invalidUrl(String text) {
        return new Problem(Kind.USAGE,
                "the service's address must be like https://jobwitness.example.org, was \"" + text
                        + "\"; it is set by --url, JOBWITNESS_URL, or OBSERVABILITY_API_URL in jobwitness.conf");
    }

    private static @Nullable String inFiles(List<ConfFile> files, String name) {
        return files.stream().map(file -> file.values().get(name)).filter(value -> !first(value).isEmpty()).findFirst()
                .orElse(null);
    }

    private static Optional<Token> token(Typed typed, Map<String, String> environment, List<ConfFile> files, URI url)
            throws Problem {
        String named = first(typed.tokenFile, environment.get("JOBWITNESS_TOKEN_FILE"),
                inFiles(files, "JOBWITNESS_TOKEN_FILE"));
        if (!named.isEmpty()) {
            return Optional.of(read(path("the token file", named)));
        }
        for (Path file : defaultFiles(environment, url).toList()) {
            if (Files.isReadable(file)) {
                return Optional.of(read(file));
            }
        }
        return Optional.empty();
    }

    /** The user's own, and for a server on this machine the one of a server that the user started. */
    private static Stream<Path> defaultFiles(Map<String, String> environment, URI url) {
        String home = environment.getOrDefault("HOME", "");
        if (!home.startsWith("/")) {
            return Stream.empty();
        }
        Path config = Path.of(first(environment.get("XDG_CONFIG_HOME"), home + "/.config"));
        Path data = Path.of(first(environment.get("XDG_DATA_HOME"), home + "/.local/share"));
        Stream<Path> users = Stream.of(config.resolve("jobwitness/token"));
        return LOCAL_HOSTS.contains(url.getHost())
                ? Stream.concat(users, Stream.of(data.resolve("jobwitness/operator.token")))
                : users;
    }

    private static Token read(Path file) throws Problem {
        String advice = "; ask your administrator for a token, or name another file with --token-file or"
                + " JOBWITNESS_TOKEN_FILE";
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            String token = Objects.requireNonNullElse(lines.readLine(), "").strip();
            if (!token.matches("[A-Za-z0-9._~+/=-]+")) {
                throw new Problem(Kind.DENIED, file + " holds no token on its first line" + advice);
            }
            return new Token(token, file);
        } catch (IOException e) {
            throw new Problem(Kind.DENIED, "the token file " + file + " " + (Files.notExists(file)
                    ? "does not exist"
                    : "cannot be read" + (Files.isReadable(file) ? ": " + e.getMessage() : ": permission denied"))
                    + advice);
        }
    }

    private static Path path(String what, String text) throws Problem {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new Problem(Kind.USAGE, what + " must be a path, was \"" + text + "\"");
        }
    }

    private static Duration timeout(Typed typed, Map<String, String> environment) throws Problem {
        String text = first(typed.timeoutSeconds, environment.get("JOBWITNESS_TIMEOUT"), "10");
        try {
            double seconds = Double.parseDouble(text);
            if (seconds >= 0.1 && seconds <= 300) {
                return Duration.ofMillis(Math.round(seconds * 1000));
            }
        } catch (NumberFormatException e) {
            throw invalidTimeout(text);
        }
        throw invalidTimeout(text);
    }

    private static Problem invalidTimeout(String text) {
        return new Problem(Kind.USAGE, "--timeout (JOBWITNESS_TIMEOUT) must be 0.1..300 seconds, was \"" + text + "\"");
    }
}
