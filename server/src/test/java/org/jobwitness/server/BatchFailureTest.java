package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.ops.Retention;
import org.jobwitness.server.sample.Sealing;
import org.jobwitness.server.sample.StoredRows;
import org.jobwitness.server.sample.StoredRows.Stored;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.LongTests;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.Waiting;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobReading;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * Agents that send batches, history that is packed all the time, days that leave, and server and PostgreSQL killed under them:
 * each sample that was taken is there once.
 */
class BatchFailureTest {
    /** Many more of them are {@code make soak}. */
    private static final int ROUNDS = Integer.getInteger("jobwitness.kill.rounds",
            LongTests.times(1, Victim.values().length));
    private static final long SEED = Long.getLong("jobwitness.kill.seed", 7);
    private static final int AGENTS = 6;
    private static final Duration RECOVERY = Duration.ofSeconds(60);
    private static final Duration RETENTION = Duration.ofDays(2);
    private static final Duration ALL_THE_TIME = Duration.ofMillis(100);

    @TempDir
    static Path folder;
    private final Random random = new Random(SEED);
    private long rows;
    private ServerProcess server;
    /** Where the agents find the server; another port after each of its starts. */
    private volatile Http door;

    @AfterEach
    void leaveNothing() {
        if (server != null) {
            server.close();
        }
    }

    private void start() throws Exception {
        server = ServerProcess.on(folder.resolve("data"), "--metrics-retention-days=" + RETENTION.toDays()).ready();
        door = server.as(Role.AGENT);
    }

    private enum Victim {
        BOTH {
            @Override
            void kill(ServerProcess server, Random random) throws Exception {
                server.killPostmaster();
                server.kill();
            }
        },
        /** PostgreSQL then ends all others and starts anew by itself. */
        BACKEND {
            @Override
            void kill(ServerProcess server, Random random) throws Exception {
                clientBackends(server, "select pid", random, Victim::killNow);
            }
        },
        SERVER {
            @Override
            void kill(ServerProcess server, Random random) throws Exception {
                server.kill();
            }
        },
        POSTMASTER {
            @Override
            void kill(ServerProcess server, Random random) throws Exception {
                server.killPostmaster();
            }
        },
        ALL_OF_POSTGRES {
            @Override
            void kill(ServerProcess server, Random random) throws Exception {
                server.killPostmaster();
                server.postgresProcesses().forEach(Victim::killNow);
            }
        },
        /** One connection is lost, and nothing else. */
        CONNECTION {
            @Override
            void kill(ServerProcess server, Random random) throws Exception {
                clientBackends(server, "select pg_terminate_backend(pid)::int", random, _ -> {
                });
            }
        };

        abstract void kill(ServerProcess server, Random random) throws Exception;

        private static void killNow(long pid) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }

