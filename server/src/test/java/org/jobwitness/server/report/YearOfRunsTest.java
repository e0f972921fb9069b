package org.jobwitness.server.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jobwitness.server.report.ReportRequest.Dimension;
import org.jobwitness.server.report.ReportRequest.Every;
import org.jobwitness.server.report.ReportRequest.Sort;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Report;
import org.jobwitness.wire.ReportFaults;
import org.jobwitness.wire.ReportFaults.Kind;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A year of 16 nodes with 4 GPUs each and of 20 users: 40 runs end on a day. One user's runs always fail, the others' one time in 40. In
 * the last month GPU 2 of g07 breaks most of the runs that hold it, and an array of one user fails on g03.
 */
@Timeout(300)
class YearOfRunsTest {
    private static final Instant NOW = Instant.parse("2026-03-31T12:00:00Z");
    private static final LocalDate TODAY = LocalDate.ofInstant(NOW, ZoneOffset.UTC);
    private static final LocalDate FIRST = TODAY.minusDays(365);
    /** Numbers that no order of runs explains: hashes of theirs. */
    private static final String RUNS = """
            insert into job (recorded_at, cluster, job_id, start_seen, start_time, user_name, uid, nodes, partition, account, cpus,
                memory_mb, gpus, gpu_devices, end_seen, end_time, oom_killed, superseded, requeued, state, reason, confirmed,
                newest, scheduler)
            select ends_at, 'alpha', 'y' || n, true, ends_at - lasted * interval '1 second', person, 1000 + who, array[node],
                'p' || who % 3, 'acc' || who % 5, 1 + at % 8, 1024 * (1 + at % 4), 1, '{}', true, ends_at, false, false, false,
                case when is_broken then 'failed' else 'completed' end, case when is_broken then 'exit_code' end, true, true,
                jsonb_build_object('submit_time', ends_at - (lasted + 60) * interval '1 second')
            from (select n, who, 'u' || who as person, at, device, lasted, ends_at, 'g' || lpad((1 + place)::text, 2, '0') as node,
                    who = 0 or chance % 40 = 0 or day >= 335 and place = 6 and device = 2 and chance % 5 > 0 as is_broken
                from (select n, n / 40 as day, abs(hashint4(n)) % 20 as who, abs(hashint4(n + 100000)) as at,
                        abs(hashint4(n + 200000)) % 16 as place, abs(hashint4(n + 300000)) % 4 as device,
                        abs(hashint4(n + 400000)) as chance, 60 + abs(hashint4(n + 500000)) % 80000 as lasted,
                        date '@FIRST' + n / 40 * interval '1 day' + n % 40 * interval '35 minutes' as ends_at
                    from generate_series(0, 365 * 40 - 1) n) drawn) run""";
    private static final String ARRAY = """
            insert into job (recorded_at, cluster, job_id, start_seen, start_time, user_name, uid, nodes, partition, account, cpus,
                memory_mb, gpus, gpu_devices, end_seen, end_time, oom_killed, superseded, requeued, state, reason, confirmed, newest)
            select ends_at, 'alpha', 'a' || n, true, ends_at - interval '5 seconds', 'u' || 7, 1007, '{g03}', 'p1', 'acc2', 1, 100,
                0, '{}', true, ends_at, false, false, false, 'failed', 'exit_code', true, true
            from (select n, timestamptz '%s 10:00Z' + n * interval '3 seconds' as ends_at from generate_series(1, 300) n) task""";
    private static final String NODES = "insert into job_node (job_key, node, cpus, gpus, ended)"
            + " select job_key, nodes[1], cpus, gpus, true from job";
    private static final String GPUS = """
            insert into job_gpu_figures (job_key, node, gpu, sample_count, last_sample_at, utilization_sum, utilization_count,
                held_from, device, xids)
            select job_key, nodes[1], 'GPU-' || nodes[1] || '-' || device, 10, end_time, 900, 10, start_time,
                jsonb_build_object('minor', device, 'model', 'NVIDIA H100'),
                case when nodes[1] = 'g07' and device = 2 and state = 'failed' and job_key %% 2 = 0
                    and end_time >= '%s' then array[79, 31] else '{}' end
            from (select *, abs(hashint4(substr(job_id, 2)::integer + 300000)) %% 4 as device from job where gpus > 0) run""";

    private static TestDatabase db;
    private static Clock clock;

    @BeforeAll
    static void aYear() {
        db = new TestDatabase();
        clock = Clock.fixed(NOW, ZoneOffset.UTC);
        db.execute(RUNS.replace("@FIRST", FIRST.toString()));
        db.execute(ARRAY.formatted(TODAY.minusDays(3)));
        db.execute(NODES);
        db.execute(GPUS.formatted(TODAY.minusDays(31)));
        new DaySums(db.database, Duration.ofDays(7), clock).rebuild((_, _) -> {
        });
    }

