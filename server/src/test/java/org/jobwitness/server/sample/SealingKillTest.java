package org.jobwitness.server.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.batch.AgentQueueTable;
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.LeaderTask.Work;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.ops.Retention;
import org.jobwitness.server.sample.StoredRows.Stored;
import org.jobwitness.server.testing.Breaker;
import org.jobwitness.server.testing.LongTests;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/**
 * Each transaction that writes, packs, empties or drops samples, broken off at each of its statements: what was there is
 * there, once, and the next turn finishes what this one left.
 */
@OnEachPostgres
class SealingKillTest {
    private static final Caller CALLER = Caller.program("tester", "test", "correlation-1");
    private static final Duration RETENTION = Duration.ofDays(7);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int ENDLESS = 500;
    /** A transaction is broken off at one statement of so many. */
    private static final int EVERY = LongTests.times(6, 1);
    /** So that the rows of one round are several slices. */
    private static final int SLICE_ROWS = 5;

    @Parameter
    PostgresVersion version;
    private DatabaseAddress address;
    private Database database;
    private Breaker breaker;
    private Database breaking;
    private Connection connection;
    private final List<Stored> expected = new ArrayList<>();
    private long lastMark;

    @BeforeEach
    void open() throws Exception {
        address = version.freshDatabase();
        database = TestPostgres.open(address, partitions());
        breaker = new Breaker(address);
        breaking = TestPostgres.open(breaker.address(), partitions());
        connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
    }

    @AfterEach
    void close() throws Exception {
        connection.close();
        breaking.close();
        breaker.close();
        database.close();
    }

    private static Partitions partitions() {
        return new Partitions(RETENTION, Duration.ofDays(800), Clock.systemUTC());
    }

    /** A step of the server's work, at which a connection may break. */
    @FunctionalInterface
    private interface Step {
        void run() throws Exception;
    }

    /**
     * Lets something happen, broken off at its first statement, at its second one, and so on until nothing of it is left to be
     * broken off.
     *
     * @param before makes the same state each time
     * @param after looks at what came of it
     * @return of how many statements it is
     */
    private int breakOffEverywhere(Step before, Step step, Step after) throws Exception {
        int statements = 0;
        boolean wasBroken = true;
        for (int statement = 1; wasBroken; statement += EVERY) {
            assertThat(statement).as("something is repeated endlessly").isLessThan(ENDLESS);
            execute("truncate chunk, sample_buffer_0, sample_buffer_1, job_figures, job_gpu_figures, oom_kill");
            expected.clear();
            before.run();
            breaker.breakAt(statement);
            step.run();
            wasBroken = breaker.leaveAlone();
            statements = breaker.statements();
            after.run();
        }
        return statements;
    }

    @Test
    void aBatchIsStoredOnceWhereverItsTransactionBreaks() throws Exception {
        List<Batch> sent = new ArrayList<>();
        int broken = breakOffEverywhere(() -> {
            sent.clear();
            sent.addAll(batches("write"));
        }, () -> {
            try (Batches batches = batchesOf(breaking)) {
                batches.takeAll(CALLER, sent);
            } catch (RuntimeException e) {
                assertThat(e).hasMessageContaining("database");
            }
        }, () -> {
            List<Stored> asIs = StoredRows.of(connection, "write");
            List<Stored> without = expected.stream().filter(row -> !isOf(row, sent)).toList();
            // The sender's batches are committed together or one by one; each is there wholly or not at all.
            for (Batch batch : sent) {
                List<Stored> ofIt = asIs.stream().filter(row -> isOf(row, List.of(batch))).toList();
                assertThat(ofIt).isIn(List.of(), rowsOf(batch));
            }
            assertThat(asIs.stream().filter(row -> !isOf(row, sent)).toList()).isEqualTo(without);
            assertThat(count("oom_kill")).as("one of each reading")
                    .isEqualTo(asIs.stream().filter(row -> row.gpu().isEmpty()).count());
            assertThat(StoredRows.miscounted(connection)).isEmpty();
            store(sent);
            assertHistory("write");
        });
        assertThat(broken).isGreaterThan(10);
    }

