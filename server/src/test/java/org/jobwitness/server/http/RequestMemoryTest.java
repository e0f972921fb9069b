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

    /** What is given up may free its memory a little later; thousands more would be given up meanwhile. */
    @Test
    void oneShortageGivesUpRequestsOnce() {
        RequestMemory memory = new RequestMemory(100);
        AtomicInteger shortages = new AtomicInteger();
        memory.onShortage(shortages::incrementAndGet);
        assertThat(memory.tryReserve(100)).isTrue();
        assertThat(memory.tryReserve(1)).isFalse();
        assertThat(memory.tryReserve(1)).isFalse();
        assertThat(shortages).hasValue(1);
        memory.release(1);
        assertThat(memory.tryReserve(1)).isTrue();
    }
}
