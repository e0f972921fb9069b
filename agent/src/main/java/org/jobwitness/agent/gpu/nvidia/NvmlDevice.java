package org.jobwitness.agent.gpu.nvidia;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jspecify.annotations.Nullable;

/**
 * One NVIDIA GPU by NVML, with the state from one reading to the next.
 *
 * <p>Utilization comes from the driver's samples, which cover the whole interval; {@link NvmlLibrary#utilizationNow} covers only the
 * last moment. The driver keeps a hundred samples of a sixth of a second or more, so they are also fetched between readings.
 */
final class NvmlDevice {
    static final String NOT_YET = "known from the second reading on";
    private static final long SECOND_MICROS = 1_000_000;

    private final NvmlLibrary library;
    private final GpuName name;
    private final MemorySegment handle;
    private final MigInstances instances;
    private @Nullable BusyTime busy;
    private @Nullable Long processSamplesSinceMicros;
    private final List<Integer> xids = new ArrayList<>();
    private @Nullable String xidsCause;

    NvmlDevice(NvmlLibrary library, GpuName name, MemorySegment handle) {
        this.library = library;
        this.name = name;
        this.handle = handle;
        instances = new MigInstances(library, name, handle);
    }

    GpuName name() {
        return name;
    }

    /** The GPU, followed by its MIG instances. */
    List<GpuState> read() throws NvmlException {
        NvmlQueries queries = new NvmlQueries();
        Optional<List<GpuState>> migInstances = Optional.ofNullable(queries.find("mig_instances", instances::read))
                .filter(_ -> instances.areOn());
        Double utilization = null;
        if (migInstances.isPresent()) {
            busy = null;
            queries.absent("utilization_percent", "the GPU is in MIG mode: see its instances");
        } else {
            utilization = queries.find("utilization_percent", () -> utilization(queries));
        }
        NvmlQueries.MemoryFigures memory = queries.memory(() -> library.memory(handle));
        Long clockReasons = queries.find("throttled", () -> library.clockReasons(handle));
        if (xidsCause != null) {
            queries.absent("xids", xidsCause);
        }
        GpuState whole = new GpuState(name, utilization, memory.usedBytes(),
                memory.totalBytes(),
                queries.find("power_watts", () -> library.powerWatts(handle)),
                queries.find("temperature_celsius", () -> library.temperatureCelsius(handle)),
                queries.find("energy_joules", () -> library.energyJoules(handle)),
                queries.find("clock_mhz", () -> library.smClockMhz(handle)),
                clockReasons == null ? List.of() : ClockReasons.throttling(clockReasons),
                queries.find("ecc_errors", () -> library.eccErrors(handle)), xids,
                queries.find("processes", this::processes), queries.absent());
        xids.clear();
        List<GpuState> all = new ArrayList<>(List.of(whole));
        migInstances.ifPresent(all::addAll);
        return all;
    }

    /** Frees what NVML keeps for this GPU. */
    void release() throws NvmlException {
        instances.release();
    }

    // --- how busy it was -------------------------------------------------------------------------------------------

    /** Fetches the samples that the driver has now. */
    void keepUp() {
        BusyTime counted = busy;
        if (counted != null) {
            try {
                fetchSamples(counted);
            } catch (NvmlException e) {
                // The next reading fails the same way, and reports it.
            }
        }
    }

    private @Nullable Double utilization(NvmlQueries queries) throws NvmlException {
        try {
            return utilizationOfInterval(queries);
        } catch (NvmlException e) {
            if (e.code() != NvmlException.NOT_SUPPORTED && e.code() != NvmlException.FUNCTION_NOT_FOUND) {
                throw e;
            }
            double now = library.utilizationNow(handle);
            queries.absent("utilization_interval",
                    "the driver keeps no samples of this GPU, only its last second");
            return now;
        }
    }

    private @Nullable Double utilizationOfInterval(NvmlQueries queries) throws NvmlException {
        BusyTime counted = busy;
        if (counted == null) {
            busy = new BusyTime(newestSampleMicros());
            queries.absent("utilization_percent", NOT_YET);
            return null;
        }
        fetchSamples(counted);
        Optional<BusyTime.Average> average = counted.take();
        if (average.isEmpty()) {
            busy = new BusyTime(newestSampleMicros()); // the clock may have been set back
            queries.absent("utilization_percent", "the driver took no sample since the previous reading");
            return null;
        }
        if (!average.get().isComplete()) {
            queries.absent("utilization_interval",
                    "the driver had samples of " + average.get().coveredMicros() / SECOND_MICROS
                            + " of " + average.get().totalMicros() / SECOND_MICROS + " s");
        }
        return average.get().percent();
    }

    private void fetchSamples(BusyTime counted) throws NvmlException {
        samplesAfter(counted.lastMicros()).forEach(counted::add);
    }

    private long newestSampleMicros() throws NvmlException {
        return samplesAfter(0).stream().mapToLong(NvmlLibrary.Sample::micros).max().orElse(0);
    }

    private List<NvmlLibrary.Sample> samplesAfter(long micros) throws NvmlException {
        try {
            return library.samples(handle, micros);
        } catch (NvmlException e) {
            if (e.code() == NvmlException.NOT_FOUND) {
                return List.of(); // no newer ones
            }
            throw e;
        }
    }

    // --- processes -------------------------------------------------------------------------------------------------

    private List<GpuProcess> processes() throws NvmlException {
        List<GpuProcess> running = library.processes(handle);
        Map<Integer, Double> use = running.isEmpty() ? Map.of() : processUse();
        return running.stream()
                .map(process -> new GpuProcess(process.pid(), process.memoryBytes(), use.get(process.pid()))).toList();
    }

    /** The average use of each process since the previous reading. The driver does not report all of them. */
    private Map<Integer, Double> processUse() {
        Long since = processSamplesSinceMicros;
        List<NvmlLibrary.ProcessUse> reported = NvmlQueries
                .orNull(() -> library.processUse(handle, since == null ? 0 : since));
        Map<Integer, BusyTime> byPid = new HashMap<>();
        long newest = since == null ? 0 : since;
        for (NvmlLibrary.ProcessUse use : reported == null ? List.<NvmlLibrary.ProcessUse>of() : reported) {
            newest = Math.max(newest, use.sample().micros());
            if (since != null) {
                byPid.computeIfAbsent(use.pid(), _ -> new BusyTime(since)).add(use.sample());
            }
        }
        processSamplesSinceMicros = newest;
        Map<Integer, Double> average = new LinkedHashMap<>();
        byPid.forEach((pid, time) -> time.take().ifPresent(one -> average.put(pid, one.percent())));
        return average;
    }

    // --- errors ----------------------------------------------------------------------------------------------------

    void registerForXids(MemorySegment events) {
        try {
            library.registerForXids(handle, events);
        } catch (NvmlException e) {
            xidsUnavailable(String.valueOf(e.getMessage()));
        }
    }

    void addXid(NvmlLibrary.Xid event) {
        if (event.device() == handle.address() && !xids.contains(event.number())) {
            xids.add(event.number());
        }
    }

    void xidsUnavailable(String cause) {
        xidsCause = cause;
    }
}
