package org.jobwitness.agent.gpu.nvidia;

/** A call of NVML failed. The message explains nvmlReturn_t. */
final class NvmlException extends Exception {
    static final int UNINITIALIZED = 1;
    static final int NOT_SUPPORTED = 3;
    static final int NOT_FOUND = 6;
    static final int INSUFFICIENT_SIZE = 7;
    static final int DRIVER_NOT_LOADED = 9;
    static final int TIMEOUT = 10;
    static final int FUNCTION_NOT_FOUND = 13;
    static final int LIBRARY_AND_DRIVER_DIFFER = 18;
    private static final long serialVersionUID = 1L;

    private final int code;

    NvmlException(int code) {
        // Some GPUs fail a call every time: stack traces would cost more than everything else.
        super(words(code), null, false, false);
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Whether the library must be reopened before any GPU can be read. */
    boolean isOfAllGpus() {
        return code == UNINITIALIZED || code == DRIVER_NOT_LOADED || code == LIBRARY_AND_DRIVER_DIFFER;
    }

    private static String words(int code) {
        return switch (code) {
            case UNINITIALIZED -> "NVML is not initialised";
            case 2 -> "NVML rejects an argument";
            case NOT_SUPPORTED -> "this GPU does not support it";
            case 4 -> "the agent's user has no permission";
            case NOT_FOUND -> "NVML has none";
            case INSUFFICIENT_SIZE -> "the result of NVML is too large";
            case 8 -> "the GPU's power cables are not properly attached";
            case DRIVER_NOT_LOADED -> "the NVIDIA driver is not loaded";
            case TIMEOUT -> "NVML timed out";
            case 11 -> "the kernel found an interrupt problem with the GPU";
            case FUNCTION_NOT_FOUND -> "the driver's libnvidia-ml is too old for it";
            case 14 -> "the GPU's infoROM is corrupted";
            case 15 -> "the GPU is lost: it has fallen off the bus or is otherwise out of reach";
            case 16 -> "the GPU must be reset";
            case 17 -> "the operating system refuses access to the GPU";
            case LIBRARY_AND_DRIVER_DIFFER -> "libnvidia-ml and the loaded driver are of different versions";
            case 19 -> "the GPU is in use";
            case 20 -> "there is not enough memory for NVML";
            case 21 -> "there is no data";
            case 999 -> "the driver has an internal error";
            default -> "NVML failed with error " + code;
        };
    }
}
