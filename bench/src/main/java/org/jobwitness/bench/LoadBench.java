package org.jobwitness.bench;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.bench.ServerUnderTest.CpuSeconds;
import org.jspecify.annotations.Nullable;

/**
 * Batches as the agents of many nodes send them: how fast they are stored, what they cost, how much disk they take, and how fast
 * they are read. Prints tables for bench/results.md.
 */
public final class LoadBench {
    private static final int JOBS = 3;
    private static final int GPUS = 4;
    private static final int FEED_CONNECTIONS = 16;
    private static final String USAGE = """
            Usage: LoadBench PATH-OF-jobwitness-server MODE [NAME=VALUE]...

            MODE     measures                                          NAME=VALUE, with defaults
            rate     each node sends a batch every 15 s                nodes=10000 seconds=60 warm=20 connections=NODES
                     and the same to VictoriaMetrics, at once          peer=/usr/bin/victoria-metrics (peer=: without)
            flood    as many batches as possible, and COPY             batches=20000 rounds=4 connections=64
            chart    a job's packed history as a chart                 points=50000 requests=200
            disk     bytes of a packed row                             jobs=20
            start    kill -9 under load                                nodes=10000 connections=NODES
            all      all of them, and rate with 1,000 nodes first
            For all: jobs=3 of a node, nodes_for_gpus=10 (one in so many has 4 GPUs), gzip=1 (0: uncompressed).""";

    private final Path launcher;
    private final Map<String, String> given;

    private LoadBench(Path launcher, Map<String, String> given) {
        this.launcher = launcher;
        this.given = given;
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        if (args.length < 2) {
            System.err.println(USAGE);
            System.exit(2);
        }
        Map<String, String> given = new HashMap<>();
        for (String pair : Arrays.copyOfRange(args, 2, args.length)) {
            String[] both = pair.split("=", 2);
            given.put(both[0], both.length > 1 ? both[1] : "");
        }
        LoadBench bench = new LoadBench(Path.of(args[0]), given);
        switch (args[1]) {
            case "rate" -> bench.rate(bench.value("nodes", 10_000));
            case "flood" -> bench.flood();
            case "chart" -> bench.chart();
            case "disk" -> bench.disk();
            case "start" -> bench.start();
            case "all" -> {
                bench.rate(1_000);
                bench.rate(10_000);
                bench.flood();
                bench.chart();
                bench.disk();
                bench.start();
            }
            default -> {
                System.err.println(USAGE);
                System.exit(2);
            }
        }
    }

    private int value(String name, int byDefault) {
        return Integer.parseInt(given.getOrDefault(name, Integer.toString(byDefault)));
    }

    private static void print(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }

    private List<SimulatedNode> nodes(int count) {
        int jobs = value("jobs", JOBS);
        SimulatedNode.Scratch scratch = new SimulatedNode.Scratch(7, value("gzip", 1) == 1);
        return IntStream.range(0, count).mapToObj(node -> new SimulatedNode(scratch, "node" + node,
                (100_000_000L + 1000L * node) / 1000 + "0", jobs, node % value("nodes_for_gpus", 10) == 0 ? GPUS : 0))
                .toList();
    }

    /** Sends requests as fast as the server responds. */
    private static void feed(int port, int connections, Iterable<byte[]> requests) throws IOException {
        Deque<Integer> free = new ArrayDeque<>(IntStream.range(0, connections).boxed().toList());
        try (Connections lines = new Connections(port, connections, (line, _, _) -> free.add(line))) {
            for (byte[] request : requests) {
                while (free.isEmpty()) {
                    lines.pollOnce(10);
                }
                lines.send(free.remove(), request);
            }
            lines.drain(60);
        }
    }

    /** Sends batches of all nodes, so that the server knows their jobs, and repeats that until its code is compiled. */
    private static void warmUp(ServerUnderTest server, List<SimulatedNode> nodes, int seconds) throws IOException {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        // The server reads a run that it has just created once more.
        for (int round = 0; round < 2 || System.nanoTime() < end; round++) {
            feed(server.port(), FEED_CONNECTIONS,
                    () -> nodes.stream().map(node -> node.batch(Instant.now())).iterator());
        }
    }

