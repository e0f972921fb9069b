package org.jobwitness.agent.cgroup;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.Set;
import org.jobwitness.wire.Figure;

/**
 * The files of a job's cgroup that are read, the figures in each, and why a file may be missing. Slurm enables the controllers
 * cpuset, cpu and memory for jobs, and others only if configured to (EnableExtraControllers, 25.05).
 *
 * <p>They are read in this order. A cgroup that is removed meanwhile loses the files of its controllers before cpu.stat, so the
 * peak of memory and the kills, which no earlier reading has, come first (seen with Slurm 26.05 on Linux 7.2).
 */
enum CgroupFile {
    MEMORY_PEAK("memory.peak", Format.SINGLE, "the kernel is older than 5.19", Map.of(Figure.MEMORY_PEAK_BYTES, "")),
    MEMORY_EVENTS("memory.events",
            Format.KEYED,
            CgroupFile.NO_MEMORY,
            Map.of(Figure.OOM_EVENTS, "oom", Figure.OOM_KILLS, "oom_kill")),
    CPU_STAT("cpu.stat",
            Format.KEYED,
            "the kernel does not provide it",
            Map.of(Figure.CPU_USAGE_USEC, "usage_usec", Figure.CPU_USER_USEC, "user_usec", Figure.CPU_SYSTEM_USEC,
                    "system_usec", Figure.CPU_THROTTLED_USEC, "throttled_usec")),
    CPU_PRESSURE("cpu.pressure", Format.PRESSURE, CgroupFile.NO_PSI, Map.of(Figure.CPU_PRESSURE_USEC, "some")),
    MEMORY_CURRENT("memory.current", Format.SINGLE, CgroupFile.NO_MEMORY, Map.of(Figure.MEMORY_USAGE_BYTES, "")),
    MEMORY_STAT("memory.stat",
            Format.KEYED,
            CgroupFile.NO_MEMORY,
            Map.of(Figure.MEMORY_ANON_BYTES, "anon", Figure.MEMORY_FILE_BYTES, "file", Figure.MEMORY_SHMEM_BYTES,
                    "shmem")),
    MEMORY_SWAP_CURRENT("memory.swap.current",
            Format.SINGLE,
            "the kernel does not count swap",
            Map.of(Figure.MEMORY_SWAP_BYTES, "")),
    MEMORY_MAX("memory.max", Format.SINGLE, CgroupFile.NO_MEMORY, Map.of(Figure.MEMORY_LIMIT_BYTES, "")),
    MEMORY_PRESSURE("memory.pressure",
            Format.PRESSURE,
            CgroupFile.NO_PSI,
            Map.of(Figure.MEMORY_PRESSURE_USEC, "some", Figure.MEMORY_STALL_USEC, "full")),
    PIDS_CURRENT("pids.current",
            Format.SINGLE,
            "the pids controller is not enabled for jobs",
            Map.of(Figure.PIDS, "")),
    IO_STAT("io.stat",
            Format.DEVICES,
            "the io controller is not enabled for jobs",
            Map.of(Figure.IO_READ_BYTES, "rbytes", Figure.IO_WRITE_BYTES, "wbytes")),
    IO_PRESSURE("io.pressure",
            Format.PRESSURE,
            CgroupFile.NO_PSI,
            Map.of(Figure.IO_PRESSURE_USEC, "some", Figure.IO_STALL_USEC, "full"));

    /** How a file is written. */
    private enum Format {
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

    final String fileName;
    final String causeIfMissing;
    private final Format format;
    @SuppressWarnings("ImmutableEnumChecker") // a copy, which never changes
    private final Map<Figure, String> keys;

    CgroupFile(String fileName, Format format, String causeIfMissing, Map<Figure, String> keys) {
        this.fileName = fileName;
        this.format = format;
        this.causeIfMissing = causeIfMissing;
        this.keys = new EnumMap<>(keys);
    }

    /** The file of each figure that a cgroup has. */
    static Map<Figure, CgroupFile> byFigure() {
        Map<Figure, CgroupFile> files = new EnumMap<>(Figure.class);
        Arrays.stream(values()).forEach(file -> file.keys.keySet().forEach(figure -> files.put(figure, file)));
        return files;
    }

    Set<Figure> figures() {
        return keys.keySet();
    }

    /** Adds the figures that the text of this file has; to {@code odd} those whose value is none that a figure can have. */
    void addFigures(KernelText text, BlockDevices devices, Map<Figure, Long> values, Set<Figure> odd) {
        keys.forEach((figure, key) -> {
            long value = switch (format) {
                case SINGLE -> text.single();
                case KEYED -> text.keyed(key);
                case PRESSURE -> text.total(key);
                case DEVICES -> text.sum(key, devices);
            };
            if (value != KernelText.NONE) {
                values.put(figure, value);
            } else if (text.wasOdd()) {
                odd.add(figure);
            }
        });
    }
}
