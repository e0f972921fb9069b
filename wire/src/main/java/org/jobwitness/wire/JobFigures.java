package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * What a run used beside what stands in {@link Job}: of all its nodes together, as far as their agents could read it. Memory of a
 * job is the sum over its nodes; a maximum is the sum of each node's own.
 *
 * @param complete whether no more will come: it has ended, and each node has sent its last reading or has had the time to
 * @param cpuEfficiency percent of the CPU time that the run had: CPU seconds by CPUs and run time
 * @param cpuThrottledSeconds for which a CPU quota held it up
 * @param cpuPressureSeconds in which some task waited for a CPU; so memory and I/O
 * @param memoryLimitMb memory.max, MiB
 * @param avgAnonMb, maxAnonMb memory that it asked for itself, MiB
 * @param avgCacheMb, maxCacheMb page cache that it caused, which the kernel gives back when memory is short, MiB
 * @param memoryStallSeconds in which all tasks waited for memory; so I/O
 * @param oomEvents how often it met its memory limit with nothing left to give back
 */
public record JobFigures(boolean complete, @Nullable Double cpuEfficiency, @Nullable Double cpuUserSeconds,
        @Nullable Double cpuSystemSeconds, @Nullable Double cpuThrottledSeconds, @Nullable Double cpuPressureSeconds,
        @Nullable Double avgMemoryMb, @Nullable Double memoryLimitMb, @Nullable Double avgAnonMb,
        @Nullable Double maxAnonMb, @Nullable Double avgCacheMb, @Nullable Double maxCacheMb,
        @Nullable Double memoryPressureSeconds, @Nullable Double memoryStallSeconds, @Nullable Long oomEvents,
        @Nullable Double ioReadMb, @Nullable Double ioWriteMb, @Nullable Double ioPressureSeconds,
        @Nullable Double ioStallSeconds) {
}
