package org.jobwitness.server.batch;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.GroupCommit;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.job.KnownClusters;
import org.jobwitness.server.json.Accepted;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Leniency;
import org.jobwitness.server.json.Printable;
import org.jobwitness.server.node.NodeLimit;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jspecify.annotations.Nullable;

/** POST /v1/batches. */
public final class BatchesEndpoint {
    private static final Pattern WAITING = Pattern
            .compile("batches=([0-9]{1,9}), events=([0-9]{1,9}), seconds=([0-9]{1,9})");

    private static final Leniency<JobReading> JOB = new Leniency<>(JobReading.class, Set.of("job_id"),
            Set.of("sluid", "start_time", "since", "timestamp", "interval_ms"), Map.of());
    private static final Leniency<GpuReading> GPU = new Leniency<>(GpuReading.class, Set.of("gpu"),
            Set.of("job_id", "shared_by", "claimed_by"), Map.of());
    private static final Leniency<Batch> BATCH = new Leniency<>(Batch.class,
            Set.of("version", "node", "boot_id", "sequence", "timestamp"), Set.of("cluster"),
            Map.of("jobs", JOB, "gpus", GPU));

    private final Batches batches;
    private final KnownClusters clusters;
    private final NodeLimit nodes;
    private final Requests requests;
    private final Json json;

    public BatchesEndpoint(Batches batches, KnownClusters clusters, NodeLimit nodes, Requests requests, Json json) {
        this.batches = batches;
        this.clusters = clusters;
        this.nodes = nodes;
        this.requests = requests;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/batches", this::take, Role.AGENT);
    }

    private void take(Context ctx) {
        Requests.onlyParameters(ctx, Set.of());
        Accepted<Batch> batch = requests.packedBody(ctx, BATCH);
        clusters.check(batch.value().cluster());
        try {
            ctx.result(json.text(batches.take(Caller.of(ctx), batch, date(ctx), queue(ctx), nodes)));
        } catch (GroupCommit.QueueFull e) {
            throw ApiException.tooManyRequests(String.valueOf(e.getMessage()));
        }
    }

    /** When the request was sent, by the sender's clock (RFC 9110, 6.6.1). */
    private static @Nullable Instant date(Context ctx) {
        String date = ctx.header("Date");
        try {
            return date == null ? null : DateTimeFormatter.RFC_1123_DATE_TIME.parse(date, Instant::from);
        } catch (DateTimeException e) {
            throw ApiException.invalidRequest("the header Date must be as RFC 9110 says, such as"
                    + " Sun, 22 Nov 2026 21:34:10 GMT, was " + Printable.shown(date));
        }
    }

    /** What else is in the sender's queue. */
    private static AgentQueueTable.@Nullable QueueReport queue(Context ctx) {
        String header = ctx.header("X-Agent-Waiting");
        if (header == null) {
            return null;
        }
        Matcher waiting = WAITING.matcher(header);
        if (!waiting.matches()) {
            throw ApiException.invalidRequest("the header X-Agent-Waiting must be such as"
                    + " batches=12, events=0, seconds=180, was " + Printable.shown(header));
        }
        return new AgentQueueTable.QueueReport(Integer.parseInt(waiting.group(1)), Integer.parseInt(waiting.group(2)),
                Duration.ofSeconds(Long.parseLong(waiting.group(3))));
    }
}
