package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Two servers on one database, as behind a load balancer. */
class TwoServersTest {
    private static final int JOBS = 40;
    private static final int NODES = 4;

    @TempDir
    Path folder;
    private final DatabaseAddress database = TestPostgres.emptyDatabase();
    private final List<ServerProcess> servers = new ArrayList<>();

    @AfterEach
    void stop() {
        servers.forEach(ServerProcess::close);
    }

    @Test
    void twoServersThatStartAtOnceOnAnEmptyDatabaseTellOneTruth() throws Exception {
        String url = database.jdbcUrl() + "&user=" + database.user() + "&password=" + database.password();
        for (int number = 1; number <= 2; number++) {
            servers.add(ServerProcess.on(folder.resolve("server-" + number), "--database-url=" + url));
        }
        for (ServerProcess server : servers) {
            server.ready();
            assertThat(server.err()).contains("database_ready").doesNotContain("WARNING", "SEVERE",
                    "database_unavailable");
        }
        assertThat(one("select string_agg(version, ' ' order by installed_rank) from flyway_schema_history"
                + " where success and version is not null")).isEqualTo(versions());

        eachNodeTellsBothServersOfEachJob("job-started");
        assertThat(jobsAsToldBy(servers.getFirst())).hasSize(JOBS).isEqualTo(jobsAsToldBy(servers.getLast()))
                .allSatisfy(job -> assertThat(job).contains("running"));
        eachNodeTellsBothServersOfEachJob("job-finished");
        assertThat(jobsAsToldBy(servers.getFirst())).hasSize(JOBS).isEqualTo(jobsAsToldBy(servers.getLast()))
                .allSatisfy(job -> assertThat(job).contains("completed"));
        assertThat(one("select count(*) from job")).isEqualTo(String.valueOf(JOBS));
        assertThat(one("select count(*) from audit where action = 'created'")).isEqualTo(String.valueOf(JOBS));
        assertThat(one("select count(*) from job_node where ended")).isEqualTo(String.valueOf(JOBS * NODES));
    }

    private static String versions() throws Exception {
        try (var files = Files.list(Path.of("src/main/resources/db"))) {
            return String.join(" ", new TreeSet<>(files.map(file -> file.getFileName().toString().substring(1, 4))
                    .toList()));
        }
    }

    /** At once, and each to both: as if the load balancer had sent every event a second time, to the other server. */
    private void eachNodeTellsBothServersOfEachJob(String event) throws Exception {
        try (ExecutorService senders = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> statuses = new ArrayList<>();
            for (int job = 1; job <= JOBS; job++) {
                for (int node = 1; node <= NODES; node++) {
                    String body = """
                            {"job_id": "%d", "user": "ada", "node_list": ["n[1-%d]"], "node": "n%d",
                             "start_time": "2026-01-01T00:00:00Z", "timestamp": "2026-01-01T00:0%d:00Z"%s}"""
                            .formatted(job, NODES, node, node,
                                    event.equals("job-finished") ? ", \"exit_code\": 0, \"signal\": 0" : "");
                    for (ServerProcess server : servers) {
                        Http agent = server.as(Role.AGENT);
                        statuses.add(senders.submit(() -> sendUntilTaken(agent, event, body)));
                    }
                }
            }
            for (Future<Integer> status : statuses) {
                assertThat(status.get()).isEqualTo(200);
            }
        }
    }

    /** So many at once may find no connection free in time; who hears 503 sends it again. */
    private static int sendUntilTaken(Http agent, String event, String body) throws IOException {
        int status = 503;
        for (int attempt = 1; status == 503 && attempt <= 10; attempt++) {
            status = agent.post("/v1/events/" + event, body).statusCode();
        }
        return status;
    }

    private static List<String> jobsAsToldBy(ServerProcess server) throws Exception {
        JsonNode page = JsonMapper.shared().readTree(server.as(Role.OPERATOR).get("/v1/jobs?limit=1000").body());
        return IntStream.range(0, page.get("jobs").size()).mapToObj(page.get("jobs")::get)
                .map(job -> job.get("run") + " " + job.get("id") + " " + job.get("state") + " "
                        + job.path("start_time") + " " + job.path("end_time") + " " + job.get("nodes"))
                .toList();
    }

    private String one(String query) throws SQLException {
        try (Connection connection = DriverManager.getConnection(database.jdbcUrl(), database.user(),
                database.password());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getString(1);
        }
    }
}
