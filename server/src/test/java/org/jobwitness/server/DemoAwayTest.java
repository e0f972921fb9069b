package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jobwitness.server.batch.AgentQueueTable;
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.demo.DemoCluster;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.server.testing.Gate;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The simulated cluster while its database comes and goes. */
class DemoAwayTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(90);
    private static final Logger LOGGER = Logger.getLogger(DemoCluster.class.getName());

    @TempDir
    Path folder;
    private final DatabaseAddress database = TestPostgres.emptyDatabase();
    private final Gate gate = new Gate(database);
    private final Lines lines = new Lines();

    /** The first words of what was logged. */
    private static final class Lines extends Handler {
        private final List<String> words = new CopyOnWriteArrayList<>();

        @Override
        public void publish(LogRecord line) {
            words.add(line.getMessage().split(" ")[0]);
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
        }
    }

    @AfterEach
    void stop() throws Exception {
        LOGGER.removeHandler(lines);
        gate.close();
    }

    @Test
    void deliversWheneverTheDatabaseIsThereAndLogsOneLineForEachChange() throws Exception {
        LOGGER.addHandler(lines);
        Clock clock = Clock.systemUTC();
        Json json = new Json();
        PrometheusRegistry metrics = new PrometheusRegistry();
        try (Database through = new Database(gate.address(), 10,
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), clock), metrics)) {
            JobTable jobs = new JobTable(through, json, clock);
            SampleStore samples = new SampleStore(through, json, Duration.ofDays(8), clock, metrics);
            NodeTable nodes = new NodeTable(through, json);
            try (Batches batches = new Batches(through, jobs, samples, nodes, new AgentQueueTable(through, clock),
                    clock,
                    "default", metrics);
                    DemoCluster cluster = new DemoCluster(through, new Events(jobs, json, "default", clock, metrics),
                            jobs,
                            samples, batches, nodes, clock, 2)) {
                through.start();
                cluster.start();
                assertThat(cluster.problem()).contains("the history is not complete yet");
                shutAndOpenTheGate(30, () -> cluster.problem().isEmpty());
            }
        }
        assertLinesForEachChange();
    }

    @Test
    @Tag("long")
    void aServerDoesSoWithAWeek() throws Exception {
        LOGGER.addHandler(lines);
        ServerConfig config = ServerConfig.read(List.of("--host=127.0.0.1", "--port=0", "--auth=off",
                "--seed-demo=true", "--jobwitness-data-dir=" + folder, "--database-url=" + gate.url()), Map.of(),
                folder.resolve(".env"));
        try (Server server = new Server(config)) {
            Http http = Http.anonymous(server.port());
            assertThat(http.get("/v1/health").body()).contains("\"demo\":\"the history is not complete yet\"");
            shutAndOpenTheGate(105, () -> http.get("/v1/ready").statusCode() == 200);
        }
        assertLinesForEachChange();
    }

    private void shutAndOpenTheGate(int jobs, Waiting.Condition isComplete) throws Exception {
        gate.open();
        Waiting.until("some of the history is there", TIMEOUT,
                () -> number("select count(*) from job") > jobs / 6 && lines.words.contains("demo_running"));
        gate.shut();
        Waiting.until("it pauses", TIMEOUT, () -> lines.words.contains("demo_paused"));
        assertThat(number("select count(*) from job")).isLessThan(jobs - 5);

        gate.open();
        Waiting.until("the history is complete", TIMEOUT, isComplete);
        assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isEqualTo(jobs);
        assertThat(number("select count(*) from (select 1 from sample_buffer_0 group by job_key, node, gpu, at"
                + " having count(*) > 1) twice")).isZero();

        gate.shut();
        Waiting.until("it pauses again", TIMEOUT,
                () -> lines.words.stream().filter("demo_paused"::equals).count() == 2);
        long before = number("select extract(epoch from delivered_to)::bigint from demo");
        gate.open();
        Waiting.until("it continues", TIMEOUT,
                () -> number("select extract(epoch from delivered_to)::bigint from demo") > before);
    }

    private void assertLinesForEachChange() {
        assertThat(lines.words).containsExactly("demo_running", "demo_paused", "demo_running", "demo_caught_up",
                "demo_paused", "demo_running");
    }

    /** Past the gate; 0 where the tables are not there yet. */
    private long number(String sql) {
        try (Connection connection = DriverManager.getConnection(database.jdbcUrl(), database.user(),
                database.password());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        } catch (SQLException e) {
            return 0;
        }
    }
}
