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
import java.util.stream.IntStream;
import org.jobwitness.bench.ServerUnderTest.CpuSeconds;

/**
 * Batches as the agents of many nodes send them, and what becomes of them: how fast they are answered, what they cost, how much
 * room they take, and how fast they are read back. Prints tables for bench/results.md.
 */
public final class LoadBench {
    private static final int JOBS = 3;
    private static final int GPUS = 4;
    private static final int FEEDING = 16;
    private static final String USAGE = """
            Usage: LoadBench PATH-OF-jobwitness-server MODE [NAME=VALUE]...

            MODE     what                                              NAME=VALUE, with defaults
            rate     each node sends a batch every 15 s                nodes=10000 seconds=60 warm=20 connections=NODES
            flood    batches as fast as they are answered, and COPY    batches=20000 turns=4 connections=64
            chart    a job's history, packed, as a chart               points=50000 requests=200
            disk     bytes a packed row                                jobs=20
            start    kill -9 under load                                nodes=10000 connections=NODES
            all      all of them, and rate with 1,000 nodes first
            Everywhere: jobs=3 of a node, nodes_for_gpus=10 (one in so many has 4 GPUs), gzip=1 (0: bodies are sent as they
            are).""";

    private final Path launcher;
    private final Map<String, String> given;

    private LoadBench(Path launcher, Map<String, String> given) {
        this.launcher = launcher;
        this.given = given;
    }

