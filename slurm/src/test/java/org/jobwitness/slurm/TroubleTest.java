package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is down or hangs: the hook exits with 0 within 2 seconds, and does the best it can with the event. */
class TroubleTest {
    private static final String EVENT = "[0-9]{10}-57-started-[0-9]+\\.json";

    @TempDir
    Path folder;

    @Test
    void serviceIsDown() throws Exception {
        String nobody;
        try (var closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = url(closed);
        }
        var node = new Node(folder, nobody);

        node.prolog().keptItsPromise();

        assertKept(node);
        assertThat(node.syslog()).singleElement().asString().contains("-t jobwitness").contains("not sent, status 000");
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 307, 401, 403, 408, 429, 500, 502, 503})
    void answerThatMayChangeLeavesTheEventInTheSpool(int status) throws Exception {
        try (var service = new Service().answering(status)) {
            var node = new Node(folder, service.url());

            node.prolog().keptItsPromise();

            assertThat(service.request().path()).isEqualTo("POST /v1/events/job-started");
            assertKept(node);
            assertThat(Files.readString(node.spool.resolve("events").resolve(node.kept().getFirst())))
                    .isEqualTo(service.request().text() + "\n");
            assertThat(node.syslog()).singleElement().asString().endsWith("not sent, status " + status);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 404, 409, 413, 415, 422})
    void eventThatWillNeverBeTakenIsPutAside(int status) throws Exception {
        try (var service = new Service().answering(status)) {
            var node = new Node(folder, service.url());

            node.prolog().keptItsPromise();

            assertThat(node.kept()).isEmpty();
            assertThat(node.refused()).singleElement().asString().matches(EVENT);
            assertThat(node.syslog()).singleElement().asString().endsWith("answered with " + status);
        }
    }

    static List<List<String>> shells() {
        return Shells.here();
    }

    @ParameterizedTest
    @MethodSource("shells")
    void serviceTakesTheConnectionAndSaysNothing(List<String> shell) throws Exception {
        try (var socket = serving(TroubleTest::awaitHangUp)) {
            var node = new Node(folder, url(socket)).under(shell);

            node.prolog().keptItsPromise();

            assertKept(node);
        }
    }

    @Test
    void serviceDripsItsAnswer() throws Exception {
        try (var socket = serving(connection -> {
            for (var letter : "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".split("")) {
                write(connection, letter);
                if (hasHungUpWithin(connection, 100))
                    return;
            }
        })) {
            var node = new Node(folder, url(socket));

            node.prolog().keptItsPromise();

            assertKept(node);
        }
    }

    /** The head of an answer is the service's word: it writes the event down before it begins to answer. */
    @Test
    void serviceStopsAmidAnAnswerOf200() throws Exception {
        try (var socket = serving(connection -> {
            write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
            awaitHangUp(connection);
        })) {
            var node = new Node(folder, url(socket));

            node.prolog().keptItsPromise();

            assertThat(node.kept()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"SSH-2.0-OpenSSH_9.2\r\n", "\0\1\2\3", "HTTP/1.1 two hundred\r\n\r\n", "HTTP/1.1 ", ""})
    void somethingElseListensThere(String answer) throws Exception {
        try (var socket = serving(connection -> {
            if (!answer.isEmpty())
                connection.getInputStream().read(new byte[4096]);
            write(connection, answer);
        })) {
            var node = new Node(folder, url(socket));

            node.prolog().keptItsPromise();

            assertKept(node);
        }
    }

    @Test
    void nameServerHangs() throws Exception {
        assumeTrue(Node.mayUnshare(), "needs a mount namespace");
        try (var silent = nameServer()) {
            var node = new Node(folder, "http://jobwitness.example.org:8080");
            Files.writeString(folder.resolve("resolv.conf"), "nameserver 127.0.0.77\n");

            node.prologInNamespace("mount --bind " + folder + "/resolv.conf /etc/resolv.conf", "").keptItsPromise();

            silent.setSoTimeout(1);
            silent.receive(new DatagramPacket(new byte[512], 512)); // so it was asked
            assertKept(node);
        }
    }

    @Test
    void curlHangs() throws Exception {
        var node = new Node(folder, "http://127.0.0.1:1").program("curl", "echo $$ >" + folder + "/pid; exec sleep 30");

        node.prolog().keptItsPromise();

        assertKept(node);
        assertNothingRuns();
    }

    @Test
    void curlIsNotInstalled() throws Exception {
        var node = new Node(folder, "http://127.0.0.1:1").program("curl", "exit 127");

        node.prolog().keptItsPromise();

        assertKept(node);
    }

    @Test
    void syslogHangs() throws Exception {
        var node = new Node(folder, "http://127.0.0.1:1").program("logger",
                "trap '' TERM HUP; echo $$ >" + folder + "/pid; exec sleep 30");

        node.prolog().keptItsPromise();

        assertKept(node);
        assertNothingRuns();
    }

    @Test
    void clockCannotBeAsked() throws Exception {
        try (var service = new Service()) {
            var node = new Node(folder, service.url()).program("date", "exit 1");

            node.prolog().keptItsPromise();

            assertThat(service.request().body().has("timestamp")).isFalse();
            assertThat(service.request().body().get("job_id").stringValue()).isEqualTo("57");
        }
    }

    /** A disk that is gone keeps who touches it in a sleep that no signal ends; a frozen file system does the same. */
    @Test
    void diskOfTheSpoolIsDead() throws Exception {
        assumeTrue(Node.mayUnshare(), "needs a mount namespace");
        assumeTrue(mayLoop(), "needs a loop device");
        try (var service = new Service()) {
            var node = new Node(folder, service.url());
            Files.createDirectory(node.spool);

            var run = node.prologInNamespace("""
                    truncate -s 8M %1$s/disk
                    mkfs.ext4 -q %1$s/disk
                    mount -o loop %1$s/disk %1$s/spool
                    mkdir %1$s/spool/events %1$s/spool/refused
                    fsfreeze -f %1$s/spool""".formatted(folder), """
                    for process in /proc/[0-9]*; do
                        grep -qs '^State:.*disk sleep' $process/status && grep -qs '%1$s/prolog' $process/cmdline &&
                            echo $process >>%1$s/stuck
                    done
                    fsfreeze -u %1$s/spool""".formatted(folder));

            run.keptItsPromise();
            assertThat(folder.resolve("stuck")).isNotEmptyFile();
        }
    }

    @Test
    void settingsHang() throws Exception {
        var node = new Node(folder, "http://127.0.0.1:1");
        node.with("JOBWITNESS_CONF", pipe("conf"));

        node.prolog().keptItsPromise();
    }

    /** As one on a network disk that does not answer: the event is kept, and sent by a later hook. */
    @ParameterizedTest
    @MethodSource("shells")
    void tokenFileHangs(List<String> shell) throws Exception {
        try (var service = new Service()) {
            var node = new Node(folder, service.url()).under(shell).with("OBSERVABILITY_TOKEN_FILE", pipe("token"))
                    .with("JOBWITNESS_NOW", "1795384829");

            node.prolog().keptItsPromise();

            assertKept(node);
            assertThat(service.requests()).isEmpty();

            node.with("OBSERVABILITY_TOKEN_FILE", Files.writeString(folder.resolve("good"), "secret\n").toString())
                    .with("JOBWITNESS_NOW", "1795384849").epilog().keptItsPromise();

            assertThat(service.requests()).extracting(Service.Request::path)
                    .containsExactly("POST /v1/events/job-finished", "POST /v1/events/job-started");
            assertThat(node.kept()).isEmpty();
        }
    }

    /** How the worker ends does not matter: the hook does not wait for its timer. */
    @Test
    void workerThatIsKilledDoesNotKeepTheJobWaitingForLonger() throws Exception {
        var node = new Node(folder, "http://127.0.0.1:1").program("find", "kill -KILL $PPID");

        node.prolog().keptItsPromise();
    }

    @Test
    void nodeHasNoProcessLeft() throws Exception {
        var restricted = List.of("/usr/bin/prlimit", "--nproc=1", "/usr/bin/setpriv", "--reuid=65534",
                "--clear-groups");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/prlimit")) && Files.isExecutable(Path.of("/usr/bin/setpriv")),
                "needs prlimit and setpriv of util-linux");
        assumeTrue(Node.mayUnshare(), "needs root");
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        // bash tries again for 15 seconds, which no script can prevent.
        for (var shell : Shells.here().stream().filter(shell -> !shell.contains("/bin/bash")).toList()) {
            var command = new ArrayList<>(restricted);
            var node = new Node(Files.createDirectory(folder.resolve(shell.getFirst().substring(5))),
                    "http://127.0.0.1:1");
            command.addAll(node.under(shell).command("prolog"));

            node.run(command).keptItsPromise();

            assertThat(node.spool).doesNotExist();
        }
    }

    private void assertKept(Node node) throws IOException {
        assertThat(node.kept()).singleElement().asString().matches(EVENT);
        assertThat(node.refused()).isEmpty();
    }

    /** What wrote its process id to the file pid has been ended, though perhaps not yet been buried. */
    private void assertNothingRuns() throws Exception {
        var status = Path.of("/proc", Files.readString(folder.resolve("pid")).strip(), "status");
        // A signal arrives when the scheduler sees fit.
        Waiting.until("the process of " + status + " has ended", Duration.ofSeconds(1), () -> {
            try {
                return Files.readString(status).contains("\nState:\tZ");
            } catch (NoSuchFileException e) {
                return true;
            }
        });
    }

    private String pipe(String name) throws Exception {
        var path = folder.resolve(name);
        assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor()).isZero();
        return path.toString();
    }

    private static boolean mayLoop() throws Exception {
        return Files.isExecutable(Path.of("/usr/sbin/mkfs.ext4"))
                && new ProcessBuilder("/usr/sbin/losetup", "-f").start().waitFor() == 0;
    }

    /** A resolver asks port 53 and no other, which a name server of this machine may have taken for all addresses. */
    private static DatagramSocket nameServer() throws IOException {
        try {
            return new DatagramSocket(53, InetAddress.getByName("127.0.0.77"));
        } catch (BindException e) {
            return abort("needs port 53 of 127.0.0.77, which cannot be had here: " + e.getMessage());
        }
    }

    private interface Conversation {
        void with(Socket connection) throws Exception;
    }

    private static ServerSocket serving(Conversation conversation) throws IOException {
        var socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> {
            while (!socket.isClosed()) {
                try (var connection = socket.accept()) {
                    conversation.with(connection);
                } catch (Exception e) {
                    // the hook hung up, or the test is over
                }
            }
        });
        return socket;
    }

    /** Says nothing until the hook goes. */
    private static void awaitHangUp(Socket connection) throws IOException {
        connection.getInputStream().transferTo(OutputStream.nullOutputStream());
    }

    private static boolean hasHungUpWithin(Socket connection, int millis) throws IOException {
        connection.setSoTimeout(millis);
        try {
            awaitHangUp(connection);
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private static void write(Socket connection, String text) throws IOException {
        OutputStream out = connection.getOutputStream();
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    private static String url(ServerSocket socket) {
        return "http://127.0.0.1:" + socket.getLocalPort();
    }
}