        /** One of those that write, pack or drop, wherever it is just now. */
        private static void clientBackends(ServerProcess server, String select, Random random,
                java.util.function.LongConsumer kill) throws Exception {
            try (Connection connection = server.sql();
                    Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery(select + """
                             from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'
                            order by state = 'idle', hashtext(pid::text || '%d') limit 1"""
                            .formatted(random.nextInt()))) {
                if (row.next()) {
                    kill.accept(row.getLong(1));
                }
            }
        }
    }

    @Test
    void eachSampleThatWasTakenIsThereOnceWhoeverIsKilled() throws Exception {
        start();
        for (int round = 1; round <= ROUNDS; round++) {
            Victim victim = round <= Victim.values().length
                    ? Victim.values()[round - 1]
                    : Victim.values()[random.nextInt(Victim.values().length)];
            String what = "round " + round + ", seed " + SEED + ", " + victim;
            killUnderLoad("r" + round + ".", victim, what);
            System.out.println(what + ": each row is there once, " + rows + " so far"); // soak takes an hour
        }
    }

    private void killUnderLoad(String name, Victim victim, String what) throws Exception {
        List<Agent> agents = new ArrayList<>();
        for (int number = 0; number < AGENTS; number++) {
            agents.add(new Agent(name, number, random.nextLong()));
        }
        Chores chores = new Chores(server);
        agents.forEach(Agent::start);
        try {
            awaitAnswers(agents, 50 + random.nextInt(150));
            makeOldDay();
            victim.kill(server, random);
            if (!server.isAlive()) {
                chores.close();
                start();
                chores = new Chores(server);
            }
            awaitAnswers(agents, 50);
        } finally {
            for (Agent agent : agents) {
                agent.finish();
            }
            Waiting.until("the old day has left", RECOVERY, server::said, () -> !isThere(
                    "pg_class where relname = to_char(current_date - 30, '\"chunk_\"YYYY_MM_DD')"));
            Waiting.until("some of it is packed", RECOVERY, server::said, () -> isThere(
                    "chunk join job using (job_key) where starts_with(job_id, '" + name + "')"));
            chores.close();
        }
        List<Stored> sent = agents.stream().flatMap(agent -> agent.rows.stream()).sorted().toList();
        assertThat(agents.stream().map(agent -> agent.wrong)).as(what).containsOnly("");
        try (Connection connection = server.sql()) {
            assertThat(StoredRows.of(connection, name)).as(what).isEqualTo(sent);
            assertThat(StoredRows.miscounted(connection)).as(what).isEmpty();
        }
        Stored one = sent.getFirst();
        rows += sent.size();
        HttpResponse<String> answer = server.as(Role.OPERATOR).get("/v1/jobs/" + one.jobId() + "/metrics?limit=1");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(JsonMapper.shared().readTree(answer.body()).get("total").intValue()).as(what)
                .isEqualTo((int) sent.stream().filter(row -> row.jobId().equals(one.jobId())
                        && row.gpu().isEmpty()).map(Stored::at).distinct().count());
    }

    private static void awaitAnswers(List<Agent> agents, int more) throws InterruptedException {
        int before = answers(agents);
        Waiting.until("batches are answered", RECOVERY, () -> agents.stream().map(agent -> agent.trouble).toList()
                .toString(), () -> answers(agents) >= before + more);
    }

    private static int answers(List<Agent> agents) {
        return agents.stream().mapToInt(agent -> agent.answers.get()).sum();
    }

    /** A day that is past its time, as if nobody had dropped it for long. */
    private void makeOldDay() throws Exception {
        try (Connection connection = server.sql(); Statement statement = connection.createStatement()) {
            statement.execute("select chunk_partition(current_date - 30)");
            statement.execute("""
                    insert into chunk (job_key, node, gpu, t0, t1, rows, min, mean, max, data)
                    select 0, 'n', '', current_date - 30, current_date - 30, 1, '{}', '{}', '{}', ''""");
        } catch (SQLException e) {
            // It has been dropped between the two.
            assertThat(e.getSQLState()).isEqualTo("23514");
        }
    }

    private boolean isThere(String from) throws IOException {
        try (Connection connection = server.sql();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select exists (select from " + from + ")")) {
            row.next();
            return row.getBoolean(1);
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    /**
     * What the server does once an hour, done all the time beside it, as another server that shares its database would: the
     * lock of {@code LeaderTask} is between them. To its clock it is always a little past the full hour.
     */
    private static final class Chores implements AutoCloseable {
        private final Database database;
        private final LeaderTask sealing;
        private final LeaderTask retention;

        Chores(ServerProcess server) throws IOException {
            Clock now = Clock.systemUTC();
            PrometheusRegistry metrics = new PrometheusRegistry();
            Partitions partitions = new Partitions(RETENTION, Duration.ofDays(800), now);
            database = new Database(server.database(), 3, partitions, metrics);
            Instant due = now.instant().truncatedTo(ChronoUnit.HOURS).plus(Duration.ofMinutes(3));
            Sealing packing = new Sealing(database, RETENTION, Clock.fixed(due, ZoneOffset.UTC), metrics);
            sealing = new LeaderTask(database, "sealing", ALL_THE_TIME, turn -> {
                database.write("test", handle -> handle
                        .execute("update sample_buffer set activated_at = now() - interval '2 hours' where is_active"));
                packing.run(turn);
            });
            retention = new LeaderTask(database, "retention", ALL_THE_TIME, new Retention(database, partitions,
                    new JobDeletion(new JobTable(database, new Json(), now), database, new Json()),
                    Duration.ofDays(400), now, metrics)::run);
            database.start();
            sealing.start();
            retention.start();
        }

        @Override
        public void close() {
            retention.close();
            sealing.close();
            database.close();
        }
    }

    /**
     * One node with two jobs, one of which has nodes beside it and the other one a GPU. It keeps what is not answered and sends
     * it again, in any order, and now and then what was answered long ago.
     */
    private final class Agent {
        private static final int MOST_UNANSWERED = 8;

        private final String node;
        private final String bootId;
        private final String shared;
        private final String own;
        private final Random chance;
        private final Instant first;
        private final List<Batch> unanswered = new ArrayList<>();
        private final List<Batch> answered = new ArrayList<>();
        private final List<Stored> rows = new ArrayList<>();
        private final AtomicInteger answers = new AtomicInteger();
        private final Thread thread = Thread.ofVirtual().unstarted(this::run);
        private long sequence;
        private volatile boolean over;
        private volatile String trouble = "";
        private volatile String wrong = "";

        Agent(String name, int number, long seed) {
            node = name + "n" + number;
            bootId = name + "boot";
            shared = name + "shared";
            own = name + "own" + number;
            chance = new Random(seed);
            // Some tell of hours that are over, some of the one that goes on.
            first = Instant.now().truncatedTo(ChronoUnit.SECONDS).minus(Duration.ofMinutes(45)
                    .plusHours(number % 2 == 0 ? chance.nextInt(40) : 0));
        }

        void start() {
            thread.start();
        }

        void finish() throws InterruptedException {
            over = true;
            assertThat(thread.join(RECOVERY)).as(() -> node + " gets no answer: " + trouble + "\n" + server.said())
                    .isTrue();
        }

        private void run() {
            while (wrong.isEmpty() && !(over && unanswered.isEmpty())) {
                if (!over && unanswered.size() < MOST_UNANSWERED) {
                    unanswered.add(next());
                }
                boolean again = !answered.isEmpty() && chance.nextInt(10) == 0;
                List<Batch> from = again || unanswered.isEmpty() ? answered : unanswered;
                send(from.get(chance.nextInt(4) == 0 ? chance.nextInt(from.size()) : 0), again);
            }
        }

        private void send(Batch batch, boolean again) {
            try {
                HttpResponse<String> answer = door.post("/v1/batches", new Json().text(batch));
                if (answer.statusCode() == 200) {
                    answers.incrementAndGet();
                    if (again && !answer.body().contains("\"duplicate\"")
                            || !answer.body().contains("\"refused\":[]")) {
                        wrong = answer.body();
                    }
                    if (unanswered.remove(batch)) {
                        answered.add(batch);
                    }
                } else if (answer.statusCode() != 503 && answer.statusCode() != 429) {
                    wrong = answer.statusCode() + " " + answer.body();
                } else {
                    trouble = answer.body();
                }
            } catch (IOException e) {
                trouble = e.toString(); // killed: whether it was stored is open
            }
        }

        private Batch next() {
            long number = sequence++;
            Instant at = first.plusSeconds(15 * number);
            JobReading ofOwn = reading(own, at, number);
            GpuReading gpu = GpuReading.builder("GPU-" + node).device(GpuVendor.NVIDIA, null).jobId(own)
                    .put(Figure.UTILIZATION_PERCENT, 50.0).put(Figure.MEMORY_USED_BYTES, number << 20).build();
            Batch batch = new Batch(1, null, node, bootId, number, at, 15_000, null, null,
                    List.of(ofOwn, reading(shared, at, number)), List.of(gpu));
            rows.add(new Stored(own, node, "", at, number));
            rows.add(new Stored(own, node, gpu.gpu(), at, number << 20));
            rows.add(new Stored(shared, node, "", at, number));
            return batch;
        }

        private static JobReading reading(String jobId, Instant at, long number) {
            return JobReading.builder(jobId).owner(1001L, "alice").timestamp(at).cpusUsed(2.5).put(Figure.CPUS, 4)
                    .put(Figure.CPU_USAGE_USEC, number).put(Figure.MEMORY_USAGE_BYTES, number << 20).build();
        }
    }
}
