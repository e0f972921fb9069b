package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the hooks keep on disk, what they send of it later, and where they refuse to write. */
class SpoolTest {
    private static final String OLD = "{\"event_id\":\"%s\",\"job_id\":\"9\",\"user\":\"bob\",\"node_list\":[\"n1\"]}";
    private static final long NOW = 1_795_384_829L;

    @TempDir
    Path folder;

    private Service service;
    private Node node;

    @BeforeEach
    void serviceIsUp() throws Exception {
        service = new Service();
        node = new Node(folder, service.url()).with("JOBWITNESS_NOW", Long.toString(NOW));
    }

    @AfterEach
    void close() {
        service.close();
    }

    @Test
    void spoolCanBeReadByEverybodyAndWrittenByItsOwner() throws Exception {
        service.answering(503);

        node.prolog().keptItsPromise();

        var file = node.spool.resolve("events").resolve(node.kept().getFirst());
        assertThat(mode(node.spool)).isEqualTo("rwxr-xr-x");
        assertThat(mode(file.getParent())).isEqualTo("rwxr-xr-x");
        assertThat(mode(node.spool.resolve("refused"))).isEqualTo("rwxr-xr-x");
        assertThat(mode(file)).isEqualTo("rw-r--r--");
    }

    /** The agent may not see an event before it is sent, and the host may have another name. */
    @Test
    void spoolKeepsSlurmsNameOfTheNode() throws Exception {
        node.with("SLURMD_NODENAME", "gpu01").prolog().keptItsPromise();
        assertThat(node.spool.resolve("node")).hasContent("gpu01\n");
        node.with("SLURMD_NODENAME", "gpu02").epilog().keptItsPromise();
        assertThat(node.spool.resolve("node")).hasContent("gpu02\n");
        node.with("SLURMD_NODENAME", "gpu$(03)").prolog().keptItsPromise();
        assertThat(node.spool.resolve("node")).hasContent("gpu02\n");
        try (var names = Files.list(node.spool)) {
            assertThat(names.map(name -> name.getFileName().toString())).containsExactlyInAnyOrder("events", "node",
                    "refused");
        }
    }

    @Test
    void fileIsNamedByTimeJobAndDoorAndHoldsTheBodyAndANewline() throws Exception {
        service.answering(503);

        node.epilog().keptItsPromise();

        var name = node.kept().getFirst();
        assertThat(name).matches("1795384829-57-finished-[0-9]+\\.json");
        assertThat(Files.readString(node.spool.resolve("events").resolve(name)))
                .isEqualTo(service.request().text() + "\n").endsWith("}\n").containsOnlyOnce("\n");
    }

