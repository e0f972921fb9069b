package org.jobwitness.agent.gpu.nvidia;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;

/**
 * libnvidia-ml, linked into this process: the functions of NVIDIA's nvml.h that the agent calls. For one thread.
 *
 * <p>A device is a pointer of the library, valid until {@link #close}.
 */
final class NvmlLibrary implements AutoCloseable {
    private static final int MAX_TEXT_LENGTH = 96;
    /** The driver keeps a hundred or so. */
    private static final int MAX_SAMPLES = 1024;
    private static final int MAX_PROCESSES = 1024;
    /** The value of nvml.h for a figure that the driver does not know. */
    private static final long NOT_AVAILABLE = -1;

    private static final int GPU_UTILIZATION_SAMPLES = 1;
    private static final int GPU_TEMPERATURE = 0;
    private static final int SM_CLOCK = 1;
    private static final int UNCORRECTED = 1;
    private static final int SINCE_DRIVER_LOADED = 0;
    private static final long XID_EVENT = 8;

    private final NvmlCalls calls;
    private final NvmlMig mig;

    // Results of calls.
    private final MemorySegment out;
    private final MemorySegment count;
    private final MemorySegment text;
    private final MemorySegment struct;
    private final MemorySegment samples;
    private final MemorySegment processes;

    /** @param usedBytes without the driver's reserve, or with it if {@code isReserveExcluded} is false */
    record Memory(long totalBytes, long usedBytes, boolean isReserveExcluded) {
    }

    /** Utilization of a GPU or a process in the time that ended then. */
    record Sample(long micros, double percent) {
    }

    /** Utilization by a process. */
    record ProcessUse(int pid, Sample sample) {
    }

    /** An error that the driver detected. */
    record Xid(long device, int number) {
    }

    /** The library is missing on this node, or cannot be loaded. */
    static final class UnavailableException extends Exception {
        private static final long serialVersionUID = 1L;

        UnavailableException(String cause) {
            super(cause);
        }
    }

    /** @param name of the library, for the loader of the system, or its path */
    NvmlLibrary(String name) throws UnavailableException {
        calls = new NvmlCalls(name);
        mig = new NvmlMig(calls);
        out = calls.allocate(Long.BYTES);
        count = calls.allocate(Integer.BYTES);
        text = calls.allocate(MAX_TEXT_LENGTH);
        struct = calls.allocate(NvmlStructs.PCI_BYTES);
        samples = calls.allocate((long) MAX_SAMPLES * NvmlStructs.SAMPLE_BYTES);
        processes = calls.allocate((long) MAX_PROCESSES * NvmlStructs.PROCESS_USE_BYTES);
    }

    /** The functions for GPUs in MIG mode. */
    NvmlMig mig() {
        return mig;
    }

    void init() throws NvmlException {
        calls.call("nvmlInit_v2");
    }

    int deviceCount() throws NvmlException {
        calls.call("nvmlDeviceGetCount_v2", out);
        return out.get(JAVA_INT, 0);
    }

    MemorySegment device(int number) throws NvmlException {
        calls.call("nvmlDeviceGetHandleByIndex_v2", number, out);
        return out.get(ADDRESS, 0);
    }

    String uuid(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetUUID", device, text, MAX_TEXT_LENGTH);
        return text();
    }

    String model(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetName", device, text, MAX_TEXT_LENGTH);
        return text();
    }

    int minor(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetMinorNumber", device, out);
        return out.get(JAVA_INT, 0);
    }

    /** As in {@link GpuName}; a GPU is function 0 of its slot. */
    String pci(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetPciInfo_v3", device, struct);
        HexFormat hex = HexFormat.of();
        return hex.toHexDigits(struct.get(JAVA_INT, NvmlStructs.PCI_DOMAIN)) + ":"
                + hex.toHexDigits((byte) struct.get(JAVA_INT, NvmlStructs.PCI_BUS)) + ":"
                + hex.toHexDigits((byte) struct.get(JAVA_INT, NvmlStructs.PCI_DEVICE)) + ".0";
    }

