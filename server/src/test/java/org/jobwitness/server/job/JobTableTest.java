package org.jobwitness.server.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jobwitness.server.testing.TestDatabase.OPERATOR;
import static org.jobwitness.server.testing.TestDatabase.callerOf;
import static org.jobwitness.server.testing.TestDatabase.evidence;
import static org.jobwitness.server.testing.TestDatabase.jobsOf;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobSort;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs and their audit trail in a real PostgreSQL. Each test has a job id of its own. */
class JobTableTest {
    private static final Clock CLOCK = Clock.fixed(Words.time("+30d12:00"), ZoneOffset.UTC);

    private static TestDatabase db;
    private static JobTable jobs;
    private static JobQueries queries;

    @BeforeAll
    static void open() {
        db = new TestDatabase();
        jobs = new JobTable(db.database, new Json(), CLOCK);
        queries = new JobQueries(db.database, new Json(), CLOCK);
    }

    @AfterAll
    static void close() {
        db.close();
    }

    @Test
    void whatIsSaidIsWhatIsRead() {
        assertThat(say(jobs, "started job=100 cluster=east sluid=s5K1KKYAYG5D00 start=10:00:00 at=10:00:01 node=n1"
                + " user=alice uid=1000 nodes=n1,n2 partition=batch account=proj1 het=99 restarts=2 deadline=11:00"
                + " cpus=72 memory_mb=4096 gpus=GPU-1,GPU-2 vendor=nvidia cgroup=/job_100")).isEqualTo("created");
        assertThat(say(jobs, "started job=100 cluster=east sluid=s5K1KKYAYG5D00 start=10:00:00 at=10:00:01 node=n2"
                + " user=alice nodes=n1,n2 gpus=GPU-3 vendor=nvidia cgroup=/job_100")).isEqualTo("updated");
        assertThat(say(jobs, "finished job=100 cluster=east sluid=s5K1KKYAYG5D00 start=10:00:00 at=10:05:00 node=n1"
                + " exit=1:0 derived=253 oom_kills=2 restarts=2")).isEqualTo("updated");

        Job job = job("100");
        assertThat(job).usingRecursiveComparison().ignoringFields("run").isEqualTo(new Job("100", 0, "east", "east",
                "alice", 1000L, List.of("n1", "n2"), 2, JobState.FAILED, Reason.OUT_OF_MEMORY, true,
                null, Words.time("10:00:00"), Words.time("10:05:00"), Words.time("11:00:00"), 300.0, null, null, null,
                null,
                72, 4096L, 3, null, null, null, null, 0, null, null, null, null, null, null, null, 2L, null,
                GpuVendor.NVIDIA,
                List.of("GPU-1", "GPU-2", "GPU-3"), unread(), "/job_100", null,
                new Json().object(Map.of("type", "slurm", "external_job_id", "100", "sluid", "s5K1KKYAYG5D00",
                        "partition", "batch", "account", "proj1", "exit_code", 1, "signal", 0, "derived_exit_code", 253,
                        "restart_count", 2, "het_job_id", "99"), Scheduler.class),
                null, null));
    }

    private static List<JobGpu> unread() {
        return Map.of("GPU-1", "n1", "GPU-2", "n1", "GPU-3", "n2").entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(gpu -> new JobGpu(gpu.getValue(), gpu.getKey(), GpuHold.UNREAD, null, GpuVendor.NVIDIA, null, 0,
                        null, null, null, null, null, null, null, null, null, null, null, null, null, null, Map.of()))
                .toList();
    }

