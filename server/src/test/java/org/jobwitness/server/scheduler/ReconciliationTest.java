package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Coordinators;
import org.jobwitness.server.access.User;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.node.SeenJobs;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.server.scheduler.FakeSlurm.FakeJob;
import org.jobwitness.server.scheduler.FakeSlurmrestd.Mood;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of runs when Slurm is asked, in the shapes of several versions; the database is a real one, and so is the HTTP. */
@ParameterizedClass
@ValueSource(ints = {39, 45})
class ReconciliationTest {
    private static final Caller AGENT = Caller.program("agent", "slurm-epilog", "c-1");
    private static final Instant T = Instant.parse("2026-11-23T10:00:00Z");
    private static final Duration ROUND = Duration.ofSeconds(20);
    private static final String RUNS = """
            select concat_ws(' ', state, reason, confirmed, to_char(start_time, 'HH24:MI:SS'), '-',
                to_char(end_time, 'HH24:MI:SS')) from job where job_id = '%s' order by listed_at, job_key""";

    @Parameter
    int version;
    private final AtomicReference<Instant> now = new AtomicReference<>(T.plusSeconds(120));
    private final Clock clock = new Clock() {
        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Instant instant() {
            return now.get();
        }
    };
    private final PrometheusRegistry metrics = new PrometheusRegistry();
    private final FakeSlurm slurm = new FakeSlurm();
    private FakeSlurmrestd fake;
    private Database database;
    private JobTable jobs;
    private NodeTable nodes;
    private Events events;
    private Reconciliation reconciliation;

