package org.jobwitness.server.manual;

import static org.jobwitness.server.http.Requests.jobId;
import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.hosts.HostList;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.ManualResult;
import org.jobwitness.server.job.TransactionStep;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.server.sample.Figures;
import org.jobwitness.server.sample.Sample;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobPatch;
import org.jobwitness.wire.NewJob;
import org.jobwitness.wire.NewSample;
import org.jobwitness.wire.SamplePage;
import org.jspecify.annotations.Nullable;

/** POST /v1/jobs, PATCH and DELETE /v1/jobs/{id}, POST /v1/jobs/{id}/metrics. */
public final class ManualJobsEndpoint {
    private static final double BYTES_PER_MB = 1 << 20;

    private final JobTable table;
    private final JobDeletion deletion;
    private final JobQueries jobs;
    private final SampleStore samples;
    private final Requests requests;
    private final Json json;
    private final Clock clock;
    private final String defaultCluster;

    /** The default cluster is that of jobs that are created here. */
    public ManualJobsEndpoint(JobTable table, JobDeletion deletion, JobQueries jobs, SampleStore samples,
            Requests requests, Json json,
            Clock clock, String defaultCluster) {
        this.table = table;
        this.deletion = deletion;
        this.jobs = jobs;
        this.samples = samples;
        this.requests = requests;
        this.json = json;
        this.clock = clock;
        this.defaultCluster = defaultCluster;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/jobs", this::create, Role.OPERATOR);
        routes.patch("/v1/jobs/{id}", this::patch, Role.OPERATOR);
        routes.delete("/v1/jobs/{id}", this::delete, Role.OPERATOR);
        routes.post("/v1/jobs/{id}/metrics", this::addSample, Role.AGENT);
    }

    private void create(Context ctx) {
        onlyParameters(ctx, Set.of());
        Caller caller = Caller.of(ctx).requireClaim();
        NewJob job = requests.body(ctx, NewJob.class);
        Evidence.Created evidence = new Evidence.Created(Identity.ofJob(defaultCluster, job.id()), now(),
                attributes(job));
        long run = done(job.id(), table.applyManual(caller, evidence, TransactionStep.NONE));
        ctx.status(201).header("Location", "/v1/jobs/" + job.id()).result(json.text(found(caller, job.id(), run)));
    }

    private JobAttributes attributes(NewJob job) {
        Map<String, @Nullable Object> fields = job.scheduler() == null
                ? new LinkedHashMap<>()
                : new LinkedHashMap<>(json.fields(job.scheduler()));
        fields.putIfAbsent("type", "mock");
        String partition = (String) fields.remove("partition");
        String account = (String) fields.remove("account");
        return JobAttributes.of(job.user(), null, nodes(job)).withPartition(partition, account).withScheduler(fields);
    }

    private static List<String> nodes(NewJob job) {
        try {
            return HostList.expand("nodes", job.nodes());
        } catch (InvalidFieldException e) {
            throw ApiException.invalidField(e.field(), String.valueOf(e.getMessage()));
        }
    }

    private void patch(Context ctx) {
        Job job = job(ctx);
        JobPatch patch = requests.body(ctx, JobPatch.class);
        Caller caller = Caller.of(ctx);
        Evidence.Patched evidence = new Evidence.Patched(Identity.ofJob(job.cluster(), job.id()), now(), patch.state());
        boolean hasFigures = patch.cpuUsage() != null || patch.memoryUsageMb() != null || patch.gpuUsage() != null;
        AtomicReference<SampleStore.@Nullable ManualSampleResult> result = new AtomicReference<>();
        long run = done(job.id(), table.applyManual(caller, evidence, (handle, key) -> {
            if (hasFigures) {
                result.set(samples.addManual(handle, sample(job, key, evidence.at(), patch.cpuUsage(),
                        patch.memoryUsageMb(), patch.gpuUsage()), null));
            }
        }));
        SampleStore.ManualSampleResult added = result.get();
        if (added != null) {
            samples.added(added);
        }
        ctx.result(json.text(found(caller, job.id(), run)));
    }

    private void delete(Context ctx) {
        Requests.noBody(ctx);
        Job job = job(ctx);
        if (deletion.delete(Caller.of(ctx), job.cluster(), job.id()) == 0) {
            throw JobsEndpoint.unknown(job.id());
        }
        ctx.status(204);
    }

    private void addSample(Context ctx) {
        Job job = job(ctx);
        NewSample sample = requests.body(ctx, NewSample.class);
        if (sample.timestamp() != null) {
            samples.problem(sample.timestamp()).ifPresent(problem -> {
                throw ApiException.invalidField("timestamp", "timestamp " + sample.timestamp() + " " + problem);
            });
        }
        Instant at = sample.timestamp() == null ? now() : sample.timestamp();
        Evidence.Patched unchanged = new Evidence.Patched(Identity.ofJob(job.cluster(), job.id()), now(), null);
        AtomicReference<SampleStore.ManualSampleResult> result = new AtomicReference<>();
        long run = done(job.id(), table.applyManual(Caller.of(ctx), unchanged,
                (handle, key) -> result.set(samples.addManual(handle,
                        sample(job, key, at, sample.cpuUsage(), sample.memoryUsageMb(), sample.gpuUsage()),
                        sample.timestamp()))));
        samples.added(result.get());
        switch (result.get()) {
            case SampleStore.ManualSampleResult.Stored stored ->
                ctx.status(201).result(json.text(new SamplePage.Sample(stored.sample().at(),
                        null, sample.cpuUsage(), sample.memoryUsageMb(), sample.gpuUsage())));
            case SampleStore.ManualSampleResult.Conflict _ ->
                throw ApiException.conflict("run " + run + " of job " + job.id()
                        + " has a sample of " + at
                        + " with other figures; samples are never changed, so send it with another timestamp");
        }
    }

    /** Of the job's node if it has one only, else of the job as a whole. */
    private static Sample sample(Job job, long run, Instant at, @Nullable Double cpuUsage,
            @Nullable Double memoryUsageMb, @Nullable Double gpuUsage) {
        String node = job.nodes().size() == 1 ? job.nodes().getFirst() : "";
        return new Sample(run, node, at, Figures.ofJob().put(Figure.CPU_USAGE_PERCENT, cpuUsage)
                .put(Figure.MEMORY_USAGE_BYTES,
                        memoryUsageMb == null ? null : Long.valueOf(Math.round(memoryUsageMb * BYTES_PER_MB)))
                .put(Figure.GPU_USAGE_PERCENT, gpuUsage).build());
    }

    /** The newest run of the job in the path. */
    private Job job(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        Caller caller = Caller.of(ctx).requireClaim();
        String id = jobId(ctx);
        String cluster = text(ctx, "cluster");
        List<String> clusters = jobs.clusters(caller, id);
        if (cluster == null && clusters.size() > 1) {
            throw ApiException.invalidField("cluster", "job " + id + " is known on the clusters "
                    + String.join(", ", clusters) + "; choose one with ?cluster=");
        }
        return jobs.find(caller, id, cluster, null).orElseThrow(() -> JobsEndpoint.unknown(id, cluster, null));
    }

    private static long done(String jobId, ManualResult result) {
        return switch (result) {
            case ManualResult.Done done -> done.run();
            case ManualResult.Unknown _ -> throw JobsEndpoint.unknown(jobId);
            case ManualResult.Conflict conflict -> throw ApiException.conflict(conflict.cause());
        };
    }

    private Job found(Caller caller, String jobId, long run) {
        return jobs.find(caller, jobId, null, run).orElseThrow(() -> JobsEndpoint.unknown(jobId));
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MICROS);
    }
}
