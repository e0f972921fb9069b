package org.jobwitness.server.demo;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jobwitness.server.demo.SimEvent.Epilog;
import org.jobwitness.server.demo.SimEvent.Prolog;
import org.jobwitness.server.demo.SimEvent.SchedulerReport;
import org.jobwitness.server.demo.SimRun.Allocation;
import org.jobwitness.server.demo.SimRun.Task;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.Resources;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** The events of one run: what its nodes and the scheduler report, and when. */
final class EventPlan {
    private final SimRun run;
    private final JobTemplate template;
    private final Ending ending;
    private final List<Planned> planned = new ArrayList<>();

    EventPlan(SimRun run) {
        this.run = run;
        this.template = run.template();
        this.ending = run.ending();
        if (run.restarts() == 0) {
            plan(run.submit(), at -> report(at, JobState.PENDING, "PENDING", run.waitReason()));
        }
        run.allocations().forEach(allocation -> plan(run.start(), at -> prolog(at, allocation)));
        plan(run.start(), at -> report(at, JobState.RUNNING, "RUNNING", "None"));
        Integer status = ending.waitStatus;
        if (status != null) {
            run.allocations().forEach(allocation -> plan(run.end(), at -> epilog(at, allocation, status)));
        }
        plan(run.lastReport(), at -> report(at, ending.state, ending.rawState, ending.stateReason));
    }

    /** An event is made when it is asked for: the figures of an epilog add up a whole run. */
    private record Planned(Instant at, Function<Instant, SimEvent> event) {
    }

    private void plan(Instant at, Function<Instant, SimEvent> event) {
        planned.add(new Planned(at, event));
    }

    /** Events after {@code from} and up to {@code to}, in the order of time. */
    List<SimEvent> between(Instant from, Instant to) {
        return planned.stream().filter(next -> next.at.isAfter(from) && !next.at.isAfter(to))
                .map(next -> next.event.apply(next.at)).toList();
    }

    /** The times of all events. */
    Stream<Instant> moments() {
        return planned.stream().map(Planned::at);
    }

    private SimEvent prolog(Instant at, Allocation allocation) {
        String node = allocation.node().name();
        return new Prolog(at, run, new JobStarted(run.id(), run.user().name(), run.nodes(), at, node, run.user().uid(),
                cpus(), memoryMb(), template.countedGpus(),
                allocation.gpus().isEmpty() ? null : allocation.node().vendor(),
                allocation.gpuDevices().stream().map(Gpu::name).toList(), run.cgroup(), partition(),
                run.user().account(), Timeline.CLUSTER, null, at, run.deadline(), run.restarts(), null, cpusPerNode(),
                null, eventId("started", node)));
    }

    private SimEvent epilog(Instant at, Allocation allocation, int status) {
        String node = allocation.node().name();
        // A requeue raises the count before the epilog of the run that it ends.
        int restarts = ending == Ending.REQUEUED ? run.restarts() + 1 : run.restarts();
        return new Epilog(at, run, new JobFinished(run.id(), null, null, null, status, status, at, node,
                Timeline.CLUSTER, null, run.start(), restarts, run.user().name(), run.user().uid(), run.nodes(),
                cpusPerNode(), partition(), run.user().account(), new UsageModel(run, allocation).atEnd(), null,
                eventId("finished", node)));
    }

    private SimEvent report(Instant at, JobState state, String rawState, String stateReason) {
        boolean pending = state == JobState.PENDING;
        boolean ended = at.equals(run.lastReport());
        Identity identity = new Identity(Timeline.CLUSTER, run.id(), null, pending ? null : run.start());
        JobAttributes attributes = JobAttributes
                .of(run.user().name(), run.user().uid(), pending ? List.of() : run.nodes())
                .withPartition(partition(), run.user().account())
                .withRequested(new Resources(cpus(), memoryMb(), template.countedGpus() * template.nodes()))
                .withScheduler(scheduler(stateReason));
        return new SchedulerReport(at, run, new Evidence.Reported(identity, at, attributes, state,
                ended ? ending.reason : null, rawState, ended ? run.end() : null));
    }

    private Map<String, @Nullable Object> scheduler(String stateReason) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("type", "mock");
        fields.put("name", template.name());
        fields.put("qos", "normal");
        fields.put("priority", 10_000 + Math.floorMod(SeededRandom.hash(run.jobId()), 5_000L));
        fields.put("submit_time", run.submit().toString());
        fields.put("time_limit_minutes", (int) template.limit().toMinutes());
        fields.put("state_reason", stateReason);
        if (ending.reason == Reason.CANCELLED_BY_USER) {
            fields.put("cancelled_by", run.user().name());
        }
        fields.put("extra", Map.of("story", template.story().sentence()));
        Task task = run.task();
        if (task != null) {
            fields.put("array_job_id", String.valueOf(task.arrayJobId()));
            fields.put("array_task_id", task.index());
        }
        return fields;
    }

    private int cpus() {
        return template.cpus() * template.nodes();
    }

    private long memoryMb() {
        return template.memoryMb() * template.nodes();
    }

    /** As Slurm writes it. */
    private String cpusPerNode() {
        return template.cpus() + (template.nodes() == 1 ? "" : "(x" + template.nodes() + ")");
    }

    private String partition() {
        return template.partition().toString();
    }

    private String eventId(String what, String node) {
        return "demo-" + run.jobId() + "-" + run.restarts() + "-" + what + "-" + node;
    }
}
