package org.jobwitness.agent.assignment;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;

/**
 * Decides which job holds which GPU, from two sources.
 *
 * <p>The prolog reports what Slurm gave to a job, and has priority: only it knows a GPU that a job holds without using it. A UUID
 * names one GPU. An index is Slurm's own count, by PCI address if its gres.conf keeps that order, and is not the minor of the device
 * file. The processes on a GPU belong to jobs by their cgroups, which no user can change.
 *
 * <p>A job's processes may be on other GPUs than its indexes mean. If these are no more than the job was given, and none was given to
 * another job, then Slurm counts in another order and the processes show the job's GPUs. Any other disagreement makes the assignment
 * ambiguous.
 */
public final class GpuAssignments {
    private final List<GpuState> gpus;
    private final Map<String, PrologClaim> claims = new LinkedHashMap<>();
    /** By job: the GPUs with processes of it, as positions in the list, and their number. */
    private final Map<String, Map<Integer, Integer>> processes = new TreeMap<>();
    private final Set<Integer> unreadable = new TreeSet<>();
    /** By job: the GPUs that it holds, as far as that is certain. */
    private final Map<String, Set<Integer>> held = new TreeMap<>();
    private final Map<Integer, Ambiguity> ambiguities = new HashMap<>();
    /** Of all GPUs that no job is known to hold. */
    private final Ambiguity ambiguityOfTheRest = new Ambiguity();
    private final List<String> remarks = new ArrayList<>();

    /** Jobs that may hold a GPU, and the first cause. */
    private static final class Ambiguity {
        private final Set<String> jobs = new TreeSet<>();
        private String cause = "";

        private void add(Collection<String> more, String why) {
            jobs.addAll(more);
            cause = cause.isEmpty() ? why : cause;
        }

        private Assignment assignment() {
            return new Assignment.Ambiguous(List.copyOf(jobs), cause);
        }
    }

    /**
     * @param gpus all of the node, with the processes on them
     * @param jobs all of the node, whether or not they hold one
     * @param isAnyJobUnknown whether there is another job, whose id is unknown
     */
    public GpuAssignments(List<GpuState> gpus, Collection<PrologClaim> jobs, boolean isAnyJobUnknown,
            IntFunction<ProcessOwner> owners) {
        this.gpus = List.copyOf(gpus);
        jobs.forEach(claim -> claims.put(claim.jobId(), claim));
        if (isAnyJobUnknown) {
            ambiguityOfTheRest.add(List.of(), "a job on the node has an unknown id");
        }
        countProcesses(owners);
        Map<String, Set<Integer>> given = new LinkedHashMap<>();
        claims.values().forEach(claim -> given.put(claim.jobId(), given(claim)));
        claims.values().forEach(claim -> decide(claim, given));
    }

    /** The assignment of each GPU, in the order of the GPUs. */
    public List<Assignment> assignments() {
        return IntStream.range(0, gpus.size()).mapToObj(this::assignment).toList();
    }

    /** The number of processes that a job has on a GPU. */
    public int processes(String jobId, int position) {
        return processes.getOrDefault(jobId, Map.of()).getOrDefault(position, 0);
    }

    /** Whether a process on the GPU belongs to an unknown job because /proc does not show it. */
    public boolean hasUnreadableProcess(int position) {
        return unreadable.contains(position);
    }

    /** What an administrator should know about the decisions. */
    public List<String> remarks() {
        return List.copyOf(remarks);
    }

    private void countProcesses(IntFunction<ProcessOwner> owners) {
        for (int position = 0; position < gpus.size(); position++) {
            List<GpuProcess> onIt = gpus.get(position).processes();
            for (GpuProcess process : onIt == null ? List.<GpuProcess>of() : onIt) {
                switch (owners.apply(process.pid())) {
                    case ProcessOwner.Job(String jobId) -> processes.computeIfAbsent(jobId, _ -> new TreeMap<>())
                            .merge(position, 1, Integer::sum);
                    case ProcessOwner.Unreadable() -> unreadable.add(position);
                    case ProcessOwner.NoJob() -> {
                        // The node's own processes hold no GPU.
                    }
                }
            }
        }
    }

    /** The GPUs that a prolog named. One that no driver knows makes all unheld GPUs ambiguous. */
    private Set<Integer> given(PrologClaim claim) {
        Set<Integer> positions = new TreeSet<>();
        List<String> devices = claim.devices();
        if (devices == null) {
            String hint = claim.hint();
            ambiguityOfTheRest.add(List.of(claim.jobId()), "the prolog event of job " + claim.jobId() + " was not seen"
                    + (hint == null ? "" : "; its environment has SLURM_JOB_GPUS=" + hint));
            return positions;
        }
        for (String device : devices) {
            int position = isIndex(device) ? ofIndex(device, claim) : ofUuid(device);
            if (position < 0) {
                ambiguityOfTheRest.add(List.of(claim.jobId()),
                        "Slurm gave " + device + " to job " + claim.jobId() + ", and no driver knows it");
            } else {
                positions.add(position);
                positions.addAll(partitionsOf(position));
            }
        }
        return positions;
    }