    @Test
    void whatIsPackedAndWhatIsWrittenMeanwhileIsThereOnceWhereverPackingTurningAndEmptyingBreaks() throws Exception {
        List<Batch> meanwhile = new ArrayList<>();
        int broken = breakOffEverywhere(() -> store(batches("seal")), () -> {
            meanwhile.clear();
            meanwhile.addAll(batches("seal"));
            Thread writer = Thread.startVirtualThread(() -> store(meanwhile));
            turn(breaking);
            assertThat(writer.join(PATIENCE)).isTrue();
        }, () -> {
            assertHistory("seal");
            for (int turn = 0; turn < 2; turn++) { // what came meanwhile is packed by the second one at the latest
                Waiting.until("the next turn comes to its end", PATIENCE, () -> turn(database));
            }
            assertHistory("seal");
            assertPacked();
        });
        assertThat(broken).isGreaterThan(40);
    }

    @Test
    void whatIsToBeKeptStaysWhereverRetentionBreaks() throws Exception {
        int broken = breakOffEverywhere(() -> {
            store(batches("keep"));
            assertThat(turn(database)).isTrue();
            execute("select chunk_partition('2020-01-01')");
            execute("""
                    insert into chunk (job_key, node, gpu, t0, t1, rows, min, mean, max, data)
                    values (0, 'n', '', '2020-01-01Z', '2020-01-01Z', 1, '{}', '{}', '{}', '')""");
        }, () -> retain(breaking), () -> {
            assertHistory("keep");
            Waiting.until("the next turn comes to its end", PATIENCE, () -> retain(database));
            assertThat(count("chunk where t0 < '2021-01-01'")).isZero();
            assertThat(count("pg_class where relname = 'chunk_2020_01_01'")).isZero();
            assertHistory("keep");
        });
        assertThat(broken).isGreaterThan(10);
    }

    @Test
    void aServerThatLostItsTurnUnawaresDoesNotOpenWhatAnotherIsPacking() throws Exception {
        store(batches("late"));
        database.write("test", handle -> {
            SampleBuffer.rotate(handle, Instant.now());
            return true;
        });
        for (int statement = 1; count(
                "sample_buffer where sealed_to between 1 and 9223372036854775806") == 0; statement++) {
            assertThat(statement).as("one slice of several is packed").isLessThan(ENDLESS);
            breaker.breakAt(statement);
            turn(breaking);
        }
        breaker.leaveAlone();
        String open = value("select buffer from sample_buffer where is_active");
        database.write("test", handle -> {
            SampleBuffer.rotate(handle, Instant.now());
            return true;
        });
        assertThat(value("select buffer from sample_buffer where is_active")).as("still").isEqualTo(open);
        assertHistory("late");
        Waiting.until("the next turn comes to its end", PATIENCE, () -> turn(database));
        assertHistory("late");
        assertPacked();
    }

    private Batches batchesOf(Database where) {
        JobTable jobs = new JobTable(where, new Json(), Clock.systemUTC());
        SampleStore samples = new SampleStore(where, new Json(), RETENTION, Clock.systemUTC(),
                new PrometheusRegistry());
        return new Batches(where, jobs, samples, new NodeTable(where, new Json()),
                new AgentQueueTable(where, Clock.systemUTC()), Clock.systemUTC(), "c1",
                new PrometheusRegistry());
    }

    /** Three batches, each of two jobs, one of them with a GPU; of hours that are over, and of this one. */
    private List<Batch> batches(String jobs) {
        Instant hour = Instant.now().truncatedTo(ChronoUnit.HOURS);
        List<Batch> batches = new ArrayList<>();
        String name = jobs + "-" + lastMark;
        for (int minutes : List.of(-90, -61, 0)) {
            Instant at = hour.plus(Duration.ofMinutes(minutes));
            JobReading one = reading(name + "-1", at);
            Batch batch = new Batch(1, "c1", "n1", name, ++lastMark, at, 15_000, null, null,
                    List.of(one, reading(name + "-1", at.minusSeconds(15)), reading(name + "-2", at)),
                    List.of(GpuReading.builder("GPU-1").device(GpuVendor.NVIDIA, null).jobId(name + "-2")
                            .put(Figure.UTILIZATION_PERCENT, 50.0).put(Figure.MEMORY_USED_BYTES, ++lastMark).build()));
            batches.add(batch);
            expected.addAll(rowsOf(batch));
        }
        expected.sort(null);
        return batches;
    }

