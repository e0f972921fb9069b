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
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;

/**
 * Decides which job holds which GPU, of two witnesses.
 *
 * <p>The prolog says what Slurm gave to a job, and is believed first: it alone knows of a GPU that a job holds and does not use. A
 * UUID names one GPU. An index is Slurm's own count, by PCI address if its gres.conf keeps that order, and is not the minor of the
 * device file. The processes on a GPU belong to jobs by their cgroups, which no user can change.
 *
 * <p>Where a job's processes are on other GPUs than its indexes mean, on as many as it was given and on none that another job
 * was given, then Slurm counts in another order and the processes tell which they are. Any other disagreement is one:
 * nobody is called the holder.
 */
public final class GpuAssignments {
    private final List<GpuState> gpus;
    private final Map<String, PrologClaim> claims = new LinkedHashMap<>();
    /** By job: the GPUs on which it has processes, as positions in the list, and how many. */
    private final Map<String, Map<Integer, Integer>> seen = new TreeMap<>();
    private final Set<Integer> hidden = new TreeSet<>();
    /** By job: the GPUs that it holds, as far as that is sure. */
    private final Map<String, Set<Integer>> held = new TreeMap<>();
    private final Map<Integer, Doubt> doubts = new HashMap<>();
    private final Doubt doubtOfTheRest = new Doubt();
    private final List<String> remarks = new ArrayList<>();

    /** Jobs that may hold a GPU, and the first reason not to know. */
    private static final class Doubt {
        private final Set<String> jobs = new TreeSet<>();
        private String cause = "";

        private void add(Collection<String> more, String why) {
            jobs.addAll(more);
            cause = cause.isEmpty() ? why : cause;
        }
    }

    /**
     * @param gpus all of the node, with what is on them
     * @param jobs all of the node, whether or not they hold one
     * @param isJobNameless whether there is one more, of which nobody told even the id
     */
    public GpuAssignments(List<GpuState> gpus, Collection<PrologClaim> jobs, boolean isJobNameless, IntFunction<ProcessOwner> owners) {
        this.gpus = List.copyOf(gpus);
        jobs.forEach(claim -> claims.put(claim.jobId(), claim));
        if (isJobNameless) {
            doubtOfTheRest.add(List.of(), "there is a job on the node whose id nobody told");
        }
        lookAtProcesses(owners);
        Map<String, Set<Integer>> given = new LinkedHashMap<>();
        claims.values().forEach(claim -> given.put(claim.jobId(), given(claim)));
        claims.values().forEach(claim -> settle(claim, given));
    }

    /** Who holds each GPU, in their order. */
    public List<Assignment> holdings() {
        List<Assignment> holdings = new ArrayList<>();
        for (int position = 0; position < gpus.size(); position++) {
            holdings.add(holding(position));
        }
        return holdings;
    }

    /** How many processes a job has on a GPU. */
    public int processes(String jobId, int position) {
        return seen.getOrDefault(jobId, Map.of()).getOrDefault(position, 0);
    }

    /** Whether a process is on a GPU of which /proc does not tell whose it is. */
    public boolean hidesProcesses(int position) {
        return hidden.contains(position);
    }

    /** What an administrator should know of how it was decided. */
    public List<String> remarks() {
        return List.copyOf(remarks);
    }

    private void lookAtProcesses(IntFunction<ProcessOwner> owners) {
        for (int position = 0; position < gpus.size(); position++) {
            List<GpuProcess> processes = gpus.get(position).processes();
            if (processes == null) {
                continue;
            }
            for (GpuProcess process : processes) {
                switch (owners.apply(process.pid())) {
                    case ProcessOwner.Job(String jobId) -> seen.computeIfAbsent(jobId, _ -> new TreeMap<>())
                            .merge(position, 1, Integer::sum);
                    case ProcessOwner.Hidden() -> hidden.add(position);
                    case ProcessOwner.Nobody() -> {
                        // What the node itself runs holds no GPU.
                    }
                }
            }
        }
    }

    // --- what the prolog said ---------------------------------------------------------------------------------------

