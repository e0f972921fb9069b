package org.jobwitness.server.scheduler;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers for a {@link FakeSlurm} over real HTTP, on a TCP port or a Unix socket; well, or in one of the ways in which things go wrong. */
final class FakeSlurmrestd implements AutoCloseable {
    private static final Pattern TARGET = Pattern.compile("/slurm(?:db)?/v0\\.0\\.([0-9]+)/.*");

    final FakeSlurm slurm;
    final List<String> targets = new CopyOnWriteArrayList<>();
    /** How many calls were under way at once, at most. */
    final AtomicInteger mostAtOnce = new AtomicInteger();
    volatile Set<Integer> versions;
    volatile String token = "t0ken";
    /** As one that acts for whoever connects. */
    volatile boolean takesAny;
    volatile Mood mood = Mood.WELL;
    volatile UnaryOperator<String> garbling = UnaryOperator.identity();
    private final AtomicInteger atOnce = new AtomicInteger();
    private final CountDownLatch closing = new CountDownLatch(1);
    private final ServerSocketChannel listener;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /** How it answers. */
    enum Mood {
        WELL,
        /** Hangs up without a word. */
        MUTE,
        /** Takes the request and never answers. */
        SLOW,
        /** Sends its answer byte by byte, and never all of it. */
        DRIPS,
        /** Hangs up in the middle of its answer. */
        CUT_SHORT,
        /** Does not let anybody in so often. */
        BUSY
    }

    private FakeSlurmrestd(FakeSlurm slurm, ServerSocketChannel listener, SocketAddress address, Integer... versions)
            throws IOException {
        this.slurm = slurm;
        this.listener = listener.bind(address);
        this.versions = Set.of(versions);
        threads.submit(this::listen);
    }

    static FakeSlurmrestd onPort(FakeSlurm slurm, Integer... versions) throws IOException {
        return new FakeSlurmrestd(slurm, ServerSocketChannel.open(),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), versions);
    }

    static FakeSlurmrestd onSocket(FakeSlurm slurm, Path socket, Integer... versions) throws IOException {
        return new FakeSlurmrestd(slurm, ServerSocketChannel.open(StandardProtocolFamily.UNIX),
                UnixDomainSocketAddress.of(socket), versions);
    }

    /** As SLURM_BASE_URL names it. */
    String url() {
        try {
            return switch (listener.getLocalAddress()) {
                case UnixDomainSocketAddress unix -> "unix:" + unix.getPath();
                case InetSocketAddress tcp -> "http://127.0.0.1:" + tcp.getPort();
                default -> throw new IllegalStateException();
            };
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Those calls that are of a kind. */
    List<String> calls(String part) {
        return targets.stream().filter(target -> target.contains(part)).toList();
    }

    private Void listen() throws IOException {
        while (listener.isOpen()) {
            SocketChannel client = listener.accept();
            threads.submit(() -> {
                try (client) {
                    serve(client);
                }
                return null;
            });
        }
        return null;
    }

    private void serve(SocketChannel client) throws IOException, InterruptedException {
        mostAtOnce.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
        FakeSlurm.Answer answer;
        try {
            BufferedReader in = new BufferedReader(
                    new InputStreamReader(Channels.newInputStream(client), StandardCharsets.US_ASCII));
            String request = in.readLine();
            String sent = "";
            for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                if (line.toLowerCase(Locale.ROOT).startsWith("x-slurm-user-token: ")) {
                    sent = line.substring("x-slurm-user-token: ".length());
                }
            }
            if (request == null || mood == Mood.MUTE) {
                return;
            }
            String target = request.split(" ")[1];
            targets.add(target);
            answer = answer(target, sent);
        } finally {
            atOnce.decrementAndGet(); // before who asked can ask again
        }
        send(client, answer);
    }

    private FakeSlurm.Answer answer(String target, String sent) {
        Matcher matcher = TARGET.matcher(target);
        if (!matcher.matches() || !versions.contains(Integer.valueOf(matcher.group(1)))) {
            return new FakeSlurm.Answer(404, "Unable find requested URL. Please view /openapi/v3 for API reference.");
        }
        if (!takesAny && !token.equals(sent)) {
            if (target.startsWith("/slurmdb/") && !sent.isEmpty()) {
                return new FakeSlurm.Answer(502, FakeSlurm.body(42, "\"jobs\": []",
                        "{\"error_number\": 7000, \"error\": \"Unable to connect to database\"}"));
            }
            return sent.isEmpty()
                    ? new FakeSlurm.Answer(401, "Authentication failure")
                    : new FakeSlurm.Answer(511, FakeSlurm.body(42, "\"jobs\": []",
                            "{\"error_number\": 1007, \"error\": \"Protocol authentication error\"}"));
        }
        if (mood == Mood.BUSY) {
            return new FakeSlurm.Answer(429, "slow down");
        }
        FakeSlurm.Answer answer = slurm.answer(Integer.parseInt(matcher.group(1)), target);
        return answer == null ? new FakeSlurm.Answer(404, "no such thing") : answer;
    }

    private void send(SocketChannel client, FakeSlurm.Answer answer) throws IOException, InterruptedException {
        if (mood == Mood.SLOW) {
            closing.await();
        }
        byte[] body = garbling.apply(answer.body()).getBytes(StandardCharsets.ISO_8859_1);
        write(client, ("HTTP/1.1 " + answer.status() + " SO\r\nContent-Length: " + body.length
                + "\r\nContent-Type: application/json\r\nConnection: Close\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        if (mood == Mood.DRIPS) {
            for (int i = 0; i < 3; i++) {
                write(client, new byte[]{body[i]});
            }
            closing.await();
        }
        write(client, mood == Mood.CUT_SHORT ? Arrays.copyOf(body, body.length / 2) : body);
    }

    private static void write(SocketChannel client, byte[] bytes) throws IOException {
        for (ByteBuffer out = ByteBuffer.wrap(bytes); out.hasRemaining();) {
            client.write(out);
        }
    }

    @Override
    public void close() throws IOException {
        closing.countDown();
        listener.close();
        threads.shutdownNow();
    }
}
