package org.jobwitness.server.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jobwitness.server.testing.TestDatabase.OPERATOR;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.Words;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.HetJob;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lists of runs from a real PostgreSQL. Each test keeps to a cluster of its own. */
class JobQueriesTest {
    private static final Instant NOW = Words.time("+1d00:00");

    private static TestDatabase db;
    private static JobTable jobs;
    private static JobQueries queries;

    @BeforeAll
    static void open() {
        db = new TestDatabase();
        Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
        jobs = new JobTable(db.database, new Json(), clock);
        queries = new JobQueries(db.database, new Json(), clock);
        zoo();
    }

    @AfterAll
    static void close() {
        db.close();
    }

    private static void zoo() {
        String c = " cluster=zoo ";
        say(jobs, "started job=1" + c + "user=alice nodes=n1,n10 start=10:00:00 partition=batch account=proj1");
        say(jobs, "started job=2" + c + "user=bob nodes=n2 start=10:10:00 partition=gpu account=proj2");
        say(jobs, "finished job=2" + c + "start=10:10:00 at=10:20:00 exit=3:0");
        say(jobs, "started job=3" + c + "user=alice nodes=n2 start=10:30:00 partition=gpu account=proj1");
        say(jobs, "finished job=3" + c + "start=10:30:00 at=10:40:00 raw=253");
        say(jobs, "started job=4" + c + "user=carol nodes=n3 start=10:50:00 partition=batch account=proj_1");
        say(jobs, "finished job=4" + c + "start=10:50:00 at=11:00:00 state=cancelled");
        say(jobs, "started job=5" + c + "user=dave%x nodes=n3 start=11:10:00 partition=a\\b account=proj3");
        say(jobs, "finished job=5" + c + "start=11:10:00 at=11:20:00 exit=0:0");
        say(jobs, "finished job=6" + c + "at=11:30:00 exit=0:0 node=n4 nodes=n4");
        say(jobs, "started job=7" + c + "user=erin nodes=n5 start=11:40:00 restarts=0");
        say(jobs, "started job=7" + c + "user=erin nodes=n5 start=11:50:00 restarts=1");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            state=running             | 7 1
            state=pending             | ""
            state=completed           | 6 5
            state=failed              | 3 2
            state=cancelled           | 7 4
            state=failed,cancelled    | 7 4 3 2
            reason=exit_code          | 2
            reason=out_of_memory      | 3
            reason=requeued           | 7
            reason=unknown            | 6 5
            reason=timeout            | ""
            user=alice                | 3 1
            user=ALICE                | ""
            user=ali                  | ""
            user=dave%x               | 5
            node=n1                   | 1
            node=n10                  | 1
            node=n2                   | 3 2
            node=n                    | ""
            node=n4                   | 6
            partition=batch           | 4 1
            partition=a\\b            | 5
            account=proj1             | 3 1
            account=proj_1            | 4
            state=failed user=alice   | 3
            state=failed node=n1      | ""
            node=n2 partition=gpu account=proj2 | 2
            q=alice                   | 3 1
            q=ALICE                   | 3 1
            q=lic                     | 3 1
            q=n10                     | 1
            q=n1                      | 1
            q=gpu                     | 3 2
            q=proj                    | 5 4 3 2 1
            q=7                       | 7 7
            q=%                       | 5
            q=dave%                   | 5
            q=%a                      | ""
            q=_                       | 4
            q=proj_1                  | 4
            q=a_ice                   | ""
            q=\\                      | 5
            q=a\\b                    | 5
            q=\\b                     | 5
            q=b\\                     | ""
            q='                       | ""
            q=nobody                  | ""
            """)
    void aFilterLeavesTheRunsThatItNames(String filter, String ids) {
        JobPage page = list(filter + " cluster=zoo");

        assertThat(ids(page)).isEqualTo(split(ids));
        assertThat(page.total()).isEqualTo(split(ids).size());
    }

    /**
     * An array 500 of which task 9 has the id of the array; a heterogeneous job 510 of which Slurm told nothing; and one whose leader
     * 520 is not recorded, and whose ids are not in a row.
     */
    private static void arrays(String cluster) {
        String c = " cluster=" + cluster + " ";
        say(jobs, "started job=501" + c + "user=alice nodes=n1 start=10:00:00 array=500 task=7");
        say(jobs, "started job=502" + c + "user=alice nodes=n1 start=10:10:00 array=500 task=8");
        say(jobs, "started job=500" + c + "user=alice nodes=n1 start=10:05:00 array=500 task=9");
        say(jobs, "started job=602" + c + "user=alice nodes=n1 start=10:00:00 array=600 task=1");
        say(jobs, "finished job=502" + c + "start=10:10:00 at=10:20:00 exit=1:0");
        say(jobs, "started job=510" + c + "user=alice nodes=n1 start=10:00:00 het=510");
        say(jobs, "started job=511" + c + "user=alice nodes=n2 start=10:00:00 het=510");
        say(jobs, "started job=512" + c + "user=alice nodes=n2 start=10:00:00");
        say(jobs, "started job=521" + c + "user=alice nodes=n2 start=10:00:00 het=520 offset=2");
        say(jobs, "started job=523" + c + "user=alice nodes=n2 start=10:01:00 het=520 offset=1");
        say(jobs, "finished job=523" + c + "start=10:01:00 at=10:20:00 exit=1:0");
        say(jobs, "started job=9_1" + c + "user=alice nodes=n2 start=10:00:00");
        String waits = c + "user=alice at=09:00 state=pending raw_state=PENDING ";
        say(jobs, "reported job=700" + waits + "array=700 list=2-9,20%2 tasks=9");
        say(jobs, "started job=704" + c + "user=alice nodes=n2 start=10:00:00 array=700 task=4");
        say(jobs, "reported job=710" + waits + "array=710 list=1-3,9,1... tasks=4");
        say(jobs, "reported job=720" + waits + "array=720 list=0-8:2 tasks=5");
        say(jobs, "reported job=720" + c + "at=09:05 end=09:05 state=cancelled reason=cancelled raw_state=CANCELLED");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            501          | 501
            500_7        | 501
            500_007      | 501
            500_8        | 502
            500_9        | 500
            500_7.batch  | 501
            501.batch    | 501
            501.extern   | 501
            501.0        | 501
            501.2+1      | 501
            501.out      | 501
            500_7.out    | 501
            0000501      | 501
            500          | 500
            510+0        | 510
            510+1        | 511
            511          | 511
            510+1.0      | 511
            510          | 510
            520          | 523
            520+1        | 523
            520+2        | 521
            523+1        | 523
            521+2.0      | 521
            520+1.batch  | 523
            520+3        | 520+3
            520+0        | 520+0
            521+1        | 521+1
            0520+02      | 521
            501.exte+    | 501
            501.ext+     | 501
            500_7.ba+    | 501
            501.inter+   | 501
            501.else+    | 501.else+
            9_1          | 9_1
            9_1.batch    | 9_1
            600          | 602
            600_1        | 602
            700_2        | 700
            700_020      | 700
            700_4        | 704
            700_10       | 700_10
            700_3.batch  | 700
            710_9        | 710
            710_1        | 710
            710_4        | 710_4
            720_6        | 720
            720_7        | 720_7
            500_1        | 500_1
            500_70       | 500_70
            510+2        | 510+2
            512+0        | 512+0
            600_2.batch  | 600_2.batch
            501.9x       | 501.9x
            4711         | 4711
            99999999999999999999999_1 | 99999999999999999999999_1
            """)
    void everyFormOfSlurmFindsItsJob(String asked, String id) {
        if (queries.find(OPERATOR, "500", "arrays", null).isEmpty()) {
            arrays("arrays");
        }
        assertThat(queries.recordedId(OPERATOR, asked, "arrays")).isEqualTo(id);
        assertThat(queries.recordedId(OPERATOR, asked, "elsewhere")).isEqualTo(asked);
    }