    @BeforeEach
    void open() throws IOException {
        fake = FakeSlurmrestd.onPort(slurm, version);
        database = TestPostgres.open(TestPostgres.freshDatabase(),
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
        jobs = new JobTable(database, new Json(), clock);
        nodes = new NodeTable(database, new Json());
        events = new Events(jobs, new Json(), "rig", clock, new PrometheusRegistry());
        reconciliation = server(metrics);
    }

    private Reconciliation server(PrometheusRegistry registry) {
        return new Reconciliation(
                new Slurmrestd(SlurmAddress.parse(fake.url()), new AuthToken.Fixed("t0ken"), Optional.empty(),
                        Optional.empty(), Duration.ofSeconds(2)),
                Duration.ofSeconds(15), database, jobs, nodes, new Json(), "rig", clock, registry);
    }

    @AfterEach
    void close() throws IOException {
        reconciliation.close();
        database.close();
        fake.close();
    }

    @Test
    void jobsThatNoAgentSeesAreCountedWithTheNodesThatAreSilent() throws InterruptedException {
        for (String id : List.of("1", "2", "3", "4")) {
            slurm.controller.put(id, FakeJob.waiting(id, T).runs("n" + id, T.plusSeconds(60)));
        }
        slurm.controller.put("5", FakeJob.waiting("5", T).runs("n5", T.plusSeconds(60)).is("COMPLETED COMPLETING"));
        rounds(1);
        SeenJobs seenJobs = new SeenJobs(database, clock);
        assertThat(seenJobs.problem()).as("they have not run for long").isEmpty();

        now.set(T.plusSeconds(60).plus(SeenJobs.WINDOW));
        database.write("test", handle -> {
            for (String id : List.of("1", "2")) {
                handle.execute("insert into job_figures (job_key, node, last_sample_at) select job_key, 'n" + id
                        + "', timestamptz '" + now.get().minusSeconds("1".equals(id) ? 20 : 400)
                        + "' from job where job_id = '" + id + "'");
            }
            return handle
                    .execute("insert into node (cluster, node, at) values ('rig', 'n1', '%1$s'), ('rig', 'n3', '%1$s')"
                            .formatted(now.get().minusSeconds(15))
                            + " on conflict (cluster, node) do update set at = excluded.at");
        });
        assertThat(seenJobs.all()).containsExactly(
                new SeenJobs.Seen("rig", 4, 1, List.of("n2", "n4"), List.of("3"), List.of()));
        assertThat(seenJobs.problem()).contains("rig: Jobs running according to Slurm: 4; seen by agents: 1;"
                + " nodes without word: n2, n4; not seen though their nodes report: job 3");
    }

    private void rounds(int count) throws InterruptedException {
        assertThat(OneTurn.take(database, "scheduler", turn -> {
            for (int i = 0; i < count; i++) {
                now.set(now.get().plus(ROUND));
                reconciliation.round(turn);
            }
        })).as("the rounds are done").isTrue();
    }

    private void prolog(String job, Instant start, int restarts, String node) {
        events.apply(AGENT, new JobStarted(job, "alice", List.of(node), start, node, 1001L, null, null, null, null,
                List.of(), null, "batch", "proj1", "rig", null, start, start.plusSeconds(3600), restarts, null, "4",
                null, "p-" + job + start));
    }

    private void epilog(String job, Instant start, Instant end, int restarts) {
        events.apply(AGENT, new JobFinished(job, null, null, null, 0, 0, end, "n1", "rig", null, start, restarts,
                "alice", 1001L, List.of("n1"), "4", "batch", "proj1", null, null, "e-" + job + start));
    }

    private List<String> texts(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }

    private List<String> runs(String job) {
        return texts(RUNS.formatted(job));
    }

    private String scheduler(String job, String word) {
        return texts("select scheduler ->> '%s' from job where job_id = '%s' and newest".formatted(word, job))
                .getFirst();
    }

    @Test
    void aJobThatNoHookTellsOfIsKnownFromItsWaitingOn() throws Exception {
        FakeJob job = FakeJob.waiting("12", T);
        slurm.put(job);
        rounds(1);
        assertThat(runs("12")).containsExactly("pending -");
        assertThat(scheduler("12", "name")).isEqualTo("lammps");
        assertThat(scheduler("12", "submit_time")).isEqualTo("2026-11-23T10:00:00Z");
        assertThat(scheduler("12", "time_limit_minutes")).isEqualTo("60");
        slurm.put(job.runs("n[1-2]", T.plusSeconds(30)).with("gpu:a100:2(IDX:0-1);gpu:a100:1(IDX:3)"));
        rounds(1);
        assertThat(runs("12")).containsExactly("running 10:00:30 -");
        assertThat(texts("select concat_ws(' ', node, gpus, gpu_devices) from job_node order by node"))
                .containsExactly("n1 2 {0,1}", "n2 1 {3}");
        assertThat(texts("select concat_ws(' ', user_name, uid, nodes, cpus, memory_mb, requested_memory_mb, deadline)"
                + " from job"))
                .containsExactly("alice 1001 {n1,n2} 4 8192 8192 2026-11-23 11:00:30+00");
        FakeJob ended = job.runs("n[1-2]", T.plusSeconds(30)).ended("FAILED", T.plusSeconds(90), 3, 0);
        slurm.put(ended);
        slurm.books.add(ended);
        rounds(4);
        assertThat(runs("12")).containsExactly("failed exit_code t 10:00:30 - 10:01:30");
        assertThat(texts("select concat(exit_code, ':', exit_signal) from job")).containsExactly("3:0");
        assertThat(texts("select distinct actor || ' ' || source from audit")).containsExactly("scheduler slurmrestd");
    }

    @Test
    void anEpilogThatCannotKnowIsCorrectedAndTheAuditTrailSaysByWhom() throws Exception {
        record End(String id, String words, String killedBy, String becomes) {
        }
        List<End> ends = List.of(new End("1", "TIMEOUT", "", "failed timeout t"),
                new End("2", "CANCELLED", "alice", "cancelled cancelled_by_user t"),
                new End("3", "CANCELLED", "root", "cancelled cancelled_by_admin t"),
                new End("4", "OUT_OF_MEMORY", "", "failed out_of_memory t"),
                new End("5", "PREEMPTED", "", "cancelled preempted t"),
                new End("6", "NODE_FAIL", "", "failed node_failure t"),
                new End("7", "COMPLETED", "", "completed t"));
        for (End end : ends) {
            prolog(end.id(), T, 0, "n1");
            epilog(end.id(), T, T.plusSeconds(60), 0);
            assertThat(runs(end.id())).containsExactly("completed unknown f 10:00:00 - 10:01:00");
            FakeJob job = FakeJob.waiting(end.id(), T).runs("n1", T).ended(end.words(), T.plusSeconds(60), 0, 0)
                    .killedBy(end.killedBy());
            slurm.put(job);
            slurm.books.add(job);
        }
        rounds(2);
        for (End end : ends) {
            assertThat(runs(end.id())).containsExactly(end.becomes() + " 10:00:00 - 10:01:00");
        }
        assertThat(scheduler("3", "cancelled_by")).isEqualTo("root");
        assertThat(texts("""
                select concat_ws(' ', actor, source, before ->> 'reason', after ->> 'reason') from audit
                where job_id = '1' and action = 'updated' and after ->> 'reason' is not null
                order by audit_id desc limit 1"""))
                .containsExactly("scheduler slurmrestd unknown timeout");
        long lines = texts("select audit_id::text from audit").size();
        rounds(4);
        assertThat(texts("select audit_id::text from audit")).as("nothing is said twice").hasSize((int) lines);
    }

    @Test
    void whoCancelledIsNotForgottenWhenSlurmForgetsIt() throws Exception {
        FakeJob job = FakeJob.waiting("4", T).runs("n1", T).ended("CANCELLED", T.plusSeconds(60), 0, 0)
                .killedBy("alice");
        slurm.put(job);
        rounds(1);
        slurm.books.add(job);
        rounds(4);
        assertThat(runs("4")).containsExactly("cancelled cancelled_by_user t 10:00:00 - 10:01:00");
        slurm.books.set(0, job.killedBy("").ended("CANCELLED", T.plusSeconds(60), 0, 15));
        rounds(4);
        assertThat(runs("4")).containsExactly("cancelled cancelled_by_user t 10:00:00 - 10:01:00");
    }

    @Test
    void aRequeueMakesTwoRunsWithTheirOwnEnds() throws Exception {
        FakeJob first = FakeJob.waiting("3", T).runs("n1", T);
        slurm.put(first);
        prolog("3", T, 0, "n1");
        rounds(1);
        slurm.put(first.requeued(T.plusSeconds(60)));
        slurm.books.add(first.ended("PENDING+REQUEUED", T.plusSeconds(60), 0, 0));
        rounds(1);
        assertThat(runs("3")).containsExactlyInAnyOrder("pending -",
                version < 40
                        ? "cancelled requeued f 10:00:00 -" // slurmdbd cannot be asked for it
                        : "cancelled requeued f 10:00:00 -");
        epilog("3", T, T.plusSeconds(60), 1);
        rounds(4);
        if (version >= 40) {
            assertThat(runs("3")).contains("cancelled requeued t 10:00:00 - 10:01:00");
        }
        FakeJob second = first.requeued(T.plusSeconds(60)).runs("n2", T.plusSeconds(700));
        slurm.put(second);
        rounds(1);
        FakeJob ended = second.ended("COMPLETED", T.plusSeconds(760), 0, 0);
        slurm.put(ended);
        slurm.books.add(ended);
        rounds(2);
        assertThat(runs("3")).containsExactly(
                (version < 40 ? "cancelled requeued f" : "cancelled requeued t") + " 10:00:00 - 10:01:00",
                "completed t 10:11:40 - 10:12:40");
    }

    private List<String> onNodes(String job) {
        return texts("select concat_ws(' ', node, job_node.cpus, case when ended then 'ended' end) from job_node"
                + " join job using (job_key) where job_id = '" + job + "' order by node");
    }

    @Test
    void aJobThatOnlySlurmsRecordShowsToBeSmallerHasFewerCpusAndNodes() throws Exception {
        events.apply(AGENT, new JobStarted("8", "alice", List.of("n[1-4]"), T, "n1", 1001L, null, null, null, null,
                List.of(), null, "batch", "proj1", "rig", null, T, T.plusSeconds(3600), 0, null, "2(x4)", null, "p-8"));
        FakeJob job = FakeJob.waiting("8", T).runs("n[1-4]", T);
        slurm.put(job);
        rounds(1);
        assertThat(onNodes("8")).containsExactly("n1 2", "n2 2", "n3 2", "n4 2");
        assertThat(texts("select cpus::text from job")).as("the prolog's").containsExactly("8");
        slurm.put(job.runs("n[1-2]", T).is("RUNNING COMPLETING"));
        now.set(now.get().plus(Duration.ofMinutes(6)));
        rounds(1);
        assertThat(onNodes("8")).as("slurmctld lists the nodes on which it still completes")
                .containsExactly("n1 2", "n2 2", "n3 2", "n4 2");
        slurm.put(job.runs("n[1-2]", T));
        now.set(now.get().plus(Duration.ofMinutes(6)));
        rounds(1);
        assertThat(onNodes("8")).containsExactly("n1 2", "n2 2", "n3 2 ended", "n4 2 ended");
        assertThat(texts("select cpus::text from job")).containsExactly("4");
        observed("8", "n4");
        assertThat(onNodes("8")).containsExactly("n1 2", "n2 2", "n3 2 ended", "n4 2 ended");
        slurm.put(job.runs("n[1-2,7]", T));
        now.set(now.get().plus(Duration.ofMinutes(6)));
        rounds(1);
        assertThat(onNodes("8")).as("it got another one")
                .containsExactly("n1 2", "n2 2", "n3 2 ended", "n4 2 ended", "n7");
    }

    private void observed(String job, String node) {
        jobs.observe(AGENT, new Evidence.Observed(new Identity("rig", job, null, null), T.plusSeconds(1), true,
                new NodeAllocation(node, null, null, List.of(), "/job_" + job, false),
                JobAttributes.of("alice", 1001L, List.of(node)), false));
    }

    @Test
    void aNodeThatOnlyAnAgentNamesIsNoneOfTheJobWhoseNodesSlurmTells() throws Exception {
        observed("9", "host5");
        assertThat(onNodes("9")).as("nobody says better").containsExactly("host5");
        slurm.put(FakeJob.waiting("9", T).runs("n5", T));
        rounds(1);
        assertThat(onNodes("9")).containsExactly("n5 4");
        observed("9", "host5");
        assertThat(onNodes("9")).containsExactly("n5 4");
        assertThat(texts("select concat_ws(' ', nodes, cpus) from job")).containsExactly("{n5} 4");

        database.write("test", handle -> handle.execute("insert into job_figures (job_key, node, first_sample_at,"
                + " last_sample_at, last_interval_ms, cpu_count, latest) select job_key, 'host5', '%1$s', '%1$s', 15000, 1,"
                        .formatted(now.get())
                + " array[null, 50, null, null, 4]::float8[] from job"));
        assertThat(database.read("test", handle -> RunUse.onNodes(handle,
                handle.createQuery("select job_key from job").mapTo(Long.class).one(), now.get())).stream()
                .map(on -> on.node() + " " + on.cpus())).containsExactly("host5 NaN", "n5 4.0");
        now.set(T.plusSeconds(60).plus(SeenJobs.WINDOW));
        assertThat(new SeenJobs(database, clock).problem()).contains("rig: Jobs running according to Slurm: 1; seen by"
                + " agents: 1; nodes without word: n5; agents whose name is not Slurm's name of the node, for which"
                + " JOBWITNESS_NODE is to be set: host5");
    }

    @Test
    void theRecordsOfAJobThatGaveUpANodeAreOneRun() throws Exception {
        prolog("8", T, 0, "n1");
        epilog("8", T, T.plusSeconds(60), 0);
        FakeJob submitted = FakeJob.waiting("8", T.minusSeconds(5));
        slurm.books.add(submitted.runs("n[1-2]", T).ended("PENDING+RESIZING", T.plusSeconds(30), 0, 0));
        slurm.books.add(submitted.runs("n1", T.plusSeconds(30)).ended("FAILED", T.plusSeconds(60), 3, 0));
        rounds(4);
        assertThat(runs("8")).containsExactly(
                (version < 40 ? "failed unknown t" : "failed exit_code t") + " 10:00:00 - 10:01:00");
    }

    @Test
    void theRunThatANodeFailureRequeuesIsCancelledForThat() throws Exception {
        FakeJob first = FakeJob.waiting("7", T).runs("n1", T);
        slurm.put(first);
        rounds(1);
        slurm.books.add(first.ended("NODE_FAIL", T.plusSeconds(60), 1, 0));
        FakeJob second = first.requeued(T.plusSeconds(60)).runs("n2", T.plusSeconds(700));
        slurm.put(second);
        rounds(4);
        assertThat(runs("7")).containsExactly("cancelled node_failure t 10:00:00 - 10:01:00", "running 10:11:40 -");
    }

    @Test
    void whatEndedWhileNobodyListenedIsLearnedFromTheBooks() throws Exception {
        prolog("21", T, 0, "n1");
        slurm.books.add(FakeJob.waiting("21", T).runs("n1", T).ended("TIMEOUT", T.plusSeconds(3600), 0, 0));
        slurm.books.add(FakeJob.waiting("22", T).runs("n1", T).ended("COMPLETED", T.plusSeconds(60), 0, 0));
        slurm.books.add(FakeJob.waiting("23", T).ended("CANCELLED", T.plusSeconds(60), 0, 0).killedBy("alice"));
        now.set(T.plus(Duration.ofHours(20)));
        rounds(1);
        assertThat(runs("21")).containsExactly("failed timeout t 10:00:00 - 11:00:00");
        assertThat(runs("22")).containsExactly("completed t 10:00:00 - 10:01:00");
        assertThat(runs("23")).as("it never began").containsExactly("cancelled cancelled_by_user t - 10:01:00");
        assertThat(fake.calls("&end_time=")).as("an hour at a time").hasSize(24);
        rounds(4);
        assertThat(fake.calls("&end_time=")).as("from there on, once a minute").hasSizeLessThanOrEqualTo(26);
    }

    @Test
    void whatSlurmdbdHearsHoursLateIsStillLearned() throws Exception {
        for (String id : List.of("24", "25")) {
            prolog(id, T, 0, "n1");
            epilog(id, T, T.plusSeconds(60), 0);
        }
        FakeJob cancelled = FakeJob.waiting("26", T).runs("n1", T).ended("CANCELLED", T.plusSeconds(60), 0, 0);
        slurm.put(cancelled);
        now.set(T.plus(Duration.ofMinutes(30)));
        rounds(2);
        slurm.forget("26");
        int calls = fake.calls("step=").size();
        slurm.books.add(FakeJob.waiting("24", T).runs("n1", T).ended("TIMEOUT", T.plusSeconds(60), 0, 0));
        slurm.books.add(cancelled.killedBy("root"));
        rounds(4);
        assertThat(fake.calls("step=")).as("it is asked once an hour").hasSize(calls);
        assertThat(runs("24")).containsExactly("completed unknown f 10:00:00 - 10:01:00");
        assertThat(runs("26")).containsExactly("cancelled cancelled t 10:00:00 - 10:01:00");
        now.set(T.plus(Duration.ofHours(2)));
        rounds(1);
        assertThat(runs("24")).containsExactly("failed timeout t 10:00:00 - 10:01:00");
        assertThat(runs("26")).containsExactly("cancelled cancelled_by_admin t 10:00:00 - 10:01:00");
        now.set(T.plus(Duration.ofHours(4)));
        rounds(1);
        assertThat(fake.calls("step=").getLast()).as("of what is known, it is not asked again")
                .contains("step=25").doesNotContain("step=24", "step=26");
        now.set(T.plus(Duration.ofDays(8)));
        int asked = fake.calls("step=").size();
        rounds(1);
        assertThat(fake.calls("step=")).as("nor after a week").hasSize(asked);
    }

    @Test
    void ofManyEndsThatWereNotToldAThousandAreAskedForInAMinute() throws Exception {
        rounds(1);
        database.write("test", handle -> handle.createUpdate("""
                insert into job (recorded_at, cluster, job_id, start_seen, nodes, gpu_devices, start_time, end_time,
                    end_seen, state, confirmed, oom_killed, superseded, requeued, newest)
                select :start, 'rig', id, true, '{}', '{}', :start, :end, true, 'completed', false, false, false, false,
                    true
                from generate_series(1, 1050) as id""").bind("start", T).bind("end", T.plusSeconds(60)).execute());
        now.set(T.plus(Duration.ofMinutes(130)));
        rounds(1);
        assertThat(fake.calls("step=")).hasSize(10);
        rounds(4);
        assertThat(fake.calls("step=")).hasSize(11);
    }

    @Test
    void moreTimeThatIsGivenToARunningJobIsLearned() throws Exception {
        FakeJob job = FakeJob.waiting("32", T).runs("n1", T);
        prolog("32", T, 0, "n1");
        slurm.put(job);
        rounds(1);
        slurm.put(job.limitedTo(600).named("renamed"));
        rounds(1);
        assertThat(scheduler("32", "time_limit_minutes")).as("it was looked at a moment ago").isEqualTo("60");
        now.set(now.get().plusSeconds(300));
        rounds(1);
        assertThat(scheduler("32", "time_limit_minutes")).isEqualTo("600");
        assertThat(scheduler("32", "name")).isEqualTo("renamed");
        assertThat(texts("select deadline::text from job")).containsExactly("2026-11-23 20:00:00+00");
        assertThat(texts("""
                select before ->> 'scheduler.time_limit_minutes' || ' ' || (after ->> 'scheduler.time_limit_minutes')
                from audit where after ->> 'deadline' is not null and action = 'updated'"""))
                .containsExactly("60 600");
        int lines = texts("select audit_id::text from audit").size();
        int calls = fake.calls("/job/").size();
        now.set(now.get().plusSeconds(300));
        rounds(3);
        assertThat(texts("select audit_id::text from audit")).as("nothing is said twice").hasSize(lines);
        assertThat(fake.calls("/job/")).hasSize(calls + (version < 40 ? 0 : 1));
        slurm.put(job.limitedTo(600).ended("COMPLETED+COMPLETING", T.plusSeconds(700), 0, 0));
        rounds(1);
        assertThat(texts("select raw_state || ' ' || deadline from job")).as("its end is no deadline")
                .containsExactly((version < 40 ? "COMPLETING" : "COMPLETED+COMPLETING") + " 2026-11-23 20:00:00+00");
    }

    @Test
    void aTimeLimitThatIsTakenAwayIsGoneAndComesBackWithANewOne() throws Exception {
        FakeJob job = FakeJob.waiting("33", T).runs("n1", T);
        prolog("33", T, 0, "n1");
        slurm.put(job);
        rounds(1);
        slurm.put(job.limitedTo(null));
        now.set(now.get().plusSeconds(300));
        rounds(1);
        assertThat(scheduler("33", "time_limit_minutes")).isNull();
        assertThat(texts("select deadline::text from job")).containsOnlyNulls();
        assertThat(texts("select before ->> 'scheduler.time_limit_minutes' || ' ' || (before ->> 'deadline')"
                + " || coalesce(after::text, '') from audit where before ->> 'deadline' is not null"))
                .containsExactly("60 2026-11-23T11:00:00Z");
        int lines = texts("select audit_id::text from audit").size();
        now.set(now.get().plusSeconds(300));
        prolog("33", T, 0, "n2");
        rounds(1);
        assertThat(texts("select deadline::text from job")).as("what a prolog was told before").containsOnlyNulls();
        assertThat(texts("select audit_id::text from audit")).as("nothing is said twice, but of the node")
                .hasSize(lines + 1);
        slurm.put(job.limitedTo(600));
        now.set(now.get().plusSeconds(300));
        rounds(1);
        assertThat(texts("select concat_ws(' ', scheduler ->> 'time_limit_minutes', deadline) from job"))
                .containsExactly("600 2026-11-23 20:00:00+00");
    }

    @Test
    void whyAJobWaitedIsNotToldOfItsRun() throws Exception {
        FakeJob runs = FakeJob.waiting("34", T).because("Resources");
        FakeJob endsSoon = FakeJob.waiting("35", T).because("Priority");
        slurm.put(runs);
        slurm.put(endsSoon);
        rounds(1);
        assertThat(scheduler("34", "state_reason")).isEqualTo("Resources");
        assertThat(scheduler("35", "state_reason")).isEqualTo("Priority");
        slurm.put(runs.runs("n1", T).because("None"));
        slurm.forget("35");
        slurm.books.add(endsSoon.runs("n1", T).ended("COMPLETED", T.plusSeconds(20), 0, 0).because("BeginTime"));
        rounds(4);
        assertThat(runs("34")).containsExactly("running 10:00:00 -");
        assertThat(scheduler("34", "state_reason")).isNull();
        assertThat(runs("35")).containsExactly("completed t 10:00:00 - 10:00:20");
        assertThat(scheduler("35", "state_reason")).as("slurmdbd says why it once waited").isNull();
        slurm.put(runs.runs("n1", T).because("NonZeroExitCode").ended("FAILED", T.plusSeconds(90), 1, 0));
        rounds(1);
        assertThat(scheduler("34", "state_reason")).isEqualTo("NonZeroExitCode");
    }

    @Test
    void forWhatAJobWaitsNowIsLearnedButNotEachStepOfItsPriority() throws Exception {
        FakeJob job = FakeJob.waiting("36", T).because("Priority");
        slurm.put(job);
        rounds(1);
        slurm.priority = 101;
        slurm.put(job.because("Resources").limitedTo(30));
        rounds(1);
        assertThat(scheduler("36", "state_reason")).as("it was looked at a moment ago").isEqualTo("Priority");
        now.set(now.get().plusSeconds(300));
        rounds(1);
        assertThat(scheduler("36", "state_reason")).isEqualTo("Resources");
        assertThat(scheduler("36", "time_limit_minutes")).isEqualTo("30");
        int lines = texts("select audit_id::text from audit").size();
        slurm.priority = 102;
        now.set(now.get().plusSeconds(300));
        rounds(1);
        assertThat(texts("select audit_id::text from audit")).hasSize(lines);
        slurm.put(job.runs("n1", T));
        rounds(1);
        assertThat(scheduler("36", "priority")).isEqualTo("102");
    }

    @Test
    void howeverManyWaitThoseThatRunHaveHalfOfTheLooks() throws Exception {
        for (int id = 1; id <= 40; id++) {
            FakeJob waits = FakeJob.waiting(String.valueOf(id), T);
            slurm.put(id <= 30 ? waits : waits.runs("n1", T).limitedTo(6000));
        }
        rounds(1);
        now.set(T.plus(Duration.ofMinutes(10)));
        fake.targets.clear();
        rounds(1);
        assertThat(fake.calls("/job/").stream().filter(target -> target.matches(".*/(3[1-9]|40)")))
                .hasSize(version < 40 ? 0 : 10);
        assertThat(fake.calls("/job/")).hasSize(version < 40 ? 0 : 20);
        rounds(2);
        assertThat(Set.copyOf(fake.calls("/job/"))).hasSize(version < 40 ? 0 : 40);
    }

    @Test
    void ofManyRunningJobsAFewAreLookedAtAgainInARoundAndFirstThoseWhoseTimeIsOver() throws Exception {
        for (int id = 1; id <= 60; id++) {
            slurm.put(FakeJob.waiting(String.valueOf(id), T).runs("n1", T).limitedTo(id == 60 ? 60 : 6000));
        }
        rounds(1);
        now.set(T.plus(Duration.ofMinutes(61)));
        fake.targets.clear();
        rounds(1);
        List<String> looks = fake.calls("/job/");
        assertThat(looks).hasSize(version < 40 ? 0 : 20);
        assertThat(looks.stream().limit(1)).allMatch(target -> target.endsWith("/60"));
        rounds(2);
        assertThat(Set.copyOf(fake.calls("/job/"))).as("the others have their turn").hasSize(version < 40 ? 0 : 60);
        rounds(2);
        assertThat(fake.calls("/job/")).as("then there is a rest").hasSize(version < 40 ? 0 : 60);
    }

    @Test
    void tasksOfAnArrayAreToldApart() throws Exception {
        FakeJob task = FakeJob.waiting("31", T).of("30_1").runs("n1", T);
        slurm.put(task);
        slurm.put(FakeJob.waiting("30", T).of("30_[2-9]"));
        rounds(1);
        assertThat(runs("31")).containsExactly("running 10:00:00 -");
        assertThat(scheduler("31", "array_job_id") + "_" + scheduler("31", "array_task_id")).isEqualTo("30_1");
        assertThat(runs("30")).containsExactly("pending -");
        assertThat(scheduler("30", "array_tasks") + " " + scheduler("30", "array_task_count")).isEqualTo("2-9 8");
        int lookups = fake.calls("/job/").size();
        rounds(2);
        assertThat(fake.calls("/job/")).as("nothing has changed").hasSize(lookups);

        slurm.put(FakeJob.waiting("32", T).of("30_2").runs("n1", T.plusSeconds(60)));
        slurm.put(FakeJob.waiting("30", T).of("30_[3-9]"));
        rounds(1);
        assertThat(scheduler("30", "array_tasks")).as("a task has left it").isEqualTo("3-9");
        slurm.put(FakeJob.waiting("30", T).of("30_9").runs("n1", T.plusSeconds(120)));
        rounds(1);
        assertThat(scheduler("30", "array_task_id")).isEqualTo("9");
        assertThat(scheduler("30", "array_task_count")).as("the last one has the array's id").isNull();
    }

    @Test
    void inWhatTermsAJobAskedIsReadWhereSlurmdbdReportedItsEndFirst() throws Exception {
        FakeJob job = FakeJob.waiting("50", T).runs("n1", T).ended("CANCELLED", T.plusSeconds(60), 0, 0);
        slurm.put(job);
        slurm.books.add(job.killedBy("root"));
        rounds(1);
        String ended = "cancelled cancelled_by_admin t 10:00:00 - 10:01:00";
        assertThat(runs("50")).containsExactly(ended);
        assertThat(scheduler("50", "tasks")).isEqualTo("4");
        rounds(3);
        assertThat(fake.calls("/job/50")).hasSize(version < 40 ? 0 : 1);
        assertThat(runs("50")).containsExactly(ended);
    }

    @Test
    void onlyWhatChangedIsLookedUpAndTheRestWaits() throws Exception {
        for (int id = 1; id <= 230; id++) {
            slurm.put(FakeJob.waiting(String.valueOf(id), T));
        }
        slurm.put(FakeJob.waiting("1000", T).runs("n1", T));
        rounds(1);
        assertThat(runs("1000")).as("what runs goes first").containsExactly("running 10:00:00 -");
        if (version >= 40) {
            assertThat(fake.calls("/job/")).hasSize(200);
            assertThat(scrape()).contains("jobwitness_scheduler_jobs_waiting 31.0");
        }
        rounds(2);
        assertThat(texts("select count(*)::text from job where state = 'pending'")).containsExactly("230");
        assertThat(fake.calls("/job/")).hasSize(version >= 40 ? 231 : 0);
    }

    @Test
    void aRunThatNobodyKnowsAnyMoreIsLostButNotWhileSlurmIsAway() throws Exception {
        prolog("41", T, 0, "n1");
        prolog("42", T, 0, "n1");
        slurm.put(FakeJob.waiting("42", T).runs("n1", T));
        rounds(2);
        assertThat(runs("41")).as("it may be too new for Slurm's list").containsExactly("running 10:00:00 -");
        now.set(T.plus(Duration.ofHours(2)));
        fake.mood = Mood.MUTE;
        rounds(1);
        assertThat(runs("41")).as("nobody has answered").containsExactly("running 10:00:00 -");
        fake.mood = Mood.WELL;
        slurm.keepsBooks = false;
        now.set(now.get().plusSeconds(600));
        rounds(1);
        assertThat(runs("41")).as("slurmdbd has not answered").containsExactly("running 10:00:00 -");
        slurm.keepsBooks = true;
        now.set(now.get().plusSeconds(600));
        rounds(1);
        assertThat(runs("41")).containsExactly("completed lost f 10:00:00 - 10:02:00");
        assertThat(runs("42")).containsExactly("running 10:00:00 -");
        epilog("41", T, T.plusSeconds(60), 0);
        assertThat(runs("41")).as("it is found").containsExactly("completed unknown f 10:00:00 - 10:01:00");
    }

    @Test
    void whatIsWrongIsSaidByEveryServerUntilItIsRight() throws Exception {
        rounds(1);
        assertThat(reconciliation.problem()).isEmpty();
        fake.token = "another";
        rounds(1);
        assertThat(reconciliation.problem()).as("once is no problem yet").isEmpty();
        now.set(now.get().plusSeconds(300));
        rounds(1);
        try (Reconciliation other = server(new PrometheusRegistry())) {
            assertThat(other.problem()).hasValueSatisfying(problem -> assertThat(problem)
                    .contains("Slurm has not answered about its controller since 2026-11-23T10:02:20Z", "token"));
        }
        assertThat(scrape()).containsPattern(
                "jobwitness_scheduler_call_errors_total\\{call=\"list\",trouble=\"unauthorized\"\\} [1-9]");
        fake.token = "t0ken";
        now.set(now.get().plusSeconds(600));
        rounds(1);
        assertThat(reconciliation.problem()).isEmpty();
        now.set(now.get().plusSeconds(3600));
        assertThat(reconciliation.problem())
                .hasValueSatisfying(problem -> assertThat(problem).contains("no server has asked"));
    }

    /** What slurmctld says of the job is of its second run, though that was put into the queue in the second of the first start. */
    @Test
    void aFailedPrologAndACancelledSecondRunAreTwoRunsAlsoWithinASecond() throws Exception {
        Instant start = Instant.ofEpochSecond(1796094815);
        prolog("1", start, 0, "n1");
        epilog("1", start, start, 1);
        List<SlurmJob> answers = new ArrayList<>(new SlurmJson().jobs(ofFailedProlog("slurm-job.json")).list());
        answers.addAll(new SlurmJson().accounted(ofFailedProlog("slurmdb-job.json")).list());
        for (SlurmJob job : answers) {
            jobs.apply(AGENT, new JobEvidence(new Json()).of(job, "rig", start.plusSeconds(60)).orElseThrow());
        }
        assertThat(texts(
                "select concat_ws(' ', state, reason, confirmed) from job where job_id = '1' order by listed_at, job_key"))
                .containsExactly("cancelled requeued t", "cancelled cancelled_by_admin t");
    }

    private static InputStream ofFailedProlog(String file) throws IOException {
        return new ByteArrayInputStream(
                Files.readString(Path.of("../slurm/captured/slurm-24.11/rest/prolog-failed").resolve(file))
                        .replace("\"cluster\": \"vm\"", "\"cluster\": \"rig\"").getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void thatTheEndsOfADayAreStillBeingReadIsNoProblem() {
        new ContactTable(database).endsReadTo(T.minus(Duration.ofHours(23)), now.get());
        assertThat(reconciliation.problem()).as("it was asked just now").isEmpty();
        now.set(now.get().plusSeconds(3600));
        assertThat(reconciliation.problem())
                .hasValueSatisfying(problem -> assertThat(problem).contains("since 2026-11-23T10:02:00Z"));
    }

    @Test
    void theLessSlurmAnswersTheLessItIsAsked() throws Exception {
        fake.mood = Mood.MUTE;
        rounds(30);
        assertThat(fake.targets).isEmpty();
        fake.mood = Mood.BUSY;
        now.set(now.get().plusSeconds(600));
        fake.targets.clear();
        rounds(30);
        assertThat(fake.targets.stream().filter(target -> target.startsWith("/slurm/v0.0.45/")))
                .as("three parts, each at once and after pauses of 4.5 to 5.5 minutes, for ten minutes")
                .hasSizeBetween(1, 9);
    }

    /** As after a wrong token: what was the matter with one was the matter with all. */
    @Test
    void whenOneOfThemAnswersAgainTheOthersAreAskedToo() throws Exception {
        slurm.keepsBooks = false;
        rounds(20);
        assertThat(reconciliation.problem()).as("slurmdbd is asked each five minutes by now").isPresent();
        fake.mood = Mood.BUSY;
        rounds(1);
        fake.mood = Mood.WELL;
        slurm.keepsBooks = true;
        rounds(4);
        assertThat(reconciliation.problem()).isEmpty();
    }

    @Test
    void nodesHaveTheStateAndTotalsThatSlurmTells() throws Exception {
        slurm.nodes.putAll(Map.of("n1", "MIXED", "n2", "IDLE+DRAIN disk is slow", "n3", "DOWN+NOT_RESPONDING x",
                "n4", "FUTURE"));
        rounds(1);
        assertThat(texts("""
                select concat_ws(' ', node, state, total_cpus, total_memory_bytes >> 20, total_gpus, state_reason)
                from node order by node""")).containsExactly("n1 mixed 64 257000 4",
                "n2 drained 64 257000 4 disk is slow",
                "n3 down 64 257000 4 x", "n4 unknown 64 257000 4");
    }

    @Test
    void aNameThatCannotBeShownIsLeftOutAndNothingElse() throws Exception {
        slurm.put(FakeJob.waiting("51", T).named("\"a\\u0000b\""));
        slurm.put(FakeJob.waiting("52", T).named("\"name \\\"<b>$(id)\""));
        rounds(1);
        assertThat(runs("51")).containsExactly("pending -");
        assertThat(scheduler("51", "name")).isNull();
        assertThat(scheduler("52", "name")).isEqualTo("name \"<b>$(id)");
    }

    private String accountsOf(String user) {
        return new Coordinators(database, clock).of(new User(user, null, null)).stream()
                .map(account -> account.cluster() + "/" + account.name()).sorted().collect(Collectors.joining(" "));
    }

    @Test
    void coordinatorsAreLearnedEachHourAndCountForADay() throws Exception {
        slurm.accounts.addAll(List.of("rig root", "rig physics root", "rig optics physics", "rig lasers optics",
                "other root", "other physics root", "other optics root", "other gone gone"));
        slurm.coordinators.put("carol", List.of("physics", "lasers*", "optics*"));
        slurm.coordinators.put("alice", List.of());
        slurm.coordinators.put("dave", List.of("unknown", "gone"));
        rounds(1);
        assertThat(accountsOf("carol")).as("of the other cluster only what is below there")
                .isEqualTo("other/physics rig/lasers rig/optics rig/physics");
        assertThat(accountsOf("alice")).isEmpty();
        assertThat(accountsOf("dave")).isEqualTo("other/gone");
        slurm.coordinators.put("carol", List.of("optics"));
        rounds(1);
        assertThat(accountsOf("carol")).contains("rig/physics");
        now.set(now.get().plusSeconds(4000));
        rounds(1);
        assertThat(accountsOf("carol")).isEqualTo("other/optics rig/lasers rig/optics");
        slurm.keepsBooks = false;
        now.set(now.get().plus(Duration.ofHours(23)));
        rounds(1);
        assertThat(accountsOf("carol")).contains("rig/optics");
        assertThat(reconciliation.problem()).hasValueSatisfying(problem -> assertThat(problem)
                .contains("Slurm has not answered about its coordinators since 2026-11-23T11:"));
        now.set(now.get().plus(Duration.ofHours(1)));
        assertThat(accountsOf("carol")).isEmpty();
        slurm.keepsBooks = true;
        now.set(now.get().plus(Duration.ofHours(1)));
        rounds(2);
        assertThat(accountsOf("carol")).contains("rig/optics");
    }

    @Test
    void ofTwoServersOneAsks() throws Exception {
        for (int id = 1; id <= 20; id++) {
            slurm.put(FakeJob.waiting(String.valueOf(id), T));
        }
        try (Reconciliation other = server(new PrometheusRegistry());
                LeaderTask one = new LeaderTask(database, "scheduler", Duration.ofMillis(30), reconciliation::run);
                LeaderTask two = new LeaderTask(database, "scheduler", Duration.ofMillis(30), other::run)) {
            one.start();
            two.start();
            Waiting.until("all are known", Duration.ofSeconds(20), () -> texts("select count(*)::text from job")
                    .equals(List.of("20")));
        }
        assertThat(fake.mostAtOnce.get()).isEqualTo(1);
        assertThat(fake.calls(version < 40 ? "/jobs/" : "/jobs/state/").stream()
                .filter(target -> target.startsWith("/slurm/"))).hasSize(1);
    }

    @Test
    void afterAnUpgradeTheNewVersionIsFound() throws Exception {
        slurm.put(FakeJob.waiting("61", T));
        rounds(1);
        fake.versions = Set.of(43, 44);
        slurm.put(FakeJob.waiting("61", T).runs("n1", T));
        rounds(1);
        assertThat(runs("61")).containsExactly("pending -");
        now.set(now.get().plusSeconds(60));
        rounds(1);
        assertThat(runs("61")).containsExactly("running 10:00:00 -");
    }

    private String scrape() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrometheusTextFormatWriter.create().write(out, metrics.scrape());
        return out.toString(StandardCharsets.UTF_8);
    }
}
