package org.jobwitness.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;

/**
 * Events from HTTP to commit, compared with a bare JDBC loop of the same transactions: 8 clients each, alternately, on one
 * PostgreSQL. Every job is one start and one end.
 */
public final class EventBench {
    private static final int CLIENTS = 8;
    private static final int ROUNDS = 4;
    private static final Duration WARM_UP = Duration.ofSeconds(25);
    private static final Duration ROUND_TIME = Duration.ofSeconds(8);

    private EventBench() {
    }

    /** Sends the two events of one job. */
    interface Sender extends AutoCloseable {
        void started(long job) throws IOException, SQLException;

        void finished(long job) throws IOException, SQLException;

        @Override
        void close() throws IOException, SQLException;
    }

    /** The result of a round: rate of events, and their durations. */
    private record Measurement(double perSecond, double p50Millis, double p99Millis) {
        static Measurement of(long[] sortedNanos, Duration duration) {
            return new Measurement(sortedNanos.length / (duration.toNanos() / 1e9), millis(sortedNanos, 50),
                    millis(sortedNanos, 99));
        }

        private static double millis(long[] sortedNanos, int percentile) {
            return sortedNanos[(sortedNanos.length - 1) * percentile / 100] / 1e6;
        }
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        Path launcher = Path.of(args.length > 0 ? args[0] : "dist/bin/jobwitness-server");
        try (ServerUnderTest server = ServerUnderTest.start(launcher)) {
            AtomicLong jobs = new AtomicLong(1);
            Callable<Sender> http = () -> new HttpSender(server.port());
            Callable<Sender> jdbc = () -> new JdbcSender(server.database());
            run(http, jobs, WARM_UP);
            run(jdbc, jobs, WARM_UP);
            List<Measurement> served = new ArrayList<>();
            List<Measurement> bare = new ArrayList<>();
            for (int round = 0; round < ROUNDS; round++) {
                served.add(run(http, jobs, ROUND_TIME));
                bare.add(run(jdbc, jobs, ROUND_TIME));
            }
            print("HTTP to commit", served);
            print("bare JDBC", bare);
            System.out.printf(Locale.ROOT, "ratio            %.2f%n", mean(served) / mean(bare));
            System.out
                    .println("server RSS " + server.memoryMiB("VmRSS") + " MiB, peak " + server.memoryMiB("VmHWM"));
        }
    }

    private static Measurement run(Callable<Sender> senders, AtomicLong jobs, Duration duration) throws Exception {
        long end = System.nanoTime() + duration.toNanos();
        List<Future<long[]>> clients = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(threads.submit(() -> client(senders, jobs, end)));
            }
            LongStream all = LongStream.empty();
            for (Future<long[]> client : clients) {
                all = LongStream.concat(all, LongStream.of(client.get()));
            }
            return Measurement.of(all.sorted().toArray(), duration);
        }
    }

    private static long[] client(Callable<Sender> senders, AtomicLong jobs, long end) throws Exception {
        LongStream.Builder nanos = LongStream.builder();
        try (Sender sender = senders.call()) {
            while (System.nanoTime() < end) {
                long job = jobs.getAndIncrement();
                long start = System.nanoTime();
                sender.started(job);
                long between = System.nanoTime();
                sender.finished(job);
                nanos.add(between - start).add(System.nanoTime() - between);
            }
        }
        return nanos.build().toArray();
    }

    private static double mean(List<Measurement> rounds) {
        return rounds.stream().mapToDouble(Measurement::perSecond).average().orElseThrow();
    }

    private static void print(String name, List<Measurement> rounds) {
        System.out.printf(Locale.ROOT, "%-16s %6.0f events/s (rounds %s), p50 %.2f ms, p99 %.2f ms%n", name,
                mean(rounds),
                rounds.stream().map(round -> String.format(Locale.ROOT, "%.0f", round.perSecond())).toList(),
                rounds.stream().mapToDouble(Measurement::p50Millis).average().orElseThrow(),
                rounds.stream().mapToDouble(Measurement::p99Millis).average().orElseThrow());
    }
}
