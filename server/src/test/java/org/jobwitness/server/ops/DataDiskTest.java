package org.jobwitness.server.ops;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DataDiskTest {
    private static final long MIB = 1 << 20;

    @Test
    void aDiskIsAProblemBeforeItIsFull() {
        assertThat(DataDisk.problem(512 * MIB, 1_000_000 * MIB)).isEmpty();
        assertThat(DataDisk.problem(511 * MIB, 1_000_000 * MIB)).hasValueSatisfying(
                problem -> assertThat(problem).startsWith("the disk of the data folder has 511 MiB left of 1000000"));
        assertThat(DataDisk.problem(0, 1_000_000 * MIB)).isPresent();
        assertThat(DataDisk.problem(50 * MIB, 1000 * MIB)).as("a small disk").isEmpty();
        assertThat(DataDisk.problem(49 * MIB, 1000 * MIB)).isPresent();
    }
}
