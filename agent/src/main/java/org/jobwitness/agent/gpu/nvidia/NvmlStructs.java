package org.jobwitness.agent.gpu.nvidia;

/**
 * Byte offsets in NVML's structures, as C compilers on 64-bit Linux lay out NVIDIA's nvml.h. A test compares them with a C
 * compiler.
 */
final class NvmlStructs {
    static final int PCI_BYTES = 68;
    static final int PCI_DOMAIN = 16;
    static final int PCI_BUS = 20;
    static final int PCI_DEVICE = 24;

    static final int MEMORY_BYTES = 24;
    static final int MEMORY_TOTAL = 0;
    static final int MEMORY_USED = 16;

    static final int MEMORY_V2_BYTES = 40;
    static final int MEMORY_V2_VERSION = 0;
    static final int MEMORY_V2_TOTAL = 8;
    static final int MEMORY_V2_RESERVED = 16;
    static final int MEMORY_V2_FREE = 24;
    /** NVML_STRUCT_VERSION: the size, and the number of the version in the highest byte. */
    static final int MEMORY_V2 = MEMORY_V2_BYTES | 2 << 24;

    static final int UTILIZATION_BYTES = 8;
    static final int UTILIZATION_GPU = 0;

    static final int SAMPLE_BYTES = 16;
    static final int SAMPLE_TIME = 0;
    static final int SAMPLE_VALUE = 8;

    static final int PROCESS_V1_BYTES = 16;
    static final int PROCESS_V2_BYTES = 24;
    static final int PROCESS_PID = 0;
    static final int PROCESS_MEMORY = 8;

    static final int PROCESS_USE_BYTES = 32;
    static final int PROCESS_USE_PID = 0;
    static final int PROCESS_USE_TIME = 8;
    static final int PROCESS_USE_SM = 16;

    static final int EVENT_BYTES = 32;
    static final int EVENT_DEVICE = 0;
    static final int EVENT_DATA = 16;

    static final int GPM_SUPPORT_BYTES = 8;
    static final int GPM_SUPPORT_VERSION = 0;
    static final int GPM_SUPPORT_SUPPORTED = 4;

    static final int GPM_METRIC_BYTES = 40;
    static final int GPM_GET_VERSION = 0;
    static final int GPM_GET_COUNT = 4;
    static final int GPM_GET_BEFORE = 8;
    static final int GPM_GET_NOW = 16;
    static final int GPM_GET_METRICS = 24;
    static final int GPM_METRIC_ID = 0;
    static final int GPM_METRIC_ANSWER = 4;
    static final int GPM_METRIC_VALUE = 8;

    private NvmlStructs() {
    }
}
