package org.jobwitness.agent;

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
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.holder.Claim;
import org.jobwitness.agent.holder.Holders;
import org.jobwitness.agent.holder.Holding;
import org.jobwitness.agent.holder.Owner;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuReading;
import org.jspecify.annotations.Nullable;

/**
 * The GPUs of the node and the jobs of the node, put together into what is told of each GPU. Used by the sampler's thread, and
 * waits for no driver.
 */
final class NodeGpus {
    private static final int LONGEST_CAUSE = 256;
    /** More jobs than this are not named for one GPU. */
    private static final int MOST_JOBS = 256;

    private final Gpus gpus;
    private final Processes processes;
    private final Log log;
    /** By source: when what was told last was read, so that nothing is told twice. */
    private final Map<String, Instant> told = new TreeMap<>();
    private final Set<String> saidRemarks = new HashSet<>();

    NodeGpus(Gpus gpus, Processes processes, Log log) {
        this.gpus = gpus;
        this.processes = processes;
        this.log = log;
    }

    /**
     * A job that is on the node now.
     *
     * @param identity null while nobody told its id
     */
    record Job(JobOnNode job, JobCgroup.@Nullable Identity identity) {
    }

    /**
     * What is told of all of them.
     *
     * @param total null if no driver told how many there are
     * @param usagePercent the mean of those whose use is known; null if none is
     */
    record All(List<GpuReading> readings, @Nullable Integer total, @Nullable Double usagePercent) {
    }

    /** A GPU, and since when what is said of it holds; null if it holds for no interval. */
    private record Seen(GpuState state, @Nullable Instant since) {
    }

    void readSoon() {
        gpus.readSoon();
    }

