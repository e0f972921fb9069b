package org.jobwitness.server.http;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.eclipse.jetty.http.HttpParser;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The open connections. One whose request does not arrive in time is closed, however it is silent or slow: Jetty's idle
 * timeout restarts with every byte. Where there are too many, in all or from one address, or they hold too much memory, those
 * that have waited longest for their client make room for the newest, so that a good request is always answered. Called by
 * Jetty's threads, and swept by one of its own.
 */
final class Connections implements Connection.Listener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Connections.class);
    /** Each time that room is needed, this share of those that wait is closed, so that it is needed seldom. */
    private static final int CLOSED_AT_ONCE = 16;

    private final int max;
    private final Duration deadline;
    private final Map<CountingConnection, Open> all = new ConcurrentHashMap<>();
    private final Map<InetAddress, Integer> byAddress = new ConcurrentHashMap<>();
    private final AtomicInteger closedForMemory = new AtomicInteger();
    private final AtomicInteger closedForNumber = new AtomicInteger();
    private final ScheduledExecutorService sweeper = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().name("connections").daemon().factory());

    /** What a connection waits for, in the order in which they are given up: least is lost by the first. */
    private enum Phase {
        /** A request to begin, after at least one was answered. */
        IDLE,
        /** The rest of a request. */
        RECEIVING,
        /** The first request, of which nothing was read: perhaps we are too slow. */
        NEW,
        /** Its client to read the response. */
        SENDING,
        /** Our response. */
        RESPONDING
    }

    /** A connection, as it was when it was last looked at. */
    private static final class Open {
        private final CountingConnection connection;
        private final InetAddress address;
        private volatile Phase phase = Phase.RECEIVING;
        private volatile long messages;
        /** nanoTime when the phase was first seen. */
        private volatile long seen = System.nanoTime();

        Open(CountingConnection connection, InetAddress address) {
            this.connection = connection;
            this.address = address;
        }

        Phase now() {
            HttpParser parser = connection.getParser();
            if (parser.isStart()) {
                return connection.getMessagesIn() == 0 ? Phase.NEW : Phase.IDLE;
            }
            boolean arrives = parser.inHeaderState()
                    || (parser.inContentState() && connection.getMessagesOut() < connection.getMessagesIn()
                            && !connection.hasBody());
            if (arrives) {
                return Phase.RECEIVING;
            }
            boolean isUnread = connection.getEndPoint() instanceof AbstractEndPoint endPoint
                    && endPoint.getWriteFlusher().isPending();
            return isUnread ? Phase.SENDING : Phase.RESPONDING;
        }

        /** Takes note of a phase that has begun since it was last looked at. */
        synchronized void look(long time) {
            Phase now = now();
            long messagesNow = connection.getMessagesIn() + connection.getMessagesOut();
            if (now != phase || messagesNow != messages) {
                phase = now;
                messages = messagesNow;
                seen = time;
            }
        }

        /** nanoTime of the beginning of the phase; a request's is known exactly, since it decides which of thousands is closed. */
        long since() {
            return phase == Phase.RECEIVING ? connection.began() : seen;
        }

        /** @return whether it receives a request for longer than allowed */
        boolean isLate(long time, Duration deadline) {
            look(time);
            return (phase == Phase.NEW || phase == Phase.RECEIVING) && time - since() > deadline.toNanos();
        }
    }

    /** A connection that waits for its client, as it is now: what is sorted must not change meanwhile. */
    private record Waiting(Open open, Phase phase, long since) {
        static Waiting of(Open open) {
            open.look(System.nanoTime());
            return new Waiting(open, open.phase, open.since());
        }
    }

    Connections(int max, Duration deadline) {
        this.max = max;
        this.deadline = deadline;
        var _ = sweeper.scheduleWithFixedDelay(this::sweep, 1, 1, TimeUnit.SECONDS);
    }

    int count() {
        return all.size();
    }

    @Override
    public void onOpened(Connection connection) {
        if (!(connection instanceof CountingConnection http)) {
            return; // the TLS below one
        }
        SocketAddress remote = connection.getEndPoint().getRemoteSocketAddress();
        InetAddress address = remote instanceof InetSocketAddress inet
                ? inet.getAddress()
                : InetAddress.getLoopbackAddress();
        Open opened = new Open(http, address);
        // Counted before it can be chosen and forgotten.
        byAddress.merge(address, 1, Integer::sum);
        all.put(http, opened);
        if (isOverShare(address)) {
            closeLongestWaiting(() -> isOverShare(address), open -> open.address.equals(address), opened,
                    closedForNumber);
        } else if (all.size() > max) {
            closeLongestWaiting(() -> all.size() > max, _ -> true, opened, closedForNumber);
        }
    }

    private boolean isOverShare(InetAddress address) {
        return byAddress.getOrDefault(address, 0) > Math.max(1, max / 2);
    }

    @Override
    public void onClosed(Connection connection) {
        forget(connection);
    }

    private void forget(Connection connection) {
        Open open = connection instanceof CountingConnection http ? all.remove(http) : null;
        if (open != null) {
            byAddress.computeIfPresent(open.address, (_, count) -> count == 1 ? null : count - 1);
        }
    }

    /** Called where requests hold too much memory. */
    void closeUnfinished() {
        closeLongestWaiting(() -> true, open -> open.now() == Phase.RECEIVING, null, closedForMemory);
    }

    /**
     * Closes a share of them.
     *
     * @param needed asked again by each of those who come at once, since the first makes room for more than itself
     * @param newest is closed if no other can be
     */
    private void closeLongestWaiting(BooleanSupplier needed, Predicate<Open> which, @Nullable Open newest,
            AtomicInteger counter) {
        List<Open> chosen = takeLongestWaiting(needed, which, newest);
        chosen.forEach(open -> close(open, "closed to make room"));
        counter.addAndGet(chosen.size());
    }

    private synchronized List<Open> takeLongestWaiting(BooleanSupplier needed, Predicate<Open> which,
            @Nullable Open newest) {
        if (!needed.getAsBoolean()) {
            return List.of();
        }
        List<Open> waiting = all.values().stream().filter(open -> open != newest && which.test(open)).map(Waiting::of)
                .filter(open -> open.phase != Phase.RESPONDING)
                .sorted(Comparator.comparing(Waiting::phase).thenComparingLong(Waiting::since)).map(Waiting::open)
                .toList();
        List<Open> chosen = waiting.isEmpty() && newest != null
                ? List.of(newest)
                : waiting.subList(0, Math.min(waiting.size(), 1 + waiting.size() / CLOSED_AT_ONCE));
        chosen.forEach(open -> forget(open.connection));
        return chosen;
    }

    private void close(Open open, String cause) {
        forget(open.connection);
        open.connection.giveUp(new TimeoutException(cause));
    }

    private void sweep() {
        long now = System.nanoTime();
        List<Open> late = all.values().stream().filter(open -> open.isLate(now, deadline)).toList();
        late.forEach(open -> close(open, "request deadline"));
        if (!late.isEmpty()) {
            log.info("request_timeout connections={} after_s={} remote={}", late.size(), deadline.toSeconds(),
                    late.getFirst().address.getHostAddress());
        }
        int forMemory = closedForMemory.getAndSet(0);
        int forNumber = closedForNumber.getAndSet(0);
        if (forMemory + forNumber > 0) {
            log.warn("connections_closed too_many={} too_much_memory={} open={} addresses={}", forNumber, forMemory,
                    all.size(), byAddress.size());
        }
    }

    @Override
    public void close() {
        sweeper.shutdownNow();
    }
}
