package org.jobwitness.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobIdTest {
    @ParameterizedTest
    @CsvSource({"123, 123", "slurm-123, 123", "slurm-123_4, 123_4", "123_4, 123_4", "123+1, 123+1", "a.b-c, a.b-c",
            "slurm-, slurm-", "slurm-x, slurm-x", "SLURM-1, SLURM-1", "slurm-slurm-1, slurm-slurm-1", "0, 0"})
    void anIdHasOneSpelling(String given, String id) {
        assertThat(JobId.of("job_id", given)).isEqualTo(id);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", "_1", "-1", "a b", "a/b", "1\n", "j\u00fcrgen", "slurm-1;2",
            "12345678901234567890123456789012345678901234567890123456789012345"})
    void whatIsNoIdIsRefused(String given) {
        assertThatThrownBy(() -> JobId.of("job_id", given)).isInstanceOfSatisfying(InvalidFieldException.class,
                e -> assertThat(e.field()).isEqualTo("job_id")).hasMessageMatching("job_id (is required|must be .*)");
    }

    @ParameterizedTest
    @CsvSource({"123, 123", "slurm-123, 123", "500_7, 500_7", "slurm-500_7.out, 500_7.out", "'500_[1-3]', 500",
            "'500_[1,3,5-9:2%4]', 500", "'slurm-500_[7]', 500_7", "'500_[7%2]', 500_7", "500_*, 500",
            "'500_[1-3,...]', 500", "510+1, 510+1",
            "501.batch, 501.batch"})
    void whatIsAskedForMayBeSeveralTasks(String given, String id) {
        assertThat(JobId.asked("id", given)).isEqualTo(id);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "_[1]", "a_[1]", "500_[", "500_[]", "500_[1]x", "500_[a]", "500[1]", "500_**",
            "../nodes",
            "500_[1]/runs", "\u0665\u0660\u0660_[1]"})
    void whatIsNoIdIsNotAskedFor(String given) {
        assertThatThrownBy(() -> JobId.asked("id", given)).isInstanceOf(InvalidFieldException.class);
    }

    @Test
    void theLongestIdHas64Characters() {
        assertThat(JobId.of("job_id", "x".repeat(64))).hasSize(64);
    }

    @Test
    void aListNamesEachOnce() {
        assertThat(JobId.listOf("shared_by", List.of("slurm-1", "2", "1"), 3)).containsExactly("1", "2");
        assertThat(JobId.listOf("shared_by", null, 3)).isEmpty();
        assertThatThrownBy(() -> JobId.listOf("shared_by", List.of("1", "-"), 3)).hasMessageStartingWith(
                "shared_by[1] must be");
        assertThatThrownBy(() -> JobId.listOf("shared_by", Arrays.asList("1", null), 3)).hasMessage(
                "shared_by[1] is required");
        assertThatThrownBy(() -> JobId.listOf("shared_by", List.of("1", "2"), 1)).hasMessage(
                "shared_by must have at most 1 entries, had 2");
    }
}
