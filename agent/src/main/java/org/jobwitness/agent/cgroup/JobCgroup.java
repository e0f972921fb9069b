package org.jobwitness.agent.cgroup;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.Set;
import java.util.TreeMap;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * One job on this node: its cgroup, whose files are kept open, and its figures. The folder counts for everything below it, so
 * steps are read only after an OOM kill in one of them.
 *
 * <p>For one thread.
 */
public final class JobCgroup implements Closeable {
    /** Missing files are opened again after so many readings: a site may enable a controller. */
    private static final int REOPEN_INTERVAL = 20;
    /** More OOM kills than this between two readings are counted, but not reported one by one. */
    private static final int MAX_PENDING_KILLS = 64;
    private static final Map<Figure, CgroupFile> FILE_OF = CgroupFile.byFigure();
    /** Why a figure of use is absent. */
    public static final String SUSPENDED = "the job was suspended";
    private static final String NO_NUMBER = " has no whole number that fits 63 bits";

    private final Path folder;
    private final String pathBelowRoot;
    private final Kernel kernel;
    private final Map<CgroupFile, KernelFile> files = new EnumMap<>(CgroupFile.class);
    private final Map<CgroupFile, String> problems = new EnumMap<>(CgroupFile.class);
    /** Files that were open, and then could not be read: the cgroup was removed, or has lost a controller. */
    private final Set<CgroupFile> lost = EnumSet.noneOf(CgroupFile.class);
    /** Figures of which the last reading had something that is no number. */
    private final Set<Figure> odd = EnumSet.noneOf(Figure.class);
    private boolean isUnlimited;
    private boolean isCpuListOdd;
    private final Counters counters = new Counters();
    private final List<OomKill> kills = new ArrayList<>();
    /** The counts in memory.events at the last look: a job that ends right after a kill is not read again. */
    private final Map<Figure, Long> oomCounters = new EnumMap<>(Figure.class);
    private OomKillDetector oomKills;
    private ProcessIo processIo;
    private Suspension suspension;
    private @Nullable KernelFile state;
    private @Nullable KernelFile cpuset;
    private @Nullable KernelFile allowedCpus;
    private int readings;
    private boolean wasPopulated;
    /** As far as it is known. */
    private boolean isPopulated = true;
    /** Whether all was read after its last process had ended: nothing can be missing then. */
    private boolean wasReadEmpty;
    /** Null where it was taken. */
    private @Nullable CgroupReading latest;
    /** What a reading is compared with: the last one that was taken. */
    private Baseline baseline;
    /** That of the next reading, once one was taken. */
    private @Nullable Baseline nextBaseline;
    /** Null if unknown. */
    private @Nullable Boolean suspendedBefore;

    /** The parts of the kernel that all cgroups are read with. */
    public record Kernel(Path cgroupRoot, Path proc, KernelText text, BlockDevices devices) {
        public Kernel(Path cgroupRoot, Path proc, Path sys) {
            this(cgroupRoot, proc, new KernelText(), new BlockDevices(sys.resolve("dev/block")));
        }
    }

    /** The identity of a job, as far as it is known. */
    public record Identity(String jobId, @Nullable String sluid, @Nullable Instant startTime, @Nullable Instant since,
            @Nullable Long uid, @Nullable String user) {
        /** Nothing is known except the id. */
        public static Identity of(String jobId) {
            Instant unknown = null;
            return new Identity(jobId, null, unknown, unknown, null, null);
        }
    }

    /**
     * Where the interval of the next reading begins, and what is known of it so far.
     *
     * @param nanos its begin; {@code readNanos} is that of the last look within it
     * @param cpuUsec CPU time at its begin; null if unknown
     * @param suspended how long the job was suspended in it; null if unknown
     * @param wasSuspended whether the job was suspended at its begin, or at any look in it
     */
    private record Baseline(long nanos, @Nullable Long cpuUsec, long readNanos, @Nullable Duration suspended,
            boolean wasSuspended) {
        static Baseline at(long nanos, @Nullable Long cpuUsec) {
            return new Baseline(nanos, cpuUsec, nanos, Duration.ZERO, false);
        }
    }

