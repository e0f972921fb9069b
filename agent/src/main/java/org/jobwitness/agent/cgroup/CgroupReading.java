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
        boolean isBatchInterval = batchIntervalMs != null && batchIntervalMs == ms;
        Instant timestamp = at.equals(batchAt) ? null : at;
        Integer intervalMs = ms == 0 || isBatchInterval ? null : Integer.valueOf(ms);
        JobReading.Builder reading = JobReading.builder(job.jobId()).run(job.sluid(), job.startTime(), job.since())
                .owner(job.uid(), job.user()).cgroupPath(cgroupPath).timestamp(timestamp)
                .last(last).cpusUsed(cpusUsed)
                .put(Figure.INTERVAL_MS, intervalMs)
                .put(Figure.SUSPENDED_MS, suspended == null ? null : millis(suspended))
                .put(Figure.CPUS, cpus == KernelText.NONE ? null : cpus).oomKillEvents(kills)
                .absent(absent);
        values.forEach(reading::put);
        return reading.build();
    }

    private static int millis(Duration time) {
        return Math.clamp(time.toMillis(), 0, 86_400_000);
    }
}
