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
 * One NVIDIA GPU as NVML tells of it, and what must be remembered of it from one reading to the next.
 *
 * <p>How busy it was comes from the driver's samples, which cover the whole interval; {@link NvmlLibrary#utilizationNow} tells of
 * the last moment only. The driver keeps a hundred samples of a sixth of a second and more, so they are fetched in between too.
 */
final class NvmlDevice {
    static final String NOT_YET = "known from the second reading on";
    private static final long SECOND_MICROS = 1_000_000;

    private final NvmlLibrary library;
    private final GpuName name;
    private final MemorySegment handle;
    private final MigInstances instances;
    private @Nullable BusyTime busy;
    private @Nullable Long processesTellSinceMicros;
    private @Nullable Integer xid;
    private @Nullable String xidsUnheard;

    NvmlDevice(NvmlLibrary library, GpuName name, MemorySegment handle) {
        this.library = library;
        this.name = name;
        this.handle = handle;
        instances = new MigInstances(library, name, handle);
    }

    /** The GPU, and its instances behind it. */
    List<GpuState> read() throws NvmlException {
        NvmlQueries found = new NvmlQueries();
        Optional<List<GpuState>> parts = Optional.ofNullable(found.find("mig_instances", instances::read))
                .filter(_ -> instances.areOn());
        Double utilization = null;
        if (parts.isPresent()) {
            busy = null;
            found.absent("utilization_percent", "the GPU is in MIG mode: see its instances");
        } else {
            utilization = found.find("utilization_percent", () -> utilization(found));
        }
        NvmlLibrary.Memory memory = found.memory(() -> library.memory(handle));
        Long clockReasons = found.find("throttled", () -> library.clockReasons(handle));
        if (xidsUnheard != null) {
            found.absent("xid", xidsUnheard);
        }
        GpuState whole = new GpuState(name, utilization, memory == null ? null : memory.usedBytes(),
                memory == null ? null : memory.totalBytes(),
                found.find("power_watts", () -> library.powerWatts(handle)),
                found.find("temperature_celsius", () -> library.temperatureCelsius(handle)),
                found.find("energy_joules", () -> library.energyJoules(handle)),
                found.find("clock_mhz", () -> library.smClockMhz(handle)),
                clockReasons == null ? List.of() : ClockReasons.slowing(clockReasons),
                found.find("ecc_errors", () -> library.eccErrors(handle)), xid,
                found.find("processes", this::processes), found.absent());
        List<GpuState> all = new ArrayList<>(List.of(whole));
        parts.ifPresent(all::addAll);
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
                // The next reading meets it too, and says so.
            }
        }
    }

    private @Nullable Double utilization(NvmlQueries found) throws NvmlException {
        try {
            return busySinceBefore(found);
        } catch (NvmlException e) {
            if (e.code() != NvmlException.NOT_SUPPORTED && e.code() != NvmlException.FUNCTION_NOT_FOUND) {
                throw e;
            }
            double now = library.utilizationNow(handle);
            found.absent("utilization_interval",
                    "the driver keeps no samples of this GPU, and tells of its last second");
            return now;
        }
    }

    private @Nullable Double busySinceBefore(NvmlQueries found) throws NvmlException {
        BusyTime counted = busy;
        if (counted == null) {
            busy = new BusyTime(newestSampleMicros());
            found.absent("utilization_percent", NOT_YET);
            return null;
        }
        fetchSamples(counted);
        Optional<BusyTime.Average> average = counted.take();
        if (average.isEmpty()) {
            busy = new BusyTime(newestSampleMicros()); // it may be that the clock was set back
            found.absent("utilization_percent", "the driver took no sample since the reading before");
            return null;
        }
        if (!average.get().isOfAll()) {
            found.absent("utilization_interval",
                    "the driver had samples of " + average.get().seenMicros() / SECOND_MICROS
                            + " of " + average.get().ofMicros() / SECOND_MICROS + " s");
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
                return List.of(); // none is newer
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

    /** The average of what the driver told of each process since the reading before. It does not tell of all. */
    private Map<Integer, Double> processUse() {
        Long since = processesTellSinceMicros;
        List<NvmlLibrary.ProcessUse> told = NvmlQueries
                .orNull(() -> library.processUse(handle, since == null ? 0 : since));
        Map<Integer, BusyTime> byPid = new HashMap<>();
        long newest = since == null ? 0 : since;
        for (NvmlLibrary.ProcessUse use : told == null ? List.<NvmlLibrary.ProcessUse>of() : told) {
            newest = Math.max(newest, use.sample().micros());
            if (since != null) {
                byPid.computeIfAbsent(use.pid(), _ -> new BusyTime(since)).add(use.sample());
            }
        }
        processesTellSinceMicros = newest;
        Map<Integer, Double> average = new LinkedHashMap<>();
        byPid.forEach((pid, time) -> time.take().ifPresent(one -> average.put(pid, one.percent())));
        return average;
    }

    // --- errors ----------------------------------------------------------------------------------------------------

    void listenForXids(MemorySegment events) {
        try {
            library.listenForXids(handle, events);
        } catch (NvmlException e) {
            hearsNoXids(String.valueOf(e.getMessage()));
        }
    }

    void hear(NvmlLibrary.Xid told) {
        if (told.device() == handle.address()) {
            xid = told.number();
        }
    }

    void hearsNoXids(String cause) {
        xidsUnheard = cause;
    }
}
