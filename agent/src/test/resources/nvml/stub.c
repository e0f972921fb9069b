/*
 * A libnvidia-ml of GPUs that are not there. Tests set and read the stub_ variables. With -DOLD it is a library of the days before
 * MIG, with what came later left out.
 */
#include "nvml.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GPUS 8
#define SAMPLES 100
#define MIG_SLOTS 7

struct nvmlDevice_st {
    int gpu;
    int slot; /* -1: the whole GPU */
};

int stub_gpus = 2;
int stub_inits;          /* how often initialised and not yet shut down */
int stub_init_answer;    /* of nvmlInit_v2 */
int stub_lost = -1;      /* GPU that has fallen off the bus */
int stub_no_samples;     /* of utilisation are kept for GPU 1 */
int stub_hang;           /* power is not told as long as this is 1 */
int stub_hanging;        /* somebody waits for it */
int stub_mig = -1;       /* GPU in MIG mode */
int stub_mig_slots = 5;  /* bits: which slots have an instance */
int stub_gpm = 1;        /* is supported */
int stub_gpm_samples;    /* allocated and not freed */
double stub_gpm_percent = 40;
int stub_xid;            /* of GPU 0, to be told once */
int stub_event_sets;
unsigned long long stub_reasons = 1;

static struct nvmlDevice_st wholes[GPUS], parts[GPUS][MIG_SLOTS];
static nvmlSample_t samples[GPUS][SAMPLES];
static int added[GPUS];

/* The newest push out the oldest, as in the driver. */
void stub_sample(int gpu, unsigned long long micros, unsigned int percent) {
    nvmlSample_t *sample = &samples[gpu][added[gpu]++ % SAMPLES];
    sample->timeStamp = micros;
    sample->sampleValue.uiVal = percent;
}

static int lost(nvmlDevice_t device) { return device->gpu == stub_lost; }

#define LIVE(device)                       \
    do {                                   \
        if (lost(device))                  \
            return NVML_ERROR_GPU_IS_LOST; \
    } while (0)
#define WHOLE(device)                     \
    do {                                  \
        LIVE(device);                     \
        if ((device)->slot >= 0)          \
            return NVML_ERROR_NOT_SUPPORTED; \
    } while (0)

nvmlReturn_t nvmlInit_v2(void) {
    if (stub_init_answer)
        return stub_init_answer;
    stub_inits++;
    for (int gpu = 0; gpu < GPUS; gpu++) {
        wholes[gpu].gpu = gpu;
        wholes[gpu].slot = -1;
        for (int slot = 0; slot < MIG_SLOTS; slot++) {
            parts[gpu][slot].gpu = gpu;
            parts[gpu][slot].slot = slot;
        }
    }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlShutdown(void) {
    if (!stub_inits)
        return NVML_ERROR_UNINITIALIZED;
    stub_inits--;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = stub_gpus;
    return stub_inits ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    *device = &wholes[index];
    LIVE(*device);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
    LIVE(device);
    if (device->slot < 0)
        snprintf(uuid, length, "GPU-00000000-0000-0000-0000-00000000000%d", device->gpu);
    else
        snprintf(uuid, length, "MIG-00000000-0000-0000-0000-0000000000%d%d", device->gpu, device->slot);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    LIVE(device);
    snprintf(name, length, device->slot < 0 ? "NVIDIA Stub 80GB" : "NVIDIA Stub 80GB MIG 1g.10gb");
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor) {
    WHOLE(device);
    *minor = stub_gpus - 1 - device->gpu;
    return NVML_SUCCESS;
}

/* NVML's first GPU has the highest address. */
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    WHOLE(device);
    memset(pci, 0, sizeof *pci);
    pci->domain = 1;
    pci->bus = 0xc0 - 0x10 * device->gpu;
    pci->device = 2;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, int type, unsigned long long after, nvmlValueType_t *valueType,
                                  unsigned int *count, nvmlSample_t *told) {
    WHOLE(device);
    if (device->gpu == stub_mig || (device->gpu == 1 && stub_no_samples))
        return NVML_ERROR_NOT_SUPPORTED;
    if (type != 1)
        return NVML_ERROR_INVALID_ARGUMENT;
    unsigned int room = *count, found = 0;
    int newest = added[device->gpu], first = newest > SAMPLES ? newest - SAMPLES : 0;
    for (int i = first; i < newest && found < room; i++)
        if (samples[device->gpu][i % SAMPLES].timeStamp > after)
            told[found++] = samples[device->gpu][i % SAMPLES];
    *count = found;
    *valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
    return found ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization) {
    WHOLE(device);
    utilization->gpu = 77;
    utilization->memory = 33;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    LIVE(device);
    memory->total = 80000;
    memory->free = 69000;
    memory->used = 11000;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts) {
    WHOLE(device);
    for (stub_hanging = stub_hang; __atomic_load_n(&stub_hang, __ATOMIC_SEQ_CST); usleep(1000))
        ;
    *milliwatts = 301500;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned int *celsius) {
    WHOLE(device);
    *celsius = sensor == 0 ? 61 : 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, int clock, unsigned int *mhz) {
    WHOLE(device);
    *mhz = clock == 1 ? 1410 : 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, int error, int counter, unsigned long long *count) {
    WHOLE(device);
    *count = error == 1 && counter == 0 ? 5 : 999;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons) {
    WHOLE(device);
    *reasons = stub_reasons;
    return NVML_SUCCESS;
}