    /** Opens its files; {@code isNew} if the cgroup was made just now, so that its counters started at 0. */
    public JobCgroup(Path folder, Kernel kernel, boolean isNew, long nanos) {
        this.folder = folder;
        this.kernel = kernel;
        pathBelowRoot = "/" + kernel.cgroupRoot.relativize(folder);
        oomKills = new OomKillDetector(folder);
        processIo = new ProcessIo(kernel.proc, folder);
        suspension = new Suspension(folder);
        open();
        suspendedBefore = suspension.isOn(kernel.text);
        suspension.frozenSince(kernel.text);
        Map<Figure, Long> values = values();
        oomKills.begin(values.getOrDefault(Figure.OOM_EVENTS, 0L), values.getOrDefault(Figure.OOM_KILLS, 0L),
                kernel.text);
        baseline = Baseline.at(nanos, isNew ? Long.valueOf(0) : null);
    }

    public Path folder() {
        return folder;
    }

    /** The cgroup was removed, and has been recreated, with counters that start at 0. */
    public void reopen() {
        close();
        counters.restart();
        oomCounters.clear();
        oomKills = new OomKillDetector(folder);
        processIo = new ProcessIo(kernel.proc, folder);
        suspension = new Suspension(folder);
        wasPopulated = false;
        wasReadEmpty = false;
        lost.clear();
        open();
    }

    /** The slurmstepd processes of its steps. */
    public List<Integer> daemons() {
        return new Steps(folder).daemons(kernel.text);
    }

    /** Its own processes. */
    public List<Integer> tasks() {
        return new Steps(folder).tasks(kernel.text);
    }

    public boolean exists() {
        return Files.isDirectory(folder);
    }

    /** Whether its last process has ended: the last moment to read it. Slurm removes it within milliseconds. */
    public boolean hasEmptied() {
        KernelFile file = state;
        if (file == null) {
            return false;
        }
        try {
            file.read(kernel.text);
        } catch (IOException e) {
            return false; // already removed
        }
        isPopulated = kernel.text.keyed("populated") != 0;
        wasPopulated |= isPopulated;
        return wasPopulated && !isPopulated;
    }

    /**
     * Whether it had no process at the last look, and none before: one that Slurm makes just now, or left behind before it was
     * opened here.
     */
    public boolean wasNeverPopulated() {
        return !isPopulated && !wasPopulated;
    }

    /** Keeps the time of each new OOM kill in memory.events, for the next reading. True if there is one. */
    public boolean detectKills(Instant at) {
        KernelFile file = files.get(CgroupFile.MEMORY_EVENTS);
        if (file == null) {
            return false;
        }
        try {
            file.read(kernel.text);
        } catch (IOException e) {
            return false;
        }
        long ooms = kernel.text.keyed("oom");
        long killed = kernel.text.keyed("oom_kill");
        if (ooms == KernelText.NONE || killed == KernelText.NONE) {
            return false;
        }
        oomCounters.put(Figure.OOM_EVENTS, ooms);
        oomCounters.put(Figure.OOM_KILLS, killed);
        return addKills(at, ooms, killed);
    }

    private boolean addKills(Instant at, long ooms, long killed) {
        List<OomKill> more = oomKills.since(at, ooms, killed, kernel.text);
        more.stream().limit(MAX_PENDING_KILLS - (long) kills.size()).forEach(kills::add);
        return !more.isEmpty();
    }

