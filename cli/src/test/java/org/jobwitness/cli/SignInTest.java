package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.cli.CliRun.Shell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command on a login node with Debian's munged: nobody types anything. The tests are root, who is an operator. */
@Timeout(300)
class SignInTest {
    private static final Path MUNGED = Path.of("/usr/sbin/munged");
    private static final Duration START = Duration.ofSeconds(60);
    private static final int DENIED = 4;
    private static final String PUBLIC_URL = "http://localhost:8080/jobwitness";
    private static final Path APP = Path.of("../deploy/ondemand/passenger_wsgi.py");
    private static final Pattern ADDRESS = Pattern.compile("http://\\S+");

    @TempDir
    static Path folder;
    private static DemoServer server;
    private static Path socket;

    @TempDir
    Path runtime;
    private Shell shell;

    @BeforeAll
    static void start() throws Exception {
        assumeThat(Files.isExecutable(MUNGED)).as(MUNGED + " is not installed; it is in Debian's package munge")
                .isTrue();
        assumeThat(System.getProperty("user.name")).as("munged of root").isEqualTo("root");
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
        byte[] key = new byte[128];
        new SecureRandom().nextBytes(key);
        Files.write(folder.resolve("key"), key);
        Files.setPosixFilePermissions(folder.resolve("key"), PosixFilePermissions.fromString("rw-------"));
        socket = folder.resolve("socket");
        munged("--force", "--key-file=" + folder.resolve("key"), "--pid-file=" + folder.resolve("pid"),
                "--log-file=" + folder.resolve("log"), "--seed-file=" + folder.resolve("seed"));
        server = new DemoServer(Files.createDirectory(folder.resolve("server")), "--seed-demo=false",
                "--munge-socket=" + socket, "--public-url=" + PUBLIC_URL);
    }

    @AfterAll
    static void stop() throws Exception {
        if (server != null) {
            server.close();
        }
        if (socket != null) {
            munged("--stop");
        }
    }

