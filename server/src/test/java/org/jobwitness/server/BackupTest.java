package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipFile;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Feed;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jobwitness-server backup} and {@code restore}, as an administrator runs them. */
class BackupTest {
    private static final Instant START = Instant.now().truncatedTo(ChronoUnit.HOURS).minus(Duration.ofHours(3));
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    static Path folder;
    private static Path backup;
    private static DatabaseAddress original;
    private static String operatorToken;
    private static Map<String, List<String>> rows;

    /** What a command wrote, and how it ended. */
    private record Result(int status, String out, String err) {
    }

    private static Result run(DatabaseAddress database, Path dataDir, String... args) throws Exception {
        return run(Map.of("DATABASE_URL",
                database.jdbcUrl() + "&user=" + database.user() + "&password=" + database.password()), dataDir, args);
    }

    private static Result run(Map<String, String> environment, Path dataDir, String... args) throws Exception {
        List<String> all = new ArrayList<>(List.of(args));
        all.add("--jobwitness-data-dir=" + dataDir);
        try (ServerProcess process = ServerProcess.run(folder.resolve("nothing-is-here"), folder, environment, all)) {
            int status = process.exitStatus(PATIENCE);
            return new Result(status, process.out(), process.err());
        }
    }

    @BeforeAll
    static void aRunningServerIsBackedUp() throws Exception {
        Waiting.passable(folder);
        backup = folder.resolve("jobwitness.backup");
        try (TestServer server = TestServer.startWithAuth(); Feed feed = new Feed(server)) {
            feed.started("4711", "n[1-2]", START);
            for (int tick = 0; tick < 6; tick++) {
                if (tick == 4) {
                    feed.seal();
                }
                feed.told("n1", START.plusSeconds(15L * tick), 15_000, "4711", "\"pids\": " + tick, """
                        {"gpu": "=a,b", "job_id": "4711", "utilization_percent": 12.5}""");
            }
            feed.started("4712", "n1", START);
            server.as(Role.AGENT).post("/v1/events/job-finished", """
                    {"job_id": "4712", "node": "n1", "start_time": "%s", "timestamp": "%s", "raw_status": 253}"""
                    .formatted(START, START.plusSeconds(60)));
            server.ofNodes("default", "n[7-9]");
            Result result = run(server.address(), server.dataDir(), "backup", backup.toString());
            assertThat(result.status()).as(result.err()).isZero();
            assertThat(result.out()).containsPattern("(?m)^job +2 rows$")
                    .containsPattern("(?m)^chunk +[1-9][0-9]* rows$");
            original = server.address();
            operatorToken = Files.readString(server.dataDir().resolve("operator.token"));
            rows = rows(original);
            assertThat(rows.get("job")).hasSize(2);
            assertThat(rows.get("sample_buffer_0").size() + rows.get("sample_buffer_1").size()).isPositive();
        }
    }

    @AfterAll
    static void forget() {
        rows = Map.of();
    }

    private static Connection connect(DatabaseAddress address) throws SQLException {
        return DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
    }

    /** All rows of each table as text; but not of those that a server writes by itself from time to time. */
    private static Map<String, List<String>> rows(DatabaseAddress address) throws SQLException {
        Map<String, List<String>> all = new TreeMap<>();
        try (Connection connection = connect(address)) {
            for (String table : texts(connection,
                    """
                    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
                    and not relispartition and relname not in
                    ('flyway_schema_history', 'retention_clock', 'ended_run', 'report_owner', 'report_day', 'report_fact')""")) {
                all.put(table, texts(connection, "select cast(t as text) from " + table + " t order by 1"));
            }
        }
        return all;
    }

