package org.jobwitness.server.http;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.io.Connection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes a connection whose request does not arrive in time. Jetty's idle timeout restarts with every byte, so a client which
 * sends one byte a second could hold its connection for hours. Called by Jetty's threads, and swept by one of its own.
 */
final class RequestDeadline implements Connection.Listener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(RequestDeadline.class);

    private final Duration limit;
    private final Map<Connection, Progress> connections = new ConcurrentHashMap<>();
    private final ScheduledExecutorService sweeper = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().name("request-deadline").daemon().factory());

    /**
     * The state of a connection at the last sweep.
     *
     * @param messages request headers read plus responses started
     * @param bytes bytes read
     * @param since nanoTime of the first byte after the last of these messages; 0 while there is none
     */
    private record Progress(long messages, long bytes, long since) {
    }

    RequestDeadline(Duration limit) {
        this.limit = limit;
        var _ = sweeper.scheduleWithFixedDelay(this::sweep, 1, 1, TimeUnit.SECONDS);
    }

    @Override
    public void onOpened(Connection connection) {
        connections.put(connection, new Progress(0, 0, 0));
    }

    @Override
    public void onClosed(Connection connection) {
        connections.remove(connection);
    }

    private void sweep() {
        long now = System.nanoTime();
        connections.replaceAll((connection, was) -> {
            long messages = connection.getMessagesIn() + connection.getMessagesOut();
            long bytes = connection.getBytesIn();
            if (messages != was.messages) {
                return new Progress(messages, bytes, 0);
            }
            if (bytes == was.bytes) {
                // Nothing new: idle, waiting for our response, or gone, which is for Jetty's idle timeout.
                return was;
            }
            if (was.since == 0) {
                return new Progress(messages, bytes, now);
            }
            if (now - was.since > limit.toNanos()) {
                log.info("request_timeout remote={} after_s={}", connection.getEndPoint().getRemoteSocketAddress(),
                        limit.toSeconds());
                connection.getEndPoint().close(new TimeoutException("request deadline"));
            }
            return new Progress(messages, bytes, was.since);
        });
    }

    @Override
    public void close() {
        sweeper.shutdownNow();
    }
}
