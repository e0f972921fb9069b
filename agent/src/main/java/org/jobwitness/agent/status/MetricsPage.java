package org.jobwitness.agent.status;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.sampling.SamplerCounts;
import org.jobwitness.agent.ship.ShipperCounts;
import org.jobwitness.agent.spool.Depth;
import org.jspecify.annotations.Nullable;

/**
 * The agent's own metrics for a Prometheus on the node, on the loopback address only, and only if a port is set. One thread serves
 * one request after another, each within a second.
 */
public final class MetricsPage implements Closeable {
    private static final int TIMEOUT_MS = 1000;
    private static final int MAX_REQUEST_LENGTH = 8192;

    private final int port;
    private final Supplier<SamplerCounts> sampling;
    private final Supplier<ShipperCounts> shipping;
    private final Supplier<Depth> spool;
    private final Supplier<Gpus.Snapshot> gpus;
    private final SelfUse self = new SelfUse();
    private final Log log;
    private @Nullable ServerSocket server;

    /** @param port 0 to serve nothing */
    public MetricsPage(int port, Supplier<SamplerCounts> sampling, Supplier<ShipperCounts> shipping,
            Supplier<Depth> spool,
            Supplier<Gpus.Snapshot> gpus, Log log) {
        this.port = port;
        this.sampling = sampling;
        this.shipping = shipping;
        this.spool = spool;
        this.gpus = gpus;
        this.log = log;
    }