    @Test
    void aRunReadBackIsTheRunThatWasStored() {
        List<Run> stored = new ArrayList<>();
        JobTable listening = new JobTable(db.database, new Json(), CLOCK);
        listening.onChange(change -> stored.add(change.after()));
        String common = " job=101 sluid=s5K1KKYAYG5D00 start=10:00:00 node=n1 ";
        say(listening, "started" + common + "at=10:00:01 user=alice uid=1000 nodes=n1,n2 partition=batch account=proj1"
                + " het=99 restarts=2 deadline=11:00 cpus=72 memory_mb=4096 gpus=0,1 vendor=amd cgroup=/job_101");
        say(listening, "finished" + common + "at=10:05:00 state=cancelled exit=1:9 derived=253 oom_kills=2 restarts=3");
        Run last = stored.getLast();

        say(listening, "started" + common + "at=10:00:01 user=bob nodes=n1,n2");
        assertThat(stored).as("a repetition finds the run as it is, so there is no change").hasSize(2);

        say(listening, "started" + common + "at=10:00:01 nodes=n1,n2,n3");
        assertThat(stored).hasSize(3);
        assertThat(stored.getLast()).usingRecursiveComparison().ignoringFields("attributes.nodes").isEqualTo(last);
    }

    @Test
    void aChangeWhoseAuditRowCannotBeWrittenIsNone() {
        say(jobs, "started job=110 start=10:00:00 node=n1 nodes=n1 user=alice");
        List<String> before = rows("110");
        db.execute("""
                create function refuse_110() returns trigger language plpgsql as
                    $$ begin if new.job_id like '110%' then raise exception 'no room'; end if; return new; end $$""");
        db.execute("create trigger refuse_110 before insert on audit for each row execute function refuse_110()");
        try {
            assertThatThrownBy(() -> say(jobs, "finished job=110 start=10:00:00 node=n1 at=10:05:00 exit=1:0"
                    + " oom_kills=3")).hasMessageContaining("no room");
            assertThatThrownBy(() -> say(jobs, "started job=1101 start=10:00:00 node=n1 nodes=n1 user=alice"))
                    .hasMessageContaining("no room");
        } finally {
            db.execute("drop trigger refuse_110 on audit");
        }

        assertThat(rows("110")).isEqualTo(before);
        assertThat(rows("1101")).isEmpty();
        assertThat(db.number("select count(*) from job_figures join job using (job_key) where job_id = '110'"))
                .isZero();
        assertThat(say(jobs, "finished job=110 start=10:00:00 node=n1 at=10:05:00 exit=1:0")).isEqualTo("updated");
    }

    @Test
    void everyChangeHasItsAuditRowAndARepetitionHasNone() {
        say(jobs, "started job=111 start=10:00:00 node=n1 nodes=n1 user=alice");
        say(jobs, "started job=111 start=10:00:00 node=n1 nodes=n1 user=alice");
        say(jobs, "finished job=111 start=10:00:00 node=n1 at=10:05:00 exit=1:0");
        say(jobs, "finished job=111 start=10:00:00 node=n1 at=10:05:00 exit=1:0");

        List<AuditEntry> trail = trail("111");
        assertThat(trail).extracting(AuditEntry::action).containsExactly("created", "updated");
        assertThat(trail.getLast().before()).containsOnly(Map.entry("state", "running"));
        assertThat(trail.getLast().after()).contains(Map.entry("state", "failed"), Map.entry("reason", "exit_code"),
                Map.entry("confirmed", true), Map.entry("end_time", "2026-03-02T10:05:00Z"), Map.entry("exit_code", 1));
        assertThat(trail).allSatisfy(entry -> {
            assertThat(entry.actor()).isEqualTo("tester");
            assertThat(entry.source()).isEqualTo("test");
            assertThat(entry.correlationId()).isEqualTo("correlation-1");
        });
    }

    @Test
    void whatIsSaidDifferentlyIsNotedOnceForAnEventThatIsRetried() {
        say(jobs, "started job=112 start=10:00:00 node=n1 nodes=n1,n2 user=alice");
        say(jobs, "finished job=112 start=10:00:00 node=n1 at=10:05:00 exit=1:0");
        Evidence differs = withEventId("finished job=112 start=10:00:00 node=n1 at=10:05:00 exit=2:0", "n1-7");

        assertThat(jobs.apply(OPERATOR, differs).status()).isEqualTo(EventResponse.Status.SKIPPED);
        assertThat(jobs.apply(OPERATOR, differs).status()).isEqualTo(EventResponse.Status.SKIPPED);

        List<AuditEntry> trail = trail("112");
        assertThat(trail).extracting(AuditEntry::action).containsExactly("created", "updated", "noted");
        assertThat(trail.getLast().eventId()).isEqualTo("n1-7");
        assertThat(trail.getLast().after()).containsOnlyKeys("exit_status");
        assertThat(job("112").scheduler().exitCode()).isEqualTo(1);
    }

