package org.jobwitness.server.http;

import io.javalin.http.Context;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.server.Request;

/**
 * The memory that all requests together may hold while they arrive and are worked on. What a client may send without a token,
 * or leave unfinished, could otherwise fill the heap.
 */
public final class RequestMemory {
    private static final Duration TIMEOUT = Duration.ofSeconds(3);
    /** What is given up frees its memory within this time, so that more need not be given up meanwhile. */
    private static final Duration FREED_WITHIN = Duration.ofMillis(100);
    private static final int SHARE_OF_HEAP = 8;

    private final int limit;
    private final Semaphore free;
    private final Object makingRoom = new Object();
    /** nanoTime of the last shortage that was met. */
    private long madeRoom = System.nanoTime() - FREED_WITHIN.toNanos();
    private volatile Runnable shortage = () -> {
    };

    RequestMemory(int limit) {
        this.limit = limit;
        free = new Semaphore(limit);
    }

    /** An eighth of the heap. */
    public static RequestMemory ofHeap(PrometheusRegistry metrics) {
        RequestMemory memory = new RequestMemory(
                (int) Math.min(Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP, 1 << 30));
        GaugeWithCallback.builder().name("jobwitness_http_request_memory_bytes")
                .help("Memory that requests hold while they arrive and are worked on.")
                .callback(gauge -> gauge.call(memory.used())).register(metrics);
        return memory;
    }

    /** What frees memory when there is too little, by giving up requests that are not complete. */
    void onShortage(Runnable action) {
        shortage = action;
    }

    int used() {
        return limit - free.availablePermits();
    }

    /** Does not wait for others to release any. */
    boolean tryReserve(int bytes) {
        if (free.tryAcquire(bytes)) {
            return true;
        }
        synchronized (makingRoom) {
            // Of thousands that find no memory at once, one makes room for all.
            if (!free.tryAcquire(bytes)) {
                return makeRoom() && free.tryAcquire(bytes);
            }
            return true;
        }
    }

    private boolean makeRoom() {
        if (System.nanoTime() - madeRoom < FREED_WITHIN.toNanos()) {
            return false;
        }
        shortage.run();
        madeRoom = System.nanoTime();
        return true;
    }

    void release(int bytes) {
        free.release(bytes);
    }

    /** What one request holds, until its response is complete or its connection is given up. */
    Reservation of(Context ctx) {
        Reservation reservation = new Reservation();
        Request request = ServletContextRequest.getServletContextRequest(ctx.req());
        Request.addCompletionListener(request, _ -> reservation.release());
        if (request.getConnectionMetaData().getConnection() instanceof CountingConnection connection) {
            connection.hold(reservation);
        }
        return reservation;
    }

    /** Used by the thread of its request, and released by any. */
    final class Reservation {
        private int bytes;
        private boolean released;

        private Reservation() {
        }

        /**
         * Waits a little if there is not enough.
         *
         * @throws ApiException 503 if other requests keep all; 413 if this one would need more than there is
         */
        void grow(int more) {
            if (more > limit - bytes) {
                throw ApiException.payloadTooLarge(
                        "the body needs more memory than this server has for requests; give it a larger heap (-Xmx)");
            }
            if (!tryReserve(more) && !await(more)) {
                throw ApiException.unavailable("the server has no memory for this request: too many others are being"
                        + " received or stored; send it again later, twice does no harm");
            }
            synchronized (this) {
                if (released) {
                    RequestMemory.this.release(more);
                } else {
                    bytes += more;
                }
            }
        }

        private boolean await(int more) {
            long end = System.nanoTime() + TIMEOUT.toNanos();
            try {
                while (System.nanoTime() < end) {
                    if (free.tryAcquire(more, FREED_WITHIN.toMillis(), TimeUnit.MILLISECONDS) || tryReserve(more)) {
                        return true;
                    }
                }
                return false;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }

        synchronized void release() {
            released = true;
            RequestMemory.this.release(bytes);
            bytes = 0;
        }
    }
}
