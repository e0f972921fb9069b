package org.jobwitness.agent.cgroup;

/**
 * The files of a job's cgroup that are read, and why one may not be there. Slurm enables the controllers cpuset, cpu and
 * memory for jobs, and others only where it is told to (EnableExtraControllers, 25.05).
 */
enum CgroupFile {
    CPU_STAT("cpu.stat", Format.KEYED, "the kernel does not tell"),
    CPU_PRESSURE("cpu.pressure", Format.PRESSURE, CgroupFile.NO_PSI),
    MEMORY_CURRENT("memory.current", Format.SINGLE, CgroupFile.NO_MEMORY),
    MEMORY_STAT("memory.stat", Format.KEYED, CgroupFile.NO_MEMORY),
    MEMORY_SWAP_CURRENT("memory.swap.current", Format.SINGLE, "the kernel does not count swap"),
    MEMORY_PEAK("memory.peak", Format.SINGLE, "the kernel is older than 5.19"),
    MEMORY_MAX("memory.max", Format.SINGLE, CgroupFile.NO_MEMORY),
    MEMORY_PRESSURE("memory.pressure", Format.PRESSURE, CgroupFile.NO_PSI),
    MEMORY_EVENTS("memory.events", Format.KEYED, CgroupFile.NO_MEMORY),
    PIDS_CURRENT("pids.current", Format.SINGLE, "the pids controller is not enabled for jobs"),
    IO_STAT("io.stat", Format.DEVICES, "the io controller is not enabled for jobs"),
    IO_PRESSURE("io.pressure", Format.PRESSURE, CgroupFile.NO_PSI);

    /** How a file is written. */
    enum Format {
        /** One number. */
        SINGLE,
        /** A line for each key, with its number. */
        KEYED,
        /** Lines {@code some} and {@code full}, each with a total. */
        PRESSURE,
        /** A line for each block device. */
        DEVICES
    }

    private static final String NO_PSI = "the kernel does not account pressure (boot it with psi=1)";
    private static final String NO_MEMORY = "the memory controller is not enabled for jobs";

    final String file;
    final Format format;
    final String causeIfMissing;

    CgroupFile(String file, Format format, String causeIfMissing) {
        this.file = file;
        this.format = format;
        this.causeIfMissing = causeIfMissing;
    }
}