    @AfterAll
    static void close() {
        db.close();
    }

    private static ReportFaults faults(LocalDate from, LocalDate to) {
        return new NodesToBlame(db.database, clock).of(new Period(from, to));
    }

    @Test
    void theBrokenGpuIsFoundAndNeitherItsNodeNorOneUsersArray() {
        ReportFaults faults = faults(TODAY.minusDays(30), TODAY);
        assertThat(faults.nodes()).isEqualTo(16);
        assertThat(faults.gpus()).isEqualTo(64);
        assertThat(faults.faults()).extracting(ReportFaults.Fault::kind, ReportFaults.Fault::node,
                ReportFaults.Fault::minor).containsExactly(
                        tuple(Kind.GPU_ERRORS, "g07", 2),
                        tuple(Kind.PROGRAM_FAILURES, "g07", 2));
        ReportFaults.Fault errors = faults.faults().getFirst();
        assertThat(errors.xids()).containsExactly(79);
        assertThat(errors.sentence())
                .startsWith("g07, GPU 2 (NVIDIA H100): the driver reported Xid 79 (it fell off the bus), in ")
                .contains(" users, of ");
        ReportFaults.Fault failures = faults.faults().getLast();
        assertThat(failures.failedUsers()).isGreaterThan(2).isLessThanOrEqualTo(failures.users());
        assertThat(failures.failedRuns()).isEqualTo(db.number("""
                select count(*) from job join job_gpu_figures using (job_key) where gpu = 'GPU-g07-2' and state = 'failed'
                    and end_time >= '%s' and end_time < '%s'""".formatted(TODAY.minusDays(30), TODAY)));
        assertThat(failures.expected()).isLessThan(failures.failures() / 2.0);
        assertThat(failures.sentence()).contains("where ",
                " were to be expected by how the same users' runs ended elsewhere.");
        assertThat(faults.excludes()).containsExactly(
                new ReportFaults.Exclude("alpha", List.of("g07"), "#SBATCH --exclude=g07"));
    }

    @Test
    void monthsWithoutAFaultBlameNobody() {
        for (int month = 0; month < 11; month++) {
            LocalDate from = FIRST.plusDays(30L * month);
            assertThat(faults(from, from.plusDays(30)).faults()).as("from %s", from).isEmpty();
        }
    }

    /** By another way: run by run from the table of runs alone. */
    @Test
    void theNumbersOfAReportAreThoseOfItsRunsToTheSecond() {
        for (Dimension by : List.of(Dimension.USER, Dimension.ACCOUNT, Dimension.PARTITION, Dimension.NODE)) {
            for (Every every : List.of(Every.PERIOD, Every.WEEK, Every.MONTH)) {
                Map<String, String> expected = new TreeMap<>();
                db.texts("""
                        select concat_ws(' ', %s, to_char(end_time, '%s'), count(*),
                            sum(round(cpus * extract(epoch from end_time - start_time))),
                            sum(round(gpus * extract(epoch from end_time - start_time))),
                            count(*) filter (where state = 'failed'))
                        from job where end_time >= '%s' and end_time < '%s' group by %1$s, to_char(end_time, '%2$s')"""
                        .formatted(column(by), every == Every.PERIOD ? "\"-\"" : every.format(), FIRST, TODAY))
                        .forEach(line -> {
                            String[] words = line.split(" ", 3);
                            expected.put(words[0] + " " + words[1], words[2]);
                        });
                Map<String, String> found = new TreeMap<>();
                Report report = new Reports(db.database, clock).of(TestDatabase.OPERATOR,
                        new ReportRequest(by, every, FIRST, TODAY, Map.of(), Sort.CPU_HOURS, 10_000));
                for (Report.Row row : report.rows()) {
                    found.put(row.key() + " " + (row.period() == null ? "-" : row.period()),
                            "%d %d %d %d".formatted(row.runs(), Math.round(row.cpu().allocated() * 3600),
                                    Math.round(row.gpu().allocated() * 3600),
                                    row.runs(JobState.FAILED)));
                }
                assertThat(found).as("by %s and %s", by, every).isEqualTo(expected);
                assertThat(report.total().runs()).isEqualTo(365 * 40 + 300);
            }
        }
    }

    private static String column(Dimension by) {
        return switch (by) {
            case USER -> "user_name";
            case ACCOUNT -> "account";
            case PARTITION -> "partition";
            case NODE -> "nodes[1]";
            case CLUSTER, GPU_MODEL -> throw new IllegalArgumentException(by.parameter());
        };
    }
}
