package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.LongTests;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The server as a process that is stopped and killed, together with its PostgreSQL. */
class ServerFailureTest {
    /** Many more of them are {@code make soak}. */
    private static final int ROUNDS = Integer.getInteger("jobwitness.kill.rounds", 1);
    private static final int POSTERS = 4;
    private static final Duration RECOVERY = Duration.ofSeconds(60);
    private static final Duration END = Duration.ofSeconds(60);
    private static final int TERMINATED = 128 + 15;

    /** One folder for all, so that only the first start has to make it; each test must cope with what is there. */
    @TempDir
    static Path folder;
    private final List<ServerProcess> servers = new ArrayList<>();

    @AfterEach
    void leaveNothing() {
        servers.forEach(ServerProcess::close);
    }

    private ServerProcess start(Path dataDir, String... flags) throws IOException {
        ServerProcess server = ServerProcess.on(dataDir, flags);
        servers.add(server);
        return server;
    }

    private ServerProcess ready() throws Exception {
        return start(folder.resolve("data")).ready();
    }

    @Test
    void theFirstStartMakesTokensForItsUserAloneAndNobodyGetsInWithout() throws Exception {
        ServerProcess server = ready();
        for (Role role : List.of(Role.OPERATOR, Role.AGENT, Role.SCRAPE)) {
            Path token = folder.resolve("data").resolve(role.name().toLowerCase(Locale.ROOT) + ".token");
            assertThat(token).isRegularFile();
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(token))).isEqualTo("rw-------");
            assertThat(server.out()).contains(token.toString()).doesNotContain(Files.readString(token).strip());
            assertThat(server.err()).doesNotContain(Files.readString(token).strip());
        }
        Http nobody = server.anonymous();
        for (String path : List.of("/v1/jobs", "/v1/jobs/1", "/v1/jobs/1/runs", "/v1/jobs/1/audit", "/v1/health",
                "/metrics")) {
            assertThat(nobody.get(path).statusCode()).as(path).isEqualTo(401);
        }
        for (String event : List.of("job-started", "job-finished")) {
            assertThat(nobody.post("/v1/events/" + event, "{}").statusCode()).as(event).isEqualTo(401);
        }
        assertThat(nobody.get("/v1/live").statusCode()).isEqualTo(200);
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs").statusCode()).isEqualTo(200);
        assertThat(server.as(Role.AGENT).postStart("1").statusCode()).isEqualTo(200);
        assertThat(server.as(Role.SCRAPE).get("/metrics").statusCode()).isEqualTo(200);
    }

    @Test
    void sigtermStopsInOrderWithStatus143AndLeavesNoProcess() throws Exception {
        ServerProcess server = ready();
        assertThat(server.postgresProcesses()).contains(server.postmaster());
        server.terminate();
        assertThat(server.exitStatus(END)).isEqualTo(TERMINATED);
        assertThat(server.postgresProcesses()).isEmpty();
        assertThat(server.err()).containsSubsequence("server_stopping", "embedded_postgres_stopped", "server_stopped");
        assertThat(folder.resolve("data/postgres/postgres.log")).content()
                .endsWith("LOG:  database system is shut down\n");
    }

    @Test
    void sigtermDuringTheFirstStartLeavesNoProcess(@TempDir Path fresh) throws Exception {
        Path postgres = fresh.resolve("data/postgres");
        terminatedWhen("its data files are being made", postgres, () -> {
            try (var unfinished = Files.newDirectoryStream(postgres, "unfinished-data*")) {
                return unfinished.iterator().hasNext();
            }
        });
        terminatedWhen("PostgreSQL starts", postgres, () -> Files.exists(postgres.resolve("data-18/postmaster.pid")));
        ServerProcess server = start(fresh.resolve("data")).ready();
        assertThat(server.as(Role.AGENT).postStart("after-all").statusCode()).isEqualTo(200);
    }

    /** At moments spread over the time that a start takes. */
    @Test
    void sigtermDuringAStartEndsQuietly(@TempDir Path fresh) throws Exception {
        Path data = fresh.resolve("data");
        long began = System.nanoTime();
        try (ServerProcess server = start(data).ready()) {
            server.terminate();
            server.exitStatus(END);
        }
        long startMs = (System.nanoTime() - began) / 1_000_000;
        int moments = LongTests.times(4, 40);
        for (int moment = 1; moment <= moments; moment++) {
            ServerProcess server = start(data);
            assertThat(server.endsWithin(Duration.ofMillis(moment * startMs / moments))).isFalse();
            server.terminate();
            assertThat(server.exitStatus(END)).as(server.said()).isEqualTo(TERMINATED);
            assertThat(server.err()).doesNotContain("\tat ", " SEVERE ", "interrupt", "null")
                    .doesNotContain("Exception");
            assertThat(server.postgresProcesses()).isEmpty();
        }
    }

    private void terminatedWhen(String moment, Path postgres, Waiting.Condition condition) throws Exception {
        ServerProcess server = start(postgres.getParent());
        Waiting.until(moment, RECOVERY, server::said, condition);
        server.terminate();
        assertThat(server.exitStatus(END)).as(moment).isEqualTo(TERMINATED);
        assertThat(server.postgresProcesses()).as(moment).isEmpty();
    }

    @Test
    void whatWasAcknowledgedIsThereWhoeverIsKilled() throws Exception {
        Set<String> acknowledged = new ConcurrentSkipListSet<>();
        ServerProcess server = ready();
        for (int round = 1; round <= ROUNDS; round++) {
            for (Victim victim : Victim.values()) {
                try (Load load = new Load(server, "r" + round + "." + victim + ".", acknowledged)) {
                    load.awaitMore(100);
                    victim.kill(server);
                    if (victim == Victim.POSTMASTER) {
                        load.awaitMore(100);
                    }
                }
                if (victim != Victim.POSTMASTER) {
                    server = ready();
                }
                assertThat(stored(server)).as("%s of round %d", victim, round).containsAll(acknowledged);
                assertThat(runsWithoutAudit(server)).isZero();
            }
        }
        assertThat(acknowledged).hasSizeGreaterThanOrEqualTo(ROUNDS * 4 * 100);
    }

    private enum Victim {
        SERVER {
            @Override
            void kill(ServerProcess server) throws Exception {
                server.kill();
            }
        },
        POSTMASTER {
            @Override
            void kill(ServerProcess server) throws Exception {
                server.killPostmaster();
            }
        },
        BOTH {
            @Override
            void kill(ServerProcess server) throws Exception {
                server.killPostmaster();
                server.kill();
            }
        };

        abstract void kill(ServerProcess server) throws Exception;
    }

    /** Four threads that post events as fast as they are answered, and remember those that were acknowledged. */
    private static final class Load implements AutoCloseable {
        private final Http agent;
        private final Set<String> acknowledged;
        private final AtomicInteger count = new AtomicInteger();
        private final List<Thread> posters = new ArrayList<>();
        private volatile boolean over;

        Load(ServerProcess server, String prefix, Set<String> acknowledged) throws IOException {
            this.agent = server.as(Role.AGENT);
            this.acknowledged = acknowledged;
            for (int poster = 0; poster < POSTERS; poster++) {
                String name = prefix + poster + "-";
                posters.add(Thread.ofVirtual().start(() -> post(name)));
            }
        }

        private void post(String name) {
            for (int number = 0; !over; number++) {
                try {
                    if (agent.postStart(name + number).statusCode() == 200) {
                        acknowledged.add(name + number);
                        count.incrementAndGet();
                    }
                } catch (IOException e) {
                    // Killed: whether this one was stored is open, and the next one is another.
                    Thread.onSpinWait();
                }
            }
        }

        void awaitMore(int more) throws InterruptedException {
            int before = count.get();
            Waiting.until("events are acknowledged", RECOVERY, () -> count.get() >= before + more);
        }

        @Override
        public void close() {
            over = true;
            for (Thread poster : posters) {
                try {
                    assertThat(poster.join(RECOVERY)).isTrue();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    private static Set<String> stored(ServerProcess server) throws IOException {
        Set<String> ids = new TreeSet<>();
        String cursor = "";
        do {
            HttpResponse<String> answer = server.as(Role.OPERATOR).get("/v1/jobs?limit=1000" + cursor);
            assertThat(answer.statusCode()).isEqualTo(200);
            JsonNode page = JsonMapper.shared().readTree(answer.body());
            page.get("jobs").forEach(job -> ids.add(job.get("id").stringValue()));
            cursor = page.has("next_cursor") ? "&cursor=" + page.get("next_cursor").stringValue() : "";
        } while (!cursor.isEmpty());
        return ids;
    }

    private static int runsWithoutAudit(ServerProcess server) throws Exception {
        try (Connection connection = server.sql();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("""
                        select count(*) from (select job_key from job except select job_key from audit) alone""")) {
            row.next();
            return row.getInt(1);
        }
    }

    @Test
    void withoutPostgresTheServerSaysSoAndRecoversByItself() throws Exception {
        ServerProcess server = ready();
        Http agent = server.as(Role.AGENT);
        assertThat(agent.postStart("before").statusCode()).isEqualTo(200);
        try (ServerSocket occupied = occupyPortOfPostgres(server)) {
            assertThat(occupied.isBound()).isTrue(); // PostgreSQL cannot come back to its port for now
            Waiting.until("an event is refused", RECOVERY, () -> agent.postStart("meanwhile").statusCode() != 200);
            HttpResponse<String> refused = agent.postStart("meanwhile");
            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(refused.headers().firstValue("Retry-After")).isPresent();
            assertThat(JsonMapper.shared().readTree(refused.body()).get("error").stringValue())
                    .isEqualTo("unavailable");
            assertThat(agent.get("/v1/ready").statusCode()).isEqualTo(503);
            assertThat(agent.get("/v1/live").statusCode()).isEqualTo(200);
        }
        Waiting.until("it recovers", RECOVERY, server::said, () -> agent.postStart("after").statusCode() == 200);
        assertThat(agent.get("/v1/ready").statusCode()).isEqualTo(200);
        assertThat(stored(server)).contains("before", "after");
    }

    /** Ends PostgreSQL, once more where it has come back before its port was taken. */
    private static ServerSocket occupyPortOfPostgres(ServerProcess server) throws Exception {
        int port = server.postgresPort();
        List<ServerSocket> bound = new ArrayList<>();
        Waiting.until("PostgreSQL's port is ours", RECOVERY, server::said, () -> {
            server.postgresProcesses()
                    .forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            return bound.add(new ServerSocket(port, 1, InetAddress.getLoopbackAddress()));
        });
        return bound.getFirst();
    }

    @Test
    void aSecondServerOnTheSameFolderIsRefused() throws Exception {
        ServerProcess first = ready();
        ServerProcess second = start(folder.resolve("data"));
        assertThat(second.exitStatus(END)).isEqualTo(1);
        assertThat(second.err()).contains("jobwitness-server: The data folder " + folder.resolve("data").toRealPath()
                + " is in use by another jobwitness-server (process " + first.pid() + ")");
        assertThat(first.as(Role.AGENT).postStart("still-served").statusCode()).isEqualTo(200);
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertCannotListen("127.0.0.1", taken.getLocalPort(), "Address already in use");
        }
    }

    @Test
    void anAddressOfAnotherMachineIsNamed() throws Exception {
        assertCannotListen("192.0.2.1", 0, "Cannot assign requested address"); // RFC 5737: nobody's
    }

    private void assertCannotListen(String host, int port, String why) throws Exception {
        ServerProcess server = start(folder.resolve("data"), "--host=" + host, "--port=" + port);
        assertThat(server.exitStatus(END)).isEqualTo(1);
        assertThat(server.err()).contains("jobwitness-server: cannot listen on " + host + " port " + port + ": " + why
                + "; set HOST or PORT\n").doesNotContain("\tat ");
        assertThat(server.postgresProcesses()).isEmpty();
    }
}
