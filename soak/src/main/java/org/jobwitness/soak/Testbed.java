package org.jobwitness.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;

/** A server, a relay before it, and the nodes of a scenario; all of them end when this is closed. */
final class Testbed implements AutoCloseable {
    private static final int JOBS_PER_NODE = 3;
    private static final Duration TIMEOUT = Duration.ofMinutes(6);
    /** An agent whose newest batch is not older has nothing left to send. */
    private static final Duration MAX_DELAY = Duration.ofSeconds(3);
    /** The Date of a request has whole seconds, and the time that the request takes is added to it. */
    static final Duration CLOCK_TOLERANCE = Duration.ofSeconds(3);

    private final List<String> agentCommand;
    private final Path folder;
    private final Ledger ledger = new Ledger();
    private final Relay relay;
    private final ServerProcess server;
    private final List<NodeUnderTest> open = new CopyOnWriteArrayList<>();

    @FunctionalInterface
    interface Condition {
        boolean holds() throws IOException, InterruptedException;
    }

    Testbed(List<String> serverCommand, List<String> agentCommand, Path folder) throws IOException {
        this.agentCommand = agentCommand;
        this.folder = folder;
        relay = new Relay(ledger);
        server = new ServerProcess(serverCommand, folder.resolve("server"));
    }

    void start() throws IOException, InterruptedException {
        server.launch();
        relay.server(server.awaitReady());
    }

    Path folder() {
        return folder;
    }

    Ledger ledger() {
        return ledger;
    }

    Relay relay() {
        return relay;
    }

    ServerProcess server() {
        return server;
    }

    NodeUnderTest node(String name, int number) throws IOException {
        return node(name, number, folder.resolve(name + "-queue"));
    }

    /** @param number makes its job ids unique */
    NodeUnderTest node(String name, int number, Path queue) throws IOException {
        List<String> jobIds = new ArrayList<>();
        for (int job = 1; job <= JOBS_PER_NODE; job++) {
            jobIds.add(Integer.toString(1000 * number + job));
        }
        NodeUnderTest node = new NodeUnderTest(agentCommand, Files.createDirectories(folder.resolve(name)), name,
                jobIds, queue);
        open.add(node);
        return node;
    }

    /** A node whose agent finds this many batches in its queue when it starts. */
    NodeUnderTest nodeWithQueue(String name, int number, int batches) throws IOException {
        NodeUnderTest node = node(name, number);
        node.fillQueue(batches);
        node.recordQueue(ledger);
        return node;
    }

    /** Starts its agent. */
    NodeUnderTest start(NodeUnderTest node) throws IOException {
        node.start(relay.port());
        return node;
    }

    void await(String what, Condition condition) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new IOException("not within " + TIMEOUT.toSeconds() + " s: " + what + "; see " + folder);
            }
            Thread.sleep(100);
        }
    }

    void awaitFirstBatch(List<NodeUnderTest> nodes) throws IOException, InterruptedException {
        await("a batch of each node",
                () -> nodes.stream().allMatch(node -> ledger.newestAccepted(node.name()).isPresent()));
    }

    /** Until no agent has anything left to send, and a batch that it read after {@code since} was accepted. */
    void awaitDrained(List<NodeUnderTest> nodes, Instant since) throws IOException, InterruptedException {
        await("all is sent", () -> nodes.stream().allMatch(node -> ledger.newestAccepted(node.name())
                .filter(at -> at.isAfter(since) && at.isAfter(Instant.now().minus(MAX_DELAY))).isPresent()
                && ledger.allAccepted(node.name())));
    }

    /** The last step of a scenario: waits until the agents have nothing left to send, stops them, and compares. */
    Result drain(String scenario, List<NodeUnderTest> nodes, Instant since, String notes)
            throws IOException, InterruptedException, SQLException {
        awaitDrained(nodes, since);
        double drained = Duration.between(since, Instant.now()).toMillis() / 1e3;
        double gap = nodes.stream().mapToLong(node -> ledger.maxGapMillis(node.name())).max().orElseThrow() / 1e3;
        List<String> queued = new ArrayList<>();
        for (NodeUnderTest node : nodes) {
            node.stop();
            node.recordQueue(ledger);
            if (!node.segments().isEmpty()) {
                queued.add(node.name());
            }
        }
        Result result = new Result(scenario, Comparison.of(ledger, nodes, server, CLOCK_TOLERANCE),
                String.format(Locale.ROOT, "drained in %.1f s; longest time without a reading %.1f s%s", drained, gap,
                        notes.isEmpty() ? "" : "; " + notes));
        nodes.forEach(NodeUnderTest::close);
        open.removeAll(nodes);
        return queued.isEmpty() ? result : result.withError("queues not empty: " + queued);
    }

    @Override
    public void close() throws IOException {
        open.forEach(NodeUnderTest::close);
        relay.close();
        server.close();
    }
}
