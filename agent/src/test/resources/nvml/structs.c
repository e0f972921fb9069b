/* Prints where things stand in NVML's structures, by the names that NvmlStructs has for them. */
#include "nvml.h"
#include <stdio.h>

#define SIZE(name, type) printf(#name " %zu\n", sizeof(type))
#define PLACE(name, type, member) printf(#name " %zu\n", offsetof(type, member))

int main(void) {
    SIZE(PCI_BYTES, nvmlPciInfo_t);
    PLACE(PCI_DOMAIN, nvmlPciInfo_t, domain);
    PLACE(PCI_BUS, nvmlPciInfo_t, bus);
    PLACE(PCI_DEVICE, nvmlPciInfo_t, device);
    SIZE(MEMORY_BYTES, nvmlMemory_t);
    PLACE(MEMORY_TOTAL, nvmlMemory_t, total);
    PLACE(MEMORY_USED, nvmlMemory_t, used);
    SIZE(MEMORY_V2_BYTES, nvmlMemory_v2_t);
    PLACE(MEMORY_V2_VERSION, nvmlMemory_v2_t, version);
    PLACE(MEMORY_V2_TOTAL, nvmlMemory_v2_t, total);
    PLACE(MEMORY_V2_RESERVED, nvmlMemory_v2_t, reserved);
    PLACE(MEMORY_V2_FREE, nvmlMemory_v2_t, free);
    printf("MEMORY_V2 %u\n", nvmlMemory_v2);
    SIZE(UTILIZATION_BYTES, nvmlUtilization_t);
    PLACE(UTILIZATION_GPU, nvmlUtilization_t, gpu);
    SIZE(SAMPLE_BYTES, nvmlSample_t);
    PLACE(SAMPLE_TIME, nvmlSample_t, timeStamp);
    PLACE(SAMPLE_VALUE, nvmlSample_t, sampleValue);
    SIZE(PROCESS_V1_BYTES, nvmlProcessInfo_v1_t);
    SIZE(PROCESS_V2_BYTES, nvmlProcessInfo_v2_t);
    PLACE(PROCESS_PID, nvmlProcessInfo_v2_t, pid);
    PLACE(PROCESS_MEMORY, nvmlProcessInfo_v2_t, usedGpuMemory);
    SIZE(PROCESS_USE_BYTES, nvmlProcessUtilizationSample_t);
    PLACE(PROCESS_USE_PID, nvmlProcessUtilizationSample_t, pid);
    PLACE(PROCESS_USE_TIME, nvmlProcessUtilizationSample_t, timeStamp);
    PLACE(PROCESS_USE_SM, nvmlProcessUtilizationSample_t, smUtil);
    SIZE(EVENT_BYTES, nvmlEventData_t);
    PLACE(EVENT_DEVICE, nvmlEventData_t, device);
    PLACE(EVENT_DATA, nvmlEventData_t, eventData);
    SIZE(GPM_SUPPORT_BYTES, nvmlGpmSupport_t);
    PLACE(GPM_SUPPORT_VERSION, nvmlGpmSupport_t, version);
    PLACE(GPM_SUPPORT_SUPPORTED, nvmlGpmSupport_t, isSupportedDevice);
    SIZE(GPM_METRIC_BYTES, nvmlGpmMetric_t);
    PLACE(GPM_GET_VERSION, nvmlGpmMetricsGet_t, version);
    PLACE(GPM_GET_COUNT, nvmlGpmMetricsGet_t, numMetrics);
    PLACE(GPM_GET_BEFORE, nvmlGpmMetricsGet_t, sample1);
    PLACE(GPM_GET_NOW, nvmlGpmMetricsGet_t, sample2);
    PLACE(GPM_GET_METRICS, nvmlGpmMetricsGet_t, metrics);
    PLACE(GPM_METRIC_ID, nvmlGpmMetric_t, metricId);
    PLACE(GPM_METRIC_ANSWER, nvmlGpmMetric_t, nvmlReturn);
    PLACE(GPM_METRIC_VALUE, nvmlGpmMetric_t, value);
    return 0;
}
