package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeReading.State;
import org.jspecify.annotations.Nullable;

/**
 * A node in Slurm's record.
 *
 * @param words of its state: a base state, and flags beside it
 * @param memoryForJobsMb without what is kept for the system (MemSpecLimit)
 * @param reasonAt since when there is the reason
 */
record SlurmNode(String name, List<String> words, @Nullable String reason, @Nullable Integer cpus,
        @Nullable Long memoryMb, @Nullable Long memoryForJobsMb, List<String> partitions, @Nullable Integer gpus,
        @Nullable Instant bootedAt, @Nullable Instant reasonAt) {
    /** Of a node's raw state. */
    private static final int MAX_LENGTH = 256;

    SlurmNode {
        words = List.copyOf(words);
        partitions = List.copyOf(partitions);
    }

    /**
     * One word for all of them, by the order of sinfo (slurm_protocol_defs.c, node_state_string_compact), except that a node that
     * is down is down first, whatever is planned for it but a reboot.
     */
    State state() {
        boolean isBusy = has("ALLOCATED", "MIXED");
        if (has("INVALID_REG")) {
            return State.INVALID_REG;
        }
        if (!isBusy && has("REBOOT_ISSUED", "REBOOT_REQUESTED")) {
            return State.REBOOT;
        }
        if (has("DOWN", "ERROR")) {
            return State.DOWN;
        }
        if (has("DRAIN", "DRAINED", "DRAINING", "POWER_DRAIN")) {
            return isBusy || has("COMPLETING", "DRAINING") ? State.DRAINING : State.DRAINED;
        }
        if (has("FAIL")) {
            return State.FAIL;
        }
        if (isBusy) {
            return ofBusy();
        }
        return has("IDLE") ? ofIdle() : State.UNKNOWN;
    }

    /** Slurm gives it no more work if it does not respond, which is normal while it starts. */
    private State ofBusy() {
        if (has("NOT_RESPONDING") && !has("POWERING_UP", "POWERED_DOWN", "REBOOT_ISSUED")) {
            return State.NOT_RESPONDING;
        }
        return has("MIXED") ? State.MIXED : State.ALLOCATED;
    }

    private State ofIdle() {
        if (has("MAINTENANCE")) {
            return State.MAINTENANCE;
        }
        if (has("POWERING_DOWN", "POWER_DOWN")) {
            return State.POWERING_DOWN;
        }
        if (has("POWERING_UP", "POWER_UP")) {
            return State.POWERING_UP;
        }
        return Stream.of(State.POWERED_DOWN, State.NOT_RESPONDING, State.RESERVED, State.BLOCKED, State.PLANNED,
                State.COMPLETING).filter(state -> has(state.name())).findFirst().orElse(State.IDLE);
    }

    private boolean has(String... anyOf) {
        return Stream.of(anyOf).anyMatch(words::contains);
    }

    /** {@code IDLE+CLOUD+POWERED_DOWN}. */
    private @Nullable String raw() {
        String all = String.join("+", words);
        return all.isEmpty() ? null : JobEvidence.fitting(all.substring(0, Math.min(all.length(), MAX_LENGTH)));
    }

    /** Its figures are missing: its agent reports them. */
    NodeReading reading(String cluster, Instant now) {
        return NodeReading.builder(cluster, name, now).state(state(), JobEvidence.fitting(reason)).rawState(raw())
                .since(bootedAt, reasonAt)
                .totals(cpus, bytes(memoryMb), gpus).forJobs(bytes(memoryForJobsMb), partitions).build();
    }

    private static @Nullable Long bytes(@Nullable Long mebibytes) {
        return mebibytes == null ? null : Long.valueOf(mebibytes << 20);
    }
}
