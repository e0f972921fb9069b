package org.jobwitness.wire;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the cgroup v2 of one job on one node held. Counters count from the job's start on the node and never fall; an
 * agent that finds a counter lower than before (a new cgroup) continues from the old value. {@link Figure} has the figures,
 * in the same order and by the same names.
 *
 * @param sluid Slurm's own name of the run (25.11 on)
 * @param startTime Slurm's start of the run, from the node's prolog (SLURM_JOB_START_TIME)
 * @param since when the job's cgroup was made, by the node's clock: distinguishes the runs of a requeued job where
 *     {@code sluid} and {@code startTime} are not known
 * @param uid of the job's owner
 * @param user name of the job's owner
 * @param cgroupPath below the cgroup root
 * @param timestamp when it was read, if not with the batch
 * @param last whether this is the last reading of the job on this node; a later one (Slurm may make a job's cgroup anew
 *     for its next step) revokes that
 * @param cpusUsed CPUs that were busy on average, over the interval
 * @param intervalMs the time that the figures stand for, if not the batch's
 * @param memoryUsageBytes memory.current, including page cache
 * @param cpus CPUs that the job may use (cpuset.cpus.effective), as far as they are its own
 * @param cpuUsageUsec, cpuUserUsec, cpuSystemUsec, cpuThrottledUsec of cpu.stat, microseconds
 * @param cpuPressureUsec {@code some} of cpu.pressure: time in which a task waited for a CPU, microseconds
 * @param memoryAnonBytes, memoryFileBytes, memoryShmemBytes {@code anon}, {@code file} and {@code shmem} of memory.stat
 * @param memorySwapBytes memory.swap.current
 * @param memoryPeakBytes memory.peak
 * @param memoryLimitBytes memory.max; null where there is no limit
 * @param memoryPressureUsec, memoryStallUsec {@code some} and {@code full} of memory.pressure, microseconds
 * @param oomEvents {@code oom} of memory.events: how often the job hit its own limit
 * @param oomKills {@code oom_kill} of memory.events
 * @param pids pids.current
 * @param ioReadBytes, ioWriteBytes {@code rbytes} and {@code wbytes} of io.stat, of the devices that stand on no other
 * @param ioPressureUsec, ioStallUsec {@code some} and {@code full} of io.pressure, microseconds
 * @param suspendedMs the part of the interval in which Slurm is known to have had the job suspended: as the kernel counted it
 *     (cgroup.stat.local), else all of it if its tasks were frozen at its start and at its end, else 0
 * @param oomKillEvents OOM kills since the reading before, as far as their moment is known
 * @param absent why a figure is missing, by the figure's name
 */
