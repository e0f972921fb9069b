package org.jobwitness.agent.cgroup;

/** What is read of a job's cgroup: from which file, and where in it. The names are those of the catalogue, {@code wire.Figure}. */
enum Figure {
    CPU_USAGE_USEC(Source.CPU_STAT, "usage_usec"),
    CPU_USER_USEC(Source.CPU_STAT, "user_usec"),
    CPU_SYSTEM_USEC(Source.CPU_STAT, "system_usec"),
    /** Only where the cpu controller is on. */
    CPU_THROTTLED_USEC(Source.CPU_STAT, "throttled_usec"),
    CPU_PRESSURE_USEC(Source.CPU_PRESSURE, "some"),
    MEMORY_USAGE_BYTES(Source.MEMORY_CURRENT, ""),
    MEMORY_ANON_BYTES(Source.MEMORY_STAT, "anon"),
    MEMORY_FILE_BYTES(Source.MEMORY_STAT, "file"),
    MEMORY_SHMEM_BYTES(Source.MEMORY_STAT, "shmem"),
    MEMORY_SWAP_BYTES(Source.MEMORY_SWAP_CURRENT, ""),
    MEMORY_PEAK_BYTES(Source.MEMORY_PEAK, ""),
    MEMORY_LIMIT_BYTES(Source.MEMORY_MAX, ""),
    MEMORY_PRESSURE_USEC(Source.MEMORY_PRESSURE, "some"),
    MEMORY_STALL_USEC(Source.MEMORY_PRESSURE, "full"),
    OOM_EVENTS(Source.MEMORY_EVENTS, "oom"),
    OOM_KILLS(Source.MEMORY_EVENTS, "oom_kill"),
    PIDS(Source.PIDS_CURRENT, ""),
    IO_READ_BYTES(Source.IO_STAT, "rbytes"),
    IO_WRITE_BYTES(Source.IO_STAT, "wbytes"),
    IO_PRESSURE_USEC(Source.IO_PRESSURE, "some"),
    IO_STALL_USEC(Source.IO_PRESSURE, "full");

    final Source source;
    private final String key;
    private final org.jobwitness.wire.Figure inWire = org.jobwitness.wire.Figure.valueOf(name());

    Figure(Source source, String key) {
        this.source = source;
        this.key = key;
    }

    /** The figure of the catalogue. */
    org.jobwitness.wire.Figure inWire() {
        return inWire;
    }

    /** Its name in a batch. */
    String wireName() {
        return inWire.toString();
    }

    /** Whether it only grows while its cgroup is there. */
    boolean isCounter() {
        return switch (source.format) {
            case KEYED -> source != Source.MEMORY_STAT;
            case PRESSURE, DEVICES -> true;
            case SINGLE -> false;
        };
    }

    /** NONE if the text does not tell. */
    long in(KernelText text, Devices devices) {
        return switch (source.format) {
            case SINGLE -> text.single();
            case KEYED -> text.keyed(key);
            case PRESSURE -> text.total(key);
            case DEVICES -> text.sum(key, devices);
        };
    }
}
