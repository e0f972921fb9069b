package org.jobwitness.soak;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Many connections to a server of ours on this machine, none of which finishes what it sends, and good requests meanwhile. What
 * the server closes is opened again.
 */
final class HttpAttack implements AutoCloseable {
    private static final int PROBE_TIMEOUT = 20_000;
    private static final byte[] PROBE = "GET /v1/jobs?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    private static final String PROBE_OK = "HTTP/1.1 200";
    private static final Duration PROBE_INTERVAL = Duration.ofMillis(200);
    private static final Duration ROUND_INTERVAL = Duration.ofMillis(50);

    /** Room for those of one connection. */
    private static final int RESPONSES = 4096;

    private final int port;
    private final Mix mix;
    private final List<SocketChannel> connections = new ArrayList<>();
    private long opened;

    /** What the connections send. */
    enum Mix {
        HALF_HEADERS("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n" + "a:1\r\n".repeat(30)
                + ("x: " + "y".repeat(200) + "\r\n").repeat(30)),
        HALF_BODIES("POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: 900000\r\n\r\n" + "x".repeat(30_000)),
        IDLE("GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2));

        private final String text;

        Mix(String text) {
            this.text = text;
        }
    }

    /**
     * What good requests met with.
     *
     * @param failed without a response of 200
     * @param causes of these
     */
    record Figures(long opened, int good, int failed, Set<String> causes, Duration longest) {
    }

    HttpAttack(int port, Mix mix) {
        this.port = port;
        this.mix = mix;
    }

    /** Holds this many connections for a time, and asks for something good all along. */
    Figures run(int count, Duration time) throws InterruptedException {
        int good = 0;
        int failed = 0;
        Set<String> causes = new LinkedHashSet<>();
        long longest = 0;
        long end = System.nanoTime() + time.toNanos();
        Thread attacker = Thread.ofPlatform().daemon().start(() -> {
            while (System.nanoTime() < end) {
                hold(count);
                LockSupport.parkNanos(ROUND_INTERVAL.toNanos());
            }
        });
        while (attacker.isAlive()) {
            long began = System.nanoTime();
            Optional<String> failure = ask();
            longest = Math.max(longest, System.nanoTime() - began);
            good++;
            failed += failure.isPresent() ? 1 : 0;
            failure.ifPresent(causes::add);
            attacker.join(PROBE_INTERVAL);
        }
        return new Figures(opened, good, failed, causes, Duration.ofNanos(longest));
    }

    private void hold(int count) {
        connections.removeIf(HttpAttack::isClosed);
        int missing = count - connections.size();
        try {
            for (int i = 0; i < missing; i++) {
                connections.add(open());
                opened++;
            }
        } catch (IOException e) {
            // The server takes no more now; again in the next round.
        }
    }

    private SocketChannel open() throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            // Several addresses, since half of all connections are one's share.
            channel.bind(
                    new InetSocketAddress(InetAddress.getByAddress(new byte[]{127, 0, 1, (byte) (opened % 4)}), 0));
            channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            channel.configureBlocking(false);
            channel.write(StandardCharsets.US_ASCII.encode(mix.text));
            return channel;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    private static boolean isClosed(SocketChannel channel) {
        try {
            if (channel.read(ByteBuffer.allocate(RESPONSES)) >= 0) {
                return false;
            }
        } catch (IOException e) {
            // Closed, too.
        }
        close(channel);
        return true;
    }

    /**
     * Asks on a new connection, as a person or a script does.
     *
     * @return why it failed; empty if it did not
     */
    private Optional<String> ask() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PROBE_TIMEOUT);
            socket.setSoTimeout(PROBE_TIMEOUT);
            socket.getOutputStream().write(PROBE);
            String status = new String(socket.getInputStream().readNBytes(PROBE_OK.length()),
                    StandardCharsets.US_ASCII);
            return status.equals(PROBE_OK) ? Optional.empty() : Optional.of("response " + status);
        } catch (IOException e) {
            return Optional.of(e.toString());
        }
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // It is gone anyway.
        }
    }

    @Override
    public void close() {
        connections.forEach(HttpAttack::close);
    }
}