    @Test
    void anEventThatChangesOneThingAndDiffersInAnotherLeavesBothInTheTrail() {
        say(jobs, "started job=113 start=10:00:00 node=n1 nodes=n1,n2 user=alice");
        say(jobs, "finished job=113 start=10:00:00 node=n1 at=10:05:00 exit=1:0");

        jobs.apply(OPERATOR, withEventId("finished job=113 start=10:00:00 node=n2 at=10:06:00 exit=2:0", "n2-7"));

        assertThat(trail("113")).extracting(AuditEntry::action).containsExactly("created", "updated", "updated",
                "noted");
    }

    @Test
    void aNewRunLendsNeitherNodesNorCpusToTheOneThatItFollows() {
        say(jobs, "started job=114 start=10:00:00 node=n1 nodes=n1 user=alice restarts=0");
        say(jobs, "started job=114 start=11:00:00 node=n2 nodes=n2 user=alice restarts=1");

        assertThat(db.texts("""
                select job.reason || ' ' || string_agg(node, ',' order by node) from job join job_node using (job_key)
                where job_id = '114' group by job_key, reason having reason is not null"""))
                .containsExactly("requeued n1");
        assertThat(queries.list(OPERATOR, filter("n2")).jobs()).filteredOn(job -> job.id().equals("114"))
                .extracting(Job::state).containsExactly(JobState.RUNNING);
    }

    @Test
    void theNewestFlagIsOnTheRunThatBeganLastInWhateverOrderRunsAreHeardOf() {
        for (String start : List.of("11:00:00", "10:00:00", "13:00:00", "12:00:00")) {
            say(jobs, "started job=115 node=n1 nodes=n1 user=alice start=" + start);
            assertThat(db.texts("select start_time::text from job where job_id = '115' and newest"))
                    .isEqualTo(db.texts("select max(start_time)::text from job where job_id = '115'"));
        }
        say(jobs, "started job=115 cluster=west node=n1 nodes=n1 user=alice start=09:00:00");
        assertThat(db.number("select count(*) from job where job_id = '115' and newest"))
                .as("one on each cluster").isEqualTo(2);
    }

    @Test
    void aRunThatTurnsOutToHaveBegunEarlierIsNoLongerTheNewest() {
        say(jobs, "finished job=116 sluid=s5K1KKYAYG5DAA node=n1 nodes=n1 at=10:05:30 exit=0:0");
        say(jobs, "started job=116 sluid=s5K1KKYAYG5DBB node=n2 nodes=n2 user=alice at=10:05:10");
        say(jobs, "started job=116 sluid=s5K1KKYAYG5DAA node=n1 nodes=n1 user=alice at=10:00:00");

        assertThat(db.texts("select sluid from job where job_id = '116' and newest"))
                .containsExactly("s5K1KKYAYG5DBB");
        assertThat(job("116").state()).isEqualTo(JobState.RUNNING);
    }

    @Test
    void listenersAreToldAfterTheCommitAndOfChangesOnly() {
        JobTable listening = new JobTable(db.database, new Json(), CLOCK);
        List<String> seen = new ArrayList<>();
        // Asked on another connection, the database shows what is committed.
        listening.onChange(change -> seen.add((change.before() == null) + " " + change.after().outcome().state() + " "
                + db.texts("select state from job where job_key = " + change.after().key())));

        say(listening, "started job=117 node=n1 nodes=n1 user=alice start=10:00:00");
        say(listening, "started job=117 node=n1 nodes=n1 user=alice start=10:00:00");
        say(listening, "finished job=117 node=n1 nodes=n1 start=10:00:00 at=10:05:00 exit=1:0");

        assertThat(seen).containsExactly("true running [running]", "false failed [failed]");
    }

