package org.jobwitness.server.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.OPERATOR;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.JobState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** Old runs leave, and what stays is as it was. */
@OnEachPostgres
class JobDeletionTest {
    private static final Instant LONG_AGO = Words.time("00:00:00");
    private static final Instant BEFORE = Words.time("+30d00:00");

    @Parameter
    PostgresVersion version;
    private TestDatabase db;
    private JobTable jobs;
    private JobTable late;
    private JobDeletion deletion;
    private JobQueries queries;

    @BeforeEach
    void open() {
        db = new TestDatabase(version);
        jobs = recordedAt(LONG_AGO);
        late = recordedAt(BEFORE.plus(Duration.ofDays(1)));
        deletion = new JobDeletion(jobs, db.database, new Json());
        queries = new JobQueries(db.database, new Json(), Clock.systemUTC());
    }

    private JobTable recordedAt(Instant now) {
        return new JobTable(db.database, new Json(), Clock.fixed(now, ZoneOffset.UTC));
    }

    @AfterEach
    void close() {
        db.close();
    }

    @Test
    void aRunLeavesWhenItEndedBeforeAndStaysWhenItEndedAtTheMoment() {
        run(jobs, "1", "+29d00:00", "+29d23:59:59");
        run(jobs, "2", "+29d00:00", "+30d00:00:00");
        run(jobs, "3", "+29d00:00", null);
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(1);
        assertThat(left()).containsExactly("2 completed newest", "3 running newest");
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isZero();
    }

    @Test
    void allThatIsKnownOfItGoesWithItButItsTrail() {
        run(jobs, "1", "+1d00:00", "+1d01:00");
        say(jobs, "finished job=1 node=n1 start=+1d00:00 at=+1d01:00 oom_kills=2");
        db.execute("insert into oom_kill select job_key, now(), 'n1', '0', 'limit', 1, null from job");
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(1);
        for (String table : List.of("job", "job_node", "job_figures", "oom_kill")) {
            assertThat(db.number("select count(*) from " + table)).as(table).isZero();
        }
        assertThat(db.texts("select action from audit where job_id = '1' order by audit_id")).startsWith("created");
    }

    @Test
    void aRunOfWhichNobodySawTheEndIsAsOldAsItsStart() {
        run(jobs, "1", "+1d00:00", null);
        run(jobs, "1", "+2d00:00", null);
        run(jobs, "1", "+40d00:00", null);
        run(jobs, "2", "+29d00:00", null);
        run(jobs, "2", "+29d12:00", null);
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(3);
        assertThat(left()).containsExactly("1 running newest", "2 running newest");
    }

    @Test
    void whatAWrongClockTellsOfLongAgoStaysAsLongAsWhatIsToldToday() {
        run(late, "1", "+1d00:00", "+1d01:00");
        run(late, "2", "+1d00:00", null);
        run(late, "2", "+2d00:00", "+2d01:00");
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isZero();
        assertThat(deletion.deleteEndedBefore(BEFORE.plus(Duration.ofDays(2)), 1000)).isEqualTo(3);
    }

    @Test
    void ofAJobIdWithOldAndNewRunsTheOldOnesLeave() {
        run(jobs, "1", "+1d00:00", "+1d01:00");
        run(jobs, "1", "+2d00:00", "+2d01:00");
        run(jobs, "1", "+31d00:00", "+31d01:00");
        run(jobs, "1", "+32d00:00", null);
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(2);
        assertThat(left()).containsExactly("1 completed", "1 running newest");
    }

    @Test
    void aRunWaitsForThoseThatBeganBeforeIt() {
        run(jobs, "1", "+1d00:00", "+31d00:00");
        run(jobs, "1", "+2d00:00", "+2d01:00");
        run(late, "2", "+1d00:00", null);
        run(jobs, "2", "+2d00:00", "+2d01:00");
        List<String> before = left();
        assertThat(before).containsExactly("1 completed", "1 completed newest", "2 completed", "2 completed newest");
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isZero();
        say(late, "finished job=2 node=n1 start=+1d00:00 nodes=n1 at=+1d06:00 exit=1:0");
        assertThat(left()).containsExactly("1 completed", "1 completed newest", "2 completed newest", "2 failed");
        assertThat(deletion.deleteEndedBefore(BEFORE.plus(Duration.ofDays(2)), 1000)).isEqualTo(4);
    }

    @Test
    void theSameJobIdOfAnotherClusterIsAnotherJob() {
        run(jobs, "1", "+1d00:00", "+1d01:00");
        say(jobs, "started job=1 cluster=west node=n1 nodes=n1 user=alice start=+1d00:00");
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(1);
        assertThat(left()).containsExactly("1 running newest");
    }

    @Test
    void theyLeaveInPortionsOldestFirst() {
        for (int job = 1; job <= 25; job++) {
            run(jobs, "1" + job, "+1d00:00", "+1d01:%02d".formatted(job));
        }
        List<Long> portions = new ArrayList<>();
        long some;
        do {
            some = deletion.deleteEndedBefore(BEFORE, 10);
            portions.add(some);
            assertThat(db.number("select count(*) from job where end_time < (select max(end_time) from job)"
                    + " - " + db.number("select count(*) from job") + " * interval '1 minute'")).isZero();
        } while (some > 0);
        assertThat(portions).containsExactly(10L, 10L, 5L, 0L);
    }

