package org.jobwitness.server.job;

import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What {@link JobTable} does with the lifecycle's decisions, without a database. */
final class RunsInMemory {
    private final Map<Long, Run> runs = new HashMap<>();
    private final Map<Long, SortedMap<String, NodeAllocation>> nodes = new HashMap<>();
    private long lastKey;

    Decision apply(Evidence evidence, Instant now) {
        Identity identity = evidence.identity();
        NodeAllocation speaking = evidence.onNode();
        List<Run> known = runs.values().stream()
                .filter(run -> run.identity().jobId().equals(identity.jobId())
                        && run.identity().cluster().equals(identity.cluster()))
                .map(run -> seenFrom(run, speaking == null ? null : nodesOf(run).get(speaking.node()))).toList();
        Decision decision = JobLifecycle.decide(known, evidence, now);
        if (!(decision instanceof Decision.Taken taken)) {
            return decision;
        }
        store(taken.run().key() == 0 ? taken.run().withKey(++lastKey) : taken.run());
        taken.others().forEach(change -> store(change.after()));
        return decision;
    }

    private void store(Run run) {
        Run before = runs.put(run.key(), run);
        if (before != null) {
            nodesOf(run).keySet().removeIf(node -> before.attributes().nodes().contains(node)
                    && !run.attributes().nodes().contains(node));
        }
        if (run.onNode() != null) {
            nodes.computeIfAbsent(run.key(), _ -> new TreeMap<>()).put(run.onNode().node(), run.onNode());
        }
    }

    private static Run seenFrom(Run run, NodeAllocation onNode) {
        return new Run(run.key(), run.recordedAt(), run.identity(), run.startSeen(), run.startTime(), run.attributes(),
                run.end(), onNode);
    }

    /** All runs of all jobs, oldest first; of those that began together, by cluster and job id. */
    List<Run> runs() {
        return runs.values().stream().map(run -> seenFrom(run, null)).sorted(Run.OLDEST_FIRST)
                .sorted(Comparator.comparing(Run::since).thenComparing(run -> run.identity().cluster())
                        .thenComparing(run -> run.identity().jobId()))
                .toList();
    }

    /** What each node of the run has said, by name. */
    SortedMap<String, NodeAllocation> nodesOf(Run run) {
        return nodes.getOrDefault(run.key(), new TreeMap<>());
    }
}
