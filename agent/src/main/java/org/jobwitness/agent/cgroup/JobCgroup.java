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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * One job on this node: its cgroup, whose files are kept open, and what it has come to. The folder counts for all below
 * it, so the steps are not read, except when one of them was killed for memory.
 *
 * <p>To be used by one thread.
 */
public final class JobCgroup implements Closeable {
    /** The kernel is asked again for files that were not there after so many readings: a site may enable a controller. */
    private static final int READINGS_UNTIL_ASKED_AGAIN = 20;
    /** More kills than this are counted, but not told one by one. */
    private static final int MOST_KILLS_AT_ONCE = 64;
    /** Why use is not told. */
    public static final String SUSPENDED = "the job was suspended";

    private final Path folder;
    private final String pathBelowRoot;
    private final Kernel kernel;
    private final Map<CgroupFile, KernelFile> files = new EnumMap<>(CgroupFile.class);
    private final Map<CgroupFile, String> troubles = new EnumMap<>(CgroupFile.class);
    private final Counters counters = new Counters();
    private final List<OomKill> kills = new ArrayList<>();
    /** What memory.events counted when it was looked at last: a job that goes right after a kill is not read again. */
    private final Map<Figure, Long> oomCounters = new EnumMap<>(Figure.class);
    private OomKillDetector oomKills;
    private ProcessIo processIo;
    private Suspension suspension;
    private @Nullable KernelFile state;
    private @Nullable KernelFile cpuset;
    private @Nullable KernelFile allowedCpus;
    private int readings;
    private boolean wasPopulated;
    private @Nullable CgroupReading latest;
    private long nanosBefore;
    private @Nullable Long cpuUsecBefore;
    /** Null if nobody could tell. */
    private @Nullable Boolean suspendedBefore;
    private boolean wasSuspended;

    /** What all cgroups are read with. */
    public record Kernel(Path cgroupRoot, Path proc, KernelText text, BlockDevices devices) {
        public Kernel(Path cgroupRoot, Path proc, Path sys) {
            this(cgroupRoot, proc, new KernelText(), new BlockDevices(sys.resolve("dev/block")));
        }
    }

    /** Who a job is, as far as it is known. */
    public record Identity(String jobId, @Nullable String sluid, @Nullable Instant startTime, @Nullable Instant since,
            @Nullable Integer uid, @Nullable String user) {
    }

    /** Opens its files; {@code madeNow} if the cgroup was seen to be made, so that it has counted from now on. */
    public JobCgroup(Path folder, Kernel kernel, boolean madeNow, long nanos) {
        this.folder = folder;
        this.kernel = kernel;
        pathBelowRoot = "/" + kernel.cgroupRoot.relativize(folder);
        oomKills = new OomKillDetector(folder);
        processIo = new ProcessIo(kernel.proc, folder);
        suspension = new Suspension(folder);
        nanosBefore = nanos;
        open();
        suspendedBefore = suspension.isOn(kernel.text);
        Map<Figure, Long> values = values();
        oomKills.begin(values.getOrDefault(Figure.OOM_EVENTS, 0L), values.getOrDefault(Figure.OOM_KILLS, 0L),
                kernel.text);
        if (madeNow) {
            cpuUsecBefore = 0L;
        }
    }

    public Path folder() {
        return folder;
    }

