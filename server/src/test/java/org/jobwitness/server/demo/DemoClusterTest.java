package org.jobwitness.server.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.batch.AgentQueueTable;
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.wire.JobReading;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/**
 * The simulated cluster, as it arrives in the database. Clocks stand still, so a server delivers up to then and waits. Two days
 * of history are enough here, delivered once for all tests; {@link DemoClusterWeekTest} does the same with seven.
 */
@TestInstance(Lifecycle.PER_CLASS)
class DemoClusterTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final Instant epoch = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private final List<Batches> writers = new ArrayList<>();
    private DatabaseAddress history;
    private Duration historyTook;
    private List<String> historyOnce;
    private DatabaseAddress address;
    private Database database;

    /** Days of history. */
    int days() {
        return 2;
    }

    /** So many of the history's jobs as these are of a week's. */
    private long share(long ofAWeek) {
        return ofAWeek * days() / 7;
    }

    private Timeline timeline() {
        return new Timeline(1, epoch, days());
    }

    @BeforeAll
    void deliverTheHistory() {
        startWith(TestPostgres.freshDatabase());
        Instant began = Instant.now();
        deliverUpTo(epoch);
        historyTook = Duration.between(began, Instant.now());
        historyOnce = everything();
        history = address;
        close();
    }

    private void startWithTheHistory() {
        startWith(TestPostgres.copyOf(history));
    }

    private void startWith(DatabaseAddress address) {
        this.address = address;
        database = database();
        database.start();
    }

    private Database database() {
        return new Database(address, 10,
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()), new PrometheusRegistry());
    }

    @AfterEach
    void close() {
        writers.forEach(Batches::close);
        writers.clear();
        database.close();
    }

    @Test
    void theHistoryIsThereWithinSecondsAndASecondDeliveryAddsNothing() {
        startWithTheHistory();
        deliverUpTo(epoch);
        List<String> once = everything();
        long changes = number("select count(*) from audit");
        assertThat(once).isEqualTo(historyOnce);
        assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isEqualTo(share(105));
        assertThat(number("select count(*) from sample_buffer_0")).isGreaterThan(share(100_000));
        assertEachRunHasItsReadings(epoch);
        assertThat(historyTook).isLessThan(Duration.ofSeconds(60));

        deliverUpTo(epoch);
        assertThat(number("select count(*) from audit")).isEqualTo(changes);

        execute("update demo set delivered_to = epoch - interval '8 days'");
        deliverUpTo(epoch);
        assertThat(everything()).isEqualTo(once);
    }

    @Test
    void waitsForTheDatabaseAndSaysSo() {
        address = TestPostgres.copyOf(history);
        database = database();
        try (DemoCluster cluster = cluster(epoch)) {
            assertThat(cluster.problem()).contains("the history is not complete yet");
            cluster.start();
            database.start();
            awaitDelivered(cluster);
        }
        assertThat(number("select count(*) from demo")).isEqualTo(1);
    }

    @Test
    void aServerThatStopsInTheMiddleOfTheHistoryLosesNothing() {
        startWith(TestPostgres.freshDatabase());
        try (DemoCluster cluster = cluster(epoch)) {
            cluster.start();
            await("the first jobs",
                    () -> database.problem().isEmpty() && number("select count(*) from job") > share(20));
        }
        assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isLessThan(share(105));
        deliverUpTo(epoch);

        assertThat(everything()).isEqualTo(historyOnce);
    }

    @Test
    void aServerThatIsKilledAnywhereDeliversAllOnce() {
        Instant end = epoch.plus(Duration.ofMinutes(9));
        startWith(TestPostgres.freshDatabase());
        for (int jobs : List.of(3, 11, 40, 41, 80)) {
            DemoCluster cluster = cluster(epoch);
            cluster.start();
            await(jobs + " jobs",
                    () -> database.problem().isEmpty() && number("select count(*) from job") > share(jobs));
            // Whatever is going on is cut off, as by a kill.
            database.close();
            cluster.close();
            database = database();
            database.start();
        }
        await("the database", () -> database.problem().isEmpty());
        assertThat(texts("select delivered_to::text from demo where delivered_to < epoch")).hasSize(1);
        deliverUpTo(epoch);
        deliverUpTo(end);
        List<String> inPieces = everything();
        assertEachRunHasItsReadings(end);

        close();
        startWithTheHistory();
        deliverUpTo(end);
        assertThat(everything()).isEqualTo(inPieces);
    }

    @Test
    void whatWasDeliveredAndNotNotedIsCompletedAfterANight() {
        startWithTheHistory();
        Instant noted = epoch.plus(Duration.ofMinutes(20));
        deliverUpTo(noted);
        deliverUpTo(noted.plus(Duration.ofMinutes(8)));
        execute("update demo set delivered_to = '%s'".formatted(noted));

        Instant back = noted.plus(Duration.ofHours(9));
        deliverUpTo(back);
        assertThat(texts("select job_id from job where state in ('pending', 'running') and newest"))
                .containsExactlyInAnyOrderElementsOf(running(timeline(), back));
        assertEachRunHasItsReadings(back);
    }

    @Test
    void aDowntimeThatIsDeliveredInPartIsCompletedThenTheNext() {
        startWithTheHistory();
        Instant back = epoch.plus(Duration.ofHours(9));
        deliverUpTo(back);
        // As if the server had been killed when it had delivered nearly all of the downtime.
        execute("update demo set delivered_to = '%s'".formatted(back.minus(Duration.ofHours(3))));

        Instant backAgain = back.plus(Duration.ofHours(5));
        deliverUpTo(backAgain);
        assertThat(texts("select job_id from job where state in ('pending', 'running') and newest"))
                .containsExactlyInAnyOrderElementsOf(running(timeline(), backAgain));
        assertEachRunHasItsReadings(backAgain);
    }

    /** Each run that has ended has each of its readings once, and the sums of them. */
    private void assertEachRunHasItsReadings(Instant now) {
        Timeline timeline = timeline();
        Map<String, SimRun> runs = Stream
                .concat(timeline.background(timeline.begin(), now).stream(), timeline.live(epoch, now).stream())
                .filter(run -> run.end().plus(Ticks.INTERVAL).isBefore(now))
                .collect(Collectors.toMap(run -> run.id() + " " + run.start().getEpochSecond(), run -> run));
        List<String> stored = texts("""
                select concat_ws(' ', job_id, floor(extract(epoch from scheduler_start))::bigint::text, node, sample_count,
                    rows, moments, covered_ms, round(cpu_sum::numeric, 2), round(cpu_max::numeric, 2),
                    memory_sum::bigint, memory_max_bytes, cpu_usage_usec, oom_kills, is_last)
                from job join job_figures using (job_key)
                left join (
                    select job_key, node, count(*) as rows, count(distinct at) as moments
                    from (select * from sample_buffer_0 union all select * from sample_buffer_1) buffers
                    where gpu = '' group by job_key, node) history using (job_key, node)
                where state not in ('pending', 'running') order by job_id, scheduler_start, node""");
        List<String> expected = stored.stream().map(line -> line.split(" ")).filter(
                words -> runs.containsKey(words[0] + " " + words[1]))
                .map(words -> expected(runs.get(words[0] + " " + words[1]), words[2])).toList();

        assertThat(expected).hasSizeGreaterThan((int) share(100));
        assertThat(stored.stream().filter(line -> runs.containsKey(line.split(" ")[0] + " " + line.split(" ")[1])))
                .containsExactlyElementsOf(expected);
    }

    private static String expected(SimRun run, String node) {
        List<Usage> readings = run.allocations().stream().filter(allocation -> allocation.node().name().equals(node))
                .flatMap(allocation -> new UsageModel(run, allocation).readings().stream()).toList();
        JobReading last = readings.getLast().reading();
        int count = readings.size();
        return "%s %d %s %d %d %d %d %.2f %.2f %d %d %d %d %s".formatted(run.id(), run.start().getEpochSecond(), node,
                count, count, count, readings.stream().mapToLong(use -> use.interval().toMillis()).sum(),
                readings.stream().mapToDouble(Usage::cpuPercent).sum(),
                readings.stream().mapToDouble(Usage::cpuPercent).max().orElseThrow(),
                readings.stream().mapToLong(Usage::memoryBytes).sum(), last.memoryPeakBytes(), last.cpuUsageUsec(),
                last.oomKills(), Boolean.TRUE.equals(last.last()) ? "t" : "f");
    }

    @Test
    void aNightWithoutTheServerLeavesOutLiveJobsAndEndsThoseThatRan() {
        startWithTheHistory();
        Instant left = epoch.plus(Duration.ofMinutes(20));
        Instant back = left.plus(Duration.ofHours(9));
        deliverUpTo(left);
        List<String> open = open();

        deliverUpTo(back);

        assertWasDown(left, back, open);
    }

    @Test
    void aMachineThatSleptIsLikeAServerThatWasDown() {
        startWithTheHistory();
        Instant left = Ticks.last(epoch.plus(Duration.ofMinutes(20))).minusMillis(50);
        Instant back = left.plus(Duration.ofHours(9));
        AtomicReference<Instant> now = new AtomicReference<>(left);
        List<String> open;
        try (DemoCluster cluster = cluster(((InstantSource) now::get).withZone(ZoneOffset.UTC))) {
            cluster.start();
            awaitDelivered(cluster);
            open = open();
            now.set(back);
            await("the night is delivered", () -> deliveredTo().equals(List.of(String.valueOf(back.getEpochSecond()))));
        }
        assertWasDown(left, back, open);
    }

    private List<String> open() {
        return texts("select job_id from job where state in ('pending', 'running') and length(job_id) = 7");
    }

    private void assertWasDown(Instant left, Instant back, List<String> open) {
        assertThat(open).hasSizeGreaterThan(4);
        Timeline timeline = timeline();
        assertThat(texts("select job_id from job where state in ('pending', 'running') and newest"))
                .containsExactlyInAnyOrderElementsOf(running(timeline, back));
        assertThat(texts("select job_id from job where length(job_id) = 7 and start_time between '%s' and '%s'"
                .formatted(left.plus(Duration.ofMinutes(12)), back.minus(Duration.ofMinutes(20))))).isEmpty();
        assertThat(texts("select distinct state || ' ' || coalesce(reason, '') from job where job_id in ('%s')"
                .formatted(String.join("', '", open)))).allMatch(state -> !state.startsWith("running"));
        assertThat(texts("select distinct at::text from node")).hasSize(1);
        assertThat(number("select count(*) from node")).isEqualTo(16);
        assertThat(number(
                "select count(*) from sample_buffer_0 join job using (job_key) where at > '%s' and length(job_id) = 4"
                        .formatted(left.plus(Duration.ofMinutes(30)))))
                .isPositive();
    }

    /** What Slurm's squeue would show. */
    private static List<String> running(Timeline timeline, Instant now) {
        return Stream.concat(timeline.background(now, now).stream(), timeline.live(now, now).stream())
                .filter(run -> run.ending().waitStatus == null
                        ? run.lastReport().isAfter(now)
                        : run.end().isAfter(now))
                .filter(run -> run.restarts() == 0 || !run.start().isAfter(now)).map(SimRun::id).distinct().toList();
    }

    private void deliverUpTo(Instant moment) {
        try (DemoCluster cluster = cluster(moment)) {
            cluster.start();
            awaitDelivered(cluster);
        }
        assertThat(deliveredTo()).containsExactly(String.valueOf(moment.getEpochSecond()));
    }

    private List<String> deliveredTo() {
        return texts("select floor(extract(epoch from delivered_to))::bigint::text from demo");
    }

    private DemoCluster cluster(Instant now) {
        return cluster(Clock.fixed(now, ZoneOffset.UTC));
    }

    private DemoCluster cluster(Clock clock) {
        Json json = new Json();
        PrometheusRegistry metrics = new PrometheusRegistry();
        JobTable jobs = new JobTable(database, json, clock);
        SampleStore samples = new SampleStore(database, json, Duration.ofDays(8), clock, metrics);
        NodeTable nodes = new NodeTable(database, new Json());
        Batches batches = new Batches(database, jobs, samples, nodes, new AgentQueueTable(database, clock), clock,
                "default", metrics);
        writers.add(batches);
        return new DemoCluster(database, new Events(jobs, json, "default", clock, metrics), jobs, samples, batches,
                nodes,
                clock, days());
    }

    private static void awaitDelivered(DemoCluster cluster) {
        await("all is delivered", () -> cluster.problem().equals(Optional.empty()));
    }

    private static void await(String what, Supplier<Boolean> condition) {
        long deadline = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.get()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadline);
            LockSupport.parkNanos(5_000_000);
        }
    }

    /** What there is, without keys and without the times at which it was written. */
    private List<String> everything() {
        return texts("""
                select concat_ws(' ', job_id, scheduler_start, end_time, state, reason, confirmed, raw_state, user_name,
                    nodes::text, gpus,
                    (select count(*) from sample_buffer_0 where sample_buffer_0.job_key = job.job_key),
                    (select string_agg(concat_ws(' ', node, sample_count, covered_ms, round(cpu_sum::numeric, 3),
                        cpu_max, memory_sum, memory_max_bytes, file_sum, round(gpu_sum::numeric, 3), cpu_usage_usec,
                        io_read_bytes, memory_stall_usec, oom_kills, latest, first_sample_at, last_sample_at, is_last,
                        absent), ', ' order by node)
                        from job_figures where job_figures.job_key = job.job_key),
                    (select string_agg(concat_ws(' ', gpu, sample_count, round(utilization_sum::numeric, 3),
                        hold, energy_joules, absent), ', ' order by gpu)
                        from job_gpu_figures where job_gpu_figures.job_key = job.job_key))
                from job order by job_id, scheduler_start""").stream()
                .toList();
    }

    private List<String> texts(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }

    private long number(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(Long.class).one());
    }

    private void execute(String sql) {
        database.write("test", handle -> handle.execute(sql));
    }
}
