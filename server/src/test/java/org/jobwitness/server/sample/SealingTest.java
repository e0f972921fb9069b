package org.jobwitness.server.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** Hours that are over are packed, and nothing is lost, doubled or told otherwise by it. */
@OnEachPostgres
class SealingTest {
    private static final Caller CALLER = Caller.program("tester", "test", "correlation-1");
    private static final Duration RETENTION = Duration.ofDays(7);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** The hour that goes on, as the database knows it: it writes down when a tail was opened. */
    private static final Instant HOUR = Instant.now().truncatedTo(ChronoUnit.HOURS);

    @Parameter
    PostgresVersion version;
    private Database database;
    private JobTable jobs;
    private SampleStore samples;

    @BeforeEach
    void open() {
        Clock clock = Clock.systemUTC();
        database = TestPostgres.open(version.freshDatabase(), new Partitions(RETENTION, Duration.ofDays(800), clock));
        jobs = new JobTable(database, new Json(), clock);
        samples = new SampleStore(database, new Json(), RETENTION, clock, new PrometheusRegistry());
        opened(HOUR.minusSeconds(1800));
    }

    private void opened(Instant at) {
        execute("update sample_buffer set activated_at = '" + at + "'");
    }

    private void execute(String sql) {
        database.write("test", handle -> handle.execute(sql));
    }

    @AfterEach
    void close() {
        database.close();
    }

    private long run(String id) {
        jobs.apply(CALLER, new Evidence.Started(new Identity("c1", id, null, null), null, null,
                JobAttributes.of("alice", null, List.of("n1", "n2")),
                List.of(), null));
        return new JobQueries(database, new Json(), Clock.systemUTC()).find(CALLER, id, null, null).orElseThrow().run();
    }

    private void add(List<Sample> some) {
        List<Sample> stored = database.write("test", handle -> samples.add(handle, some));
        assertThat(stored).hasSameSizeAs(some);
    }

    /** A sample with a GPU; the figures are what the random says. */
    private static Sample sample(long run, String node, Instant at, Random random) {
        Figures.Builder ofJob = Figures.ofJob();
        Figure.all(Figure.Of.JOB).forEach(figure -> ofJob.put(figure, random.nextInt(7) == 0
                ? null
                : (Number) (figure.isWhole() ? random.nextInt(1 << 30) : random.nextInt(10_000) / 100.0)));
        Figures ofGpu = Figures.ofGpu().put(Figure.UTILIZATION_PERCENT, random.nextInt(100) + 0.5)
                .put(Figure.POWER_WATTS, random.nextInt(3) == 0 ? null : (Number) 300.25).build();
        return new Sample(run, node, at, ofJob.build(), false, Map.of(),
                List.of(new Sample.Gpu("GPU-a", GpuHold.ALONE, List.of(), GpuVendor.NVIDIA, null, ofGpu,
                        Sample.Faults.NONE,
                        Map.of())),
                List.of());
    }

    private List<String> history(long run) {
        List<String> all = new ArrayList<>();
        for (Figure.Of of : Figure.Of.values()) {
            for (Series series : samples.series(run, Figure.all(of), null, null, null, null)) {
                for (int row = 0; row < series.size(); row++) {
                    int at = row;
                    all.add(series.node() + " " + series.gpu() + " " + series.timeMicros(row) + " "
                            + series.figures().stream().map(figure -> figure + "=" + series.of(figure)[at]).toList());
                }
            }
        }
        return all;
    }

    /** As a server whose clock says so does it. */
    private Sealing sealingAt(Instant now, PrometheusRegistry metrics) {
        return new Sealing(database, RETENTION, Clock.fixed(now, ZoneOffset.UTC), metrics);
    }

    private PrometheusRegistry seal(Instant now) throws InterruptedException {
        PrometheusRegistry metrics = new PrometheusRegistry();
        Sealing sealing = sealingAt(now, metrics);
        try (LeaderTask task = new LeaderTask(database, "sealing-" + System.nanoTime(), Duration.ofHours(1),
                sealing::run)) {
            task.start();
            Waiting.until("it is sealed", PATIENCE, () -> metrics.scrape().stream().anyMatch(
                    metric -> metric.getMetadata().getName().startsWith("jobwitness_sealing_last_success")
                            && !metric.getDataPoints().isEmpty()));
        }
        return metrics;
    }

