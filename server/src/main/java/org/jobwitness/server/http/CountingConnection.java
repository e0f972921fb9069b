package org.jobwitness.server.http;

import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.internal.HttpConnection;
import org.jspecify.annotations.Nullable;

/**
 * A connection that limits the number of headers of a request and the memory they take. Jetty limits their size only, and as
 * objects small headers take 22 times that.
 */
final class CountingConnection extends HttpConnection {
    private static final int MAX_HEADERS = 64;
    /** The objects of one header. */
    private static final int BYTES_PER_HEADER = 100;
    /** Of each connection. A request of ours has less, so that it needs none of what others can use up. */
    private static final int FREE_BYTES = 4 << 10;

    private final RequestMemory memory;
    private RequestMemory.@Nullable Reservation body;
    private boolean isGivenUp;
    /** nanoTime of the beginning of the current request. */
    private volatile long began = System.nanoTime();
    /** Set by the superclass' constructor, before the fields here. */
    private @Nullable HeaderCounter headers;

    private CountingConnection(HttpConfiguration configuration, Connector connector, EndPoint endPoint,
            RequestMemory memory) {
        super(configuration, connector, endPoint);
        this.memory = memory;
    }

    @Override
    protected RequestHandler newRequestHandler() {
        HeaderCounter counter = new HeaderCounter();
        headers = counter;
        return counter;
    }

    /** Closes it, and frees what it holds at once: the thread that reads the body may wait for its turn. */
    void giveUp(Throwable cause) {
        freeHeaders();
        freeBody();
        getEndPoint().close(cause);
    }

    @Override
    public void onClose(@Nullable Throwable cause) {
        freeHeaders();
        super.onClose(cause);
    }

    /** What the body of the current request holds. */
    synchronized void hold(RequestMemory.Reservation reservation) {
        body = reservation;
        if (isGivenUp) {
            reservation.release();
        }
    }

    /** Whether the body of the current request is known to have arrived in full. */
    synchronized boolean hasBody() {
        return body != null && body.isComplete();
    }

    long began() {
        return began;
    }

    private synchronized void forgetBody() {
        body = null;
    }

    private synchronized void freeBody() {
        isGivenUp = true;
        if (body != null) {
            body.release();
        }
    }

    private void freeHeaders() {
        if (headers != null) {
            headers.close();
        }
    }

    /** Makes such connections. */
    static final class Factory extends HttpConnectionFactory {
        private final RequestMemory memory;

        Factory(HttpConfiguration configuration, RequestMemory memory) {
            super(configuration);
            this.memory = memory;
        }

        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            return configure(new CountingConnection(getHttpConfiguration(), connector, endPoint, memory), connector,
                    endPoint);
        }
    }

    /** Used by one thread at a time, but {@link #release} by any. */
    private final class HeaderCounter extends RequestHandler {
        private int count;
        private int bytes;
        private int reserved;
        private boolean isClosed;

        @Override
        public void messageBegin() {
            began = System.nanoTime();
            restart();
            forgetBody();
            super.messageBegin();
        }

        @Override
        public void parsedHeader(HttpField field) {
            add(field);
            super.parsedHeader(field);
        }

        @Override
        public void parsedTrailer(HttpField field) {
            add(field);
            super.parsedTrailer(field);
        }

        @Override
        public boolean headerComplete() {
            release();
            return super.headerComplete();
        }

        /** Holds no lock while it reserves, which may close other connections. */
        private void add(HttpField field) {
            if (++count > MAX_HEADERS) {
                throw new HttpException.RuntimeException(HttpStatus.REQUEST_HEADER_FIELDS_TOO_LARGE_431,
                        "more than " + MAX_HEADERS + " headers");
            }
            int more = BYTES_PER_HEADER + field.getName().length()
                    + (field.getValue() == null ? 0 : field.getValue().length());
            bytes += more;
            if (bytes <= FREE_BYTES) {
                return;
            }
            if (!memory.tryReserve(more)) {
                throw new HttpException.RuntimeException(HttpStatus.SERVICE_UNAVAILABLE_503,
                        "no memory for more headers");
            }
            if (!hold(more)) {
                memory.release(more);
                throw new HttpException.RuntimeException(HttpStatus.SERVICE_UNAVAILABLE_503, "given up");
            }
        }

        /** @return false if another thread has closed the connection: what was read before may be parsed after it */
        private synchronized boolean hold(int more) {
            reserved += isClosed ? 0 : more;
            return !isClosed;
        }

        private void restart() {
            count = 0;
            bytes = 0;
            release();
        }

        synchronized void close() {
            isClosed = true;
            release();
        }

        private synchronized void release() {
            memory.release(reserved);
            reserved = 0;
        }
    }
}