    /**
     * Reads all figures. A reading that was not taken is replaced: the new one stands for its time, too, and has its figures where
     * the cgroup has lost them. False if the cgroup was removed, so that there is nothing to read.
     */
    public boolean read(Instant at, long nanos) {
        if (readings++ % REOPEN_INTERVAL == 0) {
            openMissing();
        }
        Map<Figure, Long> current = values();
        if (files.isEmpty() && !exists()) {
            return false;
        }
        addKills(at, current.getOrDefault(Figure.OOM_EVENTS, 0L), current.getOrDefault(Figure.OOM_KILLS, 0L));
        current.forEach((figure, value) -> {
            if (FILE_OF.get(figure) == CgroupFile.MEMORY_EVENTS) {
                oomCounters.put(figure, value);
            }
        });
        if (!files.containsKey(CgroupFile.IO_STAT)) {
            addIoOfProcesses(current);
        }
        wasReadEmpty = wasPopulated && !isPopulated && (lost.isEmpty() || wasReadEmpty);
        Map<Figure, Long> values = counters.accumulate(current);
        long cpus = cpus();
        CgroupReading notTaken = latest;
        if (notTaken != null && !lost.isEmpty()) {
            lost.stream().flatMap(file -> file.figures().stream()).filter(notTaken.values()::containsKey)
                    .forEach(figure -> values.putIfAbsent(figure, notTaken.values().get(figure)));
            cpus = cpus == KernelText.NONE ? notTaken.cpus() : cpus;
        }
        Map<String, String> absent = absent(values);
        if (cpus == KernelText.NONE) {
            absent.put(Figure.CPUS.toString(), isCpuListOdd
                    ? JobReading.LEFT_OUT + "cpuset.cpus.effective is no list of CPUs"
                    : "Slurm does not confine jobs to CPUs (ConstrainCores)");
        }
        lookForSuspension(nanos);
        Double cpusUsed = cpusUsed(values.get(Figure.CPU_USAGE_USEC), nanos - baseline.nanos);
        if (wasSuspended()) {
            cpusUsed = null;
            absent.put("cpus_used", SUSPENDED);
        }
        latest = new CgroupReading(at, Duration.ofNanos(nanos - baseline.nanos), baseline.suspended, values, cpus,
                cpusUsed, absent);
        return true;
    }

    private void lookForSuspension(long nanos) {
        if (nextBaseline != null) {
            baseline = nextBaseline;
            nextBaseline = null;
        }
        Duration elapsed = Duration.ofNanos(nanos - baseline.readNanos);
        Boolean isSuspended = suspension.isOn(kernel.text);
        Duration more = suspended(elapsed, isSuspended, suspension.frozenSince(kernel.text));
        Duration sum = more == null || baseline.suspended == null ? null : baseline.suspended.plus(more);
        boolean was = baseline.wasSuspended || Boolean.TRUE.equals(isSuspended)
                || Boolean.TRUE.equals(suspendedBefore) || (more != null && more.isPositive());
        baseline = new Baseline(baseline.nanos, baseline.cpuUsec, nanos, sum, was);
        suspendedBefore = isSuspended;
    }

    private @Nullable Double cpusUsed(@Nullable Long cpuUsec, long elapsedNanos) {
        return cpuUsec == null || baseline.cpuUsec == null || elapsedNanos <= 0
                ? null
                : Double.valueOf((cpuUsec - baseline.cpuUsec) * 1e3 / elapsedNanos);
    }

    /** @param frozen what the kernel counted of that; null if unknown */
    private @Nullable Duration suspended(Duration elapsed, @Nullable Boolean isSuspended, @Nullable Duration frozen) {
        if (isSuspended == null || suspendedBefore == null) {
            return null;
        }
        if (frozen != null) {
            return frozen.compareTo(elapsed) < 0 ? frozen : elapsed;
        }
        return isSuspended && suspendedBefore ? elapsed : Duration.ZERO;
    }

    /** Whether it was suspended in the interval of the last reading: then its use meanwhile means nothing. */
    public boolean wasSuspended() {
        return baseline.wasSuspended;
    }

    private Map<String, String> absent(Map<Figure, Long> values) {
        Map<String, String> absent = new TreeMap<>();
        FILE_OF.forEach((figure, file) -> {
            if (!values.containsKey(figure) && !(figure == Figure.MEMORY_LIMIT_BYTES && isUnlimited)) {
                absent.put(figure.toString(), cause(figure, file));
            }
        });
        return absent;
    }

    private String cause(Figure figure, CgroupFile file) {
        String problem = problems.get(file);
        if (problem != null) {
            return problem;
        }
        if (odd.contains(figure)) {
            return JobReading.LEFT_OUT + file.fileName + NO_NUMBER;
        }
        return figure == Figure.CPU_THROTTLED_USEC
                ? "the cpu controller is not enabled for jobs"
                : file.fileName + " has no such value";
    }

    private void addIoOfProcesses(Map<Figure, Long> values) {
        Optional<String> problem = processIo.update(kernel.text);
        if (problem.isPresent()) {
            problems.put(CgroupFile.IO_STAT, problem.get());
        } else {
            values.put(Figure.IO_READ_BYTES, processIo.read());
            values.put(Figure.IO_WRITE_BYTES, processIo.written());
        }
    }

