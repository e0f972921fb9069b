package org.jobwitness.server.http;

import io.javalin.http.Context;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * The memory that all requests together may hold while they arrive and are worked on. What a client may send without a token,
 * or leave unfinished, could otherwise fill the heap. Who waits for some holds a thread and its stack, so only some may wait:
 * many whose body has arrived in full, in their order, and behind them a few of which more must come, the newest first. These
 * never hold more than half.
 */
public final class RequestMemory {
    /** What a request costs beside its body: headers, buffers, a stack. */
    static final int BYTES_PER_REQUEST = 24 << 10;
    private static final Duration TIMEOUT = Duration.ofSeconds(3);
    /** What is given up frees its memory within this time, so that more need not be given up meanwhile. */
    private static final Duration FREED_WITHIN = Duration.ofMillis(100);
    private static final int SHARE_OF_HEAP = 8;
    /** Of the memory, for what those hold that wait for some. */
    private static final int SHARE_OF_WAITING = 4;
    private static final int MAX_UNFINISHED_WAITING = 64;

    private final int limit;
    private final Duration timeout;
    private final Counter refused;
    private final ReentrantLock lock = new ReentrantLock();
    private final Queue complete;
    private final Queue unfinished;
    private final ReentrantLock makingRoom = new ReentrantLock();
    private int free;
    /** nanoTime of the last shortage that was met. */
    private long madeRoom = System.nanoTime() - FREED_WITHIN.toNanos();
    private volatile Runnable shortage = () -> {
    };

    /**
     * Those that wait for memory, in the order of their arrival.
     *
     * @param max how many may wait
     * @param left what they leave to others
     * @param isNewestFirst whether the newest is the next, and takes the place of the oldest, or the other way round
     */
    private record Queue(int max, int left, boolean isNewestFirst, Deque<Waiter> waiting) {
        Queue(int max, int left, boolean isNewestFirst) {
            this(max, left, isNewestFirst, new ArrayDeque<>());
        }

        @Nullable
        Waiter next() {
            return isNewestFirst ? waiting.peekLast() : waiting.peekFirst();
        }

        void leave(Waiter waiter) {
            if (waiting.remove(waiter)) {
                waiter.changed.signal();
            }
        }

        /** Called before one is added; whether there is room then. */
        boolean hasRoom() {
            if (waiting.size() == max && isNewestFirst) {
                Waiter oldest = waiting.removeFirst();
                oldest.isRefused = true;
                oldest.changed.signal();
            }
            return waiting.size() < max;
        }
    }

    /** A reservation that waits to grow. */
    private static final class Waiter {
        private final Reservation reservation;
        private final int bytes;
        private final Condition changed;
        private boolean isGranted;
        private boolean isRefused;

        Waiter(Reservation reservation, int bytes, Condition changed) {
            this.reservation = reservation;
            this.bytes = bytes;
            this.changed = changed;
        }
    }

    /** @param timeout how long a request waits for memory */
    RequestMemory(int limit, Duration timeout, PrometheusRegistry metrics) {
        this.limit = limit;
        this.timeout = timeout;
        free = limit;
        complete = new Queue(Math.max(1, limit / SHARE_OF_WAITING / BYTES_PER_REQUEST), 0, false);
        unfinished = new Queue(MAX_UNFINISHED_WAITING, limit / 2, true);
        GaugeWithCallback.builder().name("jobwitness_http_request_memory_bytes")
                .help("Memory that requests hold while they arrive and are worked on.")
                .callback(gauge -> gauge.call(used())).register(metrics);
        refused = Counter.builder().name("jobwitness_http_requests_without_memory_total")
                .help("Requests that were refused since others held all memory for requests.").register(metrics);
    }

    /** An eighth of the heap. */
    public static RequestMemory ofHeap(PrometheusRegistry metrics) {
        return new RequestMemory((int) Math.min(Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP, 1 << 30), TIMEOUT,
                metrics);
    }

    /** What frees memory when there is too little, by giving up requests that are not complete. */
    void onShortage(Runnable action) {
        shortage = action;
    }

    int used() {
        lock.lock();
        try {
            return limit - free;
        } finally {
            lock.unlock();
        }
    }

    /** Number of requests that wait. */
    int waiting() {
        lock.lock();
        try {
            return complete.waiting.size() + unfinished.waiting.size();
        } finally {
            lock.unlock();
        }
    }

    long refused() {
        return refused.getLongValue();
    }

    /** For what is not complete; does not wait for others to release any. */
    boolean tryReserve(int bytes) {
        if (takeFree(bytes)) {
            return true;
        }
        makeRoom();
        boolean isTaken = takeFree(bytes);
        if (!isTaken) {
            refused.inc();
        }
        return isTaken;
    }

    private boolean takeFree(int bytes) {
        lock.lock();
        try {
            boolean isFree = bytes <= free - unfinished.left && complete.waiting.isEmpty()
                    && unfinished.waiting.isEmpty();
            free -= isFree ? bytes : 0;
            return isFree;
        } finally {
            lock.unlock();
        }
    }

