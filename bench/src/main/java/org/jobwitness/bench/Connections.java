package org.jobwitness.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Many keep-alive connections to the server, each with at most one request in flight, all served by the calling thread. After a
 * status other than 200, a request is repeated after a second, as an agent would. Not thread-safe.
 */
final class Connections implements AutoCloseable {
    private static final long RETRY_NANOS = 1_000_000_000;
    private static final int MAX_CONNECTING = 100;

    private final InetSocketAddress server;
    private final Selector selector;
    private final Line[] lines;
    private final Listener listener;
    private final ByteBuffer in = ByteBuffer.allocateDirect(1 << 16);
    /** Those that wait before a retry, the next one first. */
    private final Deque<Line> retrying = new ArrayDeque<>();
    private int waiting;
    private long lost;
    private long refused;

    @FunctionalInterface
    interface Listener {
        /**
         * A response has arrived.
         *
         * @param dueNanos when the request was queued
         * @param sentNanos when it was last sent
         */
        void responded(int line, long dueNanos, long sentNanos);
    }

    private record Request(ByteBuffer bytes, long dueNanos) {
    }

    Connections(int port, int count, Listener listener) throws IOException {
        server = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
        selector = Selector.open();
        lines = new Line[count];
        this.listener = listener;
        for (int i = 0; i < count; i++) {
            lines[i] = new Line(i);
        }
        for (int from = 0; from < count; from += MAX_CONNECTING) {
            int to = Math.min(count, from + MAX_CONNECTING);
            for (int i = from; i < to; i++) {
                lines[i].connect();
            }
            long deadline = System.nanoTime() + 10_000_000_000L;
            for (int i = from; i < to; i++) {
                while (!lines[i].isOpen()) {
                    if (System.nanoTime() > deadline) {
                        throw new IOException("connection " + i + " of " + count + " was not opened; too few file"
                                + " descriptors (ulimit -n), or MAX_CONNECTIONS?");
                    }
                    poll(System.nanoTime() + 10_000_000);
                }
            }
        }
    }

    int count() {
        return lines.length;
    }

    /** Number of requests without a response. */
    int waiting() {
        return waiting;
    }

    /** Number of connections that broke. */
    long lost() {
        return lost;
    }

    /** Number of responses 429 or 503. */
    long refused() {
        return refused;
    }

    /** Queues a request behind the earlier ones on its connection. */
    void send(int line, byte[] request) throws IOException {
        waiting++;
        lines[line].queue.addLast(new Request(ByteBuffer.wrap(request), System.nanoTime()));
        lines[line].next();
    }

    /** Serves the connections until then. */
    void poll(long untilNanos) throws IOException {
        long now = System.nanoTime();
        do {
            retryDue(now);
            long millis = (untilNanos - now) / 1_000_000;
            if (millis > 0) {
                selector.select(this::ready, millis);
            } else {
                selector.selectNow(this::ready);
            }
            now = System.nanoTime();
        } while (now < untilNanos && untilNanos - now > 1_000_000);
    }

    /** Serves the connections once, and waits no longer than this for the next event. */
    void pollOnce(long millis) throws IOException {
        retryDue(System.nanoTime());
        selector.select(this::ready, Math.max(1, millis));
    }

    private void retryDue(long now) throws IOException {
        while (!retrying.isEmpty() && retrying.getFirst().retryAt <= now) {
            Line line = retrying.removeFirst();
            line.retryAt = 0;
            line.next();
        }
    }

    /** Waits for all responses. */
    void drain(long seconds) throws IOException {
        long deadline = System.nanoTime() + seconds * 1_000_000_000;
        while (waiting > 0) {
            if (System.nanoTime() > deadline) {
                throw new IOException(waiting + " requests got no response within " + seconds + " s");
            }
            pollOnce(10);
        }
    }

    private void ready(SelectionKey key) {
        Line line = (Line) key.attachment();
        try {
            if (key.isConnectable()) {
                line.connected();
            } else if (key.isReadable()) {
                line.read();
            } else if (key.isWritable()) {
                line.write();
            }
        } catch (IOException e) {
            line.broken();
        }
    }

