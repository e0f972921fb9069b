package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jobwitness.server.sample.Sample;
import org.jspecify.annotations.Nullable;

/**
 * What a run used on one node: a sample that does not know the database's key of the run.
 *
 * @param interval the time before {@code at} that it stands for
 * @param gpuPercent of the run's GPUs on the node; null if it has none
 */
record Usage(Booking run, String node, Instant at, Duration interval, double cpuPercent, long memoryBytes,
        @Nullable Double gpuPercent, List<Sample.Gpu> gpus) {

    Usage {
        gpus = List.copyOf(gpus);
    }

    Sample of(long runKey) {
        return new Sample(runKey, node, at, interval, cpuPercent, memoryBytes, gpuPercent, gpus);
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
