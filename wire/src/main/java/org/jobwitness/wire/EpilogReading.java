package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * The last reading of a job's cgroup on one node.
 *
 * @param cpuUsageUsec {@code usage_usec} of cpu.stat: CPU time used, microseconds
 * @param memoryPeakBytes memory.peak
 * @param oomKills {@code oom_kill} of memory.events
 */
public record EpilogReading(@Nullable Long cpuUsageUsec, @Nullable Long memoryPeakBytes, @Nullable Long oomKills) {

    public EpilogReading {
        cpuUsageUsec = Checks.size("reading.cpu_usage_usec", cpuUsageUsec);
        memoryPeakBytes = Checks.size("reading.memory_peak_bytes", memoryPeakBytes);
        oomKills = Checks.size("reading.oom_kills", oomKills);
    }
}
