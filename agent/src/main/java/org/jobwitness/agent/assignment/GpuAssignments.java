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
import org.jobwitness.agent.assignment.IndexOrders.Order;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;

/**
 * Decides which job holds which GPU, from two sources.
 *
 * <p>The prolog reports what Slurm gave to a job, and has priority: only it knows a GPU that a job holds without using it. A UUID
 * names one GPU. An index is Slurm's own count, by PCI address or by the minors of the device files ({@link IndexOrders}). The
 * processes on a GPU belong to jobs by their cgroups, which no user can change.
 *
 * <p>The one order that explains the processes of all jobs is taken. Where both do, and mean different GPUs, the assignment is
 * ambiguous. Where none does, a job's processes show its GPUs, if these are no more than it was given, and none was given to another
 * job: then Slurm counts in an unknown order, and the GPUs of jobs without processes are ambiguous. Any other disagreement makes the
 * assignment ambiguous, too.
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
    /** Of single GPUs, as far as no job is known to hold them. */
    private final Map<Integer, Ambiguity> ambiguitiesIfUnheld = new HashMap<>();
    /** Of all GPUs that no job is known to hold. */
    private final Ambiguity ambiguityOfTheRest = new Ambiguity();
    private final List<String> remarks = new ArrayList<>();
    private final IndexOrders orders;
    /** In which Slurm's indexes may count; empty if no known one explains all processes. */
    private final Set<Order> explaining;
    /** Jobs whose processes show that no known order is Slurm's. */
    private final Set<String> jobsOfOtherOrder = new TreeSet<>();

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
        orders = new IndexOrders(this.gpus);
        explaining = orders.explaining(claims.values(), this::used);
        Map<String, Set<Integer>> given = new LinkedHashMap<>();
        claims.values().forEach(claim -> given.put(claim.jobId(), given(claim)));
        claims.values().forEach(claim -> decide(claim, given));
        if (!jobsOfOtherOrder.isEmpty()) {
            claims.values().forEach(claim -> doubt(claim, given.getOrDefault(claim.jobId(), Set.of())));
        }
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

    /** The GPUs that a prolog named. */
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
            int position = IndexOrders.isIndex(device) ? ofIndex(device, claim) : ofUuid(device);
            if (position < 0) {
                addUnknown(device, claim);
            } else {
                positions.add(position);
                positions.addAll(partitionsOf(position));
            }
        }
        return positions;
    }

    private Order order() {
        return explaining.equals(Set.of(Order.MINOR)) ? Order.MINOR : Order.PCI;
    }

    private int ofIndex(String device, PrologClaim claim) {
        List<Integer> matching = orders.positions(device, claim.vendor(), order());
        return matching.size() == 1 ? matching.getFirst() : -1; // two vendors, and the event names none
    }

    /** A device that no driver knows, such as a lost GPU, may be one of those whose name is not known either, and no other. */
    private void addUnknown(String device, PrologClaim claim) {
        String cause = "Slurm gave " + device + " to job " + claim.jobId() + ", and no driver knows it";
        List<Integer> matching = IndexOrders.isIndex(device)
                ? orders.positions(device, claim.vendor(), order())
                : List.of();
        remarks.add(cause);
        for (int position = 0; position < gpus.size(); position++) {
            if (matching.isEmpty() ? mayBe(device, claim, position) : matching.contains(position)) {
                ambiguitiesIfUnheld.computeIfAbsent(position, _ -> new Ambiguity()).add(List.of(claim.jobId()), cause);
            }
        }
    }

    private boolean mayBe(String device, PrologClaim claim, int position) {
        GpuName name = gpus.get(position).name();
        boolean isWhole = name.parent() == null && partitionsOf(position).isEmpty();
        if (IndexOrders.isIndex(device)) {
            return name.index() == null && isWhole && orders.isOf(claim.vendor(), position);
        }
        // A partition has another name in older drivers, and nvidia-smi does not list them.
        boolean isPartition = device.startsWith("MIG-");
        return name.uuid() == null || (isPartition && name.vendor() == GpuVendor.NVIDIA
                && (name.parent() != null || (isWhole && isPartitioned(position))));
    }

    /** Whether it is known to be partitioned, and its partitions are not. */
    private boolean isPartitioned(int position) {
        return gpus.get(position).absent().containsKey("mig_instances");
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
        if (isUndecided(claim)) {
            holdWhatBothOrdersMean(claim);
            return;
        }
        Set<Integer> unexpected = new TreeSet<>(used);
        unexpected.removeAll(given);
        if (unexpected.isEmpty()) {
            held.put(job, given);
            return;
        }
        boolean areIndexes = IndexOrders.areIndexes(devices);
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

    private boolean isUndecided(PrologClaim claim) {
        return explaining.size() > 1 && IndexOrders.areIndexes(claim.devices())
                && !orders.positions(claim, Order.PCI).equals(orders.positions(claim, Order.MINOR));
    }

    private void holdWhatBothOrdersMean(PrologClaim claim) {
        Set<Integer> sure = new TreeSet<>(orders.positions(claim, Order.PCI));
        Set<Integer> maybe = new TreeSet<>(orders.positions(claim, Order.MINOR));
        maybe.addAll(sure);
        sure.retainAll(orders.positions(claim, Order.MINOR));
        maybe.removeAll(sure);
        List.copyOf(sure).forEach(position -> sure.addAll(partitionsOf(position)));
        held.put(claim.jobId(), sure);
        maybe.forEach(position -> addAmbiguity(position, claim.jobId(),
                "Slurm gave index " + String.join(",", Objects.requireNonNullElse(claim.devices(), List.of()))
                        + " to job " + claim.jobId()
                        + ", which may be a place in the order of PCI addresses or a minor number"));
    }

    /** What was taken for given by an index is not certain where another job shows that Slurm counts otherwise. */
    private void doubt(PrologClaim claim, Set<Integer> given) {
        String job = claim.jobId();
        List<String> devices = claim.devices();
        Set<Integer> used = used(job);
        if (devices == null || !IndexOrders.areIndexes(devices) || jobsOfOtherOrder.contains(job)
                || used.size() >= devices.size()) {
            return;
        }
        String cause = "Slurm counts GPUs in another order than that of PCI addresses, as job "
                + String.join(",", jobsOfOtherOrder) + " shows, and job " + job + " does not use all of its own";
        given.stream().filter(position -> !used.contains(position))
                .forEach(position -> addAmbiguity(position, job, cause));
        ambiguityOfTheRest.add(List.of(job), cause);
        held.put(job, used);
    }

    /** Slurm counts GPUs in another order: the job holds those that it uses. */
    private void acceptOtherOrder(String job, List<String> devices, Set<Integer> given, Set<Integer> used) {
        jobsOfOtherOrder.add(job);
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
        Ambiguity ifUnheld = ambiguitiesIfUnheld.get(position);
        if (ifUnheld != null) {
            return ifUnheld.assignment();
        }
        if (!ambiguityOfTheRest.cause.isEmpty()) {
            return ambiguityOfTheRest.assignment();
        }
        return unreadable.contains(position)
                ? new Assignment.Ambiguous(List.of(), "/proc does not show the job of a process on it")
                : new Assignment.Free();
    }
}