    /** Of thousands that find no memory at once, one makes room for all. */
    private void makeRoom() {
        if (!makingRoom.tryLock()) {
            return;
        }
        try {
            if (System.nanoTime() - madeRoom >= FREED_WITHIN.toNanos()) {
                shortage.run();
                madeRoom = System.nanoTime();
            }
        } finally {
            makingRoom.unlock();
        }
    }

    void release(int bytes) {
        lock.lock();
        try {
            free += bytes;
            grant();
        } finally {
            lock.unlock();
        }
    }

    private void grant() {
        grant(complete);
        if (complete.waiting.isEmpty()) {
            grant(unfinished);
        }
    }

    private void grant(Queue queue) {
        for (Waiter next = queue.next(); next != null && next.bytes <= free - queue.left; next = queue.next()) {
            free -= next.bytes;
            next.reservation.bytes += next.bytes;
            next.isGranted = true;
            queue.leave(next);
        }
    }

    /** What one request holds, until its response is complete or its connection is given up. */
    Reservation of(Context ctx) {
        Reservation reservation = reservation();
        Request request = ServletContextRequest.getServletContextRequest(ctx.req());
        Request.addCompletionListener(request, _ -> reservation.release());
        if (request.getConnectionMetaData().getConnection() instanceof CountingConnection connection) {
            connection.hold(reservation);
        }
        return reservation;
    }

    Reservation reservation() {
        return new Reservation();
    }

    /** Used by the thread of its request, and released by any. All but the flag is guarded by the lock. */
    final class Reservation {
        private volatile boolean isComplete;
        private int bytes;
        private boolean isReleased;
        private @Nullable Waiter waiter;

        private Reservation() {
        }

        /** Its request has arrived in full: no client has to send more of it. */
        void complete() {
            isComplete = true;
        }

        boolean isComplete() {
            return isComplete;
        }

        /**
         * Waits a little if there is not enough.
         *
         * @throws ApiException 503 if other requests keep all, or it was released; 413 if it would need more than there is
         */
        void grow(int more) {
            grow(more, () -> false);
        }

        /**
         * The same while a request arrives.
         *
         * @param arrived asked again while it waits: many clients send headers and body one after the other
         */
        void grow(int more, BooleanSupplier arrived) {
            if (more > limit - (isComplete ? complete : unfinished).left - bytes) {
                throw ApiException.payloadTooLarge(
                        "the body needs more memory than this server has for requests; give it a larger heap (-Xmx)");
            }
            if (!isGranted(more, arrived) && !(isCompleteNow(arrived) && isGranted(more, arrived))) {
                refused.inc();
                throw ApiException.unavailable("the server has no memory for this request: too many others are being"
                        + " received or stored; send it again later, twice does no harm");
            }
        }

        /** @return whether it has become complete by now */
        private boolean isCompleteNow(BooleanSupplier arrived) {
            boolean isNew = !isComplete && arrived.getAsBoolean();
            isComplete |= isNew;
            return isNew;
        }

        private boolean isGranted(int more, BooleanSupplier arrived) {
            Waiter asked = new Waiter(this, more, lock.newCondition());
            lock.lock();
            try {
                Queue queue = isComplete ? complete : unfinished;
                if (isReleased || !queue.hasRoom()) {
                    return false;
                }
                queue.waiting.add(asked);
                grant();
                if (asked.isGranted) {
                    return true;
                }
                waiter = asked;
            } finally {
                lock.unlock();
            }
            return await(asked, arrived);
        }

        private boolean await(Waiter asked, BooleanSupplier arrived) {
            long end = System.nanoTime() + timeout.toNanos();
            while (isWaiting(asked) && System.nanoTime() < end && (isComplete || !arrived.getAsBoolean())) {
                makeRoom();
                awaitChange(asked);
            }
            return leave(asked);
        }

        private boolean isWaiting(Waiter asked) {
            lock.lock();
            try {
                return !asked.isGranted && !asked.isRefused && !isReleased;
            } finally {
                lock.unlock();
            }
        }

        private void awaitChange(Waiter asked) {
            lock.lock();
            try {
                long left = FREED_WITHIN.toNanos();
                while (left > 0 && isWaiting(asked)) {
                    left = asked.changed.awaitNanos(left);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                isReleased = true;
            } finally {
                lock.unlock();
            }
        }

        private boolean leave(Waiter asked) {
            lock.lock();
            try {
                waiter = null;
                if (complete.waiting.remove(asked) || unfinished.waiting.remove(asked)) {
                    grant(); // to those behind it
                }
                return asked.isGranted && !isReleased;
            } finally {
                lock.unlock();
            }
        }

        void release() {
            lock.lock();
            try {
                isReleased = true;
                int held = bytes;
                bytes = 0;
                if (waiter != null) {
                    complete.leave(waiter);
                    unfinished.leave(waiter);
                }
                RequestMemory.this.release(held);
            } finally {
                lock.unlock();
            }
        }
    }
}
