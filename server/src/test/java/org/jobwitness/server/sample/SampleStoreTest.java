package org.jobwitness.server.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.assertj.core.api.Assertions.tuple;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.SamplePage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** Samples by the hundred, out of order and from many at once, and what they add up to. */
@OnEachPostgres
class SampleStoreTest {
    private static final Caller CALLER = Caller.program("tester", "test", "correlation-1");
    private static final Duration RETENTION = Duration.ofDays(7);
    private static final Duration INTERVAL = Duration.ofSeconds(15);
    private static final Instant START = Instant.now().truncatedTo(ChronoUnit.MINUTES).minus(Duration.ofHours(3));

    @Parameter
    PostgresVersion version;
    private Database database;
    private JobTable jobs;
    private JobQueries queries;
    private SampleStore samples;
    private int lastId;

    @BeforeEach
    void open() {
        Clock clock = Clock.systemUTC();
        database = TestPostgres.open(version.freshDatabase(),
                new Partitions(RETENTION, Duration.ofDays(800), clock));
        jobs = new JobTable(database, new Json(), clock);
        queries = new JobQueries(database, new Json(), clock);
        samples = new SampleStore(database, new Json(), RETENTION, clock, new PrometheusRegistry());
    }

    @AfterEach
    void close() {
        database.close();
    }

    /** A job that began at START with the given CPUs on n1, n2, … and ended an hour later. */
    private Job job(int... cpus) {
        String id = Integer.toString(++lastId);
        List<String> nodes = new ArrayList<>();
        List<Integer> each = new ArrayList<>();
        for (int count : cpus) {
            nodes.add("n" + (nodes.size() + 1));
            each.add(count);
        }
        Identity identity = new Identity("c1", id, null, START);
        JobAttributes attributes = JobAttributes.of("alice", null, nodes);
        jobs.apply(CALLER, new Evidence.Started(identity, START, null, attributes, each, null));
        jobs.apply(CALLER, new Evidence.Reported(identity, START, JobAttributes.NONE,
                org.jobwitness.wire.JobState.COMPLETED, null, "COMPLETED", START.plus(Duration.ofHours(1))));
        return read(id);
    }

    private Job read(String id) {
        return queries.find(CALLER, id, null, null).orElseThrow();
    }

    private static Sample sample(Job job, String node, int tick, Double cpu, Long memory, Double gpu) {
        return sample(job.run(), node, START.plus(INTERVAL.multipliedBy(tick)), cpu, memory, gpu, List.of());
    }

    private static Sample sample(long run, String node, Instant at, Double cpu, Long memory, Double gpu,
            List<Sample.Gpu> gpus) {
        return new Sample(run, node, at, Figures.ofJob().put(Figure.INTERVAL_MS, INTERVAL.toMillis())
                .put(Figure.CPU_USAGE_PERCENT, cpu).put(Figure.MEMORY_USAGE_BYTES, memory)
                .put(Figure.GPU_USAGE_PERCENT, gpu).build(), false, Map.of(), gpus, List.of());
    }

    private static Sample.Gpu gpu(String gpu, Double utilization, Long memory, Double power) {
        return new Sample.Gpu(gpu, GpuHold.ALONE, List.of(), GpuVendor.NVIDIA, null,
                gpuFigures(utilization, memory, power), Sample.Faults.NONE, Map.of());
    }

    private static Figures gpuFigures(Double utilization, Long memory, Double power) {
        return Figures.ofGpu().put(Figure.GPU_INTERVAL_MS, INTERVAL.toMillis())
                .put(Figure.UTILIZATION_PERCENT, utilization).put(Figure.MEMORY_USED_BYTES, memory)
                .put(Figure.POWER_WATTS, power).build();
    }

    /** In a transaction of its own; how many were stored. */
    private int add(List<Sample> some) {
        List<Sample> stored = database.write("test", handle -> samples.add(handle, some));
        samples.added(stored);
        return stored.size();
    }

    @Test
    void samplesAddUpToTheJobsFigures() {
        Job job = job(30, 10);
        List<Sample> all = new ArrayList<>();
        for (int tick = 0; tick < 120; tick++) {
            all.add(sample(job, "n1", tick, tick < 60 ? 100.0 : 0.0, 1L << 30, null));
            all.add(sample(job, "n2", tick, 0.0, (long) (tick + 1) << 20, null));
        }
        assertThat(add(all)).isEqualTo(240);
        Job after = read(job.id());
        assertThat(after.sampleCount()).isEqualTo(240);
        assertThat(after.avgCpuUsage()).as("50 %% of 30 CPUs, none of 10").isEqualTo(37.5);
        assertThat(after.maxCpuUsage()).isEqualTo(100);
        assertThat(after.cpuUsage()).isZero();
        assertThat(after.memoryUsageMb()).isEqualTo(1024 + 120);
        assertThat(after.maxMemoryUsageMb()).isEqualTo(1024 + 120);
        assertThat(after.gpuUsage()).isNull();
        assertThat(after.coverage()).as("half an hour of an hour").isEqualTo(0.5);
        assertThat(after.lastSampleAt()).isEqualTo(START.plus(INTERVAL.multipliedBy(119)));
    }

