package org.jobwitness.soak;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jobwitness.soak.Ledger.Reading;

/**
 * What agents read, compared with what the server has. A reading is identified by its job and its counter, which only rises, so
 * that readings with a wrong time are found too.
 *
 * @param batches that agents numbered
 * @param readings in these batches
 * @param stored rows that the server exports
 * @param lost batches that were not accepted, and readings that are not stored
 * @param duplicates rows that are stored more than once
 * @param errors anything else that must not be
 */
record Comparison(long batches, long readings, long stored, long lost, long duplicates, List<String> errors) {
    private static final int MAX_SHOWN = 5;

    Comparison {
        errors = List.copyOf(errors);
    }

    boolean passed() {
        return lost == 0 && duplicates == 0 && errors.isEmpty();
    }

    Comparison withError(String error) {
        return new Comparison(batches, readings, stored, lost, duplicates,
                Stream.concat(errors.stream(), Stream.of(error)).toList());
    }

    /** @param tolerance by how much a stored time may differ from that of the reading */
    static Comparison of(Ledger ledger, List<NodeUnderTest> nodes, ServerProcess server, Duration tolerance)
            throws IOException, InterruptedException, SQLException {
        List<String> names = nodes.stream().map(NodeUnderTest::name).toList();
        List<Reading> readings = ledger.readings(names);
        Count count = new Count(server, tolerance, ledger.errors());
        for (NodeUnderTest node : nodes) {
            readings.stream().filter(reading -> node.jobIds().contains(reading.jobId())
                    && !node.hadCounter(reading.counter())).limit(MAX_SHOWN)
                    .forEach(reading -> count.errors.add("never in the cgroup: " + reading));
            for (String jobId : node.jobIds()) {
                count.job(jobId, readings.stream().filter(reading -> reading.jobId().equals(jobId)).toList());
            }
        }
        long batches = ledger.numbered(names);
        return new Comparison(batches, readings.size(), count.stored, count.lost + batches - ledger.accepted(names),
                count.duplicates, count.errors);
    }

    /** Counts job by job. */
    private static final class Count {
        private final ServerProcess server;
        private final Duration tolerance;
        private final List<String> errors;
        private long stored;
        private long lost;
        private long duplicates;

        Count(ServerProcess server, Duration tolerance, List<String> errors) {
            this.server = server;
            this.tolerance = tolerance;
            this.errors = new ArrayList<>(errors);
        }

        void job(String jobId, List<Reading> read) throws IOException, InterruptedException, SQLException {
            List<Reading> exported = server.export(jobId);
            stored += exported.size();
            Map<Long, List<Instant>> expected = timesByCounter(read);
            Map<Long, List<Instant>> found = timesByCounter(exported);
            expected.forEach((counter, times) -> times(jobId, times, found.getOrDefault(counter, List.of())));
            found.keySet().stream().filter(counter -> !expected.containsKey(counter)).limit(MAX_SHOWN)
                    .forEach(counter -> error(jobId, "stored " + counter + ", which no agent read"));
            // The export merges duplicate rows; tables and sums do not.
            duplicates += Math.max(0, server.rows(jobId) - exported.size());
            long counted = server.job(jobId).path("sample_count").longValue(-1);
            if (counted != exported.size()) {
                error(jobId, "has " + exported.size() + " samples, but sample_count " + counted);
            }
            long runs = server.runs(jobId);
            if (runs != 1) {
                error(jobId, "has " + runs + " runs");
            }
        }

        private void times(String jobId, List<Instant> expected, List<Instant> found) {
            lost += Math.max(0, expected.size() - found.size());
            duplicates += Math.max(0, found.size() - expected.size());
            for (int i = 0; i < Math.min(found.size(), expected.size()); i++) {
                if (Duration.between(expected.get(i), found.get(i)).abs().compareTo(tolerance) > 0) {
                    error(jobId, "read at " + expected.get(i) + ", stored at " + found.get(i));
                }
            }
        }

        private void error(String jobId, String error) {
            errors.add("job " + jobId + " " + error);
        }

        private static Map<Long, List<Instant>> timesByCounter(List<Reading> readings) {
            Map<Long, List<Instant>> times = new TreeMap<>();
            readings.stream().sorted(Comparator.comparing(Reading::at)).forEach(
                    reading -> times.computeIfAbsent(reading.counter(), _ -> new ArrayList<>()).add(reading.at()));
            return times;
        }
    }
}