    /**
     * Samples of utilization, in the order of time.
     *
     * @param afterMicros newer ones only
     */
    List<Sample> samples(MemorySegment device, long afterMicros) throws NvmlException {
        count.set(JAVA_INT, 0, MAX_SAMPLES);
        calls.call("nvmlDeviceGetSamples", device, GPU_UTILIZATION_SAMPLES, afterMicros, out, count, samples);
        int type = out.get(JAVA_INT, 0);
        List<Sample> found = new ArrayList<>();
        for (int i = 0; i < Math.min(count.get(JAVA_INT, 0), MAX_SAMPLES); i++) {
            long at = (long) i * NvmlStructs.SAMPLE_BYTES;
            found.add(new Sample(samples.get(JAVA_LONG, at + NvmlStructs.SAMPLE_TIME),
                    value(type, samples, at + NvmlStructs.SAMPLE_VALUE)));
        }
        return found;
    }

    /** @param type nvmlValueType_t */
    private static double value(int type, MemorySegment from, long at) throws NvmlException {
        return switch (type) {
            case 0 -> from.get(JAVA_DOUBLE, at);
            case 1 -> Integer.toUnsignedLong(from.get(JAVA_INT, at));
            case 2, 3, 4 -> from.get(JAVA_LONG, at);
            default -> throw new NvmlException(NvmlException.NOT_SUPPORTED);
        };
    }

    /** Utilization in the driver's last sample, a sixth of a second to a second. */
    int utilizationNow(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetUtilizationRates", device, struct);
        return struct.get(JAVA_INT, NvmlStructs.UTILIZATION_GPU);
    }

    Memory memory(MemorySegment device) throws NvmlException {
        if (calls.has("nvmlDeviceGetMemoryInfo_v2")) {
            struct.set(JAVA_INT, NvmlStructs.MEMORY_V2_VERSION, NvmlStructs.MEMORY_V2);
            calls.call("nvmlDeviceGetMemoryInfo_v2", device, struct);
            long total = struct.get(JAVA_LONG, NvmlStructs.MEMORY_V2_TOTAL);
            // Not "used": according to nvml.h it includes the reserve, but drivers leave it out.
            return new Memory(total, total - struct.get(JAVA_LONG, NvmlStructs.MEMORY_V2_FREE)
                    - struct.get(JAVA_LONG, NvmlStructs.MEMORY_V2_RESERVED), true);
        }
        calls.call("nvmlDeviceGetMemoryInfo", device, struct);
        return new Memory(struct.get(JAVA_LONG, NvmlStructs.MEMORY_TOTAL),
                struct.get(JAVA_LONG, NvmlStructs.MEMORY_USED), false);
    }

    double powerWatts(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetPowerUsage", device, out);
        return Integer.toUnsignedLong(out.get(JAVA_INT, 0)) / 1e3;
    }

    double energyJoules(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetTotalEnergyConsumption", device, out);
        return out.get(JAVA_LONG, 0) / 1e3;
    }

    double temperatureCelsius(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetTemperature", device, GPU_TEMPERATURE, out);
        return out.get(JAVA_INT, 0);
    }

    int smClockMhz(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetClockInfo", device, SM_CLOCK, out);
        return out.get(JAVA_INT, 0);
    }

    /** The reasons for the present clocks: bits of nvmlClocksEventReasons, earlier called throttle reasons. */
    long clockReasons(MemorySegment device) throws NvmlException {
        calls.call(calls.has("nvmlDeviceGetCurrentClocksEventReasons")
                ? "nvmlDeviceGetCurrentClocksEventReasons"
                : "nvmlDeviceGetCurrentClocksThrottleReasons", device, out);
        return out.get(JAVA_LONG, 0);
    }

    long eccErrors(MemorySegment device) throws NvmlException {
        calls.call("nvmlDeviceGetTotalEccErrors", device, UNCORRECTED, SINCE_DRIVER_LOADED, out);
        return out.get(JAVA_LONG, 0);
    }

