package org.jobwitness.server.embedded;

import static java.nio.file.attribute.PosixFilePermissions.fromString;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.eventually;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.execute;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.files;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.kill;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.postmasterPid;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.processesIn;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.start;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.value;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jobwitness.server.db.DatabaseAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Starts, stops, and everything that an earlier start can have left in the folder. All share one, to be quick. */
class EmbeddedPostgresTest {
    @TempDir
    static Path dataFolder;

    @BeforeAll
    static void firstStart() throws Exception {
        start(dataFolder).close();
    }

    @AfterEach
    void nothingIsLeftRunning() throws Exception {
        eventually(() -> processesIn(dataFolder).isEmpty());
    }

    @Test
    void secondStartFindsWhatTheFirstStored() throws Exception {
        try (var first = start(dataFolder)) {
            execute(first.address(), "CREATE TABLE kept AS SELECT 'stored' AS what");
        }
        try (var second = start(dataFolder)) {
            assertThat(value(second.address(), "SELECT what FROM kept")).isEqualTo("stored");
            execute(second.address(), "DROP TABLE kept");
        }
    }

    @Test
    void runsDurablyAndTheSameEverywhere() throws Exception {
        try (var postgres = start(dataFolder)) {
            for (var setting : List.of("fsync=on", "full_page_writes=on", "synchronous_commit=on", "data_checksums=on",
                    "listen_addresses=127.0.0.1", "password_encryption=scram-sha-256",
                    "shared_buffers=128MB", "max_connections=50", "server_encoding=UTF8", "log_timezone=UTC",
                    "is_superuser=off")) {
                var name = setting.substring(0, setting.indexOf('='));
                assertThat(name + "=" + value(postgres.address(), "SHOW " + name)).isEqualTo(setting);
            }
            assertThat(value(postgres.address(), "SELECT upper('straße') || lower('ÄÖ')")).isEqualTo("STRAßEäö");
        }
    }

    @Test
    void nobodyComesInWithoutThePassword() throws Exception {
        try (var postgres = start(dataFolder)) {
            var address = postgres.address();
            assertThatThrownBy(() -> connect(address, address.user(), "wrong"))
                    .hasMessageContaining("password authentication failed");
            assertThatThrownBy(() -> connect(address, "postgres", address.password()))
                    .hasMessageContaining("no pg_hba.conf entry");
            assertThat(Files.readString(Path.of("/proc/" + postmasterPid(dataFolder) + "/cmdline")))
                    .contains("\0unix_socket_directories=\0");
            assertThat(Files.readString(files(dataFolder).resolve("pg_hba.conf")))
                    .isEqualTo("host all jobwitness 127.0.0.1/32 scram-sha-256\n");
            assertThat(address.toString()).doesNotContain(address.password());
            for (var process : processesIn(dataFolder)) {
                assertThat(commandLine(process)).doesNotContain(address.password());
            }
        }
        assertThat(Files.readString(log())).doesNotContain("SELECT", "ALTER ROLE");
    }