    private static boolean isIndex(String device) {
        return device.matches("[0-9]{1,3}");
    }

    private int ofIndex(String device, PrologClaim claim) {
        Integer index = Integer.valueOf(device);
        List<Integer> matching = new ArrayList<>();
        for (int position = 0; position < gpus.size(); position++) {
            GpuName name = gpus.get(position).name();
            if (index.equals(name.index()) && (claim.vendor() == null || claim.vendor() == name.vendor())) {
                matching.add(position);
            }
        }
        return matching.size() == 1 ? matching.getFirst() : -1; // two vendors, and the event names none
    }

    private int ofUuid(String device) {
        for (int position = 0; position < gpus.size(); position++) {
            String uuid = gpus.get(position).name().uuid();
            if (device.equalsIgnoreCase(uuid)) {
                return position;
            }
        }
        return -1;
    }

    private List<Integer> partitionsOf(int position) {
        String uuid = gpus.get(position).name().uuid();
        List<Integer> partitions = new ArrayList<>();
        for (int other = 0; uuid != null && other < gpus.size(); other++) {
            if (uuid.equals(gpus.get(other).name().parent())) {
                partitions.add(other);
            }
        }
        return partitions;
    }

    private void decide(PrologClaim claim, Map<String, Set<Integer>> allGiven) {
        String job = claim.jobId();
        Set<Integer> given = allGiven.getOrDefault(job, Set.of());
        Set<Integer> used = used(job);
        List<String> devices = claim.devices();
        if (devices == null) {
            held.put(job, used);
            return;
        }
        Set<Integer> unexpected = new TreeSet<>(used);
        unexpected.removeAll(given);
        if (unexpected.isEmpty()) {
            held.put(job, given);
            return;
        }
        boolean areIndexes = !devices.isEmpty() && devices.stream().allMatch(GpuAssignments::isIndex);
        boolean areGivenToOthers = allGiven.entrySet().stream().filter(other -> !other.getKey().equals(job))
                .anyMatch(other -> other.getValue().stream().anyMatch(unexpected::contains));
        if (areIndexes && !areGivenToOthers && used.size() <= devices.size()) {
            acceptOtherOrder(job, devices, given, used);
            return;
        }
        held.put(job, given);
        unexpected.forEach(position -> addAmbiguity(position, job,
                "a process of job " + job + " is on it, and Slurm did not give it to that job"));
        if (areIndexes) {
            given.stream().filter(position -> !used.contains(position)).forEach(position -> addAmbiguity(position, job,
                    "Slurm gave it to job " + job + " by its index, and that job uses another"));
        }
    }

    /** Slurm counts GPUs in another order: the job holds those that it uses. */
    private void acceptOtherOrder(String job, List<String> devices, Set<Integer> given, Set<Integer> used) {
        held.put(job, used);
        remarks.add("Slurm's indexes of job " + job + " are " + String.join(",", devices)
                + ", and its processes are on others in the order of PCI addresses: "
                + String.join(",", used.stream().map(this::indexAndPci).toList()));
        if (used.size() < devices.size()) {
            given.stream().filter(position -> !used.contains(position)).forEach(position -> addAmbiguity(position, job,
                    "Slurm counts GPUs in another order than that of PCI addresses, and job " + job
                            + " does not use all of its own"));
        }
    }

    /** The GPUs with processes of a job; of a partitioned one, only the partitions. */
    private Set<Integer> used(String job) {
        Set<Integer> used = new TreeSet<>(processes.getOrDefault(job, Map.of()).keySet());
        used.removeIf(position -> !partitionsOf(position).isEmpty());
        return used;
    }

    private void addAmbiguity(int position, String job, String cause) {
        ambiguities.computeIfAbsent(position, _ -> new Ambiguity()).add(List.of(job), cause);
    }

    private String indexAndPci(int position) {
        GpuName name = gpus.get(position).name();
        return Objects.requireNonNullElse(name.index(), "?") + " (" + name.pci() + ")";
    }

    private Assignment assignment(int position) {
        List<String> holders = held.entrySet().stream().filter(job -> job.getValue().contains(position))
                .map(Map.Entry::getKey).toList();
        Ambiguity ambiguity = ambiguities.get(position);
        if (ambiguity != null) {
            ambiguity.jobs.addAll(holders);
            return ambiguity.assignment();
        }
        if (holders.size() > 1) {
            return new Assignment.Shared(holders);
        }
        if (holders.size() == 1) {
            return new Assignment.Held(holders.getFirst());
        }
        if (!partitionsOf(position).isEmpty()) {
            return new Assignment.Partitioned();
        }
        if (!ambiguityOfTheRest.cause.isEmpty()) {
            return ambiguityOfTheRest.assignment();
        }
        return unreadable.contains(position)
                ? new Assignment.Ambiguous(List.of(), "/proc does not show the job of a process on it")
                : new Assignment.Free();
    }
}