    /** Compute and graphics processes, with their memory. */
    List<GpuProcess> processes(MemorySegment device) throws NvmlException {
        Map<Integer, GpuProcess> byPid = new LinkedHashMap<>();
        for (GpuProcess process : processes("nvmlDeviceGetComputeRunningProcesses", device)) {
            byPid.put(process.pid(), process);
        }
        try {
            for (GpuProcess process : processes("nvmlDeviceGetGraphicsRunningProcesses", device)) {
                byPid.putIfAbsent(process.pid(), process); // in both lists, each with all its memory
            }
        } catch (NvmlException e) {
            if (e.code() != NvmlException.NOT_SUPPORTED) {
                throw e;
            } // a GPU without graphics
        }
        return List.copyOf(byPid.values());
    }

    /**
     * Version 2 of the structure is the same in all drivers. Version 3 is not: 535.43 to 535.86 have a layout of their own.
     */
    private List<GpuProcess> processes(String function, MemorySegment device) throws NvmlException {
        boolean isOld = !calls.has(function + "_v2");
        long size = isOld ? NvmlStructs.PROCESS_V1_BYTES : NvmlStructs.PROCESS_V2_BYTES;
        count.set(JAVA_INT, 0, MAX_PROCESSES);
        calls.call(isOld ? function : function + "_v2", device, count, processes);
        List<GpuProcess> found = new ArrayList<>();
        for (int i = 0; i < Math.min(count.get(JAVA_INT, 0), MAX_PROCESSES); i++) {
            int pid = processes.get(JAVA_INT, i * size + NvmlStructs.PROCESS_PID);
            long memory = processes.get(JAVA_LONG, i * size + NvmlStructs.PROCESS_MEMORY);
            if (pid > 0) {
                found.add(new GpuProcess(pid, memory == NOT_AVAILABLE ? null : Long.valueOf(memory), null));
            }
        }
        return found;
    }

    /**
     * Utilization by process; idle ones may be missing.
     *
     * @param afterMicros newer ones only
     */
    List<ProcessUse> processUse(MemorySegment device, long afterMicros) throws NvmlException {
        count.set(JAVA_INT, 0, MAX_PROCESSES);
        calls.call("nvmlDeviceGetProcessUtilization", device, processes, count, afterMicros);
        List<ProcessUse> found = new ArrayList<>();
        for (int i = 0; i < Math.min(count.get(JAVA_INT, 0), MAX_PROCESSES); i++) {
            long at = (long) i * NvmlStructs.PROCESS_USE_BYTES;
            found.add(new ProcessUse(processes.get(JAVA_INT, at + NvmlStructs.PROCESS_USE_PID),
                    new Sample(processes.get(JAVA_LONG, at + NvmlStructs.PROCESS_USE_TIME),
                            processes.get(JAVA_INT, at + NvmlStructs.PROCESS_USE_SM))));
        }
        return found;
    }

    MemorySegment newEvents() throws NvmlException {
        calls.call("nvmlEventSetCreate", out);
        return out.get(ADDRESS, 0);
    }

    void registerForXids(MemorySegment device, MemorySegment events) throws NvmlException {
        calls.call("nvmlDeviceRegisterEvents", device, XID_EVENT, events);
    }

    /** The next error, without waiting. */
    Optional<Xid> nextXid(MemorySegment events) throws NvmlException {
        try {
            calls.call("nvmlEventSetWait_v2", events, struct, 0);
            return Optional.of(new Xid(struct.get(JAVA_LONG, NvmlStructs.EVENT_DEVICE),
                    (int) struct.get(JAVA_LONG, NvmlStructs.EVENT_DATA)));
        } catch (NvmlException e) {
            if (e.code() == NvmlException.TIMEOUT) {
                return Optional.empty();
            }
            throw e;
        }
    }

    void freeEvents(MemorySegment events) throws NvmlException {
        calls.call("nvmlEventSetFree", events);
    }

    private String text() {
        text.set(JAVA_BYTE, MAX_TEXT_LENGTH - 1, (byte) 0);
        return text.getString(0, StandardCharsets.US_ASCII);
    }

    /** Ends the use of the driver, and unloads the library. */
    @Override
    public void close() {
        try {
            calls.call("nvmlShutdown");
        } catch (NvmlException e) {
            // Not initialised, or the driver is gone: nothing is open.
        } finally {
            calls.close();
        }
    }
}
