package org.jobwitness.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Prolog and epilog leave events in their spool while the server is down; the agent sends them in order, before batches. */
final class EventBacklog {
    private static final String ENDED_JOB = "20999";

    private final Testbed testbed;
    private final Ledger ledger;

    EventBacklog(Testbed testbed) {
        this.testbed = testbed;
        this.ledger = testbed.ledger();
    }

    void addTo(Map<String, AgentSoak.Scenario> scenarios) {
        scenarios.put("events", this::events);
    }

    private Result events() throws IOException, InterruptedException, SQLException {
        NodeUnderTest node = testbed.start(testbed.node("events", 20));
        testbed.awaitFirstBatch(List.of(node));
        testbed.relay().handler(Relay.UNREACHABLE);
        List<Path> spooled = spool(node, Instant.now().truncatedTo(ChronoUnit.SECONDS));
        Map<Path, String> before = contents(spooled);
        Thread.sleep(Duration.ofSeconds(30));
        int acceptedBefore = ledger.acceptedOrder().size();
        Instant back = Instant.now();
        testbed.relay().handler(Relay.FORWARD);
        testbed.awaitDrained(List.of(node), back);
        List<String> expected = spooled.stream().map(file -> file.getFileName().toString()).toList();
        testbed.await("the last event is accepted", () -> ledger.acceptedOrder().contains(expected.getLast()));

        List<String> order = ledger.acceptedOrder().subList(acceptedBefore, ledger.acceptedOrder().size());
        List<String> accepted = order.stream().filter(one -> !one.startsWith("batch")).toList();
        long ahead = order.stream().takeWhile(one -> !one.equals(expected.getLast()))
                .filter(one -> one.startsWith("batch")).count();
        Result result = testbed.drain("events of prolog and epilog spooled while the server is down", List.of(node),
                back, expected.size() + " events, " + ahead + " batches before the last of them; files untouched");
        if (!accepted.equals(expected)) {
            return result.withError("events accepted: " + accepted);
        }
        if (ahead > 1) { // one batch finds out that the server is up again
            return result.withError("batches were sent before events");
        }
        if (!contents(spooled).equals(before)) {
            return result.withError("changed: the files of the spool");
        }
        String state = testbed.server().job(ENDED_JOB).path("state").stringValue("");
        return state.equals("completed") ? result : result.withError("the job of the epilog is " + state);
    }

    private static List<Path> spool(NodeUnderTest node, Instant start) throws IOException {
        List<Path> spooled = new ArrayList<>();
        for (String jobId : node.jobIds()) {
            spooled.add(event(node, jobId, "started", start));
        }
        spooled.add(event(node, ENDED_JOB, "started", start));
        spooled.add(event(node, ENDED_JOB, "finished", start.plusSeconds(1)));
        return spooled;
    }

    /** With the time of the last modification. */
    private static Map<Path, String> contents(List<Path> files) throws IOException {
        Map<Path, String> contents = new TreeMap<>();
        for (Path file : files) {
            contents.put(file, Files.getLastModifiedTime(file) + " " + Files.readString(file));
        }
        return contents;
    }

    /** Renamed when it is complete, as the scripts do; its name is also the id of the event. */
    private static Path event(NodeUnderTest node, String jobId, String kind, Instant at) throws IOException {
        String name = at.getEpochSecond() + "-" + jobId + "-" + kind + "-77.json";
        String end = kind.equals("finished") ? ",\"end_time\":\"" + at + "\",\"exit_code\":0" : "";
        Path draft = Files.writeString(node.events().resolve("." + name),
                "{\"event_id\":\"" + name + "\",\"job_id\":\"" + jobId + "\",\"user\":\"alice\",\"node_list\":[\""
                        + node.name() + "\"],\"node\":\"" + node.name() + "\"" + end + "}\n");
        return Files.move(draft, node.events().resolve(name));
    }
}
