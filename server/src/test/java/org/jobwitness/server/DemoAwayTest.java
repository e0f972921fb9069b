package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.TestPostgres;
import org.jobwitness.server.demo.DemoCluster;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The simulated cluster while its database comes and goes. */
class DemoAwayTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
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
    void tellsOnWheneverTheDatabaseIsThereAndLogsOneLineForEachChange() throws Exception {
        LOGGER.addHandler(lines);
        ServerConfig config = ServerConfig.read(List.of("--host=127.0.0.1", "--port=0", "--auth=off",
                "--seed-demo=true", "--jobwitness-data-dir=" + folder, "--database-url=" + gate.url()), Map.of(),
                folder.resolve(".env"));
        try (Server server = new Server(config)) {
            Http http = Http.anonymous(server.port());
            assertThat(http.get("/v1/health").body()).contains("\"demo\":\"still telling last week\"");
            gate.open();
            Waiting.until("some of the week is told", PATIENCE, () -> number("select count(*) from job") > 20);
            gate.shut();
            Waiting.until("it pauses", PATIENCE, () -> lines.words.contains("demo_paused"));
            assertThat(number("select count(*) from job")).isLessThan(100);

            gate.open();
            Waiting.until("the week is told", PATIENCE, () -> http.get("/v1/ready").statusCode() == 200);
            assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isEqualTo(105);
            assertThat(
                    number("select count(*) from (select 1 from sample_buffer_0 group by job_key, node, gpu, at"
                            + " having count(*) > 1) twice"))
                    .isZero();

            gate.shut();
            Waiting.until("it pauses again", PATIENCE,
                    () -> lines.words.stream().filter("demo_paused"::equals).count() == 2);
            long before = number("select extract(epoch from told_to)::bigint from demo");
            gate.open();
            Waiting.until("it goes on", PATIENCE,
                    () -> number("select extract(epoch from told_to)::bigint from demo") > before);
        }
        assertThat(lines.words).containsExactly("demo_telling", "demo_paused", "demo_telling", "demo_caught_up",
                "demo_paused", "demo_telling");
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
