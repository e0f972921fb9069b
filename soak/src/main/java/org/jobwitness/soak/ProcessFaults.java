package org.jobwitness.soak;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Server, database and agents are stopped or killed, and queues are drained. */
final class ProcessFaults {
    private final Testbed testbed;
    private final Ledger ledger;
    private final Relay relay;
    private final ServerProcess server;
    private final AgentSoak.Options options;
    private final Random random;

    ProcessFaults(Testbed testbed, AgentSoak.Options options, Random random) {
        this.testbed = testbed;
        this.ledger = testbed.ledger();
        this.relay = testbed.relay();
        this.server = testbed.server();
        this.options = options;
        this.random = random;
    }

    void addTo(Map<String, AgentSoak.Scenario> scenarios) {
        scenarios.put("away", this::serverDown);
        scenarios.put("database", this::databaseStopped);
        scenarios.put("agent", this::agentKilled);
        scenarios.put("server", this::serverKilled);
        scenarios.put("burst", this::burst);
    }

    private Result serverDown() throws IOException, InterruptedException, SQLException {
        int seconds = options.number("seconds", 60);
        List<NodeUnderTest> nodes = List.of(testbed.start(testbed.node("away", 1)));
        testbed.awaitFirstBatch(nodes);
        server.kill();
        Thread.sleep(Duration.ofSeconds(seconds));
        server.launch();
        server.awaitReady();
        return testbed.drain("server killed, and started after " + seconds + " s", nodes, Instant.now(), "");
    }

    private Result databaseStopped() throws IOException, InterruptedException, SQLException {
        List<NodeUnderTest> nodes = List.of(testbed.start(testbed.node("database", 2)));
        testbed.awaitFirstBatch(nodes);
        for (int seconds : List.of(5, 25)) {
            server.signalPostgres("STOP");
            Thread.sleep(Duration.ofSeconds(seconds));
            server.signalPostgres("CONT");
            testbed.awaitDrained(nodes, Instant.now());
        }
        server.killPostmaster();
        return testbed.drain("PostgreSQL stopped for 5 s and for 25 s, then its postmaster is killed", nodes,
                Instant.now(), "");
    }

    private Result agentKilled() throws IOException, InterruptedException, SQLException {
        int kills = options.number("kills", 50);
        NodeUnderTest node = testbed.start(testbed.node("agent", 3));
        testbed.awaitFirstBatch(List.of(node));
        for (int kill = 1; kill <= kills; kill++) {
            relay.handler(kill / 5 % 2 == 1 ? Relay.UNREACHABLE : Relay.FORWARD);
            Thread.sleep(random.nextInt(200, 2500));
            node.kill();
            node.recordQueue(ledger);
            testbed.start(node);
        }
        relay.handler(Relay.FORWARD);
        return testbed.drain("agent killed " + kills + " times, with and without a server", List.of(node),
                Instant.now(), "");
    }

    private Result serverKilled() throws IOException, InterruptedException, SQLException {
        int kills = options.number("server-kills", 20);
        List<NodeUnderTest> nodes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            nodes.add(testbed.start(testbed.nodeWithQueue("server" + i, 40 + i, 20 * kills)));
        }
        testbed.awaitFirstBatch(nodes);
        for (int kill = 1; kill <= kills; kill++) {
            Thread.sleep(random.nextInt(2000));
            server.kill();
            server.launch();
            server.awaitReady();
        }
        return testbed.drain("server killed " + kills + " times while three agents drain their queues", nodes,
                Instant.now(), "");
    }

    private Result burst() throws IOException, InterruptedException, SQLException {
        int agents = 4;
        int batches = options.number("batches", 2000);
        List<NodeUnderTest> nodes = new ArrayList<>();
        for (int i = 0; i < agents; i++) {
            nodes.add(testbed.nodeWithQueue("burst" + i, 11 + i, batches / agents));
        }
        Map<Integer, Integer> before = ledger.responses();
        Instant start = Instant.now();
        for (NodeUnderTest node : nodes) {
            testbed.start(node);
        }
        testbed.awaitDrained(nodes, start);
        Map<Integer, Integer> responses = ledger.responses();
        responses.replaceAll((status, count) -> count - before.getOrDefault(status, 0));
        responses.values().removeIf(count -> count == 0);
        return testbed.drain(batches + " batches queued at once by " + agents + " agents", nodes, start,
                "responses by status: " + responses);
    }
}
