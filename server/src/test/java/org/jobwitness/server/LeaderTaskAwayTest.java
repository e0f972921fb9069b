package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.testing.Gate;
import org.jobwitness.server.testing.Logged;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The leader's work beside a database that is not there, goes away, or hangs. */
class LeaderTaskAwayTest {
    private static final Duration PATIENCE = Duration.ofSeconds(40);

    private final Gate gate = new Gate(TestPostgres.emptyDatabase());
    private final Logged log = new Logged(LeaderTask.class);
    private final AtomicInteger turns = new AtomicInteger();
    private Database database;
    private LeaderTask task;

    private void start() {
        database = new Database(gate.address(), 2,
                new Partitions(Duration.ofDays(1), Duration.ofDays(1), Clock.systemUTC()), new PrometheusRegistry());
        task = new LeaderTask(database, "test", Duration.ofMillis(20), turn -> {
            turn.check();
            turns.incrementAndGet();
        });
        database.start();
        task.start();
    }

    @AfterEach
    void stop() throws IOException {
        long began = System.nanoTime();
        task.close();
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
        database.close();
        gate.close();
        log.close();
    }

    @Test
    void itBeginsWhenTheDatabaseIsReady() throws Exception {
        start();
        gate.open();
        Waiting.until("it has its turn", PATIENCE, () -> turns.get() > 1);
        assertThat(log.lines()).isEmpty();
    }

    @Test
    void aDatabaseThatGoesAndComesBackIsSpokenOfOnceEach() throws Exception {
        gate.open();
        start();
        Waiting.until("it has its turn", PATIENCE, () -> turns.get() > 1);
        for (int time = 1; time <= 2; time++) {
            int spoken = log.lines().size();
            gate.shut();
            Waiting.until("it is said", PATIENCE, () -> log.lines().size() > spoken);
            int before = turns.get();
            gate.open();
            Waiting.until("it has its turn again", PATIENCE, () -> turns.get() > before + 1);
            assertThat(log.lines().getLast()).isEqualTo("INFO test_recovered");
            // A turn that was broken off tells another cause than the next one that could not begin.
            assertThat(log.lines().subList(spoken, log.lines().size() - 1)).hasSizeBetween(1, 3)
                    .doesNotHaveDuplicates().allMatch(line -> line.startsWith("WARNING test_failed retry_in_s="));
        }
    }

    @Test
    void aDatabaseThatFallsSilentIsGivenUpAndTheTaskGoesOnWhenItSpeaksAgain() throws Exception {
        gate.open();
        start();
        Waiting.until("it has its turn", PATIENCE, () -> turns.get() > 1);
        gate.silence();
        Waiting.until("it is said", PATIENCE, () -> !log.lines().isEmpty());
        int before = turns.get();
        gate.open();
        Waiting.until("it has its turn again", PATIENCE, () -> turns.get() > before + 1);
    }

    @Test
    void oneThatNeverReachedItsDatabaseCanBeClosed() {
        start();
        assertThat(turns).hasValue(0);
    }
}