    /** Agents that each send a batch every 15 s, evenly spread. */
    private static final class Load implements AutoCloseable {
        private final List<SimulatedNode> nodes;
        private final Connections lines;
        private final Times responses = new Times();
        private final Times late = new Times();
        private final @Nullable Connections peer;
        private final long start = System.nanoTime();
        private long sent;

        /** @param peer another server, which gets the same rows */
        Load(int port, List<SimulatedNode> nodes, int connections, @Nullable VictoriaMetrics peer) throws IOException {
            this.nodes = nodes;
            this.peer = peer == null ? null : new Connections(peer.port(), connections, (_, _, _) -> {
            });
            lines = new Connections(port, connections, (_, due, wrote) -> {
                responses.add(System.nanoTime() - wrote);
                late.add(wrote - due);
            });
        }

        private long due() {
            return start + (long) ((double) sent / nodes.size() * SimulatedNode.INTERVAL_SECONDS * 1e9);
        }

        void runUntil(long end) throws IOException {
            while (System.nanoTime() < end) {
                while (due() <= System.nanoTime() && System.nanoTime() < end) {
                    int node = (int) (sent % nodes.size());
                    late.add(System.nanoTime() - due());
                    Instant at = Instant.now();
                    lines.send(node % lines.count(), nodes.get(node).batch(at));
                    if (peer != null) {
                        peer.send(node % peer.count(), nodes.get(node).lines(at));
                        peer.poll(System.nanoTime());
                    }
                    sent++;
                }
                lines.pollOnce(Math.min(100, (Math.min(due(), end) - System.nanoTime()) / 1_000_000));
            }
        }

        void runFor(int seconds) throws IOException {
            runUntil(System.nanoTime() + seconds * 1_000_000_000L);
        }

        void reset() {
            responses.clear();
            late.clear();
        }

        @Override
        public void close() throws IOException {
            lines.close();
            if (peer != null) {
                peer.close();
            }
        }
    }

    private @Nullable VictoriaMetrics peer() throws IOException, InterruptedException {
        String program = given.getOrDefault("peer", VictoriaMetrics.DEBIAN);
        return program.isEmpty() ? null : new VictoriaMetrics(program);
    }

    private void rate(int count) throws Exception {
        int seconds = value("seconds", 60);
        List<SimulatedNode> nodes = nodes(count);
        int connections = value("connections", count);
        try (ServerUnderTest server = ServerUnderTest.start(launcher); VictoriaMetrics peer = peer()) {
            warmUp(server, nodes, value("warm", 20));
            try (Load load = new Load(server.port(), nodes, connections, peer)) {
                load.runFor(2 * SimulatedNode.INTERVAL_SECONDS);
                load.reset();
                long stored = storedRows(server);
                CpuSeconds before = server.cpu();
                double peerBefore = peer == null ? 0 : peer.cpuSeconds();
                load.runFor(seconds);
                CpuSeconds cpu = server.cpu().since(before);
                double peerSeconds = peer == null ? Double.NaN : peer.cpuSeconds() - peerBefore;
                int waiting = load.lines.waiting();
                double rows = storedRows(server) - stored;
                print("%n| nodes, connections | for | rows/s | p50 / p99 / longest response | sent late by | waiting at the"
                        + " end | lost, refused | CPU µs a row: server, PostgreSQL, both | VictoriaMetrics | load | server RSS |");
                print("|---|---|---|---|---|---|---|---|---|---|---|");
                print("| %d, %d | %d s | %.0f | %s | %s | %d | %d, %d | %.1f, %.1f, %.1f | %.1f | %.1f | %d MiB |",
                        count,
                        connections,
                        seconds, rows / seconds, load.responses, load.late, waiting, load.lines.lost(),
                        load.lines.refused(), cpu.server() * 1e6 / rows, cpu.postgres() * 1e6 / rows,
                        (cpu.server() + cpu.postgres()) * 1e6 / rows, peerSeconds * 1e6 / rows, cpu.load() * 1e6 / rows,
                        server.memoryMiB("VmRSS"));
                if (connections < count) {
                    print("%d nodes share %d connections.", count, connections);
                }
                load.lines.drain(30);
            }
        }
    }

