package org.jobwitness.agent.gpu.nvidia;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuProcess;

/**
 * libnvidia-ml, linked into this process: the functions of NVIDIA's nvml.h that the agent calls. One that the node's driver does not
 * have is refused as NVML would refuse it ({@link NvmlException#FUNCTION_NOT_FOUND}). All of it is one thread's.
 *
 * <p>A device is the library's own pointer, and good until {@link #close}.
 */
final class NvmlLibrary implements AutoCloseable {
    private static final int SUCCESS = 0;
    private static final int MOST_ARGUMENTS = 6;
    private static final int LONGEST_TEXT = 96;
    /** The driver keeps a hundred or so. */
    private static final int MOST_SAMPLES = 1024;
    private static final int MOST_PROCESSES = 1024;
    /** What nvml.h gives for a figure that the driver does not know. */
    private static final long NOT_AVAILABLE = -1;

    private static final int GPU_UTILIZATION_SAMPLES = 1;
    private static final int GPU_TEMPERATURE = 0;
    private static final int SM_CLOCK = 1;
    private static final int UNCORRECTED = 1;
    private static final int SINCE_DRIVER_LOADED = 0;
    private static final long XID_EVENT = 8;
    private static final int GPM_VERSION = 1;
    /** Of the time, how much something was computed. */
    private static final int GPM_GRAPHICS_UTIL = 1;

    private final Arena arena = Arena.ofConfined();
    private final SymbolLookup library;
    private final Map<String, Optional<MemorySegment>> functions = new HashMap<>();

    /**
     * Calls any of the functions: each takes at most six pointers and whole numbers and answers with a number. On Linux each of those
     * comes in a register of its own (System V's ABI for x86-64, 3.2.3; AAPCS64, 6.8.2), and a function looks at as many and as
     * much of them as it has parameters. A handle for each signature would cost a node a megabyte.
     */
    private final MethodHandle caller;

    /** What a call gives back is put here. */
    private final MemorySegment out = arena.allocate(JAVA_LONG);
    private final MemorySegment count = arena.allocate(JAVA_INT);
    private final MemorySegment text = arena.allocate(LONGEST_TEXT);
    private final MemorySegment struct = arena.allocate(NvmlStructs.PCI_BYTES, Long.BYTES);
    private final MemorySegment samples = arena.allocate((long) MOST_SAMPLES * NvmlStructs.SAMPLE_BYTES, Long.BYTES);
    private final MemorySegment processes = arena.allocate((long) MOST_PROCESSES * NvmlStructs.PROCESS_USE_BYTES,
            Long.BYTES);
    private final MemorySegment metrics = arena.allocate(
            (long) NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_BYTES, Long.BYTES);

    /** @param usedBytes without the driver's own, or with it where {@code reservedToldApart} is false */
    record Memory(long totalBytes, long usedBytes, boolean reservedToldApart) {
    }

    /** How busy a GPU or a process was in the time that ended then. */
    record Sample(long micros, double percent) {
    }

    /** How busy a process was. */
    record ProcessUse(int pid, Sample sample) {
    }

    /** An error that the driver has seen. */
    record Xid(long device, int number) {
    }

    /** The library is not on this node, or not to be used by this process. */
    static final class NotThere extends Exception {
        private static final long serialVersionUID = 1L;

        NotThere(String cause) {
            super(cause);
        }
    }

