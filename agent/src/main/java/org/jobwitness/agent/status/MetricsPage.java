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
import org.jobwitness.agent.sampling.Sampler;
import org.jobwitness.agent.ship.ShipperCounts;
import org.jobwitness.agent.spool.Depth;
import org.jspecify.annotations.Nullable;

/**
 * The agent's own metrics for a Prometheus on the node, on the loopback address only, and only if a port was set. One thread
 * serves one request after the other; each has a second.
 */
public final class MetricsPage implements Closeable {
    private static final int PATIENCE_MS = 1000;
    private static final int LONGEST_REQUEST = 8192;

    private final int port;
    private final Supplier<Sampler.Counts> sampling;
    private final Supplier<ShipperCounts> shipping;
    private final Supplier<Depth> spool;
    private final Supplier<Gpus.Snapshot> gpus;
    private final SelfUse self = new SelfUse();
    private final Log log;
    private @Nullable ServerSocket server;

    /** @param port 0 if nobody is to listen */
    public MetricsPage(int port, Supplier<Sampler.Counts> sampling, Supplier<ShipperCounts> shipping, Supplier<Depth> spool,
            Supplier<Gpus.Snapshot> gpus, Log log) {
        this.port = port;
        this.sampling = sampling;
        this.shipping = shipping;
        this.spool = spool;
        this.gpus = gpus;
        this.log = log;
    }

    /** A port that is taken is logged; the agent has more important things to do. */
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
            log.warn("metrics_not_served port=" + port + " cause=\"" + e.getMessage() + "\"");
        }
    }

    private void serve(ServerSocket listening) {
        while (!listening.isClosed()) {
            try (Socket client = listening.accept()) {
                client.setSoTimeout(PATIENCE_MS);
                answer(client);
            } catch (IOException e) {
                // The client has gone, or this is being closed.
            }
        }
    }

    private void answer(Socket client) throws IOException {
        String request = request(client.getInputStream());
        boolean known = request.startsWith("GET /metrics ");
        byte[] body = (known ? text() : "The metrics are at /metrics.\n").getBytes(StandardCharsets.UTF_8);
        String head = "HTTP/1.1 " + (known ? "200 OK" : "404 Not Found")
                + "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " + body.length
                + "\r\nConnection: close\r\n\r\n";
        client.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        client.getOutputStream().write(body);
    }

    /** Up to the empty line at its end, so that nothing is left unread when the connection is closed. */
    private static String request(InputStream in) throws IOException {
        long until = System.nanoTime() + PATIENCE_MS * 1_000_000L;
        StringBuilder request = new StringBuilder();
        while (request.indexOf("\r\n\r\n") < 0 && request.length() < LONGEST_REQUEST && System.nanoTime() < until) {
            int c = in.read();
            if (c < 0) {
                break;
            }
            request.append((char) c);
        }
        return request.toString();
    }

    String text() {
        Sampler.Counts sampled = sampling.get();
        ShipperCounts shipped = shipping.get();
        Depth depth = spool.get();
        Page page = new Page();
        page.gauge("jobs", "Jobs whose cgroups are on this node.", sampled.jobs());
        page.gauge("unknown_jobs", "Those of them whose job id neither prolog nor /proc told.", sampled.unknownJobs());
        page.counter("cycles_total", "Readings of all jobs.", sampled.cycles());
        page.gauge("last_cycle_seconds", "How long the last of them took.", sampled.lastCycleNanos() / 1e9);
        page.counter("oom_kills_total", "OOM kills whose moment was seen.", sampled.kills());
        gpus(page, gpus.get());
        page.gauge("spool_batches", "Batches that wait to be sent.", depth.batches());
        page.gauge("spool_bytes", "Room that they take.", depth.bytes());
        page.gauge("spool_in_memory_batches", "Those of them that are not on disk, because it could not be written.",
                depth.inMemory());
        Instant oldest = depth.oldest();
        if (oldest != null) {
            page.gauge("spool_oldest_timestamp_seconds", "When the oldest of them was read.",
                    oldest.toEpochMilli() / 1e3);
        }
        page.counter("spool_dropped_too_old_total", "Batches that were never sent, because of their age.",
                depth.tooOld());
        page.counter("spool_dropped_too_much_total", "Batches that were never sent, for lack of room.",
                depth.tooMuch());
        page.counter("spool_damaged_total", "Stretches of the spool that were not what had been written.",
                depth.damaged());
        page.counter("spool_disk_failures_total", "Writing, reading or deleting that failed.", depth.diskFailures());
        page.counter("batches_sent_total", "Batches that the service took.", shipped.batchesSent());
        page.counter("batches_refused_total", "Batches that it never would.", shipped.batchesRefused());
        page.counter("readings_refused_total", "Readings of jobs that it left out.", shipped.readingsRefused());
        page.counter("events_sent_total", "Events of prolog and epilog that their scripts could not send.",
                shipped.eventsSent());
        page.counter("events_refused_total", "Events that the service would never take.", shipped.eventsRefused());
        page.counter("send_failures_total", "Requests that have to be made again.", shipped.failures());
        Instant success = shipped.lastSuccess();
        if (success != null) {
            page.gauge("last_success_timestamp_seconds", "When the service last took something.",
                    success.toEpochMilli() / 1e3);
        }
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

    /** Nothing on a node that has no driver of GPUs. */
    private static void gpus(Page page, Gpus.Snapshot now) {
        if (now.answers().isEmpty()) {
            return;
        }
        page.head("gpus", "GPUs that the source told of last, and the parts of them.", "gauge");
        for (Gpus.Answer answer : now.answers()) {
            int count = switch (answer) {
                case Gpus.Told told -> told.gpus().size();
                case Gpus.Silent silent -> silent.gpus().size();
            };
            page.ofSource("gpus", answer, count);
        }
        page.head("gpu_source_silent", "Whether nothing is known of them now: the journal has the cause.", "gauge");
        now.answers().forEach(
                answer -> page.ofSource("gpu_source_silent", answer, answer instanceof Gpus.Silent ? 1 : 0));
        List<Gpus.Told> told = now.answers().stream().filter(Gpus.Told.class::isInstance).map(Gpus.Told.class::cast)
                .toList();
        if (!told.isEmpty()) {
            page.head("gpu_read_timestamp_seconds", "When they were read last.", "gauge");
            told.forEach(one -> page.ofSource("gpu_read_timestamp_seconds", one, one.at().toEpochMilli() / 1e3));
            page.head("gpu_read_seconds", "How long that took, in a thread of its own.", "gauge");
            told.forEach(one -> page.ofSource("gpu_read_seconds", one, one.took().toNanos() / 1e9));
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

        void ofSource(String name, Gpus.Answer answer, Number value) {
            text.append(PREFIX).append(name).append("{source=\"").append(answer.source()).append("\"} ").append(value)
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
                // The process is about to end.
            }
        }
    }
}
