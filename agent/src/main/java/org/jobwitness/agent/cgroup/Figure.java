package org.jobwitness.agent.cgroup;

import java.util.Locale;

/** What is read of a job's cgroup: from which file, and where in it. The names are those of {@code wire.JobReading}. */
enum Figure {
    CPU_USAGE_USEC(CgroupFile.CPU_STAT, "usage_usec"),
    CPU_USER_USEC(CgroupFile.CPU_STAT, "user_usec"),
    CPU_SYSTEM_USEC(CgroupFile.CPU_STAT, "system_usec"),
    /** Only where the cpu controller is on. */
    CPU_THROTTLED_USEC(CgroupFile.CPU_STAT, "throttled_usec"),
    CPU_PRESSURE_USEC(CgroupFile.CPU_PRESSURE, "some"),
    MEMORY_USAGE_BYTES(CgroupFile.MEMORY_CURRENT, ""),
    MEMORY_ANON_BYTES(CgroupFile.MEMORY_STAT, "anon"),
    MEMORY_FILE_BYTES(CgroupFile.MEMORY_STAT, "file"),
    MEMORY_SHMEM_BYTES(CgroupFile.MEMORY_STAT, "shmem"),
    MEMORY_SWAP_BYTES(CgroupFile.MEMORY_SWAP_CURRENT, ""),
    MEMORY_PEAK_BYTES(CgroupFile.MEMORY_PEAK, ""),
    MEMORY_LIMIT_BYTES(CgroupFile.MEMORY_MAX, ""),
    MEMORY_PRESSURE_USEC(CgroupFile.MEMORY_PRESSURE, "some"),
    MEMORY_STALL_USEC(CgroupFile.MEMORY_PRESSURE, "full"),
    OOM_EVENTS(CgroupFile.MEMORY_EVENTS, "oom"),
    OOM_KILLS(CgroupFile.MEMORY_EVENTS, "oom_kill"),
    PIDS(CgroupFile.PIDS_CURRENT, ""),
    IO_READ_BYTES(CgroupFile.IO_STAT, "rbytes"),
    IO_WRITE_BYTES(CgroupFile.IO_STAT, "wbytes"),
    IO_PRESSURE_USEC(CgroupFile.IO_PRESSURE, "some"),
    IO_STALL_USEC(CgroupFile.IO_PRESSURE, "full");

    final CgroupFile source;
    private final String key;

    Figure(CgroupFile source, String key) {
        this.source = source;
        this.key = key;
    }

    /** Its name in a batch. */
    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it only grows while its cgroup is there. */
    boolean isCounter() {
        return switch (source.format) {
            case KEYED -> source != CgroupFile.MEMORY_STAT;
            case PRESSURE, DEVICES -> true;
            case SINGLE -> false;
        };
    }

    /** NONE if the text does not tell. */
    long in(KernelText text, BlockDevices devices) {
        return switch (source.format) {
            case SINGLE -> text.single();
            case KEYED -> text.keyed(key);
            case PRESSURE -> text.total(key);
            case DEVICES -> text.sum(key, devices);
        };
    }
}