#ifdef OLD

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_v1_t *told) {
    WHOLE(device);
    told[0] = (nvmlProcessInfo_v1_t){4001, 1000};
    told[1] = (nvmlProcessInfo_v1_t){4002, 2000};
    *count = 2;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device, unsigned int *count,
                                                   nvmlProcessInfo_v1_t *told) {
    (void)device, (void)count, (void)told;
    return NVML_ERROR_NOT_SUPPORTED;
}

#else

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    LIVE(device);
    if (memory->version != nvmlMemory_v2)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    memory->total = device->slot < 0 ? 80000 : 10000;
    memory->reserved = 1000;
    memory->free = device->slot < 0 ? 69000 : 8500;
    memory->used = memory->total - memory->reserved - memory->free;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *millijoules) {
    WHOLE(device);
    *millijoules = 123456789;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons) {
    return nvmlDeviceGetCurrentClocksThrottleReasons(device, reasons);
}

/* GPU 0 has two processes, GPU 1 none; an instance has one. */
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned int *count,
                                                     nvmlProcessInfo_v2_t *told) {
    LIVE(device);
    unsigned int there = device->slot >= 0 ? 1 : device->gpu == 0 ? 2 : 0;
    if (*count < there)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    *count = there;
    if (device->slot >= 0)
        told[0] = (nvmlProcessInfo_v2_t){5000 + device->slot, 700, device->slot + 1, 0};
    else if (there) {
        told[0] = (nvmlProcessInfo_v2_t){4001, 1000, -1, -1};
        told[1] = (nvmlProcessInfo_v2_t){4002, -1ULL, -1, -1};
    }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v2(nvmlDevice_t device, unsigned int *count,
                                                      nvmlProcessInfo_v2_t *told) {
    WHOLE(device);
    *count = device->gpu == 0 ? 2 : 0;
    told[0] = (nvmlProcessInfo_v2_t){4001, 1000, -1, -1};
    told[1] = (nvmlProcessInfo_v2_t){4003, 30, -1, -1};
    return NVML_SUCCESS;
}

/* Of the second before each question, process 4001 used 80 % and then 60 %. */
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *told,
                                             unsigned int *count, unsigned long long after) {
    WHOLE(device);
    if (device->gpu != 0)
        return NVML_ERROR_NOT_FOUND;
    if (!told || *count < 2)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    told[0] = (nvmlProcessUtilizationSample_t){4001, after + 500000, 80, 1, 2, 3};
    told[1] = (nvmlProcessUtilizationSample_t){4001, after + 1000000, 60, 1, 2, 3};
    *count = 2;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending) {
    WHOLE(device);
    if (stub_mig < 0)
        return NVML_ERROR_NOT_SUPPORTED;
    *current = *pending = device->gpu == stub_mig;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count) {
    WHOLE(device);
    *count = MIG_SLOTS;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int slot, nvmlDevice_t *part) {
    WHOLE(device);
    if (!(stub_mig_slots & 1 << slot))
        return NVML_ERROR_NOT_FOUND;
    *part = &parts[device->gpu][slot];
    return NVML_SUCCESS;
}

/* Slots 5 and 6 are in the same one. */
nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t part, unsigned int *id) {
    LIVE(part);
    *id = part->slot == 6 ? 6 : part->slot + 1;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *support) {
    LIVE(device);
    if (support->version != 1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    support->isSupportedDevice = stub_gpm;
    return NVML_SUCCESS;
}

struct nvmlGpmSample_st {
    int taken;
    unsigned int gpuInstance;
};
static struct nvmlGpmSample_st gpm[64];

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *sample) {
    *sample = &gpm[stub_gpm_samples++];
    (*sample)->taken = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
    (void)sample;
    stub_gpm_samples--;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int gpuInstance, nvmlGpmSample_t sample) {
    static int now;
    WHOLE(device);
    sample->taken = ++now;
    sample->gpuInstance = gpuInstance;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *get) {
    if (get->version != 1 || get->numMetrics != 1 || get->metrics[0].metricId != 1)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!get->sample1->taken || get->sample1->taken >= get->sample2->taken ||
        get->sample1->gpuInstance != get->sample2->gpuInstance)
        return NVML_ERROR_INVALID_ARGUMENT;
    get->metrics[0].nvmlReturn = NVML_SUCCESS;
    get->metrics[0].value = stub_gpm_percent + get->sample2->gpuInstance;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set) {
    *set = (nvmlEventSet_t)&stub_event_sets;
    stub_event_sets++;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set) {
    (void)set;
    WHOLE(device);
    return device->gpu == 1 || types != 8 ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *event, unsigned int timeout) {
    (void)set;
    if (!stub_xid || timeout)
        return NVML_ERROR_TIMEOUT;
    *event = (nvmlEventData_t){&wholes[0], 8, stub_xid, -1, -1};
    stub_xid = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    (void)set;
    stub_event_sets--;
    return NVML_SUCCESS;
}

#endif
