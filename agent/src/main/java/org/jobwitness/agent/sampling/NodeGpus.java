package org.jobwitness.agent.sampling;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.agent.assignment.Assignment;
import org.jobwitness.agent.assignment.GpuAssignments;
import org.jobwitness.agent.assignment.ProcessOwner;
import org.jobwitness.agent.assignment.PrologClaim;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuReading;
import org.jspecify.annotations.Nullable;

/**
 * Combines the GPUs of the node with its jobs into readings. For the sampler's thread; waits for no driver.
 */
public final class NodeGpus {
    private static final int MAX_TEXT_LENGTH = 256;
    /** More jobs than this are not named for one GPU. */
    private static final int MAX_JOBS = 256;
    private static final int MAX_LOGGED_REMARKS = 1000;

    private final Gpus gpus;
    private final Processes processes;
    private final Failures failures;
    private final Log log;
    /** By source: the time of the last reading that was reported, so that none is reported twice. */
    private final Map<String, Instant> reported = new TreeMap<>();
    private final Set<String> loggedRemarks = new HashSet<>();

    public NodeGpus(Gpus gpus, Processes processes, Log log) {
        this(gpus, processes, new Failures(log), log);
    }

    NodeGpus(Gpus gpus, Processes processes, Failures failures, Log log) {
        this.gpus = gpus;
        this.processes = processes;
        this.failures = failures;
        this.log = log;
    }

    /**
     * A job that is on the node now.
     *
     * @param identity null while its id is unknown
     */
    public record Job(JobOnNode job, JobCgroup.@Nullable Identity identity) {
    }

    /**
     * The readings of all GPUs.
     *
     * @param total null if unknown
     * @param usagePercent the mean over the GPUs whose use is known; null if there are none
     */
    public record All(List<GpuReading> readings, @Nullable Integer total, @Nullable Double usagePercent) {
        static final All NONE = new All(List.of(), null, null);
    }

    /** A GPU, and the start of the interval that its averages stand for; null if there is no interval. */
    private record Observed(GpuState state, @Nullable Instant since) {
    }

    /** The jobs of the node, by what GPUs are matched with. */
    private static final class JobIndex {
        private final Map<String, String> idByFolder = new HashMap<>();
        private final Map<String, JobCgroup.Identity> identities = new HashMap<>();
        private final Set<String> suspended = new HashSet<>();
        private final List<PrologClaim> claims = new ArrayList<>();
        private boolean isAnyUnknown;

        private JobIndex(Collection<Job> jobs, Processes processes) {
            for (Job job : jobs) {
                JobCgroup.Identity identity = job.identity();
                if (identity == null) {
                    isAnyUnknown = true;
                    continue;
                }
                if (identities.putIfAbsent(identity.jobId(), identity) == null) {
                    claims.add(job.job().claim(identity.jobId(), processes));
                }
                idByFolder.put(scopeAndName(job.job().cgroup.folder()), identity.jobId());
                if (job.job().cgroup.wasSuspended()) {
                    suspended.add(identity.jobId());
                }
            }
        }

        /** {@code slurmstepd.scope/job_5}: the end of our path and of the kernel's, whatever precedes it. */
        private static String scopeAndName(Path folder) {
            return folder.subpath(folder.getNameCount() - 2, folder.getNameCount()).toString();
        }
    }

    void readSoon() {
        gpus.readSoon();
    }

    public All read(Collection<Job> jobsOfNode) {
        List<Observed> observed = observed();
        if (observed.isEmpty()) {
            return All.NONE;
        }
        List<GpuState> states = observed.stream().map(Observed::state).toList();
        JobIndex jobs = new JobIndex(jobsOfNode, processes);
        GpuAssignments assignments = new GpuAssignments(states, jobs.claims, jobs.isAnyUnknown,
                pid -> owner(pid, jobs));
        logOnce(assignments.remarks());
        List<Assignment> ofGpus = assignments.assignments();
        List<GpuReading> readings = IntStream.range(0, states.size()).boxed()
                .flatMap(i -> failures.guarded(gpu(states.get(i).name()),
                        () -> Optional.of(reading(observed.get(i), i, ofGpus.get(i), assignments, jobs))).stream())
                .toList();
        readings.forEach(reading -> failures.leftOut("GPU " + reading.gpu(), reading.absent()));
        List<GpuState> whole = states.stream().filter(state -> state.name().parent() == null).toList();
        return new All(readings, whole.size(), usage(whole));
    }

