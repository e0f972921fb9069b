package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Tokens;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.Logged;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tokens for the agents of some nodes: the command, and what a running server admits with them. */
class AgentTokensTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    /** What the command printed, and its exit status. */
    private record Ran(int status, String out, String err) {
    }

    private static Ran run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        List<String> all = new ArrayList<>(List.of(args));
        all.add("--jobwitness-data-dir=" + server.dataDir());
        int status = TokenCommand.run(all, Map.of(), Path.of("/nonexistent/.env"), new PrintStream(out),
                new PrintStream(err));
        return new Ran(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** A new token, once the server knows it. */
    private static TestServer.Client issued(String... options) {
        List<String> args = new ArrayList<>(List.of("agent"));
        args.addAll(List.of(options));
        Ran ran = run(args.toArray(String[]::new));
        assertThat(ran.status()).as(ran.err()).isZero();
        return server.known(server.withToken(ran.out().strip()));
    }

    private static String started(String job, String node, String nodes, String more) {
        return """
                {"job_id":"%s","user":"alice","node_list":["%s"],%s"start_time":"2026-11-30T10:00:00Z"%s}""".formatted(
                job, nodes,
                node.isEmpty() ? "" : "\"node\":\"" + node + "\",", more);
    }

    private static String finished(String job, String node) {
        return "{\"job_id\":\"" + job + "\",\"node\":\"" + node
                + "\",\"start_time\":\"2026-11-30T10:00:00Z\",\"exit_code\":0,\"signal\":0}";
    }

    private static String batch(String node, String cluster, String job) {
        return """
                {"version":1,"node":"%s",%s"boot_id":"boot-1","sequence":1,"timestamp":"%s","jobs":[{"job_id":"%s","memory_bytes":1}]}"""
                .formatted(node, cluster.isEmpty() ? "" : "\"cluster\":\"" + cluster + "\",",
                        Instant.now().truncatedTo(ChronoUnit.SECONDS), job);
    }

    private static int event(TestServer.Client client, String body) {
        return client.post(body.contains("exit_code") ? "/v1/events/job-finished" : "/v1/events/job-started", body)
                .status();
    }

    @Test
    void itSpeaksForItsNodesOnly() throws Exception {
        TestServer.Client own = issued("--nodes", "n[1-2]");
        assertThat(event(own, started("1", "n1", "n[1-9]", ""))).isEqualTo(200);
        assertThat(event(own, started("2", "n3", "n[1-9]", ""))).isEqualTo(403);
        assertThat(event(own, started("2", "", "n[1-2]", ""))).isEqualTo(200);
        assertThat(event(own, started("3", "", "n[1-3]", ""))).isEqualTo(403);
        assertThat(event(own, started("4", "n1", "n1", ",\"cluster\":\"other\""))).isEqualTo(403);
        assertThat(own.post("/v1/events/job-finished", "{\"job_id\":\"5\",\"exit_code\":0,\"signal\":0}").status())
                .as("an event of slurmctld's host without nodes").isEqualTo(403);
        assertThat(own.post("/v1/batches", batch("n1", "", "1")).status()).isEqualTo(200);
        assertThat(own.post("/v1/batches", batch("n3", "", "1")).status()).isEqualTo(403);
        assertThat(own.post("/v1/batches", batch("n1", "other", "1")).status()).isEqualTo(403);
        assertThat(own.get("/v1/jobs").status()).isEqualTo(403);
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs/3").status()).isEqualTo(404);
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs/1/audit").body()).containsPattern("\"agent:[0-9a-f]{8}\"");
    }

    @Test
    void itEndsNoJobOfOtherNodes() throws Exception {
        TestServer.Client own = issued("--nodes=m1");
        TestServer.Client all = server.as(Role.AGENT);
        assertThat(event(all, started("11", "m2", "m[2-3]", ""))).isEqualTo(200);
        assertThat(event(own, finished("11", "m1"))).isEqualTo(409);
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs/11").body()).contains("\"running\"");
        Exchange reading = own.post("/v1/batches", batch("m1", "", "11"));
        assertThat(reading.status()).isEqualTo(200);
        assertThat(reading.body()).contains("\"refused_count\":1", "job 11 runs on other nodes");
        assertThat(event(all, finished("11", "m2"))).isEqualTo(200);
    }

    @Test
    void oneForAClusterSpeaksForItsController() throws Exception {
        TestServer.Client cluster = issued("--cluster=c2");
        assertThat(cluster.post("/v1/events/job-finished",
                "{\"job_id\":\"21\",\"cluster\":\"c2\",\"exit_code\":0,\"signal\":0}").status()).isEqualTo(200);
        assertThat(event(cluster, started("22", "any", "any", ",\"cluster\":\"c2\""))).isEqualTo(200);
        assertThat(event(cluster, started("23", "any", "any", ""))).isEqualTo(403);
    }

    @Test
    void aRevokedOneIsRefusedWithoutARestart() throws Exception {
        TestServer.Client client = issued("--nodes=r1");
        String id = run("list").out().lines().filter(line -> line.endsWith("r1")).findFirst().orElseThrow()
                .split(" ")[0];
        assertThat(run("revoke", id).status()).isZero();
        Waiting.until("the token is refused", Duration.ofSeconds(60), () -> "", () -> client.get("/v1/health")
                .status() == 401);
        assertThat(run("revoke", id).status()).isEqualTo(1);
        assertThat(server.as(Role.SCRAPE).get("/metrics").body())
                .containsPattern("jobwitness_requests_refused_total\\{cause=\"unknown_token\"} [1-9]");
    }

    @Test
    void aChangedTokenIsTakenWithoutARestart() throws Exception {
        Path file = server.dataDir().resolve("scrape.token");
        TestServer.Client before = server.as(Role.SCRAPE);
        Files.writeString(file, "another-token-of-enough-characters\n");
        TestServer.Client after = server.as(Role.SCRAPE);
        Waiting.until("the new token is taken", Duration.ofSeconds(60), () -> "",
                () -> after.get("/metrics").status() == 200);
        assertThat(before.get("/metrics").status()).isEqualTo(401);
        try (Logged log = new Logged(Tokens.class)) {
            Files.writeString(file, "short\n");
            Waiting.until("the change is refused", Duration.ofSeconds(60), () -> log.lines().toString(),
                    () -> after.get("/metrics").status() == 200
                            && log.lines().toString().contains("holds a token of 5 characters"));
        }
        Files.writeString(file, before.token().orElseThrow());
        Waiting.until("the first token is taken again", Duration.ofSeconds(60), () -> "",
                () -> before.get("/metrics").status() == 200);
    }

    @Test
    void aTokenThatAllUsersCanReadIsLogged() throws Exception {
        Path file = server.dataDir().resolve("agent.token");
        try (Logged log = new Logged(Tokens.class)) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
            Files.writeString(file, Files.readString(file) + "\n");
            Waiting.until("it is logged", Duration.ofSeconds(60), () -> log.lines().toString(),
                    () -> server.get("/v1/health").status() == 401 && server.as(Role.SCRAPE).get("/v1/health")
                            .status() == 200 && log.lines().toString().contains("token_exposed file=" + file));
        }
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }

    @Test
    void theSecretIsNotKept() throws Exception {
        String secret = run("agent", "--nodes=s[1-2]").out().strip();
        Path file = server.dataDir().resolve("agent-tokens");
        assertThat(Files.readString(file)).doesNotContain(secret.substring(secret.lastIndexOf('-') + 1))
                .contains("s[1-2]");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
    }

    @Test
    void wrongUseIsExplained() {
        assertThat(run("agent")).extracting(Ran::status, Ran::out).containsExactly(2, "");
        assertThat(run("agent", "--nodes=n[1").err()).contains("unbalanced brackets");
        assertThat(run("agent", "--nodes=n1 n2").status()).isEqualTo(2);
        assertThat(run("agent", "--nodes=n1", "--cluster=a b").err()).contains("cluster");
        assertThat(run("revoke").status()).isEqualTo(2);
        assertThat(run("other").status()).isEqualTo(2);
    }

    @Test
    void aBrokenLineLeavesTheTokensAsTheyWere() throws Exception {
        TestServer.Client client = issued("--nodes=b1");
        Path file = server.dataDir().resolve("agent-tokens");
        String good = Files.readString(file);
        try (Logged log = new Logged(Tokens.class)) {
            Files.writeString(file, "nonsense\n");
            Waiting.until("the change is refused", Duration.ofSeconds(60), () -> log.lines().toString(),
                    () -> client.get("/v1/health").status() == 200
                            && log.lines().toString().contains("agent-tokens line 1 is not a token"));
            assertThat(run("list").err()).contains("is not a token");
            assertThat(run("agent", "--nodes=b2").status()).as("nothing is overwritten").isEqualTo(1);
        }
        Files.writeString(file, good);
    }
}
