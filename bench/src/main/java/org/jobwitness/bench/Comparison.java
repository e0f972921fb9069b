package org.jobwitness.bench;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jobwitness.bench.Ledger.Reading;

/**
 * What agents read, and what of it the server has. A reading is told by its job and its counter, which differs from each to the
 * next, so that those are found too whose time is wrong.
 *
 * @param batches that agents numbered
 * @param readings in these
 * @param stored readings that the server has, once or more often
 * @param lost batches that never were taken, and readings that are not stored
 * @param doubled rows that are too many
 * @param wrong whatever else should not be
 */
record Comparison(long batches, long readings, long stored, long lost, long doubled, List<String> wrong) {
    private static final int MOST_SHOWN = 5;

    Comparison {
        wrong = List.copyOf(wrong);
    }

    boolean isSound() {
        return lost == 0 && doubled == 0 && wrong.isEmpty();
    }

    /** @param tolerance by how much a stored time may differ from that of the reading */
    static Comparison of(Ledger ledger, List<NodeUnderTest> nodes, WholeServer server, Duration tolerance)
            throws IOException, InterruptedException, SQLException {
        List<String> names = nodes.stream().map(NodeUnderTest::name).toList();
        List<String> wrong = new ArrayList<>(ledger.wrong());
        long batches = ledger.numbered(names);
        long lost = batches - ledger.taken(names);
        long doubled = 0;
        long stored = 0;
        List<Reading> all = ledger.readings(names);
        for (NodeUnderTest node : nodes) {
            all.stream().filter(reading -> node.jobIds().contains(reading.jobId())
                    && !node.wasThere(reading.counter())).limit(MOST_SHOWN)
                    .forEach(reading -> wrong.add("never in the cgroup: " + reading));
            for (String jobId : node.jobIds()) {
                Map<Long, List<Instant>> read = byCounter(all.stream().filter(one -> one.jobId().equals(jobId))
                        .toList());
                List<Reading> exported = server.export(jobId);
                Map<Long, List<Instant>> found = byCounter(exported);
                stored += exported.size();
                for (Map.Entry<Long, List<Instant>> one : read.entrySet()) {
                    List<Instant> times = found.getOrDefault(one.getKey(), List.of());
                    lost += Math.max(0, one.getValue().size() - times.size());
                    doubled += Math.max(0, times.size() - one.getValue().size());
                    for (int i = 0; i < Math.min(times.size(), one.getValue().size()); i++) {
                        Duration off = Duration.between(one.getValue().get(i), times.get(i)).abs();
                        if (off.compareTo(tolerance) > 0) {
                            wrong.add("job " + jobId + " read at " + one.getValue().get(i) + ", stored at "
                                    + times.get(i));
                        }
                    }
                }
                found.keySet().stream().filter(counter -> !read.containsKey(counter)).limit(MOST_SHOWN)
                        .forEach(counter -> wrong.add("job " + jobId + ": nobody read the stored " + counter));
                // The export takes rows that are there twice for one, tables and sums do not.
                doubled += Math.max(0, server.rows(jobId) - exported.size());
                long counted = server.job(jobId).path("sample_count").longValue(-1);
                if (counted != exported.size()) {
                    wrong.add("job " + jobId + " has " + exported.size() + " samples, but sample_count " + counted);
                }
                long runs = server.runs(jobId);
                if (runs != 1) {
                    wrong.add("job " + jobId + " has " + runs + " runs");
                }
            }
        }
        return new Comparison(batches, all.size(), stored, lost, doubled, wrong);
    }

    private static Map<Long, List<Instant>> byCounter(List<Reading> readings) {
        Map<Long, List<Instant>> times = new TreeMap<>();
        readings.stream().sorted(Comparator.comparing(Reading::at))
                .forEach(reading -> times.computeIfAbsent(reading.counter(), _ -> new ArrayList<>())
                        .add(reading.at()));
        return times;
    }
}