    public static void main(String[] args) throws Exception {
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

    private int value(String name, int otherwise) {
        return Integer.parseInt(given.getOrDefault(name, Integer.toString(otherwise)));
    }

    private static void say(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }

    private List<MadeUpNode> nodes(int count) {
        int jobs = value("jobs", JOBS);
        MadeUpNode.Scratch scratch = new MadeUpNode.Scratch(7, value("gzip", 1) == 1);
        return IntStream.range(0, count).mapToObj(node -> new MadeUpNode(scratch, "node" + node,
                (100_000_000L + 1000L * node) / 1000 + "0", jobs, node % value("nodes_for_gpus", 10) == 0 ? GPUS : 0))
                .toList();
    }

    /** Sends requests as fast as they are answered. */
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

    /** Each node, so that the server knows all their jobs; and again for so long, so that its code is compiled. */
    private static void introduce(ServerUnderTest server, List<MadeUpNode> nodes, int seconds) throws IOException {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        // What it made of a job itself it asks for once more.
        for (int turn = 0; turn < 2 || System.nanoTime() < end; turn++) {
            feed(server.port(), FEEDING, () -> nodes.stream().map(node -> node.batch(Instant.now())).iterator());
        }
    }

    /** Agents that each send a batch every 15 s, evenly spread. */
    private static final class Load implements AutoCloseable {
        private final List<MadeUpNode> nodes;
        private final Connections lines;
        private final Times answers = new Times();
        private final Times late = new Times();
        private final long begun = System.nanoTime();
        private long sent;

        Load(int port, List<MadeUpNode> nodes, int connections) throws IOException {
            this.nodes = nodes;
            lines = new Connections(port, connections, (_, due, wrote) -> {
                answers.add(System.nanoTime() - wrote);
                late.add(wrote - due);
            });
        }

        private long due() {
            return begun + (long) ((double) sent / nodes.size() * MadeUpNode.INTERVAL_SECONDS * 1e9);
        }

        void runUntil(long end) throws IOException {
            while (System.nanoTime() < end) {
                while (due() <= System.nanoTime() && System.nanoTime() < end) {
                    int node = (int) (sent % nodes.size());
                    late.add(System.nanoTime() - due());
                    lines.send(node % lines.count(), nodes.get(node).batch(Instant.now()));
                    sent++;
                }
                lines.pollOnce(Math.min(100, (Math.min(due(), end) - System.nanoTime()) / 1_000_000));
            }
        }

        void runFor(int seconds) throws IOException {
            runUntil(System.nanoTime() + seconds * 1_000_000_000L);
        }

        void forget() {
            answers.clear();
            late.clear();
        }

        @Override
        public void close() throws IOException {
            lines.close();
        }
    }

    private void rate(int count) throws Exception {
        int seconds = value("seconds", 60);
        List<MadeUpNode> nodes = nodes(count);
        int connections = value("connections", count);
        try (ServerUnderTest server = ServerUnderTest.start(launcher)) {
            introduce(server, nodes, value("warm", 20));
            try (Load load = new Load(server.port(), nodes, connections)) {
                load.runFor(2 * MadeUpNode.INTERVAL_SECONDS);
                load.forget();
                long stored = storedRows(server);
                CpuSeconds before = server.cpu();
                load.runFor(seconds);
                CpuSeconds cpu = server.cpu().since(before);
                int waiting = load.lines.waiting();
                double rows = storedRows(server) - stored;
                say("%n| nodes, connections | for | rows/s | p50 / p99 / longest answer | late in being sent | waiting at the"
                        + " end | lost, refused | CPU ms per 1,000 rows: server, PostgreSQL, load | server RSS |");
                say("|---|---|---|---|---|---|---|---|---|");
                say("| %d, %d | %d s | %.0f | %s | %s | %d | %d, %d | %.1f, %.1f, %.1f | %d MiB |", count, connections,
                        seconds, rows / seconds, load.answers, load.late, waiting, load.lines.lost(),
                        load.lines.refused(), cpu.server() * 1e6 / rows, cpu.postgres() * 1e6 / rows,
                        cpu.load() * 1e6 / rows, server.memoryMiB("VmRSS"));
                if (connections < count) {
                    say("Not a connection for each node: %d of them share %d.", count, connections);
                }
                load.lines.drain(30);
            }
        }
    }

    /** From the sums, which a scrape or a count would be too dear for. */
    private static long storedRows(ServerUnderTest server) throws SQLException {
        return server.number("select (select coalesce(sum(sample_count), 0) from job_figures)"
                + " + (select coalesce(sum(sample_count), 0) from job_gpu_figures)");
    }

    private void flood() throws Exception {
        int batches = value("batches", 20_000);
        int turns = value("turns", 4);
        int connections = value("connections", 64);
        List<MadeUpNode> nodes = nodes(1_000);
        List<Double> served = new ArrayList<>();
        List<Double> bare = new ArrayList<>();
        List<Double> bareAsServed = new ArrayList<>();
        CpuSeconds cpu = new CpuSeconds(0, 0, 0);
        double rowsOfCommit = 0;
        try (ServerUnderTest server = ServerUnderTest.start(launcher); BareCopy copy = new BareCopy(server)) {
            introduce(server, nodes, 0);
            for (int turn = -2; turn < turns; turn++) { // two to warm up
                List<byte[]> requests = new ArrayList<>();
                List<BareCopy.Row> rows = new ArrayList<>();
                for (int i = 0; i < batches; i++) {
                    MadeUpNode node = nodes.get(i % nodes.size());
                    Instant at = Instant.now();
                    requests.add(node.batch(at));
                    int number = i % nodes.size();
                    node.rows((job, gpu, figures) -> rows.add(new BareCopy.Row(3L * number + job, node.name(),
                            gpu < 0 ? "" : "GPU-" + node.name() + "-" + gpu, at, figures)));
                }
                double commits = commits(server);
                CpuSeconds before = server.cpu();
                long begun = System.nanoTime();
                feed(server.port(), connections, requests);
                double seconds = (System.nanoTime() - begun) / 1e9;
                CpuSeconds took = server.cpu().since(before);
                int each = (int) Math.max(1, Math.round(rows.size() / (commits(server) - commits)));
                double bareSeconds = copy.copy(rows, 5_000) / 1e9;
                double asServedSeconds = copy.copy(rows, each) / 1e9;
                if (turn >= 0) {
                    served.add(rows.size() / seconds);
                    bare.add(rows.size() / bareSeconds);
                    bareAsServed.add(rows.size() / asServedSeconds);
                    rowsOfCommit += (double) each / turns;
                    double per = 1e6 / rows.size() / turns;
                    cpu = new CpuSeconds(cpu.server() + took.server() * per, cpu.postgres() + took.postgres() * per,
                            cpu.load() + took.load() * per);
                }
            }
        }
        say("%n%d connections, batches of %d jobs, %d batches a turn.%n", connections, value("jobs", JOBS), batches);
        say("| | rows/s | turns | rows a commit | of COPY |");
        say("|---|---|---|---|---|");
        say("| HTTP to commit | %.0f | %s | %.0f | |", mean(served), rounded(served), rowsOfCommit);
        say("| bare COPY | %.0f | %s | 5000 | %.3f |", mean(bare), rounded(bare), mean(served) / mean(bare));
        say("| bare COPY, commits as large as the server's | %.0f | %s | %.0f | %.3f |", mean(bareAsServed),
                rounded(bareAsServed), rowsOfCommit, mean(served) / mean(bareAsServed));
        say("%nCPU ms per 1,000 rows: server %.1f, PostgreSQL %.1f, load %.1f.", cpu.server(), cpu.postgres(),
                cpu.load());
    }

    private static double commits(ServerUnderTest server) throws IOException, InterruptedException {
        return server.metric("storage_operation_duration_seconds_count{operation=\"batches\",success=\"true\"}");
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(value -> value).average().orElseThrow();
    }

    private static String rounded(List<Double> values) {
        return String.join(", ", values.stream().map(value -> String.format(Locale.ROOT, "%.0f", value)).toList());
    }

    private void chart() throws Exception {
        int points = value("points", 50_000);
        int requests = value("requests", 200);
        int steps = 500;
        MadeUpNode.Scratch scratch = new MadeUpNode.Scratch(7, true);
        MadeUpNode node = new MadeUpNode(scratch, "chart", "1", 1, 0);
        MadeUpNode others = new MadeUpNode(scratch, "others", "2", 10, 0);
        Duration length = Duration.ofSeconds((long) MadeUpNode.INTERVAL_SECONDS * points);
        Duration ofOthers = Duration.ofDays(2); // enough rows that the server does not wait for the full hour
        try (ServerUnderTest server = ServerUnderTest.start(launcher, "--metrics-retention-days",
                Long.toString(length.plus(ofOthers).toDays() + 1))) {
            Instant last = Instant.now().truncatedTo(ChronoUnit.HOURS).minus(Duration.ofHours(3));
            Instant first = last.minus(length);
            List<byte[]> history = new ArrayList<>();
            for (int step = 0; step < points; step += steps) {
                history.add(node.batchOfSteps(first.plusSeconds((long) MadeUpNode.INTERVAL_SECONDS * step), steps));
            }
            for (int step = 0; step < 10_000; step += 50) {
                history.add(others.batchOfSteps(last.minus(ofOthers)
                        .plusSeconds((long) MadeUpNode.INTERVAL_SECONDS * step), 50));
            }
            feed(server.port(), FEEDING, history);
            server.awaitSealed();
            long chunks = server.number("select count(*) from chunk join job using (job_key) where job_id = '10'");
            say("%n%d points in %d chunks, %d requests after %d to warm up.%n", points, chunks, requests, requests);
            say("| | p50 / p99 / longest | bytes |");
            say("|---|---|---|");
            for (String query : List.of("metric=cpu_usage_percent&points=1000",
                    "metric=cpu_usage_percent&metric=memory_usage_bytes&metric=cpus_used&points=1000")) {
                Times times = new Times();
                String target = "/v1/jobs/10/series?" + query;
                int bytes = 0;
                for (int i = 0; i < 2 * requests; i++) {
                    long begun = System.nanoTime();
                    HttpResponse<byte[]> answer = server.answer(target);
                    if (i >= requests) {
                        times.add(System.nanoTime() - begun);
                    }
                    if (answer.statusCode() != 200) {
                        throw new IOException(target + ": " + answer.statusCode() + " "
                                + new String(answer.body(), StandardCharsets.UTF_8));
                    }
                    bytes = answer.body().length;
                }
                say("| `%s` | %s | %d |", query, times, bytes);
            }
        }
    }

    private void disk() throws Exception {
        int jobs = value("jobs", 20);
        int stepsOfDay = 24 * 3600 / MadeUpNode.INTERVAL_SECONDS;
        MadeUpNode.Scratch scratch = new MadeUpNode.Scratch(7, true);
        MadeUpNode plain = new MadeUpNode(scratch, "plain", "1", jobs, 0);
        MadeUpNode withGpus = new MadeUpNode(scratch, "gpus", "2", 1, Math.max(1, jobs / 2));
        try (ServerUnderTest server = ServerUnderTest.start(launcher)) {
            Instant day = Instant.now().truncatedTo(ChronoUnit.DAYS).minus(Duration.ofDays(3));
            Instant next = day.plus(Duration.ofDays(1));
            int steps = 20;
            feed(server.port(), FEEDING, () -> IntStream.range(0, stepsOfDay / steps).mapToObj(i -> plain.batchOfSteps(
                    day.plusSeconds((long) MadeUpNode.INTERVAL_SECONDS * steps * i), steps)).iterator());
            feed(server.port(), FEEDING, () -> IntStream.range(0, stepsOfDay).mapToObj(i -> withGpus.batch(
                    next.plusSeconds((long) MadeUpNode.INTERVAL_SECONDS * i))).iterator());
            server.awaitSealed();
            double jobBytes = bytesOf(server, day) / (double) rowsOf(server, day, "gpu = ''");
            long rowsBeside = rowsOf(server, next, "gpu = ''");
            long gpuRows = rowsOf(server, next, "gpu <> ''");
            double gpuBytes = (bytesOf(server, next) - rowsBeside * jobBytes) / gpuRows;
            say("%n| | rows | bytes/row on disk, index and head included | bytes/row in chunks |");
            say("|---|---|---|---|");
            say("| 25 figures of a job | %d | %.1f | %.1f |", rowsOf(server, day, "gpu = ''"), jobBytes,
                    packed(server, day, "gpu = ''"));
            say("| 8 figures of a GPU (less what the %d rows of jobs beside them take) | %d | %.1f | %.1f |",
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
        List<MadeUpNode> nodes = nodes(count);
        try (ServerUnderTest server = ServerUnderTest.start(launcher)) {
            introduce(server, nodes, 0);
            try (Load load = new Load(server.port(), nodes, value("connections", count))) {
                load.runFor(2 * MadeUpNode.INTERVAL_SECONDS);
                server.kill();
                long killed = System.nanoTime();
                load.runFor(1); // the agents see that it has gone
                load.forget();
                long launched = System.nanoTime();
                server.launchAgain();
                long ready = 0;
                long first = 0;
                while (ready == 0 || first == 0) {
                    load.runUntil(System.nanoTime() + 5_000_000);
                    first = first == 0 && load.answers.size() > 0 ? System.nanoTime() : first;
                    ready = ready == 0 && server.isReady() ? System.nanoTime() : ready;
                }
                int waiting = load.lines.waiting();
                while (load.lines.waiting() > count / 500 && System.nanoTime() - ready < 120_000_000_000L) {
                    load.runUntil(System.nanoTime() + 20_000_000);
                }
                say("%n| nodes | from start to ready | to the first batch answered | batches waiting then | all caught up"
                        + " | server away |");
                say("|---|---|---|---|---|---|");
                say("| %d | %.1f s | %.1f s | %d | %.1f s | %.1f s |", count, (ready - launched) / 1e9,
                        (first - launched) / 1e9, waiting, (System.nanoTime() - launched) / 1e9,
                        (first - killed) / 1e9);
            }
        }
    }
}
