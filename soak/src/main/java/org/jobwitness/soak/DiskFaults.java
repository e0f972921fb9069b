package org.jobwitness.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The disk of the agent's queue is full, read-only, or in place of the folder there is a file. Needs root. */
final class DiskFaults {
    private static final String IN_MEMORY = "spool_in_memory_batches";

    private final Testbed testbed;
    private final Relay relay;

    DiskFaults(Testbed testbed) {
        this.testbed = testbed;
        this.relay = testbed.relay();
    }

    void addTo(Map<String, AgentSoak.Scenario> scenarios) {
        scenarios.put("full", this::diskFull);
        scenarios.put("readonly", this::diskReadOnly);
    }

    private Result diskFull() throws IOException, InterruptedException, SQLException {
        String scenario = "disk of the queue full while the server is down, then larger";
        Path disk = Files.createDirectories(testbed.folder().resolve("small-disk"));
        if (!mount("-t", "tmpfs", "-o", "size=32k", "tmpfs", disk.toString())) {
            return Result.notRun(scenario, "needs root");
        }
        try {
            NodeUnderTest node = testbed.start(testbed.node("full", 5, disk.resolve("queue")));
            testbed.awaitFirstBatch(List.of(node));
            relay.handler(Relay.UNREACHABLE);
            testbed.await("the disk is full", () -> node.logText().contains("spool_disk_failed"));
            testbed.await("15 batches in memory", () -> node.metric(IN_MEMORY) >= 15);
            long failures = node.metric("spool_disk_failures_total");
            mount("-o", "remount,size=4m", disk.toString());
            testbed.await("the disk is used again", () -> node.metric(IN_MEMORY) == 0);
            boolean isLogged = node.logText().contains("spool_disk_recovered");
            relay.handler(Relay.FORWARD);
            Result result = testbed.drain(scenario, List.of(node), Instant.now(),
                    failures + " failures counted, and logged once; 15 batches waited in memory");
            return isLogged ? result : result.withError("the log does not say that the disk works again");
        } finally {
            unmount(disk);
        }
    }

    private Result diskReadOnly() throws IOException, InterruptedException, SQLException {
        String scenario = "disk of the queue read-only while the server is down and up again; on another node a file"
                + " in place of the folder";
        NodeUnderTest node = testbed.node("readonly", 6);
        NodeUnderTest other = testbed.node("nofolder", 7);
        Files.createFile(other.queue());
        List<NodeUnderTest> nodes = List.of(testbed.start(node), testbed.start(other));
        testbed.awaitFirstBatch(nodes);
        relay.handler(Relay.UNREACHABLE);
        testbed.await("something is on disk", () -> !node.segments().isEmpty());
        // Mounted over itself: a disk cannot be made read-only while the agent holds its lock.
        String queue = node.queue().toString();
        if (!mount("--bind", queue, queue)) {
            return Result.notRun(scenario, "needs root");
        }
        try {
            mount("-o", "remount,bind,ro", queue);
            testbed.await("10 batches in memory", () -> node.metric(IN_MEMORY) >= 10 && other.metric(IN_MEMORY) >= 10);
            relay.handler(Relay.FORWARD);
            testbed.awaitDrained(nodes, Instant.now());
            node.stop();
        } finally {
            unmount(node.queue());
        }
        testbed.start(node); // sends again what could not be deleted
        Files.delete(other.queue());
        relay.handler(Relay.UNREACHABLE);
        testbed.await("both use their disks",
                () -> Files.isDirectory(other.queue()) && other.metric(IN_MEMORY) == 0);
        relay.handler(Relay.FORWARD);
        return testbed.drain(scenario, nodes, Instant.now(), "");
    }

    private static boolean mount(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("mount"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start().waitFor() == 0;
    }

    private static void unmount(Path disk) throws IOException, InterruptedException {
        new ProcessBuilder("umount", "--lazy", disk.toString()).inheritIO().start().waitFor();
    }
}
