package org.jobwitness.agent.sampling;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.GpuRelease;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.node.NodeUse;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.agent.sampling.Batcher.NodeReadings;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;
import org.jspecify.annotations.Nullable;

/**
 * Reads the jobs of this node: all of them in each cycle, on the wall clock, so that the nodes of a parallel job are disturbed at the
 * same moment and not one after the other; and one of them when {@link Watch} reports something: it starts, its limit changes, a
 * process is killed for memory, it ends.
 *
 * <p>All of it is one thread, which calls {@link #run}.
 */
public final class Sampler implements Closeable {
    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);
    /** GPUs are read before their figures are needed, since a driver may be slow. */
    private static final long MAX_GPU_LEAD_MS = 1000;
    private static final int MAX_INTERVAL_MS = 86_400_000;

    private final AgentConfig config;
    private final Watch watch;
    private final NodeClock clock;
    private final Runnable eventsChanged;
    private final PrologEvents prologEvents = new PrologEvents();
    private final PrologEventStore store;
    private final Batcher batcher;
    private final JobTracker jobs;
    private final Failures failures;
    private final NodeUse nodeUse;
    private final NodeGpus gpus;
    private final GpuRelease.Responder gpuRelease;

    private final long intervalMillis;
    private final long gpuLeadMillis;
    private long nextCycleMillis;
    /** The cycle for which the GPUs have been requested. */
    private long gpusRequestedFor;
    private @Nullable Long cycleBeforeNanos;
    private boolean isEventsFolderWatched;
    private volatile Cycle lastCycle = new Cycle(0, 0, 0, 0);
    private volatile boolean isStopped;

    private record Cycle(long number, int jobs, int unknownJobs, long nanos) {
    }

    /**
     * Reads nothing yet.
     *
     * @param eventsChanged called when there is something new in the scripts' spool
     */
    public Sampler(AgentConfig config, Watch watch, Gpus gpus, Outbox outbox, Runnable eventsChanged, String version,
            NodeClock clock, Log log) {
        this.config = config;
        this.watch = watch;
        this.clock = clock;
        this.eventsChanged = eventsChanged;
        Processes processes = new Processes(config.procRoot());
        store = new PrologEventStore(config.folder(), config.procRoot(), log);
        batcher = new Batcher(outbox, () -> config.cluster(prologEvents::cluster), version, clock);
        failures = new Failures(log);
        jobs = new JobTracker(config, watch, prologEvents, processes, batcher, failures, clock, log);
        nodeUse = new NodeUse(config.procRoot());
        this.gpus = new NodeGpus(gpus, processes, failures, log);
        gpuRelease = new GpuRelease.Responder(config.folder(), gpus, clock, log);
        intervalMillis = config.interval().toMillis();
        gpuLeadMillis = Math.min(MAX_GPU_LEAD_MS, intervalMillis / 2);
    }

    public SamplerCounts counts() {
        Cycle cycle = lastCycle;
        return new SamplerCounts(cycle.jobs(), cycle.unknownJobs(), cycle.number(), batcher.kills(), cycle.nanos(),
                failures.count(), failures.figuresLeftOut());
    }

    /** Works until it is closed. */
    public void run() throws InterruptedException {
        start();
        while (!isStopped) {
            step(watch.await(nanosUntilNext()));
        }
    }

    void start() {
        nodeUse.read(null, null);
        store.load().forEach(event -> failures.guard("a stored prolog event", () -> prologEvents.add(event)));
        failures.guard("the prolog events", this::readPrologEvents);
        failures.guard("the list of jobs", jobs::findAll);
        jobs.watchFolder(config.folder(), false);
        failures.guard("the request to release GPUs", gpuRelease::update);
        nextCycleMillis = nextCycle();
        schedule();
    }

    /** Handles what happened, and does what is due now. */
    void step(List<Watch.Event> events) {
        events.forEach(event -> failures.guard(event.name(), () -> handle(event)));
        failures.guard("the jobs that are due", jobs::readDue);
        failures.guard("the urgent batch", batcher::sendUrgentIfDue);
        if (clock.millis() >= nextCycleMillis) {
            failures.guard("the cycle", this::cycle);
            nextCycleMillis = nextCycle();
        }
        schedule();
    }

    private long nextCycle() {
        return (clock.millis() / intervalMillis + 1) * intervalMillis;
    }

    private void schedule() {
        if (nextCycleMillis - clock.millis() > intervalMillis) { // the wall clock was set back
            nextCycleMillis = nextCycle();
        }
        if (gpusRequestedFor != nextCycleMillis && nextCycleMillis - clock.millis() <= gpuLeadMillis) {
            gpusRequestedFor = nextCycleMillis;
            failures.guard("the GPUs", gpus::readSoon);
        }
    }

    /** How long {@link #step} has nothing to do unless something happens. */
    long nanosUntilNext() {
        long millis = nextCycleMillis - clock.millis();
        long untilGpusMillis = gpusRequestedFor == nextCycleMillis ? millis : millis - gpuLeadMillis;
        return Math.min(untilGpusMillis * MILLISECOND, Math.min(jobs.nanosUntilDue(), batcher.nanosUntilDue()));
    }

    private void handle(Watch.Event event) {
        if (event.folder().equals(config.events())) {
            if (event.kind() != Watch.Kind.DELETED) {
                prologEvents.read(event.folder().resolve(event.name()));
                jobs.learnNode(prologEvents.node());
                eventsChanged.run();
            }
        } else if (event.folder().equals(config.folder())) {
            gpuRelease.update();
        } else {
            jobs.handle(event);
        }
    }

    /** Reads all jobs, the node and its GPUs. */
    private void cycle() {
        long began = clock.nanoTime();
        Instant at = clock.instant();
        failures.guard("the prolog events", this::readPrologEvents);
        failures.guard("the request to release GPUs", gpuRelease::update);
        failures.guard("the list of jobs", jobs::findAll);
        Integer intervalMs = cycleBeforeNanos == null
                ? null
                : Integer.valueOf(Math.clamp((began - cycleBeforeNanos) / MILLISECOND, 1, MAX_INTERVAL_MS));
        cycleBeforeNanos = began;

        Map<String, List<JobReading>> readings = new TreeMap<>();
        jobs.nodes().forEach(node -> readings.put(node, new ArrayList<>()));
        if (readings.isEmpty()) {
            readings.put(jobs.defaultNode(), new ArrayList<>());
        }
        List<NodeGpus.Job> present = readJobs(at, began, intervalMs, readings);
        NodeGpus.All ofGpus = readGpus(present);
        NodeFigures figures = failures
                .guarded("the node", () -> Optional.of(nodeUse.read(ofGpus.total(), ofGpus.usagePercent())))
                .orElse(null);
        Map<String, List<GpuReading>> gpusOfNode = gpusByNode(ofGpus.readings(), readings);
        readings.forEach((node, jobsOfNode) -> failures.guard(node, () -> batcher.send(node,
                new NodeReadings(at, intervalMs, jobsOfNode, gpusOfNode.getOrDefault(node, List.of()), figures))));
        int unknown = (int) present.stream().filter(job -> job.identity() == null).count();
        lastCycle = new Cycle(lastCycle.number() + 1, jobs.all().size(), unknown, clock.nanoTime() - began);
        failures.guard("the prolog events", this::storePrologEvents);
    }

    private List<NodeGpus.Job> readJobs(Instant at, long nanos, @Nullable Integer intervalMs,
            Map<String, List<JobReading>> readings) {
        List<NodeGpus.Job> present = new ArrayList<>();
        for (JobOnNode job : jobs.all()) {
            failures.guarded(job.cgroup.folder().getFileName(), () -> readJob(job, at, nanos, intervalMs, present))
                    .ifPresent(
                            reading -> readings.computeIfAbsent(job.node, _ -> new ArrayList<>()).add(reading));
        }
        return present;
    }

    private Optional<JobReading> readJob(JobOnNode job, Instant at, long nanos, @Nullable Integer intervalMs,
            List<NodeGpus.Job> present) {
        if (jobs.isLeftBehind(job, at, nanos) || job.cgroup.wasNeverPopulated() || !job.read(at, nanos)) {
            return Optional.empty(); // removed just now: Watch or the next cycle will notice
        }
        Optional<JobCgroup.Identity> identity = jobs.identify(job);
        present.add(new NodeGpus.Job(job, identity.orElse(null)));
        Optional<JobReading> reading = identity.flatMap(known -> job.take(known, at, intervalMs, nanos));
        job.cgroup.forget();
        reading.ifPresent(one -> failures.leftOut("job " + one.jobId(), one.absent()));
        return reading;
    }

    /** No answer of a driver may cost the jobs their own figures. */
    private NodeGpus.All readGpus(List<NodeGpus.Job> present) {
        try {
            return gpus.read(present);
        } catch (RuntimeException e) {
            failures.failed("the GPUs", e);
            return NodeGpus.All.NONE;
        }
    }

    /** Several slurmd on one machine have separate jobs and the same GPUs: each GPU is reported with the node of its job. */
    private Map<String, List<GpuReading>> gpusByNode(List<GpuReading> ofGpus, Map<String, List<JobReading>> readings) {
        String defaultNode = readings.containsKey(jobs.defaultNode())
                ? jobs.defaultNode()
                : readings.keySet().iterator().next();
        Map<String, List<GpuReading>> byNode = new TreeMap<>();
        for (GpuReading gpu : ofGpus) {
            List<String> jobIds = NodeGpus.jobsOf(gpu);
            String node = readings.entrySet().stream()
                    .filter(one -> one.getValue().stream().anyMatch(job -> jobIds.contains(job.jobId())))
                    .map(Map.Entry::getKey).findFirst().orElse(defaultNode);
            byNode.computeIfAbsent(node, _ -> new ArrayList<>()).add(gpu);
        }
        return byNode;
    }

    private void storePrologEvents() {
        Map<Path, String> events = new HashMap<>();
        jobs.all().forEach(job -> job.prologEvent().ifPresent(event -> events.put(job.cgroup.folder(), event.json())));
        store.save(events);
    }

    /** Prolog events from before the folder was watched. It may not exist before the first event. */
    private void readPrologEvents() {
        if (isEventsFolderWatched && Files.isDirectory(config.events())) {
            return;
        }
        watch.remove(config.events());
        isEventsFolderWatched = Files.isDirectory(config.events());
        if (isEventsFolderWatched) {
            jobs.watchFolder(config.events(), false);
            try (DirectoryStream<Path> files = Files.newDirectoryStream(config.events())) {
                List<Path> inOrder = new ArrayList<>();
                files.forEach(inOrder::add);
                inOrder.stream().sorted()
                        .forEach(file -> failures.guard(file.getFileName(), () -> prologEvents.read(file)));
            } catch (IOException | DirectoryIteratorException e) {
                isEventsFolderWatched = false;
            }
            jobs.learnNode(prologEvents.node());
            eventsChanged.run();
        }
    }

    @Override
    public void close() {
        isStopped = true;
        watch.close();
    }
}