    /** Starts or stops it: the command ends once that is done. */
    private static void munged(String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(MUNGED.toString(), "--socket=" + socket));
        command.addAll(List.of(options));
        Path out = folder.resolve("out");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertThat(process.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(out)).isZero();
    }

    @BeforeEach
    void logIn() {
        shell = Shell.empty().with("JOBWITNESS_URL", server.url()).with("XDG_RUNTIME_DIR", runtime)
                .with("JOBWITNESS_MUNGE_SOCKET", socket);
    }

    private List<Path> kept() throws IOException {
        Path sessions = runtime.resolve("jobwitness");
        if (!Files.exists(sessions)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(sessions)) {
            return files.toList();
        }
    }

    private static void works(CliRun run) {
        assertThat(run.status()).as("%s", run).isZero();
        assertThat(run.errors()).isEmpty();
    }

    @Test
    void nothingIsTypedAndTheSessionIsKeptForItsUserOnly() throws IOException {
        works(shell.run("jobs"));
        assertThat(kept()).singleElement().satisfies(file -> {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
            assertThat(file).content().startsWith("jws_");
        });
        String token = Files.readString(kept().getFirst());
        for (String command : List.of("jobs", "jobs --me", "top", "jobs --json")) {
            works(shell.with("JOBWITNESS_MUNGE_SOCKET", "/nonexistent").run(command.split(" ")));
        }
        assertThat(kept().getFirst()).content().isEqualTo(token);
    }

    @Test
    void withoutARuntimeFolderEachCommandSignsIn() throws IOException {
        works(Shell.empty().with("JOBWITNESS_URL", server.url()).with("JOBWITNESS_MUNGE_SOCKET", socket).run("jobs"));
        assertThat(kept()).isEmpty();
    }

    @Test
    void aSessionThatHasEndedOrThatOthersMayReadIsReplaced() throws IOException {
        works(shell.run("jobs"));
        Path file = kept().getFirst();
        String token = Files.readString(file);
        Files.writeString(file, "jws_ended\n");
        works(shell.run("jobs"));
        assertThat(file).content().startsWith("jws_").isNotEqualTo(token).isNotEqualTo("jws_ended\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        works(shell.run("jobs"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
    }

    @Test
    void anAddressForTheBrowserIsPrinted() throws Exception {
        CliRun run = shell.run("open");
        works(run);
        Matcher address = ADDRESS.matcher(run.out());
        assertThat(address.find()).as(run.out()).isTrue();
        assertThat(address.group()).startsWith(PUBLIC_URL + "/sign-in?code=jwc_");
        assertThat(get(address.group().replace(PUBLIC_URL, server.url()))).contains("Sign in as root");
        CliRun byToken = shell.with("JOBWITNESS_TOKEN_FILE", server.token("operator")).run("open", "--json");
        works(byToken);
        assertThat(byToken.out()).contains("\"path\":\"/sign-in?code=jwc_");
        assertThat(shell.run("open", "4711").status()).isEqualTo(1);
    }

    @Test
    void aUserChoosesWhetherToBeTold() throws IOException {
        assertThat(shell.run("notices").out()).contains("Notices about jobs of root are on.", "tells nobody");
        assertThat(shell.run("notices", "off").out()).contains("Notices about jobs of root are off.");
        assertThat(shell.run("notices", "--json").out()).contains("\"wanted\":false");
        assertThat(shell.run("notices", "on").out()).contains("are on.");
        assertThat(shell.run("notices", "of").status()).isEqualTo(2);
    }

    /** Passenger would import the app and call it, with its user's environment. */
    private String openByApp(Path munge) throws Exception {
        assumeThat(Files.isExecutable(Path.of("/usr/bin/python3"))).as("python3 is not installed").isTrue();
        Path command = Files.createDirectories(runtime.resolve("bin")).resolve("jobwitness");
        Files.writeString(command, "#!/bin/sh\nexec '" + System.getProperty("java.home") + "/bin/java' -cp '"
                + System.getProperty("java.class.path") + "' org.jobwitness.cli.Jobwitness \"$@\"\n");
        Files.setPosixFilePermissions(command, PosixFilePermissions.fromString("rwx------"));
        ProcessBuilder python = new ProcessBuilder("/usr/bin/python3", "-B", "-c",
                "import runpy; app = runpy.run_path('" + APP.toAbsolutePath() + "')['application'];"
                        + "print(b''.join(app({}, lambda status, headers: print(status, headers))).decode())")
                .redirectErrorStream(true).redirectOutput(runtime.resolve("app.out").toFile());
        python.environment().clear();
        python.environment().putAll(Map.of("PATH", command.getParent() + ":/usr/bin:/bin", "JOBWITNESS_URL",
                server.url(), "JOBWITNESS_MUNGE_SOCKET", munge.toString()));
        Process app = python.start();
        assertThat(app.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        return Files.readString(runtime.resolve("app.out"));
    }

    @Test
    void theAppOfOpenOnDemandSignsItsUserIn() throws Exception {
        assertThat(openByApp(socket)).startsWith("303 See Other").contains("'" + PUBLIC_URL + "/sign-in?code=jwc_",
                "no-store");
        assertThat(openByApp(Path.of("/nonexistent"))).startsWith("503 ").contains("MUNGE (/nonexistent)");
    }

    private static String get(String address) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create(address)).timeout(START).build(),
                    BodyHandlers.ofString()).body();
        }
    }

    @Test
    void withoutMungedItSaysSoAndATokenFileWillDo() {
        CliRun run = shell.with("JOBWITNESS_MUNGE_SOCKET", "/nonexistent").run("jobs");
        assertThat(run.status()).isEqualTo(DENIED);
        assertThat(run.errors()).contains("MUNGE (/nonexistent)", "--token-file");
        works(shell.with("JOBWITNESS_MUNGE_SOCKET", "/nonexistent").with("JOBWITNESS_TOKEN_FILE",
                server.token("operator")).run("jobs"));
    }

    /** Whoever listens on a port of the login node would get it. */
    @Test
    void aTokenOfSlurmIsNotSentWithoutTls() throws IOException {
        CliRun run = shell.with("JOBWITNESS_MUNGE_SOCKET", "/nonexistent").with("SLURM_JWT", "a.b.c").run("jobs");
        assertThat(run.status()).isEqualTo(DENIED);
        assertThat(run.errors()).contains("MUNGE (/nonexistent)", "SLURM_JWT is sent over https only");
        assertThat(shell.with("SLURM_JWT", "a.b.c").run("doctor").out()).as("MUNGE comes first")
                .contains("signed in by munge as root (operator)");
        assertThat(kept()).hasSize(1);
    }

    @Test
    void mungedThatDoesNotAnswerIsNotWaitedFor() throws IOException {
        Path hangs = runtime.resolve("hangs");
        try (ServerSocketChannel silent = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            silent.bind(UnixDomainSocketAddress.of(hangs));
            CliRun run = shell.with("JOBWITNESS_MUNGE_SOCKET", hangs).run("jobs");
            assertThat(run.status()).isEqualTo(DENIED);
            assertThat(run.errors()).contains("munged does not answer");
        }
    }

    @Test
    void doctorSaysHowOneIsSignedIn() {
        assertThat(shell.run("doctor").out()).contains("signed in by munge as root (operator)");
        CliRun without = shell.with("JOBWITNESS_MUNGE_SOCKET", "/nonexistent").with("XDG_RUNTIME_DIR", "none")
                .run("doctor");
        assertThat(without.out()).contains("MUNGE (/nonexistent)", "munged signs you in");
    }
}
