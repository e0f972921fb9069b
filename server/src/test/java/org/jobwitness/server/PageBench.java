package org.jobwitness.server;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.server.testing.Browser;
import org.jobwitness.server.testing.TestServer;

/**
 * What pages cost: of a job of 64 nodes with 4 GPUs each and an hour of samples, and of a cluster of 10,000 nodes. Server,
 * PostgreSQL and Chromium share the machine. Run by {@code make bench-pages}; bench/results.md has what came out.
 */
final class PageBench {
    private static final int NODES = 64;
    private static final int SAMPLES = 240;
    private static final int WARM_UP = 50;
    private static final int ROUNDS = 200;
    private static final int LOADS = 20;
    private static final String JOB = "/jobs/790001";
    /** The product's own chart, of a response with 50,000 points, until the frame after it is drawn. */
    private static final String DRAW = """
            new Promise(done => {
              const figure = document.querySelector('#chart-memory');
              const count = 50000;
              const from = Date.parse(figure.dataset.from);
              const times = [...Array(count).keys()].map(i => new Date(from + 1000 * i).toISOString());
              const mean = times.map((_, i) => 1e9 + 5e8 * Math.sin(i / 300) + i % 97 * 1e6);
              const page = {from: times[0], to: times.at(-1), step_ms: 1000, absent: [],
                series: [{metric: 'memory_usage_bytes', unit: 'bytes', node: 'p01', times, min: mean, mean, max: mean}]};
              let began = 0;
              const original = window.fetch;
              window.fetch = async address => String(address).includes('metric=memory_usage_bytes')
                  ? {ok: true, json: () => { began = performance.now(); return page; }}
                  : original(address);
              new MutationObserver(() => {
                if (figure.dataset.points === String(count)) {
                  window.fetch = original;
                  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
                }
              }).observe(figure, {attributes: true});
              dispatchEvent(new PopStateEvent('popstate'));
            })""";

    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final TestServer server;
    private final Browser browser;

    private PageBench(TestServer server, Browser browser) {
        this.server = server;
        this.browser = browser;
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        try (TestServer server = TestServer.start(); Browser browser = Browser.start()) {
            PageBench bench = new PageBench(server, browser);
            System.out.println("load before: " + Files.readString(Path.of("/proc/loadavg")).strip());
            bench.fill();
            bench.measure("job of 64 nodes", JOB);
            PageStates.manyNodes(server, 10_000);
            bench.measure("cluster of 10,000 nodes", "/cluster");
            System.out.println("50,000 points drawn: " + times(LOADS, bench::draw) + " ms");
            System.out.println("load after: " + Files.readString(Path.of("/proc/loadavg")).strip());
        }
    }

    private void fill() {
        Instant start = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(15L * (SAMPLES + 2));
        post("/v1/events/job-started",
                """
                {"job_id": "790001", "user": "grace", "node_list": [%1$s], "start_time": "%2$s", "timestamp": "%2$s",
                 "cpus_per_node": "64(x64)", "gpu_allocation": 256, "gpu_vendor": "nvidia"}""".formatted(
                        IntStream.rangeClosed(1, NODES).mapToObj("\"p%02d\""::formatted)
                                .collect(Collectors.joining(",")),
                        start));
        // A virtual thread for each node: the server commits what comes at once in one transaction.
        try (ExecutorService nodes = Executors.newVirtualThreadPerTaskExecutor()) {
            IntStream.rangeClosed(1, NODES).forEach(node -> nodes.submit(() -> IntStream.rangeClosed(1, SAMPLES)
                    .forEach(sample -> post("/v1/batches", batch(node, sample, start)))));
        }
    }

    private static String batch(int node, int sample, Instant start) {
        String gpus = IntStream.range(0, 4).mapToObj(gpu -> """
                {"gpu": "GPU-%1$d-%2$d", "vendor": "nvidia", "job_id": "790001", "processes": 1, "utilization_percent": %3$d,
                 "memory_used_bytes": 40000000000, "memory_total_bytes": 85899345920, "power_watts": 400,
                 "device": {"minor": %2$d, "model": "NVIDIA H100 80GB HBM3"}}""".formatted(node, gpu,
                (60 + sample * 7 + node) % 101)).collect(Collectors.joining(","));
        return """
                {"version": 1, "node": "p%1$02d", "boot_id": "b", "sequence": %2$d, "timestamp": "%3$s", "interval_ms": 15000,
                 "jobs": [{"job_id": "790001", "start_time": "%4$s", "cpus_used": 50, "cpus": 64, "cpu_usage_usec": %5$d,
                 "memory_usage_bytes": %6$d, "memory_anon_bytes": %6$d, "memory_limit_bytes": 274877906944,
                 "cpu_pressure_usec": %5$d, "memory_pressure_usec": 0, "io_pressure_usec": %2$d, "io_read_bytes": %5$d,
                 "io_write_bytes": %2$d, "oom_kills": 0}], "gpus": [%7$s]}""".formatted(node, sample,
                start.plusSeconds(15L * sample), start, sample * 750_000_000L,
                100_000_000_000L + sample % 50 * 1_000_000_000L, gpus);
    }

    /** Past {@code TestServer}, which holds each answer against the API document. */
    private byte[] send(HttpRequest.Builder request) {
        try {
            HttpResponse<byte[]> response = client.send(request.build(), BodyHandlers.ofByteArray());
            if (response.statusCode() != 200) {
                throw new IllegalStateException(response + " " + new String(response.body(), StandardCharsets.UTF_8));
            }
            return response.body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private void post(String path, String body) {
        send(request(path).header("Content-Type", "application/json").POST(BodyPublishers.ofString(body)));
    }

    private byte[] packed(String path) {
        return send(request(path).header("Accept-Encoding", "gzip"));
    }

    private void measure(String what, String path) {
        byte[] plain = send(request(path));
        byte[] packed = packed(path);
        times(WARM_UP, () -> get(path));
        long cpu = cpuNanos();
        String server = times(ROUNDS, () -> get(path));
        System.out.printf("%s: %d bytes, %d compressed; server %s ms, %.1f ms of CPU; first paint %s ms%n", what,
                plain.length, packed.length, server, (cpuNanos() - cpu) / 1e6 / ROUNDS,
                times(LOADS, () -> firstPaint(path)));
    }

    /** Of server and client, which are one process; without PostgreSQL. */
    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private long get(String path) {
        long began = System.nanoTime();
        packed(path);
        return (System.nanoTime() - began) / 1_000_000;
    }

    private long firstPaint(String path) {
        browser.open("http://127.0.0.1:" + server.port() + path);
        browser.await("it is painted", "performance.getEntriesByName('first-contentful-paint').length > 0");
        return browser.run("Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime)").asLong();
    }

    private long draw() {
        browser.open("http://127.0.0.1:" + server.port() + JOB + "?node=p01");
        browser.run("document.querySelector('#chart-memory').scrollIntoView()");
        browser.await("the chart is drawn", "!!document.querySelector('#chart-memory').dataset.points");
        return browser.run(DRAW).asLong();
    }

    /** Median, 99th percentile and longest. */
    private static String times(int rounds, LongSupplier one) {
        long[] all = new long[rounds];
        for (int i = 0; i < rounds; i++) {
            all[i] = one.getAsLong();
        }
        Arrays.sort(all);
        return all[rounds / 2] + " / " + all[Math.min(rounds - 1, rounds * 99 / 100)] + " / " + all[rounds - 1];
    }
}
