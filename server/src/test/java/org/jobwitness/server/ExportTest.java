package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.Feed;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code jobwitness-server export}, as an administrator runs it. */
class ExportTest {
    private static final Instant START = Instant.now().truncatedTo(ChronoUnit.HOURS).minus(Duration.ofHours(3));
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    /** What an export wrote, and how it ended. */
    private record Export(int status, String out, String err) {
        List<JsonNode> rows() {
            return out.lines().map(Exchange.JSON::readTree).toList();
        }
    }

    private Export export(Map<String, String> environment, String... flags) throws Exception {
        List<String> all = new ArrayList<>(List.of("export"));
        all.addAll(List.of(flags));
        try (ServerProcess process = ServerProcess.run(folder.resolve("nothing-is-here"), folder, environment, all)) {
            int status = process.exitStatus(PATIENCE);
            return new Export(status, process.out(), process.err());
        }
    }

    private static Map<String, String> of(DatabaseAddress database) {
        return Map.of("DATABASE_URL",
                database.jdbcUrl() + "&user=" + database.user() + "&password=" + database.password());
    }

    @Test
    void eachSampleIsARowWhereverItIsKept() throws Exception {
        try (TestServer server = TestServer.startWithAuth(); Feed feed = new Feed(server)) {
            feed.started("4711", "n[1-2]", START);
            feed.started("4712", "n1", START);
            for (int tick = 0; tick < 6; tick++) {
                if (tick == 4) {
                    feed.seal();
                }
                for (String node : List.of("n1", "n2")) {
                    feed.told(node, START.plusSeconds(15L * tick), 15_000, "4711",
                            "\"pids\": " + tick + ", \"cpus\": 3, \"cpus_used\": 1", node.equals("n2") ? "" : """
                                    {"gpu": "=a,b", "job_id": "4711", "utilization_percent": 12.5}""");
                }
                feed.told("n1", START.plusSeconds(15L * tick), 15_000, "4712", "\"pids\": 99", "");
            }
            assertThat(server.rows("chunk")).isPositive();
            assertThat(server.rows("sample_buffer_0") + server.rows("sample_buffer_1")).isPositive();

            Export jsonl = export(of(server.address()), "--job", "slurm-4711", "--format", "jsonl");
            assertThat(jsonl.status()).as(jsonl.err()).isZero();
            assertThat(jsonl.err())
                    .endsWith("jobwitness-server: 18 samples of job 4711, run 1 on the cluster default\n");
            assertThat(jsonl.rows()).hasSize(18);
            for (String series : List.of("n1 ", "n2 ", "n1 =a,b")) {
                List<JsonNode> rows = jsonl.rows().stream().filter(row -> series
                        .equals(row.required("node").asString() + " " + row.path("gpu").asString(""))).toList();
                assertThat(rows.stream().map(row -> Instant.parse(row.required("time").asString())))
                        .containsExactly(ticks());
            }
            assertThat(jsonl.out()).contains("{\"cluster\":\"default\",\"job_id\":\"4711\",\"run\":1,\"time\":\""
                    + START
                    + "\",\"node\":\"n2\",\"interval_ms\":15000,\"cpu_usage_percent\":33.33,\"cpus\":3,\"pids\":0}\n",
                    "\"time\":\"" + START + "\",\"node\":\"n1\",\"gpu\":\"=a,b\",\"interval_ms\":15000,"
                            + "\"utilization_percent\":12.5}\n");

            Path file = folder.resolve("job.csv");
            Export csv = export(of(server.address()), "--job=4711", "--format=csv", "--run=1", "--cluster=default",
                    "--from=" + START.plusSeconds(15), "--to=" + START.plusSeconds(45), "--output=" + file);
            assertThat(csv.status()).as(csv.err()).isZero();
            assertThat(csv.out()).isEmpty();
            List<String> lines = Files.readAllLines(file);
            assertThat(lines).hasSize(1 + 6);
            assertThat(lines.getFirst()).startsWith("cluster,job_id,run,time,node,gpu,interval_ms,cpu_usage_percent,")
                    .endsWith(
                            ",io_stall_usec,suspended_ms,utilization_percent,memory_used_bytes,memory_total_bytes,power_watts,"
                                    + "temperature_celsius,energy_joules,processes,clock_mhz");
            assertThat(lines.get(1)).isEqualTo("default,4711,1," + START.plusSeconds(15)
                    + ",n1,,15000,33.33,,12.5,3" + ",".repeat(16) + "1" + ",".repeat(13));
            assertThat(lines).filteredOn(line -> line.contains("a,b")).first().asString().isEqualTo("default,4711,1,"
                    + START.plusSeconds(15) + ",n1,\"'=a,b\",15000" + ",".repeat(26) + "12.5" + ",".repeat(7));
            assertThat(lines.stream().map(line -> line.split(",", -1).length).distinct()).hasSizeBetween(1, 2);
            assertThat(folder.resolve("job.csv.part")).doesNotExist();

            Export unknown = export(of(server.address()), "--job=4711", "--format=csv", "--cluster=west");
            assertThat(unknown.status()).isEqualTo(1);
            assertThat(unknown.err()).endsWith("jobwitness-server: no job 4711 is recorded on the cluster west\n");
            Export nowhere = export(of(server.address()), "--job=4711", "--format=csv", "--output=/no/such/folder/x");
            assertThat(nowhere.status()).isEqualTo(1);
            assertThat(nowhere.err()).contains("/no/such/folder/x");
        }
    }

