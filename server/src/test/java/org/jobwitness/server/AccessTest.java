package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who is admitted. */
class AccessTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void twoAuthorizationHeadersAreRefusedEvenIfOneIsRight() throws IOException {
        String right = server.as(Role.OPERATOR).token().orElseThrow();
        try (RawConnection connection = server.connect()) {
            connection.send("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + right
                    + "\r\nAuthorization: Bearer other\r\n\r\n");
            Exchange refused = server.checked(connection.receive("GET", "/v1/jobs", ""));
            assertThat(refused.status()).as("%s", refused).isEqualTo(400);
        }
    }

    /** Two clusters whose users have the same names and other uids. */
    @Test
    void whoseUidIsKnownSeesNothingOfANamesakeOnAnotherCluster() {
        for (String job : List.of("a 1001", "b 2001")) {
            String[] words = job.split(" ");
            assertThat(server.as(Role.AGENT).post("/v1/events/job-started", """
                    {"job_id": "77%s", "cluster": "%s", "user": "alice", "uid": %s, "node_list": ["n1"]}"""
                    .formatted(words[1], words[0], words[1])).status()).isEqualTo(200);
        }
        Duration hour = Duration.ofHours(1);
        assertThat(seenBy(server.signedIn("alice", 1001L, null, hour))).containsExactly("771001");
        assertThat(seenBy(server.signedIn("alice", 2001L, null, hour))).containsExactly("772001");
        assertThat(seenBy(server.signedIn("alice", 3001L, null, hour))).isEmpty();
        assertThat(seenBy(server.signedIn("alice", null, null, hour))).as("whoever vouches for her knows names only")
                .containsExactlyInAnyOrder("771001", "772001");
    }

    private static List<String> seenBy(TestServer.Client user) {
        return user.get("/v1/jobs").json().required("jobs").valueStream().map(job -> job.required("id").asString())
                .toList();
    }

    /** Else everybody could make the server hold bodies. */
    @Test
    void whoHasNoTokenIsRefusedBeforeTheBodyIsRead() throws IOException {
        try (RawConnection connection = server.connect()) {
            connection.send("POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 1000000\r\n\r\n{");
            Exchange refused = server.checked(connection.receive("POST", "/v1/batches", ""));
            assertThat(refused.status()).isEqualTo(401);
            assertThat(refused.header("Connection")).contains("close");
        }
    }
}
