package org.jobwitness.agent.sampling;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.cgroup.Scopes;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.wire.JobReading;

/**
 * The jobs of this node: finds their cgroups, follows their changes, and reads a job outside of the cycles when something happens
 * to it. For the sampler's thread.
 */
final class JobTracker {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    /** A new job is read after this delay, and a job with OOM kills at this interval. */
    private static final long URGENT_INTERVAL = SECOND;
    /** Kills in such a short time need one reading. */
    private static final long MIN_READ_INTERVAL = TimeUnit.MILLISECONDS.toNanos(100);
    /** How long a removed job may return as the same one: without an extern step, Slurm recreates its cgroup for each step. */
    private static final long RETURN_TIMEOUT = 600 * SECOND;
    /** A job whose cgroup is empty for so long has ended, although the cgroup was not removed. */
    private static final long ABANDONED_TIMEOUT = 60 * SECOND;
    private static final long SCOPES_INTERVAL = 60 * SECOND;

    private final JobCgroup.Kernel kernel;
    private final AgentConfig config;
    private final Watch watch;
    private final PrologEvents prologEvents;
    private final Processes processes;
    private final Batcher batcher;
    private final Failures failures;
    private final NodeClock clock;
    private final Log log;

    private final Map<Path, String> nodeOfScope = new TreeMap<>();
    /** Folders that are named like scopes, and are not read. */
    private final Map<Path, Scopes.Ignored> ignored = new TreeMap<>();
    private final Map<Path, JobOnNode> jobs = new LinkedHashMap<>();
    private final Map<Path, Removed> removed = new HashMap<>();
    private long scopesFoundNanos;
    private String defaultNode;

    /** A job whose cgroup was removed, and when. */
    private record Removed(JobOnNode job, long nanos) {
    }

