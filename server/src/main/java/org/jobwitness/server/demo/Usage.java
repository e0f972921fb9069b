package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jspecify.annotations.Nullable;

/**
 * What a run used on one node.
 *
 * @param tick the first one that is not before {@code at}: with what is read then, this is sent
 * @param interval the time before {@code at} that it stands for
 * @param gpus the run's, on the node
 */
record Usage(Booking run, String node, Instant at, Instant tick, Duration interval, JobReading reading,
        List<GpuReading> gpus) {

    Usage {
        gpus = List.copyOf(gpus);
    }

    /** CPUs that were busy. */
    double busyCpus() {
        return reading.cpusUsed() == null ? 0 : reading.cpusUsed();
    }

    double cpuPercent() {
        return 100 * busyCpus() / run.recipe().cpus();
    }

    long memoryBytes() {
        return reading.memoryUsageBytes() == null ? 0 : reading.memoryUsageBytes();
    }

    /** GPUs that were busy. */
    double busyGpus() {
        double busy = 0;
        for (GpuReading gpu : gpus) {
            busy += percent(gpu.utilizationPercent()) / 100;
        }
        return busy;
    }

    private static double percent(@Nullable Double utilization) {
        return utilization == null ? 0 : utilization;
    }
}
