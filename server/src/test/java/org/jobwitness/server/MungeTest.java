package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.SplittableRandom;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.EventStream;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.MungedProcess;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.TestServer.Client;
import org.jobwitness.server.testing.Waiting;
import org.jobwitness.wire.SignIn;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** People who sign in by Debian's munged, and their sessions. Two of them share a key, as on two hosts of a cluster. */
@Timeout(300)
class MungeTest {
    private static final SplittableRandom RANDOM = new SplittableRandom();
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** No user of this machine has it. */
    private static final long UID = 424_242;

    @TempDir
    static Path folder;
    private static Path key;
    private static MungedProcess munged;
    private static MungedProcess otherMunged;
    private static TestServer server;
    private static TestServer other;

    @BeforeAll
    static void start() throws Exception {
        MungedProcess.assumeInstalled();
        Waiting.passable(folder);
        key = MungedProcess.newKey(folder.resolve("key"));
        munged = MungedProcess.start(folder.resolve("munged"), key);
        otherMunged = MungedProcess.start(folder.resolve("other"), key);
        server = TestServer.startWithAuth("--munge-socket=" + munged.socket());
        DatabaseAddress database = server.address();
        other = TestServer.startWithAuth("--munge-socket=" + otherMunged.socket(), "--database-url="
                + database.jdbcUrl() + (database.jdbcUrl().contains("?") ? "&" : "?") + "user=" + database.user()
                + "&password=" + database.password());
        for (String job : new String[]{"1 " + UID, "2 1"}) {
            String[] words = job.split(" ");
            assertThat(server.as(Role.AGENT).post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "user%s", "uid": %s, "node_list": ["n1"]}"""
                    .formatted(words[0], words[1], words[1])).status()).isEqualTo(200);
        }
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[]{other, server, otherMunged, munged}) {
            if (part != null) {
                part.close();
            }
        }
    }

    private static String credential(long uid, String... options) throws Exception {
        return munged.encode(uid, SignIn.newPayload(RANDOM), options);
    }

    private static Exchange signIn(TestServer at, String credential) {
        return at.anonymous().post("/v1/sessions", "{\"munge_credential\": \"" + credential + "\"}");
    }

    private static Client client(Exchange signedIn) {
        assertThat(signedIn.status()).as("%s", signedIn).isEqualTo(201);
        return server.withToken(signedIn.json().required("token").asString());
    }

    private static void refused(Exchange exchange, String message) {
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(401);
        assertThat(exchange.message()).contains(message);
    }

    @Test
    void aUserWithoutANameSeesTheJobsOfTheUidOnBothServers() throws Exception {
        Exchange signedIn = signIn(server, credential(UID));
        JsonNode session = signedIn.json().required("session");
        assertThat(session.required("uid").asLong()).isEqualTo(UID);
        assertThat(session.has("user")).isFalse();
        assertThat(session.required("role").asString()).isEqualTo("user");
        for (TestServer each : new TestServer[]{server, other}) {
            JsonNode jobs = each.withToken(signedIn.json().required("token").asString()).get("/v1/jobs").json();
            assertThat(jobs.required("total").asInt()).isOne();
            assertThat(jobs.required("jobs").get(0).required("id").asString()).isEqualTo("1");
        }
    }

    @Test
    void rootIsAnOperatorUnlessTheSettingSaysOtherwise() throws Exception {
        Exchange signedIn = signIn(server, credential(0));
        assertThat(signedIn.json().required("session").required("user").asString()).isEqualTo("root");
        assertThat(signedIn.json().required("session").required("role").asString()).isEqualTo("operator");
        assertThat(client(signedIn).get("/v1/jobs").json().required("total").asInt()).isEqualTo(2);
        assertThat(client(signedIn).send("PATCH", "/v1/jobs/2", "{\"state\": \"failed\"}", "Content-Type",
                "application/json").status()).isEqualTo(200);
        assertThat(client(signedIn).get("/v1/jobs/2/audit").body()).contains("\"user:root\"");
    }

    @Test
    void aCredentialCountsOnce() throws Exception {
        String credential = credential(UID);
        client(signIn(server, credential));
        refused(signIn(server, credential), "used before");
        refused(signIn(other, credential), "used before");
    }

    @Test
    void aCredentialCountsOnceThoughMungedForgetsIt() throws Exception {
        Path place = folder.resolve("restarted");
        try (TestServer third = restarting(place)) {
            String credential;
            try (MungedProcess first = MungedProcess.start(place, key)) {
                credential = first.encode(UID, SignIn.newPayload(RANDOM));
                assertThat(signIn(third, credential).status()).isEqualTo(201);
            }
            Exchange away = signIn(third, credential);
            assertThat(away.status()).as("%s", away).isEqualTo(503);
            assertThat(away.message()).contains("MUNGE cannot check");
            try (MungedProcess again = MungedProcess.start(place, key)) {
                assertThat(again.socket()).exists();
                refused(signIn(third, credential), "used before");
            }
        }
    }

    private static TestServer restarting(Path place) {
        return TestServer.startWithAuth("--munge-socket=" + place.resolve("socket"));
    }

    @Test
    void aCredentialOfAnotherKeyIsRefused() throws Exception {
        Path strange = MungedProcess.newKey(folder.resolve("strange-key"));
        try (MungedProcess stranger = MungedProcess.start(folder.resolve("stranger"), strange)) {
            refused(signIn(server, stranger.encode(0, SignIn.newPayload(RANDOM))), "one munge.key");
        }
    }

    @Test
    void whatIsCutChangedOrForOthersIsRefused() throws Exception {
        String credential = credential(0);
        refused(signIn(server, credential.substring(0, credential.length() / 2)), "MUNGE does not accept");
        refused(signIn(server, credential.replaceAll("[a-z]", "x")), "MUNGE does not accept");
        refused(signIn(server, "MUNGE::"), "MUNGE");
        refused(signIn(server, "x".repeat(16_000)), "MUNGE");
        refused(signIn(server, credential(0, "--restrict-uid=" + UID)), "another program");
        refused(signIn(server, munged.encode(0, "slurm")), "another service");
        refused(signIn(server, munged.encode(0, "")), "another service");
        client(signIn(server, credential));
    }

    @Test
    void anExpiredCredentialIsRefused() throws Exception {
        String credential = credential(0, "--ttl=1");
        Instant made = Instant.now();
        Waiting.until("it has expired", PATIENCE, () -> Instant.now().isAfter(made.plusSeconds(3)));
        refused(signIn(server, credential), "expired");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"munge_credential\": \"\"}", "{\"munge_credential\": 7}", "[]", "MUNGE:",
            "{\"munge_credential\": \"MUNGE:\\u0000:\"}"})
    void whatIsNotASignInIsRefused(String body) {
        assertThat(server.anonymous().post("/v1/sessions", body).status()).isEqualTo(400);
    }

    @Test
    void fromStrangersNoLargeBodyIsRead() {
        Exchange large = server.anonymous().post("/v1/sessions",
                "{\"munge_credential\": \"" + "x".repeat(40_000) + "\"}");
        assertThat(large.status()).as("%s", large).isEqualTo(413);
    }

    @Test
    void aUserListsAndRevokesTheirOwnSessions() throws Exception {
        long uid = UID + 1;
        Client first = client(signIn(server, credential(uid)));
        Client second = client(signIn(server, credential(uid)));
        Client stranger = client(signIn(server, credential(uid + 1)));
        JsonNode sessions = first.get("/v1/sessions").json().required("sessions");
        assertThat(sessions.size()).isEqualTo(2);
        assertThat(sessions.toString()).doesNotContain(first.token().orElseThrow(), second.token().orElseThrow());
        String newest = sessions.get(0).required("id").asString();
        assertThat(stranger.send("DELETE", "/v1/sessions/" + newest, "").status()).isEqualTo(404);
        assertThat(first.send("DELETE", "/v1/sessions/" + newest, "").status()).isEqualTo(204);
        assertThat(second.get("/v1/jobs").status()).isEqualTo(401);
        assertThat(first.send("DELETE", "/v1/sessions/current", "").status()).isEqualTo(204);
        assertThat(first.get("/v1/jobs").status()).isEqualTo(401);
        assertThat(stranger.get("/v1/sessions").json().required("sessions").size()).isOne();
        assertThat(server.as(Role.OPERATOR).get("/v1/sessions").json().required("sessions").size()).isPositive();
    }

    @Test
    void theTokenIsNowhereInTheDatabase() throws Exception {
        String token = client(signIn(server, credential(UID))).token().orElseThrow();
        try (var connection = server.sql();
                var rows = connection.createStatement().executeQuery("select session::text from session")) {
            int count = 0;
            for (; rows.next(); count++) {
                assertThat(rows.getString(1)).doesNotContain(token, token.substring(4));
            }
            assertThat(count).isPositive();
        }
    }

    @Test
    void everySignInAndRevocationIsInTheTrail() throws Exception {
        long uid = UID + 5;
        client(signIn(server, credential(uid))).send("DELETE", "/v1/sessions/current", "");
        try (var connection = server.sql();
                var rows = connection.createStatement().executeQuery("select string_agg(action || ' ' || actor || ' '"
                        + " || address, ', ' order by event_id) from access_event where uid = " + uid)) {
            rows.next();
            assertThat(rows.getString(1)).isEqualTo("signed_in user:uid %1$d 127.0.0.1, revoked user:uid %1$d 127.0.0.1"
                    .formatted(uid));
        }
    }

    @Test
    void aStreamEndsWhenItsSessionIsRevoked() throws Exception {
        Client user = client(signIn(server, credential(UID + 7)));
        Client elsewhere = other.withToken(user.token().orElseThrow());
        try (EventStream stream = EventStream.open(server, "", "Authorization: Bearer " + user.token().orElseThrow())) {
            assertThat(elsewhere.send("DELETE", "/v1/sessions/current", "").status()).isEqualTo(204);
            stream.awaitEnd();
        }
    }
}
