package org.jobwitness.server.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.callerOf;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.access.Scope.Account;
import org.jobwitness.server.access.User;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.Words;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.Job;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whose a run is: by the database and without it, which must agree. */
class VisibilityTest {
    private static TestDatabase db;
    private static JobTable jobs;
    private static JobQueries queries;

    @BeforeAll
    static void open() {
        db = new TestDatabase();
        Clock clock = Clock.fixed(Words.time("+1d00:00"), ZoneOffset.UTC);
        jobs = new JobTable(db.database, new Json(), clock);
        queries = new JobQueries(db.database, new Json(), clock);
        start(1, "c1", "user=alice uid=1001", "physics");
        start(2, "c1", "user=alice", "physics");
        start(3, "c1", "user=bob uid=1002", "physics");
        start(4, "c1", "user=bob uid=1002", "biology");
        start(5, "c1", "user=1001 uid=1001", "physics");
        start(6, "c1", "user=nobody uid=1001", "biology");
        start(7, "c1", "user=nobody uid=1002", "biology");
        start(8, "c1", "user=1001", "biology");
        start(9, "c1", "user=nobody", "biology");
        start(21, "c2", "user=alice uid=2002", "physics");
        start(22, "c2", "user=carol uid=1001", "physics");
        start(23, "c2", "user=alice", "physics");
        start(31, "c1", "user=ad\\dave@x+y uid=1003", "");
        say(jobs, "finished job=40 cluster=c1 node=n1 nodes=n1 start=11:00:00 at=11:05:00");
    }

    private static void start(int id, String cluster, String user, String account) {
        say(jobs, "started job=" + id + " cluster=" + cluster + " " + user + " node=n1 nodes=n1 start=10:00:00"
                + (account.isEmpty() ? "" : " account=" + account));
    }

    @AfterAll
    static void close() {
        db.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            alice       | 1001 |    | ""         | 1 2 5 6 23
            alice       | 2002 |    | ""         | 2 21 23
            alice       | 1001 | c1 | ""         | 1 2 5 6
            alice       | 2002 | c2 | ""         | 21 23
            alice       |      |    | ""         | 1 2 21 23
            alice       |      | c1 | ""         | 1 2
                        | 1001 |    | ""         | 1 5 6 22
                        | 1001 | c2 | ""         | 22
                        | 9999 |    | ""         | ""
            bob         | 1002 |    | ""         | 3 4 7
            ad\\dave@x+y | 1003 |    | ""         | 31
            ad\\dave     | 1003 |    | ""         | ""
            nobody      | 65534 |   | ""         | 9
            1001        | 3000 |    | ""         | 8
            a%          |      |    | ""         | ""
            alice       | 1001 |    | c1:physics | 1 2 3 5 6 23
            bob         | 1002 |    | c1:physics | 1 2 3 4 5 7
            eve         | 1009 |    | c2:physics | 21 22 23
            eve         | 1009 |    | c1:biology,c2:physics | 4 6 7 8 9 21 22 23
            eve         | 1009 |    | c3:physics | ""
            """)
    void aUserSees(@Nullable String name, @Nullable Long uid, @Nullable String cluster, String coordinated,
            String ids) {
        Set<Account> accounts = Stream.of(coordinated.split(",")).filter(text -> !text.isEmpty())
                .map(text -> text.split(":")).map(pair -> new Account(pair[0], pair[1])).collect(Collectors.toSet());
        sees(new Scope.JobsOf(new User(name, uid, cluster), accounts), ids);
    }

    @Test
    void otherScopes() {
        sees(new Scope.Everything(), "1 2 3 4 5 6 7 8 9 21 22 23 31 40");
        sees(new Scope.Nothing(), "");
        sees(new Scope.OneRun(all(new Scope.Everything(), "3").getFirst().run()), "3");
        sees(new Scope.OneRun(-1), "");
    }

    private static List<Job> all(Scope scope, @Nullable String id) {
        return queries.list(callerOf(scope), new JobQueries.ListRequest(
                new JobFilter(Set.of(), null, null, null, null, null, null, id, null), null, null, JobSort.NEWEST_START,
                100, 0, null)).jobs();
    }

    private static void sees(Scope scope, String ids) {
        List<Integer> expected = Arrays.stream(ids.split(" ")).filter(id -> !id.isEmpty()).map(Integer::valueOf)
                .toList();
        assertThat(all(scope, null)).extracting(job -> Integer.valueOf(job.id()))
                .containsExactlyInAnyOrderElementsOf(expected);
        assertThat(all(new Scope.Everything(), null).stream()
                .filter(job -> Visibility.includes(scope, JobTraits.of(job)))).as("without the database")
                .extracting(job -> Integer.valueOf(job.id())).containsExactlyInAnyOrderElementsOf(expected);
    }
}