    @Test
    void aRunOnManyNodesIsAPortionOfItsOwn() {
        for (int job = 1; job <= 3; job++) {
            say(jobs, "started job=" + job + " nodes=n1,n2,n3,n4,n5,n6 node=n1 user=alice start=+1d00:00");
            say(jobs, "finished job=" + job + " node=n1 start=+1d00:00 at=+1d01:00 exit=0:0");
        }
        for (int portion = 1; portion <= 3; portion++) {
            assertThat(deletion.deleteEndedBefore(BEFORE, 5)).isEqualTo(1);
        }
        assertThat(deletion.deleteEndedBefore(BEFORE, 5)).isZero();
        assertThat(left()).isEmpty();
    }

    @Test
    void aJobIdThatSomebodyIsWritingIsLeftForTheNextTime() throws SQLException {
        run(jobs, "1", "+1d00:00", "+1d01:00");
        run(jobs, "2", "+1d00:00", "+1d01:00");
        try (Connection other = db.connect(); Statement lock = other.createStatement()) {
            other.setAutoCommit(false);
            lock.execute("select pg_advisory_xact_lock(hashtextextended('c1/1', 0))");
            assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(1);
            assertThat(left()).containsExactly("1 completed newest");
            other.rollback();
        }
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(1);
    }

    @Test
    void theCountOfRunsEverDoesNotFall() {
        run(jobs, "1", "+1d00:00", "+1d01:00");
        run(jobs, "2", "+1d00:00", "+1d01:00");
        say(jobs, "started job=1 cluster=west node=n1 nodes=n1 user=alice start=+1d00:00");
        say(jobs, "finished job=1 cluster=west node=n1 start=+1d00:00 at=+1d01:00");
        run(jobs, "3", "+31d00:00", null);
        Map<String, Long> before = db.database.read("test", queries::count).ever();
        assertThat(before).containsExactly(Map.entry("c1", 3L), Map.entry("west", 1L));
        assertThat(deletion.deleteEndedBefore(BEFORE, 2) + deletion.deleteEndedBefore(BEFORE, 2)).isEqualTo(3);
        assertThat(db.database.read("test", queries::count).ever()).isEqualTo(before);
    }

    @Test
    void whateverHappenedEachJobIdKeepsOneNewestRunAndRunsThatAreOverStayOver() {
        Random random = new Random(7);
        for (int event = 0; event < 400; event++) {
            int start = random.nextInt(60);
            String job = "job=" + random.nextInt(12) + " nodes=n1 node=n1 start=+" + start + "d00:00 ";
            JobTable table = random.nextInt(8) == 0 ? late : jobs;
            say(table, random.nextInt(3) > 0
                    ? "started " + job + "user=alice"
                    : "finished " + job + "exit=" + random.nextInt(2) + ":0 at=+" + (start + random.nextInt(20))
                            + "d01:00");
            if (event % 40 == 39) {
                List<String> over = db.texts("select job_key::text from job where state <> 'running'");
                Instant before = Words.time("+" + event / 8 + "d00:00");
                while (deletion.deleteEndedBefore(before, 3) > 0) {
                    assertOneNewestEach();
                }
                assertThat(db.texts("select job_key::text from job where state = 'running'"))
                        .doesNotContainAnyElementsOf(
                                over);
                assertThat(db.number("select count(*) from job where state <> 'running' and recorded_at < '" + before
                        + "' and coalesce(end_time, start_time) < '" + before
                        + "' and not exists (select from job other"
                        + " where other.job_id = job.job_id and other.listed_at < job.listed_at)")).isZero();
            }
        }
        assertThat(db.number("select runs from job_deleted")).isPositive();
    }

    private void assertOneNewestEach() {
        assertThat(db.texts("select job_id from job group by cluster, job_id having count(*) filter (where newest) <> 1"
                + " or max(listed_at) <> max(listed_at) filter (where newest)")).isEmpty();
    }

    @Test
    void aJobIdWhoseRunsAllLeftBeginsAnew() {
        run(jobs, "1", "+1d00:00", "+1d01:00");
        assertThat(deletion.deleteEndedBefore(BEFORE, 1000)).isEqualTo(1);
        run(late, "1", "+31d00:00", null);
        assertThat(queries.find(OPERATOR, "1", null, null)).hasValueSatisfying(
                job -> assertThat(job.state()).isEqualTo(JobState.RUNNING));
    }

    private static void run(JobTable table, String job, String start, String end) {
        String name = " job=" + job + " node=n1 nodes=n1 start=" + start;
        say(table, "started user=alice" + name);
        if (end != null) {
            say(table, "finished exit=0:0 at=" + end + name);
        }
    }

    private List<String> left() {
        return db.texts("select job_id || ' ' || state || case when newest then ' newest' else '' end from job"
                + " order by 1");
    }
}