    @Test
    void nobodyIsToldOfAChangeThatFailed() {
        JobTable listening = new JobTable(db.database, new Json(), CLOCK);
        List<JobChange> told = new ArrayList<>();
        listening.onChange(told::add);
        db.execute("create function refuse_118() returns trigger language plpgsql as"
                + " $$ begin if new.job_id = '118' then raise exception 'no room'; end if; return new; end $$");
        db.execute("create trigger refuse_118 before insert on audit for each row execute function refuse_118()");
        try {
            assertThatThrownBy(() -> say(listening, "started job=118 node=n1 nodes=n1 user=alice start=10:00:00"))
                    .hasMessageContaining("no room");
        } finally {
            db.execute("drop trigger refuse_118 on audit");
        }

        assertThat(told).isEmpty();
    }

    @Test
    void aReadingThatComesAgainOrLateDoesNotCountTwice() {
        for (int kills : List.of(1, 3, 2, 3)) {
            say(jobs, "finished job=119 node=n1 nodes=n1 start=10:00:00 at=10:05:00 exit=0:0 oom_kills=" + kills);
        }
        say(jobs, "finished job=119 node=n2 nodes=n1 start=10:00:00 at=10:05:00 exit=0:0 oom_kills=4");

        assertThat(job("119").oomKills()).isEqualTo(7);
    }

    @ParameterizedTest
    @ValueSource(strings = {"update audit set actor = 'somebody else'", "delete from audit", "truncate audit",
            "update %s set actor = 'somebody else'", "delete from %s", "truncate %s", "truncate audit, job cascade"})
    void theAuditTrailRefusesItsOwnerToo(String statement) {
        say(jobs, "started job=120 node=n1 nodes=n1 user=alice start=10:00:00");
        String partition = db.texts("select tableoid::regclass::text from audit limit 1").getFirst();
        assertThat(db.texts("select tableowner::text from pg_tables where tablename in ('audit', '" + partition
                + "') group by 1")).isEqualTo(db.texts("select current_user::text"));
        List<String> before = db.texts("select audit::text from audit order by audit_id");

        assertThatThrownBy(() -> db.execute(statement.formatted(partition)))
                .hasMessageContaining("the audit trail refuses");

        assertThat(db.texts("select audit::text from audit order by audit_id")).isEqualTo(before).isNotEmpty();
    }

    @Test
    void everyPartitionOfTheAuditTrailIsGuarded() {
        List<String> partitions = db.texts("select inhrelid::regclass::text from pg_inherits"
                + " where inhparent = 'audit'::regclass");
        assertThat(partitions).hasSizeGreaterThan(12);
        for (String partition : partitions) {
            assertThatThrownBy(() -> db.execute("truncate " + partition)).as(partition)
                    .hasMessageContaining("the audit trail refuses TRUNCATE");
        }
    }

