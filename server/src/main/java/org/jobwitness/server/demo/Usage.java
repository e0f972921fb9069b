package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jspecify.annotations.Nullable;

/**
 * What a run used on one node.
 *
 * @param interval the time before {@code at} that it stands for
 * @param gpuPercent of the run's GPUs on the node; null if it has none
 */
record Usage(Booking run, String node, Instant at, Duration interval, double cpuPercent, long memoryBytes,
        @Nullable Double gpuPercent, List<GpuReading> gpus) {

    Usage {
        gpus = List.copyOf(gpus);
    }

    JobReading reading() {
        return new JobReading(run.id(), null, run.start(), run.start(), run.user().uid(), run.user().name(), null, null,
                (int) interval.toMillis(), null, run.recipe().cpus(), busyCpus(), null, null, null, null, null,
                memoryBytes, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
                Map.of());
    }

    /** CPUs that were busy. */
    double busyCpus() {
        return cpuPercent / 100 * run.recipe().cpus();
    }

    /** GPUs that were busy. */
    double busyGpus() {
        return gpuPercent == null ? 0 : gpuPercent / 100 * gpus.size();
    }
}
