package org.jobwitness.agent.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.gpu.nvidia.StubNvml;
import org.jobwitness.agent.log.Log;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class GpuReleaseTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration PATIENCE = Duration.ofMillis(200);

    @TempDir
    private Path folder;
    @TempDir
    private static Path builds;
    private final AtomicReference<Instant> now = new AtomicReference<>(NOW);
    private final Log log = new Log(System.err);

    @Test
    void whereNoAgentRunsThereIsNothingToLetGoOf() throws Exception {
        assertThat(GpuRelease.request(folder.resolve("none"), NOW, PATIENCE)).isEqualTo(GpuRelease.Outcome.NO_AGENT);
        Files.createFile(folder.resolve("lock"));
        assertThat(GpuRelease.request(folder, NOW, PATIENCE)).isEqualTo(GpuRelease.Outcome.NO_AGENT);
    }

    @Test
    void anAgentThatDoesNotAnswerHasNotLetGo() throws Exception {
        try (FileChannel lock = lock()) {
            assertThat(lock.tryLock()).isNotNull();
            assertThat(GpuRelease.request(folder, NOW.plusSeconds(300), PATIENCE))
                    .isEqualTo(GpuRelease.Outcome.NOT_YET);
        }
    }

    @Test
    void theAgentLetsGoAndTakesThemUpAgainByItself() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds), Files.createDirectory(folder.resolve("driver")));
        try (FileChannel lock = lock(); Gpus gpus = new Gpus(List.of(stub.source()), NodeClock.SYSTEM, log)) {
            assertThat(lock.tryLock()).isNotNull();
            GpuRelease.Responder responder = new GpuRelease.Responder(folder, gpus, now::get, log);
            responder.update();
            read(gpus, Gpus.Available.class);
            assertThat(stub.get("inits")).isEqualTo(1);

            CompletableFuture<GpuRelease.Outcome> asked = CompletableFuture.supplyAsync(() -> {
                try {
                    return GpuRelease.request(folder, NOW.plusSeconds(300), Duration.ofSeconds(20));
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
            while (!asked.isDone()) {
                responder.update();
            }
            assertThat(asked.get(1, TimeUnit.SECONDS)).isEqualTo(GpuRelease.Outcome.RELEASED);
            assertThat(stub.get("inits")).isZero();
            assertThat(read(gpus, Gpus.Unavailable.class).cause())
                    .isEqualTo("released until 2026-01-01T00:05:00Z by release-gpus");

            now.set(NOW.plusSeconds(301));
            responder.update();
            read(gpus, Gpus.Available.class);
            assertThat(stub.get("inits")).isEqualTo(1);
            assertThat(folder.resolve("release-gpus")).doesNotExist();
            assertThat(folder.resolve("gpus-released")).doesNotExist();
        }
    }

    @Test
    void aDriverThatHangsHasNotLetGoAndDoesOnceItAnswers() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds), Files.createDirectory(folder.resolve("driver")));
        try (FileChannel lock = lock(); Gpus gpus = new Gpus(List.of(stub.source()), NodeClock.SYSTEM, log)) {
            assertThat(lock.tryLock()).isNotNull();
            GpuRelease.Responder responder = new GpuRelease.Responder(folder, gpus, now::get, log);
            stub.set("hang", 1);
            gpus.readSoon();
            while (stub.get("hanging") == 0) {
                Thread.onSpinWait();
            }
            assertThat(GpuRelease.request(folder, NOW.plusSeconds(300), PATIENCE))
                    .isEqualTo(GpuRelease.Outcome.NOT_YET);
            responder.update();
            assertThat(GpuRelease.request(folder, NOW.plusSeconds(300), PATIENCE))
                    .isEqualTo(GpuRelease.Outcome.NOT_YET);
            stub.set("hang", 0);
            assertThat(GpuRelease.request(folder, NOW.plusSeconds(300), Duration.ofSeconds(20)))
                    .isEqualTo(GpuRelease.Outcome.RELEASED);
            assertThat(stub.get("inits")).isZero();
        }
    }

    @Test
    void aRequestHoldsOverARestartAndCanBeWithdrawn() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds), Files.createDirectory(folder.resolve("driver")));
        try (FileChannel lock = lock(); Gpus gpus = new Gpus(List.of(stub.source()), NodeClock.SYSTEM, log)) {
            GpuRelease.request(folder, NOW.plusSeconds(300), PATIENCE);
            assertThat(lock.tryLock()).isNotNull();
            GpuRelease.Responder responder = new GpuRelease.Responder(folder, gpus, now::get, log);
            responder.update();
            read(gpus, Gpus.Unavailable.class);
            GpuRelease.withdraw(folder);
            responder.update();
            read(gpus, Gpus.Available.class);
        }
    }

    @Test
    void whatIsNoRequestIsNone() throws Exception {
        Files.writeString(folder.resolve("release-gpus"), "forever\n");
        try (Gpus gpus = new Gpus(List.of(), NodeClock.SYSTEM, log)) {
            new GpuRelease.Responder(folder, gpus, now::get, log).update();
        }
        assertThat(folder.resolve("gpus-released")).doesNotExist();
    }

    private FileChannel lock() throws Exception {
        return FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    private static <T extends Gpus.SourceState> T read(Gpus gpus, Class<T> kind) {
        while (true) {
            gpus.readSoon();
            for (Gpus.SourceState answer : gpus.latest().sources()) {
                if (kind.isInstance(answer)) {
                    return kind.cast(answer);
                }
            }
            Thread.onSpinWait();
        }
    }
}
