package org.jobwitness.server.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir
    Path folder;

    /** As initdb's are when a SIGTERM meets the server's first start: their parent ends, and they go on. */
    @Test
    void interruptedLeavesNoProcessEvenOneWhoseParentHasEnded() throws Exception {
        var pids = folder.resolve("pids");
        var command = Command.of("sh", "-c", "(sleep 600 & echo $! > \"$1\"); echo $$ >> \"$1\"; sleep 600", "sh",
                pids.toString());
        var failure = new CompletableFuture<Throwable>();
        var thread = Thread.ofPlatform().start(() -> failure.complete(failureOf(command)));
        Waiting.until("both have started", PATIENCE, () -> Files.readAllLines(pids).size() == 2);
        thread.interrupt();
        assertThat(failure.get()).isInstanceOf(InterruptedException.class);
        for (var pid : Files.readAllLines(pids)) {
            assertThat(ended(pid)).as(pid).isTrue();
        }
    }

    @Test
    void errorOfTheProgramSaysWhatItPrinted() {
        assertThatThrownBy(() -> Command.of("sh", "-c", "echo out of luck >&2; exit 3").run(PATIENCE))
                .isInstanceOf(IOException.class).hasMessageEndingWith("ended with exit code 3: out of luck");
    }

    private static Throwable failureOf(Command command) {
        try {
            command.run(PATIENCE);
            return new AssertionError("it ended");
        } catch (IOException | InterruptedException e) {
            return e;
        }
    }

    private static boolean ended(String pid) throws IOException {
        var stat = Path.of("/proc", pid, "stat");
        return !Files.exists(stat) || Files.readString(stat).contains(") Z ");
    }
}
