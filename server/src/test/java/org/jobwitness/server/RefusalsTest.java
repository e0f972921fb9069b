package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is refused is in the audit trail of access, in few rows. */
class RefusalsTest {
    private static final String FORM = "application/x-www-form-urlencoded";

    @TempDir
    Path folder;

    /** What a server that has stopped has kept, in words: who, why, what, from where, and how often. */
    private static List<String> refused(TestServer server, Runnable requests) throws SQLException {
        try (server) {
            requests.run();
        }
        List<String> found = new ArrayList<>();
        try (var connection = server.sql(); var rows = connection.createStatement().executeQuery("""
                select concat_ws(' ', actor, user_name, uid, cause, request, address, requests)
                from access_event where action = 'refused' order by event_id""")) {
            while (rows.next()) {
                found.add(rows.getString(1));
            }
        }
        return found;
    }

    @Test
    void everyRefusalIsInTheTrailOnceForThoseThatAreAlike() throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), "correct-horse-battery");
        TestServer server = TestServer.startWithAuth("--proxy-user-header=X-Remote-User",
                "--proxy-secret-file=" + secret, "--proxy-addresses=127.0.0.1");
        assertThat(refused(server, () -> {
            server.withToken("jws_unknown").get("/v1/jobs");
            server.withToken("no-such-token").get("/v1/jobs/4711");
            server.withToken("another-token").get("/v1/jobs/4712");
            server.anonymous().get("/v1/jobs"); // has nothing to be refused
            server.anonymous().send("GET", "/v1/jobs", "", "Cookie", "jobwitness=jws_expired");
            server.signedIn("alice", 1001L, null, Duration.ofHours(1)).send("DELETE", "/v1/jobs/1", "");
            server.as(Role.AGENT).get("/v1/jobs");
            server.anonymous().send("GET", "/v1/jobs", "", "X-Remote-User", "root");
            server.anonymous().send("POST", "/sign-in", "code=jwc_used", "Content-Type", FORM, "Sec-Fetch-Site",
                    "same-origin");
            server.anonymous().send("POST", "/sign-in", "code=jwc_used", "Content-Type", FORM, "Sec-Fetch-Site",
                    "cross-site");
        })).containsExactly("anonymous unknown_token GET /v1/jobs 127.0.0.1 2",
                "anonymous unknown_token GET /v1/jobs/{id} 127.0.0.1 2",
                "user:alice alice 1001 not_allowed DELETE /v1/jobs/{id} 127.0.0.1 1",
                "agent not_allowed GET /v1/jobs 127.0.0.1 1",
                "anonymous proxy_header GET /v1/jobs 127.0.0.1 1",
                "anonymous sign_in POST /sign-in 127.0.0.1 2");
    }

    @Test
    void strangersDoNotDecideHowManyRowsThereAre() throws Exception {
        TestServer server = TestServer.startWithAuth();
        assertThat(refused(server, () -> {
            for (int i = 0; i < 200; i++) {
                server.signedIn("user" + i, 2000L + i, null, Duration.ofHours(1)).send("DELETE", "/v1/jobs/1", "");
            }
        })).hasSize(31).endsWith("anonymous not_allowed 170");
    }
}