    @Test
    void anArrayIsShownAsAWholeByItsIdAlone() {
        arrays("whole");
        Job whole = queries.findAsked(OPERATOR, "500", "whole", null).orElseThrow();
        assertThat(whole.id()).isEqualTo("500");
        assertThat(whole.array()).isEqualTo(new JobArray("500", 3, 0, 2, 0, 1, 0, "500_8", null));
        Job other = queries.findAsked(OPERATOR, "0600", "whole", null).orElseThrow();
        assertThat(other.id()).isEqualTo("602");
        assertThat(other.array()).isEqualTo(new JobArray("600", 1, 0, 1, 0, 0, 0, "600_1", null));
        assertThat(array("700")).isEqualTo(new JobArray("700", 9, 8, 1, 0, 0, 0, "700_4", null));
        assertThat(array("710")).isEqualTo(new JobArray("710", 4, 4, 0, 0, 0, 0, null,
                "Slurm cut off its list of the tasks that wait together"));
        assertThat(array("720")).isEqualTo(new JobArray("720", 5, 0, 0, 0, 0, 5, null, null));
        for (String one : List.of("500_9", "501", "510", "9_1", "500.batch")) {
            assertThat(queries.findAsked(OPERATOR, one, "whole", null).orElseThrow().array()).as(one).isNull();
        }
    }

