package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.jobwitness.server.db.Partition.Parent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** To which day or month a moment belongs. */
class PartitionTest {
    @ParameterizedTest
    @CsvSource({
            "CHUNK, 2024-02-28T23:59:59.999999Z, chunk_2024_02_28, 2024-02-28T00:00:00Z, 2024-02-29T00:00:00Z",
            "CHUNK, 2024-02-29T00:00:00Z, chunk_2024_02_29, 2024-02-29T00:00:00Z, 2024-03-01T00:00:00Z",
            "CHUNK, 2023-12-31T12:00:00Z, chunk_2023_12_31, 2023-12-31T00:00:00Z, 2024-01-01T00:00:00Z",
            "AUDIT, 2024-02-29T23:59:59.999999Z, audit_2024_02, 2024-02-01T00:00:00Z, 2024-03-01T00:00:00Z",
            "AUDIT, 2024-12-31T23:59:59Z, audit_2024_12, 2024-12-01T00:00:00Z, 2025-01-01T00:00:00Z",
            "AUDIT, 2025-01-01T00:00:00Z, audit_2025_01, 2025-01-01T00:00:00Z, 2025-02-01T00:00:00Z"})
    void aMomentBelongsToItsDayOrMonthInUtc(Parent parent, Instant moment, String name, Instant from, Instant to) {
        Partition partition = parent.at(moment);
        assertThat(partition.name()).isEqualTo(name);
        assertThat(partition.from()).isEqualTo(from);
        assertThat(partition.to()).isEqualTo(to);
        assertThat(Partition.of(parent, name, from, to)).contains(partition);
    }

    @Test
    void aTableWithAnotherNameOrOtherBoundsIsNotOurs() {
        Instant from = Instant.parse("2024-02-28T00:00:00Z");
        Instant to = Instant.parse("2024-02-29T00:00:00Z");
        assertThat(Partition.of(Parent.CHUNK, "chunk_2024_02_28", from, to)).isPresent();
        assertThat(Partition.of(Parent.CHUNK, "chunk_2024_02_27", from, to)).isEmpty();
        assertThat(Partition.of(Parent.CHUNK, "chunk_2024_02_28", from, to.plusSeconds(1))).isEmpty();
        assertThat(Partition.of(Parent.CHUNK, "chunk_2024_02_28", from.plusSeconds(1), to)).isEmpty();
        assertThat(Partition.of(Parent.AUDIT, "audit_2024_02", from, to)).isEmpty();
    }
}