    JobTracker(AgentConfig config, Watch watch, PrologEvents prologEvents, Processes processes, Batcher batcher,
            Failures failures, NodeClock clock, Log log) {
        this.kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), config.sysRoot());
        this.config = config;
        this.defaultNode = config.node();
        this.watch = watch;
        this.prologEvents = prologEvents;
        this.processes = processes;
        this.batcher = batcher;
        this.failures = failures;
        this.clock = clock;
        this.log = log;
    }

    Collection<JobOnNode> all() {
        return jobs.values();
    }

    /** The nodes of all scopes. */
    Collection<String> nodes() {
        return nodeOfScope.values();
    }

    /** Finds new jobs, and those that have ended, where no event reported it. */
    void findAll() {
        long nanos = clock.nanoTime();
        if (nodeOfScope.isEmpty() || nanos - scopesFoundNanos >= SCOPES_INTERVAL) {
            scopesFoundNanos = nanos;
            findScopes();
            learnNode(prologEvents.node().or(config::nodeInSpool));
        }
        Set<Path> listed = new HashSet<>();
        for (Path scope : nodeOfScope.keySet()) {
            for (Path folder : Scopes.jobsIn(scope)) {
                listed.add(folder);
                if (!jobs.containsKey(folder)) {
                    failures.guard(folder.getFileName(), () -> add(folder, false));
                }
            }
        }
        for (JobOnNode job : List.copyOf(jobs.values())) {
            if (!listed.contains(job.cgroup.folder()) && !job.cgroup.exists()) {
                remove(job);
            }
        }
        removed.values().removeIf(one -> nanos - one.nanos() > RETURN_TIMEOUT);
    }

    /** Slurm's name of this node, as far as it is known; a scope may name another. */
    String defaultNode() {
        return defaultNode;
    }

    /**
     * Takes over Slurm's name of this node, which may differ from the host's (NodeHostname in slurm.conf, clouds, containers). A
     * setting wins; and where several slurmd run on this machine, their scopes have their names.
     */
    void learnNode(Optional<String> slurmName) {
        if (ignored.values().stream().anyMatch(scope -> isOfThisHost(scope.node()))) {
            findScopes();
        }
        String before = defaultNode;
        if (config.isNodeSet() || slurmName.isEmpty() || slurmName.get().equals(before)
                || nodeOfScope.keySet().stream().anyMatch(Scopes::isNamed)) {
            return;
        }
        defaultNode = slurmName.get();
        log.info("node_name node=" + defaultNode + " before=" + before + " source=prolog");
        nodeOfScope.replaceAll((_, node) -> node.equals(before) ? defaultNode : node);
        jobs.values().stream().filter(job -> job.node.equals(before)).forEach(job -> job.node = defaultNode);
    }

    /** By setting, by the host's name, or because a prolog ran here for it. */
    private boolean isOfThisHost(String node) {
        return config.isOfThisHost(node) || (!config.isNodeSet()
                && (prologEvents.nodes().contains(node) || config.nodeInSpool().filter(node::equals).isPresent()));
    }

    private void findScopes() {
        Map<Path, String> found = new TreeMap<>();
        Scopes.Found all = new Scopes(config.cgroupRoot(), defaultNode, this::isOfThisHost).find();
        logIgnored(all.ignored());
        for (Scopes.Scope scope : all.scopes()) {
            found.put(scope.folder(), scope.node());
            if (!nodeOfScope.containsKey(scope.folder())) {
                log.info("scope_found node=" + scope.node() + " folder=" + scope.folder());
                watchFolder(scope.folder(), false);
            }
        }
        nodeOfScope.keySet().stream().filter(folder -> !found.containsKey(folder)).forEach(watch::remove);
        nodeOfScope.clear();
        nodeOfScope.putAll(found);
    }

    private void logIgnored(List<Scopes.Ignored> now) {
        Map<Path, Scopes.Ignored> before = Map.copyOf(ignored);
        ignored.clear();
        for (Scopes.Ignored scope : now) {
            ignored.put(scope.folder(), scope);
            if (!scope.equals(before.get(scope.folder()))) {
                log.warn("scope_ignored folder=" + scope.folder() + " cause=\"" + scope.cause() + "\"");
            }
        }
    }

    void watchFolder(Path folder, boolean changesToo) {
        try {
            watch.add(folder, changesToo);
        } catch (IOException e) {
            if (Files.isDirectory(folder)) {
                log.warn("watch_failed folder=" + folder + " cause=\"" + e.getMessage()
                        + "\" hint=\"changes between readings are missed there; see fs.inotify in sysctl\"");
            }
        }
    }

    /** @param isNew whether it was created just now, so that its counters started at 0 */
    private void add(Path folder, boolean isNew) {
        Optional<JobName> name = JobName.of(folder.getFileName().toString());
        String node = nodeOfScope.get(folder.getParent());
        if (name.isEmpty() || node == null) {
            return;
        }
        long nanos = clock.nanoTime();
        Removed before = removed.remove(folder);
        JobOnNode job;
        if (before != null) {
            job = before.job();
            job.reopen();
        } else {
            job = new JobOnNode(new JobCgroup(folder, kernel, isNew, nanos), name.get(), node,
                    isNew ? clock.instant() : null, nanos);
        }
        jobs.put(folder, job);
        watchFolder(folder, true);
        job.makeDueAt(nanos + URGENT_INTERVAL);
    }

    /** The cgroup was removed. The reading when it became empty is the last one; without such, the last reading says so. */
    private void remove(JobOnNode job) {
        Path folder = job.cgroup.folder();
        Instant at = clock.instant();
        jobs.remove(folder);
        watch.remove(folder);
        failures.guard(folder.getFileName(), () -> identify(job).ifPresent(identity -> {
            Optional<JobReading> last = job.cgroup.take(identity, at, null, true);
            boolean hasEndedBefore = job.isAbandoned() || job.cgroup.wasNeverPopulated();
            if (last.isPresent() || !hasEndedBefore) {
                batcher.addUrgent(job.node, last.orElseGet(() -> job.cgroup.takeLast(identity, at)));
            }
            prologEvents.remove(identity.jobId());
        }));
        job.cgroup.close();
        removed.put(folder, new Removed(job, clock.nanoTime()));
    }

    /**
     * Whether there is nothing to be read of a job: its cgroup has no processes, and Slurm has not removed it. What is read there
     * would count as time in which the job did nothing. Its last reading is sent once.
     */
    boolean isLeftBehind(JobOnNode job, Instant at, long nanos) {
        job.checkEmpty(nanos);
        if (job.hasBeenEmptyFor(ABANDONED_TIMEOUT, nanos)) {
            reportAbandoned(job, at);
            return true;
        }
        return false;
    }

    private void reportAbandoned(JobOnNode job, Instant at) {
        if (job.markAbandoned()) {
            identify(job).ifPresent(identity -> batcher.addUrgent(job.node, job.cgroup.takeLast(identity, at)));
        }
    }

    Optional<JobCgroup.Identity> identify(JobOnNode job) {
        Optional<JobCgroup.Identity> identity = job.identify(prologEvents, processes);
        if (identity.isEmpty() && job.markUnknown()) {
            log.warn("job_unknown cgroup=" + job.cgroup.folder().getFileName()
                    + " hint=\"neither the prolog nor /proc shows its job id; it is not sampled until one does\"");
        }
        return identity;
    }

    void handle(Watch.Event event) {
        JobOnNode job = jobs.get(event.folder());
        if (event.kind() == Watch.Kind.OVERFLOW) {
            findAll();
        } else if (nodeOfScope.containsKey(event.folder())) {
            handleScope(event.folder().resolve(event.name()), event.kind());
        } else if (job != null && event.kind() == Watch.Kind.MODIFIED) {
            handleJob(job, event.name());
        } else if (job != null && event.kind() == Watch.Kind.DELETED && event.name().startsWith("step_")) {
            // It may have been the last step, and this the last chance to read the job.
            job.read(clock.instant(), clock.nanoTime());
        }
    }

    private void handleScope(Path folder, Watch.Kind kind) {
        JobOnNode job = jobs.get(folder);
        if (job == null) {
            if (kind == Watch.Kind.CREATED) {
                add(folder, true);
            }
        } else if (kind == Watch.Kind.DELETED) {
            remove(job);
        } else {
            job.setCreatedAt(clock.instant());
        }
    }

    private void handleJob(JobOnNode job, String file) {
        Instant at = clock.instant();
        long nanos = clock.nanoTime();
        switch (file) {
            case "memory.events" -> {
                if (job.cgroup.detectKills(at)) {
                    if (nanos - job.readNanos() > MIN_READ_INTERVAL) {
                        job.read(at, nanos); // the job may end before the next reading
                    }
                    job.makeDueAt(Math.max(nanos, job.sentNanos() + URGENT_INTERVAL));
                }
            }
            case "memory.max" -> job.makeDueAt(nanos + URGENT_INTERVAL);
            case "cgroup.events" -> {
                if (job.checkEmpty(nanos)) {
                    job.read(at, nanos);
                }
            }
            default -> {
                // Steps that start and end, and settings that Slurm makes for them.
            }
        }
    }

    void readDue() {
        long nanos = clock.nanoTime();
        for (JobOnNode job : List.copyOf(jobs.values())) {
            if (!job.isDue(nanos)) {
                continue;
            }
            failures.guard(job.cgroup.folder().getFileName(), () -> readOutsideOfCycle(job, nanos));
        }
    }

    private void readOutsideOfCycle(JobOnNode job, long nanos) {
        Instant at = clock.instant();
        if (job.cgroup.exists() && isLeftBehind(job, at, nanos)) {
            job.clearDue();
        } else if (job.read(at, nanos)) {
            identify(job).flatMap(identity -> job.take(identity, at, null, nanos))
                    .ifPresent(reading -> batcher.addUrgent(job.node, reading));
        } else if (!job.cgroup.exists()) {
            remove(job);
        }
    }

    /** Nanoseconds until a job is due; the maximum if none is. */
    long nanosUntilDue() {
        long nanos = clock.nanoTime();
        return jobs.values().stream().mapToLong(job -> job.nanosUntilDue(nanos)).min().orElse(Long.MAX_VALUE);
    }
}