    @Test
    void samplesOfOneMomentAreOne() {
        Job job = job(30, 10);
        add(List.of(sample(job, "n1", 0, 100.0, 1L << 20, null), sample(job, "n2", 0, 20.0, 2L << 20, 50.0),
                sample(job, "n1", 1, null, 3L << 20, null)));
        SamplePage page = samples.read(job.id(), job.run(), null, null, 10);
        assertThat(page).isEqualTo(new SamplePage(job.id(),
                List.of(new SamplePage.Sample(START.plus(INTERVAL), 1, null, 3.0, null),
                        new SamplePage.Sample(START, 2, 80.0, 3.0, 50.0)),
                2));
    }

    @Test
    void inWhateverOrderAndFromHoweverManyTheyComeTheFiguresAreTheSame() throws Exception {
        Job job = job(4, 4);
        Job other = job(4, 4);
        List<Sample> all = new ArrayList<>();
        Random random = new Random(7);
        for (int tick = 0; tick < 200; tick++) {
            for (String node : List.of("n1", "n2")) {
                double cpu = random.nextInt(101);
                long memory = random.nextLong(1L << 40);
                all.add(sample(job, node, tick, cpu, memory, cpu));
                all.add(sample(other, node, tick, cpu, memory, cpu));
            }
        }
        assertThat(add(all.stream().filter(sample -> sample.run() == other.run()).toList())).isEqualTo(400);
        List<Sample> shuffled = new ArrayList<>(all.stream().filter(sample -> sample.run() == job.run()).toList());
        Collections.shuffle(shuffled, new Random(3));
        List<Callable<Integer>> senders = new ArrayList<>();
        for (int from = 0; from < shuffled.size(); from += 10) {
            List<Sample> some = shuffled.subList(from, from + 10);
            senders.add(() -> add(some));
        }
        int added = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<Integer> answer : threads.invokeAll(senders)) {
                added += answer.get();
            }
        }
        assertThat(added).isEqualTo(400);
        Job one = read(job.id());
        Job two = read(other.id());
        assertThat(one.avgCpuUsage()).isCloseTo(two.avgCpuUsage(), offset(0.0011));
        assertThat(one).usingRecursiveComparison()
                .ignoringFields("id", "run", "scheduler.externalJobId", "avgCpuUsage", "avgGpuUsage").isEqualTo(two);
        assertThat(samples.read(job.id(), job.run(), null, null, 1000).samples())
                .isEqualTo(samples.read(other.id(), other.run(), null, null, 1000).samples());
    }

    /** As where Slurm makes a job's cgroup anew for its next step. */
    @Test
    void onlyTheNewestSampleSaysWhetherItIsTheLastInWhateverOrderTheyCome() {
        Random random = new Random(5);
        for (int round = 0; round < 100; round++) {
            Job job = job(4);
            List<Sample> all = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                all.add(new Sample(job.run(), "n1", START.plus(INTERVAL.multipliedBy(random.nextInt(4))),
                        Figures.ofJob().build(), random.nextBoolean(), Map.of(), List.of(), List.of()));
            }
            int first = random.nextInt(5);
            add(all.subList(0, first));
            all.subList(first, 4).forEach(sample -> add(List.of(sample)));
            Instant newest = all.stream().map(Sample::at).max(Instant::compareTo).orElseThrow();
            boolean isLast = database.read("test", handle -> handle
                    .createQuery("select is_last from job_figures where job_key = :run").bind("run", job.run())
                    .mapTo(Boolean.class).one());
            assertThat(isLast).as("%s", all)
                    .isEqualTo(all.stream().anyMatch(sample -> sample.isLast() && sample.at().equals(newest)));
        }
    }

    @Test
    void aSampleThatIsThereTwiceIsReadOnce() {
        Job job = job(4);
        Sample sample = sample(job, "n1", 0, 1.0, 1L << 20, null);
        add(List.of(sample));
        add(List.of(sample, sample(job, "n1", 1, 2.0, 1L << 20, null)));
        assertThat(samples.read(job.id(), job.run(), null, null, 10).total()).isEqualTo(2);
    }

    @Test
    void whatBelongsToNoRunIsLeftOut() {
        Job job = job(4);
        Sample ofNobody = sample(1L << 60, "n1", START, 1.0, 1L, null, List.of());
        assertThat(add(List.of(ofNobody, sample(job, "n1", 0, 1.0, 1L, null)))).isEqualTo(1);
        assertThat(add(List.of())).isZero();
        assertThat(read(job.id()).sampleCount()).isEqualTo(1);
    }

    @Test
    void aTimeThatIsNotKeptIsTrouble() {
        Instant now = Instant.now();
        assertThat(samples.problem(now.minus(RETENTION).minusSeconds(60))).get().asString().contains("7 days");
        assertThat(samples.problem(now.plus(Duration.ofHours(1)))).get().asString().contains("future");
        assertThat(samples.problem(now.plusSeconds(60))).isEmpty();
        assertThat(samples.problem(now.minus(RETENTION).plusSeconds(60))).isEmpty();
    }

    @Test
    void everyFigureComesBackAsItWasToldAndAddsUp() {
        Job job = job(4);
        Random random = new Random(11);
        List<Figures> told = new ArrayList<>();
        for (int tick = 0; tick < 50; tick++) {
            Figures.Builder figures = Figures.ofJob();
            for (Figure figure : Figure.all(Figure.Of.JOB)) {
                double value = figure.isWhole() ? random.nextLong(1L << 40) : random.nextInt(10_001) / 100.0;
                figures.put(figure, random.nextInt(5) == 0 ? null : (Double) value);
            }
            told.add(figures.build());
            add(List.of(new Sample(job.run(), "n1", START.plus(INTERVAL.multipliedBy(tick)), told.getLast())));
        }
        Series series = samples.series(job.run(), Figure.all(Figure.Of.JOB), null, null, null, null).getFirst();
        for (Figure figure : Figure.all(Figure.Of.JOB)) {
            assertThat(series.of(figure)).as("%s", figure)
                    .containsExactly(told.stream().mapToDouble(figures -> figures.value(figure)).toArray());
        }
        assertThat(database.<List<Object>>read("test", handle -> handle.createQuery("""
                select anon_count, anon_sum, anon_max_bytes, io_read_bytes, cpu_usage_usec, memory_count, memory_sum
                from job_figures where job_key = :run""").bind("run", job.run()).mapToMap()
                .map(row -> List.copyOf(row.values())).one()))
                .containsExactly(count(told, Figure.MEMORY_ANON_BYTES), sum(told, Figure.MEMORY_ANON_BYTES),
                        (long) max(told, Figure.MEMORY_ANON_BYTES), (long) max(told, Figure.IO_READ_BYTES),
                        (long) max(told, Figure.CPU_USAGE_USEC), count(told, Figure.MEMORY_USAGE_BYTES),
                        sum(told, Figure.MEMORY_USAGE_BYTES));
    }

    @Test
    void neededMemoryIsTheHighestSumOfOneMoment() {
        Job job = job(4, 4);
        add(List.of(memory(job, "n1", 1, 1000L, 7000L, null), memory(job, "n1", 2, 6000L, 1000L, 500L),
                memory(job, "n1", 3, null, 9000L, 9000L)));
        add(List.of(memory(job, "n1", 4, 2000L, 0L, 0L), memory(job, "n2", 4, 100L, null, null)));

        List<RunUse.NodeUsage> onNodes = database.read("test", handle -> RunUse.onNodes(handle, job.run(), START));
        assertThat(onNodes).extracting(on -> on.sums().needed()).containsExactly(8000.0, 100.0);
        assertThat(onNodes).extracting(on -> on.sums().swapMax()).containsExactly(9000.0, Double.NaN);
        assertThat(read(job.id()).figures().maxNeededMb()).isPositive();
    }

    @Test
    void theLowestAndTheHighestMemoryLimitAreKept() {
        Job job = job(4, 4);
        add(List.of(limit(job, 2, 2L << 30), limit(job, 3, 32L << 30)));
        add(List.of(limit(job, 1, 8L << 30), limit(job, 4, null)));
        RunUse.Sums sums = database.read("test", handle -> RunUse.onNodes(handle, job.run(), START)).getFirst().sums();
        assertThat(List.of(sums.minLimit(), sums.maxLimit())).containsExactly(0x1p31, 0x1p35);
    }

    /** Else an interval of 24 days, as least() would make of null, keeps old figures fresh. */
    @Test
    void anIntervalThatIsNotKnownIsNone() {
        Job job = job(4, 4);
        add(List.of(limit(job, 1, 8L << 30)));
        boolean isNull = database.read("test", handle -> handle
                .createQuery("select last_interval_ms is null from job_figures where job_key = :run")
                .bind("run", job.run()).mapTo(boolean.class).one());
        assertThat(isNull).isTrue();
    }

    private static Sample limit(Job job, int tick, Long limit) {
        return new Sample(job.run(), "n1", START.plus(INTERVAL.multipliedBy(tick)),
                Figures.ofJob().put(Figure.MEMORY_LIMIT_BYTES, limit).build());
    }

    private static Sample memory(Job job, String node, int tick, Long anon, Long shmem, Long swap) {
        return new Sample(job.run(), node, START.plus(INTERVAL.multipliedBy(tick)), Figures.ofJob()
                .put(Figure.MEMORY_ANON_BYTES, anon).put(Figure.MEMORY_SHMEM_BYTES, shmem)
                .put(Figure.MEMORY_SWAP_BYTES, swap).build());
    }

    private static long count(List<Figures> told, Figure figure) {
        return told.stream().filter(figures -> figures.get(figure) != null).count();
    }

    private static double sum(List<Figures> told, Figure figure) {
        return told.stream().filter(figures -> figures.get(figure) != null)
                .mapToDouble(figures -> figures.value(figure))
                .sum();
    }

    private static double max(List<Figures> told, Figure figure) {
        return told.stream().filter(figures -> figures.get(figure) != null)
                .mapToDouble(figures -> figures.value(figure))
                .max().orElseThrow();
    }

    @Test
    void aGpuThatIsHeldAndIdleIsToldFromOneThatWorks() {
        Identity identity = new Identity("c1", "gpus", null, null);
        jobs.apply(CALLER,
                new Evidence.Started(identity, null, null, JobAttributes.of("alice", null, List.of("g1"))
                        .withAllocated(new Resources(null, null, 2))
                        .withDevices(GpuVendor.NVIDIA, List.of("GPU-a", "GPU-b"), null),
                        List.of(),
                        null));
        long run = read("gpus").run();
        Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        for (int i = 0; i < 2; i++) {
            add(List.of(sample(run, "g1", now.minusSeconds(i * 15L), 5.0, 1L, 45.0,
                    List.of(gpu("GPU-a", 90.0 - i, 1L << 30, 300.0), gpu("GPU-b", 0.0, 0L, null)))));
        }
        assertThat(gpus(run, Instant.now())).extracting(RunUse.GpuUsage::gpu, RunUse.GpuUsage::fresh).containsExactly(
                tuple("GPU-a", new RunUse.FreshGpu("nvidia", 30, 0, Double.NaN, gpuFigures(90.0, 1L << 30, 300.0))),
                tuple("GPU-b", new RunUse.FreshGpu("nvidia", 30, 30, Double.NaN, gpuFigures(0.0, 0L, null))));
        assertThat(gpus(run, Instant.now().plusSeconds(46))).extracting(RunUse.GpuUsage::fresh).containsOnlyNulls()
                .hasSize(2);
        List<Long> counts = database.read("test", handle -> handle
                .createQuery("select sample_count from job_gpu_figures where job_key = :run").bind("run", run)
                .mapTo(Long.class).list());
        assertThat(counts).containsExactly(2L, 2L);
    }

    private List<RunUse.GpuUsage> gpus(long run, Instant now) {
        return database.read("test", handle -> RunUse.ofGpus(handle, run, now));
    }

    @Test
    void onlyFreshSamplesOfRunningJobsAreTheLatest() {
        Job ended = job(4);
        add(List.of(sample(ended, "n1", 0, 50.0, 1L, null)));
        jobs.apply(CALLER, new Evidence.Started(new Identity("c1", "going", null, null), null, null,
                JobAttributes.of("alice", null, List.of("n1")),
                List.of(), null));
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        add(List.of(sample(read("going").run(), "n1", now, 50.0, 7L, null, List.of())));
        long going = read("going").run();
        assertThat(fresh(now, now.plusSeconds(44))).extracting(RunUse.NodeUsage::run).containsExactly(going);
        assertThat(fresh(now, now.plusSeconds(46))).isEmpty();
    }

    private List<RunUse.NodeUsage> fresh(Instant since, Instant now) {
        return database.snapshot("test", handle -> RunUse.onNodesSince(handle, since, now)
                .filter(on -> on.fresh().toArray().length > 0).toList());
    }
}
