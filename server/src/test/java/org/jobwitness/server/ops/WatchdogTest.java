package org.jobwitness.server.ops;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.SocketFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchdogTest {
    private static final Duration INTERVAL = Duration.ofMillis(100);

    /** The kernel accepts connections for a process that hangs. */
    @Test
    void aProcessThatDoesNotAnswerIsEnded() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                Watchdog _ = new Watchdog(SocketFactory.getDefault(), "0.0.0.0", silent.getLocalPort(), INTERVAL,
                        ended::countDown)) {
            assertThat(ended.await(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void aProcessThatAnswersIsNot() throws Exception {
        AtomicInteger answered = new AtomicInteger();
        CountDownLatch enough = new CountDownLatch(15);
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                Watchdog _ = new Watchdog(SocketFactory.getDefault(), "127.0.0.1", server.getLocalPort(), INTERVAL,
                        () -> answered.set(-1000))) {
            Thread.startVirtualThread(() -> {
                while (!server.isClosed()) {
                    try (Socket client = server.accept()) {
                        // Closed with bytes unread, the connection would be reset, and the response lost.
                        new BufferedReader(new InputStreamReader(client.getInputStream(), US_ASCII)).lines()
                                .takeWhile(line -> !line.isEmpty()).forEach(_ -> {
                                });
                        client.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(US_ASCII));
                        answered.incrementAndGet();
                        enough.countDown();
                    } catch (IOException e) {
                        return;
                    }
                }
            });
            assertThat(enough.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(answered.get()).isPositive();
        }
    }
}
