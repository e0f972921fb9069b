package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.EventStream;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.TestServer.Client;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every route of the API document for every kind of caller. What belongs to another person is marked in every text of it, so that
 * whatever leaks into a response is found there. A route that is new fails until it has a line here.
 */
@Timeout(300)
class AccessMatrixTest {
    private static final Instant START = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(600);
    private static final String MARK = "zzforeign";
    private static final String OWN = "710001";
    private static final String OF_ACCOUNT = "710002";
    private static final String FOREIGN = "710003";
    private static final String UNKNOWN = "710009";
    /**
     * What each kind of caller is given: {@code open} anything, {@code own}, {@code run}, {@code account} or {@code all} of the jobs,
     * or an error.
     */
    private static final List<String> CALLERS = List.of("anonymous", "ended", "agent", "scrape", "link", "user", "uid",
            "coord", "helpdesk", "root", "operator");
    /** The jobs of {@link #start} that a kind of caller may see. */
    private static final Map<String, Set<String>> SEEN = Map.of("user", Set.of(OWN), "uid", Set.of(OWN), "coord",
            Set.of(OWN, OF_ACCOUNT));
    private static final Map<String, List<String>> MATRIX = matrix("""
            POST /v1/events/job-started   401 401 open 403 403 403 403 403 403 open open
            POST /v1/events/job-finished  401 401 open 403 403 403 403 403 403 open open
            POST /v1/batches              401 401 open 403 403 403 403 403 403 open open
            GET /v1/jobs                  401 401 403 403 403 own own account all all all
            POST /v1/jobs                 401 401 403 403 403 403 403 403 403 open open
            GET /v1/jobs/{id}             401 401 403 403 run own own account all all all
            PATCH /v1/jobs/{id}           401 401 403 403 403 403 403 403 403 all all
            DELETE /v1/jobs/{id}          401 401 403 403 403 403 403 403 403 open open
            GET /v1/jobs/{id}/metrics     401 401 403 403 run own own account all all all
            POST /v1/jobs/{id}/metrics    401 401 open 403 403 403 403 403 403 open open
            GET /v1/jobs/{id}/series      401 401 403 403 run own own account all all all
            GET /v1/jobs/{id}/runs        401 401 403 403 run own own account all all all
            GET /v1/jobs/{id}/audit       401 401 403 403 run own own account all all all
            GET /v1/jobs/{id}/verdict     401 401 403 403 run own own account all all all
            GET /v1/arrays/{id}           401 401 403 403 403 own own account all all all
            POST /v1/jobs/{id}/links      401 401 403 403 403 link link 404 403 link 403
            GET /v1/stream                401 401 403 403 403 own own account all all all
            GET /v1/users/{user}/summary  401 401 403 403 403 own own account all all all
            GET /v1/reports               401 401 403 403 403 own own account all all all
            GET /v1/reports/talk          401 401 403 403 403 own own account all all all
            GET /v1/reports/faults        401 401 403 403 403 403 403 403 all all all
            GET /v1/nodes                 401 401 403 403 403 own own account all all all
            GET /v1/nodes/{name}          401 401 403 403 403 own own account all all all
            POST /v1/sessions             open open open open open open open open open open open
            POST /v1/sessions/slurm       open open open open open open open open open open open
            GET /v1/sessions              401 401 403 403 403 own own own own all all
            GET /v1/sessions/{session}    401 401 403 403 open open open open open open open
            DELETE /v1/sessions/{session} 401 401 403 403 403 open open open open open open
            POST /v1/sign-in-codes        401 401 403 403 403 open open open open open open
            GET /v1/notices               401 401 403 403 403 open 403 open open open 403
            POST /v1/notices              401 401 403 403 403 open 403 open open open 403
            GET /metrics                  401 401 403 open 403 403 403 403 403 open open
            GET /v1/health                401 401 open open 403 403 403 403 403 open open
            GET /v1/live                  open open open open open open open open open open open
            GET /v1/ready                 open open open open open open open open open open open
            GET /                         401 401 403 403 403 own own account all all all
            GET /jobs                     401 401 403 403 403 own own account all all all
            GET /jobs/{id}                401 401 403 403 run own own account all all all
            GET /arrays/{id}              401 401 403 403 403 own own account all all all
            GET /cluster                  401 401 403 403 403 own own account all all all
            GET /reports                  401 401 403 403 403 own own account all all all
            GET /reports/talk             401 401 403 403 403 own own account all all all
            GET /nodes/{name}             401 401 403 403 403 own own account all all all
            GET /users/{user}             401 401 403 403 403 own own account all all all
            GET /accounts/{account}       401 401 403 403 403 own own account all all all
            GET /search                   401 401 403 403 403 open open open open open open
            GET /sign-in                  open open open open open open open open open open open
            POST /sign-in                 open open open open open open open open open open open
            GET /sign-in/oidc             open open open open open open open open open open open
            GET /sign-in/oidc/callback    open open open open open open open open open open open
            POST /sign-out                401 401 403 403 403 open open open open open open
            GET /assets/{file}            open open open open open open open open open open open
            GET /v1/openapi.yaml          open open open open open open open open open open open
            GET /docs                     open open open open open open open open open open open
            GET /docs/assets/{file}       open open open open open open open open open open open
            """);

