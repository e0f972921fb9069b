package org.jobwitness.agent.cgroup;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.agent.cgroup.JobCgroup.Identity;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * The figures of a job's cgroup at one moment.
 *
 * @param elapsed since the reading before; zero if it stands for no time
 * @param suspended how long of that the job was suspended; null if unknown
 * @param cpus NONE if the job has none to itself
 */
record CgroupReading(Instant at, Duration elapsed, @Nullable Duration suspended, Map<Figure, Long> values, long cpus,
        @Nullable Double cpusUsed, Map<String, String> absent) {

    /** @param batchIntervalMs interval of the batch, which the reading does not repeat; likewise its time */
    JobReading toWire(Identity job, String cgroupPath, List<OomKill> kills, Instant batchAt,
            @Nullable Integer batchIntervalMs, boolean last) {
        int ms = millis(elapsed);
        Integer intervalMs = ms == 0 || (batchIntervalMs != null && batchIntervalMs == ms) ? null : Integer.valueOf(ms);
        Instant timestamp = at.equals(batchAt) ? null : at;
        Integer suspendedMs = suspended == null ? null : Integer.valueOf(millis(suspended));
        Boolean isLast = last ? true : null;
        Integer cpuCount = cpus == KernelText.NONE ? null : Integer.valueOf((int) cpus);
        return new JobReading(job.jobId(), job.sluid(), job.startTime(), job.since(), job.uid(), job.user(), cgroupPath,
                timestamp, intervalMs, suspendedMs, isLast, cpuCount, cpusUsed, value(Figure.CPU_USAGE_USEC),
                value(Figure.CPU_USER_USEC), value(Figure.CPU_SYSTEM_USEC), value(Figure.CPU_THROTTLED_USEC),
                value(Figure.CPU_PRESSURE_USEC), value(Figure.MEMORY_USAGE_BYTES), value(Figure.MEMORY_ANON_BYTES),
                value(Figure.MEMORY_FILE_BYTES), value(Figure.MEMORY_SHMEM_BYTES), value(Figure.MEMORY_SWAP_BYTES),
                value(Figure.MEMORY_PEAK_BYTES), value(Figure.MEMORY_LIMIT_BYTES), value(Figure.MEMORY_PRESSURE_USEC),
                value(Figure.MEMORY_STALL_USEC), value(Figure.OOM_EVENTS), value(Figure.OOM_KILLS), value(Figure.PIDS),
                value(Figure.IO_READ_BYTES), value(Figure.IO_WRITE_BYTES), value(Figure.IO_PRESSURE_USEC),
                value(Figure.IO_STALL_USEC), kills, absent);
    }

    private static int millis(Duration time) {
        return Math.clamp(time.toMillis(), 0, 86_400_000);
    }

    private @Nullable Long value(Figure figure) {
        return values.get(figure);
    }
}