    /** From the sums: a scrape or a count would be too expensive. */
    private static long storedRows(ServerUnderTest server) throws SQLException {
        return server.number("select (select coalesce(sum(sample_count), 0) from job_figures)"
                + " + (select coalesce(sum(sample_count), 0) from job_gpu_figures)");
    }

    /** Rates in rows a second; CPU in seconds. */
    private record FloodRound(double served, double bare, double bareAsServed, int rows, int rowsPerCommit,
            CpuSeconds cpu) {
    }

    private void flood() throws Exception {
        int batches = value("batches", 20_000);
        int count = value("rounds", 4);
        int connections = value("connections", 64);
        List<SimulatedNode> nodes = nodes(1_000);
        List<FloodRound> rounds = new ArrayList<>();
        try (ServerUnderTest server = ServerUnderTest.start(launcher); BareCopy copy = new BareCopy(server)) {
            warmUp(server, nodes, 0);
            for (int round = -2; round < count; round++) { // two to warm up
                FloodRound result = floodRound(server, copy, nodes, batches, connections);
                if (round >= 0) {
                    rounds.add(result);
                }
            }
        }
        double served = mean(rounds, FloodRound::served);
        double rowsPerCommit = mean(rounds, FloodRound::rowsPerCommit);
        print("%n%d connections, batches of %d jobs, %d batches a round.%n", connections, value("jobs", JOBS), batches);
        print("| | rows/s | rounds | rows a commit | of COPY |");
        print("|---|---|---|---|---|");
        print("| HTTP to commit | %.0f | %s | %.0f | |", served, all(rounds, FloodRound::served), rowsPerCommit);
        double bare = mean(rounds, FloodRound::bare);
        print("| bare COPY | %.0f | %s | 5000 | %.3f |", bare, all(rounds, FloodRound::bare), served / bare);
        double bareAsServed = mean(rounds, FloodRound::bareAsServed);
        print("| bare COPY, commits as large as the server's | %.0f | %s | %.0f | %.3f |", bareAsServed,
                all(rounds, FloodRound::bareAsServed), rowsPerCommit, served / bareAsServed);
        print("%nCPU ms per 1,000 rows: server %.1f, PostgreSQL %.1f, load %.1f.",
                mean(rounds, round -> round.cpu.server() * 1e6 / round.rows),
                mean(rounds, round -> round.cpu.postgres() * 1e6 / round.rows),
                mean(rounds, round -> round.cpu.load() * 1e6 / round.rows));
    }

    private static FloodRound floodRound(ServerUnderTest server, BareCopy copy, List<SimulatedNode> nodes, int batches,
            int connections) throws Exception {
        List<byte[]> requests = new ArrayList<>();
        List<BareCopy.Row> rows = new ArrayList<>();
        for (int i = 0; i < batches; i++) {
            int number = i % nodes.size();
            SimulatedNode node = nodes.get(number);
            Instant at = Instant.now();
            requests.add(node.batch(at));
            node.rows((job, gpu, figures) -> rows.add(new BareCopy.Row(3L * number + job, node.name(),
                    gpu < 0 ? "" : "GPU-" + node.name() + "-" + gpu, at, figures)));
        }
        double commits = commits(server);
        CpuSeconds before = server.cpu();
        long start = System.nanoTime();
        feed(server.port(), connections, requests);
        double seconds = (System.nanoTime() - start) / 1e9;
        CpuSeconds cpu = server.cpu().since(before);
        int rowsPerCommit = (int) Math.max(1, Math.round(rows.size() / (commits(server) - commits)));
        double bareSeconds = copy.copy(rows, 5_000) / 1e9;
        double bareAsServedSeconds = copy.copy(rows, rowsPerCommit) / 1e9;
        return new FloodRound(rows.size() / seconds, rows.size() / bareSeconds, rows.size() / bareAsServedSeconds,
                rows.size(), rowsPerCommit, cpu);
    }

