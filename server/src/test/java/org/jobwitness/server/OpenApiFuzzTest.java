package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jobwitness.server.FuzzRequest.Kind;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.ApiDocument;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.LongTests;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.MissingNode;

/**
 * Sends a server thousands of requests, right and wrong ones, that {@link RequestGenerator} makes of the API document,
 * several at a time; then looks whether what it has stored still makes sense. What fails is told with its seed and
 * number, and {@code -Djobwitness.fuzz.seed=} and {@code -Djobwitness.fuzz.requests=} send others, or more.
 */
class OpenApiFuzzTest {
    private static final String HEALTH = "GET /v1/health";
    private static final String SIGN_IN = "POST /v1/sessions";
    /** Of a program, which has to name the user; a person need not, so the document cannot require it. */
    private static final String SIGN_IN_CODES = "POST /v1/sign-in-codes";
    private static final String SEARCH = "GET /search";
    private static final String SIGN_OUT = "POST /sign-out";
    /** They take a person who has signed in, as in MungeTest, OidcTest, SlurmTokensTest and AccessMatrixTest. */
    private static final Set<String> OF_PERSONS = Set.of(SIGN_IN, SIGN_IN + "/slurm", "GET /sign-in/oidc",
            "GET /sign-in/oidc/callback", "GET /v1/sessions/{session}",
            "DELETE /v1/sessions/{session}", "POST /v1/jobs/{id}/links", "GET /v1/notices", "POST /v1/notices");
    private static final long SEED = Long.getLong("jobwitness.fuzz.seed", 20_261_122);
    private static final int REQUESTS = Integer.getInteger("jobwitness.fuzz.requests",
            LongTests.times(3_000, 10_000));
    private static final int ROUNDS = 4;
    private static final int CALLERS = 4;
    private static final int ARRAYS = 60;
    private static final int FAILURES_TOLD = 20;
    /** A line of Prometheus' text format with a sample. */
    private static final Pattern SAMPLE = Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*"
            + "(?:\\{(?:[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\\\\n]|\\\\[\\\\\"n])*\",?)*})?) (\\S+)");

    private static final Map<String, Map<Integer, AtomicInteger>> answersOf = new ConcurrentHashMap<>();
    private static final Map<Kind, Map<Integer, AtomicInteger>> answersTo = new ConcurrentHashMap<>();
    private static final Map<String, AtomicInteger> refusedThoughValid = new ConcurrentHashMap<>();
    private static final Map<String, Failure> failures = new ConcurrentHashMap<>();
    private static final List<Trail> trails = new ArrayList<>();

    private static TestServer server;
    private static TestServer.Client operator;
    private static Connection database;

    /** Requests that failed in the same way: the first of them, and how many there were. */
    private record Failure(String first, int count) {
        Failure and(Failure next) {
            return new Failure(first, count + next.count);
        }

        @Override
        public String toString() {
            return count + " times, such as: " + first + "\n";
        }
    }

    /** What the audit trail was at some moment: none of this may ever change. */
    private record Trail(long lines, long lastId, String hash) {
    }

    @BeforeAll
    static void sendAllRequests() throws Exception {
        server = TestServer.startWithAuth();
        operator = server.as(Role.OPERATOR);
        database = server.sql();
        tellOfArrays();
        RequestGenerator generator = new RequestGenerator(server.document(), SEED, Instant.now());
        long began = System.nanoTime();
        try (ExecutorService callers = Executors.newFixedThreadPool(CALLERS)) {
            for (int round = 0; round < ROUNDS; round++) {
                AtomicInteger next = new AtomicInteger(begin(round));
                int end = begin(round + 1);
                Callable<Void> caller = () -> {
                    new Caller(generator).sendAll(next, end);
                    return null;
                };
                for (Future<Void> done : callers
                        .invokeAll(IntStream.range(0, CALLERS).mapToObj(_ -> caller).toList())) {
                    done.get();
                }
                trails.add(trail(Long.MAX_VALUE));
            }
        }
        tell((System.nanoTime() - began) / 1_000_000);
    }

    /** Requests that are made one by one hardly ever make an array that another asks for. Its last task has its id, as in Slurm. */
    private static void tellOfArrays() {
        for (int array = 0; array < ARRAYS; array++) {
            Exchange answer = operator.post("/v1/events/job-started", """
                    {"job_id": "%1$d", "user": "alice", "node_list": ["n1"],
                     "scheduler": {"array_job_id": "%1$d", "array_task_id": 1}}""".formatted(array));
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        }
    }

    /** The number of a round's first request. */
    private static int begin(int round) {
        return (int) ((long) REQUESTS * round / ROUNDS);
    }

    @AfterAll
    static void stop() throws SQLException {
        database.close();
        server.close();
    }

    /** Somebody with a connection of his own, who goes on with it as long as the server does. */
    private static final class Caller {
        private final RequestGenerator generator;
        private RawConnection connection;
        private String before = "";

        Caller(RequestGenerator generator) throws IOException {
            this.generator = generator;
            this.connection = server.connect();
        }

        void sendAll(AtomicInteger next, int end) throws IOException {
            for (int number = next.getAndIncrement(); number < end; number = next.getAndIncrement()) {
                FuzzRequest request = generator.request(number);
                String answer = "no answer";
                try {
                    Exchange exchange = exchange(request);
                    answer = exchange.toString();
                    count(request, exchange);
                    check(request, exchange);
                } catch (IOException | RuntimeException | AssertionError e) {
                    String told = "-Djobwitness.fuzz.seed=" + SEED + " " + request + "\n=> " + answer + "\n" + e
                            + (answer.startsWith("no") ? "\nafter " + before : "");
                    failures.merge(likeness(request, answer, e), new Failure(told, 1), Failure::and);
                    reconnect();
                }
            }
            connection.close();
        }

        private Exchange exchange(FuzzRequest request) throws IOException {
            connection.send(request.withToken(operator.token().orElseThrow()).bytes());
            Exchange exchange = connection.receive(request.method(), request.target(), request.text());
            before = request + "\n=> " + exchange + exchange.headers();
            boolean goesOn = exchange.header("Content-Type").orElse("").startsWith("text/event-stream");
            if (goesOn || exchange.header("Connection").orElse("").equalsIgnoreCase("close")) {
                reconnect();
            }
            return exchange;
        }

        private void reconnect() throws IOException {
            connection.close();
            connection = server.connect();
        }
    }

    /** The same for failures that seem to have the same cause. */
    private static String likeness(FuzzRequest request, String answer, Throwable e) {
        String message = String.valueOf(e.getMessage());
        return e instanceof IOException
                ? message.replaceAll("\".*\"", "")
                : request.operation() + message.substring(Math.max(0, message.indexOf("Expecting")))
                        .replaceAll("[0-9]+|\"[^\"]*\"|at org.*", "") + answer.startsWith("no");
    }

    private static void count(FuzzRequest request, Exchange exchange) {
        answersOf.computeIfAbsent(request.operation(), _ -> new ConcurrentHashMap<>())
                .computeIfAbsent(exchange.status(), _ -> new AtomicInteger()).incrementAndGet();
        // Pages for people pass over parameters that they do not know.
        if (request.operation().contains(" /v1/") && !OF_PERSONS.contains(request.operation())
                && !request.operation().equals(SIGN_IN_CODES)) {
            answersTo.computeIfAbsent(request.kind(), _ -> new ConcurrentHashMap<>())
                    .computeIfAbsent(exchange.status(), _ -> new AtomicInteger()).incrementAndGet();
        }
        boolean seemsValid = request.kind() == Kind.PLAIN || request.kind() == Kind.EDGES;
        if (exchange.status() == 400 && seemsValid && !request.method().equals("HEAD")) {
            refusedThoughValid.computeIfAbsent(
                    request.kind() + " " + request.operation() + " "
                            + (exchange.field().isEmpty() ? exchange.message() : exchange.field()),
                    _ -> new AtomicInteger()).incrementAndGet();
        }
    }

    private static void check(FuzzRequest request, Exchange exchange) {
        if (!saysThatAgentsWait(request.operation(), exchange) && !saysThatMungeIsAway(request.operation(), exchange)) {
            assertThat(exchange.status()).as("status").isLessThan(500);
        }
        server.checked(exchange);
        if (exchange.status() < 300 && request.kind() != Kind.BROKEN) {
            checkParameters(request);
        }
    }

    /** Some agent has told that it is far behind (X-Agent-Waiting): then health says so, and must say nothing else. */
    private static boolean saysThatAgentsWait(String operation, Exchange exchange) {
        return operation.equals(HEALTH) && exchange.status() == 503 && (exchange.body().isEmpty() || exchange.json()
                .required("checks").propertyStream()
                .allMatch(check -> check.getKey().equals("spool") || check.getValue().asString().equals("ok")));
    }

    private static boolean saysThatMungeIsAway(String operation, Exchange exchange) {
        return operation.equals(SIGN_IN) && exchange.status() == 503
                && (exchange.body().isEmpty() || exchange.message().startsWith("MUNGE cannot check the credential"));
    }

    /** What the server takes must be what the document says that it takes; {@link ApiDocument} looks at the bodies. */
    private static void checkParameters(FuzzRequest request) {
        ApiDocument document = server.document();
        document.operation(request.operation()).path("parameters").forEach(reference -> {
            JsonNode parameter = document.resolved(reference);
            String name = parameter.required("in").asString() + " " + parameter.required("name").asString();
            String text = request.parameters().get(name);
            if (text == null) {
                assertThat(parameter.path("required").asBoolean(false)).as("%s is missing, and required", name)
                        .isFalse();
            } else {
                document.check(name, parameter.required("schema"), typed(parameter.required("schema"), text));
            }
        });
    }

    /** The value that a parameter's text stands for. */
    private static JsonNode typed(JsonNode schema, String text) {
        boolean isJson = Set.of("integer", "number", "boolean", "array").contains(schema.path("type").asString(""));
        return isJson
                ? Exchange.JSON.readTree(text)
                : JsonNodeFactory.instance.stringNode(text);
    }

    private static void tell(long millis) {
        System.out.printf("%d requests of seed %d in %d ms, %d kinds of failures%n", REQUESTS, SEED, millis,
                failures.size());
        new TreeMap<>(answersOf).forEach((operation, counts) -> System.out.println(operation + " " + counts));
        new TreeMap<>(answersTo).forEach((kind, counts) -> System.out.println(kind + " " + counts));
        failures.values().forEach(System.out::println);
        refusedThoughValid.entrySet().stream().sorted(Map.Entry.comparingByKey())
                .forEach(refused -> System.out.println("refused " + refused.getValue() + " x " + refused.getKey()));
    }

    @Test
    void everyAnswerIsOneThatTheDocumentPromises() {
        assertThat(failures.values().stream().limit(FAILURES_TOLD)).isEmpty();
    }

    @Test
    void theServerIsStillWell() {
        assertThat(server.get("/v1/live").status()).isEqualTo(200);
        Exchange health = operator.get("/v1/health");
        assertThat(health.status() == 200 || saysThatAgentsWait(HEALTH, health)).as(health.body()).isTrue();
    }

    /** Else the other tests would say little. */
    @Test
    void plainRequestsAreUnderstood() {
        assertThat(share(answersTo.get(Kind.PLAIN), 200, 299)).isGreaterThan(0.6);
        assertThat(share(answersTo.get(Kind.PLAIN), 400, 400)).isLessThan(0.1);
        assertThat(share(answersTo.get(Kind.WRONG), 400, 400)).isGreaterThan(0.3);
    }

    @Test
    void everyOperationIsDoneManyTimes() {
        assertThat(server.document().operations()).allSatisfy(operation -> {
            Map<Integer, AtomicInteger> answers = answersOf.getOrDefault(operation, Map.of());
            if (OF_PERSONS.contains(operation)) {
                assertThat(answers).as(operation).isNotEmpty();
                return;
            }
            double done = switch (operation) {
                case HEALTH -> share(answers, 200, 299) + share(answers, 503, 503);
                case SEARCH, SIGN_OUT -> share(answers, 303, 303);
                default -> share(answers, 200, 299);
            };
            assertThat(done).as(operation).isGreaterThan(0.05);
        });
    }

    private static double share(Map<Integer, AtomicInteger> counts, int least, int most) {
        double all = counts.values().stream().mapToInt(AtomicInteger::get).sum();
        return counts.entrySet().stream().filter(count -> count.getKey() >= least && count.getKey() <= most)
                .mapToInt(count -> count.getValue().get()).sum() / all;
    }

    @Test
    void ofEachJobTheNewestRunIsMarked() throws SQLException {
        assertNone("""
                select cluster, job_id, count(*) filter (where newest) as marked from job
                group by cluster, job_id having count(*) filter (where newest) <> 1""");
        assertNone("""
                select cluster, job_id, job_key from job where newest and exists (
                    select from job later where later.cluster = job.cluster and later.job_id = job.job_id
                    and (later.listed_at, later.recorded_at, later.job_key)
                        > (job.listed_at, job.recorded_at, job.job_key))""");
    }

    @Test
    void theTrailOfEveryRunBeginsWithItsCreation() throws SQLException {
        assertNone("""
                select job_key from job where 'created' is distinct from (
                    select action from audit where audit.job_key = job.job_key order by audit_id limit 1)""");
        assertNone("""
                select job_key from audit where action = 'created' group by job_key having count(*) > 1""");
    }

    @Test
    void theTrailOfARunThatIsGoneEndsWithItsDeletion() throws SQLException {
        assertNone("""
                select distinct on (job_key) job_key, action from audit a
                where not exists (select from job where job.job_key = a.job_key) and not exists (
                    select from audit b where b.job_key = a.job_key and b.action = 'deleted'
                    and b.audit_id = (select max(audit_id) from audit c where c.job_key = a.job_key))""");
    }

    @Test
    void theTrailOfARunTellsWhatTheRunIs() throws SQLException {
        assertNone("""
                select job_key, state, told from job, lateral (
                    select after ->> 'state' as told from audit
                    where audit.job_key = job.job_key and action <> 'noted' and after ? 'state'
                    order by audit_id desc limit 1) last
                where told <> state""");
    }

    /** Read from its first line to its last, each line finds the run as the lines before it have left it. */
    @Test
    void theTrailOfARunHasNoGaps() throws SQLException {
        Map<String, Map<String, JsonNode>> runs = new HashMap<>();
        List<String> gaps = new ArrayList<>();
        for (List<String> line : rows("""
                select job_key, audit_id, coalesce(before, '{}'), coalesce(after, '{}'), action from audit
                where action <> 'noted' order by audit_id""")) {
            Map<String, JsonNode> run = runs.computeIfAbsent(line.getFirst(), _ -> new HashMap<>());
            JsonNode before = Exchange.JSON.readTree(line.get(2));
            JsonNode after = Exchange.JSON.readTree(line.get(3));
            Set<String> changed = new HashSet<>(before.propertyNames());
            changed.addAll(after.propertyNames());
            for (String field : changed) {
                JsonNode was = before.path(field);
                JsonNode is = run.getOrDefault(field, MissingNode.getInstance());
                if (!was.equals(is)) {
                    gaps.add("run %s, line %s, %s: was %s, and is said to have been %s".formatted(line.getFirst(),
                            line.get(1), field, is, was));
                }
                run.put(field, after.path(field));
            }
        }
        assertThat(gaps.stream().limit(FAILURES_TOLD)).isEmpty();
    }

    @Test
    void theTrailOnlyGrew() throws SQLException {
        for (Trail earlier : trails) {
            assertThat(trail(earlier.lastId())).isEqualTo(earlier);
        }
        assertThat(trails).extracting(Trail::lines).isSorted().doesNotContain(0L);
    }

    private static Trail trail(long upTo) throws SQLException {
        try (var statement = database.prepareStatement("""
                select count(*), coalesce(max(audit_id), 0), md5(string_agg(audit::text, '' order by audit_id))
                from audit where audit_id <= ?""")) {
            statement.setLong(1, upTo);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return new Trail(row.getLong(1), row.getLong(2), String.valueOf(row.getString(3)));
            }
        }
    }

    @Test
    void stateAndEndOfEveryRunAgree() throws SQLException {
        assertNone("""
                select job_key, state, end_seen, superseded, end_time from job
                where (state in ('completed', 'failed', 'cancelled'))
                    <> (end_seen or superseded or final_state is not null or scheduler_state is not null)""");
        assertNone("select job_key, state, end_time from job where state in ('pending', 'running')"
                + " and (end_time is not null or exit_code is not null or final_state is not null)");
        assertNone("select job_key, state, end_time from job where end_seen and end_time is null");
        assertNone("select job_key, state from job where not end_seen and not start_seen");
    }

    /** As the API document has it: absent while a run goes on; no reason for a success that is sure. */
    @Test
    void reasonAndConfirmedAreThereWhereTheyAreTold() throws SQLException {
        assertNone("select job_key, state, confirmed from job"
                + " where (confirmed is null) <> (state in ('pending', 'running'))");
        assertNone("select job_key, state, reason, confirmed from job where (reason is null)"
                + " <> (state in ('pending', 'running') or (state = 'completed' and confirmed))");
    }

    @Test
    void theNodesOfEveryRunAreKnownOneByOne() throws SQLException {
        assertNone("""
                select job_key, node from job, unnest(nodes) as node
                except select job_key, node from job_node""");
    }

    @Test
    void figuresAreThoseOfTheSamples() throws SQLException {
        assertThat(server.rows("buffered_sample")).isPositive();
        assertNone("""
                select coalesce(f.job_key, s.job_key) as job_key, f.sample_count, s.count, f.last_sample_at, s.last,
                    f.cpu_max, s.cpu_max, f.memory_max_bytes, s.memory_max, f.gpu_max, s.gpu_max, f.cpu_sum, s.cpu_sum
                from (select * from job_figures where sample_count > 0) f full join (
                    select job_key, node, count(*) as count, max(at) as last, max(figures[2]) as cpu_max,
                        sum(figures[2]) as cpu_sum, max(figures[3]) as memory_max, max(figures[4]) as gpu_max
                    from (select * from buffered_sample where gpu = '') sample join job using (job_key) group by job_key, node) s using (job_key, node)
                where f.sample_count is distinct from s.count or f.last_sample_at is distinct from s.last
                    or f.cpu_max is distinct from s.cpu_max or f.memory_max_bytes is distinct from s.memory_max
                    or f.gpu_max is distinct from s.gpu_max
                    or abs(coalesce(f.cpu_sum, 0) - coalesce(s.cpu_sum, 0)) > 1e-6 * abs(coalesce(s.cpu_sum, 0))""");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-start_time", "start_time", "-end_time", "end_time"})
    void pagingByCursorVisitsEveryRunOnce(String sort) throws SQLException {
        List<Long> visited = new ArrayList<>();
        Optional<String> cursor = Optional.empty();
        do {
            JsonNode page = operator.get("/v1/jobs?limit=97&sort=" + sort + cursor.map(c -> "&cursor=" + c).orElse(""))
                    .json();
            page.required("jobs").forEach(job -> visited.add(job.required("run").asLong()));
            assertThat(page.required("total").asLong()).isEqualTo(server.rows("job"));
            cursor = page.path("next_cursor").asStringOpt();
        } while (cursor.isPresent());
        assertThat(visited).doesNotHaveDuplicates().hasSize((int) server.rows("job"));
    }

    @Test
    void everyJobIsFoundByItsIdAndIsItsNewestRun() throws SQLException {
        for (List<String> job : rows("select cluster, job_id, job_key, state from job where newest limit 300")) {
            Exchange found = operator.get("/v1/jobs/" + RequestGenerator.encoded(job.get(1)) + "?cluster="
                    + RequestGenerator.encoded(job.get(0)));
            assertThat(found.json().path("run").asString()).as("%s", found).isEqualTo(job.get(2));
            assertThat(found.json().path("state").asString()).as("%s", found).isEqualTo(job.get(3));
        }
    }

    @Test
    void theSamplesOfEveryRunCanBeRead() throws SQLException {
        for (List<String> run : rows("""
                select job_id, job_key, count(distinct at) from buffered_sample join job using (job_key)
                group by job_id, job_key limit 100""")) {
            JsonNode page = operator
                    .get("/v1/jobs/" + RequestGenerator.encoded(run.get(0)) + "/metrics?limit=10000&run="
                            + run.get(1))
                    .json();
            assertThat(page.required("total").asString()).as("%s", run).isEqualTo(run.get(2));
            assertThat(page.required("samples").size()).as("%s", run).isEqualTo(page.required("total").asInt());
        }
    }

    @Test
    void metricsAreWellFormedAndCountTheJobs() throws SQLException {
        Map<String, Double> samples = new TreeMap<>();
        Set<String> families = new HashSet<>();
        for (String line : operator.get("/metrics").body().split("\n")) {
            if (line.startsWith("# TYPE ")) {
                assertThat(families.add(line.split(" ")[2])).as(line).isTrue();
            } else if (!line.startsWith("#")) {
                Matcher sample = SAMPLE.matcher(line);
                assertThat(sample.matches()).as("a sample: %s", line).isTrue();
                assertThat(samples.put(sample.group(1), number(sample.group(2)))).as("twice: %s", line).isNull();
            }
        }
        assertThat(sum(samples, "hpc_job_state_total"))
                .isEqualTo(count("select sum(case when start_time is null"
                        + " then coalesce((scheduler ->> 'array_task_count')::bigint, 1) else 1 end) from job where newest"))
                .isPositive();
        assertThat(sum(samples, "hpc_job_total"))
                .isEqualTo(count("select count(*) from audit where action = 'created'"));
    }

    private static double sum(Map<String, Double> samples, String family) {
        return samples.entrySet().stream().filter(sample -> sample.getKey().startsWith(family + "{"))
                .mapToDouble(Map.Entry::getValue).sum();
    }

    private static double count(String sql) throws SQLException {
        return Double.parseDouble(rows(sql).getFirst().getFirst());
    }

    private static double number(String text) {
        return Double.parseDouble(text.replace("+Inf", "Infinity").replace("-Inf", "-Infinity"));
    }

    private static void assertNone(String sql) throws SQLException {
        assertThat(rows(sql).stream().limit(FAILURES_TOLD)).as(sql).isEmpty();
    }

    private static List<List<String>> rows(String sql) throws SQLException {
        List<List<String>> rows = new ArrayList<>();
        try (var statement = database.createStatement(); ResultSet row = statement.executeQuery(sql)) {
            int columns = row.getMetaData().getColumnCount();
            while (row.next()) {
                List<String> values = new ArrayList<>();
                for (int i = 1; i <= columns; i++) {
                    values.add(String.valueOf(row.getString(i)));
                }
                rows.add(values);
            }
        }
        return rows;
    }
}
