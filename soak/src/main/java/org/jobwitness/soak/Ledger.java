package org.jobwitness.soak;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.BatchResponse;

/**
 * The agents' batches as they were seen on the network and in their queues: the expectation of what must be stored, independent
 * of what agent and server report. Called by all threads.
 */
final class Ledger {
    record BatchName(String node, String bootId, long sequence) {
        static BatchName of(Batch batch) {
            return new BatchName(batch.node(), batch.bootId(), batch.sequence());
        }
    }

    /** One reading of a job; the counter is that of the job's cgroup at that time. */
    record Reading(String jobId, Instant at, long counter) {
    }

    private final Json json = new Json();
    private final Map<BatchName, Batch> batches = new HashMap<>();
    private final Set<BatchName> accepted = new HashSet<>();
    private final Map<Integer, Integer> responses = new TreeMap<>();
    private final List<String> acceptedOrder = new ArrayList<>();
    private final List<String> errors = new ArrayList<>();
    private long requests;

    /** Records a batch as an agent made it, in JSON and gzip. */
    Batch record(byte[] packed) throws IOException {
        byte[] text;
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
            text = in.readAllBytes();
        }
        Batch batch = json.read(text, Batch.class);
        synchronized (this) {
            Batch before = batches.putIfAbsent(BatchName.of(batch), batch);
            if (before != null && !before.equals(batch)) {
                errors.add(BatchName.of(batch) + " is two different batches");
            }
        }
        return batch;
    }

    synchronized void sent() {
        requests++;
    }

    synchronized void response(Batch batch, int status, byte[] body) {
        responses.merge(status, 1, Integer::sum);
        if (status == 200) {
            if (accepted.add(BatchName.of(batch))) {
                acceptedOrder.add("batch of " + batch.node());
            }
            BatchResponse response = json.read(body, BatchResponse.class);
            if (!response.refused().isEmpty()) {
                errors.add("refused: " + response.refused());
            }
        } else if (status < 500 && status != 429) {
            errors.add(status + " " + new String(body, StandardCharsets.UTF_8));
        }
    }

    synchronized void eventResponse(String eventId, int status) {
        responses.merge(status, 1, Integer::sum);
        if (status == 200) {
            acceptedOrder.add(eventId);
        }
    }

    /** Whether the server has accepted every batch that this node's agent has queued or sent. */
    synchronized boolean allAccepted(String node) {
        return batches.keySet().stream().filter(number -> number.node().equals(node)).allMatch(accepted::contains);
    }

    /** Time of a node's newest batch, accepted or not. */
    synchronized Optional<Instant> newest(String node) {
        return batches.values().stream().filter(batch -> batch.node().equals(node)).map(Batch::timestamp)
                .max(Instant::compareTo);
    }

    /** Time of a node's newest accepted batch. */
    synchronized Optional<Instant> newestAccepted(String node) {
        return batches.values().stream()
                .filter(batch -> batch.node().equals(node) && accepted.contains(BatchName.of(batch)))
                .map(Batch::timestamp).max(Instant::compareTo);
    }

    /** How many numbers the nodes' agents have used: none may be missing between 1 and the last of each start. */
    synchronized long numbered(Collection<String> nodes) {
        Map<String, Long> last = new HashMap<>();
        batches.keySet().stream().filter(number -> nodes.contains(number.node()))
                .forEach(number -> last.merge(number.node() + " " + number.bootId(), number.sequence(), Math::max));
        return last.values().stream().mapToLong(Long::longValue).sum();
    }

    synchronized long accepted(Collection<String> nodes) {
        return accepted.stream().filter(number -> nodes.contains(number.node())).count();
    }

    synchronized List<Reading> readings(Collection<String> nodes) {
        return batches.values().stream().filter(batch -> nodes.contains(batch.node()))
                .flatMap(batch -> batch.jobs().stream().filter(job -> job.cpuUsageUsec() != null)
                        .map(job -> new Reading(job.jobId(),
                                job.timestamp() == null ? batch.timestamp() : job.timestamp(), job.cpuUsageUsec())))
                .toList();
    }

    /** The longest time between two batches of one start of a node's agent. */
    synchronized long maxGapMillis(String node) {
        Map<String, List<Instant>> starts = new HashMap<>();
        batches.forEach((number, batch) -> {
            if (number.node().equals(node)) {
                starts.computeIfAbsent(number.bootId(), _ -> new ArrayList<>()).add(batch.timestamp());
            }
        });
        long longest = 0;
        for (List<Instant> moments : starts.values()) {
            moments.sort(Instant::compareTo);
            for (int i = 1; i < moments.size(); i++) {
                longest = Math.max(longest, moments.get(i).toEpochMilli() - moments.get(i - 1).toEpochMilli());
            }
        }
        return longest;
    }

    /** Number of requests with a batch. */
    synchronized long requests() {
        return requests;
    }

    /** Number of responses by status, of all requests so far. */
    synchronized Map<Integer, Integer> responses() {
        return new TreeMap<>(responses);
    }

    /** Ids of events, and batches, in the order in which the server accepted them. */
    synchronized List<String> acceptedOrder() {
        return List.copyOf(acceptedOrder);
    }

    synchronized List<String> errors() {
        return List.copyOf(errors);
    }
}
