package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * More of what a run used than is in {@link Job}: for all its nodes together, as far as their agents could read it. Memory is
 * the sum over the nodes; a maximum is the sum of each node's maximum.
 *
 * @param complete whether these are final and of the whole run: it has ended, and each node has sent its last reading, or has
 *     had the time to; false for good where a node could not read CPU time or the peak of memory to the end
 * @param cpuEfficiency CPU seconds as percent of CPUs times run time
 * @param cpuThrottledSeconds for which a CPU quota throttled it
 * @param cpuPressureSeconds in which at least one task waited for a CPU; the same for memory and I/O
 * @param memoryLimitMb memory.max, MiB
 * @param avgAnonMb, maxAnonMb anonymous memory, MiB
 * @param maxNeededMb the highest sample of what the kernel cannot reclaim: anonymous, shared (also files in /dev/shm) and
 *     swapped memory together, MiB
 * @param avgCacheMb, maxCacheMb page cache of its files, which the kernel reclaims when memory is short, MiB
 * @param memoryStallSeconds in which all tasks waited for memory; the same for I/O
 * @param oomEvents how often it reached its memory limit with nothing left to reclaim
 */
public record JobFigures(boolean complete, @Nullable Double cpuEfficiency, @Nullable Double cpuUserSeconds,
        @Nullable Double cpuSystemSeconds, @Nullable Double cpuThrottledSeconds, @Nullable Double cpuPressureSeconds,
        @Nullable Double avgMemoryMb, @Nullable Double memoryLimitMb, @Nullable Double avgAnonMb,
        @Nullable Double maxAnonMb, @Nullable Double maxNeededMb, @Nullable Double avgCacheMb,
        @Nullable Double maxCacheMb,
        @Nullable Double memoryPressureSeconds, @Nullable Double memoryStallSeconds, @Nullable Long oomEvents,
        @Nullable Double ioReadMb, @Nullable Double ioWriteMb, @Nullable Double ioPressureSeconds,
        @Nullable Double ioStallSeconds) {
}