    All read(Collection<Job> jobs) {
        List<Seen> seen = seen();
        if (seen.isEmpty()) {
            return new All(List.of(), null, null);
        }
        List<GpuState> states = seen.stream().map(Seen::state).toList();
        Map<String, String> jobOfFolder = new HashMap<>();
        Map<String, JobCgroup.Identity> identities = new HashMap<>();
        Set<String> suspended = new HashSet<>();
        List<Claim> claims = new ArrayList<>();
        for (Job job : jobs) {
            JobCgroup.Identity identity = job.identity();
            if (identity != null && identities.putIfAbsent(identity.jobId(), identity) == null) {
                claims.add(job.job().claim(identity.jobId(), processes));
            }
            if (identity != null) {
                jobOfFolder.put(scopeAndName(job.job().cgroup.folder()), identity.jobId());
                if (job.job().cgroup.wasSuspended()) {
                    suspended.add(identity.jobId());
                }
            }
        }
        boolean isJobNameless = jobs.stream().anyMatch(job -> job.identity() == null);
        Holders holders = new Holders(states, claims, isJobNameless, pid -> owner(pid, jobOfFolder, isJobNameless));
        say(holders.remarks());
        List<Holding> holdings = holders.holdings();
        List<GpuReading> readings = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            readings.add(reading(seen.get(i), i, holdings.get(i), holders, identities, suspended));
        }
        return new All(readings, (int) whole(states), usage(states));
    }

    private static long whole(List<GpuState> states) {
        return states.stream().filter(state -> state.name().parent() == null).count();
    }

    private static @Nullable Double usage(List<GpuState> states) {
        OptionalDouble mean = states.stream().filter(state -> state.name().parent() == null)
                .map(GpuState::utilizationPercent).filter(Objects::nonNull).mapToDouble(Double::doubleValue).average();
        return mean.isPresent() ? Double.valueOf(mean.getAsDouble()) : null;
    }

    // --- what the drivers say ---------------------------------------------------------------------------------------

    private List<Seen> seen() {
        List<Seen> seen = new ArrayList<>();
        for (Gpus.Answer answer : gpus.latest().answers()) {
            switch (answer) {
                case Gpus.Told reading -> seen.addAll(seen(reading));
                case Gpus.Silent silent -> silent.gpus()
                        .forEach(name -> seen.add(new Seen(GpuState.unknown(name, silent.cause()), null)));
            }
        }
        return seen;
    }

    private List<Seen> seen(Gpus.Told reading) {
        Instant before = told.put(reading.source(), reading.at());
        if (reading.at().equals(before)) {
            String cause = reading.source() + " has not answered yet";
            return reading.gpus().stream().map(state -> new Seen(GpuState.unknown(state.name(), cause), null)).toList();
        }
        Instant since = reading.interval() == null ? null : reading.at().minus(reading.interval());
        return reading.gpus().stream().map(state -> new Seen(state, since)).toList();
    }

    // --- whose they are ---------------------------------------------------------------------------------------------

    /** {@code slurmstepd.scope/job_5}, which is how both our folder and the kernel's path end, whatever stands before. */
    private static String scopeAndName(Path folder) {
        return folder.subpath(folder.getNameCount() - 2, folder.getNameCount()).toString();
    }

    private Owner owner(int pid, Map<String, String> jobOfFolder, boolean isJobNameless) {
        try {
            String[] names = processes.cgroup(pid).orElse("").split("/", -1);
            for (int i = 1; i < names.length; i++) {
                if (names[i - 1].endsWith("slurmstepd.scope") && JobName.of(names[i]).isPresent()) {
                    String jobId = jobOfFolder.get(names[i - 1] + "/" + names[i]);
                    if (jobId != null) {
                        return new Owner.Job(jobId);
                    }
                    return isJobNameless ? new Owner.Hidden() : new Owner.Nobody();
                }
            }
            return new Owner.Nobody();
        } catch (IOException e) {
            return new Owner.Hidden();
        }
    }

    private void say(List<String> remarks) {
        for (String remark : remarks) {
            if (saidRemarks.size() < 1000 && saidRemarks.add(remark)) {
                log.warn("gpu_indexes_differ cause=\"" + remark + "\"");
            }
        }
    }

    private static GpuReading reading(Seen seen, int position, Holding holding, Holders holders,
            Map<String, JobCgroup.Identity> identities, Set<String> suspended) {
        GpuState state = seen.state();
        Map<String, String> absent = new TreeMap<>(state.absent());
        Double utilization = state.utilizationPercent();
        List<GpuProcess> onIt = state.processes();
        Long processes = onIt == null ? null : Long.valueOf(onIt.size());
        String jobId = null;
        List<String> sharedBy = List.of();
        List<String> claimedBy = List.of();
        switch (holding) {
            case Holding.Free() -> {
                // No name of a job, and no cause: none holds it.
            }
            case Holding.Held(String holder) -> {
                jobId = holder;
                if (utilization != null && suspended.contains(holder)) {
                    utilization = null;
                    absent.put("utilization_percent", JobCgroup.SUSPENDED);
                } else if (utilization != null && began(identities.get(holder), seen.since())) {
                    utilization = null;
                    absent.put("utilization_percent", "the job has held it for less than the interval");
                }
                if (processes != null && holders.hidesProcesses(position)) {
                    processes = null;
                    absent.put("processes", "/proc does not tell whose the processes on it are");
                } else if (processes != null) {
                    processes = Long.valueOf(holders.processes(holder, position));
                }
            }
            case Holding.Shared(List<String> jobIds) -> sharedBy = jobIds.stream().limit(MOST_JOBS).toList();
            case Holding.Parted() -> absent.put("job_id", "it is divided, and jobs hold its parts");
            case Holding.Unsure(List<String> jobIds, String cause) -> {
                claimedBy = jobIds.stream().limit(MOST_JOBS).toList();
                absent.put("job_id", cause);
            }
        }
        absent.replaceAll((_, cause) -> plain(cause));
        GpuName name = state.name();
        return GpuReading.builder(gpu(name))
                .device(name.vendor(), new GpuDevice(name.model() == null ? null : plain(name.model()), name.pci(),
                        name.minor(), name.parent()))
                .jobId(jobId).sharedBy(sharedBy).claimedBy(claimedBy).put(Figure.UTILIZATION_PERCENT, utilization)
                .put(Figure.MEMORY_USED_BYTES, state.memoryUsedBytes())
                .put(Figure.MEMORY_TOTAL_BYTES, state.memoryTotalBytes()).put(Figure.POWER_WATTS, state.powerWatts())
                .put(Figure.TEMPERATURE_CELSIUS, state.temperatureCelsius())
                .put(Figure.ENERGY_JOULES, state.energyJoules()).put(Figure.PROCESSES, processes)
                .put(Figure.CLOCK_MHZ, state.clockMhz()).throttled(state.throttled())
                .errors(state.eccErrors(), state.xid()).absent(absent).build();
    }

    /** What drivers and tools say goes into a batch, and one that the service refuses would cost the jobs their readings. */
    private static String plain(String text) {
        String shown = text.replaceAll("\\p{Cntrl}|\\p{Cs}", "?");
        return shown.isBlank() ? "?" : shown.substring(0, Math.min(shown.length(), LONGEST_CAUSE));
    }

    /** The jobs that a reading names. */
    static List<String> jobsOf(GpuReading reading) {
        return Stream.of(Stream.ofNullable(reading.jobId()), reading.sharedBy().stream(), reading.claimedBy().stream())
                .flatMap(names -> names).toList();
    }

    /** The same for a batch in which not all of its jobs are. */
    static GpuReading withoutJobs(GpuReading reading) {
        Map<String, String> absent = new TreeMap<>(reading.absent());
        absent.put("job_id", "not all jobs that hold it, or may, were read with it");
        return reading.toBuilder().jobId(null).sharedBy(List.of()).claimedBy(List.of()).absent(absent).build();
    }

    /** Whether the job came after the interval had begun, so that what was before it is in the mean. */
    private static boolean began(JobCgroup.@Nullable Identity job, @Nullable Instant since) {
        Instant came = job == null ? null : job.since();
        return came != null && since != null && came.isAfter(since);
    }

    /** The name of a GPU that has no UUID is its place on the node. */
    private static String gpu(GpuName name) {
        if (name.uuid() != null) {
            return name.uuid();
        }
        return name.index() == null ? String.valueOf(name.pci()) : String.valueOf(name.index());
    }
}