    private JobReading reading(String jobId, Instant at) {
        return JobReading.builder(jobId).owner(1001L, "alice").timestamp(at).cpusUsed(2.5).put(Figure.CPUS, 4)
                .put(Figure.CPU_USAGE_USEC, ++lastMark).put(Figure.MEMORY_USAGE_BYTES, 1L << 30)
                .oomKillEvents(List.of(new OomKill(at, "0", 1, null, OomCause.NODE))).build();
    }

    private static List<Stored> rowsOf(Batch batch) {
        List<Stored> rows = new ArrayList<>();
        for (JobReading job : batch.jobs()) {
            rows.add(new Stored(job.jobId(), batch.node(), "", job.timestamp(), job.cpuUsageUsec()));
            batch.gpus().stream().filter(gpu -> job.jobId().equals(gpu.jobId())).forEach(gpu -> rows.add(new Stored(
                    job.jobId(), batch.node(), gpu.gpu(), job.timestamp(), gpu.memoryUsedBytes())));
        }
        rows.sort(null);
        return rows;
    }

    private static boolean isOf(Stored row, List<Batch> batches) {
        return batches.stream().anyMatch(batch -> rowsOf(batch).contains(row));
    }

    private void store(List<Batch> sent) {
        try (Batches batches = batchesOf(database)) {
            batches.takeAll(CALLER, sent);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** As the server does a little after the full hour. @return whether it came to its end */
    private boolean turn(Database where) {
        Clock soon = Clock.fixed(Instant.now().truncatedTo(ChronoUnit.HOURS).plus(Duration.ofMinutes(3)),
                ZoneOffset.UTC);
        execute("update sample_buffer set activated_at = activated_at - interval '1 hour' where is_active");
        return take(where, "sealing", new Sealing(where, RETENTION, soon, SLICE_ROWS, new PrometheusRegistry())::run);
    }

    private boolean retain(Database where) {
        JobTable jobs = new JobTable(where, new Json(), Clock.systemUTC());
        return take(where, "retention",
                new Retention(where, partitions(), new JobDeletion(jobs, where, new Json()), Duration.ofDays(400),
                        Clock.systemUTC(), new PrometheusRegistry())::run);
    }

    private static boolean take(Database where, String name, Work work) {
        try {
            return OneTurn.take(where, name, work);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** As it lies there, as it is read, and as it adds up. */
    private void assertHistory(String jobs) throws Exception {
        assertThat(StoredRows.of(connection, jobs)).isEqualTo(expected);
        assertThat(StoredRows.miscounted(connection)).isEmpty();
        Stored last = expected.getLast();
        List<Series> read = new SampleStore(database, new Json(), RETENTION, Clock.systemUTC(),
                new PrometheusRegistry())
                .series(keyOf(last.jobId()), List.of(Figure.CPU_USAGE_USEC), null, null, null, null);
        List<Stored> ofIt = expected.stream().filter(row -> row.jobId().equals(last.jobId()) && row.gpu().isEmpty())
                .toList();
        assertThat(read).hasSize(1);
        assertThat(read.getFirst().of(Figure.CPU_USAGE_USEC))
                .containsExactly(ofIt.stream().mapToDouble(Stored::mark).toArray());
    }

    /** Rows are left of the hour that goes on only. */
    private void assertPacked() throws Exception {
        assertThat(count("sample_buffer where not is_active and sealed_to = 0")).isOne();
        for (int tail = 0; tail < 2; tail++) {
            assertThat(count("sample_buffer_" + tail + " where at < date_trunc('hour', now()) - interval '1 hour'"))
                    .isZero();
        }
    }

    private long keyOf(String jobId) throws Exception {
        return Long.parseLong(value("select job_key from job where job_id = '" + jobId + "'"));
    }

    private long count(String from) throws Exception {
        return Long.parseLong(value("select count(*) from " + from));
    }

    private String value(String sql) throws Exception {
        try (var statement = connection.createStatement(); var row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }

    private void execute(String sql) {
        try (var statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }
}