public record JobReading(String jobId, @Nullable String sluid, @Nullable Instant startTime, @Nullable Instant since,
        @Nullable Long uid, @Nullable String user, @Nullable String cgroupPath, @Nullable Instant timestamp,
        @Nullable Boolean last, @Nullable Double cpusUsed, @Nullable Integer intervalMs,
        @Nullable Long memoryUsageBytes,
        @Nullable Integer cpus, @Nullable Long cpuUsageUsec, @Nullable Long cpuUserUsec, @Nullable Long cpuSystemUsec,
        @Nullable Long cpuThrottledUsec, @Nullable Long cpuPressureUsec, @Nullable Long memoryAnonBytes,
        @Nullable Long memoryFileBytes, @Nullable Long memoryShmemBytes, @Nullable Long memorySwapBytes,
        @Nullable Long memoryPeakBytes, @Nullable Long memoryLimitBytes, @Nullable Long memoryPressureUsec,
        @Nullable Long memoryStallUsec, @Nullable Long oomEvents, @Nullable Long oomKills, @Nullable Long pids,
        @Nullable Long ioReadBytes, @Nullable Long ioWriteBytes, @Nullable Long ioPressureUsec,
        @Nullable Long ioStallUsec, @Nullable Integer suspendedMs, List<OomKill> oomKillEvents,
        Map<String, String> absent) {
    /** How the cause of a value begins that was read, and that no reading may hold. */
    public static final String LEFT_OUT = "left out: ";
    /** The cause in a last reading of what only an earlier one had. */
    public static final String REMOVED = "the cgroup was removed before its last reading";
    private static final int MAX_USER_LENGTH = 256;
    private static final int MAX_PATH_LENGTH = 4096;
    private static final int MAX_CPUS = 1_000_000;

    public JobReading {
        jobId = JobId.of("job_id", jobId);
        sluid = Checks.sluid("sluid", sluid);
        startTime = Checks.time("start_time", startTime);
        since = Checks.time("since", since);
        uid = Checks.uid("uid", uid);
        user = Checks.text("user", user, MAX_USER_LENGTH);
        cgroupPath = Checks.text("cgroup_path", cgroupPath, MAX_PATH_LENGTH);
        timestamp = Checks.time("timestamp", timestamp);
        intervalMs = Checks.within("interval_ms", intervalMs, 1, Batch.MAX_INTERVAL_MS);
        suspendedMs = Checks.within("suspended_ms", suspendedMs, 0, Batch.MAX_INTERVAL_MS);
        cpus = Checks.within("cpus", cpus, 1, MAX_CPUS);
        cpusUsed = Checks.cpusUsed("cpus_used", cpusUsed);
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
        oomKillEvents = Checks.oomKills("oom_kill_events", oomKillEvents);
        absent = Checks.causes("absent", absent);
    }

    /** A reading of a job of which nothing is known yet. */
    public static Builder builder(String jobId) {
        return new Builder(jobId);
    }

    /** Collects what is known of one job. A value that no reading may hold is left out, with the cause. */
    public static final class Builder {
        private final String jobId;
        private final Map<Figure, Number> figures = new EnumMap<>(Figure.class);
        private @Nullable String sluid;
        private @Nullable Instant startTime;
        private @Nullable Instant since;
        private @Nullable Long uid;
        private @Nullable String user;
        private @Nullable String cgroupPath;
        private @Nullable Instant timestamp;
        private @Nullable Boolean last;
        private @Nullable Double cpusUsed;
        private List<OomKill> oomKillEvents = List.of();
        private Map<String, String> absent = Map.of();

        private Builder(String jobId) {
            this.jobId = jobId;
        }

        /** What tells this run from others of the same job id. */
        public Builder run(@Nullable String withSluid, @Nullable Instant withStartTime, @Nullable Instant withSince) {
            sluid = withSluid;
            startTime = withStartTime;
            since = withSince;
            return this;
        }

        public Builder owner(@Nullable Long withUid, @Nullable String withUser) {
            uid = withUid;
            user = withUser;
            return this;
        }

        public Builder cgroupPath(@Nullable String path) {
            cgroupPath = path;
            return this;
        }

        public Builder timestamp(@Nullable Instant at) {
            timestamp = at;
            return this;
        }

        public Builder last(boolean isLast) {
            last = isLast ? true : null;
            return this;
        }

        public Builder cpusUsed(@Nullable Double busy) {
            cpusUsed = busy;
            return this;
        }

        /** A figure of a job; null if it was not read. */
        public Builder put(Figure figure, @Nullable Number value) {
            if (value != null) {
                figures.put(figure, value);
            }
            return this;
        }

        public Builder oomKillEvents(List<OomKill> kills) {
            oomKillEvents = kills;
            return this;
        }

        public Builder absent(Map<String, String> causes) {
            absent = causes;
            return this;
        }

        public JobReading build() {
            LeftOut out = new LeftOut();
            List<OomKill> kills = Objects.requireNonNullElse(
                    out.orNull("oom_kill_events", oomKillEvents, Checks::oomKills), List.of());
            return new JobReading(jobId, out.orNull("sluid", sluid, Checks::sluid),
                    out.orNull("start_time", startTime, Checks::time), out.orNull("since", since, Checks::time),
                    uid,
                    out.orNull("user", user, (field, name) -> Checks.text(field, name, MAX_USER_LENGTH)),
                    out.orNull("cgroup_path", cgroupPath, (field, path) -> Checks.text(field, path, MAX_PATH_LENGTH)),
                    out.orNull("timestamp", timestamp, Checks::time), last,
                    out.orNull("cpus_used", cpusUsed, Checks::cpusUsed),
                    small(Figure.INTERVAL_MS, 1, Batch.MAX_INTERVAL_MS, out), whole(Figure.MEMORY_USAGE_BYTES, out),
                    small(Figure.CPUS, 1, MAX_CPUS, out), whole(Figure.CPU_USAGE_USEC, out),
                    whole(Figure.CPU_USER_USEC, out), whole(Figure.CPU_SYSTEM_USEC, out),
                    whole(Figure.CPU_THROTTLED_USEC, out), whole(Figure.CPU_PRESSURE_USEC, out),
                    whole(Figure.MEMORY_ANON_BYTES, out), whole(Figure.MEMORY_FILE_BYTES, out),
                    whole(Figure.MEMORY_SHMEM_BYTES, out), whole(Figure.MEMORY_SWAP_BYTES, out),
                    whole(Figure.MEMORY_PEAK_BYTES, out), whole(Figure.MEMORY_LIMIT_BYTES, out),
                    whole(Figure.MEMORY_PRESSURE_USEC, out), whole(Figure.MEMORY_STALL_USEC, out),
                    whole(Figure.OOM_EVENTS, out), whole(Figure.OOM_KILLS, out), whole(Figure.PIDS, out),
                    whole(Figure.IO_READ_BYTES, out), whole(Figure.IO_WRITE_BYTES, out),
                    whole(Figure.IO_PRESSURE_USEC, out), whole(Figure.IO_STALL_USEC, out),
                    small(Figure.SUSPENDED_MS, 0, Batch.MAX_INTERVAL_MS, out), kills, out.and(absent));
        }

        private @Nullable Long whole(Figure figure, LeftOut out) {
            Number value = figures.get(figure);
            return value == null ? null : out.orNull(figure.toString(), value.longValue(), Checks::size);
        }

        private @Nullable Integer small(Figure figure, long min, long max, LeftOut out) {
            Number value = figures.get(figure);
            Long within = value == null
                    ? null
                    : out.orNull(figure.toString(), value.longValue(),
                            (field, number) -> Checks.within(field, number, min, max));
            return within == null ? null : Integer.valueOf(within.intValue());
        }
    }
}
