package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CompanyTest {
    private static final Duration MAX_WAIT = Duration.ofMillis(30);

    private final AtomicLong nanos = new AtomicLong();
    private final Company company = new Company(MAX_WAIT, nanos::get);

    /** @return the moment of the last */
    private long arrive(int items, Duration apart) {
        long last = 0;
        for (int i = 0; i < items; i++) {
            nanos.addAndGet(apart.toNanos());
            last = company.arrived();
        }
        return last;
    }

    @Test
    void itemsThatComeSeldomDoNotWait() {
        assertThat(company.millisToWait(arrive(1000, Duration.ofMillis(20)))).isZero();
    }

    @Test
    void itemsThatComeOftenWaitForWhatIsLeftOfTheLongestWait() {
        long arrivedAt = arrive(1000, Duration.ofMillis(10));
        assertThat(company.millisToWait(arrivedAt)).isEqualTo(30);
        nanos.addAndGet(Duration.ofMillis(20).toNanos());
        assertThat(company.millisToWait(arrivedAt)).isEqualTo(10);
        nanos.addAndGet(Duration.ofMillis(20).toNanos());
        assertThat(company.millisToWait(arrivedAt)).isZero();
    }

    @Test
    void afterSecondsOfSilenceNothingWaits() {
        arrive(1000, Duration.ofMillis(10));
        assertThat(company.millisToWait(arrive(1, Duration.ofSeconds(3)))).isZero();
    }
}
