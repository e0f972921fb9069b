package org.jobwitness.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** A short form of {@link ProcessFaults}: a real agent, a real server, and kill -9. */
class AgentKillTest {
    private static final Duration DEADLINE = Duration.ofSeconds(60);
    private static final Duration POLL = Duration.ofMillis(50);
    private static final int KILLS = 6;

    private final Ledger ledger = new Ledger();

    @Test
    void anAgentThatIsKilledWithAndWithoutAServerLosesAndDoublesNothing() throws Exception {
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "killed").toAbsolutePath();
        try (ServerProcess server = new ServerProcess(java("org.jobwitness.server.Server"), folder.resolve("server"));
                Relay relay = new Relay(ledger);
                NodeUnderTest node = new NodeUnderTest(java("org.jobwitness.agent.Agent"), folder, "n1",
                        List.of("1", "2", "3"),
                        folder.resolve("queue"))) {
            server.launch();
            relay.server(server.awaitReady());
            node.start(relay.port());
            for (int kill = 1; kill <= KILLS; kill++) {
                Instant now = Instant.now();
                boolean isAway = kill == 3 || kill == 4;
                relay.handler(isAway ? Relay.UNREACHABLE : Relay.FORWARD);
                await("something new is read", () -> {
                    node.recordQueue(ledger);
                    return ledger.newest("n1").filter(now::isBefore).isPresent();
                });
                node.kill();
                node.recordQueue(ledger);
                node.start(relay.port());
            }
            Instant lastStart = Instant.now();
            await("all is sent, by the agent that was started last", () -> ledger.allAccepted("n1")
                    && ledger.newest("n1").filter(lastStart::isBefore).isPresent());
            node.stop();
            node.recordQueue(ledger);

            Comparison comparison = Comparison.of(ledger, List.of(node), server, Duration.ZERO);
            assertThat(comparison.passed()).as(comparison + "\n" + node.logText()).isTrue();
            assertThat(comparison.stored()).isEqualTo(comparison.readings()).isGreaterThan(KILLS);
            assertThat(node.segments()).isEmpty();
        }
    }

    private static List<String> java(String main) {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED",
                "-Djava.util.logging.manager=org.jobwitness.server.LogFormat", "-cp",
                System.getProperty("java.class.path"), main);
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        while (!condition.call()) {
            assertThat(System.nanoTime()).as("waiting until " + what).isLessThan(deadline);
            LockSupport.parkNanos(POLL.toNanos());
        }
    }
}
