package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Exchanger;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jobwitness.server.db.LeaderTask.Outcome;
import org.jobwitness.server.db.LeaderTask.Work;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** Several servers, each with a pool of its own, on one database; whose turn it is. */
@OnEachPostgres
class LeaderTaskTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String HOLDERS = "from pg_locks where locktype = 'advisory' and classid = "
            + 0x6a77 + " and objsubid = 2";

    @Parameter
    PostgresVersion version;
    private final List<AutoCloseable> open = new ArrayList<>();
    private final CountDownLatch goOn = new CountDownLatch(1);
    private DatabaseAddress address;
    private Database one;
    private Database other;

    @BeforeEach
    void openTwo() {
        address = version.freshDatabase();
        one = database();
        other = database();
    }

    private Database database() {
        Database database = TestPostgres.open(address,
                new Partitions(Duration.ofDays(1), Duration.ofDays(1), Clock.systemUTC()));
        open.addFirst(database);
        return database;
    }

    private LeaderTask task(Database database, Duration interval, Work work) {
        LeaderTask task = new LeaderTask(database, "test", interval, work);
        open.addFirst(task);
        return task;
    }

    @AfterEach
    void closeAll() throws Exception {
        goOn.countDown();
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    @Test
    void howeverManyTryOneAtATimeHasItsTurn() throws Exception {
        AtomicInteger atWork = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger turns = new AtomicInteger();
        for (Database database : List.of(one, other, one, other)) {
            task(database, Duration.ofMillis(1), turn -> {
                most.accumulateAndGet(atWork.incrementAndGet(), Math::max);
                turn.check();
                turns.incrementAndGet();
                atWork.decrementAndGet();
            }).start();
        }
        Waiting.until("there were many turns", PATIENCE, () -> turns.get() >= 200);
        assertThat(most).hasValue(1);
    }

    @Test
    void whoFindsAnotherAtWorkTriesLater() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        LeaderTask first = task(one, PATIENCE, _ -> {
            begun.countDown();
            goOn.await();
        });
        LeaderTask second = task(other, PATIENCE, _ -> {
        });
        CompletableFuture<Outcome> working = meanwhile(first);
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(second.tryToLead()).isEqualTo(Outcome.NOT_LEADER);
        goOn.countDown();
        assertThat(working.join()).isEqualTo(Outcome.DONE);
        untilDone(second);
    }

    @Test
    void workOfAnotherNameGoesOnBesideIt() throws Exception {
        LeaderTask inner = new LeaderTask(other, "another", PATIENCE, _ -> {
        });
        AtomicInteger done = new AtomicInteger();
        LeaderTask outer = task(one, PATIENCE, _ -> {
            if (inner.tryToLead() == Outcome.DONE) {
                done.incrementAndGet();
            }
        });
        assertThat(outer.tryToLead()).isEqualTo(Outcome.DONE);
        assertThat(done).hasValue(1);
    }

    @Test
    void whoLosesTheConnectionLosesTheTurnAndAnotherTakesIt() throws Exception {
        Exchanger<String> step = new Exchanger<>();
        LeaderTask first = task(one, PATIENCE, turn -> {
            turn.check();
            step.exchange("begun");
            step.exchange("go on");
            turn.check();
            step.exchange("not to be reached");
        });
        CompletableFuture<Outcome> working = meanwhile(first);
        step.exchange("", 20, TimeUnit.SECONDS);
        assertThat(texts(one, "select pg_terminate_backend(pid)::text " + HOLDERS)).containsExactly("true");
        untilDone(task(other, PATIENCE, turn -> turn.check()));
        step.exchange("", 20, TimeUnit.SECONDS);
        assertThat(working.join()).isEqualTo(Outcome.FAILED);
        untilDone(task(one, PATIENCE, turn -> turn.check()));
    }

    @Test
    void aServerThatHangsLosesItsTurn() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        LeaderTask hanging = new LeaderTask(one, "test", PATIENCE, Duration.ofMillis(300), turn -> {
            turn.check();
            begun.countDown();
            goOn.await();
            turn.check();
        });
        CompletableFuture<Outcome> working = meanwhile(hanging);
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        untilDone(task(other, PATIENCE, turn -> turn.check()));
        goOn.countDown();
        assertThat(working.join()).isEqualTo(Outcome.FAILED);
    }

    @Test
    void workThatFailsGivesTheLockBackAndLeavesNoneInThePool() throws Exception {
        LeaderTask failing = task(one, PATIENCE, _ -> {
            one.read("test", handle -> handle.createQuery("select 1").mapTo(Integer.class).one());
            throw new IllegalStateException("on purpose");
        });
        assertThat(failing.tryToLead()).isEqualTo(Outcome.FAILED);
        Waiting.until("nobody holds the lock", PATIENCE, () -> texts(one, "select pid::text " + HOLDERS).isEmpty());
        untilDone(task(other, PATIENCE, _ -> {
        }));
    }

    @Test
    void workThatFailedIsTriedAgain() throws Exception {
        AtomicInteger turns = new AtomicInteger();
        task(one, Duration.ofMillis(1), _ -> {
            if (turns.incrementAndGet() < 3) {
                throw new IllegalStateException("on purpose");
            }
        }).start();
        Waiting.until("it was tried again", PATIENCE, () -> turns.get() > 3);
    }

    @Test
    void closingBreaksOffWhatTheWorkWaitsFor() throws Exception {
        for (Work work : List.<Work>of(turn -> turn.pause(Duration.ofHours(1)), _ -> goOn.await(),
                _ -> one.write("test", handle -> handle.execute("select pg_sleep(25)")))) {
            CountDownLatch begun = new CountDownLatch(1);
            LeaderTask task = task(one, Duration.ofHours(1), turn -> {
                begun.countDown();
                work.run(turn);
            });
            task.start();
            assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
            long began = System.nanoTime();
            task.close();
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(4));
            untilDone(task(other, PATIENCE, _ -> {
            }));
        }
    }

    @Test
    void oneThatWasNeverStartedCanBeClosed() {
        task(one, PATIENCE, _ -> {
        }).close();
    }

    private static void untilDone(LeaderTask task) throws InterruptedException {
        Waiting.until("it has its turn", PATIENCE, () -> {
            try {
                return task.tryToLead() == Outcome.DONE;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private static CompletableFuture<Outcome> meanwhile(LeaderTask task) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return task.tryToLead();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }, Thread::startVirtualThread);
    }

    private static List<String> texts(Database database, String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }
}