    private static double commits(ServerUnderTest server) throws IOException, InterruptedException {
        return server.metric("storage_operation_duration_seconds_count{operation=\"batches\",success=\"true\"}");
    }

    private static double mean(List<FloodRound> rounds, ToDoubleFunction<FloodRound> figure) {
        return rounds.stream().mapToDouble(figure).average().orElseThrow();
    }

    private static String all(List<FloodRound> rounds, ToDoubleFunction<FloodRound> figure) {
        return rounds.stream().map(round -> String.format(Locale.ROOT, "%.0f", figure.applyAsDouble(round)))
                .collect(Collectors.joining(", "));
    }

    private void chart() throws Exception {
        int points = value("points", 50_000);
        int requests = value("requests", 200);
        Duration length = Duration.ofSeconds((long) SimulatedNode.INTERVAL_SECONDS * points);
        Duration lengthOfOthers = Duration.ofDays(2); // enough rows that the server does not wait for the full hour
        try (ServerUnderTest server = ServerUnderTest.start(launcher, "--metrics-retention-days",
                Long.toString(length.plus(lengthOfOthers).toDays() + 1))) {
            SimulatedNode.Scratch scratch = new SimulatedNode.Scratch(7, true);
            Instant last = Instant.now().truncatedTo(ChronoUnit.HOURS).minus(Duration.ofHours(3));
            List<byte[]> history = new ArrayList<>();
            addHistory(history, new SimulatedNode(scratch, "chart", "1", 1, 0), last.minus(length), points, 500);
            addHistory(history, new SimulatedNode(scratch, "others", "2", 10, 0), last.minus(lengthOfOthers), 10_000,
                    50);
            feed(server.port(), FEED_CONNECTIONS, history);
            server.awaitSealed();
            long chunks = server.number("select count(*) from chunk join job using (job_key) where job_id = '10'");
            print("%n%d points in %d chunks, %d requests after %d to warm up.%n", points, chunks, requests, requests);
            print("| | p50 / p99 / longest | bytes |");
            print("|---|---|---|");
            for (String query : List.of("metric=cpu_usage_percent&points=1000",
                    "metric=cpu_usage_percent&metric=memory_usage_bytes&metric=cpus_used&points=1000")) {
                chart(server, query, requests);
            }
        }
    }

    private static void addHistory(List<byte[]> history, SimulatedNode node, Instant first, int steps, int perBatch) {
        for (int step = 0; step < steps; step += perBatch) {
            history.add(node.batchOfSteps(first.plusSeconds((long) SimulatedNode.INTERVAL_SECONDS * step), perBatch));
        }
    }

    private static void chart(ServerUnderTest server, String query, int requests)
            throws IOException, InterruptedException {
        String target = "/v1/jobs/10/series?" + query;
        Times times = new Times();
        int bytes = 0;
        for (int i = 0; i < 2 * requests; i++) {
            long start = System.nanoTime();
            HttpResponse<byte[]> response = server.get(target);
            if (i >= requests) {
                times.add(System.nanoTime() - start);
            }
            if (response.statusCode() != 200) {
                throw new IOException(target + ": " + response.statusCode() + " "
                        + new String(response.body(), StandardCharsets.UTF_8));
            }
            bytes = response.body().length;
        }
        print("| `%s` | %s | %d |", query, times, bytes);
    }