    @Test
    void fiftySendersOfAJobsEventsLeaveOneTruthAndATrailThatTellsIt() throws Exception {
        List<String> lines = new ArrayList<>();
        for (int node = 1; node <= 10; node++) {
            String common = " job=130 start=10:00:00 user=alice nodes=n1,n2,n3,n4,n5,n6,n7,n8,n9,n10 node=n" + node;
            lines.add("started" + common + " at=10:00:0" + (node % 10) + " deadline=11:00 restarts=0 cpus=40 gpus="
                    + node);
            lines.add("finished" + common + " at=10:05:0" + (node % 10) + " exit=1:0 derived=253 restarts=0");
        }
        List<String> sent = new ArrayList<>();
        IntStream.range(0, 5).forEach(_ -> sent.addAll(lines));
        Collections.shuffle(sent, new Random(42));

        List<EventResponse.Status> answers = atOnce(50, sent);

        assertThat(answers).filteredOn(status -> status == EventResponse.Status.CREATED
                || status == EventResponse.Status.ACCEPTED).hasSize(1);
        List<AuditEntry> trail = trail("130");
        assertThat(trail).extracting(AuditEntry::action).containsOnlyOnce("created").containsOnly("created",
                "updated", "noted");
        assertThat(db.texts("select count(*)::text from job where job_id = '130'")).containsExactly("1");
        Job job = job("130");
        assertThat(job.state()).isEqualTo(JobState.FAILED);
        assertThat(job.endTime()).isEqualTo(Words.time("10:05:09"));
        assertThat(job.gpuDevices()).hasSize(10);
        assertThat(replayed(trail)).containsAllEntriesOf(audited(job)).containsKeys("node n1 ended", "node n10 ended")
                .containsEntry("node n7 gpu_devices", List.of("7"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"start=10:00:00", "sluid=s5K1KKYAYG5D00", "user=alice"})
    void fiftyFirstWordsOfAJobNobodyKnowsMakeOneRun(String name) throws Exception {
        for (int round = 0; round < 5; round++) {
            String id = "14" + round + name.length();
            String line = "started job=" + id + " nodes=n1 node=n1 at=10:00:01 " + name;

            List<EventResponse.Status> answers = atOnce(50, Collections.nCopies(50, line));

            assertThat(answers).containsOnlyOnce(EventResponse.Status.CREATED).containsOnly(
                    EventResponse.Status.CREATED,
                    EventResponse.Status.SKIPPED);
            assertThat(db.number("select count(*) from job where job_id = '" + id + "'")).isOne();
            assertThat(trail(id)).extracting(AuditEntry::action).containsExactly("created");
        }
    }

    @Test
    void aUserSeesOnlyTheirOwnJobs() {
        say(jobs, "started job=150 cluster=scoped user=alice node=n1 nodes=n1 start=10:00:00");
        say(jobs, "started job=150 cluster=scoped user=bob node=n1 nodes=n1 start=11:00:00");
        say(jobs, "started job=151 cluster=scoped user=bob node=n1 nodes=n1 start=11:00:00");
        say(jobs, "finished job=152 cluster=scoped node=n1 nodes=n1 start=11:00:00 at=11:05:00");
        var alice = callerOf(jobsOf("alice"));
        JobQueries.ListRequest all = request(
                new JobFilter(Set.of(), null, null, null, null, null, "scoped", null, null));

        assertThat(queries.list(alice, all).jobs()).extracting(Job::user).containsExactly("alice");
        assertThat(queries.list(alice, all).total()).isEqualTo(1);
        assertThat(queries.list(OPERATOR, all).total()).isEqualTo(4);
        assertThat(queries.find(alice, "150", null, null).map(Job::user)).contains("alice");
        long bobsRun = queries.find(OPERATOR, "150", null, null).orElseThrow().run();
        assertThat(queries.find(alice, "150", null, bobsRun)).isEmpty();
        assertThat(queries.runs(alice, "150", null)).extracting(Job::user).containsExactly("alice");
        assertThat(queries.runs(OPERATOR, "150", null)).extracting(Job::user).containsExactly("bob", "alice");
        assertThat(queries.find(alice, "151", null, null)).isEmpty();
        assertThat(queries.find(alice, "152", null, null)).as("whose owner is not known").isEmpty();
        assertThat(queries.runs(alice, "151", "scoped")).isEmpty();
    }

    @Test
    void whoSharesAGpuIsNamedOnlyToThoseWhoMaySeeThem() {
        say(jobs, "started job=160 cluster=sharing user=alice node=n1 nodes=n1 start=10:00:00");
        say(jobs, "started job=161 cluster=sharing user=bob node=n1 nodes=n1 start=10:00:00");
        db.database.write("test", handle -> handle.execute("""
                insert into job_gpu_figures (job_key, node, gpu, sample_count, last_sample_at, utilization_sum,
                    utilization_count, held_from, hold, jobs)
                select job_key, 'n1', 'GPU-1', 0, now(), 0, 0, now(), 'shared', '{160,161}' from job
                where cluster = 'sharing' and job_id in ('160', '161')"""));

        var alice = callerOf(jobsOf("alice"));
        assertThat(queries.find(alice, "160", null, null).orElseThrow().gpus()).singleElement()
                .satisfies(gpu -> assertThat(gpu.jobs()).containsExactly("160"));
        assertThat(queries.find(OPERATOR, "160", null, null).orElseThrow().gpus()).singleElement()
                .satisfies(gpu -> assertThat(gpu.jobs()).containsExactly("160", "161"));
        assertThat(queries.find(alice, "161", null, null)).isEmpty();
    }

    private static List<EventResponse.Status> atOnce(int senders, List<String> lines) throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        try (ExecutorService threads = Executors.newFixedThreadPool(senders)) {
            List<Future<EventResponse.Status>> answers = new ArrayList<>();
            for (String line : lines) {
                Evidence evidence = evidence(line);
                answers.add(threads.submit(() -> {
                    start.await();
                    return jobs.apply(OPERATOR, evidence).status();
                }));
            }
            start.countDown();
            List<EventResponse.Status> statuses = new ArrayList<>();
            for (Future<EventResponse.Status> answer : answers) {
                statuses.add(answer.get(60, TimeUnit.SECONDS));
            }
            return statuses;
        }
    }