    private static JobArray array(String id) {
        return queries.findAsked(OPERATOR, id, "whole", null).orElseThrow().array();
    }

    @Test
    void tasksThatWaitTogetherCountEach() {
        String of = " cluster=waiting user=alice at=09:00 state=pending raw_state=PENDING ";
        say(jobs, "reported job=800" + of + "array=800 tasks=9 partition=short,long");
        say(jobs, "reported job=810" + of + "partition=long");
        say(jobs, "started job=801 cluster=waiting user=alice nodes=n1 start=10:00:00 array=800 task=3");
        JobQueries.Counts counts = db.database.read("test", queries::count);
        assertThat(counts.newest().get("waiting")).containsEntry(JobState.PENDING, 10L)
                .containsEntry(JobState.RUNNING, 1L);
        assertThat(counts.ever()).containsEntry("waiting", 3L);
        say(jobs, "reported job=800" + of.replace("state=pending raw_state=PENDING", "state=running raw_state=RUNNING")
                + "array=800 tasks=none nodes=n1 start=11:00:00");
        assertThat(db.database.read("test", queries::count).newest().get("waiting"))
                .containsEntry(JobState.PENDING, 1L).containsEntry(JobState.RUNNING, 2L);
        say(jobs, "reported job=820" + of + "array=820 list=1-4 tasks=4");
        say(jobs, "reported job=820"
                + of.replace("state=pending raw_state=PENDING", "state=cancelled raw_state=CANCELLED"));
        assertThat(db.database.read("test", queries::count).newest().get("waiting"))
                .containsEntry(JobState.PENDING, 1L).containsEntry(JobState.CANCELLED, 4L);
    }

