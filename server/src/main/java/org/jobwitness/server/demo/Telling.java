package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jobwitness.server.demo.Booking.Share;
import org.jobwitness.server.demo.Booking.Task;
import org.jobwitness.server.demo.Happening.Epilog;
import org.jobwitness.server.demo.Happening.Prolog;
import org.jobwitness.server.demo.Happening.SchedulerSays;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.Resources;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** What is told of one run, by its nodes and by the scheduler. */
final class Telling {
    static final String CLUSTER = "demo";
    /** The scheduler is asked now and then, so it tells of an end a little after the epilogs. */
    static final Duration SCHEDULER_LATER = Duration.ofSeconds(5);

    private final Booking run;
    private final Recipe recipe;

    Telling(Booking run) {
        this.run = run;
        this.recipe = run.recipe();
    }

    static Instant lastWord(Booking run) {
        return run.end().plus(SCHEDULER_LATER);
    }

    /** The run's own, below the cgroup root of its nodes. */
    static String cgroup(Booking run) {
        return "system.slice/slurmstepd.scope/job_" + run.jobId();
    }

    /** Something that will be told. What it says is made up when it is asked for: a last reading adds up a whole run. */
    private record Planned(Instant at, Supplier<Happening> happening) {
    }

    /** What is told after {@code from} and up to {@code to}, in the order of time. */
    List<Happening> between(Instant from, Instant to) {
        return planned().filter(planned -> planned.at.isAfter(from) && !planned.at.isAfter(to))
                .map(planned -> planned.happening.get()).toList();
    }

    /** When something is told. */
    Stream<Instant> moments() {
        return planned().map(Planned::at);
    }

    private Stream<Planned> planned() {
        Ending ending = run.ending();
        Integer rawStatus = ending.rawStatus();
        Stream<Planned> waiting = run.restarts() > 0
                ? Stream.empty()
                : Stream.of(new Planned(run.submit(), () -> scheduler(run.submit(), null, JobState.PENDING, null,
                        "PENDING", run.waitsFor(), null)));
        Stream<Planned> prologs = run.shares().stream()
                .map(share -> new Planned(run.start(), () -> new Prolog(run.start(), run, prolog(share))));
        Stream<Planned> running = Stream.of(new Planned(run.start(), () -> scheduler(run.start(), run.start(),
                JobState.RUNNING, null, "RUNNING", "None", null)));
        Stream<Planned> epilogs = rawStatus == null
                ? Stream.empty()
                : run.shares().stream().map(share -> new Planned(run.end(),
                        () -> new Epilog(run.end(), run, epilog(share, rawStatus))));
        Stream<Planned> last = Stream.of(new Planned(lastWord(run), () -> scheduler(lastWord(run), run.start(),
                ending.state(), ending.reason(), ending.rawState(), ending.stateReason(), run.end())));
        return Stream.of(waiting, prologs, running, epilogs, last).flatMap(planned -> planned);
    }

    private JobStarted prolog(Share share) {
        String node = share.machine().name();
        return new JobStarted(run.id(), run.user().name(), run.nodes(), run.start(), node, run.user().uid(),
                recipe.cpus() * recipe.nodes(), recipe.memoryMb() * recipe.nodes(), recipe.countedGpus(),
                share.gpus().isEmpty() ? null : share.machine().vendor(), share.gpuNames(),
                cgroup(run), partition(), run.user().account(), CLUSTER, null,
                run.start(), run.deadline(), run.restarts(), null, run.cpusPerNode(), null,
                eventId("started", node));
    }

    private JobFinished epilog(Share share, int rawStatus) {
        String node = share.machine().name();
        // A requeue raises the count before the epilog of the run that it ends hears of it.
        int restarts = run.ending() == Ending.REQUEUED ? run.restarts() + 1 : run.restarts();
        return new JobFinished(run.id(), null, null, null, rawStatus, rawStatus, run.end(), node, CLUSTER, null,
                run.start(), restarts, run.user().name(), run.user().uid(), run.nodes(), run.cpusPerNode(),
                partition(), run.user().account(), new Load(run, share).atEnd(), null, eventId("finished", node));
    }

    private SchedulerSays scheduler(Instant at, @Nullable Instant start, JobState state, @Nullable Reason reason,
            String rawState, String stateReason, @Nullable Instant end) {
        List<String> nodes = state == JobState.PENDING ? List.of() : run.nodes();
        JobAttributes attributes = JobAttributes.of(run.user().name(), run.user().uid(), nodes)
                .withPartition(partition(), run.user().account())
                .withRequested(new Resources(recipe.cpus() * recipe.nodes(), recipe.memoryMb() * recipe.nodes(),
                        recipe.countedGpus() * recipe.nodes()))
                .withScheduler(words(stateReason));
        return new SchedulerSays(at, run,
                new Evidence.Reported(new Identity(CLUSTER, run.id(), null, start), at, attributes, state, reason,
                        rawState,
                        end));
    }

    private Map<String, @Nullable Object> words(String stateReason) {
        Map<String, @Nullable Object> words = new LinkedHashMap<>();
        words.put("type", "mock");
        words.put("name", recipe.name());
        words.put("qos", "normal");
        words.put("priority", 10_000 + Math.floorMod(Dice.hash(run.jobId()), 5_000L));
        words.put("submit_time", run.submit().toString());
        words.put("time_limit_minutes", (int) recipe.limit().toMinutes());
        words.put("state_reason", stateReason);
        words.put("extra", Map.of("story", recipe.story().sentence()));
        Task task = run.array();
        if (task != null) {
            words.put("array_job_id", String.valueOf(task.arrayJobId()));
            words.put("array_task_id", task.index());
        }
        return words;
    }

    private String partition() {
        return recipe.partition().name().toLowerCase(Locale.ROOT);
    }

    private String eventId(String what, String node) {
        return "demo-" + run.jobId() + "-" + run.restarts() + "-" + what + "-" + node;
    }
}
