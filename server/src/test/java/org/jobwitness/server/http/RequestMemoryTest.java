package org.jobwitness.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jobwitness.server.http.RequestMemory.Reservation;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RequestMemoryTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private static RequestMemory memory() {
        return new RequestMemory(200, PATIENCE, new PrometheusRegistry());
    }

    @Test
    void whatIsReleasedCanBeReservedAgain() {
        RequestMemory memory = memory();
        assertThat(memory.tryReserve(60)).isTrue();
        assertThat(memory.tryReserve(60)).isFalse();
        memory.release(60);
        assertThat(memory.tryReserve(60)).isTrue();
        assertThat(memory.used()).isEqualTo(60);
    }

    @Test
    void unfinishedRequestsAreGivenUpBeforeOneIsRefused() {
        RequestMemory memory = memory();
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
        RequestMemory memory = memory();
        AtomicInteger shortages = new AtomicInteger();
        memory.onShortage(shortages::incrementAndGet);
        assertThat(memory.tryReserve(100)).isTrue();
        assertThat(memory.tryReserve(1)).isFalse();
        assertThat(memory.tryReserve(1)).isFalse();
        assertThat(shortages).hasValue(1);
        memory.release(1);
        assertThat(memory.tryReserve(1)).isTrue();
    }

    @Test
    void aCompleteRequestGoesBeforeUnfinishedOnesThatWaitedLonger() throws Exception {
        RequestMemory memory = memory();
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        Reservation all = memory.reservation();
        all.complete();
        all.grow(200);
        Reservation unfinished = memory.reservation();
        Reservation complete = memory.reservation();
        complete.complete();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> first = threads.submit(() -> takeAndRelease(unfinished, "unfinished", order));
            Waiting.until("the first waits", PATIENCE, () -> memory.waiting() == 1);
            Future<?> second = threads.submit(() -> takeAndRelease(complete, "complete", order));
            Waiting.until("both wait", PATIENCE, () -> memory.waiting() == 2);
            all.release();
            first.get();
            second.get();
        }
        assertThat(order).containsExactly("complete", "unfinished");
        assertThat(memory.used()).isZero();
    }

    private static void takeAndRelease(Reservation reservation, String name, List<String> order) {
        reservation.grow(80);
        order.add(name);
        reservation.release();
    }

    /** Each that waits holds a thread, so that thousands of them would fill the heap beside the memory that is counted. */
    @Test
    void fewUnfinishedRequestsWait() throws Exception {
        RequestMemory memory = memory();
        Reservation all = memory.reservation();
        all.grow(100);
        List<Future<?>> others = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Reservation oldest = memory.reservation();
            Future<?> first = threads.submit(() -> oldest.grow(1));
            Waiting.until("it waits", PATIENCE, () -> memory.waiting() == 1);
            for (int i = 1; i < 64; i++) {
                Reservation one = memory.reservation();
                others.add(threads.submit(() -> one.grow(1)));
            }
            Waiting.until("all wait", PATIENCE, () -> memory.waiting() == 64);
            Future<?> newest = threads.submit(() -> memory.reservation().grow(1, () -> false));
            assertThatThrownBy(first::get).hasCauseInstanceOf(ApiException.class)
                    .hasMessageContaining("no memory for this request");
            assertThat(memory.waiting()).isEqualTo(64);
            all.release();
            newest.get();
            for (Future<?> other : others) {
                other.get();
            }
        }
        assertThat(memory.refused()).isEqualTo(1);
    }

    /** As of clients that send headers and body one after the other. */
    @Test
    void aBodyThatArrivesWhileItsRequestWaitsMakesItComplete() throws Exception {
        RequestMemory memory = memory();
        memory.reservation().grow(100);
        memory.reservation().grow(10, () -> true);
        assertThat(memory.used()).isEqualTo(110);
    }

    /** Its connection is closed: what it holds, and its thread, are needed by others. */
    @Test
    void whoIsGivenUpStopsWaiting() throws Exception {
        RequestMemory memory = memory();
        Reservation all = memory.reservation();
        all.grow(100);
        Reservation reservation = memory.reservation();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> waits = threads.submit(() -> reservation.grow(1));
            Waiting.until("it waits", PATIENCE, () -> memory.waiting() == 1);
            reservation.release();
            assertThatThrownBy(waits::get).hasCauseInstanceOf(ApiException.class);
        }
        assertThat(memory.waiting()).isZero();
        all.release();
        assertThat(memory.used()).isZero();
        assertThatThrownBy(() -> reservation.grow(1)).isInstanceOf(ApiException.class);
    }

    @Test
    void unfinishedRequestsLeaveHalfToCompleteOnes() {
        RequestMemory memory = memory();
        memory.reservation().grow(100);
        assertThat(memory.tryReserve(1)).isFalse();
        Reservation complete = memory.reservation();
        complete.complete();
        complete.grow(100);
        assertThat(memory.used()).isEqualTo(200);
    }
}