    private static TestServer server;
    private static Map<String, Client> callers;
    private static long sequence;

    private static Map<String, List<String>> matrix(String lines) {
        return lines.lines().map(line -> line.split(" +")).collect(Collectors.toMap(
                words -> words[0] + " " + words[1], words -> Arrays.asList(words).subList(2, words.length),
                (first, _) -> first, LinkedHashMap::new));
    }

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth("--helpdesk=helen,@no-such-group");
        started(OWN, "alice", 1001, "shared1", "physics", "mine");
        started(OF_ACCOUNT, MARK + "bob", 1002, "shared1", "physics", MARK + "bobs");
        started(FOREIGN, MARK + "eve", 1003, "shared1", MARK, MARK);
        started("710004", MARK + "eve", 1003, MARK + "-only", MARK, MARK);
        gpuHeldByForeignJob();
        long run = server.as(Role.OPERATOR).get("/v1/jobs/" + OWN).json().required("run").asLong();
        Duration hour = Duration.ofHours(1);
        coordinates("clara", "physics");
        coordinates("cora", "physics");
        callers = new LinkedHashMap<>();
        callers.put("anonymous", server.anonymous());
        callers.put("ended", server.signedIn("alice", 1001L, null, Duration.ZERO));
        callers.put("agent", server.as(Role.AGENT));
        callers.put("scrape", server.as(Role.SCRAPE));
        callers.put("link", server.signedIn("alice", 1001L, run, hour));
        callers.put("user", server.signedIn("alice", 1001L, null, hour));
        callers.put("uid", server.signedIn(null, 1001L, null, hour));
        callers.put("coord", server.signedIn("clara", 1005L, null, hour));
        callers.put("helpdesk", server.signedIn("helen", 1004L, null, hour));
        callers.put("root", server.signedIn("root", 0L, null, hour));
        callers.put("operator", server.as(Role.OPERATOR));
        assertThat(callers.keySet()).containsExactlyElementsOf(CALLERS);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static void started(String job, String user, long uid, String node, String account, String name) {
        Exchange told = server.as(Role.AGENT).post("/v1/events/job-started", """
                {"job_id": "%s", "user": "%s", "uid": %d, "node_list": ["%s"], "node": "%s", "start_time": "%s",
                 "account": "%s", "partition": "%s", "cgroup_path": "/%s", "scheduler": {"name": "%s",
                 "array_job_id": "7100%s", "array_task_id": 1}, "gpu_vendor": "nvidia", "gpu_devices": ["GPU-1"]}"""
                .formatted(job, user, uid, node, node, START, account, name, name, name, job.substring(4)));
        assertThat(told.status()).as("%s", told).isEqualTo(200);
    }

