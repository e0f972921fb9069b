package org.jobwitness.server.ops;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.SocketFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a process that does not answer itself, so that systemd or a container starts it again: without memory for a thread, or
 * with all threads stuck, it would live on for ever. What is committed is durable at any moment.
 */
public final class Watchdog implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Watchdog.class);
    private static final byte[] REQUEST = "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    private static final byte[] RESPONSE = "HTTP/1.1 ".getBytes(StandardCharsets.US_ASCII);
    /** Ten times in a row, so that no pause of the machine is taken for the process's own. */
    private static final int MAX_FAILURES = 10;

    private final SocketFactory sockets;
    private final InetSocketAddress address;
    private final Duration interval;
    private final Runnable end;
    private final ScheduledExecutorService timer = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().name("watchdog").daemon().factory());
    private int failures;

    /**
     * Starts to ask.
     *
     * @param sockets to the server
     * @param host that the server listens on
     * @param interval between two questions, and the time for each answer
     */
    public Watchdog(SocketFactory sockets, String host, int port, Duration interval, Runnable end) throws IOException {
        this.sockets = sockets;
        InetAddress listening = InetAddress.getByName(host);
        address = new InetSocketAddress(listening.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : listening,
                port);
        this.interval = interval;
        this.end = end;
        var _ = timer.scheduleWithFixedDelay(this::ask, interval.toMillis(), interval.toMillis(),
                TimeUnit.MILLISECONDS);
    }

    private void ask() {
        failures = answers() ? 0 : failures + 1;
        if (failures == MAX_FAILURES) {
            log.error("server_hangs cause=\"{} requests to {} got no answer\"", failures, address);
            end.run();
        }
    }

    /** Any response shows that threads work; the alert of a TLS listener is none. */
    private boolean answers() {
        try (Socket socket = sockets.createSocket()) {
            int timeout = (int) interval.toMillis();
            socket.connect(address, timeout);
            socket.setSoTimeout(timeout);
            socket.getOutputStream().write(REQUEST);
            return Arrays.equals(socket.getInputStream().readNBytes(RESPONSE.length), RESPONSE);
        } catch (IOException e) {
            log.debug("watchdog_failed cause=\"{}\"", e.toString());
            return false;
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