    /** It was removed, and has been made again, with counters that begin at 0. */
    public void reopen() {
        close();
        counters.beginAnew();
        oomCounters.clear();
        oomKills = new OomKillDetector(folder);
        processIo = new ProcessIo(kernel.proc, folder);
        suspension = new Suspension(folder);
        wasPopulated = false;
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

    public boolean isThere() {
        return Files.isDirectory(folder);
    }

    /** Whether it has had processes, and has none any more: the last moment to read it. Slurm removes it within milliseconds. */
    public boolean hasEmptied() {
        KernelFile file = state;
        if (file == null) {
            return false;
        }
        try {
            file.read(kernel.text);
        } catch (IOException e) {
            return false; // it is gone already
        }
        boolean isPopulated = kernel.text.keyed("populated") != 0;
        wasPopulated |= isPopulated;
        return wasPopulated && !isPopulated;
    }

    /** Keeps the moment of each kill that memory.events tells of, for the next reading. Says whether there is one. */
    public boolean lookForKills(Instant at) {
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
        return keep(at, ooms, killed);
    }

    private boolean keep(Instant at, long ooms, long killed) {
        List<OomKill> more = oomKills.since(at, ooms, killed, kernel.text);
        more.stream().limit(MOST_KILLS_AT_ONCE - (long) kills.size()).forEach(kills::add);
        return !more.isEmpty();
    }

    /** Reads all figures. False if the cgroup has gone, so that there is nothing to read. */
    public boolean read(Instant at, long nanos) {
        if (readings++ % READINGS_UNTIL_ASKED_AGAIN == 0) {
            openMissing();
        }
        Map<Figure, Long> said = values();
        if (files.isEmpty() && !isThere()) {
            return false;
        }
        keep(at, said.getOrDefault(Figure.OOM_EVENTS, 0L), said.getOrDefault(Figure.OOM_KILLS, 0L));
        said.forEach((figure, value) -> {
            if (figure.source == CgroupFile.MEMORY_EVENTS) {
                oomCounters.put(figure, value);
            }
        });
        if (!files.containsKey(CgroupFile.IO_STAT)) {
            askProcesses(said);
        }
        Map<Figure, Long> values = counters.carryOn(said);
        Map<String, String> absent = new TreeMap<>();
        for (Figure figure : Figure.values()) {
            if (!values.containsKey(figure) && !isUnlimited(figure)) {
                absent.put(figure.wireName(), whyNot(figure));
            }
        }
        long cpus = cpus();
        if (cpus == KernelText.NONE) {
            absent.put("cpus", "Slurm does not confine jobs to CPUs (ConstrainCores)");
        }
        Long cpuUsec = values.get(Figure.CPU_USAGE_USEC);
        long elapsedNanos = nanos - nanosBefore;
        Double cpusUsed = cpuUsec == null || cpuUsecBefore == null || elapsedNanos <= 0
                ? null
                : Double.valueOf((cpuUsec - cpuUsecBefore) * 1e3 / elapsedNanos);
        Duration elapsed = Duration.ofNanos(elapsedNanos);
        Boolean isSuspended = suspension.isOn(kernel.text);
        wasSuspended = Boolean.TRUE.equals(isSuspended) || Boolean.TRUE.equals(suspendedBefore);
        if (wasSuspended) {
            cpusUsed = null;
            absent.put("cpus_used", SUSPENDED);
        }
        latest = new CgroupReading(at, elapsed, suspended(elapsed, isSuspended), values, cpus, cpusUsed, absent);
        cpuUsecBefore = cpuUsec;
        nanosBefore = nanos;
        suspendedBefore = isSuspended;
        return true;
    }

    private @Nullable Duration suspended(Duration elapsed, @Nullable Boolean isSuspended) {
        if (isSuspended == null || suspendedBefore == null) {
            return null;
        }
        return isSuspended && suspendedBefore ? elapsed : Duration.ZERO;
    }

    /** Whether it was suspended when it was read last, or the time before: then what it used meanwhile tells nothing. */
    public boolean wasSuspended() {
        return wasSuspended;
    }

    private String whyNot(Figure figure) {
        String trouble = troubles.get(figure.source);
        if (trouble != null) {
            return trouble;
        }
        return figure == Figure.CPU_THROTTLED_USEC
                ? "the cpu controller is not enabled for jobs"
                : figure.source.file + " does not tell";
    }

    /** memory.max says {@code max}. */
    private boolean isUnlimited(Figure figure) {
        return figure == Figure.MEMORY_LIMIT_BYTES && files.containsKey(CgroupFile.MEMORY_MAX);
    }

    private void askProcesses(Map<Figure, Long> values) {
        Optional<String> trouble = processIo.look(kernel.text);
        if (trouble.isPresent()) {
            troubles.put(CgroupFile.IO_STAT, trouble.get());
        } else {
            values.put(Figure.IO_READ_BYTES, processIo.read());
            values.put(Figure.IO_WRITE_BYTES, processIo.written());
        }
    }

    /** What was read last, and all kills since it was told before; empty if nothing has been read since then. */
    public Optional<JobReading> take(Identity identity, Instant batchAt, @Nullable Integer batchIntervalMs,
            boolean last) {
        CgroupReading reading = latest;
        if (reading == null) {
            return Optional.empty();
        }
        latest = null;
        List<OomKill> told = List.copyOf(kills);
        kills.clear();
        return Optional.of(reading.toWire(identity, pathBelowRoot, told, batchAt, batchIntervalMs, last));
    }

    /** What is told of a job that has gone before it could be read once more. */
    public JobReading takeLast(Identity identity, Instant at) {
        CgroupReading nothing = new CgroupReading(at, Duration.ZERO, null, counters.carryOn(oomCounters), KernelText.NONE, null,
                Map.of("memory_usage_bytes", "the job had gone before its last reading"));
        List<OomKill> told = List.copyOf(kills);
        kills.clear();
        return nothing.toWire(identity, pathBelowRoot, told, at, null, true);
    }

    private Map<Figure, Long> values() {
        Map<Figure, Long> values = new EnumMap<>(Figure.class);
        for (CgroupFile source : CgroupFile.values()) {
            KernelFile file = files.get(source);
            if (file == null) {
                continue;
            }
            try {
                file.read(kernel.text);
            } catch (IOException e) {
                files.remove(source);
                file.close();
                troubles.put(source, source.file + " cannot be read: " + e.getMessage());
                continue;
            }
            for (Figure figure : Figure.values()) {
                long value = figure.source == source ? figure.in(kernel.text, kernel.devices) : KernelText.NONE;
                if (value != KernelText.NONE) {
                    values.put(figure, value);
                }
            }
        }
        return values;
    }

    /** How many CPUs are the job's own. */
    private long cpus() {
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
            return kernel.text.listed();
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
        for (CgroupFile source : CgroupFile.values()) {
            if (files.containsKey(source)) {
                continue;
            }
            try {
                files.put(source, new KernelFile(folder.resolve(source.file)));
                troubles.remove(source);
            } catch (NoSuchFileException e) {
                troubles.put(source, source.causeIfMissing);
            } catch (IOException e) {
                troubles.put(source, source.file + " cannot be opened: " + e.getMessage());
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
