package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http.HttpParser;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.Logged;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** How long the server waits for whom, and how many it holds at once. Much of it is waiting. */
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class ConnectionTest {
    private static final Duration DEADLINE = Duration.ofSeconds(1);
    /** A deadline is looked after once a second, and a loaded machine may be late. */
    private static final Duration SOON = DEADLINE.plusSeconds(10);
    private static final Duration A_LITTLE = Duration.ofMillis(200);
    private static final String HEAD = "POST /v1/events/job-finished HTTP/1.1\r\nHost: localhost\r\n"
            + "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n";
    private static final String LIVE = "GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.start("--request-deadline-seconds=" + DEADLINE.toSeconds());
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void headersThatDripAreCutOff() throws IOException {
        try (RawConnection connection = server.connect()) {
            assertThat(timeUntilCutOff(connection, "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: "))
                    .isGreaterThan(DEADLINE);
        }
    }

    @Test
    void aBodyThatDripsIsCutOff() throws IOException {
        try (RawConnection connection = server.connect()) {
            assertThat(timeUntilCutOff(connection, HEAD.formatted(1_000_000) + "{\"job_id\": \""))
                    .isGreaterThan(DEADLINE);
        }
    }

    @Test
    void aSecondRequestThatDripsIsCutOffToo() throws IOException {
        try (RawConnection connection = server.connect()) {
            connection.send(LIVE);
            assertThat(receive(connection).status()).isEqualTo(200);
            assertThat(timeUntilCutOff(connection, "GET /v1/live HTTP/1.1\r\nX-Slow: ")).isGreaterThan(DEADLINE);
        }
    }

    /** Else its client would send the next request into a connection that is about to close. */
    @Test
    void whoIsRefusedBeforeTheBodyWasReadIsToldThatTheConnectionCloses() throws IOException {
        for (long length : List.of(2_000_000L, Long.MAX_VALUE)) {
            try (RawConnection connection = server.connect()) {
                connection.send(HEAD.formatted(length) + "{");
                Exchange refused = connection.receive("POST", "/v1/events/job-finished", "");
                assertThat(refused.status()).isEqualTo(413);
                assertThat(refused.header("Connection")).contains("close");
            }
        }
        try (RawConnection connection = server.connect()) {
            for (int i = 0; i < 2; i++) {
                connection.send(HEAD.formatted(2) + "{}");
                Exchange refused = connection.receive("POST", "/v1/events/job-finished", "");
                assertThat(refused.status()).isEqualTo(400);
                assertThat(refused.header("Connection")).as("a small body costs no connection").isEmpty();
            }
        }
    }

    /** Sends the beginning of a request, then a byte every now and then, as long as the server listens. */
    private static Duration timeUntilCutOff(RawConnection connection, String beginning) {
        long began = System.nanoTime();
        try {
            connection.send(beginning);
            while (connection.isSilentFor(A_LITTLE)) {
                connection.send("1");
                Duration passed = Duration.ofNanos(System.nanoTime() - began);
                assertThat(passed).as("still listening").isLessThan(SOON);
            }
        } catch (IOException e) {
            // Closed while we wrote.
        }
        return Duration.ofNanos(System.nanoTime() - began);
    }

    @Test
    void aConnectionThatRestsBetweenRequestsIsNotCutOff() throws IOException {
        try (RawConnection connection = server.connect()) {
            for (int request = 0; request < 2; request++) {
                connection.send(LIVE);
                assertThat(receive(connection).status()).isEqualTo(200);
                assertThat(connection.isSilentFor(DEADLINE.multipliedBy(4))).isTrue();
            }
            connection.send(LIVE);
            assertThat(receive(connection).status()).isEqualTo(200);
        }
    }

    @Test
    void anAnswerThatTakesLongIsNotCutOff() throws Exception {
        assertAnswered(server, "slow-1", Duration.ZERO, DEADLINE.multipliedBy(3));
    }

    /** The body is in time, but between it and the headers the clock has been looked at. */
    @Test
    void anAnswerThatTakesLongIsNotCutOffWhereTheBodyCameLater() throws Exception {
        try (TestServer patient = TestServer.start("--request-deadline-seconds=2")) {
            assertAnswered(patient, "slow-2", Duration.ofMillis(1500), Duration.ofMillis(3500));
        }
    }

    /**
     * Holds the lock on a job id, so that an event about it has to wait for longer than the deadline.
     *
     * @param longer well below the 5 seconds after which the server gives up on a lock
     */
    private static void assertAnswered(TestServer server, String jobId, Duration beforeTheBody, Duration longer)
            throws Exception {
        String body = "{\"job_id\": \"" + jobId + "\"}";
        try (Connection database = server.sql();
                var statement = database.createStatement();
                RawConnection connection = server.connect()) {
            database.setAutoCommit(false);
            statement.execute("select pg_advisory_xact_lock(hashtextextended('default/" + jobId + "', 0))");
            connection.send(HEAD.formatted(body.length()));
            if (!beforeTheBody.isZero()) {
                assertThat(connection.isSilentFor(beforeTheBody)).isTrue();
            }
            connection.send(body);
            assertThat(connection.isSilentFor(longer)).as("waits for the lock").isTrue();
            database.rollback();
            Exchange answer = connection.receive("POST", "/v1/events/job-finished", body);
            assertThat(server.checked(answer).status()).isEqualTo(200);
        }
    }

    @Test
    void silenceInTheMiddleOfARequestIsCutOff() throws IOException {
        for (String beginning : List.of("", "GET /v1/li", "GET /v1/live HTTP/1.1\r\nHost: local",
                HEAD.formatted(1000) + "{\"job_id\"")) {
            try (RawConnection connection = server.connect()) {
                connection.send(beginning);
                assertThat(connection.isSilentFor(SOON)).as(beginning).isFalse();
            }
        }
    }

    @Test
    void aRequestHasALimitedNumberOfHeaders() throws IOException {
        try (RawConnection connection = server.connect()) {
            connection.send("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n" + "a:1\r\n".repeat(63) + "\r\n");
            assertThat(receive(connection).status()).isEqualTo(200);
            connection.send("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n" + "a:1\r\n".repeat(64) + "\r\n");
            assertThat(receive(connection).status()).isEqualTo(431);
        }
    }

    /** Who has no token could else fill the disk. */
    @Test
    void requestsThatAreNoHttpLeaveNoLineInTheLog() throws IOException {
        try (Logged log = new Logged(HttpParser.class)) {
            for (String odd : List.of("Host: a\r\nHost: b", "Content-Length: 1\r\nContent-Length: 2", "X: a\0b")) {
                try (RawConnection connection = server.connect()) {
                    connection.send("GET /v1/live HTTP/1.1\r\n" + odd + "\r\n\r\n");
                    assertThat(receive(connection).status()).as(odd).isEqualTo(400);
                }
            }
            assertThat(log.lines()).isEmpty();
        }
    }

    @Test
    void moreConnectionsThanAllowedTakeThePlaceOfThoseThatWait() throws IOException {
        List<RawConnection> all = new ArrayList<>();
        // Without a database, for which the test would wait by a connection of its own.
        try (TestServer small = TestServer.startWithoutDatabase("--max-connections=20")) {
            for (int i = 0; i < 100; i++) {
                RawConnection connection = small.connect();
                all.add(connection);
                connection.send(LIVE);
                assertThat(receive(connection).status()).isEqualTo(200);
                connection.send(i % 2 == 0 ? "GET /v1/live HTTP/1.1\r\n" : "");
            }
            assertThat(all.getFirst().isSilentFor(A_LITTLE)).as("the oldest is still open").isFalse();
            assertThat(all.getLast().isSilentFor(A_LITTLE)).as("the newest is still open").isTrue();
        } finally {
            for (RawConnection connection : all) {
                connection.close();
            }
        }
    }

    private static Exchange receive(RawConnection connection) throws IOException {
        return server.checked(connection.receive("GET", "/v1/live", ""));
    }
}
