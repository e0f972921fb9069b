package org.jobwitness.agent.gpu.nvidia;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BusyTimeTest {
    private final BusyTime busy = new BusyTime(1_000_000);

    @Test
    void aSampleCountsAsLongAsItLasted() {
        add(1_200_000, 100);
        add(2_000_000, 50);
        assertThat(busy.take()).contains(new BusyTime.Average(60, 1_000_000, 1_000_000));
    }

    @Test
    void whatWasNotSeenIsNotCounted() {
        add(5_000_000, 40);
        BusyTime.Average average = busy.take().orElseThrow();
        assertThat(average).isEqualTo(new BusyTime.Average(40, 1_000_000, 4_000_000));
        assertThat(average.isComplete()).isFalse();
    }

    @Test
    void aSampleCountsOnce() {
        add(1_500_000, 10);
        add(1_500_000, 90);
        add(1_400_000, 90);
        assertThat(busy.take()).contains(new BusyTime.Average(10, 500_000, 500_000));
        assertThat(busy.take()).isEmpty();
    }

    @Test
    void whatIsNoPercentageIsNoSample() {
        add(1_500_000, 101);
        add(1_600_000, Double.NaN);
        assertThat(busy.take()).isEmpty();
    }

    private void add(long micros, double percent) {
        busy.add(new NvmlLibrary.Sample(micros, percent));
    }
}