    /** A port in use is logged, and stops nothing else. */
    public void start() {
        if (port == 0) {
            return;
        }
        try {
            ServerSocket listening = new ServerSocket();
            listening.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 8);
            server = listening;
            Thread thread = new Thread(() -> serve(listening), "metrics");
            thread.setDaemon(true);
            thread.start();
        } catch (IOException e) {
            log.warn("metrics_unavailable port=" + port + " cause=\"" + e.getMessage() + "\"");
        }
    }

    private void serve(ServerSocket listening) {
        while (!listening.isClosed()) {
            try (Socket client = listening.accept()) {
                client.setSoTimeout(TIMEOUT_MS);
                respond(client);
            } catch (IOException e) {
                // The client disconnected, or this is being closed.
            }
        }
    }

    private void respond(Socket client) throws IOException {
        String request = request(client.getInputStream());
        boolean known = request.startsWith("GET /metrics ");
        byte[] body = (known ? text() : "The metrics are at /metrics.\n").getBytes(StandardCharsets.UTF_8);
        String head = "HTTP/1.1 " + (known ? "200 OK" : "404 Not Found")
                + "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " + body.length
                + "\r\nConnection: close\r\n\r\n";
        client.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        client.getOutputStream().write(body);
    }

    /** Read up to the empty line at its end, so that nothing is left unread when the connection is closed. */
    private static String request(InputStream in) throws IOException {
        long until = System.nanoTime() + TIMEOUT_MS * 1_000_000L;
        StringBuilder request = new StringBuilder();
        while (request.indexOf("\r\n\r\n") < 0 && request.length() < MAX_REQUEST_LENGTH && System.nanoTime() < until) {
            int c = in.read();
            if (c < 0) {
                break;
            }
            request.append((char) c);
        }
        return request.toString();
    }

    String text() {
        Page page = new Page();
        addSampling(page, sampling.get());
        addGpus(page, gpus.get());
        addSpool(page, spool.get());
        addShipping(page, shipping.get());
        OptionalLong cpu = self.cpuMillis();
        if (cpu.isPresent()) {
            page.counter("cpu_seconds_total", "CPU time of the agent, user and system.", cpu.getAsLong() / 1e3);
        }
        OptionalLong resident = self.residentBytes();
        if (resident.isPresent()) {
            page.gauge("resident_memory_bytes", "Memory of the agent.", resident.getAsLong());
        }
        return page.text.toString();
    }

    private static void addSampling(Page page, SamplerCounts counts) {
        page.gauge("jobs", "Jobs whose cgroups are on this node.", counts.jobs());
        page.gauge("unknown_jobs", "Jobs whose job id neither the prolog nor /proc shows.", counts.unknownJobs());
        page.counter("cycles_total", "Readings of all jobs.", counts.cycles());
        page.gauge("last_cycle_seconds", "Duration of the last reading of all jobs.", counts.lastCycleNanos() / 1e9);
        page.counter("oom_kills_total", "OOM kills with a known time.", counts.kills());
        page.counter("sampling_failures_total",
                "Readings of a job, a GPU or an event that failed; the log has the first.",
                counts.failures());
        page.counter("figures_left_out_total",
                "Figures that were read, and are no number or out of range; the log has the first.",
                counts.figuresLeftOut());
    }

    /** Nothing on a node without a driver of GPUs. */
    private static void addGpus(Page page, Gpus.Snapshot now) {
        if (now.sources().isEmpty()) {
            return;
        }
        page.head("gpus", "GPUs and partitions in the last reading of the source.", "gauge");
        for (Gpus.SourceState source : now.sources()) {
            int count = switch (source) {
                case Gpus.Available available -> available.gpus().size();
                case Gpus.Unavailable unavailable -> unavailable.gpus().size();
            };
            page.ofSource("gpus", source, count);
        }
        page.head("gpu_source_silent", "Whether the source has no current reading; the journal has the cause.",
                "gauge");
        now.sources().forEach(source -> page.ofSource("gpu_source_silent", source,
                source instanceof Gpus.Unavailable ? 1 : 0));
        List<Gpus.Available> readings = now.sources().stream().filter(Gpus.Available.class::isInstance)
                .map(Gpus.Available.class::cast).toList();
        if (!readings.isEmpty()) {
            page.head("gpu_read_timestamp_seconds", "Time of the last reading.", "gauge");
            readings.forEach(one -> page.ofSource("gpu_read_timestamp_seconds", one, one.at().toEpochMilli() / 1e3));
            page.head("gpu_read_seconds", "Duration of the last reading, in a thread of its own.", "gauge");
            readings.forEach(one -> page.ofSource("gpu_read_seconds", one, one.took().toNanos() / 1e9));
        }
    }

    private static void addSpool(Page page, Depth depth) {
        page.gauge("spool_batches", "Batches waiting to be sent.", depth.batches());
        page.gauge("spool_bytes", "Size of the batches waiting to be sent.", depth.bytes());
        page.gauge("spool_in_memory_batches", "Waiting batches that could not be written to disk.", depth.inMemory());
        Instant oldest = depth.oldest();
        if (oldest != null) {
            page.gauge("spool_oldest_timestamp_seconds", "Time of the oldest waiting batch.",
                    oldest.toEpochMilli() / 1e3);
        }
        page.counter("spool_dropped_too_old_total", "Batches dropped because of their age.", depth.tooOld());
        page.counter("spool_dropped_too_much_total", "Batches dropped for lack of space.", depth.tooMuch());
        page.counter("spool_damaged_total", "Damaged sections of the spool that were skipped.", depth.damaged());
        page.counter("spool_disk_failures_total", "Failed writes, reads and deletions.", depth.diskFailures());
    }

    private static void addShipping(Page page, ShipperCounts counts) {
        page.counter("batches_sent_total", "Batches that the service accepted.", counts.batchesSent());
        page.counter("batches_refused_total", "Batches that the service refused for good.", counts.batchesRefused());
        page.counter("readings_refused_total", "Readings of jobs that the service refused for good.",
                counts.readingsRefused());
        page.counter("events_sent_total", "Events of prolog and epilog that their scripts could not send.",
                counts.eventsSent());
        page.counter("events_refused_total", "Events that the service refused for good.", counts.eventsRefused());
        page.gauge("events_untrusted",
                "Events that are left in the scripts' spool because other users may have written them.",
                counts.eventsUntrusted());
        page.counter("send_failures_total", "Failed requests, which are retried.", counts.failures());
        Instant success = counts.lastSuccess();
        if (success != null) {
            page.gauge("last_success_timestamp_seconds", "Time of the last request that the service accepted.",
                    success.toEpochMilli() / 1e3);
        }
    }

    /** In Prometheus' text format. */
    private static final class Page {
        private static final String PREFIX = "jobwitness_agent_";

        private final StringBuilder text = new StringBuilder();

        void gauge(String name, String help, Number value) {
            family(name, help, "gauge", value);
        }

        void counter(String name, String help, Number value) {
            family(name, help, "counter", value);
        }

        private void family(String name, String help, String type, Number value) {
            head(name, help, type);
            text.append(PREFIX).append(name).append(' ').append(value).append('\n');
        }

        void head(String name, String help, String type) {
            text.append("# HELP ").append(PREFIX).append(name).append(' ').append(help).append("\n# TYPE ")
                    .append(PREFIX).append(name).append(' ').append(type).append('\n');
        }

        void ofSource(String name, Gpus.SourceState source, Number value) {
            text.append(PREFIX).append(name).append("{source=\"").append(source.source()).append("\"} ").append(value)
                    .append('\n');
        }
    }

    @Override
    public void close() {
        ServerSocket listening = server;
        if (listening != null) {
            try {
                listening.close();
            } catch (IOException e) {
                // The process is about to exit.
            }
        }
    }
}