    private static void coordinates(String user, String account) {
        try (var connection = server.sql(); var statement = connection.prepareStatement("""
                insert into coordinator (user_name, cluster, account, read_at) values (?, 'default', ?, now())""")) {
            statement.setString(1, user);
            statement.setString(2, account);
            statement.executeUpdate();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void gpuHeldByForeignJob() {
        Exchange told = server.as(Role.AGENT).post("/v1/batches", """
                {"version": 1, "node": "shared1", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 15000,
                 "jobs": [{"job_id": "%s", "memory_usage_bytes": 1}, {"job_id": "%s", "memory_usage_bytes": 1}],
                 "gpus": [{"gpu": "GPU-1", "job_id": "%s", "vendor": "nvidia", "utilization_percent": 5},
                          {"gpu": "GPU-2", "shared_by": ["%s", "%s"], "vendor": "nvidia", "utilization_percent": 5}]}"""
                .formatted(++sequence, Instant.now().truncatedTo(ChronoUnit.SECONDS), OWN, FOREIGN, FOREIGN, OWN,
                        FOREIGN));
        assertThat(told.status()).as("%s", told).isEqualTo(200);
    }

    @Test
    void everyRouteHasItsLine() {
        assertThat(MATRIX.keySet()).containsExactlyInAnyOrderElementsOf(server.document().operations());
        assertThat(MATRIX.values()).allSatisfy(cells -> assertThat(cells).hasSameSizeAs(CALLERS));
    }

    static Stream<String> routes() {
        return MATRIX.keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("routes")
    void isGivenWhatTheMatrixSays(String route) {
        for (int i = 0; i < CALLERS.size(); i++) {
            String caller = CALLERS.get(i);
            String cell = MATRIX.get(route).get(i);
            switch (cell) {
                case "open" -> assertThat(ask(caller, route, UNKNOWN).status()).as(caller).isNotIn(401, 403);
                case "own", "run" -> ownOnly(caller, route, List.of(OF_ACCOUNT, FOREIGN));
                case "account" -> {
                    boolean isOfJob = !route.matches(".*\\{(name|account)}"); // where others are asked for
                    assertThat(ask(caller, route, OF_ACCOUNT).status()).as(caller).isEqualTo(isOfJob ? 200 : 404);
                    ownOnly(caller, route, List.of(FOREIGN));
                }
                case "all" -> everything(caller, route);
                case "link" -> linksOwnOnly(caller, route);
                default -> refused(caller, route, Integer.parseInt(cell));
            }
        }
    }

    /** The same whether there is such a job or not. */
    private static void refused(String caller, String route, int status) {
        for (String job : List.of(OWN, OF_ACCOUNT, FOREIGN, UNKNOWN)) {
            Exchange refused = ask(caller, route, job);
            assertThat(refused.status()).as("%s: %s", caller, refused).isEqualTo(status);
        }
    }

    private static void ownOnly(String caller, String route, List<String> others) {
        assertThat(ask(caller, route, OWN).status()).as("%s %s", caller, route).isEqualTo(200);
        Exchange unknown = ask(caller, route, UNKNOWN);
        for (String job : others) {
            Exchange other = ask(caller, route, job);
            assertThat(shape(other)).as("%s: another's is like unknown", caller).isEqualTo(shape(unknown));
            hidesOthers(caller, other);
        }
        hidesOthers(caller, ask(caller, route, OWN));
    }

    private static void linksOwnOnly(String caller, String route) {
        Exchange made = ask(caller, route, OWN);
        assertThat(made.status()).as("%s: %s", caller, made).isEqualTo(201);
        Client link = server.withToken(made.json().required("token").asString());
        assertThat(link.get("/v1/jobs/" + OWN).status()).isEqualTo(200);
        assertThat(link.get("/v1/jobs/" + FOREIGN).status()).isEqualTo(404);
        assertThat(link.get("/v1/jobs").status()).isEqualTo(403);
        for (String job : List.of(OF_ACCOUNT, FOREIGN)) {
            assertThat(ask(caller, route, job).status()).as(caller).isEqualTo(caller.equals("root") ? 201 : 404);
        }
        String id = made.json().required("session").required("id").asString();
        assertThat(callers.get(caller).send("DELETE", "/v1/sessions/" + id, "").status()).isEqualTo(204);
        assertThat(link.get("/v1/jobs/" + OWN).status()).isEqualTo(401);
    }

    private static void everything(String caller, String route) {
        for (String job : List.of(OWN, OF_ACCOUNT, FOREIGN)) {
            Exchange seen = ask(caller, route, job);
            assertThat(seen.status()).as("%s: %s", caller, seen).isEqualTo(200);
        }
    }

    /** What was asked may be repeated in an error. */
    private static void hidesOthers(String caller, Exchange response) {
        String body = response.status() == 200 ? response.body() : "";
        String seen = caller.equals("coord") ? "(?!bob)" : "";
        assertThat(body).as("%s: %s", caller, response).doesNotContainPattern(MARK + seen)
                .doesNotContain(FOREIGN, "710004");
        if (seen.isEmpty()) {
            assertThat(body).as("%s: %s", caller, response).doesNotContain(OF_ACCOUNT);
        }
        assertThat(response.headers().toString()).as("%s: %s", caller, response).doesNotContain(MARK);
    }

    /** Everything of a response but what was asked, and what differs each time. */
    private static String shape(Exchange response) {
        Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.putAll(response.headers());
        List.of("X-Correlation-Id", "Date", "Content-Length").forEach(headers::remove);
        String body = response.status() == 200 ? "" : response.body();
        for (String asked : List.of(OWN, OF_ACCOUNT, FOREIGN, UNKNOWN, MARK + "bob", MARK + "eve", "unknown",
                MARK + "-only", MARK)) {
            body = body.replace(asked, "*");
        }
        return response.status() + " " + headers + " " + body;
    }

    private static Exchange ask(String caller, String route, String job) {
        String[] words = route.split(" ");
        Map<String, String> of = Map.of(OWN, "alice", OF_ACCOUNT, MARK + "bob", FOREIGN, MARK + "eve", UNKNOWN,
                "unknown");
        Map<String, String> nodes = Map.of(OWN, "shared1", OF_ACCOUNT, MARK + "-only", FOREIGN, MARK + "-only",
                UNKNOWN, "unknown");
        Map<String, String> accounts = Map.of(OWN, "physics", OF_ACCOUNT, MARK, FOREIGN, MARK, UNKNOWN, "unknown");
        String path = words[1].replace("{id}", job).replace("{user}", of.get(job)).replace("{name}", nodes.get(job))
                .replace("{account}", accounts.get(job))
                .replace("{file}", words[1].startsWith("/docs") ? "docs.css" : "page.css")
                .replace("{session}", "0");
        if (route.matches("POST /sign-(in|out)")) {
            return callers.get(caller).send("POST", path, "code=none", "Content-Type",
                    "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin");
        }
        String body = route.equals("PATCH /v1/jobs/{id}") ? "{\"cpu_usage\": 1}" : "{}";
        return words[0].equals("GET") || words[0].equals("DELETE")
                ? callers.get(caller).send(words[0], path, "")
                : callers.get(caller).send(words[0], path, body, "Content-Type", "application/json");
    }

    /** A list, a search, a count, a cursor, an array, a step: whatever it is asked by, another's job is not there. */
    @ParameterizedTest
    @MethodSource("questions")
    void listsGiveNothingAway(String question) {
        Exchange everything = callers.get("helpdesk").get("/v1/jobs" + question);
        assertThat(everything.json().required("total").asInt()).as("%s", everything).isPositive();
        SEEN.forEach((caller, visible) -> {
            Exchange seen = callers.get(caller).get("/v1/jobs" + question);
            hidesOthers(caller, seen);
            Set<String> expected = ids(callers.get("helpdesk").get("/v1/jobs" + question.replace("limit=1", "")));
            expected.retainAll(visible);
            assertThat(seen.json().required("total").asInt()).as("%s", seen).isEqualTo(expected.size());
            assertThat(expected).containsAll(ids(seen));
            assertThat(seen.json().has("next_cursor")).as("%s", seen)
                    .isEqualTo(question.contains("limit=1") && expected.size() > 1);
        });
    }

    private static Set<String> ids(Exchange jobs) {
        return jobs.json().required("jobs").valueStream().map(job -> job.required("id").asString())
                .collect(Collectors.toCollection(HashSet::new));
    }

    static Stream<String> questions() {
        return Stream.of("", "?limit=1", "?sort=end_time", "?q=" + MARK, "?q=7100", "?user=" + MARK + "eve",
                "?account=" + MARK, "?account=physics", "?partition=" + MARK, "?node=" + MARK + "-only",
                "?node=shared1",
                "?id=" + FOREIGN, "?id=" + FOREIGN + ".batch", "?id=710003_1", "?id=7100" + FOREIGN.substring(4),
                "?state=running", "?cluster=default");
    }

    @Test
    void oneMayAskForOnesOwnOnly() {
        started("710010", "clara", 1005, "shared1", "physics", "hers");
        assertThat(ids(callers.get("coord").get("/v1/jobs?mine=true"))).containsExactly("710010");
        assertThat(ids(callers.get("coord").get("/v1/jobs?mine=false"))).contains(OWN, "710010");
        assertThat(ids(callers.get("user").get("/v1/jobs?mine=true"))).containsExactly(OWN);
        assertThat(ids(callers.get("helpdesk").get("/v1/jobs?mine=true"))).contains(OWN, FOREIGN);
        assertThat(callers.get("user").get("/v1/jobs?mine=me").status()).isEqualTo(400);
        assertThat(callers.get("operator").send("DELETE", "/v1/jobs/710010", "").status()).isEqualTo(204);
    }

    @Test
    void aCursorOfAnotherCallerLeadsToOwnJobsOnly() {
        String cursor = callers.get("operator").get("/v1/jobs?limit=1").json().required("next_cursor").asString();
        Exchange seen = callers.get("user").get("/v1/jobs?cursor=" + cursor);
        hidesOthers("user", seen);
        assertThat(seen.json().required("total").asInt()).isOne();
    }

    @Test
    void anotherRunOfAnIdIsNotThereThroughItsNumber() {
        long foreign = callers.get("operator").get("/v1/jobs/" + FOREIGN).json().required("run").asLong();
        for (String path : List.of("", "/verdict", "/series", "/metrics")) {
            for (String caller : List.of("user", "uid", "coord", "link")) {
                Exchange own = callers.get(caller).get("/v1/jobs/" + OWN + path + "?run=" + foreign);
                assertThat(own.status()).as("%s", own).isEqualTo(404);
                Exchange others = callers.get(caller).get("/v1/jobs/" + FOREIGN + path + "?run=" + foreign);
                assertThat(others.status()).as("%s", others).isEqualTo(404);
            }
        }
    }

    @Test
    void ofANodeOnlyOwnJobsAreNamed() {
        for (Function<Client, Exchange> question : List.<Function<Client, Exchange>>of(
                client -> client.get("/v1/nodes"), client -> client.get("/v1/nodes/shared1"))) {
            assertThat(question.apply(callers.get("operator")).body()).contains(FOREIGN, OWN);
            for (String caller : SEEN.keySet()) {
                Exchange seen = question.apply(callers.get(caller));
                hidesOthers(caller, seen);
                assertThat(seen.body()).contains(OWN);
            }
        }
        assertThat(callers.get("user").get("/v1/nodes").json().required("total").asInt()).isOne();
        assertThat(callers.get("operator").get("/v1/nodes").json().required("total").asInt()).isEqualTo(2);
    }

    @Test
    void aStreamTellsOfOwnJobsOnly() throws Exception {
        String token = callers.get("user").token().orElseThrow();
        try (EventStream stream = EventStream.open(server, "", "Authorization: Bearer " + token)) {
            started("710005", MARK + "eve", 1003, "shared1", MARK, MARK);
            gpuHeldByForeignJob();
            started("710006", "alice", 1001, "shared1", "physics", "mine");
            stream.await("710006", "running");
            stream.await("figures of one's own job",
                    told -> told.event().equals("figures") && told.job().equals(OWN));
            assertThat(stream.events()).extracting(EventStream.Told::job).containsOnly("710006", OWN);
        }
        assertThat(callers.get("operator").send("DELETE", "/v1/jobs/710006", "").status()).isEqualTo(204);
        assertThat(callers.get("operator").send("DELETE", "/v1/jobs/710005", "").status()).isEqualTo(204);
    }

    /** Ended by the server, so that the client asks anew: with what may be seen now. */
    @Test
    void theStreamOfACoordinatorEndsWhenTheUserIsNoneAnyMore() throws Exception {
        Client cora = server.signedIn("cora", 1006L, null, Duration.ofHours(1));
        try (EventStream stream = EventStream.open(server, "", "Authorization: Bearer " + cora.token().orElseThrow())) {
            started("710007", MARK + "eve", 1003, "shared1", MARK, MARK);
            started("710008", MARK + "bob", 1002, "shared1", "physics", "mine");
            stream.await("710008", "running");
            assertThat(stream.events()).extracting(EventStream.Told::job).doesNotContain("710007");
            try (var connection = server.sql(); var statement = connection.createStatement()) {
                statement.executeUpdate("delete from coordinator where user_name = 'cora'");
            }
            stream.awaitEnd();
        }
        for (String job : List.of("710007", "710008")) {
            assertThat(callers.get("operator").send("DELETE", "/v1/jobs/" + job, "").status()).isEqualTo(204);
        }
    }

    @Test
    void aSearchLeadsToOnesOwnOnly() {
        for (String caller : List.of("user", "uid")) {
            for (String asked : List.of(FOREIGN, MARK, MARK + "eve", MARK + "-only")) {
                assertThat(callers.get(caller).get("/search?q=" + asked).header("Location")).as(asked)
                        .hasValue("./jobs?q=" + asked);
            }
            assertThat(callers.get(caller).get("/search?q=" + OWN).header("Location"))
                    .hasValue("./arrays/" + OWN + "?cluster=default");
            assertThat(callers.get(caller).get("/search?q=JobId=" + OWN).header("Location"))
                    .hasValue("./arrays/" + OWN + "?cluster=default");
            assertThat(callers.get(caller).get("/search?q=JobId=" + FOREIGN).header("Location"))
                    .hasValue("./jobs?q=JobId%3D" + FOREIGN);
            assertThat(callers.get(caller).get("/search?q=physics").header("Location")).hasValue("./accounts/physics");
        }
        assertThat(callers.get("operator").get("/search?q=" + MARK + "-only").header("Location"))
                .hasValue("./nodes/" + MARK + "-only");
    }

    @Test
    void theMarkIsInWhatOperatorsSee() {
        TreeSet<String> missing = new TreeSet<>();
        for (String path : List.of("/v1/jobs", "/v1/jobs/" + FOREIGN, "/v1/jobs/" + FOREIGN + "/runs", "/metrics",
                "/v1/jobs/" + FOREIGN + "/audit", "/v1/nodes", "/jobs", "/jobs/" + FOREIGN, "/cluster")) {
            if (!callers.get("operator").get(path).body().contains(MARK)) {
                missing.add(path);
            }
        }
        assertThat(missing).isEmpty();
    }
}
