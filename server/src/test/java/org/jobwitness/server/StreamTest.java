package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.EventStream;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.Gate;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.node.ObjectNode;

/** GET /v1/stream: who is told what, when, and what becomes of those who do not read. */
@Timeout(180)
class StreamTest {
    private static final Duration SOON = Duration.ofSeconds(1);
    private static final Duration GATHERED = Duration.ofMillis(250);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int MOST_STREAMS = 200;
    private static final String AT = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(60).toString();

    private static TestServer server;
    private static Http http;
    private static int tests;

    /** Each test has users and jobs of its own, and listens to nothing else. */
    private final int test = ++tests;
    private final String ada = "ada" + test;
    private final String bob = "bob" + test;
    private final List<EventStream> streams = new ArrayList<>();
    private int lastJob;

    @BeforeAll
    static void startServer() {
        server = TestServer.start();
        http = Http.anonymous(server.port());
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    /** Who has gone is noticed when something is written to him: of a run that began, and of one that failed. */
    @AfterEach
    void leaveNoStream() throws Exception {
        for (EventStream stream : streams) {
            stream.close();
        }
        Map<String, String> jobs = new TreeMap<>(Map.of(ada, start(ada, ""), bob, start(bob, "")));
        Waiting.until("all streams are forgotten", PATIENCE, () -> {
            jobs.replaceAll((user, earlier) -> {
                finish(earlier, 1);
                return start(user, "");
            });
            return metric("jobwitness_stream_clients") == 0;
        });
    }

    private EventStream open(String user, String more, String... headers) throws Exception {
        EventStream stream = EventStream.open(server, "?user=" + user + more, headers);
        streams.add(stream);
        return stream;
    }

    private EventStream openUnread() throws Exception {
        EventStream stream = EventStream.unread(server, "?user=" + ada);
        streams.add(stream);
        return stream;
    }

    /** A new job. */
    private String start(String user, String more) {
        String job = test + "-" + ++lastJob;
        tell(server, job, user, more);
        return job;
    }

    private static void tell(TestServer server, String job, String user, String more) {
        assertThat(server.post("/v1/events/job-started", """
                {"job_id": "%s", "user": "%s"%s}""".formatted(job, user,
                more.contains("node_list") ? more : ", \"node_list\": [\"n1\"]" + more)).status()).isEqualTo(200);
    }

    private static void finish(String job, int exitCode) {
        finish(server, job, exitCode);
    }

    private static void finish(TestServer server, String job, int exitCode) {
        assertThat(server.post("/v1/events/job-finished", """
                {"job_id": "%s", "node": "n1", "exit_code": %d}""".formatted(job, exitCode)).status()).isEqualTo(200);
    }

    private static Exchange byHand(String method, String path, String json) {
        return server.anonymous().send(method, path, json, "Content-Type", "application/json", "X-Changed-By", "test",
                "X-Source", "test");
    }

    private static double metric(String name) throws IOException {
        Matcher sample = Pattern.compile("^" + Pattern.quote(name) + " (\\S+)$", Pattern.MULTILINE)
                .matcher(http.get("/metrics").body());
        return sample.find() ? Double.parseDouble(sample.group(1)) : 0;
    }

    @Test
    void aChangeIsToldSoonAndAsTheJobItselfIs() throws Exception {
        EventStream stream = open(ada, "");
        String job = start(ada, "");
        EventStream.Told running = stream.await("it is told", SOON, told -> told.job().equals(job));
        ObjectNode now = (ObjectNode) server.get("/v1/jobs/" + job).json();
        assertThat(((ObjectNode) running.data()).without("runtime_seconds")).isEqualTo(now.without("runtime_seconds"));
        finish(job, 1);
        EventStream.Told failed = stream.await("it has failed", SOON, told -> told.state().equals("failed"));
        assertThat(failed.data()).isEqualTo(server.get("/v1/jobs/" + job).json());
        assertThat(stream.events()).hasSize(2);
        assertThat(Long.parseLong(failed.id())).isGreaterThan(Long.parseLong(running.id()));
    }

    @Test
    void theStreamIsOpenAtOnceAndNothingOnTheWayKeepsIt() throws Exception {
        for (String encoding : List.of("identity", "gzip, deflate, br, zstd")) {
            EventStream stream = open(ada, "", "Accept-Encoding: " + encoding, "X-Correlation-Id: mine");
            assertThat(stream.header("Content-Type")).startsWith("text/event-stream");
            assertThat(stream.header("Cache-Control")).isEqualTo("no-store");
            assertThat(stream.header("X-Accel-Buffering")).isEqualTo("no");
            assertThat(stream.header("Content-Encoding")).isEmpty();
            assertThat(stream.header("X-Correlation-Id")).isEqualTo("mine");
            start(ada, "");
            stream.await("it is told", SOON, told -> told.event().equals("job"));
        }
    }

    /** For each filter, what is told are the jobs that GET /v1/jobs finds by it. */
    @Test
    void theFiltersAreThoseOfTheList() throws Exception {
        List<String> queries = List.of("", "?state=running", "?state=completed", "?state=failed",
                "?state=cancelled", "?reason=exit_code", "?reason=out_of_memory", "?user=ada", "?user=Ada",
                "?user=j%C3%BCrgen", "?node=n1", "?node=n17", "?node=n", "?partition=gpu", "?account=physics",
                "?cluster=west", "?q=ADA", "?q=N17", "?q=n1%20n17", "?q=100%25", "?q=%25", "?q=_", "?q=J%C3%9CRGEN",
                "?q=train", "?q=27", "?q=physi", "?user=ada&state=failed", "?user=ada&q=train&node=n17",
                "?cluster=west&user=ada", "?q=nothing-of-this");
        Map<String, EventStream> streamOf = new LinkedHashMap<>();
        try (TestServer own = TestServer.start()) {
            for (String query : queries) {
                streamOf.put(query, EventStream.open(own, query));
            }
            tell(own, "1", "ada", ", \"partition\": \"gpu\", \"account\": \"physics\"");
            tell(own, "2", "bob", ", \"node_list\": [\"n1\", \"n17\"], \"scheduler\": {\"name\": \"Train_big\"}");
            tell(own, "27", "jürgen", ", \"node_list\": [\"n[2-4]\"], \"scheduler\": {\"name\": \"100% done\"}");
            tell(own, "4", "ada",
                    ", \"cluster\": \"west\", \"node_list\": [\"n17\"], \"scheduler\": {\"name\": \"train\"}");
            tell(own, "5", "Ada", "");
            for (int exit = 0; exit < 2; exit++) {
                tell(own, "6" + exit, "ada", ", \"account\": \"metaphysics\"");
                finish(own, "6" + exit, exit);
            }
            own.post("/v1/events/job-finished", "{\"job_id\": \"9\", \"user\": \"eve\", \"raw_status\": 253}");
            tell(own, "last", "bob", ", \"partition\": \"x\"");
            streamOf.get("").await("last", "running");
            for (String query : queries) {
                TreeSet<String> listed = new TreeSet<>();
                own.get("/v1/jobs" + query).json().required("jobs")
                        .forEach(job -> listed.add(job.required("id").asString()));
                Waiting.until(query + " tells of " + listed, PATIENCE, () -> streamOf.get(query).events().toString(),
                        () -> jobsThatStillFit(streamOf.get(query), query).equals(listed));
            }
            assertThat(streamOf.values().stream().filter(stream -> stream.events().isEmpty()))
                    .as("filters that let through nothing").hasSizeLessThan(4);
        } finally {
            for (EventStream stream : streamOf.values()) {
                stream.close();
            }
        }
    }

    /** Without those that were told once more because they do not fit any longer. */
    private static TreeSet<String> jobsThatStillFit(EventStream stream, String query) {
        Map<String, String> states = new LinkedHashMap<>();
        stream.events().forEach(told -> states.put(told.job(), told.state()));
        Matcher state = Pattern.compile("state=([a-z]+)").matcher(query);
        if (state.find()) {
            states.values().removeIf(is -> !is.equals(state.group(1)));
        }
        return new TreeSet<>(states.keySet());
    }

    @Test
    void aRunThatFitsNoLongerIsToldOnceMore() throws Exception {
        EventStream all = open(ada, "");
        EventStream running = open(ada, "&state=running");
        String one = start(ada, "");
        running.await(one, "running");
        finish(one, 0);
        running.await(one, "completed");
        http.post("/v1/events/job-finished", "{\"job_id\": \"" + one + "\", \"final_state\": \"failed\"}");
        all.await(one, "failed");
        String two = start(ada, "");
        running.await(two, "running");
        assertThat(running.events()).hasToString(
                "[job %s running, job %s completed, job %s running]".formatted(one, one, two));
    }

    /** Changes come faster than they are told; how many are told, time alone decides. */
    @Test
    void changesThatFollowEachOtherAreOneEventWithTheNewestState() throws Exception {
        EventStream stream = open(ada, "");
        long began = System.nanoTime();
        int nodes = 40;
        for (int node = 1; node <= nodes; node++) {
            tell(server, "gathered", ada, ", \"node_list\": [\"n[1-%d]\"]".formatted(node));
        }
        stream.await("all nodes are told", told -> told.data().path("nodes").size() == nodes);
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        assertThat(stream.events()).as("in %s", took).hasSizeBetween(1, (int) took.dividedBy(GATHERED) + 1)
                .hasSizeLessThan(nodes);
    }

    @Test
    void aDeletionIsTold() throws Exception {
        EventStream ofAda = open(ada, "");
        EventStream ofBob = open(bob, "");
        String one = start(ada, "");
        String two = start(bob, "");
        ofAda.await(one, "running");
        ofBob.await(two, "running");
        long run = server.get("/v1/jobs/" + one).json().required("run").asLong();
        assertThat(byHand("DELETE", "/v1/jobs/" + one, "").status()).isEqualTo(204);
        EventStream.Told deleted = ofAda.await("it is deleted", told -> told.event().equals("job_deleted"));
        assertThat(deleted.data()).isEqualTo(Exchange.JSON.readTree(
                "{\"job_id\": \"%s\", \"run\": %d, \"cluster\": \"default\"}".formatted(one, run)));
        assertThat(byHand("DELETE", "/v1/jobs/" + two, "").status()).isEqualTo(204);
        ofBob.await("it is deleted", told -> told.event().equals("job_deleted"));
        assertThat(ofBob.events()).hasToString("[job %s running, job_deleted %s]".formatted(two, two));
    }

    private void batch(int sequence, String jobs) throws IOException {
        String json = """
                {"version": 1, "node": "n1", "boot_id": "of test %d", "sequence": %d, "timestamp": "%s", "jobs": [%s]}"""
                .formatted(test, sequence, AT, jobs);
        var answer = http.post("/v1/batches", json);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    }

    @Test
    void figuresAreToldOfEachRunOnEachNode() throws Exception {
        String one = start(ada, ", \"node_list\": [\"n1\"], \"cpus_per_node\": \"4\"");
        String two = start(bob, "");
        EventStream ofAda = open(ada, "");
        EventStream ofBob = open(bob, "");
        EventStream failed = open(bob, "&state=failed");
        batch(1, """
                {"job_id": "%s", "cpus_used": 1, "memory_usage_bytes": 1572864},
                {"job_id": "%s", "memory_usage_bytes": 0}""".formatted(one, two));
        EventStream.Told first = ofAda.await("figures", told -> told.event().equals("figures"));
        assertThat(first.data()).isEqualTo(Exchange.JSON.readTree("""
                {"job_id": "%s", "run": %d, "cluster": "default", "node": "n1", "timestamp": "%s",
                 "cpu_usage": 25.0, "memory_usage_mb": 1.5}"""
                .formatted(one, server.get("/v1/jobs/" + one).json().required("run").asLong(), AT)));
        EventStream.Told second = ofBob.await("figures", told -> told.event().equals("figures"));
        assertThat(second.job()).isEqualTo(two);
        assertThat(second.data().required("memory_usage_mb").asDouble()).isZero();
        assertThat(second.data().has("cpu_usage")).isFalse();
        finish(two, 1);
        failed.await(two, "failed");
        batch(2, "{\"job_id\": \"%s\", \"timestamp\": \"%s\", \"memory_usage_bytes\": 1048576}"
                .formatted(two, Instant.parse(AT).plusSeconds(5)));
        assertThat(failed.await("figures", told -> told.event().equals("figures")).data()
                .required("memory_usage_mb").asDouble()).isOne();
        assertThat(ofAda.events("figures")).hasSize(1);
    }

    @Test
    void figuresThatWereToldByHandOfManyNodesAreOfNone() throws Exception {
        String job = start(ada, ", \"node_list\": [\"n1\", \"n2\"]");
        EventStream stream = open(ada, "");
        assertThat(byHand("PATCH", "/v1/jobs/" + job, "{\"gpu_usage\": 12.5}").status()).isEqualTo(200);
        EventStream.Told figures = stream.await("figures", told -> told.event().equals("figures"));
        assertThat(figures.data().required("gpu_usage").asDouble()).isEqualTo(12.5);
        assertThat(figures.data().has("node")).isFalse();
    }

    @Test
    void ofManySamplesTheNewestIsTold() throws Exception {
        String job = start(ada, "");
        EventStream stream = open(ada, "");
        long began = System.nanoTime();
        int samples = 30;
        for (int second = 1; second <= samples; second++) {
            batch(second, "{\"job_id\": \"%s\", \"timestamp\": \"%s\", \"memory_usage_bytes\": %d}"
                    .formatted(job, Instant.parse(AT).plusSeconds(second), second << 20));
        }
        stream.await("the newest is told", told -> told.data().path("memory_usage_mb").asInt(0) == samples);
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        assertThat(stream.events("figures")).as("in %s", took)
                .hasSizeBetween(1, (int) took.dividedBy(GATHERED) + 1).hasSizeLessThan(samples);
    }

    private static double reads() throws IOException {
        return metric("storage_operation_duration_seconds_count{operation=\"job_find\",success=\"true\"}");
    }

    /** What was asked for the listeners of another test may be counted a moment after they have gone. */
    private static double readsAtRest() throws Exception {
        return Waiting.steady("reads", GATHERED.multipliedBy(2), PATIENCE, StreamTest::reads);
    }

    @Test
    void theDatabaseIsAskedOnceForAllAndNotAtAllForNobody() throws Exception {
        double before = readsAtRest();
        finish(start(ada, ""), 0);
        for (int i = 0; i < MOST_STREAMS; i++) {
            open(ada, "");
        }
        assertThat(metric("jobwitness_stream_clients")).isEqualTo(MOST_STREAMS);
        assertThat(reads()).as("while nobody listened, or nothing happened").isEqualTo(before);
        double sent = metric("jobwitness_stream_events_total{event=\"job\"}");
        String job = start(ada, "");
        for (EventStream stream : streams) {
            stream.await(job, "running");
        }
        assertThat(reads()).isEqualTo(before + 1);
        Waiting.until("all are counted", PATIENCE,
                () -> metric("jobwitness_stream_events_total{event=\"job\"}") == sent + MOST_STREAMS);
    }

    @Test
    void oneMoreThanManyIsRefusedUntilOneHasGone() throws Exception {
        for (int i = 0; i < MOST_STREAMS; i++) {
            open(ada, "");
        }
        Exchange refused = server.get("/v1/stream");
        assertThat(refused.status()).isEqualTo(429);
        assertThat(refused.header("Retry-After")).isPresent();
        streams.getFirst().close();
        awaitForgotten(MOST_STREAMS - 1);
        assertThat(server.get("/v1/stream?user=" + ada).status()).isEqualTo(200);
    }

    private void awaitForgotten(int left) throws InterruptedException {
        Waiting.until("all but " + left + " are forgotten", PATIENCE, () -> {
            start(ada, "");
            return metric("jobwitness_stream_clients") == left;
        });
    }

    /** Jobs that have some 16 KiB to tell each; many at once, so that some may have to be sent again. */
    private void startLarge(TestServer of, int from, int to) {
        Http quick = Http.anonymous(of.port());
        IntStream.range(from, to).parallel().forEach(job -> {
            try {
                String event = """
                        {"job_id": "large-%d", "user": "%s", "node_list": ["n1"],
                         "scheduler": {"extra": {"notes": "%s"}}}""".formatted(job, ada, "x".repeat(16_000));
                Waiting.until("large-" + job + " is taken", PATIENCE,
                        () -> quick.post("/v1/events/job-started", event).statusCode() == 200);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void whoReadsTooSlowlyIsToldSoAndKeepsNobodyWaiting() throws Exception {
        EventStream quick = open(ada, "");
        EventStream slow = openUnread();
        int jobs = 0;
        while (metric("jobwitness_stream_dropped_total") < 20) {
            assertThat(jobs).as("16 KiB each, that nobody reads and yet are kept").isLessThan(2000);
            startLarge(server, jobs, jobs += 50);
            int all = jobs;
            Waiting.until("the other is told of all", PATIENCE, () -> quick.events("job").size() == all);
        }
        assertThat(quick.events("overflow")).isEmpty();

        slow.beginToRead();
        EventStream.Told overflow = slow.await("it is told", told -> told.event().equals("overflow"));
        slow.await(start(ada, ""), "running");
        int told = slow.events("job").size() - 1;
        assertThat(told + overflow.data().required("missed").asInt()).isEqualTo(jobs);
        assertThat(slow.events("overflow")).hasSize(1);
    }

    @Test
    void whoVanishesIsForgotten() throws Exception {
        EventStream stays = open(ada, "");
        open(ada, "").close();
        openUnread().close();
        awaitForgotten(1);
        stays.await(start(ada, ""), "running");
    }

    @Test
    void aServerThatStopsEndsAllStreamsAtOnce() throws Exception {
        TestServer own = TestServer.start();
        List<EventStream> reading = new ArrayList<>();
        try (EventStream stuck = EventStream.unread(own, "")) {
            for (int i = 0; i < 20; i++) {
                reading.add(EventStream.open(own, "?user=nobody"));
            }
            int jobs = 0;
            while (!Http.anonymous(own.port()).get("/metrics").body().contains("stream_dropped_total 1")) {
                startLarge(own, jobs, jobs += 50);
            }
            assertThat(stuck.events()).isEmpty();
            long began = System.nanoTime();
            own.close();
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(3));
            for (EventStream stream : reading) {
                stream.awaitEnd();
            }
        } finally {
            own.close();
            for (EventStream stream : reading) {
                stream.close();
            }
        }
    }

    @Test
    void whatCouldNotBeReadIsAGap() throws Exception {
        DatabaseAddress database = TestPostgres.freshDatabase();
        try (Gate gate = new Gate(database)) {
            gate.open();
            try (TestServer own = TestServer.start("--database-url=" + gate.url());
                    EventStream stream = EventStream.open(own, "")) {
                Http anonymous = Http.anonymous(own.port());
                // What happened is gathered for a moment. A busy machine may need another try to shut the gate by then.
                for (int tries = 1; stream.events("overflow").isEmpty(); tries++) {
                    String job = "before-" + tries;
                    gate.open();
                    Waiting.until("it is taken", PATIENCE, () -> anonymous.postStart(job).statusCode() == 200);
                    gate.shut();
                    stream.await("it is told or missed",
                            told -> told.event().equals("overflow") || told.job().equals(job));
                }
                gate.open();
                Waiting.until("it is taken", PATIENCE, () -> anonymous.postStart("after").statusCode() == 200);
                stream.await("after", "running");
            }
        }
    }

    @Test
    void headIsAnsweredAtOnceAndIsNoStream() throws Exception {
        Exchange head = server.anonymous().send("HEAD", "/v1/stream?user=ada", "");
        assertThat(head.status()).isEqualTo(200);
        assertThat(head.header("Content-Type").orElseThrow()).startsWith("text/event-stream");
        assertThat(metric("jobwitness_stream_clients")).isZero();
        assertThat(server.anonymous().send("HEAD", "/v1/stream?limit=1", "").status()).isEqualTo(400);
    }

    @Test
    void changesOfManyRunsAtOnceAreAllTold() throws Exception {
        EventStream stream = open(ada, "");
        int jobs = 300;
        IntStream.range(0, jobs).parallel().forEach(job -> tell(server, "many-" + job, ada, ""));
        Waiting.until("all are told", PATIENCE, () -> stream.events().stream().map(EventStream.Told::job).distinct()
                .count() == jobs);
        assertThat(stream.events("overflow")).isEmpty();
    }
}