    @Override
    public void close() throws IOException {
        for (Line line : lines) {
            if (line.channel != null) {
                line.channel.close();
            }
        }
        selector.close();
    }

    private final class Line {
        private final int number;
        private final Deque<Request> queue = new ArrayDeque<>(2);
        private @Nullable SocketChannel channel;
        private @Nullable SelectionKey key;
        private @Nullable ByteBuffer out;
        private byte[] partial = new byte[0];
        private long sentNanos;
        /** 0 unless it waits for a retry. */
        private long retryAt;

        Line(int number) {
            this.number = number;
        }

        boolean isOpen() {
            return channel != null && channel.isConnected();
        }

        void connect() throws IOException {
            SocketChannel opened = SocketChannel.open();
            channel = opened;
            opened.configureBlocking(false);
            opened.setOption(StandardSocketOptions.TCP_NODELAY, true);
            key = opened.register(selector, SelectionKey.OP_CONNECT, this);
            try {
                if (opened.connect(server)) {
                    connected();
                }
            } catch (IOException e) {
                broken();
            }
        }

        void connected() throws IOException {
            if (channel != null && key != null && channel.finishConnect()) {
                key.interestOps(SelectionKey.OP_READ);
                next();
            }
        }

        /** Sends the next request, unless one is in flight. */
        void next() throws IOException {
            if (out != null || queue.isEmpty() || retryAt > 0) {
                return;
            }
            if (channel == null) {
                connect();
            } else if (channel.isConnected()) {
                out = queue.getFirst().bytes().duplicate();
                sentNanos = System.nanoTime();
                try {
                    write();
                } catch (IOException e) {
                    broken();
                }
            }
        }

        void write() throws IOException {
            if (channel != null && key != null && out != null) {
                channel.write(out);
                key.interestOps(out.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ);
            }
        }

        void read() throws IOException {
            if (channel == null) {
                return;
            }
            in.clear().put(partial);
            if (channel.read(in) < 0) {
                throw new EOFException();
            }
            in.flip();
            byte[] received = new byte[in.remaining()];
            in.get(received);
            String response = new String(received, StandardCharsets.ISO_8859_1);
            int end = response.indexOf("\r\n\r\n");
            int total = end < 0 ? Integer.MAX_VALUE : end + 4 + contentLength(response.substring(0, end));
            if (received.length < total) {
                partial = received;
                return;
            }
            partial = new byte[0];
            responded(response);
        }

        private static int contentLength(String head) {
            int at = head.toLowerCase(Locale.ROOT).indexOf("\r\ncontent-length:");
            if (at < 0) {
                return 0;
            }
            int end = head.indexOf("\r\n", at + 2);
            return Integer.parseInt(head.substring(at + 17, end < 0 ? head.length() : end).strip());
        }

        private void responded(String response) throws IOException {
            out = null;
            boolean isEmpty = response.startsWith("HTTP/1.1 204"); // as VictoriaMetrics responds
            if (isEmpty || response.startsWith("HTTP/1.1 200")) {
                Request done = queue.removeFirst();
                waiting--;
                if (!isEmpty && !response.contains("\"refused\":[]")) {
                    throw new IllegalStateException("a part of a batch was refused: " + start(response));
                }
                listener.responded(number, done.dueNanos(), sentNanos);
                next();
            } else if (response.startsWith("HTTP/1.1 429") || response.startsWith("HTTP/1.1 503")) {
                if (refused++ == 0) {
                    System.err.println("first refused: " + start(response));
                }
                retryLater();
            } else {
                throw new IllegalStateException(start(response));
            }
        }

        private static String start(String response) {
            return response.substring(0, Math.min(1_000, response.length()));
        }

        /** The connection is lost; the request in flight is repeated over a new one. */
        void broken() {
            lost++;
            try {
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException e) {
                // lost anyway
            }
            channel = null;
            key = null;
            out = null;
            partial = new byte[0];
            retryLater();
        }

        private void retryLater() {
            if (retryAt == 0) {
                retryAt = System.nanoTime() + RETRY_NANOS;
                retrying.addLast(this);
            }
        }
    }
}
