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
import org.jobwitness.server.event.HostList;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.Resources;
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
    private final JobQueries jobs;
    private final SampleStore samples;
    private final Requests requests;
    private final Json json;
    private final Clock clock;
    private final String defaultCluster;

    /**
     * Made with what it changes.
     *
     * @param defaultCluster where jobs that are made by hand run
     */
    public ManualJobsEndpoint(JobTable table, JobQueries jobs, SampleStore samples, Requests requests, Json json,
            Clock clock, String defaultCluster) {
        this.table = table;
        this.jobs = jobs;
        this.samples = samples;
        this.requests = requests;
        this.json = json;
        this.clock = clock;
        this.defaultCluster = defaultCluster;
    }

    public void routes(RoutesConfig routes) {
        routes.post("/v1/jobs", this::make, Role.OPERATOR);
        routes.patch("/v1/jobs/{id}", this::change, Role.OPERATOR);
        routes.delete("/v1/jobs/{id}", this::forget, Role.OPERATOR);
        routes.post("/v1/jobs/{id}/metrics", this::addSample, Role.AGENT);
    }

    private void make(Context ctx) {
        onlyParameters(ctx, Set.of());
        Caller caller = Caller.of(ctx).saysWho();
        NewJob job = requests.body(ctx, NewJob.class);
        Evidence.Declared evidence = new Evidence.Declared(identity(defaultCluster, job.id()), now(), about(job));
        long run = done(job.id(), table.applyByHand(caller, evidence, (_, _) -> {
        }));
        ctx.status(201).header("Location", "/v1/jobs/" + job.id()).result(json.text(found(caller, job.id(), run)));
    }

    private JobAttributes about(NewJob job) {
        Map<String, @Nullable Object> words = job.scheduler() == null
                ? new LinkedHashMap<>()
                : new LinkedHashMap<>(json.fields(job.scheduler()));
        words.putIfAbsent("type", "mock");
        return new JobAttributes(job.user(), null, nodes(job), (String) words.remove("partition"),
                (String) words.remove("account"), null, null, null, null, null, null, null, List.of(), null)
                .with(Resources.UNKNOWN, words);
    }

    private static List<String> nodes(NewJob job) {
        try {
            return HostList.expand("nodes", job.nodes());
        } catch (InvalidFieldException e) {
            throw ApiException.invalidField(e.field(), String.valueOf(e.getMessage()));
        }
    }

    private void change(Context ctx) {
        Job job = job(ctx);
        JobPatch patch = requests.body(ctx, JobPatch.class);
        Caller caller = Caller.of(ctx);
        Evidence.Amended evidence = new Evidence.Amended(identity(job.cluster(), job.id()), now(), patch.state());
        boolean hasFigures = patch.cpuUsage() != null || patch.memoryUsageMb() != null || patch.gpuUsage() != null;
        AtomicReference<SampleStore.@Nullable ManualSampleResult> became = new AtomicReference<>();
        long run = done(job.id(), table.applyByHand(caller, evidence, (handle, key) -> {
            if (hasFigures) {
                became.set(samples.addManual(handle, sample(job, key, evidence.at(), patch.cpuUsage(),
                        patch.memoryUsageMb(), patch.gpuUsage()), null));
            }
        }));
        SampleStore.ManualSampleResult told = became.get();
        if (told != null) {
            samples.added(told);
        }
        ctx.result(json.text(found(caller, job.id(), run)));
    }

    private void forget(Context ctx) {
        Requests.noBody(ctx);
        Job job = job(ctx);
        if (table.delete(Caller.of(ctx), job.cluster(), job.id()) == 0) {
            throw JobsEndpoint.unknown(job.id());
        }
        ctx.status(204);
    }

    private void addSample(Context ctx) {
        Job job = job(ctx);
        NewSample said = requests.body(ctx, NewSample.class);
        if (said.timestamp() != null) {
            samples.problem(said.timestamp()).ifPresent(problem -> {
                throw ApiException.invalidField("timestamp", "timestamp " + said.timestamp() + " " + problem);
            });
        }
        Instant at = said.timestamp() == null ? now() : said.timestamp();
        Evidence.Amended nothingNew = new Evidence.Amended(identity(job.cluster(), job.id()), now(), null);
        AtomicReference<SampleStore.ManualSampleResult> became = new AtomicReference<>();
        long run = done(job.id(), table.applyByHand(Caller.of(ctx), nothingNew,
                (handle, key) -> became.set(samples.addManual(handle,
                        sample(job, key, at, said.cpuUsage(), said.memoryUsageMb(), said.gpuUsage()),
                        said.timestamp()))));
        samples.added(became.get());
        switch (became.get()) {
            case SampleStore.ManualSampleResult.Stored stored ->
                ctx.status(201).result(json.text(new SamplePage.Sample(stored.sample().at(),
                        null, said.cpuUsage(), said.memoryUsageMb(), said.gpuUsage())));
            case SampleStore.ManualSampleResult.Conflict _ ->
                throw ApiException.conflict("run " + run + " of job " + job.id()
                        + " has a sample of " + at
                        + " with other figures; samples are never changed, so send yours with another timestamp");
        }
    }

    /** What is told of a job that has one node is told of that node. */
    private static Sample sample(Job job, long run, Instant at, @Nullable Double cpuUsage,
            @Nullable Double memoryUsageMb, @Nullable Double gpuUsage) {
        String node = job.nodes().size() == 1 ? job.nodes().getFirst() : "";
        return new Sample(run, node, at, Figures.ofJob().put(Figure.CPU_USAGE_PERCENT, cpuUsage)
                .put(Figure.MEMORY_USAGE_BYTES,
                        memoryUsageMb == null ? null : Long.valueOf(Math.round(memoryUsageMb * BYTES_PER_MB)))
                .put(Figure.GPU_USAGE_PERCENT, gpuUsage).build());
    }

    /** The job that the path names, once it is known who asks for what. */
    private Job job(Context ctx) {
        onlyParameters(ctx, Set.of("cluster"));
        Caller caller = Caller.of(ctx).saysWho();
        String id = jobId(ctx);
        String cluster = text(ctx, "cluster");
        List<Job> runs = jobs.runs(caller, id, cluster);
        if (runs.isEmpty()) {
            throw JobsEndpoint.unknown(id, cluster, null);
        }
        List<String> clusters = runs.stream().map(Job::cluster).distinct().sorted().toList();
        if (clusters.size() > 1) {
            throw ApiException.invalidField("cluster", "job " + id + " is known on the clusters "
                    + String.join(", ", clusters) + "; say which one with ?cluster=");
        }
        return runs.getFirst();
    }

    private static long done(String jobId, JobTable.ByHand answer) {
        return switch (answer) {
            case JobTable.ByHand.Done done -> done.run();
            case JobTable.ByHand.Unknown _ -> throw JobsEndpoint.unknown(jobId);
            case JobTable.ByHand.Conflict conflict -> throw ApiException.conflict(conflict.why());
        };
    }

    private Job found(Caller caller, String jobId, long run) {
        return jobs.find(caller, jobId, null, run).orElseThrow(() -> JobsEndpoint.unknown(jobId));
    }

    private static Identity identity(String cluster, String jobId) {
        return new Identity(cluster, jobId, null, null);
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MICROS);
    }
}
