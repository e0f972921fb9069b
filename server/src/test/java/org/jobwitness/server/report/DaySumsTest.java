package org.jobwitness.server.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.OPERATOR;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.Breaker;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** The sums of days are those of their runs, whatever happened to these, and to whoever added them up. */
@OnEachPostgres
class DaySumsTest {
    private static final Instant LATER = Instant.parse("2099-01-01T00:00:00Z");
    private static final String SUMS = """
            select concat_ws(' ', day, nullif(node, ''), user_name, account, state, reason, runs, not_measured_runs, cpu_ms,
                cpu_measured_ms, cpu_used_ms, cpu_wasted_ms, gpu_ms, memory_mib_s, memory_measured_mib_s,
                memory_used_mib_s, memory_wasted_mib_s, waits, wait_ms)
            from report_day join report_owner using (owner_id) where runs <> 0
            order by day, node, user_name, account, state, reason""";

    @Parameter
    PostgresVersion version;
    private TestDatabase db;
    private JobTable jobs;
    private JobDeletion deletion;
    private DaySums sums;

    @BeforeEach
    void open() {
        db = new TestDatabase(version);
        jobs = new JobTable(db.database, new Json(), Clock.systemUTC());
        deletion = new JobDeletion(jobs, db.database, new Json());
        sums = new DaySums(db.database, Duration.ofDays(7), Clock.systemUTC());
    }

    @AfterEach
    void close() {
        db.close();
    }

    private void addAll() {
        while (sums.addEnded(LATER)) {
            // some are left
        }
    }

    private void correctAll() {
        Optional<DaySums.Position> position = Optional.of(new DaySums.Position(LocalDate.EPOCH, 0));
        while (position.isPresent()) {
            position = sums.correctFrom(position.get());
        }
    }

    /** A run of 2 hours on 10 CPUs and 1024 MiB of two nodes. */
    private void ran(String job, String end) {
        say(jobs, "started job=" + job + " start=10:00 user=alice account=phys partition=p nodes=n1,n2 cpus=10"
                + " memory_mb=1024 at=10:00");
        say(jobs, "finished job=" + job + " start=10:00 at=12:00 " + end);
    }

    @Test
    void aRunCountsOnceInFullAndAtEachOfItsNodes() {
        ran("1", "exit=1:0");
        addAll();
        assertThat(db.texts(SUMS)).containsExactly(
                "2026-03-02 alice phys failed exit_code 1 1 72000000 0 0 0 0 7372800 0 0 0 0 0",
                "2026-03-02 n1 alice phys failed exit_code 1 1 36000000 0 0 0 0 3686400 0 0 0 0 0",
                "2026-03-02 n2 alice phys failed exit_code 1 1 36000000 0 0 0 0 3686400 0 0 0 0 0");
    }

    @Test
    void anEntryIsNotReadBeforeTheLastReadingsShouldBeThere() {
        Instant before = Instant.now().plusSeconds(60);
        say(jobs, "started job=1 user=alice nodes=n1 cpus=1 at=10:00");
        jobs.apply(OPERATOR, TestDatabase.evidence("finished job=1 exit=0:0"));
        db.execute("update ended_run set due_at = now() + interval '2 minutes'");
        assertThat(sums.addEnded(before)).isFalse();
        assertThat(db.number("select count(*) from report_day")).isZero();
        assertThat(sums.addEnded(before.plusSeconds(120))).isTrue();
        assertThat(db.number("select count(*) from report_day")).isPositive();
    }

    @Test
    void lateFiguresAreAddedByTheCorrectionAndUsedHoursAreMeasured() {
        ran("1", "exit=0:0");
        addAll();
        db.execute("""
                insert into job_figures (job_key, node, sample_count, covered_ms, cpu_count, cpu_sum, cpu_usage_usec, memory_max_bytes)
                select job_key, 'n1', 480, 7200000, 480, 4800, 9000000000, 268435456 from job""");
        addAll();
        assertThat(db.texts(SUMS)).first().asString().contains(" 72000000 0 0 0 ");
        correctAll();
        assertThat(db.texts(SUMS)).containsExactly(
                "2026-03-02 alice phys completed unknown 1 0 72000000 36000000 9000000 27000000 0 7372800 3686400 1843200 1843200 0 0",
                "2026-03-02 n1 alice phys completed unknown 1 0 36000000 36000000 9000000 27000000 0 3686400 3686400 1843200 1843200 0 0",
                "2026-03-02 n2 alice phys completed unknown 1 1 36000000 0 0 0 0 3686400 0 0 0 0 0");
    }

