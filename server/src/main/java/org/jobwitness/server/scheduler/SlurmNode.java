package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.List;
import org.jobwitness.server.node.NodeReading;
import org.jspecify.annotations.Nullable;

/** A node in Slurm's record. */
record SlurmNode(String name, List<String> words, @Nullable String reason, @Nullable Integer cpus,
        @Nullable Long memoryMb, @Nullable Integer gpus) {

    SlurmNode {
        words = List.copyOf(words);
    }

    /** DOWN before all others; draining counts as drained. */
    NodeReading.State state() {
        if (words.contains("DOWN") || words.contains("ERROR")) {
            return NodeReading.State.DOWN;
        }
        if (words.stream().anyMatch(word -> word.startsWith("DRAIN"))) {
            return NodeReading.State.DRAINED;
        }
        return words.stream().map(SlurmNode::state).filter(state -> state != NodeReading.State.UNKNOWN).findFirst()
                .orElse(NodeReading.State.UNKNOWN);
    }

    /** Its figures are missing: its agent reports them. */
    NodeReading reading(String cluster, Instant now) {
        return NodeReading.builder(cluster, name, now).state(state(), JobEvidence.fitting(reason))
                .totals(cpus, memoryMb == null ? null : Long.valueOf(memoryMb << 20), gpus).build();
    }

    private static NodeReading.State state(String word) {
        return switch (word) {
            case "IDLE" -> NodeReading.State.IDLE;
            case "MIXED" -> NodeReading.State.MIXED;
            case "ALLOCATED" -> NodeReading.State.ALLOCATED;
            default -> NodeReading.State.UNKNOWN;
        };
    }
}
