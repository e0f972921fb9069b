package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
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
