package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.http.Role;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sends the server what it must refuse, each line of http/bad-input.cases, byte by byte as it stands there. */
class BadInputTest {
    private static final Pattern MACRO = Pattern.compile("\\{(?:hex:([0-9a-f]{2})|([0-9]+)x:(.*?))}");
    private static final int CHUNK = 1 << 16;
    private static final int LONGEST_MESSAGE = 600;

    private static TestServer server;
    private static Connection database;

    @BeforeAll
    static void start() throws SQLException {
        server = TestServer.startWithAuth();
        database = server.sql();
    }

    @AfterAll
    static void stop() throws SQLException {
        assertThat(rows()).as("rows after all cases").containsOnly(0L);
        database.close();
        server.close();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void isRefusedWithTheReasonAndStoresNothing(Case bad) throws Exception {
        List<Long> before = rows();
        Exchange exchange = send(bad);
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
        assertThat(rows()).as("rows after %s", exchange).isEqualTo(before);
        assertThat(server.get("/v1/live").status()).isEqualTo(200);
    }

    private static List<Long> rows() throws SQLException {
        try (var statement = database.createStatement(); var rows = statement.executeQuery("""
                select (select count(*) from job), (select count(*) from job_node),
                    (select count(*) from job_figures), (select count(*) from audit)""")) {
            rows.next();
            return List.of(rows.getLong(1), rows.getLong(2), rows.getLong(3), rows.getLong(4));
        }
    }

    @Test
    void theSameRequestsAreTakenWithoutTheirFaults() {
        try (TestServer other = TestServer.startWithAuth()) {
            TestServer.Client agent = other.as(Role.AGENT);
            assertThat(agent.post("/v1/events/job-started", """
                    {"job_id": "4711", "user": "u", "node_list": ["n[1-3]"], "node": "n1", "uid": 1000,
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

    /** A case of the file. */
    record Case(String name, String method, String target, Map<String, String> headers, Optional<String> body,
            int status, String code, String field, String inMessage) {
        @Override
        public String toString() {
            return method + " with " + name;
        }
    }

    static List<Case> cases() throws IOException {
        try (InputStream in = BadInputTest.class.getResourceAsStream("/http/bad-input.cases")) {
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
        String[] expected = line.split(" ", 4);
        String last = expected.length > 3 ? expected[3] : "";
        boolean quoted = last.startsWith("\"");
        return new Case(title.substring(3), request[0], expanded(request[1]), headers, body,
                Integer.parseInt(expected[1]), expected.length > 2 ? expected[2] : "", quoted ? "" : last,
                quoted ? last.substring(1, last.length() - 1) : "");
    }

    /** The text, a character for each byte that is to be sent. */
    private static String expanded(String text) {
        return MACRO.matcher(text).replaceAll(macro -> Matcher.quoteReplacement(macro.group(1) != null
                ? Character.toString(HexFormat.fromHexDigits(macro.group(1)))
                : macro.group(3).repeat(Integer.parseInt(macro.group(2)))));
    }

    private static Exchange send(Case bad) throws IOException {
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
