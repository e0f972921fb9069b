package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.sample.Sealing;
import tools.jackson.databind.JsonNode;

/** Tells a server what agents would, and has it packed. */
public final class Feed implements AutoCloseable {
    private int sealed;
    private final TestServer server;
    private final TestServer.Client agent;
    private final HttpClient client = HttpClient.newHttpClient();
    private final String bootId = UUID.randomUUID().toString();
    private long sequence;

    public Feed(TestServer server) {
        this.server = server;
        this.agent = server.as(Role.AGENT);
    }

    /** A run that began then, of nodes as {@code n[1-2]}. */
    public void started(String jobId, String nodes, Instant start) {
        Exchange told = agent.post("/v1/events/job-started", """
                {"job_id": "%s", "user": "alice", "node_list": ["%s"], "start_time": "%s"}"""
                .formatted(jobId, nodes, start));
        assertThat(told.status()).as("%s", told).isEqualTo(200);
    }

    /**
     * One reading of one job.
     *
     * @param job fields of {@code JobReading}, as JSON without braces
     * @param gpus of {@code GpuReading}s, as JSON
     */
    public void told(String node, Instant at, int intervalMs, String jobId, String job, String gpus) {
        JsonNode told = batch("""
                {"version": 1, "node": "%s", "boot_id": "%s", "sequence": %d, "timestamp": "%s", "interval_ms": %d,
                 "jobs": [{"job_id": "%s"%s}], "gpus": [%s]}""".formatted(node, bootId, sequence++, at, intervalMs,
                jobId, job.isEmpty() ? "" : ", " + job, gpus));
        assertThat(told.path("status").asString("")).as("%s", told).isEqualTo("stored");
        assertThat(told.path("refused")).as("%s", told).isEmpty();
    }

    /** By hundreds, and so without holding each answer against the API document. */
    private JsonNode batch(String json) {
        HttpRequest request = HttpRequest
                .newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/v1/batches"))
                .header("Authorization", "Bearer " + agent.token().orElseThrow())
                .header("Content-Type", "application/json").POST(BodyPublishers.ofString(json)).build();
        try {
            return Exchange.JSON.readTree(client.send(request, BodyHandlers.ofByteArray()).body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** What the server does once an hour is over; what came in for the hour that goes on stays as it is. */
    public void seal() throws InterruptedException {
        Clock clock = Clock.fixed(Instant.now().truncatedTo(ChronoUnit.HOURS).plus(Duration.ofHours(++sealed))
                .plus(Duration.ofMinutes(3)), ZoneOffset.UTC);
        Duration retention = Duration.ofDays(7);
        try (Database database = TestPostgres.open(server.address(),
                new Partitions(retention, Duration.ofDays(800), Clock.systemUTC()))) {
            Sealing sealing = new Sealing(database, retention, clock, new PrometheusRegistry());
            assertThat(OneTurn.take(database, "sealing-test", sealing::run)).as("sealed").isTrue();
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
