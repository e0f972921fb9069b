package org.jobwitness.agent.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class GpusTest {
    private static final int ENOUGH = 1_000_000;
    private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final Log log = new Log(new PrintStream(said, true, StandardCharsets.UTF_8));
    private final AtomicLong seconds = new AtomicLong();
    private final Driver driver = new Driver("a");
    private final Driver other = new Driver("b");
    private final Gpus gpus = new Gpus(List.of(driver, other),
            new NodeClock(() -> BEGIN.plusSeconds(seconds.get()), () -> TimeUnit.SECONDS.toNanos(seconds.get())), log);

    /** One GPU, whose driver may hang, fail, or not be there yet. */
    private static final class Driver implements GpuSource {
        private final String name;
        private final Semaphore mayAnswer = new Semaphore(ENOUGH);
        private final AtomicInteger asked = new AtomicInteger();
        private final AtomicInteger reads = new AtomicInteger();
        private final AtomicInteger keepUps = new AtomicInteger();
        private final AtomicInteger releases = new AtomicInteger();
        private volatile boolean isPresent = true;
        private volatile @Nullable Exception fails;
        private volatile Duration keepUpInterval = Duration.ofDays(1);

        Driver(String name) {
            this.name = name;
        }

        @Override
        public String name() {
            return name;
        }

        /** The last that is looked at before a reading is wanted of it. */
        @Override
        public boolean isPresent() {
            asked.incrementAndGet();
            return isPresent;
        }

        @Override
        public List<GpuState> read() throws GpuSourceException {
            reads.incrementAndGet();
            mayAnswer.acquireUninterruptibly();
            switch (fails) {
                case GpuSourceException e -> throw e;
                case RuntimeException e -> throw e;
                case null, default -> {
                    return List.of(GpuState.unknown(
                            new GpuName(GpuVendor.NVIDIA, name, null, null, null, null, null), "made up"));
                }
            }
        }

        @Override
        public void keepUp() {
            keepUps.incrementAndGet();
        }

        @Override
        public Duration keepUpInterval() {
            return keepUpInterval;
        }

        @Override
        public void release() {
            releases.incrementAndGet();
        }

        @Override
        public void close() {
            release();
        }
    }

    @AfterEach
    void close() {
        driver.mayAnswer.release(ENOUGH);
        gpus.close();
    }

    @Test
    void aReadingHasItsTimeAndItsInterval() {
        assertThat(gpus.latest().sources()).isEmpty();
        assertThat(told(driver)).isEqualTo(new Gpus.Available("a", BEGIN, Duration.ZERO, null, states("a")));
        seconds.set(15);
        assertThat(told(driver))
                .isEqualTo(new Gpus.Available("a", BEGIN.plusSeconds(15), Duration.ZERO, Duration.ofSeconds(15),
                        states("a")));
    }

    @Test
    void aDriverThatHangsHoldsUpNobodyAndIsAskedOnce() {
        told(driver);
        driver.mayAnswer.drainPermits();
        seconds.set(15);
        ask(driver);
        int asked = driver.reads.get();
        assertThat(answer("a")).as("it may still answer").isInstanceOf(Gpus.Available.class);
        for (int cycle = 0; cycle < 3; cycle++) {
            seconds.addAndGet(15);
            told(other);
        }
        assertThat(answer("a")).isEqualTo(
                new Gpus.Unavailable("a", List.of(states("a").getFirst().name()),
                        "the driver has not answered for 45 s"));
        assertThat(driver.reads).hasValue(asked);
        assertThat(text()).containsOnlyOnce("gpu_driver_unavailable source=a");

        driver.mayAnswer.release(ENOUGH);
        until(() -> answer("a") instanceof Gpus.Available);
        until(() -> text().contains("gpu_driver_recovered source=a"));
    }

    @Test
    void afterTroubleItRestsAndBeginsAnew() {
        told(driver);
        long rest = 10;
        for (int failure = 1; failure <= 7; failure++) {
            seconds.addAndGet(1000);
            String cause = "the driver is not loaded, " + failure;
            driver.fails = new GpuSourceException(cause);
            ask(driver);
            until(() -> answer("a") instanceof Gpus.Unavailable silent && silent.cause().equals(cause));
            assertThat(driver.releases).hasValue(failure);
            int reads = driver.reads.get();
            seconds.addAndGet(Math.min(rest, 300) - 1);
            told(other);
            assertThat(driver.reads).as("it rests").hasValue(reads);
            rest *= 2;
        }
        assertThat(answer("a")).isEqualTo(new Gpus.Unavailable("a", List.of(states("a").getFirst().name()),
                "the driver is not loaded, 7"));

        driver.fails = null;
        seconds.addAndGet(1);
        assertThat(told(driver).interval()).as("nothing is known of the time before").isNull();
        assertThat(text()).containsOnlyOnce("gpu_read_failed source=a").contains("gpu_read_recovered source=a gpus=1");
    }

    @Test
    void aFaultOfOursIsTroubleToo() {
        driver.fails = new IllegalStateException("bug");
        gpus.readSoon();
        until(() -> answer("a") instanceof Gpus.Unavailable silent && silent.cause().contains("bug"));
    }

    @Test
    void aDriverThatIsUnavailableExceptionIsNotAsked() {
        driver.isPresent = false;
        told(other);
        assertThat(driver.reads).hasValue(0);
        assertThat(gpus.latest().sources()).hasSize(1);
        driver.isPresent = true;
        told(driver);
    }

    @Test
    void betweenReadingsItKeepsUp() {
        driver.keepUpInterval = Duration.ofMillis(5);
        told(driver);
        assertThat(driver.keepUps).hasValue(0);
        seconds.set(1);
        until(() -> driver.keepUps.get() == 1);
        seconds.set(2);
        until(() -> driver.keepUps.get() == 2);
    }

    @Test
    void itKeepsUpThoughTheTimeForItComesWhileItLooksWhetherItHasCome() {
        try (Gpus paused = new Gpus(List.of(driver),
                new NodeClock(() -> BEGIN, () -> TimeUnit.SECONDS.toNanos(seconds.incrementAndGet())), log)) {
            driver.keepUpInterval = Duration.ofMillis(1500);
            paused.readSoon();
            until(() -> driver.keepUps.get() > 2);
        }
    }

    @Test
    void releaseIsOverWhenAllHaveLetGo() throws Exception {
        told(driver);
        told(other);
        driver.mayAnswer.drainPermits();
        ask(driver);
        CountDownLatch released = new CountDownLatch(1);
        gpus.release("released", released::countDown);
        until(() -> other.releases.get() == 1);
        assertThat(released.getCount()).as("one is still in the driver").isEqualTo(1);
        driver.mayAnswer.release(ENOUGH);
        assertThat(released.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(driver.releases).hasValue(1);

        gpus.readSoon();
        assertThat(answer("a")).asInstanceOf(type(Gpus.Unavailable.class)).extracting(Gpus.Unavailable::cause)
                .isEqualTo("released");
        int reads = driver.reads.get();
        gpus.reacquire();
        assertThat(told(driver).interval()).isNull();
        assertThat(driver.reads).hasValueGreaterThan(reads);
    }

    /** Has it read once more, and does not wait for what it tells. Others read as often as they like. */
    private void ask(Driver one) {
        int before = one.reads.get();
        int asked = one.asked.get();
        until(() -> {
            gpus.readSoon();
            return one.asked.get() > asked;
        });
        until(() -> one.reads.get() > before);
    }

    private Gpus.Available told(Driver of) {
        Instant now = BEGIN.plusSeconds(seconds.get());
        ask(of);
        until(() -> answer(of.name) instanceof Gpus.Available told && told.at().equals(now));
        return (Gpus.Available) answer(of.name);
    }

    private Gpus.@Nullable SourceState answer(String source) {
        return gpus.latest().sources().stream().filter(answer -> answer.source().equals(source)).findFirst()
                .orElse(null);
    }

    private static List<GpuState> states(String name) {
        return List.of(GpuState.unknown(new GpuName(GpuVendor.NVIDIA, name, null, null, null, null, null),
                "made up"));
    }

    private String text() {
        return said.toString(StandardCharsets.UTF_8);
    }

    private static void until(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("it takes too long").isLessThan(end);
            Thread.onSpinWait();
        }
    }
}