    private long number(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(Long.class).one());
    }

    @Test
    void whatIsPackedIsReadAsBeforeAndAnHourOfASeriesIsOneChunk() throws InterruptedException {
        long run = run("1");
        Random random = new Random(5);
        List<Sample> all = new ArrayList<>();
        for (Instant at = HOUR.minus(3, ChronoUnit.HOURS); at.isBefore(HOUR); at = at.plusSeconds(60)) {
            all.add(sample(run, "n1", at, random));
            all.add(sample(run, "n2", at.plusMillis(3), random));
        }
        add(all);
        List<String> before = history(run);
        assertThat(before).hasSize(4 * 180);
        seal(HOUR.plus(3, ChronoUnit.MINUTES));
        assertThat(history(run)).isEqualTo(before);
        assertThat(number("select count(*) from chunk")).as("3 hours of 2 nodes and 2 GPUs").isEqualTo(12);
        assertThat(number("select count(*) from buffered_sample")).isZero();
        assertThat(number("select count(*) from sample_buffer_0") + number("select count(*) from sample_buffer_1"))
                .isZero();
    }

    @Test
    void whatCameInForTheHourThatGoesOnIsPackedWithTheRestOfThatHour() throws InterruptedException {
        long run = run("1");
        Random random = new Random(5);
        add(List.of(sample(run, "n1", HOUR.minusSeconds(30), random), sample(run, "n1", HOUR.plusSeconds(30), random)));
        seal(HOUR.plus(3, ChronoUnit.MINUTES));
        assertThat(number("select count(*) from chunk")).isEqualTo(2);
        assertThat(number("select count(*) from buffered_sample")).isEqualTo(2);
        add(List.of(sample(run, "n1", HOUR.plusSeconds(45), random)));
        List<String> before = history(run);
        assertThat(before).hasSize(6);
        seal(HOUR.plus(63, ChronoUnit.MINUTES));
        assertThat(history(run)).isEqualTo(before);
        assertThat(number("select count(*) from chunk")).as("two hours of a node and a GPU").isEqualTo(4);
    }

    @Test
    void whatComesLateIsOneMoreChunkAndWhatIsThereTwiceIsReadOnce() throws InterruptedException {
        long run = run("1");
        Random random = new Random(5);
        Instant then = HOUR.minus(30, ChronoUnit.HOURS);
        List<Sample> some = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            some.add(sample(run, "n1", then.plusSeconds(15 * i), random));
        }
        add(some.subList(0, 20));
        seal(HOUR.plus(3, ChronoUnit.MINUTES));
        add(some.subList(10, 40));
        List<String> before = history(run);
        assertThat(before).hasSize(80).doesNotHaveDuplicates();
        seal(HOUR.plus(63, ChronoUnit.MINUTES));
        assertThat(history(run)).isEqualTo(before);
        assertThat(number("select count(*) from chunk")).isEqualTo(4);
        assertThat(number("select sum(rows)::bigint from chunk where gpu = ''")).isEqualTo(50);
    }

    @Test
    void whatIsOlderThanTheRetentionByThenAndWhatIsOfADeletedJobIsNotPacked() throws InterruptedException {
        long gone = run("gone");
        long run = run("kept");
        Random random = new Random(5);
        Instant oldest = Instant.now().minus(RETENTION).plus(10, ChronoUnit.MINUTES);
        add(List.of(sample(run, "n1", oldest, random), sample(run, "n1", HOUR.minusSeconds(1), random),
                sample(gone, "n1", HOUR.minusSeconds(1), random)));
        new JobDeletion(jobs, database, new Json()).delete(CALLER, "c1", "gone");
        seal(HOUR.plus(183, ChronoUnit.MINUTES));
        assertThat(history(run)).hasSize(2);
        assertThat(number("select count(*) from chunk")).isEqualTo(2);
    }

    @Test
    void packingThatFailsForHoursIsTroubleUntilItWorksAgain() throws InterruptedException {
        add(List.of(sample(run("1"), "n1", HOUR.minusSeconds(1), new Random(5))));
        execute("alter table chunk rename to chunk_of_somebody");
        for (int hours = 0; hours < 3; hours++) {
            Sealing failing = sealingAt(HOUR.plus(hours, ChronoUnit.HOURS).plusSeconds(180),
                    new PrometheusRegistry());
            assertThat(OneTurn.take(database, "sealing", failing::run)).isFalse();
            assertThat(failing.problem()).as("%d hours", hours).isEmpty();
        }
        Sealing late = sealingAt(HOUR.plus(3, ChronoUnit.HOURS).plusSeconds(181), new PrometheusRegistry());
        assertThat(late.problem()).get().asString().contains("since " + HOUR.plusSeconds(180), "sealing_failed");
        execute("alter table chunk_of_somebody rename to chunk");
        assertThat(OneTurn.take(database, "sealing", late::run)).isTrue();
        assertThat(late.problem()).isEmpty();
        assertThat(number("select count(*) from chunk")).as("of the job and of its GPU").isEqualTo(2);
    }

    @Test
    void manyLateSamplesDoNotWaitForTheFullHour() throws InterruptedException {
        long run = run("1");
        Random random = new Random(5);
        Sample pattern = sample(run, "n1", HOUR, random);
        Instant now = HOUR.plus(20, ChronoUnit.MINUTES);
        opened(HOUR.plusSeconds(180));
        List<Sample> late = new ArrayList<>();
        // Far more than count as many: how many there are is told from one page in a hundred.
        for (int i = 0; i < 144_000; i++) {
            late.add(new Sample(run, "n1", HOUR.minus(40, ChronoUnit.HOURS).plusSeconds(i), pattern.figures()));
        }
        add(late.subList(0, 1000));
        seal(now);
        assertThat(number("select count(*) from chunk")).as("too few to be worth it").isZero();
        add(late.subList(1000, 144_000));
        seal(now);
        assertThat(number("select sum(rows)::bigint from chunk")).isEqualTo(144_000);
        assertThat(number("select count(*) from chunk")).as("144,000 seconds are 40 hours").isEqualTo(40);
    }

    @Test
    void whoeverWritesAndReadsMeanwhileMissesNothing() throws Exception {
        List<Long> runs = List.of(run("1"), run("2"), run("3"));
        Random random = new Random(5);
        AtomicBoolean stop = new AtomicBoolean();
        List<Sample> written = new ArrayList<>();
        AtomicInteger reads = new AtomicInteger();
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
            for (int i = 0; !stop.get(); i++) {
                Instant at = HOUR.minus(50, ChronoUnit.HOURS).plusSeconds(i);
                List<Sample> some = runs.stream().map(run -> sample(run, "n1", at, random)).toList();
                add(some);
                synchronized (written) {
                    written.addAll(some);
                }
            }
        }, Thread::startVirtualThread);
        CompletableFuture<Void> reader = CompletableFuture.runAsync(() -> {
            while (!stop.get()) {
                int atLeast;
                synchronized (written) {
                    atLeast = written.size() / runs.size();
                }
                int found = samples.series(runs.get(1), Figure.all(Figure.Of.JOB), null, null, null, null).stream()
                        .mapToInt(Series::size).sum();
                assertThat(found).isGreaterThanOrEqualTo(atLeast);
                if (found > 0) {
                    reads.incrementAndGet();
                }
            }
        }, Thread::startVirtualThread);
        try {
            for (int round = 0; round < 6; round++) {
                int before = reads.get();
                Waiting.until("what was written is read", PATIENCE,
                        () -> reads.get() > before || writer.isDone() || reader.isDone());
                seal(HOUR.plus(round, ChronoUnit.HOURS).plusSeconds(180));
            }
        } finally {
            stop.set(true);
        }
        writer.get();
        reader.get();
        for (long run : runs) {
            assertThat(history(run)).hasSize(2 * written.size() / runs.size()).doesNotHaveDuplicates();
        }
        assertThat(number("select count(*) from chunk")).isPositive();
    }

    @Test
    void aSummaryOfEachHourCanBeReadBySql() throws InterruptedException {
        long run = run("1");
        List<Sample> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Figures figures = Figures.ofJob().put(Figure.CPU_USAGE_PERCENT, i == 3 ? null : (Number) (10.0 * i))
                    .put(Figure.IO_READ_BYTES, 1000L * i).build();
            all.add(new Sample(run, "n1", HOUR.minusSeconds(3600 - 15 * i), figures));
        }
        add(all);
        seal(HOUR.plus(3, ChronoUnit.MINUTES));
        List<String> rows = database.read("test", handle -> handle.createQuery("""
                select concat_ws(' ', cluster, job_id, node, gpu, hour at time zone 'UTC', figure, min, mean, max, samples)
                from history_hour order by figure""").mapTo(String.class).list());
        String hour = HOUR.minusSeconds(3600).toString().replace("T", " ").replace("Z", "");
        assertThat(rows).containsExactly("c1 1 n1 " + hour + " cpu_usage_percent 0 10 20 4",
                "c1 1 n1 " + hour + " io_read_bytes 0 1500 3000 4");
    }
}
