package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import org.jobwitness.server.node.NodeReading;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One word for a node's state, and all of Slurm's beside it. */
class SlurmNodeTest {
    private static final Instant NOW = Instant.parse("2026-11-23T12:00:00Z");

    private static NodeReading reading(String words) {
        return new SlurmNode("n1", List.of(words.split("\\+", -1)), null, 8, 1000L, 900L, List.of("short"), null, null,
                null).reading("c1",
                        NOW);
    }

    /** IDLE is only what Slurm gives work to. */
    @ParameterizedTest
    @CsvSource({"IDLE, idle", "IDLE+CLOUD, idle", "IDLE+DYNAMIC_NORM, idle", "MIXED, mixed", "ALLOCATED, allocated",
            "IDLE+POWERED_DOWN, powered_down", "IDLE+CLOUD+POWERED_DOWN+NOT_RESPONDING, powered_down",
            "IDLE+POWERING_DOWN, powering_down", "IDLE+POWER_DOWN, powering_down", "IDLE+POWERING_UP, powering_up",
            "IDLE+POWERING_UP+NOT_RESPONDING, powering_up", "IDLE+NOT_RESPONDING, not_responding",
            "IDLE+MAINTENANCE, maintenance", "IDLE+MAINTENANCE+RESERVED, maintenance",
            "IDLE+MAINTENANCE+NOT_RESPONDING, maintenance", "IDLE+RESERVED, reserved", "IDLE+PLANNED, planned",
            "IDLE+BLOCKED, blocked", "IDLE+COMPLETING, completing", "IDLE+INVALID_REG, invalid_reg",
            "IDLE+DRAIN+INVALID_REG, invalid_reg", "IDLE+FAIL, fail", "IDLE+REBOOT_REQUESTED, reboot",
            "DOWN+REBOOT_ISSUED, reboot", "IDLE+DRAIN+REBOOT_ISSUED, reboot", "IDLE+DRAIN, drained",
            "IDLE+DRAIN+COMPLETING, draining", "MIXED+DRAIN, draining", "ALLOCATED+DRAIN+NOT_RESPONDING, draining",
            "DOWN+DRAIN, down", "DOWN+NOT_RESPONDING, down", "DOWN+CLOUD+POWERED_DOWN, down", "DOWN+MAINTENANCE, down",
            "ERROR, down", "MIXED+FAIL, fail", "ALLOCATED+NOT_RESPONDING, not_responding",
            "MIXED+POWERING_UP+NOT_RESPONDING, mixed", "ALLOCATED+POWERED_DOWN, allocated", "MIXED+PLANNED, mixed",
            "ALLOCATED+MAINTENANCE+RESERVED, allocated", "MIXED+REBOOT_REQUESTED, mixed", "MIXED+COMPLETING, mixed",
            "FUTURE, unknown", "UNKNOWN+NOT_RESPONDING, unknown", "SOMETHING_NEW, unknown"})
    void everyWordCounts(String words, String state) {
        assertThat(reading(words).state()).hasToString(state);
        assertThat(reading(words).rawState()).isEqualTo(words);
    }

    @Test
    void wordsThatCannotBeShownAreLeftOut() {
        assertThat(reading("IDLE+\u0007BELL").rawState()).isNull();
        assertThat(reading("IDLE" + "+X".repeat(300)).rawState()).hasSize(256);
        assertThat(new SlurmNode("n1", List.of(), null, null, null, null, List.of(), null, null, null)
                .reading("c1", NOW).rawState())
                .isNull();
    }
}