    private static @Nullable Double usage(List<GpuState> whole) {
        OptionalDouble mean = whole.stream().map(GpuState::utilizationPercent).filter(Objects::nonNull)
                .mapToDouble(Double::doubleValue).average();
        return mean.isPresent() ? Double.valueOf(mean.getAsDouble()) : null;
    }

    private List<Observed> observed() {
        List<Observed> observed = new ArrayList<>();
        for (Gpus.SourceState source : gpus.latest().sources()) {
            switch (source) {
                case Gpus.Available available -> observed.addAll(observed(available));
                case Gpus.Unavailable unavailable -> unavailable.gpus()
                        .forEach(name -> observed.add(new Observed(GpuState.unknown(name, unavailable.cause()), null)));
            }
        }
        return observed;
    }

    private List<Observed> observed(Gpus.Available reading) {
        Instant before = reported.put(reading.source(), reading.at());
        if (reading.at().equals(before)) {
            String cause = reading.source() + " has not answered yet";
            return reading.gpus().stream().map(state -> new Observed(GpuState.unknown(state.name(), cause), null))
                    .toList();
        }
        Instant since = reading.interval() == null ? null : reading.at().minus(reading.interval());
        return reading.gpus().stream().map(state -> new Observed(state, since)).toList();
    }

    private ProcessOwner owner(int pid, JobIndex jobs) {
        try {
            String[] names = processes.cgroup(pid).orElse("").split("/", -1);
            for (int i = 1; i < names.length; i++) {
                if (names[i - 1].endsWith("slurmstepd.scope") && JobName.of(names[i]).isPresent()) {
                    String jobId = jobs.idByFolder.get(names[i - 1] + "/" + names[i]);
                    if (jobId != null) {
                        return new ProcessOwner.Job(jobId);
                    }
                    return jobs.isAnyUnknown ? new ProcessOwner.Unreadable() : new ProcessOwner.NoJob();
                }
            }
            return new ProcessOwner.NoJob();
        } catch (IOException e) {
            return new ProcessOwner.Unreadable();
        }
    }

    private void logOnce(List<String> remarks) {
        for (String remark : remarks) {
            if (loggedRemarks.size() < MAX_LOGGED_REMARKS && loggedRemarks.add(remark)) {
                log.warn("gpu_indexes_differ cause=\"" + remark + "\"");
            }
        }
    }

    private static GpuReading reading(Observed observed, int position, Assignment assignment,
            GpuAssignments assignments, JobIndex jobs) {
        GpuState state = observed.state();
        Map<String, String> absent = new TreeMap<>(state.absent());
        List<GpuProcess> onIt = state.processes();
        Long count = onIt == null ? null : Long.valueOf(onIt.size());
        return switch (assignment) {
            case Assignment.Free() -> reading(state, state.utilizationPercent(), count, absent, Holders.NONE);
            case Assignment.Held(String jobId) -> {
                Double utilization = state.utilizationPercent();
                Optional<String> cause = utilization == null ? Optional.empty() : whyNotItsUse(jobId, observed, jobs);
                if (cause.isPresent()) {
                    utilization = null;
                    absent.put("utilization_percent", cause.get());
                }
                if (count != null && assignments.hasUnreadableProcess(position)) {
                    count = null;
                    absent.put("processes", "/proc does not show the jobs of the processes on it");
                } else if (count != null) {
                    count = Long.valueOf(assignments.processes(jobId, position));
                }
                yield reading(state, utilization, count, absent, new Holders(jobId, List.of(), List.of()));
            }
            case Assignment.Shared(List<String> jobIds) -> reading(state, state.utilizationPercent(), count, absent,
                    new Holders(null, jobIds, List.of()));
            case Assignment.Partitioned() -> {
                absent.put("job_id", "it is partitioned, and jobs hold its partitions");
                yield reading(state, state.utilizationPercent(), count, absent, Holders.NONE);
            }
            case Assignment.Ambiguous(List<String> jobIds, String cause) -> {
                absent.put("job_id", cause);
                yield reading(state, state.utilizationPercent(), count, absent, new Holders(null, List.of(), jobIds));
            }
        };
    }