    @Test
    void eventIsOnDiskBeforeItIsSent() throws Exception {
        var seen = new ArrayList<String>();
        service.whileAsked(() -> {
            try {
                seen.addAll(node.kept());
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });

        node.prolog().keptItsPromise();

        assertThat(seen).hasSize(1);
        assertThat(node.kept()).isEmpty();
    }

    static List<List<String>> shells() {
        return Shells.here();
    }

    @ParameterizedTest
    @MethodSource("shells")
    void eachRunSendsOneOlderEventOldestFirst(List<String> shell) throws Exception {
        node.under(shell).withSpool();
        for (var age : List.of(30, 100, 20, 70))
            node.withEvent((NOW - age) + "-9-" + (age == 70 ? "finished" : "started") + "-1.json",
                    OLD.formatted("n1-9-" + age));

        for (var run = 0; run < 5; run++)
            node.prolog().keptItsPromise();

        assertThat(service.requests()).extracting(request -> request.headers().get("X-Correlation-Id"))
                .filteredOn(id -> id.startsWith("n1-9-")).containsExactly("n1-9-100", "n1-9-70", "n1-9-30", "n1-9-20");
        assertThat(service.requests()).hasSize(9);
        var older = service.requests().get(3);
        assertThat(older.path()).isEqualTo("POST /v1/events/job-finished");
        assertThat(older.text()).isEqualTo(OLD.formatted("n1-9-70"));
        assertThat(older.headers()).containsEntry("X-Source", "slurm-epilog").containsEntry("X-Changed-By", "slurm")
                .containsEntry("Content-Type", "application/json");
        assertThat(node.kept()).isEmpty();
        assertThat(node.syslog()).isEmpty();
    }

    @Test
    void eventThatAnotherHookMayBeSendingIsLeftToIt() throws Exception {
        node.withSpool().withEvent((NOW - 5) + "-9-started-1.json", OLD.formatted("n1-9-young"));

        node.prolog().keptItsPromise();

        assertThat(service.requests()).hasSize(1);
        assertThat(node.kept()).hasSize(1);
    }

    @Test
    void olderEventsWaitWhileTheServiceDoes() throws Exception {
        service.answering(503);
        node.withSpool().withEvent((NOW - 50) + "-9-started-1.json", OLD.formatted("n1-9-old"));

        node.prolog().keptItsPromise();

        assertThat(service.requests()).hasSize(1);
        assertThat(node.kept()).hasSize(2);
    }

    @Test
    void slowServiceIsNotAskedTwice() throws Exception {
        service.answeringAfter(Duration.ofMillis(1350));
        node.withSpool().withEvent((NOW - 50) + "-9-started-1.json", OLD.formatted("n1-9-old"));

        node.prolog().keptItsPromise();

        assertThat(service.requests()).hasSize(1);
        assertThat(node.kept()).containsExactly((NOW - 50) + "-9-started-1.json");
    }

    /** A node that lost its power may find an empty file where the event was. */
    @ParameterizedTest
    @ValueSource(strings = {"", "{\"event_id\":\"n1-9", "{\"event_id\":\"n1-9\", \"job_id\":\"9\"}",
            "{\"event_id\":\"a\\\"b\",\"job_id\":\"9\"}", "url=http://elsewhere"})
    void fileThatIsNoEventIsPutAsideAndDoesNotBlockTheOthers(String text) throws Exception {
        node.withSpool().withEvent((NOW - 90) + "-9-started-1.json", text)
                .withEvent((NOW - 50) + "-9-started-1.json", OLD.formatted("n1-9-old"));

        node.prolog().keptItsPromise();
        node.prolog().keptItsPromise();

        assertThat(service.requests()).hasSize(3).last().extracting(Service.Request::text)
                .isEqualTo(OLD.formatted("n1-9-old"));
        assertThat(node.kept()).isEmpty();
        assertThat(node.refused()).containsExactly((NOW - 90) + "-9-started-1.json");
        assertThat(node.syslog()).singleElement().asString().endsWith("-9-started-1.json not an event");
    }

    /** Killed before or after the event was written, and before its file got its name. */
    @ParameterizedTest
    @MethodSource("shells")
    void draftsOfKilledHooksAreSettled(List<String> shell) throws Exception {
        node.under(shell).withSpool();
        var events = node.spool.resolve("events");
        Files.createFile(events.resolve(".tmp-" + (NOW - 20) + "-8-started-1.json"));
        Files.writeString(events.resolve(".tmp-" + (NOW - 20) + "-9-started-2.json"), OLD.formatted("n1-9-old") + "\n");
        Files.createFile(events.resolve(".tmp-" + (NOW - 5) + "-10-started-3.json"));
        Files.writeString(node.spool.resolve(".tmp-" + (NOW - 20) + "-node-4"), "n1\n");

        node.prolog().keptItsPromise();

        assertThat(files(node.spool)).doesNotContain(".tmp-" + (NOW - 20) + "-node-4");
        assertThat(files(events)).as("what a hook may still be writing, and what one had written").containsExactly(
                ".tmp-" + (NOW - 5) + "-10-started-3.json", (NOW - 20) + "-9-started-2.json");

        node.prolog().keptItsPromise();

        assertThat(service.requests()).last().extracting(Service.Request::text).isEqualTo(OLD.formatted("n1-9-old"));
        assertThat(node.syslog()).isEmpty();
    }

    @Test
    void manyDraftsDoNotTakeMuchOfARun() throws Exception {
        node.withSpool();
        for (var file = 0; file < 25; file++)
            Files.createFile(node.spool.resolve("events/.tmp-" + (NOW - 20) + "-" + file + "-started-1.json"));

        node.prolog().keptItsPromise();
        assertThat(files(node.spool.resolve("events"))).hasSize(15);
        node.prolog().keptItsPromise();
        node.prolog().keptItsPromise();
        assertThat(files(node.spool.resolve("events"))).isEmpty();
    }

    private static List<String> files(Path folder) throws Exception {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void fullSpoolKeepsWhatItHasAndTheEventIsStillSent() throws Exception {
        node.withSpool();
        for (var file = 0; file < 10_000; file++)
            Files.createFile(node.spool.resolve("events/" + (NOW - 3 + file % 3) + "-" + file + "-started-1.json"));

        node.prolog().keptItsPromise();

        assertThat(service.request().body().get("job_id").stringValue()).isEqualTo("57");
        assertThat(node.kept()).hasSize(10_000);
        assertThat(node.syslog()).singleElement().asString().contains("the spool is full");
    }

    @Test
    void refusedEventsDoNotFillTheDiskEither() throws Exception {
        service.answering(400);
        node.withSpool();
        for (var file = 0; file < 10_000; file++)
            Files.createFile(node.spool.resolve("refused/" + NOW + "-" + file + "-started-1.json"));

        node.prolog().keptItsPromise();

        assertThat(node.kept()).isEmpty();
        assertThat(node.refused()).hasSize(10_000);
        assertThat(node.syslog()).singleElement().asString().contains("answered with 400").contains("event deleted");
    }

    @Test
    void fullDiskDoesNotStopTheEvent() throws Exception {
        assumeTrue(Node.mayUnshare(), "needs a mount namespace");
        node.withSpool();

        node.prologInNamespace("""
                mount -t tmpfs -o size=64k,mode=755 tmpfs %1$s
                mkdir %1$s/events %1$s/refused
                ! dd if=/dev/zero of=%1$s/filler bs=4k 2>/dev/null""".formatted(node.spool),
                "ls -A %s/events >%s/left".formatted(node.spool, folder)).keptItsPromise();

        assertThat(service.request().body().get("job_id").stringValue()).isEqualTo("57");
        assertThat(folder.resolve("left")).isEmptyFile();
        assertThat(node.syslog()).singleElement().asString().contains("the spool cannot be written");
    }

    @Test
    void readOnlyDiskDoesNotStopTheEvent() throws Exception {
        assumeTrue(Node.mayUnshare(), "needs a mount namespace");
        node.withSpool();

        node.prologInNamespace("mount --bind %1$s %1$s\nmount -o remount,bind,ro %1$s".formatted(node.spool), "")
                .keptItsPromise();

        assertThat(service.requests()).hasSize(1);
        assertThat(node.syslog()).singleElement().asString().contains("the spool cannot be written");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "events", "refused"})
    void spoolThatIsALinkIsNotUsed(String linked) throws Exception {
        node.withSpool();
        var elsewhere = folder.resolve("elsewhere");
        Files.move(node.spool.resolve(linked), elsewhere);
        Files.createSymbolicLink(node.spool.resolve(linked), elsewhere);
        service.answering(503); // so that a file would stay
        // A slash at the end would have the system follow the link.
        node.with("JOBWITNESS_SPOOL_DIR", node.spool + (linked.isEmpty() ? "/" : ""));

        node.prolog().keptItsPromise();

        assertNotUsed(elsewhere);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "events", "refused"})
    void spoolThatOthersMayWriteIsNotUsed(String open) throws Exception {
        service.answering(503);
        for (var permission : List.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE)) {
            node = new Node(Files.createDirectory(folder.resolve(permission.name())), service.url()).withSpool();
            var mode = PosixFilePermissions.fromString("rwxr-xr-x");
            mode.add(permission);
            Files.setPosixFilePermissions(node.spool.resolve(open), mode);

            node.prolog().keptItsPromise();

            assertNotUsed(node.spool.resolve("events"));
        }
    }

    @Test
    void spoolOfAnotherUserIsNotUsed() throws Exception {
        assumeTrue(Node.mayUnshare(), "needs root");
        service.answering(503);
        node.withSpool();
        var nobody = folder.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody");
        Files.setOwner(node.spool.resolve("events"), nobody);

        node.prolog().keptItsPromise();

        assertNotUsed(node.spool.resolve("events"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"spool", "./spool", "../spool"})
    void spoolNeedsAnAbsolutePath(String relative) throws Exception {
        service.answering(503);
        node.with("JOBWITNESS_SPOOL_DIR", relative);

        node.prolog().keptItsPromise();

        assertThat(node.syslog()).singleElement().asString().contains("the spool cannot be used");
    }

    /** exec keeps the process id, so the shell in front of the hook knows the name that the hook is going to use. */
    @ParameterizedTest
    @MethodSource("shells")
    void linkInTheWayIsNotWrittenThrough(List<String> shell) throws Exception {
        service.answering(503);
        node.withSpool().under(shell);
        var victim = Files.writeString(folder.resolve("victim"), "precious");
        var command = new ArrayList<>(List.of("/bin/sh", "-c",
                "/bin/ln -s " + victim + " " + node.spool + "/events/.tmp-" + NOW + "-57-started-$$.json; exec \"$@\"",
                "sh"));
        command.addAll(node.command("prolog"));

        node.run(command).keptItsPromise();

        assertThat(victim).hasContent("precious");
        assertThat(node.kept()).isEmpty();
        assertThat(service.requests()).hasSize(1);
    }

    @Test
    void hooksAtTheSameTimeDoNotDisturbEachOther() throws Exception {
        var runs = new ArrayList<Future<Node.Run>>();
        try (var threads = Executors.newFixedThreadPool(5)) {
            for (var run = 0; run < 20; run++)
                runs.add(threads.submit(run % 2 == 0 ? node::prolog : node::epilog));
        }

        for (var run : runs)
            run.get().keptItsPromise();
        assertThat(service.requests()).extracting(request -> request.headers().get("X-Correlation-Id")).hasSize(20)
                .doesNotHaveDuplicates();
        assertThat(node.kept()).isEmpty();
    }

    private void assertNotUsed(Path events) throws Exception {
        try (var files = Files.walk(events)) {
            assertThat(files.filter(Files::isRegularFile)).isEmpty();
        }
        assertThat(service.requests()).isNotEmpty();
        assertThat(node.syslog()).singleElement().asString().contains("the spool cannot be used");
    }

    private static String mode(Path path) throws Exception {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
