package org.jobwitness.server.scheduler;

import java.util.List;
import org.jobwitness.server.node.NodeReading;
import org.jspecify.annotations.Nullable;

/** A node as Slurm tells of it. */
record SlurmNode(String name, List<String> words, @Nullable String reason, @Nullable Integer cpus,
        @Nullable Long memoryMb, @Nullable Integer gpus) {

    SlurmNode {
        words = List.copyOf(words);
    }

    /** A node that is down is told as that, whatever else it is; one that is draining or drained, as drained. */
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

    private static NodeReading.State state(String word) {
        return switch (word) {
            case "IDLE" -> NodeReading.State.IDLE;
            case "MIXED" -> NodeReading.State.MIXED;
            case "ALLOCATED" -> NodeReading.State.ALLOCATED;
            default -> NodeReading.State.UNKNOWN;
        };
    }
}