    private static Instant[] ticks() {
        return IntStream.range(0, 6).mapToObj(tick -> START.plusSeconds(15L * tick))
                .toArray(Instant[]::new);
    }

    @Test
    void theServersOwnDatabaseIsReadBesideItAndWithoutIt() throws Exception {
        Path data = folder.resolve("data");
        Map<String, String> here = Map.of("JOBWITNESS_DATA_DIR", data.toString());
        String beside;
        try (ServerProcess server = ServerProcess.on(data).ready()) {
            server.as(Role.OPERATOR).post("/v1/jobs", "{\"id\":\"own\",\"user\":\"alice\",\"nodes\":[\"n1\"]}");
            server.as(Role.OPERATOR).post("/v1/jobs/own/metrics", "{\"cpu_usage\":1,\"memory_usage_mb\":2}");
            Export running = export(here, "--job=own", "--format=jsonl");
            assertThat(running.status()).as(running.err()).isZero();
            assertThat(running.rows()).hasSize(1);
            assertThat(server.as(Role.OPERATOR).get("/v1/jobs/own").statusCode()).as("the server goes on")
                    .isEqualTo(200);
            beside = running.out();
            server.terminate();
            server.exitStatus(PATIENCE);
            Export alone = export(here, "--job=own", "--format=jsonl");
            assertThat(alone.status()).as(alone.err()).isZero();
            assertThat(alone.out()).isEqualTo(beside);
            assertThat(server.postgresProcesses()).as("PostgreSQL is stopped again").isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --format=csv                         | --job is missing
            --job=1                              | --format is missing; give csv or jsonl
            --job=1 --format=xml                 | --format must be csv or jsonl, was xml
            --job=- --format=csv                 | must be 1 to 64 letters
            --job=1 --format=csv --run=x         | --run must be a whole number
            --job=1 --format=csv --from=now      | --from must be an RFC 3339 time
            --job=1 --format=csv --to            | --to needs a value
            --job=1 --job=2 --format=csv         | --job was given twice
            --job=1 --format=csv --from=2026-01-02T00:00:00Z --to=2026-01-01T00:00:00Z | lies before --from
            --job=1 --format=csv --node n1       | --node is not a flag
            --job=1 --format=csv --port=x        | PORT is
            1                                    | --job is missing
            """)
    void whatIsNotSaidRightIsNamed(String flags, String said) throws Exception {
        Export export = export(Map.of("JOBWITNESS_DATA_DIR", folder.resolve("data").toString()), flags.split(" "));
        assertThat(export.status()).isEqualTo(2);
        assertThat(export.err()).startsWith("jobwitness-server: ").contains(said, "--help").hasLineCount(1);
        assertThat(export.out()).isEmpty();
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void aDatabaseThatIsNotThereIsNotMade() throws Exception {
        Export none = export(Map.of("JOBWITNESS_DATA_DIR", folder.resolve("data").toString()), "--job=1",
                "--format=csv");
        assertThat(none.status()).isEqualTo(1);
        assertThat(none.err()).contains("There is no database in " + folder.resolve("data"), "JOBWITNESS_DATA_DIR");
        assertThat(folder.resolve("data")).doesNotExist();

        DatabaseAddress empty = TestPostgres.emptyDatabase();
        Export untouched = export(of(empty), "--job=1", "--format=csv");
        assertThat(untouched.status()).isEqualTo(1);
        assertThat(untouched.err()).contains("start this release's server on it once");
        assertThat(export(of(empty), "--job=1", "--format=csv").err()).isEqualTo(untouched.err());

        Export away = export(Map.of("DATABASE_URL", "postgres://u:secret@127.0.0.1:9/x"), "--job=1", "--format=csv");
        assertThat(away.status()).isEqualTo(1);
        assertThat(away.err()).contains("jdbc:postgresql://127.0.0.1:9/x cannot be reached").doesNotContain("secret");
    }

    @Test
    void helpTellsOfEachFlag() throws Exception {
        Export help = export(Map.of(), "--help");
        assertThat(help.status()).isZero();
        assertThat(help.out()).contains("--job", "--format", "--cluster", "--run", "--from", "--to", "--output");
    }
}