    private static List<String> texts(Connection connection, String sql) throws SQLException {
        List<String> texts = new ArrayList<>();
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            while (result.next()) {
                texts.add(result.getString(1));
            }
        }
        return texts;
    }

    private static Path file(String name, byte[] content) throws IOException {
        return Files.write(folder.resolve(name), content);
    }

    @Test
    void onlyItsOwnerMayReadIt() throws IOException {
        assertThat(Files.getPosixFilePermissions(backup)).isEqualTo(PosixFilePermissions.fromString("rw-------"));
        assertThat(backup.resolveSibling("jobwitness.backup.part")).doesNotExist();
    }

    @Test
    void anOlderPostgresTakesAllOfIt() throws Exception {
        DatabaseAddress address = PostgresVersion.OLDEST.emptyDatabase();
        Path dataDir = Files.createDirectories(folder.resolve("older"));
        Files.writeString(dataDir.resolve("operator.token"), "of the server that the package had started before\n");
        Result result = run(address, dataDir, "restore", backup.toString());
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(rows(address)).isEqualTo(rows);
        assertThat(dataDir.resolve("operator.token")).hasContent(operatorToken.strip());
        assertThat(Files.readString(dataDir.resolve("agent-tokens"))).contains("n[7-9]");

        Result again = run(address, dataDir, "restore", backup.toString());
        assertThat(again.status()).isEqualTo(1);
        assertThat(again.err()).contains("this database is in use: it has jobs");
        assertThat(rows(address)).isEqualTo(rows);
    }

    @Test
    void aServerGoesOnWithIt() throws Exception {
        Path dataDir = Files.createDirectories(folder.resolve("machine")).resolve("data");
        TestPostgres.lendPrograms(dataDir);
        Result result = run(Map.of(), dataDir, "restore", backup.toString());
        assertThat(result.status()).as(result.err()).isZero();
        try (ServerProcess server = ServerProcess.on(dataDir).ready()) {
            Http operator = server.as(Role.OPERATOR);
            assertThat(operator.get("/v1/jobs/4712").body()).contains("\"out_of_memory\"");
            assertThat(operator.get("/v1/jobs/4711/metrics").body()).contains("\"total\":6");
            assertThat(server.as(Role.AGENT)
                    .post("/v1/events/job-started",
                            """
                    {"job_id": "4713", "user": "ada", "node": "n1", "node_list": ["n1"], "start_time": "%s"}"""
                                    .formatted(START))
                    .body())
                    .contains("created");
        }
    }

    @Test
    void samplesMayBeLeftOut() throws Exception {
        Path small = folder.resolve("small.backup");
        Result result = run(original, folder.resolve("no-tokens"), "backup", small.toString(), "--without-samples");
        assertThat(result.status()).as(result.err()).isZero();
        try (ZipFile zip = new ZipFile(small.toFile())) {
            assertThat(zip.stream().map(Object::toString)).contains("tables/job_figures", "manifest.json")
                    .doesNotContain("tables/chunk", "tables/sample_buffer_0")
                    .noneMatch(name -> name.startsWith("tokens/"));
        }
        DatabaseAddress address = TestPostgres.freshDatabase();
        assertThat(run(address, folder.resolve("restored"), "restore", small.toString()).status()).isZero();
        assertThat(rows(address).get("job_figures")).isEqualTo(rows.get("job_figures"));
        assertThat(rows(address).get("chunk")).isEmpty();
    }

    @Test
    void itIsNotRestoredUnderARunningServer() throws Exception {
        try (TestServer server = TestServer.startWithAuth()) {
            Result result = run(server.address(), server.dataDir(), "restore", backup.toString());
            assertThat(result.status()).isEqualTo(1);
            assertThat(result.err()).contains("a server uses this database: stop it first");
            assertThat(server.rows("job")).isZero();
        }
    }

    @Test
    void whatIsCutOffOrDamagedChangesNothing() throws Exception {
        byte[] whole = Files.readAllBytes(backup);
        Path cut = file("cut.backup", Arrays.copyOf(whole, whole.length / 2));
        Path text = file("text.backup", "no backup".getBytes(StandardCharsets.UTF_8));
        Path damaged = file("damaged.backup", whole);
        try (RandomAccessFile bytes = new RandomAccessFile(damaged.toFile(), "rw")) {
            bytes.seek(200);
            bytes.write(new byte[40]);
        }
        DatabaseAddress address = TestPostgres.freshDatabase();
        for (Path file : List.of(cut, text, damaged, folder.resolve("not-there"))) {
            Result result = run(address, folder.resolve("nowhere"), "restore", file.toString());
            assertThat(result.status()).as(file.toString()).isEqualTo(1);
            assertThat(result.err()).contains(file.getFileName().toString().equals("damaged.backup")
                    ? "the backup is damaged: the table job"
                    : file.toString()).doesNotContain("\tat ");
        }
        assertThat(rows(address).get("job")).isEmpty();
        assertThat(folder.resolve("nowhere/operator.token")).doesNotExist();
        assertThat(run(address, folder, "restore").status()).isEqualTo(2);
        assertThat(run(address, folder, "backup", "/no/such/folder/x").err()).contains("/no/such/folder/x");
    }
}
