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
 * Many kept connections to the server, each with one request on its way at most, all served by the thread that calls. What is
 * not answered with 200 is sent again after a second, as an agent would. Not thread-safe.
 */
final class Connections implements AutoCloseable {
    private static final long AGAIN_NANOS = 1_000_000_000;
    private static final int CONNECTING_AT_ONCE = 100;

    private final InetSocketAddress server;
    private final Selector selector;
    private final Line[] lines;
    private final Answered answered;
    private final ByteBuffer in = ByteBuffer.allocateDirect(1 << 16);
    /** Those that wait before they try again, the first to try first. */
    private final Deque<Line> resting = new ArrayDeque<>();
    private int waiting;
    private long lost;
    private long refused;

    /** Told of each answer. */
    @FunctionalInterface
    interface Answered {
        /**
         * One request is done.
         *
         * @param dueNanos when it was handed over
         * @param sentNanos when its last try was written
         */
        void answered(int line, long dueNanos, long sentNanos);
    }

    private record Request(ByteBuffer bytes, long dueNanos) {
    }

    Connections(int port, int count, Answered answered) throws IOException {
        server = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
        selector = Selector.open();
        lines = new Line[count];
        this.answered = answered;
        for (int i = 0; i < count; i++) {
            lines[i] = new Line(i);
        }
        for (int from = 0; from < count; from += CONNECTING_AT_ONCE) {
            int to = Math.min(count, from + CONNECTING_AT_ONCE);
            for (int i = from; i < to; i++) {
                lines[i].connect();
            }
            long deadline = System.nanoTime() + 10_000_000_000L;
            for (int i = from; i < to; i++) {
                while (!lines[i].isOpen()) {
                    if (System.nanoTime() > deadline) {
                        throw new IOException("connection " + i + " of " + count + " does not come about; too few file"
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

    /** How many requests have not been answered yet. */
    int waiting() {
        return waiting;
    }

    /** How many connections broke. */
    long lost() {
        return lost;
    }

    /** How many answers were 429 or 503. */
    long refused() {
        return refused;
    }

    /** Hands over a request; it goes when all before it on its connection are answered. */
    void send(int line, byte[] request) throws IOException {
        waiting++;
        lines[line].queue.addLast(new Request(ByteBuffer.wrap(request), System.nanoTime()));
        lines[line].next();
    }

    /** Does what there is to do until then. */
    void poll(long untilNanos) throws IOException {
        long now = System.nanoTime();
        do {
            while (!resting.isEmpty() && resting.getFirst().restUntil <= now) {
                Line line = resting.removeFirst();
                line.restUntil = 0;
                line.next();
            }
            long millis = (untilNanos - now) / 1_000_000;
            if (millis > 0) {
                selector.select(this::ready, millis);
            } else {
                selector.selectNow(this::ready);
            }
            now = System.nanoTime();
        } while (now < untilNanos && untilNanos - now > 1_000_000);
    }

    /** Waits for something to happen, no longer than this, and does what there is to do. */
    void pollOnce(long millis) throws IOException {
        long now = System.nanoTime();
        while (!resting.isEmpty() && resting.getFirst().restUntil <= now) {
            Line line = resting.removeFirst();
            line.restUntil = 0;
            line.next();
        }
        selector.select(this::ready, Math.max(1, millis));
    }

    /** Waits until all is answered. */
    void drain(long seconds) throws IOException {
        long deadline = System.nanoTime() + seconds * 1_000_000_000;
        while (waiting > 0) {
            if (System.nanoTime() > deadline) {
                throw new IOException(waiting + " requests were not answered within " + seconds + " s");
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
        /** 0 if it does not rest. */
        private long restUntil;

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

        /** Sends the first that waits, unless one is on its way. */
        void next() throws IOException {
            if (out != null || queue.isEmpty() || restUntil > 0) {
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
            byte[] seen = new byte[in.remaining()];
            in.get(seen);
            String answer = new String(seen, StandardCharsets.ISO_8859_1);
            int end = answer.indexOf("\r\n\r\n");
            int total = end < 0 ? Integer.MAX_VALUE : end + 4 + contentLength(answer.substring(0, end));
            if (seen.length < total) {
                partial = seen;
                return;
            }
            partial = new byte[0];
            answered(answer);
        }

        private static int contentLength(String head) {
            int at = head.toLowerCase(Locale.ROOT).indexOf("\r\ncontent-length:");
            if (at < 0) {
                return 0;
            }
            int end = head.indexOf("\r\n", at + 2);
            return Integer.parseInt(head.substring(at + 17, end < 0 ? head.length() : end).strip());
        }

        private void answered(String answer) throws IOException {
            out = null;
            if (answer.startsWith("HTTP/1.1 200")) {
                Request done = queue.removeFirst();
                waiting--;
                if (!answer.contains("\"refused\":[]")) {
                    throw new IllegalStateException("some of a batch was left out: " + start(answer));
                }
                Connections.this.answered.answered(number, done.dueNanos(), sentNanos);
                next();
            } else if (answer.startsWith("HTTP/1.1 429") || answer.startsWith("HTTP/1.1 503")) {
                if (refused++ == 0) {
                    System.err.println("first refused: " + start(answer));
                }
                rest();
            } else {
                throw new IllegalStateException(start(answer));
            }
        }

        private static String start(String answer) {
            return answer.substring(0, Math.min(1_000, answer.length()));
        }

        /** The connection has gone; what was on its way goes again, over a new one. */
        void broken() {
            lost++;
            try {
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException e) {
                // It is gone either way.
            }
            channel = null;
            key = null;
            out = null;
            partial = new byte[0];
            rest();
        }

        private void rest() {
            if (restUntil == 0) {
                restUntil = System.nanoTime() + AGAIN_NANOS;
                resting.addLast(this);
            }
        }
    }
}