    private void disk() throws Exception {
        int jobs = value("jobs", 20);
        int stepsOfDay = 24 * 3600 / SimulatedNode.INTERVAL_SECONDS;
        SimulatedNode.Scratch scratch = new SimulatedNode.Scratch(7, true);
        SimulatedNode plain = new SimulatedNode(scratch, "plain", "1", jobs, 0);
        SimulatedNode withGpus = new SimulatedNode(scratch, "gpus", "2", 1, Math.max(1, jobs / 2));
        try (ServerUnderTest server = ServerUnderTest.start(launcher)) {
            Instant day = Instant.now().truncatedTo(ChronoUnit.DAYS).minus(Duration.ofDays(3));
            Instant next = day.plus(Duration.ofDays(1));
            int steps = 20;
            feed(server.port(), FEED_CONNECTIONS,
                    () -> IntStream.range(0, stepsOfDay / steps).mapToObj(i -> plain.batchOfSteps(
                            day.plusSeconds((long) SimulatedNode.INTERVAL_SECONDS * steps * i), steps)).iterator());
            feed(server.port(), FEED_CONNECTIONS, () -> IntStream.range(0, stepsOfDay).mapToObj(i -> withGpus.batch(
                    next.plusSeconds((long) SimulatedNode.INTERVAL_SECONDS * i))).iterator());
            server.awaitSealed();
            double jobBytes = bytesOf(server, day) / (double) rowsOf(server, day, "gpu = ''");
            long rowsBeside = rowsOf(server, next, "gpu = ''");
            long gpuRows = rowsOf(server, next, "gpu <> ''");
            double gpuBytes = (bytesOf(server, next) - rowsBeside * jobBytes) / gpuRows;
            print("%n| | rows | bytes/row on disk, index and head included | bytes/row in chunks |");
            print("|---|---|---|---|");
            print("| 25 figures of a job | %d | %.1f | %.1f |", rowsOf(server, day, "gpu = ''"), jobBytes,
                    packed(server, day, "gpu = ''"));
            print("| 8 figures of a GPU (without the %d rows of its jobs) | %d | %.1f | %.1f |",
                    rowsBeside, gpuRows, gpuBytes, packed(server, next, "gpu <> ''"));
        }
    }

    private static String partition(Instant day) {
        return "chunk_" + day.toString().substring(0, 10).replace('-', '_');
    }

    private static long bytesOf(ServerUnderTest server, Instant day) throws SQLException {
        return server.number("select pg_total_relation_size('" + partition(day) + "')");
    }

    private static long rowsOf(ServerUnderTest server, Instant day, String which) throws SQLException {
        return server.number("select coalesce(sum(rows), 0) from " + partition(day) + " where " + which);
    }

    private static double packed(ServerUnderTest server, Instant day, String which) throws SQLException {
        return server.number("select sum(length(data)) * 1000 / sum(rows) from " + partition(day) + " where " + which)
                / 1000.0;
    }

    private void start() throws Exception {
        int count = value("nodes", 10_000);
        List<SimulatedNode> nodes = nodes(count);
        try (ServerUnderTest server = ServerUnderTest.start(launcher)) {
            warmUp(server, nodes, 0);
            try (Load load = new Load(server.port(), nodes, value("connections", count), null)) {
                load.runFor(2 * SimulatedNode.INTERVAL_SECONDS);
                server.kill();
                long killed = System.nanoTime();
                load.runFor(1); // the agents notice that it is down
                load.reset();
                long launched = System.nanoTime();
                server.launchAgain();
                long ready = 0;
                long first = 0;
                while (ready == 0 || first == 0) {
                    load.runUntil(System.nanoTime() + 5_000_000);
                    first = first == 0 && load.responses.size() > 0 ? System.nanoTime() : first;
                    ready = ready == 0 && server.isReady() ? System.nanoTime() : ready;
                }
                int waiting = load.lines.waiting();
                while (load.lines.waiting() > count / 500 && System.nanoTime() - ready < 120_000_000_000L) {
                    load.runUntil(System.nanoTime() + 20_000_000);
                }
                print("%n| nodes | from start to ready | to the first batch stored | batches waiting then | all caught up"
                        + " | server down |");
                print("|---|---|---|---|---|---|");
                print("| %d | %.1f s | %.1f s | %d | %.1f s | %.1f s |", count, (ready - launched) / 1e9,
                        (first - launched) / 1e9, waiting, (System.nanoTime() - launched) / 1e9,
                        (first - killed) / 1e9);
            }
        }
    }
}