    /** The GPUs that a prolog named; one that nobody knows is a doubt of all that no other job holds. */
    private Set<Integer> given(PrologClaim claim) {
        Set<Integer> positions = new TreeSet<>();
        List<String> devices = claim.devices();
        if (devices == null) {
            String hint = claim.hint();
            doubtOfTheRest.add(List.of(claim.jobId()), "nobody heard the prolog of job " + claim.jobId()
                    + (hint == null ? "" : ", whose environment says " + hint));
            return positions;
        }
        for (String device : devices) {
            int position = isIndex(device) ? ofIndex(device, claim) : ofUuid(device);
            if (position < 0) {
                doubtOfTheRest.add(List.of(claim.jobId()),
                        "Slurm gave " + device + " to job " + claim.jobId() + ", and no driver knows it");
            } else {
                positions.add(position);
                positions.addAll(partsOf(position));
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
        return matching.size() == 1 ? matching.getFirst() : -1; // of two vendors, nobody said whose
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

    private List<Integer> partsOf(int position) {
        String uuid = gpus.get(position).name().uuid();
        List<Integer> parts = new ArrayList<>();
        for (int other = 0; uuid != null && other < gpus.size(); other++) {
            if (uuid.equals(gpus.get(other).name().parent())) {
                parts.add(other);
            }
        }
        return parts;
    }

    // --- beside what the processes say ------------------------------------------------------------------------------

    private void settle(PrologClaim claim, Map<String, Set<Integer>> allGiven) {
        String job = claim.jobId();
        Set<Integer> given = allGiven.getOrDefault(job, Set.of());
        Set<Integer> used = used(job);
        List<String> devices = claim.devices();
        if (devices == null) {
            held.put(job, used);
            return;
        }
        Set<Integer> strange = new TreeSet<>(used);
        strange.removeAll(given);
        if (strange.isEmpty()) {
            held.put(job, given);
            return;
        }
        boolean areIndexes = !devices.isEmpty() && devices.stream().allMatch(GpuAssignments::isIndex);
        boolean areOthers = allGiven.entrySet().stream().filter(other -> !other.getKey().equals(job))
                .anyMatch(other -> other.getValue().stream().anyMatch(strange::contains));
        if (areIndexes && !areOthers && used.size() <= devices.size()) {
            held.put(job, used);
            remarks.add("Slurm's indexes of job " + job + " are " + String.join(",", devices)
                    + ", and its processes are on others in the order of PCI addresses: "
                    + String.join(",", used.stream().map(this::shown).toList()));
            if (used.size() < devices.size()) {
                given.stream().filter(position -> !used.contains(position)).forEach(position -> doubt(position, job,
                        "Slurm counts GPUs in another order than that of PCI addresses, and job " + job
                                + " does not use all of its own"));
            }
            return;
        }
        held.put(job, given);
        strange.forEach(position -> doubt(position, job,
                "a process of job " + job + " is on it, and Slurm did not give it to that job"));
        if (areIndexes) {
            given.stream().filter(position -> !used.contains(position)).forEach(position -> doubt(position, job,
                    "Slurm gave it to job " + job + " by its index, and that job uses another"));
        }
    }

    /** The GPUs that a job has processes on; of one in parts, only the parts. */
    private Set<Integer> used(String job) {
        Set<Integer> used = new TreeSet<>(seen.getOrDefault(job, Map.of()).keySet());
        used.removeIf(position -> !partsOf(position).isEmpty());
        return used;
    }

    private void doubt(int position, String job, String cause) {
        doubts.computeIfAbsent(position, _ -> new Doubt()).add(List.of(job), cause);
    }

    private String shown(int position) {
        GpuName name = gpus.get(position).name();
        return Objects.requireNonNullElse(name.index(), "?") + " (" + name.pci() + ")";
    }

    private Assignment holding(int position) {
        List<String> holders = held.entrySet().stream().filter(job -> job.getValue().contains(position))
                .map(Map.Entry::getKey).toList();
        Doubt doubt = doubts.get(position);
        if (doubt != null) {
            doubt.jobs.addAll(holders);
            return new Assignment.Unsure(List.copyOf(doubt.jobs), doubt.cause);
        }
        if (holders.size() > 1) {
            return new Assignment.Shared(holders);
        }
        if (holders.size() == 1) {
            return new Assignment.Held(holders.getFirst());
        }
        if (!partsOf(position).isEmpty()) {
            return new Assignment.Parted();
        }
        if (!doubtOfTheRest.cause.isEmpty()) {
            return new Assignment.Unsure(List.copyOf(doubtOfTheRest.jobs), doubtOfTheRest.cause);
        }
        return hidden.contains(position)
                ? new Assignment.Unsure(List.of(), "a process is on it, and /proc does not tell whose")
                : new Assignment.Free();
    }
}