    @Test
    void whatNobodyMeasuredIsNeitherUsedNorWasted() {
        ran("1", "exit=0:0");
        db.execute("update job set gpus = 4");
        String gpus = "select concat_ws(' ', gpu_ms, gpu_measured_ms, gpu_used_ms, gpu_wasted_ms, covered_ms)"
                + " from report_day where node = ''";
        addAll();
        assertThat(db.texts(gpus)).containsExactly("28800000 0 0 0 0");
        db.execute("""
                insert into job_gpu_figures (job_key, node, gpu, sample_count, last_sample_at, utilization_sum, utilization_count,
                    held_from, hold)
                select job_key, node, gpu, 10, now(), 250, 10, now(), hold from job cross join (values ('n1', 'g1', 'alone'),
                    ('n1', 'g2', 'shared')) held (node, gpu, hold)""");
        correctAll();
        assertThat(db.texts(gpus)).containsExactly("28800000 7200000 1800000 5400000 0");
    }

    @Test
    void absurdFiguresOfARunStopNothing() {
        ran("1", "exit=0:0");
        ran("2", "exit=0:0");
        db.execute("update job set cpus = 2147483647, gpus = 2147483647, memory_mb = 9223372036854775807,"
                + " start_time = '1970-01-01', end_time = '2026-03-02 12:00' where job_id = '1'");
        db.execute("""
                insert into job_figures (job_key, node, sample_count, cpu_usage_usec, memory_peak_bytes)
                select job_key, 'n1', 0, 9223372036854775807, 9223372036854775807 from job where job_id = '1'""");
        db.execute("""
                insert into job_gpu_figures (job_key, node, gpu, sample_count, last_sample_at, utilization_sum, utilization_count,
                    held_from, energy_joules)
                select job_key, 'n1', 'g1', 10, now(), 1000, 10, now(), 1e300 from job where job_id = '1'""");
        addAll();
        assertThat(db.number("select sum(runs) from report_day where node = ''")).isEqualTo(2);
        assertThat(db.number("select count(*) from ended_run")).isZero();
    }

    @Test
    void samplesOfLessThanHalfOfTheTimeMeasureNothing() {
        ran("1", "exit=0:0");
        db.execute("""
                insert into job_figures (job_key, node, sample_count, covered_ms, cpu_count, cpu_sum)
                select job_key, 'n1', 200, 3599999, 200, 2000 from job""");
        addAll();
        assertThat(db.texts(SUMS)).first().asString().contains(" 1 1 72000000 0 0 0 ");
        db.execute("update job_figures set covered_ms = 3600000");
        correctAll();
        assertThat(db.texts(SUMS)).first().asString().contains(" 1 0 72000000 36000000 3600000 32400000 ");
    }

    @Test
    void aCorrectedEndMovesARunAndADeletedOneLeaves() {
        ran("1", "exit=0:0");
        ran("2", "exit=0:0");
        addAll();
        say(jobs, "reported job=1 start=10:00 state=failed reason=timeout end=+1d10:00 at=+1d11:00");
        addAll();
        assertThat(db.texts(SUMS).stream().filter(line -> !line.contains(" n"))).containsExactly(
                "2026-03-02 alice phys completed unknown 1 1 72000000 0 0 0 0 7372800 0 0 0 0 0",
                "2026-03-03 alice phys failed timeout 1 1 864000000 0 0 0 0 88473600 0 0 0 0 0");
        deletion.delete(OPERATOR, "c1", "2");
        addAll();
        assertThat(db.texts(SUMS)).hasSize(3).allMatch(line -> line.startsWith("2026-03-03"));
    }

    @Test
    void daysOutliveTheRunsThatRetentionDeletesAndAreNotMadeAnew() {
        ran("1", "exit=0:0");
        addAll();
        List<String> before = db.texts(SUMS);
        db.execute("update job set recorded_at = '2026-03-02'");
        assertThat(deletion.deleteEndedBefore(Instant.parse("2026-03-05T00:00:00Z"), 100)).isEqualTo(1);
        addAll();
        correctAll();
        Map<LocalDate, Long> days = new LinkedHashMap<>();
        assertThat(sums.rebuild(days::put)).contains(LocalDate.parse("2026-03-05"));
        assertThat(days.keySet()).first().isEqualTo(LocalDate.parse("2026-03-06"));
        assertThat(db.texts(SUMS)).isEqualTo(before);
    }

    @Test
    void aRebuildRepairsDamagedSums() {
        ran("1", "exit=0:0");
        ran("2", "exit=3:0");
        addAll();
        List<String> before = db.texts(SUMS);
        db.execute("update report_day set cpu_ms = cpu_ms + 5, runs = runs + 1");
        db.execute("delete from report_fact where node = 'n1'");
        assertThat(db.texts(SUMS)).isNotEqualTo(before);
        Map<LocalDate, Long> days = new LinkedHashMap<>();
        assertThat(sums.rebuild(days::put)).isEmpty();
        assertThat(days).containsEntry(LocalDate.parse("2026-03-02"), 2L);
        assertThat(db.texts(SUMS)).isEqualTo(before);
    }

