package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sends the server what it must refuse, each line of http/bad-input.cases, byte by byte as it stands there. */
class BadInputTest {
    private static final Pattern MACRO = Pattern
            .compile("\\{(?:hex:([0-9a-f]{2})|([0-9]+)x:(.*?)|now([+-][0-9]+)([mhd]))}");
    private static final Pattern EXPECTED = Pattern
            .compile("=> ([0-9]{3})(?: ([a-z_]+))?(?: ([^\" ]+))?(?: \"(.*)\")?");
    private static final Map<String, ChronoUnit> UNITS = Map.of("m", ChronoUnit.MINUTES, "h", ChronoUnit.HOURS, "d",
            ChronoUnit.DAYS);
    private static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private static final int CHUNK = 1 << 16;
    private static final int LONGEST_MESSAGE = 600;

    private static TestServer server;
    private static Connection database;
    private static List<String> tables;
    private static PreparedStatement fingerprints;
    private static Map<String, String> storedAtFirst;
    /** What the last look has found: nothing else writes, so it is what there was before a request. */
    private static Map<String, String> before;
    private static String lastSnapshot = "";

    @BeforeAll
    static void start() throws SQLException, InterruptedException {
        server = TestServer.startWithAuth();
        database = server.sql();
        noHourMayEnd();
        Waiting.until("the catalogue of figures is stored", Duration.ofSeconds(20), BadInputTest::hasFigures);
        tables = tables();
        assertThat(tables).contains("job", "job_node", "job_figures", "job_gpu_figures", "audit", "sample_buffer_0");
        fingerprints = fingerprints();
        stored();
        makeTheJobsThatCasesSpeakOf();
        noEndMayBeSummed();
        stored();
        storedAtFirst = before;
    }

    /** Else the server would begin to pack one while it is looked at what it has stored. */
    private static void noHourMayEnd() throws SQLException {
        try (var statement = database.createStatement()) {
            statement.execute("update sample_buffer set activated_at = now() + interval '1 day'");
        }
    }

    /** Likewise, two minutes after the end of a job. */
    private static void noEndMayBeSummed() throws SQLException {
        try (var statement = database.createStatement()) {
            statement.execute("update ended_run set due_at = 'infinity'");
        }
    }