    @Test
    void aHeterogeneousJobIsShownAsAWholeByItsLeadersId() {
        arrays("het");
        Job whole = queries.findAsked(OPERATOR, "520", "het", null).orElseThrow();
        assertThat(whole.id()).isEqualTo("523");
        assertThat(whole.scheduler().hetJobOffset()).isEqualTo(1);
        assertThat(whole.hetJob()).isEqualTo(new HetJob("520", 2, 0, 1, 0, 1, 0));
        Job leader = queries.findAsked(OPERATOR, "510", "het", null).orElseThrow();
        assertThat(leader.id()).isEqualTo("510");
        assertThat(leader.hetJob()).isEqualTo(new HetJob("510", 2, 0, 2, 0, 0, 0));
        for (String one : List.of("520+1", "523", "511", "510+0", "500", "512")) {
            assertThat(queries.findAsked(OPERATOR, one, "het", null).orElseThrow().hetJob()).as(one).isNull();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            500               | 502 500 501
            500 state=failed  | 502
            500_7             | 501
            500_9             | 500
            501               | 501
            501.batch         | 501
            510               | 511 510
            510+1             | 511
            520               | 523 521
            520+1             | 523
            523+1             | 523
            9_1               | 9_1
            700_2             | 700
            700               | 700 704
            720_8             | 720
            710_4             | ""
            520+3             | ""
            0501              | 501
            4711              | ""
            """)
    void aListByAnIdHasAllThatItMeans(String asked, String ids) {
        if (queries.find(OPERATOR, "500", "listed", null).isEmpty()) {
            arrays("listed");
        }
        assertThat(ids(list("cluster=listed id=" + asked))).containsExactlyInAnyOrderElementsOf(split(ids));
        if (!asked.contains(" ")) {
            JobFilter filter = new JobFilter(Set.of(), null, null, null, null, null, null, asked, null);
            assertThat(list("cluster=listed").jobs().stream().filter(job -> filter.matches(JobTraits.of(job)))
                    .map(Job::id)).containsExactlyInAnyOrderElementsOf(split(ids));
        }
    }

    @Test
    void aSearchFindsTheFormsThatSlurmPrints() {
        arrays("searched");
        assertThat(ids(list("cluster=searched q=500_"))).containsExactly("502", "500", "501");
        assertThat(ids(list("cluster=searched q=520+"))).containsExactly("523", "521");
    }

    @Test
    void aJobThatMayStartInSeveralPartitionsIsInEach() {
        String of = " cluster=parts user=alice ";
        say(jobs, "reported job=1" + of + "at=09:00 state=pending raw_state=PENDING partition=short,long");
        say(jobs, "reported job=2" + of + "at=09:01 state=pending raw_state=PENDING partition=shortest");
        say(jobs, "reported job=3" + of + "at=09:02 state=pending raw_state=PENDING partition=short,long");
        say(jobs, "started job=3" + of + "nodes=n1 node=n1 start=09:10 at=09:10 partition=long");
        assertThat(ids(list("partition=short cluster=parts"))).containsExactly("1");
        assertThat(ids(list("partition=long cluster=parts"))).containsExactlyInAnyOrder("1", "3");
        assertThat(list("partition=long cluster=parts").total()).isEqualTo(2);
        assertThat(ids(list("partition=short,long cluster=parts"))).containsExactly("1");
        assertThat(ids(list("partition=ong cluster=parts"))).isEmpty();
        JobFilter filter = new JobFilter(Set.of(), null, null, null, "long", null, null, null, null);
        list("cluster=parts").jobs().forEach(job -> assertThat(filter.matches(JobTraits.of(job))).as(job.id())
                .isEqualTo(!job.id().equals("2")));
    }

    @Test
    void withoutAFilterAllRunsOfAllClustersAreListedNewestFirst() {
        assertThat(ids(list("cluster=zoo"))).containsExactly("7", "7", "6", "5", "4", "3", "2", "1");
        assertThat(list("cluster=elsewhere").jobs()).isEmpty();
        assertThat(list("").total()).isEqualTo(db.number("select count(*) from job"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            from=11:20:00                  | 7 7 6 5 1
            from=11:20:01                  | 7 7 6 1
            to=10:30:00                    | 2 1
            to=10:30:01                    | 3 2 1
            from=10:15:00 to=10:35:00      | 3 2 1
            from=10:25:00 to=10:28:00      | 1
            from=09:00:00 to=10:00:00      | ""
            from=09:00:00 to=10:00:01      | 1
            from=+2d10:00                  | 7 7 1
            """)
    void fromAndToLeaveTheRunsThatWereThereInBetween(String filter, String ids) {
        assertThat(ids(list(filter + " cluster=zoo"))).isEqualTo(split(ids));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            NEWEST_START | 7 7 6 5 4 3 2 1
            OLDEST_START | 1 2 3 4 5 6 7 7
            NEWEST_END   | 7 7 1 6 5 4 3 2
            OLDEST_END   | 2 3 4 5 6 1 7 7
            """)
    void aListIsSortedBothWaysAndRunsWithoutAnEndEndLast(JobSort sort, String ids) {
        JobPage page = queries.list(OPERATOR, filter("cluster=zoo", sort, 100, 0, null));

        assertThat(ids(page)).isEqualTo(split(ids));
    }

    @Test
    void offsetsPageThroughTheList() {
        assertThat(ids(queries.list(OPERATOR, filter("cluster=zoo", JobSort.NEWEST_START, 3, 0, null))))
                .containsExactly("7", "7", "6");
        JobPage second = queries.list(OPERATOR, filter("cluster=zoo", JobSort.NEWEST_START, 3, 3, null));
        assertThat(ids(second)).containsExactly("5", "4", "3");
        assertThat(second.total()).isEqualTo(8);
        assertThat(second.offset()).isEqualTo(3);
        assertThat(second.limit()).isEqualTo(3);
        assertThat(ids(queries.list(OPERATOR, filter("cluster=zoo", JobSort.NEWEST_START, 3, 6, null))))
                .containsExactly("2", "1");
        JobPage past = queries.list(OPERATOR, filter("cluster=zoo", JobSort.NEWEST_START, 3, 900, null));
        assertThat(past.jobs()).isEmpty();
        assertThat(past.total()).isEqualTo(8);
    }

    @Test
    void thereIsACursorIfAndOnlyIfThereIsMore() {
        for (int limit = 1; limit <= 9; limit++) {
            JobPage page = queries.list(OPERATOR, filter("cluster=zoo", JobSort.NEWEST_START, limit, 0, null));
            assertThat(page.nextCursor() != null).as("limit %d of 8", limit).isEqualTo(limit < 8);
        }
    }

    @ParameterizedTest
    @EnumSource(JobSort.class)
    void aCursorContinuesWhereThePageEndedThoughRunsWithoutAnEndAreAmongThem(JobSort sort) {
        List<String> whole = ids(queries.list(OPERATOR, filter("cluster=zoo", sort, 100, 0, null)));
        for (int limit = 1; limit <= 8; limit++) {
            List<String> paged = new ArrayList<>();
            String cursor = null;
            do {
                JobPage page = queries.list(OPERATOR, filter("cluster=zoo", sort, limit, 0, cursor));
                assertThat(page.total()).isEqualTo(8);
                assertThat(page.jobs()).hasSizeLessThanOrEqualTo(limit).isNotEmpty();
                paged.addAll(ids(page));
                cursor = page.nextCursor();
            } while (cursor != null);
            assertThat(paged).as("%s by %d", sort, limit).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @EnumSource(JobSort.class)
    void pagingByCursorMissesNoneAndRepeatsNoneWhileRunsAreAdded(JobSort sort) {
        String cluster = "busy_" + sort.name().toLowerCase(Locale.ROOT);
        // Several runs share each second, and each sixth has no end, so that the key must decide between them.
        insert(cluster, 0, 2_500);
        List<Long> old = keys(cluster);

        List<Long> paged = new ArrayList<>();
        String cursor = null;
        int added = 0;
        do {
            JobPage page = queries.list(OPERATOR, filter("cluster=" + cluster, sort, 100, 0, cursor));
            page.jobs().forEach(job -> paged.add(job.run()));
            cursor = page.nextCursor();
            insert(cluster, 2_500 + 40 * added, 40);
            added++;
        } while (cursor != null && added < 200);

        assertThat(added).isBetween(25, 199);
        assertThat(paged).doesNotHaveDuplicates().containsAll(old);
    }

    @ParameterizedTest
    @EnumSource(JobSort.class)
    void aCursorIsReadAsItWasGivenAndKeepsItsSort(JobSort sort) {
        String text = queries.list(OPERATOR, filter("cluster=zoo", sort, 3, 0, null)).nextCursor();

        JobCursor cursor = JobCursor.parse(text);

        assertThat(cursor.sort()).isEqualTo(sort);
        assertThat(cursor.text()).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "!!!", "LXN0YXJ0X3RpbWU", "c3RhcnRfdGltZXx5ZXN0ZXJkYXl8MQ",
            "c3RhcnRfdGltZXwyMDI2LTAzLTAyIDEwOjAwOjAwKzAwfDEnIG9yIHRydWU"})
    void whatIsNotACursorOfOursIsRefused(String text) {
        assertThatThrownBy(() -> JobCursor.parse(text)).isInstanceOf(ApiException.class)
                .hasMessageContaining("cursor must be the next_cursor of a response");
    }

    @ParameterizedTest
    @ValueSource(strings = {"2026-13-45 10:00:00+00", "2026-03-02 99:99:99+00", "2026-02-30 10:00:00+00",
            "2026-03-02 10.00+00"})
    void aTimeThatNoCalendarHasIsRefusedBeforeTheDatabaseSeesIt(String at) {
        String text = new JobCursor(JobSort.NEWEST_START, at, 1).text();

        assertThatThrownBy(() -> JobCursor.parse(text)).isInstanceOf(ApiException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"2026-03-02 10:00:00+00", "2026-03-02 10:00:00.123456+00", "2026-03-02 10:00:00.1+00",
            "1970-01-01 00:00:00+00", "infinity"})
    void aTimeAsPostgresqlWritesItIsTaken(String at) {
        JobCursor cursor = new JobCursor(JobSort.NEWEST_START, at, 1);

        assertThat(JobCursor.parse(cursor.text())).isEqualTo(cursor);
        assertThat(queries.list(OPERATOR,
                filter("cluster=none", JobSort.NEWEST_START, 3, 0, cursor.text())).jobs()).isEmpty();
    }

    @Test
    void runsOfAJobIdAreListedNewestFirstAndTheNewestIsFound() {
        List<Job> runs = queries.runs(OPERATOR, "7", "zoo");

        assertThat(runs).extracting(Job::startTime).containsExactly(Words.time("11:50:00"), Words.time("11:40:00"));
        assertThat(queries.find(OPERATOR, "7", "zoo", null)).contains(runs.getFirst());
        assertThat(queries.find(OPERATOR, "7", "zoo", runs.getLast().run())).contains(runs.getLast());
        assertThat(queries.find(OPERATOR, "7", "zoo", -1L)).isEmpty();
        assertThat(queries.find(OPERATOR, "7", "elsewhere", null)).isEmpty();
        assertThat(queries.runs(OPERATOR, "4294967295", null)).isEmpty();
    }

    @Test
    void whatIsNotKnownIsNotInvented() {
        Job onlyEnd = queries.find(OPERATOR, "6", "zoo", null).orElseThrow();
        assertThat(onlyEnd.user()).isNull();
        assertThat(onlyEnd.startTime()).isNull();
        assertThat(onlyEnd.runtimeSeconds()).isNull();
        assertThat(onlyEnd.seenOnlyAtEnd()).isTrue();
        assertThat(onlyEnd.allocatedCpus()).isNull();
        assertThat(onlyEnd.allocatedGpus()).isNull();
        assertThat(onlyEnd.oomKills()).isNull();
        assertThat(onlyEnd.cpuSeconds()).isNull();
        assertThat(onlyEnd.maxMemoryUsageMb()).isNull();

        Job lost = queries.runs(OPERATOR, "7", "zoo").getLast();
        assertThat(lost.endTime()).isNull();
        assertThat(lost.runtimeSeconds()).isNull();
    }

    @Test
    void whatTheSchedulerHasTakenBackIsShownNoMore() {
        String job = "reported job=1 cluster=takes-back user=alice start=10:00 state=running raw_state=RUNNING";
        say(jobs, job + " at=10:01 limit=60 deadline=11:00 why=Prolog");
        Job told = queries.find(OPERATOR, "1", "takes-back", null).orElseThrow();
        assertThat(told.scheduler().timeLimitMinutes()).isEqualTo(60);
        assertThat(told.deadline()).isEqualTo(Words.time("11:00"));
        assertThat(told.scheduler().stateReason()).isEqualTo("Prolog");
        say(jobs, job + " at=10:02 limit=none why=none");
        Job takenBack = queries.find(OPERATOR, "1", "takes-back", null).orElseThrow();
        assertThat(takenBack.scheduler().timeLimitMinutes()).isNull();
        assertThat(takenBack.deadline()).isNull();
        assertThat(takenBack.scheduler().stateReason()).isNull();
        assertThat(say(jobs, job + " at=10:03 limit=none why=none")).isEqualTo("skipped");
    }

    @Test
    void aRunningJobHasRunUntilNow() {
        Job running = queries.find(OPERATOR, "1", "zoo", null).orElseThrow();
        assertThat(running.runtimeSeconds()).isEqualTo(14 * 3600.0);
        assertThat(running.nodeCount()).isEqualTo(2);
        assertThat(running.confirmed()).isNull();
    }

    /** Runs as the table would hold them, without the cost of telling each by an event. */
    private static void insert(String cluster, int first, int count) {
        db.execute("""
                insert into job (recorded_at, cluster, job_id, start_seen, start_time, user_name, nodes, gpu_devices,
                    end_seen, end_time, oom_killed, superseded, requeued, state, newest)
                select now(), '%s', i::text, true, timestamptz '2026-03-02 10:00+00' + i / 7 * interval '1 s', 'alice',
                    '{n1}', '{}', i %% 6 <> 0, case when i %% 6 <> 0 then timestamptz '2026-03-02 11:00+00'
                    + i %% 50 * interval '1 s' end, false, false, false,
                    case when i %% 6 <> 0 then 'completed' else 'running' end, true
                from generate_series(%d, %d) i""".formatted(cluster, first, first + count - 1));
    }

    private static List<Long> keys(String cluster) {
        return db.texts("select job_key from job where cluster = '" + cluster + "'").stream().map(Long::valueOf)
                .toList();
    }

    private static JobPage list(String filter) {
        return queries.list(OPERATOR, filter(filter, JobSort.NEWEST_START, 1000, 0, null));
    }

    private static JobQueries.ListRequest filter(String text, JobSort sort, int limit, int offset,
            String cursor) {
        Words words = new Words(text);
        JobFilter which = new JobFilter(states(words.take("state")),
                constant(words.take("reason"), Reason.values()), words.take("user"), words.take("node"),
                words.take("partition"), words.take("account"), words.take("cluster"), words.take("id"),
                words.take("q"));
        JobQueries.ListRequest filter = new JobQueries.ListRequest(which, words.take("from", Words::time),
                words.take("to", Words::time), sort, limit, offset, cursor == null ? null : JobCursor.parse(cursor));
        words.noMore();
        return filter;
    }

    private static Set<JobState> states(String names) {
        return names == null
                ? Set.of()
                : Arrays.stream(names.split(",")).map(name -> constant(name, JobState.values()))
                        .collect(Collectors.toSet());
    }

    private static <E extends Enum<E>> E constant(String name, E[] all) {
        return name == null
                ? null
                : Arrays.stream(all).filter(one -> one.toString().equals(name)).findFirst().orElseThrow();
    }

    private static List<String> ids(JobPage page) {
        return page.jobs().stream().map(Job::id).toList();
    }

    private static List<String> split(String ids) {
        return ids.isEmpty() ? Collections.emptyList() : List.of(ids.split(" "));
    }
}
