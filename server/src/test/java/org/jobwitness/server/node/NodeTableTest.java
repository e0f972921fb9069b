package org.jobwitness.server.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.wire.Node;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** The last that is known of a node. */
@OnEachPostgres
class NodeTableTest {
    private static final Duration INTERVAL = Duration.ofSeconds(15);
    private static final Instant T = Instant.parse("2026-11-22T10:00:00Z");

    @Parameter
    PostgresVersion version;
    private Database database;
    private NodeTable nodes;

    @BeforeEach
    void open() {
        database = TestPostgres.open(version.freshDatabase(),
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
        nodes = new NodeTable(database, new Json());
    }

    @AfterEach
    void close() {
        database.close();
    }

    private static NodeReading full(String node, Instant at, double cpu) {
        return NodeReading.builder("c1", node, at).interval(INTERVAL).state(NodeReading.State.MIXED, null)
                .totals(64, 256L << 30, 4).usage(cpu, 1L << 30, 25.0, 8.5).build();
    }

    private static NodeReading stateOnly(String node, Instant at, NodeReading.State state) {
        return NodeReading.builder("c1", node, at).state(state, null).build();
    }

    private static NodeReading figuresOnly(String node, Instant at, double cpu) {
        return NodeReading.builder("c1", node, at).interval(INTERVAL).usage(cpu, 2L << 30, null, null).build();
    }

    /** Whatever the state is later: a verdict is asked for long after a node is back. */
    @Test
    void whatHappenedToANodeIsKeptOnce() {
        Instant booted = T.minusSeconds(600);
        Instant drained = T.minusSeconds(60);
        nodes.store(List.of(bySlurm("n9", T, NodeReading.State.DRAINED, "disk", booted, drained)));
        nodes.store(List.of(bySlurm("n9", T.plusSeconds(60), NodeReading.State.DRAINED, "disk",
                booted.plusSeconds(1), drained)));
        nodes.store(List.of(bySlurm("n9", T.plusSeconds(120), NodeReading.State.IDLE, null, booted, null)));
        nodes.store(List.of(bySlurm("n8", T, NodeReading.State.DOWN, "Not responding", null, T)));
        nodes.store(List.of(full("n9", T.plusSeconds(130), 50)));
        assertThat(events(T.minusSeconds(3600))).containsExactly(
                new NodeEventTable.Event("n9", booted, NodeEventTable.Kind.BOOTED, null),
                new NodeEventTable.Event("n9", drained, NodeEventTable.Kind.DRAINED, "disk"),
                new NodeEventTable.Event("n8", T, NodeEventTable.Kind.DOWN, "Not responding"));
        assertThat(events(T.minusSeconds(61))).hasSize(2);
        assertThat(database.<Integer>write("test", handle -> NodeEventTable.forget(handle, T))).isEqualTo(2);
    }

    /** Of its partition, as Slurm has reported its nodes lately; an agent knows the machine's memory, not what jobs get of it. */
    @Test
    void theLargestNodeOfAPartition() {
        nodes.store(List.of(sized("n1", T, 190, "short", "long"), sized("n2", T, 380, "long"),
                sized("n3", T.minus(Duration.ofDays(2)), 900, "long"), sized("n4", T, 2000, "big"),
                NodeReading.builder("c2", "n5", T).state(NodeReading.State.IDLE, null)
                        .forJobs(4000L << 30, List.of("long")).build()));
        nodes.store(List.of(full("n2", T.plusSeconds(15), 50), full("n6", T.plusSeconds(15), 50)));
        assertThat(largest("short")).isEqualTo(190L << 30);
        assertThat(largest("long")).isEqualTo(380L << 30);
        assertThat(largest("short,big")).isEqualTo(2000L << 30);
        assertThat(largest("gone")).isNull();
        assertThat(largest(null)).isEqualTo(2000L << 30);
    }

    private static NodeReading sized(String node, Instant at, long gib, String... partitions) {
        return NodeReading.builder("c1", node, at).state(NodeReading.State.IDLE, null)
                .forJobs(gib << 30, List.of(partitions)).build();
    }

    /** Null if it is not known. */
    private Long largest(String partition) {
        return database.write("test", handle -> {
            long run = handle.createQuery("""
                    insert into job (recorded_at, cluster, job_id, start_seen, nodes, gpu_devices, end_seen,
                        oom_killed, superseded, requeued, state, newest, partition)
                    values (:at, 'c1', '7', false, '{}', '{}', false, false, false, false, 'pending', true, :partition)
                    returning job_key""")
                    .bind("at", T).bind("partition", partition).mapTo(Long.class).one();
            Long found = NodeTable.largestForJobs(handle, run, T.plusSeconds(60));
            handle.createUpdate("delete from job where job_key = :run").bind("run", run).execute();
            return found;
        });
    }

    private List<NodeEventTable.Event> events(Instant from) {
        return database.read("test", handle -> NodeEventTable.of(handle, "c1", List.of("n8", "n9"), from, T));
    }

    private static NodeReading bySlurm(String node, Instant at, NodeReading.State state, String reason, Instant booted,
            Instant reasonAt) {
        return NodeReading.builder("c1", node, at).state(state, reason).since(booted, reasonAt).build();
    }

    private NodeReading latest(String node, Instant now) {
        return database.snapshot("test", handle -> nodes.latest(handle, now).filter(r -> r.node().equals(node))
                .findFirst().orElseThrow().last());
    }

    @Test
    void whatIsStoredIsWhatIsRead() {
        nodes.store(List.of(full("a1", T, 12.5), full("a2", T, 50)));
        assertThat(latest("a1", T)).isEqualTo(full("a1", T, 12.5));
        assertThat(nodes.list(new Scope.Everything(), "c1", "a1", 10, 0, T).nodes()).containsExactly(new Node("a1",
                "c1", "mixed", null, null, T, 64, 262144.0, 4, 12.5, 1024.0, 25.0, 8.5, List.of(), List.of()));
    }

    @Test
    void anOlderReadingChangesNothing() {
        nodes.store(List.of(full("b1", T, 12.5)));
        nodes.store(List.of(full("b1", T.minusSeconds(1), 99)));
        assertThat(latest("b1", T)).isEqualTo(full("b1", T, 12.5));
    }

    @Test
    void whatTheSchedulerSaysOfANodeAndWhatItsAgentReadsLeaveEachOtherAlone() {
        nodes.store(List.of(full("c1", T, 12.5)));
        nodes.store(List.of(stateOnly("c1", T.plusSeconds(20), NodeReading.State.DOWN)));
        nodes.store(List.of(figuresOnly("c1", T.plusSeconds(15), 99)));
        assertThat(latest("c1", T.plusSeconds(20))).isEqualTo(NodeReading.builder("c1", "c1", T.plusSeconds(15))
                .interval(INTERVAL).state(NodeReading.State.DOWN, null).totals(64, 256L << 30, 4)
                .usage(99.0, 2L << 30, null, null).build());
    }

    @Test
    void aNodeThatOnlyTheSchedulerKnowsHasAStateAndNoFigures() {
        nodes.store(List.of(stateOnly("s1", T, NodeReading.State.DRAINED)));
        assertThat(nodes.list(new Scope.Everything(), "c1", "s1", 10, 0, T).nodes()).containsExactly(new Node("s1",
                "c1", "drained", null, null, null, null, null, null, null, null, null, null, List.of(), List.of()));
        nodes.store(List.of(figuresOnly("s1", T.minusSeconds(5), 5)));
        assertThat(latest("s1", T).cpuUsagePercent()).isEqualTo(5);
        assertThat(latest("s1", T).state()).isEqualTo(NodeReading.State.DRAINED);
    }

    @Test
    void figuresAreLeftOutOnceTheyAreStale() {
        nodes.store(List.of(full("d1", T, 12.5)));
        assertThat(latest("d1", T.plusSeconds(44)).cpuUsagePercent()).isEqualTo(12.5);
        NodeReading stale = latest("d1", T.plusSeconds(45));
        assertThat(stale.cpuUsagePercent()).isNull();
        assertThat(stale.cpuLoad()).isNull();
        assertThat(stale.state()).as("nobody says that it is not so").isEqualTo(NodeReading.State.MIXED);
        assertThat(latest("d1", T.plusSeconds(301)).state()).isNull();
        assertThat(stale.totalCpus()).isEqualTo(64);
    }

    @Test
    void aNodeThatIsThereTwiceInOneCallKeepsItsLastReading() {
        nodes.store(List.of(full("e1", T.plusSeconds(15), 2), full("e1", T, 1)));
        assertThat(latest("e1", T.plusSeconds(15)).cpuUsagePercent()).isEqualTo(2);
    }
}