    /** @param name of the library, for the system's loader to find, or its path */
    @SuppressWarnings("restricted") // the launcher allows it
    NvmlLibrary(String name) throws NotThere {
        try {
            library = SymbolLookup.libraryLookup(name, arena);
        } catch (IllegalArgumentException e) {
            arena.close();
            throw new NotThere(name + " cannot be loaded");
        }
        MemoryLayout[] words = new MemoryLayout[MOST_ARGUMENTS];
        Arrays.fill(words, JAVA_LONG);
        caller = Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_INT, words));
    }

    // --- the library and its devices -------------------------------------------------------------------------------

    void init() throws NvmlException {
        call("nvmlInit_v2");
    }

    int deviceCount() throws NvmlException {
        call("nvmlDeviceGetCount_v2", out);
        return out.get(JAVA_INT, 0);
    }

    MemorySegment device(int number) throws NvmlException {
        call("nvmlDeviceGetHandleByIndex_v2", number, out);
        return out.get(ADDRESS, 0);
    }

    String uuid(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetUUID", device, text, LONGEST_TEXT);
        return text();
    }

    String model(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetName", device, text, LONGEST_TEXT);
        return text();
    }

    int minor(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetMinorNumber", device, out);
        return out.get(JAVA_INT, 0);
    }

    /** As {@link GpuName} has it; a GPU is function 0 of its slot. */
    String pci(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetPciInfo_v3", device, struct);
        HexFormat hex = HexFormat.of();
        return hex.toHexDigits(struct.get(JAVA_INT, NvmlStructs.PCI_DOMAIN)) + ":"
                + hex.toHexDigits((byte) struct.get(JAVA_INT, NvmlStructs.PCI_BUS)) + ":"
                + hex.toHexDigits((byte) struct.get(JAVA_INT, NvmlStructs.PCI_DEVICE)) + ".0";
    }

    // --- figures ---------------------------------------------------------------------------------------------------

    /**
     * How busy the GPU was, in the order of time.
     *
     * @param afterMicros newer ones only
     */
    List<Sample> samples(MemorySegment device, long afterMicros) throws NvmlException {
        count.set(JAVA_INT, 0, MOST_SAMPLES);
        call("nvmlDeviceGetSamples", device, GPU_UTILIZATION_SAMPLES, afterMicros, out, count, samples);
        int type = out.get(JAVA_INT, 0);
        List<Sample> told = new ArrayList<>();
        for (int i = 0; i < Math.min(count.get(JAVA_INT, 0), MOST_SAMPLES); i++) {
            long at = (long) i * NvmlStructs.SAMPLE_BYTES;
            told.add(new Sample(samples.get(JAVA_LONG, at + NvmlStructs.SAMPLE_TIME),
                    value(type, samples, at + NvmlStructs.SAMPLE_VALUE)));
        }
        return told;
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

    /** How busy the GPU was in the driver's last sample, which is a sixth of a second to a second. */
    int utilizationNow(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetUtilizationRates", device, struct);
        return struct.get(JAVA_INT, NvmlStructs.UTILIZATION_GPU);
    }

    Memory memory(MemorySegment device) throws NvmlException {
        if (has("nvmlDeviceGetMemoryInfo_v2")) {
            struct.set(JAVA_INT, NvmlStructs.MEMORY_V2_VERSION, NvmlStructs.MEMORY_V2);
            call("nvmlDeviceGetMemoryInfo_v2", device, struct);
            long total = struct.get(JAVA_LONG, NvmlStructs.MEMORY_V2_TOTAL);
            // Not "used": nvml.h says that it has the reserved part in it, and drivers leave it out.
            return new Memory(total, total - struct.get(JAVA_LONG, NvmlStructs.MEMORY_V2_FREE)
                    - struct.get(JAVA_LONG, NvmlStructs.MEMORY_V2_RESERVED), true);
        }
        call("nvmlDeviceGetMemoryInfo", device, struct);
        return new Memory(struct.get(JAVA_LONG, NvmlStructs.MEMORY_TOTAL),
                struct.get(JAVA_LONG, NvmlStructs.MEMORY_USED), false);
    }

    double powerWatts(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetPowerUsage", device, out);
        return Integer.toUnsignedLong(out.get(JAVA_INT, 0)) / 1e3;
    }

    double energyJoules(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetTotalEnergyConsumption", device, out);
        return out.get(JAVA_LONG, 0) / 1e3;
    }

    double temperatureCelsius(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetTemperature", device, GPU_TEMPERATURE, out);
        return out.get(JAVA_INT, 0);
    }

    int smClockMhz(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetClockInfo", device, SM_CLOCK, out);
        return out.get(JAVA_INT, 0);
    }

    /** Why the clocks are as they are: bits of nvmlClocksEventReasons, which were called throttle reasons before. */
    long clockReasons(MemorySegment device) throws NvmlException {
        call(has("nvmlDeviceGetCurrentClocksEventReasons")
                ? "nvmlDeviceGetCurrentClocksEventReasons"
                : "nvmlDeviceGetCurrentClocksThrottleReasons", device, out);
        return out.get(JAVA_LONG, 0);
    }

    long eccErrors(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetTotalEccErrors", device, UNCORRECTED, SINCE_DRIVER_LOADED, out);
        return out.get(JAVA_LONG, 0);
    }

    // --- processes -------------------------------------------------------------------------------------------------

    /** Those that compute and those that draw, with their memory. */
    List<GpuProcess> processes(MemorySegment device) throws NvmlException {
        Map<Integer, GpuProcess> byPid = new LinkedHashMap<>();
        for (GpuProcess process : processes("nvmlDeviceGetComputeRunningProcesses", device)) {
            byPid.put(process.pid(), process);
        }
        try {
            for (GpuProcess process : processes("nvmlDeviceGetGraphicsRunningProcesses", device)) {
                byPid.putIfAbsent(process.pid(), process); // it does both, and each list has all its memory
            }
        } catch (NvmlException e) {
            if (e.code() != NvmlException.NOT_SUPPORTED) {
                throw e;
            } // a GPU that only computes
        }
        return List.copyOf(byPid.values());
    }

    /**
     * The structure of version 2 is the same in all drivers. That of version 3 is not: 535.43 to 535.86 have another than those
     * before and after.
     */
    private List<GpuProcess> processes(String function, MemorySegment device) throws NvmlException {
        boolean isOld = !has(function + "_v2");
        long size = isOld ? NvmlStructs.PROCESS_V1_BYTES : NvmlStructs.PROCESS_V2_BYTES;
        count.set(JAVA_INT, 0, MOST_PROCESSES);
        call(isOld ? function : function + "_v2", device, count, processes);
        List<GpuProcess> told = new ArrayList<>();
        for (int i = 0; i < Math.min(count.get(JAVA_INT, 0), MOST_PROCESSES); i++) {
            int pid = processes.get(JAVA_INT, i * size + NvmlStructs.PROCESS_PID);
            long memory = processes.get(JAVA_LONG, i * size + NvmlStructs.PROCESS_MEMORY);
            if (pid > 0) {
                told.add(new GpuProcess(pid, memory == NOT_AVAILABLE ? null : Long.valueOf(memory), null));
            }
        }
        return told;
    }

    /**
     * How busy processes were; one that was idle need not be there.
     *
     * @param afterMicros newer ones only
     */
    List<ProcessUse> processUse(MemorySegment device, long afterMicros) throws NvmlException {
        count.set(JAVA_INT, 0, MOST_PROCESSES);
        call("nvmlDeviceGetProcessUtilization", device, processes, count, afterMicros);
        List<ProcessUse> told = new ArrayList<>();
        for (int i = 0; i < Math.min(count.get(JAVA_INT, 0), MOST_PROCESSES); i++) {
            long at = (long) i * NvmlStructs.PROCESS_USE_BYTES;
            told.add(new ProcessUse(processes.get(JAVA_INT, at + NvmlStructs.PROCESS_USE_PID),
                    new Sample(processes.get(JAVA_LONG, at + NvmlStructs.PROCESS_USE_TIME),
                            processes.get(JAVA_INT, at + NvmlStructs.PROCESS_USE_SM))));
        }
        return told;
    }

    // --- parts of a GPU (MIG) --------------------------------------------------------------------------------------

    boolean isMig(MemorySegment device) throws NvmlException {
        try {
            call("nvmlDeviceGetMigMode", device, out, count);
            return out.get(JAVA_INT, 0) == 1;
        } catch (NvmlException e) {
            if (e.code() == NvmlException.NOT_SUPPORTED || e.code() == NvmlException.FUNCTION_NOT_FOUND) {
                return false;
            }
            throw e;
        }
    }

    /** The compute instances of a GPU in MIG mode: what a job can be given. */
    List<MemorySegment> instances(MemorySegment device) throws NvmlException {
        call("nvmlDeviceGetMaxMigDeviceCount", device, count);
        int most = count.get(JAVA_INT, 0);
        List<MemorySegment> found = new ArrayList<>();
        for (int i = 0; i < most; i++) {
            try {
                call("nvmlDeviceGetMigDeviceHandleByIndex", device, i, out);
                found.add(out.get(ADDRESS, 0));
            } catch (NvmlException e) {
                if (e.code() != NvmlException.NOT_FOUND) {
                    throw e;
                } // nothing is made there
            }
        }
        return found;
    }

    /** The GPU instance of a compute instance: several may share one. */
    int gpuInstance(MemorySegment instance) throws NvmlException {
        call("nvmlDeviceGetGpuInstanceId", instance, out);
        return out.get(JAVA_INT, 0);
    }

    boolean hasGpm(MemorySegment device) throws NvmlException {
        struct.set(JAVA_INT, NvmlStructs.GPM_SUPPORT_VERSION, GPM_VERSION);
        call("nvmlGpmQueryDeviceSupport", device, struct);
        return struct.get(JAVA_INT, NvmlStructs.GPM_SUPPORT_SUPPORTED) != 0;
    }

    MemorySegment newGpmSample() throws NvmlException {
        call("nvmlGpmSampleAlloc", out);
        return out.get(ADDRESS, 0);
    }

    void takeGpmSample(MemorySegment device, int gpuInstance, MemorySegment sample) throws NvmlException {
        call("nvmlGpmMigSampleGet", device, gpuInstance, sample);
    }

    /** For how much of the time between two samples something was computed, in percent. */
    double gpmUtilization(MemorySegment before, MemorySegment now) throws NvmlException {
        metrics.set(JAVA_INT, NvmlStructs.GPM_GET_VERSION, GPM_VERSION);
        metrics.set(JAVA_INT, NvmlStructs.GPM_GET_COUNT, 1);
        metrics.set(ADDRESS, NvmlStructs.GPM_GET_BEFORE, before);
        metrics.set(ADDRESS, NvmlStructs.GPM_GET_NOW, now);
        metrics.set(JAVA_INT, NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_ID, GPM_GRAPHICS_UTIL);
        call("nvmlGpmMetricsGet", metrics);
        check(metrics.get(JAVA_INT, NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_ANSWER));
        return metrics.get(JAVA_DOUBLE, NvmlStructs.GPM_GET_METRICS + NvmlStructs.GPM_METRIC_VALUE);
    }

    void freeGpmSample(MemorySegment sample) throws NvmlException {
        call("nvmlGpmSampleFree", sample);
    }

    // --- errors ----------------------------------------------------------------------------------------------------

    MemorySegment newEvents() throws NvmlException {
        call("nvmlEventSetCreate", out);
        return out.get(ADDRESS, 0);
    }

    void listenForXids(MemorySegment device, MemorySegment events) throws NvmlException {
        call("nvmlDeviceRegisterEvents", device, XID_EVENT, events);
    }

    /** The next that has come; waits for none. */
    Optional<Xid> nextXid(MemorySegment events) throws NvmlException {
        try {
            call("nvmlEventSetWait_v2", events, struct, 0);
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
        call("nvmlEventSetFree", events);
    }

    // --- calls -----------------------------------------------------------------------------------------------------

    private boolean has(String function) {
        return find(function).isPresent();
    }

    private Optional<MemorySegment> find(String function) {
        return functions.computeIfAbsent(function, library::find);
    }

    private static void check(int answer) throws NvmlException {
        if (answer != SUCCESS) {
            throw new NvmlException(answer);
        }
    }

    /** @param arguments memory, a pointer of the library's own, or a whole number: at most {@link #MOST_ARGUMENTS} */
    private void call(String function, Object... arguments) throws NvmlException {
        MemorySegment address = find(function)
                .orElseThrow(() -> new NvmlException(NvmlException.FUNCTION_NOT_FOUND));
        long[] words = new long[MOST_ARGUMENTS];
        for (int i = 0; i < arguments.length; i++) {
            words[i] = switch (arguments[i]) {
                case MemorySegment memory -> memory.address();
                case Integer number -> number;
                case Long number -> number;
                default -> throw new IllegalArgumentException(function + " takes no " + arguments[i].getClass());
            };
        }
        int answer;
        try {
            answer = (int) caller.invokeExact(address, words[0], words[1], words[2], words[3], words[4], words[5]);
        } catch (Throwable e) {
            throw new IllegalStateException(e); // a call into C throws nothing
        }
        check(answer);
    }

    private String text() {
        text.set(JAVA_BYTE, LONGEST_TEXT - 1, (byte) 0);
        return text.getString(0, StandardCharsets.US_ASCII);
    }

    /** Ends the library's use of the driver, and gives the library itself back to the system. */
    @Override
    public void close() {
        try {
            call("nvmlShutdown");
        } catch (NvmlException e) {
            // It was never initialised, or has lost the driver: there is nothing that it holds.
        } finally {
            arena.close();
        }
    }
}
