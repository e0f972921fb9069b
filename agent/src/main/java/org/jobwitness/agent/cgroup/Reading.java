package org.jobwitness.agent.cgroup;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.agent.cgroup.JobCgroup.Identity;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * What the cgroup of a job held at one moment.
 *
 * @param elapsed since the reading before; zero if it stands for no time
 * @param suspended how long of that it is known to have been suspended; null if nobody could tell
 * @param cpus NONE if they are not its own
 */
record Reading(Instant at, Duration elapsed, @Nullable Duration suspended, Map<Figure, Long> values, long cpus,
        @Nullable Double cpusUsed, Map<String, String> absent) {

    /** @param batchIntervalMs what need not be said once more; likewise its time */
    JobReading toWire(Identity job, String cgroupPath, List<OomKill> kills, Instant batchAt,
            @Nullable Integer batchIntervalMs, boolean last) {
        int ms = millis(elapsed);
        boolean isBatchInterval = batchIntervalMs != null && batchIntervalMs == ms;
        JobReading.Builder reading = JobReading.builder(job.jobId()).run(job.sluid(), job.startTime(), job.since())
                .owner(job.uid(), job.user()).cgroupPath(cgroupPath).timestamp(at.equals(batchAt) ? null : at)
                .last(last).cpusUsed(cpusUsed)
                .put(org.jobwitness.wire.Figure.INTERVAL_MS, ms == 0 || isBatchInterval ? null : ms)
                .put(org.jobwitness.wire.Figure.SUSPENDED_MS, suspended == null ? null : millis(suspended))
                .put(org.jobwitness.wire.Figure.CPUS, cpus == KernelText.NONE ? null : cpus).oomKillEvents(kills)
                .absent(absent);
        values.forEach((figure, value) -> reading.put(figure.inWire(), value));
        return reading.build();
    }

    private static int millis(Duration time) {
        return Math.clamp(time.toMillis(), 0, 86_400_000);
    }
}