    /** The three fields of a reading that name jobs. */
    private record Holders(@Nullable String jobId, List<String> sharedBy, List<String> claimedBy) {
        private static final Holders NONE = new Holders(null, List.of(), List.of());

        private Holders {
            sharedBy = sharedBy.stream().limit(MAX_JOBS).toList();
            claimedBy = claimedBy.stream().limit(MAX_JOBS).toList();
        }
    }

    private static Optional<String> whyNotItsUse(String jobId, Observed observed, JobIndex jobs) {
        if (jobs.suspended.contains(jobId)) {
            return Optional.of(JobCgroup.SUSPENDED);
        }
        return beganAfter(jobs.identities.get(jobId), observed.since())
                ? Optional.of("the job has held it for less than the interval")
                : Optional.empty();
    }

    private static GpuReading reading(GpuState state, @Nullable Double utilization, @Nullable Long processes,
            Map<String, String> absent, Holders holders) {
        absent.replaceAll((_, cause) -> sanitize(cause));
        GpuName name = state.name();
        return GpuReading.builder(gpu(name))
                .device(name.vendor(), new GpuDevice(name.model() == null ? null : sanitize(name.model()), name.pci(),
                        name.minor(), name.parent()))
                .jobId(holders.jobId()).sharedBy(holders.sharedBy()).claimedBy(holders.claimedBy())
                .put(Figure.UTILIZATION_PERCENT, utilization)
                .put(Figure.MEMORY_USED_BYTES, state.memoryUsedBytes())
                .put(Figure.MEMORY_TOTAL_BYTES, state.memoryTotalBytes()).put(Figure.POWER_WATTS, state.powerWatts())
                .put(Figure.TEMPERATURE_CELSIUS, state.temperatureCelsius())
                .put(Figure.ENERGY_JOULES, state.energyJoules()).put(Figure.PROCESSES, processes)
                .put(Figure.CLOCK_MHZ, state.clockMhz()).throttled(state.throttled())
                .errors(state.eccErrors(), state.xids()).absent(absent).build();
    }

    /** Text of drivers and tools goes into a batch; a batch that the service refuses would cost the jobs their readings. */
    private static String sanitize(String text) {
        String shown = text.replaceAll("\\p{Cntrl}|\\p{Cs}", "?");
        return shown.isBlank() ? "?" : shown.substring(0, Math.min(shown.length(), MAX_TEXT_LENGTH));
    }

    /** The jobs that a reading names. */
    static List<String> jobsOf(GpuReading reading) {
        return Stream.of(Stream.ofNullable(reading.jobId()), reading.sharedBy().stream(), reading.claimedBy().stream())
                .flatMap(names -> names).toList();
    }

    /** The same reading for a batch without all of these jobs. */
    static GpuReading withoutJobs(GpuReading reading) {
        Map<String, String> absent = new TreeMap<>(reading.absent());
        absent.put("job_id", "not all jobs that hold it, or may hold it, are in this batch");
        return reading.toBuilder().jobId(null).sharedBy(List.of()).claimedBy(List.of()).absent(absent).build();
    }

    /** Whether the job started within the interval, so that the mean includes time before it. */
    private static boolean beganAfter(JobCgroup.@Nullable Identity job, @Nullable Instant since) {
        Instant began = job == null ? null : job.since();
        return began != null && since != null && began.isAfter(since);
    }

    /** A GPU without a UUID is named by its index, or its PCI address. */
    private static String gpu(GpuName name) {
        if (name.uuid() != null) {
            return name.uuid();
        }
        return name.index() == null ? String.valueOf(name.pci()) : String.valueOf(name.index());
    }
}