    /** What the trail says is true in the end. */
    private static Map<String, Object> replayed(List<AuditEntry> trail) {
        Map<String, Object> fields = new TreeMap<>();
        for (AuditEntry entry : trail) {
            if (!entry.action().equals("noted")) {
                Map<String, Object> before = entry.before() == null ? Map.of() : entry.before();
                assertThat(fields).as("before audit row %d", entry.id()).containsAllEntriesOf(before);
                before.keySet().forEach(fields::remove);
                fields.putAll(entry.after() == null ? Map.of() : entry.after());
            }
        }
        return fields;
    }

    private static Map<String, Object> audited(Job job) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("state", job.state().toString());
        fields.put("reason", String.valueOf(job.reason()));
        fields.put("confirmed", job.confirmed());
        fields.put("start_time", String.valueOf(job.startTime()));
        fields.put("end_time", String.valueOf(job.endTime()));
        fields.put("deadline", String.valueOf(job.deadline()));
        fields.put("user", job.user());
        fields.put("nodes", job.nodes());
        fields.put("allocated_cpus", job.allocatedCpus());
        fields.put("exit_code", job.scheduler().exitCode());
        fields.put("signal", job.scheduler().signal());
        fields.put("derived_exit_code", job.scheduler().derivedExitCode());
        fields.put("restart_count", job.scheduler().restartCount());
        return fields;
    }

    private static Evidence withEventId(String line, String eventId) {
        Evidence.Ended ended = (Evidence.Ended) evidence(line);
        return new Evidence.Ended(ended.identity(), ended.at(), ended.onNode(), ended.attributes(), ended.cpusOfNodes(),
                eventId, ended.end(), ended.reading());
    }

    private static JobQueries.ListRequest filter(String node) {
        return request(new JobFilter(Set.of(), null, null, node, null, null, null, null, null));
    }

    private static JobQueries.ListRequest request(JobFilter filter) {
        return new JobQueries.ListRequest(filter, null, null, JobSort.NEWEST_START, 1000, 0, null);
    }

    private static Job job(String id) {
        return queries.find(OPERATOR, id, null, null).orElseThrow();
    }

    private static List<AuditEntry> trail(String id) {
        return queries.audit(OPERATOR, id, null, null, 0, 10_000);
    }

    private static List<String> rows(String id) {
        return db.texts("select job::text || coalesce(job_node::text, '') from job left join job_node using (job_key)"
                + " where job_id = '" + id + "' order by 1");
    }
}
