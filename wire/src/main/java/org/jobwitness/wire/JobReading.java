package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the cgroup v2 of one job on one node held. Counters count from the job's beginning on the node and never fall; an
 * agent that finds one fallen (a cgroup made anew) goes on from what it was.
 *
 * @param sluid Slurm's own name of the run (25.11 on)
 * @param startTime Slurm's start of the run, as the node's prolog said (SLURM_JOB_START_TIME)
 * @param since when the job's cgroup was made, by the node's clock: tells the runs of a requeued job apart where
 *     {@code sluid} and {@code startTime} are not known
 * @param uid who owns it
 * @param user the name of who owns it
 * @param cgroupPath below the cgroup root
 * @param timestamp when it was read, if not with the batch
 * @param intervalMs the time that the figures stand for, if not the batch's
 * @param suspendedMs the part of that time in which Slurm is known to have had the job suspended: all of it if its tasks were
 *     frozen when it began and when it ended, and else 0
 * @param last whether this is the last reading of the job on this node; a later one, as where Slurm makes a job's cgroup anew
 *     for its next step, takes that back
 * @param cpus CPUs that the job may use (cpuset.cpus.effective), as far as they are its own
 * @param cpusUsed CPUs that were busy on average, over the interval
 * @param cpuUsageUsec, cpuUserUsec, cpuSystemUsec, cpuThrottledUsec of cpu.stat, microseconds
 * @param cpuPressureUsec {@code some} of cpu.pressure: time in which a task waited for a CPU, microseconds
 * @param memoryUsageBytes memory.current, page cache among it
 * @param memoryAnonBytes, memoryFileBytes, memoryShmemBytes {@code anon}, {@code file} and {@code shmem} of memory.stat
 * @param memorySwapBytes memory.swap.current
 * @param memoryPeakBytes memory.peak
 * @param memoryLimitBytes memory.max; left out where there is no limit
 * @param memoryPressureUsec, memoryStallUsec {@code some} and {@code full} of memory.pressure, microseconds
 * @param oomEvents {@code oom} of memory.events: how often the job met its own limit
 * @param oomKills {@code oom_kill} of memory.events
 * @param pids pids.current
 * @param ioReadBytes, ioWriteBytes {@code rbytes} and {@code wbytes} of io.stat, of the devices that stand on no other
 * @param ioPressureUsec, ioStallUsec {@code some} and {@code full} of io.pressure, microseconds
 * @param oomKillEvents OOM kills that were seen since the reading before, as far as their moment was seen
 * @param absent why a figure is not there, by the figure's name
 */
public record JobReading(String jobId, @Nullable String sluid, @Nullable Instant startTime, @Nullable Instant since,
        @Nullable Integer uid, @Nullable String user, @Nullable String cgroupPath, @Nullable Instant timestamp,
        @Nullable Integer intervalMs, @Nullable Integer suspendedMs, @Nullable Boolean last, @Nullable Integer cpus,
        @Nullable Double cpusUsed,
        @Nullable Long cpuUsageUsec, @Nullable Long cpuUserUsec, @Nullable Long cpuSystemUsec,
        @Nullable Long cpuThrottledUsec, @Nullable Long cpuPressureUsec, @Nullable Long memoryUsageBytes,
        @Nullable Long memoryAnonBytes, @Nullable Long memoryFileBytes, @Nullable Long memoryShmemBytes,
        @Nullable Long memorySwapBytes, @Nullable Long memoryPeakBytes, @Nullable Long memoryLimitBytes,
        @Nullable Long memoryPressureUsec, @Nullable Long memoryStallUsec, @Nullable Long oomEvents,
        @Nullable Long oomKills, @Nullable Long pids, @Nullable Long ioReadBytes, @Nullable Long ioWriteBytes,
        @Nullable Long ioPressureUsec, @Nullable Long ioStallUsec, List<OomKill> oomKillEvents,
        Map<String, String> absent) {

    public JobReading {
        jobId = JobId.of("job_id", jobId);
        sluid = Checks.sluid("sluid", sluid);
        startTime = Checks.time("start_time", startTime);
        since = Checks.time("since", since);
        uid = Checks.within("uid", uid, 0, Integer.MAX_VALUE);
        user = Checks.text("user", user, 256);
        cgroupPath = Checks.text("cgroup_path", cgroupPath, 4096);
        timestamp = Checks.time("timestamp", timestamp);
        intervalMs = Checks.within("interval_ms", intervalMs, 1, Batch.MAX_INTERVAL_MS);
        suspendedMs = Checks.within("suspended_ms", suspendedMs, 0, Batch.MAX_INTERVAL_MS);
        cpus = Checks.within("cpus", cpus, 1, 1_000_000);
        cpusUsed = Checks.within("cpus_used", cpusUsed, 0.0, 1e6);
        cpuUsageUsec = Checks.size("cpu_usage_usec", cpuUsageUsec);
        cpuUserUsec = Checks.size("cpu_user_usec", cpuUserUsec);
        cpuSystemUsec = Checks.size("cpu_system_usec", cpuSystemUsec);
        cpuThrottledUsec = Checks.size("cpu_throttled_usec", cpuThrottledUsec);
        cpuPressureUsec = Checks.size("cpu_pressure_usec", cpuPressureUsec);
        memoryUsageBytes = Checks.size("memory_usage_bytes", memoryUsageBytes);
        memoryAnonBytes = Checks.size("memory_anon_bytes", memoryAnonBytes);
        memoryFileBytes = Checks.size("memory_file_bytes", memoryFileBytes);
        memoryShmemBytes = Checks.size("memory_shmem_bytes", memoryShmemBytes);
        memorySwapBytes = Checks.size("memory_swap_bytes", memorySwapBytes);
        memoryPeakBytes = Checks.size("memory_peak_bytes", memoryPeakBytes);
        memoryLimitBytes = Checks.size("memory_limit_bytes", memoryLimitBytes);
        memoryPressureUsec = Checks.size("memory_pressure_usec", memoryPressureUsec);
        memoryStallUsec = Checks.size("memory_stall_usec", memoryStallUsec);
        oomEvents = Checks.size("oom_events", oomEvents);
        oomKills = Checks.size("oom_kills", oomKills);
        pids = Checks.size("pids", pids);
        ioReadBytes = Checks.size("io_read_bytes", ioReadBytes);
        ioWriteBytes = Checks.size("io_write_bytes", ioWriteBytes);
        ioPressureUsec = Checks.size("io_pressure_usec", ioPressureUsec);
        ioStallUsec = Checks.size("io_stall_usec", ioStallUsec);
        oomKillEvents = Checks.list("oom_kill_events", oomKillEvents, 64);
        absent = Checks.causes("absent", absent);
    }
}