    /** The leader stores it soon after the start. */
    private static boolean hasFigures() throws IOException {
        try {
            return server.rows("figure") > 0;
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    /** Each step must be seen in {@link #stored}, or that nothing is stored would be found of anything. */
    private static void makeTheJobsThatCasesSpeakOf() throws SQLException {
        String job = "{\"id\":\"%s\",\"user\":\"alice\",\"nodes\":[\"n[1-2]\"]}";
        String event = "{\"job_id\":\"twice-1\",\"user\":\"alice\",\"node_list\":[\"n1\"],\"cluster\":\"%s\"}";
        isStored("POST", "/v1/jobs", job.formatted("running-1"), 201, "job", "job_node", "audit");
        isStored("POST", "/v1/jobs/running-1/metrics", expanded("{\"cpu_usage\":10,\"memory_usage_mb\":2048,"
                + "\"gpu_usage\":30,\"timestamp\":\"{now-1h}\"}"), 201, "sample_buffer_0", "job_figures");
        isStored("POST", "/v1/jobs", job.formatted("ended-1"), 201, "job", "job_node", "audit");
        isStored("PATCH", "/v1/jobs/ended-1", "{\"state\":\"completed\"}", 200, "job", "audit",
                "ended_run");
        isStored("POST", "/v1/jobs", job.formatted("17"), 201, "job", "job_node", "audit");
        for (String cluster : List.of("east", "west")) {
            isStored("POST", "/v1/events/job-started", event.formatted(cluster), 200, "job", "job_node", "audit");
        }
    }

    private static void isStored(String method, String path, String json, int status, String... where)
            throws SQLException {
        Map<String, String> earlier = before;
        Exchange exchange = server.as(Role.OPERATOR).send(method, path, json, "Content-Type", "application/json");
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(status);
        Map<String, String> after = stored();
        assertThat(tables.stream().filter(table -> !Objects.equals(earlier.get(table), after.get(table))))
                .as("tables changed by %s", exchange).containsExactlyInAnyOrder(where);
    }

    @AfterAll
    static void stop() throws SQLException {
        assertThat(fingerprint()).as("what is stored after all cases").isEqualTo(storedAtFirst);
        database.close();
        server.close();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void isRefusedWithTheReasonAndStoresNothing(Case bad) throws Exception {
        Map<String, String> earlier = before;
        Exchange exchange = send(server, bad);
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(bad.status);
        server.checked(exchange);
        if (!bad.method.equals("HEAD")) {
            assertThat(exchange.code()).as("%s", exchange).isEqualTo(bad.code);
            assertThat(exchange.message()).as("%s", exchange).contains(bad.inMessage)
                    .hasSizeLessThan(LONGEST_MESSAGE).doesNotContainPattern("\\p{Cntrl}");
            assertThat(exchange.field()).as("%s", exchange).isEqualTo(bad.field);
        }
        String sentId = bad.headers.get("X-Correlation-Id");
        if (sentId != null) {
            assertThat(exchange.header("X-Correlation-Id").orElseThrow()).isNotEqualTo(sentId).hasSize(36);
        }
        assertThat(stored()).as("what is stored after %s", exchange).isEqualTo(earlier);
        assertThat(server.get("/v1/live").status()).isEqualTo(200);
    }

    /** How many rows each table has, and a fingerprint of what is in them: a change of a row must not go unseen. */
    private static PreparedStatement fingerprints() throws SQLException {
        return database.prepareStatement(tables.stream().map(table -> """
                select '%1$s', count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '')
                from %1$s t""".formatted(table)).collect(Collectors.joining(" union all ")));
    }

    private static Map<String, String> stored() throws SQLException {
        String now = snapshot();
        if (!now.equals(lastSnapshot)) {
            before = fingerprint();
            lastSnapshot = now;
        }
        return before;
    }

    /** Which transactions are seen; as long as it stays the same, none has written anything. */
    private static String snapshot() throws SQLException {
        try (var statement = database.createStatement();
                var row = statement.executeQuery("select pg_current_snapshot()::text")) {
            row.next();
            return row.getString(1);
        }
    }

    private static Map<String, String> fingerprint() throws SQLException {
        Map<String, String> stored = new TreeMap<>();
        try (var rows = fingerprints.executeQuery()) {
            while (rows.next()) {
                stored.put(rows.getString(1), rows.getString(2));
            }
        }
        return stored;
    }

    private static List<String> tables() throws SQLException {
        List<String> tables = new ArrayList<>();
        try (var statement = database.createStatement(); var rows = statement.executeQuery("""
                select relname from pg_class where relnamespace = current_schema()::regnamespace
                    and relkind in ('r', 'p') and not relispartition order by relname""")) {
            while (rows.next()) {
                tables.add(rows.getString(1));
            }
        }
        return List.copyOf(tables);
    }

    @Test
    void theSameRequestsAreTakenWithoutTheirFaults() {
        try (TestServer other = TestServer.startWithAuth()) {
            TestServer.Client agent = other.as(Role.AGENT);
            assertThat(agent.post("/v1/events/job-started", """
                    {"job_id": "4711", "user": "u", "node_list": ["n[1-3]"], "node": "n1", "uid": 4294967294,
                     "timestamp": "2026-11-22T21:34:10+01:00", "cpu_allocation": 12, "cpus_per_node": "4(x3)",
                     "gpu_vendor": "nvidia", "gpu_devices": ["0"], "gpu_allocation": 1,
                     "sluid": "s5K1KKYAYG5D00", "extra": [[[1e400]]]}""").status()).isEqualTo(200);
            assertThat(agent.send("POST", "/v1/events/job-finished",
                    "{\"job_id\": \"slurm-4711\", \"x\": \"" + "a".repeat(1_000_000) + "\"}", "Content-Type",
                    "Application/JSON; charset=UTF-8", "X-Changed-By", " ").status()).isEqualTo(200);
            TestServer.Client operator = other.as(Role.OPERATOR);
            for (String query : List.of("limit=1000&offset=999999999", "from=2026-11-22T21:34:10%2B01:00&to="
                    + "2026-11-23T00:00:00Z", "user=caf%C3%A9&q=100%25",
                    "state=running&reason=unknown&sort=-end_time")) {
                assertThat(operator.get("/v1/jobs?" + query).status()).as(query).isEqualTo(200);
            }
            Exchange named = operator.send("GET", "/v1/jobs/4711?run=1&cluster=default", "", "X-Correlation-Id",
                    "report-17");
            assertThat(named.status()).isEqualTo(200);
            assertThat(named.header("X-Correlation-Id")).contains("report-17");
        }
    }

    @Test
    void theSameIsTakenByHandWithoutItsFaults() {
        try (TestServer other = TestServer.startWithAuth()) {
            TestServer.Client operator = other.as(Role.OPERATOR);
            String notes = "n".repeat(16_384 - 60);
            assertThat(operator.send("POST", "/v1/jobs", """
                    {"id": "slurm-4711", "user": "j\u00fcrgen \ud83d\ude00", "nodes": ["n[1,3-5]", "gpu-1.example.org", "n1"],
                     "scheduler": {"type": "mock", "external_job_id": "4711.batch", "name": "%s", "partition": "batch",
                     "priority": 0, "time_limit_minutes": 2147483647, "submit_time": "2199-12-31T23:59:59+14:00",
                     "array_task_id": 0, "new": {"a": 1e400},
                     "extra": {"a": [null, true, {"b": [[[1e30, -1e-30, 0]]]}], "": "\\ttab\\n", "notes": "%s"}}}"""
                    .formatted("n".repeat(1024), notes), "Content-Type", "application/json;charset=utf-8", "X-Source",
                    " ").status()).isEqualTo(201);
            assertThat(operator.get("/v1/jobs/4711").json().required("nodes")).hasSize(5);
            assertThat(operator.get("/v1/jobs?partition=batch").json().required("total").asInt()).isOne();
            for (String patch : List.of("{\"cpu_usage\": 0, \"memory_usage_mb\": 0, \"gpu_usage\": -0.0}",
                    "{\"cpu_usage\": 100, \"memory_usage_mb\": 1099511627776, \"gpu_usage\": 1e2}",
                    "{\"cpu_usage\": 4.9e-324, \"nodes\": \"n9\"}", "{\"state\": \"running\"}")) {
                assertThat(operator.send("PATCH", "/v1/jobs/4711?cluster=default", patch, "Content-Type",
                        "application/json").status()).as(patch).isEqualTo(200);
            }
            TestServer.Client agent = other.as(Role.AGENT);
            for (String at : List.of("{now-10070m}", "{now+4m}", "{now-1h}", "{now-1h}")) {
                assertThat(agent.post("/v1/jobs/slurm-4711/metrics?cluster=default", expanded("{\"cpu_usage\": 50.5, "
                        + "\"memory_usage_mb\": 0.001, \"gpu_usage\": 0, \"timestamp\": \"" + at + "\"}")).status())
                        .as(at).isEqualTo(201);
            }
            String at = expanded("{now-1h}");
            String sameAt = at.replace("Z", "%2B00:00");
            Map.of("", 6, "?limit=10000&run=1&cluster=default", 6, "?limit=1", 6, "?start_time=" + at, 5,
                    "?end_time=" + at, 1, "?start_time=" + at + "&end_time=" + sameAt, 0)
                    .forEach((query, total) -> assertThat(operator.get("/v1/jobs/4711/metrics" + query).json()
                            .required("total").asInt()).as(query).isEqualTo(total));
            assertThat(operator.send("HEAD", "/v1/jobs/4711/metrics", "").status()).isEqualTo(200);
            assertThat(operator.send("PATCH", "/v1/jobs/4711", "{\"state\": \"cancelled\"}", "Content-Type",
                    "application/json").status()).isEqualTo(200);
            assertThat(operator.send("DELETE", "/v1/jobs/slurm-4711?cluster=default", "", "Content-Type",
                    "application/json").status()).isEqualTo(204);
        }
    }

    @Test
    void whatASchedulerSaysTwiceIsSaidOnce() {
        try (TestServer other = TestServer.startWithAuth()) {
            String event = """
                    {"job_id": "4711", "user": "u", "node_list": ["n1"], "start_time": "2026-11-22T21:34:10Z",
                     "scheduler": {"type": "slurm", "partition": "batch", "account": "physics", "priority": 4294967295,
                     "submit_time": "2026-11-22T21:34:00.5+01:00", "extra": {"a": [1e7, -0.0, 1e22, 1.50, 1e-30, null,
                     {"b": 12345678901234567890, "c": 86400000.0, "d": 2147483648.0}]}}}""";
            TestServer.Client agent = other.as(Role.AGENT);
            for (String status : List.of("created", "skipped", "skipped")) {
                assertThat(agent.post("/v1/events/job-started", event).json().required("status").asString())
                        .isEqualTo(status);
            }
            assertThat(other.as(Role.OPERATOR).get("/v1/jobs?partition=batch&account=physics").json()
                    .required("total").asInt()).isOne();
        }
    }

    /** A case of the file. */
    record Case(String name, String method, String target, Map<String, String> headers, Optional<String> body,
            int status, String code, String field, String inMessage) {
        @Override
        public String toString() {
            return method + " " + (target.length() > 60 ? target.substring(0, 60) + "…" : target) + " with " + name;
        }
    }

    static List<Case> cases() throws IOException {
        return cases("/http/bad-input.cases");
    }

    static List<Case> cases(String resource) throws IOException {
        try (InputStream in = BadInputTest.class.getResourceAsStream(resource)) {
            String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            List<Case> cases = new ArrayList<>();
            Iterator<String> lines = text.lines().filter(line -> !line.startsWith("#")).iterator();
            while (lines.hasNext()) {
                String line = lines.next();
                if (!line.isEmpty()) {
                    cases.add(parse(line, lines));
                }
            }
            return cases;
        }
    }

    private static Case parse(String title, Iterator<String> lines) {
        assertThat(title).startsWith("== ");
        String[] request = lines.next().split(" ", 2);
        Map<String, String> headers = new LinkedHashMap<>();
        String line = lines.next();
        for (; !line.isEmpty() && !line.startsWith("=> "); line = lines.next()) {
            String[] header = line.split(":", 2);
            headers.put(header[0], expanded(header[1].strip()));
        }
        Optional<String> body = Optional.empty();
        if (line.isEmpty()) {
            StringBuilder text = new StringBuilder(lines.next());
            for (line = lines.next(); !line.startsWith("=> "); line = lines.next()) {
                text.append(' ').append(line);
            }
            body = Optional.of(expanded(text.toString()));
        }
        Matcher expected = EXPECTED.matcher(line);
        assertThat(expected.matches()).as(line).isTrue();
        return new Case(title.substring(3), request[0], expanded(request[1]), headers, body,
                Integer.parseInt(expected.group(1)), Objects.requireNonNullElse(expected.group(2), ""),
                Objects.requireNonNullElse(expected.group(3), ""), Objects.requireNonNullElse(expected.group(4), ""));
    }

    /** The text, a character for each byte that is to be sent. */
    private static String expanded(String text) {
        return MACRO.matcher(text).replaceAll(macro -> Matcher.quoteReplacement(macro.group(1) != null
                ? Character.toString(HexFormat.fromHexDigits(macro.group(1)))
                : macro.group(2) != null
                        ? macro.group(3).repeat(Integer.parseInt(macro.group(2)))
                        : NOW.plus(Long.parseLong(macro.group(4)), UNITS.get(macro.group(5))).toString()));
    }

    static Exchange send(TestServer server, Case bad) throws IOException {
        Map<String, String> headers = new LinkedHashMap<>(Map.of("Host", "localhost", "Connection", "close"));
        String token = bad.headers.getOrDefault("Token", "operator");
        if (!token.equals("none")) {
            Role role = Role.valueOf(token.toUpperCase(Locale.ROOT));
            headers.put("Authorization", "Bearer " + server.as(role).token().orElseThrow());
        }
        byte[] body = bad.body.orElse("").getBytes(StandardCharsets.ISO_8859_1);
        if (bad.body.isPresent()) {
            headers.put("Content-Type", "application/json");
            headers.put("Content-Length", Integer.toString(body.length));
        }
        boolean chunked = bad.headers.containsKey("Transfer-Encoding") && !bad.headers.containsKey("Content-Length");
        if (chunked) {
            headers.remove("Content-Length");
        }
        headers.putAll(bad.headers);
        headers.remove("Token");
        boolean raw = headers.remove("Raw-Body") != null;
        StringBuilder head = new StringBuilder(bad.method + " " + bad.target + " HTTP/1.1\r\n");
        headers.forEach((name, value) -> {
            if (!value.isEmpty()) {
                head.append(name).append(": ").append(value).append("\r\n");
            }
        });
        try (RawConnection connection = server.connect()) {
            connection.send(head + "\r\n");
            try {
                sendBody(connection, body, chunked && !raw);
            } catch (SocketException e) {
                // The server need not read to its end what it refuses; its answer is there all the same.
            }
            connection.finish();
            return connection.receive(bad.method, bad.target, bad.body.orElse(""));
        }
    }

    private static void sendBody(RawConnection connection, byte[] body, boolean chunked) throws IOException {
        for (int at = 0; at < body.length; at += CHUNK) {
            int size = Math.min(CHUNK, body.length - at);
            if (chunked) {
                connection.send(Integer.toHexString(size) + "\r\n");
            }
            connection.send(Arrays.copyOfRange(body, at, at + size));
            if (chunked) {
                connection.send("\r\n");
            }
        }
        if (chunked) {
            connection.send("0\r\n\r\n");
        }
    }
}
