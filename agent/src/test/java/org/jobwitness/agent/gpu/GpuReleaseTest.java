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
        assertThat(GpuRelease.ask(folder.resolve("none"), NOW, PATIENCE)).isEqualTo(GpuRelease.Outcome.NO_AGENT);
        Files.createFile(folder.resolve("lock"));
        assertThat(GpuRelease.ask(folder, NOW, PATIENCE)).isEqualTo(GpuRelease.Outcome.NO_AGENT);
    }

    @Test
    void anAgentThatDoesNotAnswerHasNotLetGo() throws Exception {
        try (FileChannel lock = lock()) {
            assertThat(lock.tryLock()).isNotNull();
            assertThat(GpuRelease.ask(folder, NOW.plusSeconds(300), PATIENCE)).isEqualTo(GpuRelease.Outcome.NOT_YET);
        }
    }

    @Test
    void theAgentLetsGoAndTakesThemUpAgainByItself() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds), Files.createDirectory(folder.resolve("driver")));
        try (FileChannel lock = lock(); Gpus gpus = new Gpus(List.of(stub.source()), log)) {
            assertThat(lock.tryLock()).isNotNull();
            GpuRelease.Heeding heeding = new GpuRelease.Heeding(folder, gpus, now::get, log);
            heeding.look();
            read(gpus, Gpus.Told.class);
            assertThat(stub.get("inits")).isEqualTo(1);

            CompletableFuture<GpuRelease.Outcome> asked = CompletableFuture.supplyAsync(() -> {
                try {
                    return GpuRelease.ask(folder, NOW.plusSeconds(300), Duration.ofSeconds(20));
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
            while (!asked.isDone()) {
                heeding.look();
            }
            assertThat(asked.get(1, TimeUnit.SECONDS)).isEqualTo(GpuRelease.Outcome.RELEASED);
            assertThat(stub.get("inits")).isZero();
            assertThat(read(gpus, Gpus.Silent.class).cause())
                    .isEqualTo("let go until 2026-01-01T00:05:00Z by release-gpus");

            now.set(NOW.plusSeconds(301));
            heeding.look();
            read(gpus, Gpus.Told.class);
            assertThat(stub.get("inits")).isEqualTo(1);
            assertThat(folder.resolve("release-gpus")).doesNotExist();
            assertThat(folder.resolve("gpus-released")).doesNotExist();
        }
    }

    @Test
    void aDriverThatHangsHasNotLetGoAndDoesOnceItAnswers() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds), Files.createDirectory(folder.resolve("driver")));
        try (FileChannel lock = lock(); Gpus gpus = new Gpus(List.of(stub.source()), log)) {
            assertThat(lock.tryLock()).isNotNull();
            GpuRelease.Heeding heeding = new GpuRelease.Heeding(folder, gpus, now::get, log);
            stub.set("hang", 1);
            gpus.readSoon();
            while (stub.get("hanging") == 0) {
                Thread.onSpinWait();
            }
            assertThat(GpuRelease.ask(folder, NOW.plusSeconds(300), PATIENCE)).isEqualTo(GpuRelease.Outcome.NOT_YET);
            heeding.look();
            assertThat(GpuRelease.ask(folder, NOW.plusSeconds(300), PATIENCE)).isEqualTo(GpuRelease.Outcome.NOT_YET);
            stub.set("hang", 0);
            assertThat(GpuRelease.ask(folder, NOW.plusSeconds(300), Duration.ofSeconds(20)))
                    .isEqualTo(GpuRelease.Outcome.RELEASED);
            assertThat(stub.get("inits")).isZero();
        }
    }

    @Test
    void aRequestHoldsOverARestartAndCanBeWithdrawn() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds), Files.createDirectory(folder.resolve("driver")));
        try (FileChannel lock = lock(); Gpus gpus = new Gpus(List.of(stub.source()), log)) {
            GpuRelease.ask(folder, NOW.plusSeconds(300), PATIENCE);
            assertThat(lock.tryLock()).isNotNull();
            GpuRelease.Heeding heeding = new GpuRelease.Heeding(folder, gpus, now::get, log);
            heeding.look();
            read(gpus, Gpus.Silent.class);
            GpuRelease.withdraw(folder);
            heeding.look();
            read(gpus, Gpus.Told.class);
        }
    }

    @Test
    void whatIsNoRequestIsNone() throws Exception {
        Files.writeString(folder.resolve("release-gpus"), "forever\n");
        try (Gpus gpus = new Gpus(List.of(), log)) {
            new GpuRelease.Heeding(folder, gpus, now::get, log).look();
        }
        assertThat(folder.resolve("gpus-released")).doesNotExist();
    }

    private FileChannel lock() throws Exception {
        return FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    private static <T extends Gpus.Answer> T read(Gpus gpus, Class<T> kind) {
        while (true) {
            gpus.readSoon();
            for (Gpus.Answer answer : gpus.latest().answers()) {
                if (kind.isInstance(answer)) {
                    return kind.cast(answer);
                }
            }
            Thread.onSpinWait();
        }
    }
}
