package org.jobwitness.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who holds a GPU is told in at most one of three ways. */
class GpuReadingTest {
    private static GpuReading gpu(Object... more) {
        Object[] all = new Object[more.length + 2];
        all[0] = "gpu";
        all[1] = "GPU-1";
        System.arraycopy(more, 0, all, 2, more.length);
        return Records.make(GpuReading.class, all);
    }

    @Test
    void oneJobSeveralOrThoseThatItMayBe() {
        assertThat(gpu().holders()).isZero();
        assertThat(gpu("jobId", "1").holders()).isOne();
        assertThat(gpu("sharedBy", List.of("1", "2")).holders()).isEqualTo(2);
        assertThat(gpu("claimedBy", List.of("1", "2", "3")).holders()).isEqualTo(3);
        assertThatThrownBy(() -> gpu("jobId", "1", "sharedBy", List.of("2"))).hasMessageStartingWith("shared_by must");
        assertThatThrownBy(() -> gpu("jobId", "1", "claimedBy", List.of("2"))).hasMessageStartingWith("claimed_by");
        assertThatThrownBy(() -> gpu("sharedBy", List.of("1"), "claimedBy", List.of("2"))).hasMessageStartingWith(
                "claimed_by must");
    }

    @Test
    void jobsThatMayNotBeSeenAreNotNamed() {
        assertThat(gpu("jobId", "1").naming(List.of("1"))).isEqualTo(gpu("jobId", "1"));
        GpuReading hidden = gpu("jobId", "1", "processes", 3L).naming(List.of("2"));
        assertThat(hidden.jobId()).isNull();
        assertThat(hidden.absent()).containsOnlyKeys("job_id");
        assertThat(hidden.processes()).isEqualTo(3);
        GpuReading some = gpu("sharedBy", List.of("1", "2")).naming(List.of("2"));
        assertThat(some.sharedBy()).containsExactly("2");
        assertThat(some.absent()).containsOnlyKeys("job_id");
        assertThat(gpu("claimedBy", List.of("1", "2")).naming(List.of()).claimedBy()).isEmpty();
    }

    @Test
    void aCauseThatTheAgentToldStays() {
        GpuReading hidden = gpu("claimedBy", List.of("1", "2"), "absent", Map.of("job_id", "prologs disagree"))
                .naming(List.of());
        assertThat(hidden.absent()).containsEntry("job_id", "prologs disagree");
    }
}
