package org.jobwitness.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RequestMemoryTest {

    @Test
    void whatIsReleasedCanBeReservedAgain() {
        RequestMemory memory = new RequestMemory(100);
        assertThat(memory.tryReserve(60)).isTrue();
        assertThat(memory.tryReserve(60)).isFalse();
        memory.release(60);
        assertThat(memory.tryReserve(60)).isTrue();
        assertThat(memory.used()).isEqualTo(60);
    }

    @Test
    void unfinishedRequestsAreGivenUpBeforeOneIsRefused() {
        RequestMemory memory = new RequestMemory(100);
        AtomicInteger shortages = new AtomicInteger();
        memory.onShortage(() -> {
            shortages.incrementAndGet();
            memory.release(60);
        });
        assertThat(memory.tryReserve(60)).isTrue();
        assertThat(shortages).hasValue(0);
        assertThat(memory.tryReserve(60)).isTrue();
        assertThat(shortages).hasValue(1);
    }
}
