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
import org.jobwitness.server.db.TestPostgres;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.JobReading;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The simulated cluster, as it comes to the database. Clocks stand still, so that a server tells up to then and waits. */
class DemoClusterTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Instant epoch = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private final List<Batches> writers = new ArrayList<>();
    private DatabaseAddress address = TestPostgres.freshDatabase();
    private Database database = database();

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

    private void startWithAFreshDatabase() {
        close();
        address = TestPostgres.freshDatabase();
        database = database();
        database.start();
    }

    @Test
    void aWeekIsToldWithinSecondsAndTellingItTwiceAddsNothing() {
        database.start();
        Instant began = Instant.now();
        tellUpTo(epoch);
        List<String> once = everything();
        long changes = number("select count(*) from audit");
        assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isEqualTo(105);
        assertThat(number("select count(*) from sample_buffer_0")).isGreaterThan(100_000);
        assertEachRunHasItsReadings(epoch);
        assertThat(Duration.between(began, Instant.now())).isLessThan(Duration.ofSeconds(60));

        tellUpTo(epoch);
        assertThat(number("select count(*) from audit")).isEqualTo(changes);

        execute("update demo set told_to = epoch - interval '8 days'");
        tellUpTo(epoch);
        assertThat(everything()).isEqualTo(once);
    }

    @Test
    void waitsForTheDatabaseAndSaysSo() {
        try (DemoCluster cluster = cluster(epoch)) {
            assertThat(cluster.trouble()).contains("still telling last week");
            cluster.start();
            database.start();
            awaitTold(cluster);
        }
        assertThat(number("select count(*) from demo")).isEqualTo(1);
    }

    @Test
    void anEndOfTheServerInTheMiddleOfTheWeekLosesNothing() {
        database.start();
        try (DemoCluster cluster = cluster(epoch)) {
            cluster.start();
            await("the first jobs", () -> database.trouble().isEmpty() && number("select count(*) from job") > 20);
        }
        assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isLessThan(105);
        tellUpTo(epoch);

        List<String> inTwoParts = everything();
        startWithAFreshDatabase();
        tellUpTo(epoch);
        assertThat(everything()).isEqualTo(inTwoParts);
    }

    @Test
    void whatIsCutOffAnywhereIsToldOnceAsIfNothingHadHappened() {
        Instant end = epoch.plus(Duration.ofMinutes(9));
        database.start();
        for (int jobs : List.of(3, 11, 40, 41, 80)) {
            DemoCluster cluster = cluster(epoch);
            cluster.start();
            await(jobs + " jobs", () -> database.trouble().isEmpty() && number("select count(*) from job") > jobs);
            // What is going on breaks off wherever it is, as when the server is killed.
            database.close();
            cluster.close();
            database = database();
            database.start();
        }
        await("the database", () -> database.trouble().isEmpty());
        assertThat(texts("select told_to::text from demo where told_to < epoch")).hasSize(1);
        tellUpTo(epoch);
        tellUpTo(end);
        List<String> inPieces = everything();
        assertEachRunHasItsReadings(end);

        startWithAFreshDatabase();
        tellUpTo(epoch);
        tellUpTo(end);
        assertThat(everything()).isEqualTo(inPieces);
    }

    @Test
    void whatWasToldAndNotNotedIsToldToItsEndAfterANight() {
        database.start();
        tellUpTo(epoch);
        Instant noted = epoch.plus(Duration.ofMinutes(20));
        tellUpTo(noted);
        tellUpTo(noted.plus(Duration.ofMinutes(8)));
        execute("update demo set told_to = '%s'".formatted(noted));

        Instant back = noted.plus(Duration.ofHours(9));
        tellUpTo(back);
        assertThat(texts("select job_id from job where state in ('pending', 'running') and newest"))
                .containsExactlyInAnyOrderElementsOf(running(Timeline.of(1, epoch), back));
        assertEachRunHasItsReadings(back);
    }

    @Test
    void anAbsenceThatIsToldInPartIsToldToItsEndThenTheNext() {
        database.start();
        tellUpTo(epoch);
        Instant back = epoch.plus(Duration.ofHours(9));
        tellUpTo(back);
        // As if the server had been killed shortly before it had told of the absence, but had told of nearly all.
        execute("update demo set told_to = '%s'".formatted(back.minus(Duration.ofHours(3))));

        Instant backAgain = back.plus(Duration.ofHours(5));
        tellUpTo(backAgain);
        assertThat(texts("select job_id from job where state in ('pending', 'running') and newest"))
                .containsExactlyInAnyOrderElementsOf(running(Timeline.of(1, epoch), backAgain));
        assertEachRunHasItsReadings(backAgain);
    }

    /** Each run that has ended has each of its readings once, and the sums of them. */
    private void assertEachRunHasItsReadings(Instant now) {
        Timeline timeline = Timeline.of(1, epoch);
        Map<String, Booking> runs = Stream
                .concat(timeline.background(timeline.begin(), now).stream(), timeline.live(epoch, now).stream())
                .filter(run -> run.end().plus(Ticks.APART).isBefore(now))
                .collect(Collectors.toMap(run -> run.id() + " " + run.start().getEpochSecond(), run -> run));
        List<String> told = texts("""
                select concat_ws(' ', job_id, floor(extract(epoch from scheduler_start))::bigint::text, node, sample_count,
                    rows, moments, covered_ms, round(cpu_sum::numeric, 2), round(cpu_max::numeric, 2),
                    memory_sum::bigint, memory_max_bytes, cpu_usage_usec, oom_kills, is_last)
                from job join job_figures using (job_key)
                left join (
                    select job_key, node, count(*) as rows, count(distinct at) as moments
                    from (select * from sample_buffer_0 union all select * from sample_buffer_1) buffers
                    where gpu = '' group by job_key, node) history using (job_key, node)
                where state not in ('pending', 'running') order by job_id, scheduler_start, node""");
        List<String> expected = told.stream().map(line -> line.split(" ")).filter(
                words -> runs.containsKey(words[0] + " " + words[1]))
                .map(words -> expected(runs.get(words[0] + " " + words[1]), words[2])).toList();

        assertThat(expected).hasSizeGreaterThan(100);
        assertThat(told.stream().filter(line -> runs.containsKey(line.split(" ")[0] + " " + line.split(" ")[1])))
                .containsExactlyElementsOf(expected);
    }

    private static String expected(Booking run, String node) {
        List<Usage> readings = run.shares().stream().filter(share -> share.machine().name().equals(node))
                .flatMap(share -> new Load(run, share).readings().stream()).toList();
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
    void aNightWithoutTheServerLeavesOutTheShowAndEndsWhatWasOnIt() {
        database.start();
        Instant left = epoch.plus(Duration.ofMinutes(20));
        Instant back = left.plus(Duration.ofHours(9));
        tellUpTo(epoch);
        tellUpTo(left);
        List<String> open = open();

        tellUpTo(back);

        assertWasAway(left, back, open);
    }

    @Test
    void aMachineThatSleptIsAsAServerThatWasAway() {
        database.start();
        Instant left = Ticks.last(epoch.plus(Duration.ofMinutes(20))).minusMillis(50);
        Instant back = left.plus(Duration.ofHours(9));
        tellUpTo(epoch);
        AtomicReference<Instant> now = new AtomicReference<>(left);
        List<String> open;
        try (DemoCluster cluster = cluster(((InstantSource) now::get).withZone(ZoneOffset.UTC))) {
            cluster.start();
            awaitTold(cluster);
            open = open();
            now.set(back);
            await("the night is told", () -> toldTo().equals(List.of(String.valueOf(back.getEpochSecond()))));
        }
        assertWasAway(left, back, open);
    }

    private List<String> open() {
        return texts("select job_id from job where state in ('pending', 'running') and length(job_id) = 7");
    }

    private void assertWasAway(Instant left, Instant back, List<String> open) {
        assertThat(open).hasSizeGreaterThan(4);
        Timeline timeline = Timeline.of(1, epoch);
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
                .filter(run -> run.ending().rawStatus() == null
                        ? Telling.lastWord(run).isAfter(now)
                        : run.end().isAfter(now))
                .filter(run -> run.restarts() == 0 || !run.start().isAfter(now)).map(Booking::id).distinct().toList();
    }

    private void tellUpTo(Instant moment) {
        try (DemoCluster cluster = cluster(moment)) {
            cluster.start();
            awaitTold(cluster);
        }
        assertThat(toldTo()).containsExactly(String.valueOf(moment.getEpochSecond()));
    }

    private List<String> toldTo() {
        return texts("select floor(extract(epoch from told_to))::bigint::text from demo");
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
        return new DemoCluster(database, new Events(jobs, json, "default", metrics), jobs, samples, batches, nodes,
                clock);
    }

    private static void awaitTold(DemoCluster cluster) {
        await("all is told", () -> cluster.trouble().equals(Optional.empty()));
    }

    private static void await(String what, Supplier<Boolean> condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
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
