package org.jobwitness.server.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.db.TestPostgres;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.http.Json;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The simulated cluster, as it comes to the database. Clocks stand still, so that a server tells up to then and waits. */
class DemoClusterTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Instant epoch = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private Database database = freshDatabase();

    private static Database freshDatabase() {
        return new Database(TestPostgres.freshDatabase(), 10,
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()), new PrometheusRegistry());
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void aWeekIsToldWithinSecondsAndTellingItTwiceAddsNothing() {
        database.start();
        Instant began = Instant.now();
        tellUpTo(epoch);
        List<String> once = everything();
        long changes = number("select count(*) from audit");
        assertThat(number("select count(distinct job_id) from job where length(job_id) = 4")).isEqualTo(105);
        assertThat(number("select count(*) from sample")).isGreaterThan(100_000);
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
        close();
        database = freshDatabase();
        database.start();
        tellUpTo(epoch);
        assertThat(everything()).isEqualTo(inTwoParts);
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
                .formatted(left.plus(Duration.ofMinutes(2)), back.minus(Duration.ofMinutes(20))))).isEmpty();
        assertThat(texts("select distinct state || ' ' || coalesce(reason, '') from job where job_id in ('%s')"
                .formatted(String.join("', '", open)))).allMatch(state -> !state.startsWith("running"));
        assertThat(texts("select distinct at::text from node")).hasSize(1);
        assertThat(number("select count(*) from node")).isEqualTo(16);
        assertThat(number("select count(*) from sample join job using (job_key) where at > '%s' and length(job_id) = 4"
                .formatted(left.plus(Duration.ofMinutes(30))))).isPositive();
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
        JobTable jobs = new JobTable(database, json, clock);
        return new DemoCluster(database, new Events(jobs, json, "default", new PrometheusRegistry()), jobs,
                new SampleStore(database, Duration.ofDays(7), clock, new PrometheusRegistry()),
                new NodeTable(database), clock);
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
                    nodes::text, gpus, (select count(*) from sample where sample.job_key = job.job_key),
                    (select string_agg(concat_ws(' ', node, sample_count, covered_ms, round(cpu_sum::numeric, 3),
                        memory_max_bytes, cpu_usage_usec, oom_kills), ', ' order by node)
                        from job_figures where job_figures.job_key = job.job_key))
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