    /** Empty if it has ended meanwhile, as the process of a refused connection does. */
    private static String commandLine(long process) throws IOException {
        try {
            return Files.readString(Path.of("/proc/" + process + "/cmdline"));
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    @Test
    void filesAreForTheirOwnerOnly() throws Exception {
        for (var folder : List.of(dataFolder.resolve("postgres"), files(dataFolder))) {
            assertThat(Files.getPosixFilePermissions(folder)).isEqualTo(fromString("rwx------"));
        }
        for (var file : List.of(dataFolder.resolve("lock"), log(), files(dataFolder).resolve("jobwitness.password"),
                files(dataFolder).resolve("pg_hba.conf"))) {
            assertThat(Files.getPosixFilePermissions(file)).isEqualTo(fromString("rw-------"));
        }
    }

    @Test
    void secondStartInTheSameProcessIsRefusedAndTheFirstGoesOn() throws Exception {
        try (var postgres = start(dataFolder)) {
            assertThatThrownBy(() -> start(dataFolder)).isInstanceOf(EmbeddedPostgresException.class)
                    .hasMessageContainingAll("in use by another jobwitness-server", dataFolder.toString(),
                            "JOBWITNESS_DATA_DIR");
            assertThat(value(postgres.address(), "SELECT 1")).isEqualTo("1");
        }
    }

    @Test
    void killedPostmasterComesBackOnTheSamePort() throws Exception {
        try (var postgres = start(dataFolder)) {
            execute(postgres.address(), "CREATE TABLE committed AS SELECT 42 AS answer");
            var killed = postmasterPid(dataFolder);
            kill(killed);
            eventually(() -> value(postgres.address(), "SELECT answer FROM committed").equals("42"));
            assertThat(postmasterPid(dataFolder)).isNotEqualTo(killed);
            execute(postgres.address(), "DROP TABLE committed");
        }
    }

    @Test
    void closeWhileItComesBackLeavesNothing() throws Exception {
        var postgres = start(dataFolder);
        kill(postmasterPid(dataFolder));
        postgres.close();
        postgres.close();
        eventually(() -> processesIn(dataFolder).isEmpty());
        start(dataFolder).close();
    }

    @Test
    void stalePidFileOfAnUnrelatedProcessDoesNotStopTheStart() throws Exception {
        var unrelated = new ProcessBuilder("sleep", "60").start();
        try {
            startWithPidFile(unrelated.pid());
            assertThat(unrelated.isAlive()).isTrue();
        } finally {
            unrelated.destroyForcibly().waitFor();
        }
    }

    @Test
    void stalePidFileOfAZombieDoesNotStopTheStart() throws Exception {
        // The shell's child ends, and the sleep that the shell has become never asks how.
        var parent = new ProcessBuilder("sh", "-c", "sh -c 'exit 0' & exec sleep 60").start();
        try {
            eventually(() -> parent.children().anyMatch(child -> state(child).equals("Z")));
            startWithPidFile(parent.children().findFirst().orElseThrow().pid());
        } finally {
            parent.destroyForcibly().waitFor();
        }
    }

    @Test
    void stalePidFileWithOurOwnPidDoesNotStopTheStart() throws Exception {
        startWithPidFile(ProcessHandle.current().pid());
    }

    @Test
    void emptyPidFileDoesNotStopTheStart() throws Exception {
        Files.createFile(files(dataFolder).resolve("postmaster.pid"));
        start(dataFolder).close();
    }

    @Test
    void whatAKilledStartLeftHalfMadeIsRemoved() throws Exception {
        var rubbish = Files.createDirectories(dataFolder.resolve("postgres/unfinished-data-1/base"));
        Files.writeString(rubbish.resolve("PG_VERSION"), "18");
        var old = Files.createDirectories(dataFolder.resolve("postgres/programs-18.5.0/bin"));
        start(dataFolder).close();
        assertThat(rubbish.getParent()).doesNotExist();
        assertThat(old).doesNotExist();
    }

    @Test
    void lostPasswordIsReplaced() throws Exception {
        String old;
        try (var postgres = start(dataFolder)) {
            old = postgres.address().password();
        }
        Files.delete(files(dataFolder).resolve("jobwitness.password"));
        try (var postgres = start(dataFolder)) {
            assertThat(postgres.address().password()).isNotEqualTo(old);
            assertThat(value(postgres.address(), "SELECT 1")).isEqualTo("1");
        }
    }

    @Test
    void longLogIsCut() throws Exception {
        Files.write(log(), new byte[11 << 20]);
        start(dataFolder).close();
        assertThat(Files.size(log())).isLessThan(100_000);
        assertThat(Files.size(log().resolveSibling("postgres.log.1"))).isEqualTo(11 << 20);
    }

    @Test
    void interruptedStartLeavesNothing() throws Exception {
        var outcome = new AtomicReference<Object>();
        var starter = Thread.ofPlatform().start(() -> {
            try (var postgres = start(dataFolder)) {
                outcome.set(postgres);
            } catch (InterruptedException e) {
                outcome.set(e);
            }
        });
        eventually(() -> !processesIn(dataFolder).isEmpty());
        starter.interrupt();
        starter.join();
        assertThat(outcome.get()).isNotNull();
    }

    @Test
    void brokenSettingsAreToldWithPostgresOwnWords() throws Exception {
        var settings = files(dataFolder).resolve("postgresql.auto.conf");
        Files.writeString(settings, "shared_buffers = 'much'\n");
        try {
            assertThatThrownBy(() -> start(dataFolder)).isInstanceOf(EmbeddedPostgresException.class)
                    .hasMessageContainingAll("exit code", log().toString(), "invalid value for parameter");
        } finally {
            Files.writeString(settings, "");
        }
    }

    @Test
    void dataOfAnotherMajorVersionIsNotPassedOver(@TempDir Path upgraded) throws Exception {
        Files.createDirectories(upgraded.resolve("postgres/data-17"));
        assertThatThrownBy(() -> start(upgraded)).isInstanceOf(EmbeddedPostgresException.class)
                .hasMessageContainingAll("data-17", "export");
    }

    @Test
    void folderThatCannotBeMadeIsNamed(@TempDir Path elsewhere) throws Exception {
        var file = Files.createFile(elsewhere.resolve("file"));
        assertThatThrownBy(() -> start(file.resolve("data"))).isInstanceOf(EmbeddedPostgresException.class)
                .hasMessageContainingAll(file.toString(), "JOBWITNESS_DATA_DIR", "DATABASE_URL");
    }

    @Test
    void theArchivesAreThoseOfTheStatedVersion() {
        for (var architecture : List.of("amd64", "aarch64")) {
            var name = PostgresArchive.resource("Linux", architecture).orElseThrow();
            assertThat(getClass().getResource(name)).asString().contains("-" + PostgresArchive.VERSION + ".jar!");
        }
        assertThat(PostgresArchive.resource("Mac OS X", "aarch64")).isEmpty();
    }

    private static void startWithPidFile(long pid) throws Exception {
        Files.writeString(files(dataFolder).resolve("postmaster.pid"), """
                %d
                %s
                1795389522
                15432

                127.0.0.1
                  2147481         6
                ready
                """.formatted(pid, files(dataFolder)));
        try (var postgres = start(dataFolder)) {
            assertThat(value(postgres.address(), "SELECT 1")).isEqualTo("1");
        }
    }

    private static String state(ProcessHandle process) {
        try {
            var stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
            return stat.substring(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
        } catch (IOException e) {
            return "";
        }
    }

    private static void connect(DatabaseAddress address, String user, String password) throws SQLException {
        DriverManager.getConnection(address.jdbcUrl(), user, password).close();
    }

    private static Path log() {
        return dataFolder.resolve("postgres/postgres.log");
    }
}
