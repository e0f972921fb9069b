package org.jobwitness.agent.gpu.nvidia;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * The parts that an NVIDIA GPU has been cut into (MIG), each of them what a job can be given. They come and go while the library is
 * open. The driver has no samples of how busy they were; from Hopper on it measures it between two samples that we take (GPM).
 */
final class MigInstances {
    private static final List<String> OF_THE_WHOLE = List.of("power_watts", "temperature_celsius", "energy_joules",
            "clock_mhz", "throttled", "ecc_errors", "xid");

    private final NvmlLibrary library;
    private final GpuName whole;
    private final MemorySegment handle;
    private final Map<String, Samples> samples = new HashMap<>();
    private boolean isOn;

    /** Two samples, the older of which is written over by turns. */
    private static final class Samples {
        private MemorySegment newer;
        private MemorySegment older;
        private boolean isFirst = true;

        Samples(NvmlLibrary library) throws NvmlException {
            newer = library.newGpmSample();
            older = library.newGpmSample();
        }

        /** How busy it was since the call before, in percent; null at the first. */
        private @Nullable Double take(NvmlLibrary library, MemorySegment handle, int gpuInstance)
                throws NvmlException {
            library.takeGpmSample(handle, gpuInstance, older);
            MemorySegment now = older;
            older = newer;
            newer = now;
            if (isFirst) {
                isFirst = false;
                return null;
            }
            return library.gpmUtilization(older, newer);
        }

        private void free(NvmlLibrary library) throws NvmlException {
            library.freeGpmSample(newer);
            library.freeGpmSample(older);
        }
    }

    /** One instance, and the GPU instance that it is in. */
    private record Part(MemorySegment handle, int gpuInstance) {
    }

    MigInstances(NvmlLibrary library, GpuName whole, MemorySegment handle) {
        this.library = library;
        this.whole = whole;
        this.handle = handle;
    }

    /** Whether the GPU was in MIG mode at the last reading. It may have no instance all the same. */
    boolean areOn() {
        return isOn;
    }

    List<GpuState> read() throws NvmlException {
        isOn = library.isMig(handle);
        List<Part> parts = new ArrayList<>();
        if (isOn) {
            for (MemorySegment instance : library.instances(handle)) {
                parts.add(new Part(instance, library.gpuInstance(instance)));
            }
        }
        List<Integer> gpuInstances = parts.stream().map(Part::gpuInstance).toList();
        List<GpuState> states = new ArrayList<>();
        Set<String> there = new HashSet<>();
        for (Part part : parts) {
            String uuid = library.uuid(part.handle);
            there.add(uuid);
            states.add(read(part, uuid, Collections.frequency(gpuInstances, part.gpuInstance) == 1));
        }
        forgetAllBut(there);
        return states;
    }

    private GpuState read(Part part, String uuid, boolean isAlone) throws NvmlException {
        GpuName name = new GpuName(GpuVendor.NVIDIA, uuid, null, null, null, whole.uuid(),
                NvmlQueries.orNull(() -> library.model(part.handle)));
        NvmlQueries found = new NvmlQueries();
        found.absent(OF_THE_WHOLE, "the driver tells it of the whole GPU, not of its MIG instances");
        Double utilization = found.find("utilization_percent", () -> utilization(part, uuid, isAlone, found));
        NvmlLibrary.Memory memory = found.memory(() -> library.memory(part.handle));
        return new GpuState(name, utilization, memory == null ? null : memory.usedBytes(),
                memory == null ? null : memory.totalBytes(), null, null, null, null, List.of(), null, null,
                found.find("processes", () -> library.processes(part.handle)), found.absent());
    }

    private @Nullable Double utilization(Part part, String uuid, boolean isAlone, NvmlQueries found)
            throws NvmlException {
        if (!Boolean.TRUE.equals(NvmlQueries.orNull(() -> library.hasGpm(handle)))) {
            found.absent("utilization_percent", "this GPU or its driver does not measure MIG instances (GPM)");
            return null;
        }
        if (!isAlone) {
            found.absent("utilization_percent", "several compute instances share the GPU instance that is measured");
            return null;
        }
        Samples ofInstance = samples.get(uuid);
        if (ofInstance == null) {
            ofInstance = new Samples(library);
            samples.put(uuid, ofInstance);
        }
        Double percent = ofInstance.take(library, handle, part.gpuInstance);
        if (percent == null) {
            found.absent("utilization_percent", NvmlDevice.NOT_YET);
            return null;
        }
        if (!(percent >= 0 && percent <= 100)) {
            found.absent("utilization_percent", "the driver told " + percent + " percent");
            return null;
        }
        return percent;
    }

    private void forgetAllBut(Set<String> there) throws NvmlException {
        for (String uuid : List.copyOf(samples.keySet())) {
            if (!there.contains(uuid)) {
                forget(uuid);
            }
        }
    }

    private void forget(String uuid) throws NvmlException {
        Samples gone = samples.remove(uuid);
        if (gone != null) {
            gone.free(library);
        }
    }

    void release() throws NvmlException {
        forgetAllBut(Set.of());
    }
}
