package org.jobwitness.agent.gpu.nvidia;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** NVML's functions for GPUs in MIG mode: their instances, and the utilization of these, measured between two samples (GPM). */
final class NvmlMig {
    private static final int GPM_VERSION = 1;
    /** The share of time in which the GPU computed. */
    private static final int GPM_GRAPHICS_UTIL = 1;

    private final NvmlCalls calls;
    private final MemorySegment out;
    private final MemorySegment count;
    private final MemorySegment struct;
    private final MemorySegment metrics;

    NvmlMig(NvmlCalls calls) {
        this.calls = calls;
        out = calls.allocate(Long.BYTES);
        count = calls.allocate(Integer.BYTES);
        struct = calls.allocate(NvmlStructs.GPM_SUPPORT_BYTES);
        metrics = calls.allocate((long) NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_BYTES);
    }

    boolean isMig(MemorySegment device) throws NvmlException {
        try {
            calls.call("nvmlDeviceGetMigMode", device, out, count);
            return out.get(JAVA_INT, 0) == 1;
        } catch (NvmlException e) {
            if (e.code() == NvmlException.NOT_SUPPORTED || e.code() == NvmlException.FUNCTION_NOT_FOUND) {
                return false;
            }
            throw e;
        }
    }

    /** The compute instances of a GPU in MIG mode, each of which a job can be given. */
    List<MemorySegment> instances(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetMaxMigDeviceCount", device, count);
        int max = count.get(JAVA_INT, 0);
        List<MemorySegment> found = new ArrayList<>();
        for (int i = 0; i < max; i++) {
            try {
                calls.call("nvmlDeviceGetMigDeviceHandleByIndex", device, i, out);
                found.add(out.get(ADDRESS, 0));
            } catch (NvmlException e) {
                if (e.code() != NvmlException.NOT_FOUND) {
                    throw e;
                } // no instance there
            }
        }
        return found;
    }

    /** The GPU instance of a compute instance; several may share one. */
    int gpuInstance(MemorySegment instance) throws NvmlException {
        calls.call("nvmlDeviceGetGpuInstanceId", instance, out);
        return out.get(JAVA_INT, 0);
    }

    boolean hasGpm(MemorySegment device) throws NvmlException {
        struct.set(JAVA_INT, NvmlStructs.GPM_SUPPORT_VERSION, GPM_VERSION);
        calls.call("nvmlGpmQueryDeviceSupport", device, struct);
        return struct.get(JAVA_INT, NvmlStructs.GPM_SUPPORT_SUPPORTED) != 0;
    }

    MemorySegment newGpmSample() throws NvmlException {
        calls.call("nvmlGpmSampleAlloc", out);
        return out.get(ADDRESS, 0);
    }

    void takeGpmSample(MemorySegment device, int gpuInstance, MemorySegment sample) throws NvmlException {
        calls.call("nvmlGpmMigSampleGet", device, gpuInstance, sample);
    }

    /** Utilization between two samples, in percent. */
    double gpmUtilization(MemorySegment before, MemorySegment now) throws NvmlException {
        metrics.set(JAVA_INT, NvmlStructs.GPM_GET_VERSION, GPM_VERSION);
        metrics.set(JAVA_INT, NvmlStructs.GPM_GET_COUNT, 1);
        metrics.set(ADDRESS, NvmlStructs.GPM_GET_BEFORE, before);
        metrics.set(ADDRESS, NvmlStructs.GPM_GET_NOW, now);
        metrics.set(JAVA_INT, NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_ID, GPM_GRAPHICS_UTIL);
        calls.call("nvmlGpmMetricsGet", metrics);
        NvmlCalls.check(metrics.get(JAVA_INT, NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_ANSWER));
        return metrics.get(JAVA_DOUBLE, NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_VALUE);
    }

    void freeGpmSample(MemorySegment sample) throws NvmlException {
        calls.call("nvmlGpmSampleFree", sample);
    }
}
