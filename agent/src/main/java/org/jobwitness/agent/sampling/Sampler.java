package org.jobwitness.agent.sampling;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.cgroup.Scopes;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.GpuRelease;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.node.NodeUse;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the jobs of this node: at all of them on the wall clock, together with all other nodes of the cluster, so that jobs
 * of many nodes are disturbed at once and not one node after the other; and at one of them when something befalls it, as
 * {@link Watch} tells: it is there, its limit has changed, a process of it was killed for memory, it is about to go.
 *
 * <p>All of it is one thread, which calls {@link #run}.
 */
public final class Sampler implements Closeable {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);
    /** A new job is read this soon, and one that is in trouble this often. */
    private static final long SOON = SECOND;
    /** What befalls many jobs at once goes in one batch. */
    private static final long GATHERING = 100 * MILLISECOND;
    /** A job whose cgroup is empty for so long has ended, although nobody removed it. */
    private static final long LEFT_BEHIND = 60 * SECOND;
    /** How long a job that has gone may come back as the same (no extern step: Slurm makes its cgroup anew for each step). */
    private static final long MAY_COME_BACK = 600 * SECOND;
    /** GPUs are asked before their figures are needed, since a driver may take its time. */
    private static final long GPUS_EARLIER_MS = 1000;
    private static final long SCOPES_EVERY = 60 * SECOND;
    private static final int MOST_JOBS_OF_A_BATCH = 1000;

    private final AgentConfig config;
    private final JobCgroup.Kernel kernel;
    private final Scopes scopes;
    private final Watch watch;
    private final PrologEvents announcements = new PrologEvents();
    private final Processes processes;
    private final NodeUse nodeUse;
    private final NodeGpus gpus;
    private final GpuRelease.Heeding gpuRelease;
    private final PrologEventStore remembered;
    private final Outbox outbox;
    private final Runnable eventsChanged;
    private final BatchNumbers numbers = new BatchNumbers();
    private final String version;
    private final Log log;

    private final Map<Path, String> nodeOfScope = new TreeMap<>();
    private final Map<Path, JobOnNode> jobs = new LinkedHashMap<>();
    private final Map<Path, Gone> gone = new HashMap<>();
    /** What befell jobs, by node, and will be sent at once. */
    private final Map<String, List<JobReading>> news = new TreeMap<>();
    private @Nullable Long newsDueNanos;
    private long scopesLookedNanos = System.nanoTime() - SCOPES_EVERY;
    private @Nullable Long tickBeforeNanos;
    private boolean eventsWatched;
    private boolean troubleSaid;
    private volatile Counts counts = new Counts(0, 0, 0, 0, 0);
    private volatile boolean stopped;

    /** Where batches go. */
    public interface Outbox {
        /** Takes a batch; one that somebody waits for is to be sent at once. */
        void add(Batch batch, boolean atOnce);
    }

    /** A job whose cgroup was removed, and when. */
    private record Gone(JobOnNode job, long nanos) {
    }

    /**
     * For the agent's own metrics.
     *
     * @param jobs there now
     * @param unknownJobs those of them whose job id nobody told
     * @param lastCycleNanos how long reading all of them took
     */
    public record Counts(int jobs, int unknownJobs, long cycles, long kills, long lastCycleNanos) {
    }

    /** @param eventsChanged to be told when there is something new in the scripts' spool */
    public Sampler(AgentConfig config, Watch watch, Gpus gpus, Outbox outbox, Runnable eventsChanged, String version,
            Log log) {
        this.config = config;
        this.watch = watch;
        this.outbox = outbox;
        this.eventsChanged = eventsChanged;
        this.version = version;
        this.log = log;
        kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), config.sysRoot());
        scopes = new Scopes(config.cgroupRoot(), config.node());
        processes = new Processes(config.procRoot());
        nodeUse = new NodeUse(config.procRoot());
        this.gpus = new NodeGpus(gpus, processes, log);
        gpuRelease = new GpuRelease.Heeding(config.folder(), gpus, InstantSource.system(), log);
        remembered = new PrologEventStore(config.folder(), config.procRoot(), log);
    }

    public Counts counts() {
        return counts;
    }

    /** Works until it is closed. */
    public void run() throws InterruptedException {
        nodeUse.read(null, null);
        remembered.recall().forEach(announcements::take);
        findJobs();
        listenTo(config.folder(), false);
        survive(gpuRelease::look);
        long intervalMillis = config.interval().toMillis();
        long earlierMillis = Math.min(GPUS_EARLIER_MS, intervalMillis / 2);
        long next = nextTick(intervalMillis);
        long gpusAskedFor = 0;
        while (!stopped) {
            long wait = next - System.currentTimeMillis();
            if (wait > intervalMillis) { // somebody set the clock back
                next = nextTick(intervalMillis);
                wait = next - System.currentTimeMillis();
            }
            if (gpusAskedFor != next && wait <= earlierMillis) {
                gpusAskedFor = next;
                survive(gpus::readSoon);
            }
            long waitForGpus = gpusAskedFor == next ? wait : wait - earlierMillis;
            for (Watch.Event event : watch.await(Math.min(waitForGpus * MILLISECOND, untilDue()))) {
                survive(() -> heed(event));
            }
            survive(this::readDue);
            if (System.currentTimeMillis() >= next) {
                survive(this::tick);
                next = nextTick(intervalMillis);
            }
        }
    }

    private static long nextTick(long intervalMillis) {
        return (System.currentTimeMillis() / intervalMillis + 1) * intervalMillis;
    }

    /** One reading that went wrong must not end all others. */
    private void survive(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            say(e);
        }
    }

    private void say(RuntimeException e) {
        if (!troubleSaid) {
            troubleSaid = true;
            StackTraceElement[] trace = e.getStackTrace();
            log.warn("sampling_trouble cause=\"" + e + "\" at=" + (trace.length == 0 ? "?" : trace[0])
                    + " (said once)");
        }
    }

    // --- what happens ----------------------------------------------------------------------------------------------

    private void heed(Watch.Event event) {
        Path path = event.folder().resolve(event.name());
        if (event.folder().equals(config.events())) {
            if (event.kind() != Watch.Kind.REMOVED) {
                announcements.read(path);
                eventsChanged.run();
            }
        } else if (event.folder().equals(config.folder())) {
            gpuRelease.look();
        } else if (event.kind() == Watch.Kind.MUCH) {
            findJobs();
        } else if (nodeOfScope.containsKey(event.folder())) {
            heedScope(path, event.kind());
        } else {
            JobOnNode job = jobs.get(event.folder());
            if (job != null && event.kind() == Watch.Kind.CHANGED) {
                heedJob(job, event.name());
            } else if (job != null && event.kind() == Watch.Kind.REMOVED && event.name().startsWith("step_")) {
                // A step has ended; it may have been the last, and this the last time that there is something to read.
                job.read(Instant.now(), System.nanoTime());
            }
        }
    }

    private void heedScope(Path folder, Watch.Kind kind) {
        JobOnNode job = jobs.get(folder);
        if (job == null) {
            if (kind == Watch.Kind.MADE) {
                begin(folder, true);
            }
        } else if (kind == Watch.Kind.REMOVED) {
            end(job);
        } else {
            job.learnMadeAt(Instant.now());
        }
    }

    private void heedJob(JobOnNode job, String file) {
        Instant at = Instant.now();
        long nanos = System.nanoTime();
        switch (file) {
            case "memory.events" -> {
                if (job.cgroup.lookForKills(at)) {
                    if (nanos - job.readNanos() > GATHERING) {
                        job.read(at, nanos); // the job may not live to be read again
                    }
                    job.makeDueAt(Math.max(nanos, job.toldNanos() + SOON));
                }
            }
            case "memory.max" -> job.makeDueAt(nanos + SOON);
            case "cgroup.events" -> {
                if (job.lookWhetherEmpty(nanos)) {
                    job.read(at, nanos);
                }
            }
            default -> {
                // Steps that come and go, and what Slurm sets as it makes them.
            }
        }
    }

    // --- jobs that come and go -------------------------------------------------------------------------------------

    private void findJobs() {
        long nanos = System.nanoTime();
        if (nodeOfScope.isEmpty() || nanos - scopesLookedNanos >= SCOPES_EVERY) {
            scopesLookedNanos = nanos;
            findScopes();
        }
        Set<Path> listed = new HashSet<>();
        for (Path scope : nodeOfScope.keySet()) {
            for (Path folder : Scopes.jobsIn(scope)) {
                listed.add(folder);
                if (!jobs.containsKey(folder)) {
                    begin(folder, false);
                }
            }
        }
        for (JobOnNode job : List.copyOf(jobs.values())) {
            if (!listed.contains(job.cgroup.folder()) && !job.cgroup.isThere()) {
                end(job);
            }
        }
        gone.values().removeIf(one -> nanos - one.nanos() > MAY_COME_BACK);
    }

    private void findScopes() {
        Map<Path, String> found = new TreeMap<>();
        for (Scopes.Scope scope : scopes.find()) {
            found.put(scope.folder(), scope.node());
            if (!nodeOfScope.containsKey(scope.folder())) {
                log.info("scope_found node=" + scope.node() + " folder=" + scope.folder());
                listenTo(scope.folder(), false);
            }
        }
        nodeOfScope.keySet().stream().filter(folder -> !found.containsKey(folder)).forEach(watch::remove);
        nodeOfScope.clear();
        nodeOfScope.putAll(found);
    }

    /** @param seenMade whether it was made this moment, so that it has counted from 0 */
    private void begin(Path folder, boolean seenMade) {
        Optional<JobName> name = JobName.of(folder.getFileName().toString());
        String node = nodeOfScope.get(folder.getParent());
        if (name.isEmpty() || node == null) {
            return;
        }
        long nanos = System.nanoTime();
        Gone before = gone.remove(folder);
        JobOnNode job;
        if (before != null) {
            job = before.job();
            job.comeBack();
        } else {
            job = new JobOnNode(new JobCgroup(folder, kernel, seenMade, nanos), name.get(), node,
                    seenMade ? Instant.now() : null, nanos);
        }
        jobs.put(folder, job);
        listenTo(folder, true);
        job.makeDueAt(nanos + SOON);
    }

    /** Its cgroup is gone. What was read as it emptied is the last there is; if nothing was, that is said. */
    private void end(JobOnNode job) {
        Path folder = job.cgroup.folder();
        Instant at = Instant.now();
        jobs.remove(folder);
        watch.remove(folder);
        identify(job).ifPresent(identity -> {
            JobReading last = job.cgroup.take(identity, at, null, true)
                    .orElseGet(() -> job.cgroup.takeLast(identity, at));
            addNews(job.node, last);
            announcements.forget(identity.jobId());
        });
        job.cgroup.close();
        gone.put(folder, new Gone(job, System.nanoTime()));
    }

    /** Tells once that nothing more is to come of a job whose folder nobody removes. */
    private void leave(JobOnNode job, Instant at) {
        if (job.noteLeft()) {
            identify(job).ifPresent(identity -> addNews(job.node, job.cgroup.takeLast(identity, at)));
        }
    }

    private Optional<JobCgroup.Identity> identify(JobOnNode job) {
        Optional<JobCgroup.Identity> identity = job.identify(announcements, processes);
        if (identity.isEmpty() && job.noteUnknown()) {
            log.warn("job_unknown cgroup=" + job.cgroup.folder().getFileName()
                    + " hint=\"neither the prolog nor /proc told its job id; it is not sampled until one does\"");
        }
        return identity;
    }

    private void listenTo(Path folder, boolean changesToo) {
        try {
            watch.add(folder, changesToo);
        } catch (IOException e) {
            if (Files.isDirectory(folder)) {
                log.warn("watch_refused folder=" + folder + " cause=\"" + e.getMessage()
                        + "\" hint=\"what happens between readings is missed there; see fs.inotify in sysctl\"");
            }
        }
    }

    // --- readings --------------------------------------------------------------------------------------------------

    private void readDue() {
        long nanos = System.nanoTime();
        for (JobOnNode job : List.copyOf(jobs.values())) {
            if (job.isDue(nanos)) {
                Instant at = Instant.now();
                if (job.read(at, nanos)) {
                    identify(job).flatMap(identity -> job.take(identity, at, null, nanos))
                            .ifPresent(reading -> addNews(job.node, reading));
                } else if (!job.cgroup.isThere()) {
                    end(job);
                }
            }
        }
        if (newsDueNanos != null && newsDueNanos - System.nanoTime() <= 0) {
            sendNews();
        }
    }

    private void addNews(String node, JobReading reading) {
        news.computeIfAbsent(node, _ -> new ArrayList<>()).add(reading);
        if (newsDueNanos == null) {
            newsDueNanos = System.nanoTime() + GATHERING;
        }
    }

    private void sendNews() {
        newsDueNanos = null;
        Instant at = Instant.now();
        news.forEach((node, readings) -> send(node, at, null, readings, List.of(), null, true));
        news.clear();
    }

    private long untilDue() {
        long nanos = System.nanoTime();
        long until = newsDueNanos == null ? Long.MAX_VALUE : Math.max(0, newsDueNanos - nanos);
        for (JobOnNode job : jobs.values()) {
            until = Math.min(until, job.untilDue(nanos));
        }
        return until;
    }

    /** All jobs, and the node. */
    private void tick() {
        long began = System.nanoTime();
        Instant at = Instant.now();
        readEvents();
        gpuRelease.look();
        findJobs();
        Integer intervalMs = tickBeforeNanos == null
                ? null
                : Integer.valueOf(Math.clamp((began - tickBeforeNanos) / MILLISECOND, 1, 86_400_000));
        tickBeforeNanos = began;

        Map<String, List<JobReading>> readings = new TreeMap<>();
        nodeOfScope.values().forEach(node -> readings.put(node, new ArrayList<>()));
        if (readings.isEmpty()) {
            readings.put(config.node(), new ArrayList<>());
        }
        List<NodeGpus.Job> there = new ArrayList<>();
        for (JobOnNode job : jobs.values()) {
            job.lookWhetherEmpty(began);
            if (job.hasBeenEmptyFor(LEFT_BEHIND, began)) {
                leave(job, at);
                continue;
            }
            if (!job.read(at, began)) {
                continue; // it went this moment: Watch or the next tick will say so
            }
            Optional<JobCgroup.Identity> identity = identify(job);
            there.add(new NodeGpus.Job(job, identity.orElse(null)));
            identity.flatMap(known -> job.take(known, at, intervalMs, began)).ifPresent(
                    reading -> readings.computeIfAbsent(job.node, _ -> new ArrayList<>()).add(reading));
        }
        NodeGpus.All ofGpus = readGpus(there);
        NodeFigures node = nodeUse.read(ofGpus.total(), ofGpus.usagePercent());
        Map<String, List<GpuReading>> gpusOfNode = byNode(ofGpus.readings(), readings);
        readings.forEach((name, ofNode) -> send(name, at, intervalMs, ofNode,
                gpusOfNode.getOrDefault(name, List.of()), node, false));
        int unknown = (int) there.stream().filter(job -> job.identity() == null).count();
        counts = new Counts(jobs.size(), unknown, counts.cycles() + 1, counts.kills(), System.nanoTime() - began);
        remember();
    }

    /** Whatever a driver may have said, the jobs' own figures do not wait for it. */
    private NodeGpus.All readGpus(List<NodeGpus.Job> there) {
        try {
            return gpus.read(there);
        } catch (RuntimeException e) {
            say(e);
            return new NodeGpus.All(List.of(), null, null);
        }
    }

    /** Several slurmd of one machine have their jobs apart and its GPUs together: each is told where its job is. */
    private Map<String, List<GpuReading>> byNode(List<GpuReading> ofGpus, Map<String, List<JobReading>> readings) {
        String home = readings.containsKey(config.node()) ? config.node() : readings.keySet().iterator().next();
        Map<String, List<GpuReading>> byNode = new TreeMap<>();
        for (GpuReading gpu : ofGpus) {
            List<String> jobIds = NodeGpus.jobsOf(gpu);
            String node = readings.entrySet().stream()
                    .filter(one -> one.getValue().stream().anyMatch(job -> jobIds.contains(job.jobId())))
                    .map(Map.Entry::getKey).findFirst().orElse(home);
            byNode.computeIfAbsent(node, _ -> new ArrayList<>()).add(gpu);
        }
        return byNode;
    }

    private void remember() {
        Map<Path, String> events = new HashMap<>();
        jobs.forEach((folder, job) -> job.announcement().ifPresent(said -> events.put(folder, said.event())));
        remembered.keep(events);
    }

    private void send(String node, Instant at, @Nullable Integer intervalMs, List<JobReading> readings,
            List<GpuReading> ofGpus, @Nullable NodeFigures figures, boolean atOnce) {
        int kills = readings.stream().mapToInt(reading -> reading.oomKillEvents().size()).sum();
        if (kills > 0) {
            counts = new Counts(counts.jobs(), counts.unknownJobs(), counts.cycles(), counts.kills() + kills,
                    counts.lastCycleNanos());
        }
        String cluster = config.cluster().or(announcements::cluster).orElse(null);
        List<GpuReading> gpusLeft = new ArrayList<>(ofGpus);
        int from = 0;
        do {
            int to = Math.min(readings.size(), from + MOST_JOBS_OF_A_BATCH);
            List<JobReading> jobsOfBatch = readings.subList(from, to);
            Set<String> ids = jobsOfBatch.stream().map(JobReading::jobId).collect(Collectors.toSet());
            List<GpuReading> gpusOfBatch = new ArrayList<>(
                    gpusLeft.stream().filter(gpu -> ids.containsAll(NodeGpus.jobsOf(gpu))).toList());
            gpusLeft.removeAll(gpusOfBatch);
            if (to == readings.size()) {
                gpusLeft.forEach(gpu -> gpusOfBatch.add(NodeGpus.withoutJobs(gpu)));
            }
            outbox.add(
                    new Batch(Batch.VERSION, cluster, node, numbers.life(), numbers.next(node), at, intervalMs, version,
                            from == 0 ? figures : null, jobsOfBatch, gpusOfBatch),
                    atOnce);
            from = to;
        } while (from < readings.size());
    }

    /** Events of prologs that came while nobody listened. The folder may not be there before the first of them. */
    private void readEvents() {
        if (eventsWatched && Files.isDirectory(config.events())) {
            return;
        }
        watch.remove(config.events());
        eventsWatched = Files.isDirectory(config.events());
        if (eventsWatched) {
            listenTo(config.events(), false);
            try (DirectoryStream<Path> files = Files.newDirectoryStream(config.events())) {
                List<Path> inOrder = new ArrayList<>();
                files.forEach(inOrder::add);
                inOrder.stream().sorted().forEach(announcements::read);
            } catch (IOException | DirectoryIteratorException e) {
                eventsWatched = false;
            }
            eventsChanged.run();
        }
    }

    @Override
    public void close() {
        stopped = true;
        watch.close();
    }
}
