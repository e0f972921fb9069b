package org.jobwitness.server.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jobwitness.server.batch.AgentBatches.BatchNumber;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** Numbers of batches, several of an agent in one transaction. */
@OnEachPostgres
class AgentBatchesTest {
    private static final Instant NOW = Instant.parse("2026-11-30T12:00:00Z");

    @Parameter
    PostgresVersion version;
    private Database database;

    @BeforeEach
    void open() {
        database = TestPostgres.open(version.freshDatabase(),
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
    }

    @AfterEach
    void close() {
        database.close();
    }

    /** Such as n1:7, which is batch 7 of node n1; returns those that are new. */
    private Set<String> take(String... batches) {
        List<BatchNumber> numbers = Arrays.stream(batches).map(batch -> new BatchNumber("c1", batch.split(":", 2)[0],
                "boot", Long.parseLong(batch.split(":", 2)[1]))).toList();
        return database.write("test", handle -> AgentBatches.take(handle, numbers, NOW)).stream()
                .map(number -> number.node() + ":" + number.sequence()).collect(Collectors.toSet());
    }

    private List<String> stored() {
        return database.read("test", handle -> handle
                .createQuery("select node || ' ' || stored from agent_batches order by node").mapTo(String.class)
                .list());
    }

    @Test
    void eachNumberIsNewOnce() {
        assertThat(take("n1:0", "n2:5")).containsExactlyInAnyOrder("n1:0", "n2:5");
        assertThat(take("n1:0", "n2:5")).isEmpty();
        assertThat(take("n2:6", "n1:0", "n3:9")).containsExactlyInAnyOrder("n2:6", "n3:9");
        assertThat(stored()).containsExactly("n1 {[0,1)}", "n2 {[5,7)}", "n3 {[9,10)}");
    }

    @Test
    void ofSomeThatAreStoredTheOthersAreNew() {
        assertThat(take("n1:2", "n1:0", "n1:1", "n1:7")).hasSize(4);
        assertThat(take("n1:1", "n1:3", "n1:6", "n1:8", "n2:0"))
                .containsExactlyInAnyOrder("n1:3", "n1:6", "n1:8", "n2:0");
        assertThat(stored()).containsExactly("n1 {[0,4),[6,9)}", "n2 {[0,1)}");
    }

    @Test
    void theHighestNumberIsTaken() {
        String highest = "n1:" + (Long.MAX_VALUE - 1);
        assertThat(take(highest)).containsExactly(highest);
        assertThat(take(highest)).isEmpty();
    }
}