    /** The last reading, and all OOM kills since the one taken before; empty if nothing was read since then. */
    public Optional<JobReading> take(Identity identity, Instant batchAt, @Nullable Integer batchIntervalMs,
            boolean last) {
        CgroupReading reading = latest;
        if (reading == null) {
            return Optional.empty();
        }
        forget();
        if (last) {
            lost.stream().flatMap(file -> file.figures().stream()).map(Figure::toString)
                    .forEach(figure -> reading.absent().replace(figure, JobReading.REMOVED));
        }
        return Optional.of(reading.toWire(identity, pathBelowRoot, takeKills(), batchAt, batchIntervalMs, last));
    }

    /** The last reading is of no use: the next one begins where it ends. */
    public void forget() {
        CgroupReading reading = latest;
        if (reading != null) {
            nextBaseline = Baseline.at(baseline.readNanos, reading.values().get(Figure.CPU_USAGE_USEC));
            latest = null;
        }
    }

    /** The last reading of a job whose cgroup was removed before it could be read again. */
    public JobReading takeLast(Identity identity, Instant at) {
        Map<Figure, Long> values = counters.accumulate(oomCounters);
        Map<String, String> absent = new TreeMap<>(
                Map.of(Figure.MEMORY_USAGE_BYTES.toString(), JobReading.REMOVED));
        FILE_OF.forEach((figure, file) -> {
            if (!wasReadEmpty && !values.containsKey(figure) && (lost.contains(file) || files.containsKey(file))) {
                absent.put(figure.toString(), JobReading.REMOVED);
            }
        });
        CgroupReading nothing = new CgroupReading(at, Duration.ZERO, null, values, KernelText.NONE, null, absent);
        return nothing.toWire(identity, pathBelowRoot, takeKills(), at, null, true);
    }

    private List<OomKill> takeKills() {
        List<OomKill> taken = List.copyOf(kills);
        kills.clear();
        return taken;
    }

    private Map<Figure, Long> values() {
        Map<Figure, Long> values = new EnumMap<>(Figure.class);
        odd.clear();
        isUnlimited = false;
        for (CgroupFile name : CgroupFile.values()) {
            KernelFile file = files.get(name);
            if (file == null) {
                continue;
            }
            try {
                file.read(kernel.text);
                name.addFigures(kernel.text, kernel.devices, values, odd);
                if (name == CgroupFile.MEMORY_MAX) {
                    isUnlimited = kernel.text.isWord("max");
                }
            } catch (IOException e) {
                files.remove(name);
                lost.add(name);
                file.close();
                problems.put(name, name.fileName + " cannot be read: " + e.getMessage());
            }
        }
        return values;
    }

    /** The number of CPUs that the job has to itself. */
    private long cpus() {
        isCpuListOdd = false;
        KernelFile own = cpuset;
        KernelFile allowed = allowedCpus;
        if (own == null || allowed == null) {
            return KernelText.NONE;
        }
        try {
            own.read(kernel.text);
            if (kernel.text.isBlank()) {
                return KernelText.NONE;
            }
            allowed.read(kernel.text);
            long listed = kernel.text.listed();
            isCpuListOdd = listed == KernelText.NONE;
            return listed;
        } catch (IOException e) {
            return KernelText.NONE;
        }
    }

    private void open() {
        openMissing();
        state = openIfThere("cgroup.events");
        cpuset = openIfThere("cpuset.cpus");
        allowedCpus = openIfThere("cpuset.cpus.effective");
        hasEmptied();
    }

    private void openMissing() {
        for (CgroupFile file : CgroupFile.values()) {
            if (files.containsKey(file)) {
                continue;
            }
            try {
                files.put(file, new KernelFile(folder.resolve(file.fileName)));
                problems.remove(file);
                lost.remove(file);
            } catch (NoSuchFileException e) {
                problems.put(file, file.causeIfMissing);
            } catch (IOException e) {
                problems.put(file, file.fileName + " cannot be opened: " + e.getMessage());
            }
        }
    }

    private @Nullable KernelFile openIfThere(String name) {
        try {
            return new KernelFile(folder.resolve(name));
        } catch (IOException e) {
            return null;
        }
    }

    @Override
    public void close() {
        files.values().forEach(KernelFile::close);
        files.clear();
        suspension.close();
        for (KernelFile file : new @Nullable KernelFile[]{state, cpuset, allowedCpus}) {
            if (file != null) {
                file.close();
            }
        }
    }
}
