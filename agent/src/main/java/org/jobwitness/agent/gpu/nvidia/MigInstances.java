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
 * The MIG instances of an NVIDIA GPU, each of which a job can be given. They appear and disappear while the library is open. The driver
 * keeps no samples of their utilization; from Hopper on it measures between two samples that we take (GPM).
 */
final class MigInstances {
    private static final List<String> OF_THE_WHOLE = List.of("power_watts", "temperature_celsius", "energy_joules",
            "clock_mhz", "throttled", "ecc_errors", "xids");

    private final NvmlLibrary library;
    private final GpuName whole;
    private final MemorySegment handle;
    private final Map<String, Samples> samples = new HashMap<>();
    private boolean isOn;

    /** Two samples, of which the older one is overwritten. */
    private static final class Samples {
        private MemorySegment newer;
        private MemorySegment older;
        private boolean isFirst = true;

        Samples(NvmlLibrary library) throws NvmlException {
            newer = library.mig().newGpmSample();
            older = library.mig().newGpmSample();
        }

        /** Utilization since the call before, in percent; null at the first call. */
        private @Nullable Double take(NvmlLibrary library, MemorySegment handle, int gpuInstance)
                throws NvmlException {
            library.mig().takeGpmSample(handle, gpuInstance, older);
            MemorySegment now = older;
            older = newer;
            newer = now;
            if (isFirst) {
                isFirst = false;
                return null;
            }
            return library.mig().gpmUtilization(older, newer);
        }

        private void free(NvmlLibrary library) throws NvmlException {
            library.mig().freeGpmSample(newer);
            library.mig().freeGpmSample(older);
        }
    }

    /** A compute instance, and its GPU instance. */
    private record Instance(MemorySegment handle, int gpuInstance) {
    }

    MigInstances(NvmlLibrary library, GpuName whole, MemorySegment handle) {
        this.library = library;
        this.whole = whole;
        this.handle = handle;
    }

    /** Whether the GPU was in MIG mode at the last reading, with or without instances. */
    boolean areOn() {
        return isOn;
    }

    List<GpuState> read() throws NvmlException {
        isOn = library.mig().isMig(handle);
        List<Instance> instances = new ArrayList<>();
        if (isOn) {
            for (MemorySegment instance : library.mig().instances(handle)) {
                instances.add(new Instance(instance, library.mig().gpuInstance(instance)));
            }
        }
        List<Integer> gpuInstances = instances.stream().map(Instance::gpuInstance).toList();
        List<GpuState> states = new ArrayList<>();
        Set<String> present = new HashSet<>();
        for (Instance instance : instances) {
            String uuid = library.uuid(instance.handle);
            present.add(uuid);
            states.add(read(instance, uuid, Collections.frequency(gpuInstances, instance.gpuInstance) == 1));
        }
        freeAllExcept(present);
        return states;
    }

    private GpuState read(Instance instance, String uuid, boolean isAlone) throws NvmlException {
        GpuName name = new GpuName(GpuVendor.NVIDIA, uuid, null, null, null, whole.uuid(),
                NvmlQueries.orNull(() -> library.model(instance.handle)));
        NvmlQueries queries = new NvmlQueries();
        queries.absent(OF_THE_WHOLE, "the driver provides it for the whole GPU, not for MIG instances");
        Double utilization = queries.find("utilization_percent", () -> utilization(instance, uuid, isAlone, queries));
        NvmlQueries.MemoryFigures memory = queries.memory(() -> library.memory(instance.handle));
        return GpuState.ofPartition(name, utilization, memory.usedBytes(), memory.totalBytes(),
                queries.find("processes", () -> library.processes(instance.handle)), queries.absent());
    }

    private @Nullable Double utilization(Instance instance, String uuid, boolean isAlone, NvmlQueries queries)
            throws NvmlException {
        if (!Boolean.TRUE.equals(NvmlQueries.orNull(() -> library.mig().hasGpm(handle)))) {
            queries.absent("utilization_percent", "this GPU or its driver does not measure MIG instances (GPM)");
            return null;
        }
        if (!isAlone) {
            queries.absent("utilization_percent", "several compute instances share the GPU instance that is measured");
            return null;
        }
        Samples ofInstance = samples.get(uuid);
        if (ofInstance == null) {
            ofInstance = new Samples(library);
            samples.put(uuid, ofInstance);
        }
        Double percent = ofInstance.take(library, handle, instance.gpuInstance);
        if (percent == null) {
            queries.absent("utilization_percent", NvmlDevice.NOT_YET);
            return null;
        }
        if (!(percent >= 0 && percent <= 100)) {
            queries.absent("utilization_percent", "the driver reported " + percent + " percent");
            return null;
        }
        return percent;
    }

    private void freeAllExcept(Set<String> present) throws NvmlException {
        for (String uuid : List.copyOf(samples.keySet())) {
            if (!present.contains(uuid)) {
                free(uuid);
            }
        }
    }

    private void free(String uuid) throws NvmlException {
        Samples removed = samples.remove(uuid);
        if (removed != null) {
            removed.free(library);
        }
    }

    void release() throws NvmlException {
        freeAllExcept(Set.of());
    }
}
