package org.jobwitness.bench;

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
 * What was seen of the agents' batches on the way to the server, and in their queues: by this, and not by what agent or server
 * say of themselves, it is known what must be stored. Called by all threads.
 */
final class Ledger {
    /** What names a batch. */
    record BatchName(String node, String bootId, long sequence) {
        static BatchName of(Batch batch) {
            return new BatchName(batch.node(), batch.bootId(), batch.sequence());
        }
    }

    /** One reading of a job; the counter is what the job's cgroup said at that time. */
    record Reading(String jobId, Instant at, long counter) {
    }

    private final Json json = new Json();
    private final Map<BatchName, Batch> batches = new HashMap<>();
    private final Set<BatchName> sent = new HashSet<>();
    private final Set<BatchName> taken = new HashSet<>();
    private final Map<Integer, Integer> answers = new TreeMap<>();
    private final List<String> order = new ArrayList<>();
    private final List<String> wrong = new ArrayList<>();
    private long requests;

    /** Notes a batch as an agent made it, in JSON and gzip. */
    Batch note(byte[] packed) throws IOException {
        byte[] text;
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
            text = in.readAllBytes();
        }
        Batch batch = json.read(text, Batch.class);
        synchronized (this) {
            Batch before = batches.putIfAbsent(BatchName.of(batch), batch);
            if (before != null && !before.equals(batch)) {
                wrong.add(BatchName.of(batch) + " is two different batches");
            }
        }
        return batch;
    }

    synchronized void sent(Batch batch) {
        requests++;
        sent.add(BatchName.of(batch));
    }

    /** What the server answered to a batch. */
    synchronized void answered(Batch batch, int status, byte[] body) {
        answers.merge(status, 1, Integer::sum);
        if (status == 200) {
            if (taken.add(BatchName.of(batch))) {
                order.add("batch of " + batch.node());
            }
            BatchResponse answer = json.read(body, BatchResponse.class);
            if (!answer.refused().isEmpty()) {
                wrong.add("refused: " + answer.refused());
            }
        } else if (status < 500 && status != 429) {
            wrong.add(status + " " + new String(body, StandardCharsets.UTF_8));
        }
    }

    synchronized void answeredEvent(String eventId, int status) {
        answers.merge(status, 1, Integer::sum);
        if (status == 200) {
            order.add(eventId);
        }
    }

    /** Whether the server has taken all that this node's agent ever had in its queue or sent. */
    synchronized boolean isAllTaken(String node) {
        return batches.keySet().stream().filter(number -> number.node().equals(node)).allMatch(taken::contains);
    }

    /** When what is newest of a node's batches, taken or not, was read. */
    synchronized Optional<Instant> newest(String node) {
        return batches.values().stream().filter(batch -> batch.node().equals(node)).map(Batch::timestamp)
                .max(Instant::compareTo);
    }

    /** When what was taken last of a node's batches was read. */
    synchronized Optional<Instant> newestTaken(String node) {
        return batches.values().stream()
                .filter(batch -> batch.node().equals(node) && taken.contains(BatchName.of(batch)))
                .map(Batch::timestamp).max(Instant::compareTo);
    }

    /** How many numbers of the nodes' agents there are: none may be left out between 1 and the last of each life. */
    synchronized long numbered(Collection<String> nodes) {
        Map<String, Long> last = new HashMap<>();
        batches.keySet().stream().filter(number -> nodes.contains(number.node()))
                .forEach(number -> last.merge(number.node() + " " + number.bootId(), number.sequence(), Math::max));
        return last.values().stream().mapToLong(Long::longValue).sum();
    }

    synchronized long taken(Collection<String> nodes) {
        return taken.stream().filter(number -> nodes.contains(number.node())).count();
    }

    /** All readings that were in the nodes' batches. */
    synchronized List<Reading> readings(Collection<String> nodes) {
        return batches.values().stream().filter(batch -> nodes.contains(batch.node()))
                .flatMap(batch -> batch.jobs().stream().filter(job -> job.cpuUsageUsec() != null)
                        .map(job -> new Reading(job.jobId(),
                                job.timestamp() == null ? batch.timestamp() : job.timestamp(), job.cpuUsageUsec())))
                .toList();
    }

    /** The longest time in which a node's agent read nothing, in seconds, between two batches of one life. */
    synchronized long longestPauseMillis(String node) {
        Map<String, List<Instant>> lives = new HashMap<>();
        batches.forEach((number, batch) -> {
            if (number.node().equals(node)) {
                lives.computeIfAbsent(number.bootId(), _ -> new ArrayList<>()).add(batch.timestamp());
            }
        });
        long longest = 0;
        for (List<Instant> moments : lives.values()) {
            moments.sort(Instant::compareTo);
            for (int i = 1; i < moments.size(); i++) {
                longest = Math.max(longest, moments.get(i).toEpochMilli() - moments.get(i - 1).toEpochMilli());
            }
        }
        return longest;
    }

    synchronized long requests() {
        return requests;
    }

    /** Answers by status, of all requests so far. */
    synchronized Map<Integer, Integer> answers() {
        return new TreeMap<>(answers);
    }

    /** Events by their id, and batches, in the order in which the server took them. */
    synchronized List<String> order() {
        return List.copyOf(order);
    }

    /** What should never be. */
    synchronized List<String> wrong() {
        return List.copyOf(wrong);
    }
}