    /** Whatever is reported in whichever order, the sums are those that the runs give, and those of a rebuild. */
    @Test
    void sumsAreThoseOfTheRunsAfterAnyLife() {
        Random random = new Random(25);
        for (int step = 0; step < 400; step++) {
            String job = Integer.toString(1 + random.nextInt(30));
            String hour = "%02d".formatted(random.nextInt(12));
            String user = " user=" + List.of("alice", "bob").get(random.nextInt(2));
            switch (random.nextInt(8)) {
                case 0, 1 ->
                    say(jobs, "started job=" + job + " start=" + hour + ":00 nodes=n1,n2 cpus=7 memory_mb=100 at="
                            + hour + ":00" + user);
                case 2, 3 -> say(jobs, "finished job=" + job + " at=" + hour + ":30 exit=" + random.nextInt(2) + ":0");
                case 4 -> say(jobs, "finished job=" + job + " node=n1 oom_kills=1 at=" + hour + ":40 exit=0:9");
                case 5 ->
                    say(jobs, "reported job=" + job + " state=failed reason=timeout end=+1d" + hour + ":50 at=+2d00:00"
                            + " account=acc" + random.nextInt(2));
                case 6 -> deletion.delete(OPERATOR, "c1", job);
                default -> sums.addEnded(LATER);
            }
        }
        addAll();
        assertSumsAreThoseOfTheRuns();
        List<String> kept = db.texts(SUMS);
        assertThat(kept).hasSizeGreaterThan(10);
        sums.rebuild((_, _) -> {
        });
        assertThat(db.texts(SUMS)).isEqualTo(kept);
    }

    /** By another way: run by run in Java, from the table of runs alone. */
    private void assertSumsAreThoseOfTheRuns() {
        List<String> runs = db.texts("""
                select concat_ws(' ', (coalesce(end_time, listed_at) at time zone 'UTC')::date, coalesce(user_name, '-'),
                    coalesce(account, '-'), state, coalesce(reason, '-'),
                    coalesce(cpus, 0) * coalesce(extract(epoch from greatest(end_time - start_time, interval '0')), 0))
                from job where state in ('completed', 'failed', 'cancelled')""");
        Map<String, double[]> expected = new LinkedHashMap<>();
        for (String run : runs) {
            int last = run.lastIndexOf(' ');
            double[] sum = expected.computeIfAbsent(run.substring(0, last), _ -> new double[2]);
            sum[0]++;
            sum[1] += Double.parseDouble(run.substring(last + 1));
        }
        assertThat(db.texts("""
                select concat_ws(' ', day, coalesce(user_name, '-'), coalesce(account, '-'), state,
                    coalesce(nullif(reason, ''), '-'), runs, round(cpu_ms / 1e3))
                from report_day join report_owner using (owner_id) where node = '' and runs <> 0"""))
                .containsExactlyInAnyOrderElementsOf(expected.entrySet().stream().map(
                        one -> "%s %d %d".formatted(one.getKey(), Math.round(one.getValue()[0]),
                                Math.round(one.getValue()[1])))
                        .toList());
    }

    @Test
    void whoeverIsKilledAtAnyStatementLosesAndDoublesNothing() throws Exception {
        try (Breaker breaker = new Breaker(db.address);
                Database breaking = TestPostgres.open(breaker.address(),
                        new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()))) {
            DaySums broken = new DaySums(breaking, Duration.ofDays(7), Clock.systemUTC());
            List<String> broke = new ArrayList<>();
            boolean wasBroken = true;
            for (int statement = 1; wasBroken; statement++) {
                ran(String.format(Locale.ROOT, "%d", statement), "exit=0:0");
                breaker.breakAt(statement);
                try {
                    broken.addEnded(LATER);
                } catch (DatabaseUnavailable e) {
                    broke.add(statement + ": " + e.getMessage());
                }
                wasBroken = breaker.leaveAlone();
                String expected = "2026-03-02 alice phys completed unknown %1$d %1$d %2$d ".formatted(statement,
                        statement * 72_000_000L);
                Waiting.until("the lock of the broken connection is gone, and all is added", Duration.ofSeconds(30),
                        () -> broke + ": " + db.texts(SUMS), () -> {
                            addAll();
                            return db.number("select count(*) from ended_run") == 0;
                        });
                assertThat(db.texts(SUMS)).as("after %s", broke).first().asString().startsWith(expected);
            }
            assertThat(broke).as("begin, lock, take, owners, sums, commit").hasSizeGreaterThan(4);
        }
    }
}
